"""The attack on Deep k-nearest neighbours: where its best is known, and on neighbours that are counted."""

import math
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from layeraudit.attacks._adaptive import (
    Layer,
    choose_guides,
    lead_to_class_after_class,
    lead_to_neighbours,
    project,
    usual_radius,
)
from layeraudit.attacks._conditions import ROUNDING
from layeraudit.errors import InputError

EPSILON = 0.1

quick = partial(
    lead_to_neighbours,
    metric="l2",
    norm="linf",
    epsilon=EPSILON,
    steepness=4.0,
    steps=60,
    first_step=0.02,
    batch_size=3,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def make_identity() -> tuple[nn.Module, Tensor, dict[str, Layer]]:
    """Make a network whose layer shows the pixels, images far from the box, and training rows."""
    generator = torch.Generator().manual_seed(0)
    x = 0.4 + 0.2 * torch.rand(5, 1, 2, 2, generator=generator)
    rows = torch.rand(8, 4, generator=generator)
    return nn.Sequential(nn.Flatten()), x, {"0": Layer(rows.numpy(), 0.5)}


def make_guides(n: int, *, weight: float) -> tuple[Tensor, Tensor]:
    return torch.arange(n)[:, None], torch.full((n, 1), weight)


def test_the_best_way_to_one_guide_is_the_point_of_the_cube_that_is_nearest_to_it() -> None:
    network, x, layers = make_identity()
    attacked = quick(network, x, *make_guides(5, weight=1.0), layers)
    toward = torch.from_numpy(layers["0"].rows[:5]).reshape(x.shape) - x
    torch.testing.assert_close(attacked, x + toward.clamp(-EPSILON, EPSILON), rtol=0, atol=0.01)


@pytest.mark.parametrize("weight", [1.0, -1.0])
def test_the_best_way_in_a_round_ball_is_straight_to_the_guide_or_from_it(weight: float) -> None:
    network, x, layers = make_identity()
    attacked = quick(network, x, *make_guides(5, weight=weight), layers, norm="l2", steps=300)
    guides = torch.from_numpy(layers["0"].rows[:5]).reshape(x.shape)
    before, after = ((images - guides).flatten(start_dim=1).norm(dim=1) for images in (x, attacked))
    # No point of the ball is nearer than that, nor farther.
    torch.testing.assert_close(after, before - weight * EPSILON, rtol=0, atol=0.002)


def test_by_cosine_the_length_of_a_row_does_not_count() -> None:
    network, x, layers = make_identity()
    longer = {"0": Layer(layers["0"].rows * np.float32(3), 0.5)}
    guides = make_guides(5, weight=1.0)
    plain, scaled = (quick(network, x, *guides, of, metric="cosine") for of in (layers, longer))
    torch.testing.assert_close(plain, scaled, rtol=0, atol=1e-3)
    assert (quick(network, x, *guides, longer) - plain).abs().max() > 0.05


def make_layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(0.5), nn.Linear(216, 3)
    )


def make_small() -> tuple[nn.Module, Tensor, Tensor, Tensor, Tensor, dict[str, Layer]]:
    """Make a network, images and training rows that it gives three classes, and what it shows of the rows."""
    torch.manual_seed(0)
    network = make_layers().eval()
    generator = torch.Generator().manual_seed(1)
    images = (1.4 * torch.rand(90, 1, 8, 8, generator=generator) - 0.2).clamp(0, 1)
    with torch.no_grad():
        relu = network[:3](images)
        logits = network[3:](relu)
    labels = images.mean(dim=(1, 2, 3)).argsort().argsort() % 3  # as many of each
    labels = (logits - logits.mean(dim=0)).argmax(dim=1)
    train, x = slice(7, None), slice(0, 7)
    layers = {"1": Layer(relu[train].numpy(), 4.0), "4": Layer(logits[train].numpy(), 0.3)}
    return network, images[x], labels[x], images[train], labels[train], layers


def choose_nearest(
    x: Tensor, y: Tensor, rows: Tensor, labels: Tensor, *, toward: int, away: int
) -> tuple[Tensor, Tensor]:
    """Choose the guides of the nearest other class, as the pixels show it."""
    guides, weights = choose_guides(
        x.flatten(1), y, rows.flatten(1), labels, classes=1, toward=toward, away=away
    )
    return guides[:, 0], weights


def count_own(network: nn.Module, x: Tensor, y: Tensor, labels: Tensor, layers: dict[str, Layer]) -> Tensor:
    """Count, of each image, the neighbours of its own class over the layers, by measuring all distances."""
    with torch.no_grad():
        shown = {"1": network.eval()[:3](x), "4": network.eval()(x)}
    k, count = 9, torch.zeros(len(x), dtype=torch.int64)
    for name, layer in layers.items():
        nearest = torch.cdist(shown[name], torch.from_numpy(layer.rows)).topk(k, largest=False).indices
        count += (labels[nearest] == y[:, None]).sum(dim=1)
    return count


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.2), ("l2", 1.5)])
def test_the_neighbours_of_an_images_own_class_become_fewer(norm: str, epsilon: float) -> None:
    network, x, y, rows, labels, layers = make_small()
    guides = choose_nearest(x, y, rows, labels, toward=9, away=9)
    attacked = quick(network, x, *guides, layers, norm=norm, epsilon=epsilon)
    before, after = (count_own(network, images, y, labels, layers) for images in (x, attacked))
    assert (after <= before).all()
    assert after.sum() < 0.5 * before.sum()


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.05), ("linf", 1.0), ("l2", 0.5), ("l2", 9.0)])
def test_attacks_stay_in_ball_and_box(norm: str, epsilon: float) -> None:
    network, x, y, rows, labels, layers = make_small()
    guides = choose_nearest(x, y, rows, labels, toward=5, away=0)
    attacked = quick(network, x, *guides, layers, norm=norm, epsilon=epsilon, first_step=0.1)
    change = (attacked.double() - x.double()).flatten(start_dim=1)
    order = math.inf if norm == "linf" else 2
    assert change.norm(p=order, dim=1).max() <= epsilon + 10 * ROUNDING
    assert 0 <= attacked.min() <= attacked.max() <= 1
    assert attacked.dtype == torch.float32


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_what_becomes_of_an_image_does_not_depend_on_its_batch(batch_size: int) -> None:
    network, x, y, rows, labels, layers = make_small()
    guides = choose_nearest(x, y, rows, labels, toward=5, away=5)
    whole = quick(network, x, *guides, layers, steps=5, batch_size=7)
    parts = quick(network, x, *guides, layers, steps=5, batch_size=batch_size)
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-4)


def test_the_network_works_in_evaluation_mode_and_comes_back_as_it_was() -> None:
    network, x, y, rows, labels, layers = make_small()
    guides = choose_nearest(x, y, rows, labels, toward=5, away=5)
    kept, expected = x.clone(), quick(network, x, *guides, layers, steps=5)
    network.train()
    assert torch.equal(quick(network, x, *guides, layers, steps=5), expected)
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    assert torch.equal(x, kept)


ROWS = torch.tensor([[0.0], [1.0], [2.0], [4.0], [5.0], [6.0], [-3.0], [-4.0], [-5.0]])
LABELS = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])


def test_guides_are_the_nearest_of_the_nearest_other_classes_and_of_the_images_own() -> None:
    x, y = torch.tensor([[1.8], [-0.5], [4.2]]), torch.tensor([0, 0, 1])
    guides, weights = choose_guides(x, y, ROWS, LABELS, classes=2, toward=2, away=2)
    assert guides.tolist() == [
        [[3, 4, 2, 1], [6, 7, 2, 1]],
        [[6, 7, 0, 1], [3, 4, 0, 1]],
        [[2, 1, 3, 4], [6, 7, 3, 4]],
    ]
    assert weights.tolist() == [[1, 1, -1, -1]] * 3
    nearest, _ = choose_guides(x, y, ROWS, LABELS, classes=1, toward=1, away=0)
    assert nearest.tolist() == [[[3]], [[6]], [[2]]]


@given(
    numbers=st.lists(st.integers(-50, 50), min_size=20, max_size=20, unique=True),
    own=st.integers(0, 4),
    classes=st.integers(1, 4),
    toward=st.integers(1, 4),
    away=st.integers(0, 4),
)
def test_guides_are_those_that_measuring_all_distances_gives(
    numbers: list[int], own: int, classes: int, toward: int, away: int
) -> None:
    rows, labels = torch.tensor(numbers, dtype=torch.float32)[:, None], torch.arange(20) % 5
    x, y = torch.tensor([[0.5]]), torch.tensor([own])
    guides, _ = choose_guides(x, y, rows, labels, classes=classes, toward=toward, away=away)
    assert guides.shape == (1, classes, toward + away)

    def nearest(label: int, n: int) -> list[float]:
        return sorted(abs(number - 0.5) for number in numbers[label::5])[:n]

    led_to = [set(labels[of_class[:toward]].tolist()) for of_class in guides[0]]
    assert all(len(of_class) == 1 for of_class in led_to)
    chosen = [label for of_class in led_to for label in of_class]
    assert len({own, *chosen}) == 1 + classes
    # Two classes, or two rows, may be as near; the numbers are halves, so that sums of them are exact.
    ranks = sorted(sum(nearest(label, toward)) for label in range(5) if label != own)
    assert [sum(nearest(label, toward)) for label in chosen] == ranks[:classes]
    for label, of_class in zip(chosen, guides[0].tolist(), strict=True):
        expected = nearest(label, toward) + nearest(own, away)
        assert [abs(numbers[row] - 0.5) for row in of_class] == expected
        assert all(row % 5 == own for row in of_class[toward:])


LINE = torch.tensor([[0.5], [0.7], [0.2]])
"""A row of each of three classes; an image above 0.6 is nearest to that of class 1, below 0.35 of class 2."""


def judge_on_line(images: Tensor) -> Tensor:
    return torch.cdist(images.flatten(1), LINE).argmin(dim=1)


@pytest.mark.parametrize(
    ("classes", "reached", "expected_tries"),
    [
        (1, [0.68, 0.57, 0.62, 0.52], [1, 1, 1, 1]),
        # Class 1 is out of reach of the second and the fourth. The fourth gets to class 2; the second, for
        # which none is enough, keeps what was made for class 1.
        (2, [0.68, 0.57, 0.62, 0.32], [1, 2, 1, 2]),
    ],
)
def test_images_are_led_to_the_next_class_where_the_nearest_is_out_of_reach(
    classes: int, reached: list[float], expected_tries: list[int]
) -> None:
    x = torch.tensor([0.58, 0.47, 0.52, 0.42]).reshape(4, 1, 1, 1)
    layers = {"0": Layer(LINE.numpy(), 0.5)}
    lead = partial(quick, nn.Sequential(nn.Flatten()), layers=layers)
    guides = torch.tensor([1, 2])[:classes, None].expand(4, -1, -1)
    attacked, tried = lead_to_class_after_class(
        lead, judge_on_line, x, torch.zeros(4, dtype=torch.int64), guides, torch.ones(4, 1)
    )
    assert attacked.flatten().tolist() == pytest.approx(reached, abs=0.006)
    assert tried.tolist() == expected_tries


def test_an_image_is_led_no_further_once_the_defence_errs() -> None:
    led: list[list[float]] = []

    def lead(x: Tensor, guides: Tensor, weights: Tensor) -> Tensor:
        led.append(x.flatten().tolist())
        return (guides * weights).reshape(x.shape)  # so that it shows what was made last, and of which weight

    def judge_by_the_unit(images: Tensor) -> Tensor:
        return images.flatten().long() % 10

    x = torch.arange(4.0).reshape(4, 1, 1, 1)
    y = torch.tensor([5, 5, 5, 7])
    guides = torch.tensor([[1, 12, 13], [5, 22, 35], [15, 25, 32], [7, 17, 27]])[:, :, None]
    weights = torch.tensor([1.0, 1.0, 1.0, 11.0])[:, None]
    attacked, tried = lead_to_class_after_class(lead, judge_by_the_unit, x, y, guides, weights)
    assert led == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]
    assert attacked.flatten().tolist() == [1, 22, 32, 77]  # the last was led in vain
    assert tried.tolist() == [1, 2, 3, 3]
    assert x.flatten().tolist() == [0, 1, 2, 3]


def test_where_all_are_lost_none_is_led_again() -> None:
    led: list[int] = []

    def lead(x: Tensor, _guides: Tensor, _weights: Tensor) -> Tensor:
        led.append(len(x))
        return x

    def judge_wrongly(images: Tensor) -> Tensor:
        return torch.ones(len(images), dtype=torch.int64)

    options = (torch.zeros(3, 1, 2, 2), torch.zeros(3, dtype=torch.int64), torch.zeros(3, 2, 1).long())
    _, tried = lead_to_class_after_class(lead, judge_wrongly, *options, torch.ones(3, 1))
    assert led == [3]
    assert tried.tolist() == [1, 1, 1]


def test_a_change_is_cut_to_the_ball_and_one_within_stays() -> None:
    change = torch.tensor([[[[3.0, 4.0]]], [[[0.3, 0.4]]]])
    assert project(change, "linf", 1.0).tolist() == [
        [[[1.0, 1.0]]],
        [[[pytest.approx(0.3), pytest.approx(0.4)]]],
    ]
    torch.testing.assert_close(project(change, "l2", 1.0)[0], torch.tensor([[[0.6, 0.8]]]))
    assert torch.equal(project(change, "l2", 1.0)[1], change[1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        *[
            ({name: 0}, f"{name} is 0, allowed are numbers above 0")
            for name in ("epsilon", "steepness", "steps", "first_step", "batch_size")
        ],
        ({"layers": {"9": Layer(np.zeros((8, 4), np.float32), 1.0)}}, "the network has no layer '9'"),
        ({"layers": {"0": Layer(np.zeros((8, 4), np.float32), 0.0)}}, "the radius of 0 is 0.0"),
        ({"x": torch.full((5, 1, 2, 2), math.nan)}, r"row 0 of x is not within \[0, 1\]"),
        ({"weights": torch.ones(4, 1)}, r"guides are \[5, 1\] and weights \[4, 1\], allowed is \[5, m\]"),
    ],
)
def test_what_makes_no_attack_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    network, x, layers = make_identity()
    guides, weights = make_guides(5, weight=1.0)
    options = {"x": x, "guides": guides, "weights": weights, "layers": layers, **changes}
    with pytest.raises(InputError, match=f"^{sentence}[^\n]*$"):
        quick(network, **options)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"toward": 4},
            "4 guides of a class are asked for, allowed are 1 to 3, the rows of the smallest class",
        ),
        (
            {"away": 4},
            "4 guides of a class are asked for, allowed are 1 to 3, the rows of the smallest class",
        ),
        *[
            (
                {"classes": classes},
                f"guides of {classes} classes are asked for, allowed are 1 to 2, "
                "the classes of the training rows but an image's own",
            )
            for classes in (0, 3)
        ],
        (
            {"labels": torch.zeros(9, dtype=torch.int64)},
            "the training rows are of one class, allowed are two and more",
        ),
        (
            {"y": torch.tensor([7])},
            r"the labels of the images are \[7\], allowed are those of the training rows, \[0, 1, 2\]",
        ),
    ],
)
def test_guides_that_are_not_there_are_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    options = {"y": torch.tensor([0]), "labels": LABELS, "classes": 1, "toward": 1, "away": 0} | changes
    with pytest.raises(InputError, match=f"^{sentence}$"):
        choose_guides(torch.zeros(1, 1), rows=ROWS, **options)


@pytest.mark.parametrize(("metric", "radius"), [("l2", (5 + 2) / 2), ("cosine", (math.sqrt(2) + 1) / 2)])
def test_the_usual_radius_is_the_mean_distance_to_the_farthest_neighbour(
    metric: Literal["cosine", "l2"], radius: float
) -> None:
    rows = np.array([[3, 0], [0, 2]], np.float32)
    farthest = np.array([[0, 4], [0, 4]], np.float32)
    if metric == "cosine":
        # At 60 degrees two rows of length 1 are 1 apart.
        farthest[1] = [7 * math.sin(math.pi / 3), 7 * math.cos(math.pi / 3)]
    assert usual_radius(rows, farthest, metric) == pytest.approx(radius)
