"""Poisons: what is changed in an image, what label it gets, and what the attacker then shows the network."""

import dataclasses
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conftest import DATA, make_data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from torch import Tensor, nn

from layeraudit.activations import captured
from layeraudit.errors import InputError
from layeraudit.files import read_split, write_split
from layeraudit.poisons import (
    AttackerData,
    Poison,
    badnets,
    blended,
    count_points,
    describe_points,
    draw_sources,
    feature_collision,
    label_flips,
    none,
)
from layeraudit.poisons._triggers import stamp
from layeraudit.splits import Split, merge

pytestmark = pytest.mark.usefixtures("one_thread")

CASES: list[tuple[Any, dict[str, Any]]] = [
    (badnets, {"rate": 0.1, "target": 2, "size": 3}),
    (badnets, {"rate": 0.1, "target": None, "size": 2}),
    (blended, {"rate": 0.1, "target": 2, "opacity": 0.25}),
    (blended, {"rate": 0.1, "target": None, "opacity": 0.25}),
    (label_flips, {"rate": 0.1, "source": None, "target": None}),
    (label_flips, {"rate": 0.1, "source": 1, "target": 3}),
]
cases = pytest.mark.parametrize(
    ("method", "options"), CASES, ids=[f"{m.__name__[19:]}_{list(o.values())[1]}" for m, o in CASES]
)

COLLISION = {
    "targets": 3,
    "points": 4,
    "layer": "features",
    "similarity": 0.05,
    "opacity": 0.0,
    "steps": 60,
    "learning_rate": 0.1,
}


def originals(split: Split, of: Split) -> NDArray[np.float32]:
    """Give the images that the rows of `split` were made of, which are in `of`."""
    return of.x[split.source - of.source[0]]


def equal(one: Split, other: Split) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))


@given(rate=st.floats(1e-6, 0.5), n_clean=st.integers(1, 60_000))
def test_the_rate_is_met_to_within_a_point(rate: float, n_clean: int) -> None:
    points = count_points(rate, n_clean)
    assert points >= 1
    below, above = ((points + step) / (n_clean + points + step) for step in (-1, 1))
    assert below <= rate <= above or points == 1


@pytest.mark.parametrize(
    ("rate", "n_clean", "points"), [(0.5, 60, 60), (0.1, 180, 20), (0.05, 1000, 53), (0.001, 100, 1)]
)
def test_the_rate_is_a_share_of_clean_images_and_points(rate: float, n_clean: int, points: int) -> None:
    assert count_points(rate, n_clean) == points


def test_sources_are_drawn_among_those_that_are_allowed() -> None:
    allowed = DATA.sources.y == 3
    rows = draw_sources(DATA.sources, allowed, 20, np.random.default_rng(0))
    assert sorted(rows) == np.flatnonzero(allowed).tolist()
    sentence = (
        "21 poison points are asked for, allowed are up to 20, "
        "the images that the attacker can make them of, among 80 sources"
    )
    with pytest.raises(InputError, match=sentence):
        draw_sources(DATA.sources, allowed, 21, np.random.default_rng(0))


@cases
@pytest.mark.parametrize("rate", [0.001, 0.05, 0.1])
def test_points_are_as_many_as_the_rate_says_each_of_a_source_of_its_own(
    method: Any, options: dict[str, Any], rate: float
) -> None:
    points = method.poison(DATA, seed=1, **options | {"rate": rate}).points
    assert len(points) == len(np.unique(points.source)) == count_points(rate, 180)
    assert np.isin(points.source, DATA.sources.source).all()
    assert points.is_poison.all()
    np.testing.assert_array_equal(points.y_true, DATA.sources.y_true[points.source - 100])
    assert (points.y != points.y_true).all()
    assert np.isin(points.y, range(4)).all()


@cases
def test_probe_is_test_images_that_no_one_trains_on(method: Any, options: dict[str, Any]) -> None:
    probe = method.poison(DATA, seed=1, **options).probe
    assert len(np.unique(probe.source)) == len(probe)
    np.testing.assert_array_equal(probe.y_true, DATA.test.y_true[probe.source - 900])
    assert not probe.is_poison.any()
    assert (probe.y != probe.y_true).all()


@cases
def test_a_seed_gives_the_same_points_and_another_others(method: Any, options: dict[str, Any]) -> None:
    first, again, other = (method.poison(DATA, seed=seed, **options) for seed in (1, 1, 2))
    assert equal(first.points, again.points)
    assert not np.array_equal(first.points.source, other.points.source)
    assert equal(first.probe, again.probe)
    assert equal(first.probe, other.probe)  # all that can be shown is shown


@cases
def test_attacker_data_stay_as_they_are(method: Any, options: dict[str, Any]) -> None:
    data = make_data()
    method.poison(data, seed=1, **options)
    assert equal(data.sources, DATA.sources)
    assert equal(data.test, DATA.test)


def test_no_poison_is_no_rows_that_can_be_written_and_merged(tmp_path: Path) -> None:
    found = none.poison(DATA, seed=1)
    for split in (found.points, found.probe):
        write_split(tmp_path / "split.npz", split)
        read = read_split(tmp_path / "split.npz")
        assert read.x.shape == (0, 1, 8, 8)
        assert equal(merge(DATA.sources, read), DATA.sources)


def test_points_are_described_by_source_labels_distance_and_record() -> None:
    found = badnets.poison(DATA, seed=1, rate=0.1, target=2, size=3)
    n = len(found.points)
    described = describe_points(
        dataclasses.replace(found, record={"even": np.arange(n) % 2 == 0}), DATA.sources
    )
    assert list(described) == ["row", "source", "y_true", "y", "distance", "even"]
    assert described["row"] == list(range(n))
    for name in ("source", "y_true", "y"):
        assert described[name] == getattr(found.points, name).tolist()
    squares = (found.points.x.astype(np.float64) - originals(found.points, DATA.sources)) ** 2
    np.testing.assert_allclose(described["distance"], np.sqrt(squares.sum(axis=(1, 2, 3))))
    assert described["even"] == [row % 2 == 0 for row in range(n)]


def test_no_points_are_described_by_empty_columns() -> None:
    described = describe_points(none.poison(DATA, seed=1), DATA.sources)
    assert described == {name: [] for name in ("row", "source", "y_true", "y", "distance")}


def backdoors(target: int | None) -> list[Poison]:
    return [
        badnets.poison(DATA, seed=1, rate=0.2, target=target, size=2),
        blended.poison(DATA, seed=1, rate=0.2, target=target, opacity=0.25),
    ]


@pytest.mark.parametrize("which", [0, 1], ids=["badnets", "blended"])
def test_all_to_one_gives_all_other_classes_one_label(which: int) -> None:
    found = backdoors(2)[which]
    for split in (found.points, found.probe):
        assert set(split.y) == {2}
        assert set(split.y_true) == {0, 1, 3}
    assert len(found.probe) == 30


@pytest.mark.parametrize("which", [0, 1], ids=["badnets", "blended"])
def test_all_to_all_gives_every_class_the_label_of_the_next(which: int) -> None:
    found = backdoors(None)[which]
    for split in (found.points, found.probe):
        assert set(zip(split.y_true, split.y, strict=True)) == {(0, 1), (1, 2), (2, 3), (3, 0)}
    assert len(found.probe) == 40


@pytest.mark.parametrize("channels", [1, 3])
def test_the_square_is_white_a_pixel_off_the_corner_and_all_else_as_it_was(channels: int) -> None:
    data = make_data(channels=channels)
    found = badnets.poison(data, seed=1, rate=0.1, target=0, size=3)
    for split, of in ((found.points, data.sources), (found.probe, data.test)):
        expected = originals(split, of).copy()
        for row in (4, 5, 6):
            for column in (4, 5, 6):
                expected[:, :, row, column] = 1
        np.testing.assert_array_equal(split.x, expected)


def test_a_stamp_on_wide_images_is_a_square_in_their_corner_and_they_stay_unstamped() -> None:
    x = np.zeros((2, 1, 4, 6), dtype=np.float32)
    rows, columns = np.nonzero(stamp(x, size=2, margin=0, value=0.5)[1, 0])
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(2, 4), (2, 5), (3, 4), (3, 5)]
    assert not x.any()


@pytest.mark.parametrize("channels", [1, 3])
def test_one_pattern_is_blended_into_all_images_of_all_seeds(channels: int) -> None:
    data = make_data(channels=channels)
    opaque = blended.poison(data, seed=5, rate=0.1, target=0, opacity=1).points.x
    pattern = opaque[0].astype(np.float64)
    assert (opaque == opaque[0]).all()
    assert pattern.min() < 0.1 < 0.9 < pattern.max()  # uniform, of 64 pixels or more
    for seed in (1, 2):
        found = blended.poison(data, seed=seed, rate=0.1, target=0, opacity=0.25)
        for split, of in ((found.points, data.sources), (found.probe, data.test)):
            expected = 0.75 * originals(split, of).astype(np.float64) + 0.25 * pattern
            np.testing.assert_array_equal(split.x, expected.astype(np.float32))


@settings(max_examples=40)
@given(opacity=st.floats(0, 1, exclude_min=True), value=st.sampled_from([0.0, 1.0]))
def test_a_blended_image_stays_in_the_box(opacity: float, value: float) -> None:
    x = np.full_like(DATA.sources.x, value)
    data = dataclasses.replace(DATA, sources=dataclasses.replace(DATA.sources, x=x))
    x = blended.poison(data, seed=0, rate=0.1, target=0, opacity=opacity).points.x  # Split looks at the box
    assert x.dtype == np.float32


def test_two_classes_all_to_all_are_swapped() -> None:
    found = badnets.poison(make_data(n_classes=2), seed=1, rate=0.1, target=None, size=1)
    for split in (found.points, found.probe):
        np.testing.assert_array_equal(split.y, 1 - split.y_true)


def test_flipped_images_stay_as_they_are() -> None:
    for options in (CASES[4][1], CASES[5][1]):
        found = label_flips.poison(DATA, seed=1, **options)
        np.testing.assert_array_equal(found.points.x, originals(found.points, DATA.sources))
        np.testing.assert_array_equal(found.probe.x, originals(found.probe, DATA.test))


def test_targeted_flips_are_of_one_class_to_one_label() -> None:
    found = label_flips.poison(DATA, seed=1, rate=0.1, source=1, target=3)
    assert set(found.points.y_true) == set(found.probe.y_true) == {1}
    assert set(found.points.y) == set(found.probe.y) == {3}
    assert len(found.probe) == 10


def test_random_flips_give_every_wrong_label_as_often_and_have_no_probe() -> None:
    data = dataclasses.replace(make_data(sources=2400), n_clean=2400)
    found = label_flips.poison(data, seed=1, rate=0.5, source=None, target=None)
    counts = np.zeros((4, 4), dtype=int)
    np.add.at(counts, (found.points.y_true, found.points.y), 1)
    assert np.diag(counts).tolist() == [0, 0, 0, 0]
    # Each of 600 images has a label with chance 1/3: 200 times, give or take 11.5.
    assert np.abs(counts[~np.eye(4, dtype=bool)] - 200).max() < 5 * 11.5
    assert len(found.probe) == 0


@pytest.mark.parametrize(
    ("method", "options", "sentence"),
    [
        (badnets, {"target": 4}, "target is 4, allowed are the classes 0 to 3, or null"),
        (badnets, {"target": -1}, "target is -1, allowed are the classes 0 to 3, or null"),
        (badnets, {"size": 7}, "size is 7, allowed are 1 to 6, so that the square is within the images"),
        (badnets, {"size": 0}, "size is 0, allowed are 1 to 6, so that the square is within the images"),
        (badnets, {"rate": 0.5}, "180 poison points are asked for, allowed are up to 60, "),
        (blended, {"target": 4}, "target is 4, allowed are the classes 0 to 3, or null"),
        (blended, {"opacity": 1.5}, "opacity is 1.5, allowed are numbers above 0 up to 1"),
        (blended, {"opacity": 0}, "opacity is 0, allowed are numbers above 0 up to 1"),
        (label_flips, {"source": 4, "target": 1}, "source is 4, allowed are the classes 0 to 3, or null"),
        (label_flips, {"source": 1, "target": 4}, "target is 4, allowed are the classes 0 to 3, or null"),
        (
            label_flips,
            {"source": 0, "target": 0},
            "source is 0 and target is 0, allowed are two different classes, or null for both",
        ),
        (
            label_flips,
            {"source": 0},
            "source is 0 and target is None, allowed are two different classes, or null for both",
        ),
        (
            label_flips,
            {"target": 0},
            "source is None and target is 0, allowed are two different classes, or null for both",
        ),
        (label_flips, {"rate": 0.2, "source": 0, "target": 1}, "45 poison points are asked for, allowed are"),
    ],
)
def test_what_is_not_allowed_is_one_sentence(method: Any, options: dict[str, Any], sentence: str) -> None:
    defaults = next(options for of, options in CASES if of is method)
    with pytest.raises(InputError, match=sentence) as error:
        method.poison(DATA, seed=1, **defaults | options)
    assert "\n" not in str(error.value)


def make_linear(*, bias: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 5, bias=bias), nn.ReLU(inplace=True), nn.Linear(5, 2))


def optimum(network: nn.Module, base: Tensor, target: Tensor, *, similarity: float) -> NDArray[np.float64]:
    """Give p = (Aᵀ A + β I)⁻¹ (Aᵀ A t + β b), where no pixel meets the box."""
    a = network[1].weight.detach().double().numpy()
    b, t = (x.flatten(start_dim=1).double().numpy() for x in (base, target))
    solved = np.linalg.solve(a.T @ a + similarity * np.eye(9), (t @ a.T @ a + similarity * b).T)
    return solved.T


@pytest.mark.parametrize("similarity", [0.02, 0.3, 5.0])
@pytest.mark.parametrize("learning_rate", [1e-4, 100])
def test_a_collision_in_a_linear_layer_is_the_solution_of_its_equations(
    similarity: float, learning_rate: float
) -> None:
    generator = torch.Generator().manual_seed(1)
    base, target = (0.4 + 0.2 * torch.rand(7, 1, 3, 3, generator=generator) for _ in range(2))
    network = make_linear()
    found = feature_collision.collide(
        network, base, target, layer="1", similarity=similarity, steps=300, learning_rate=learning_rate
    )
    best = optimum(network, base, target, similarity=similarity)
    assert 0 < best.min() < best.max() < 1
    np.testing.assert_allclose(found.flatten(start_dim=1).numpy(), best, atol=2e-4)


def test_a_collision_that_meets_the_box_is_the_best_within_it() -> None:
    generator = torch.Generator().manual_seed(2)
    base, target = (torch.rand(7, 1, 3, 3, generator=generator).round() for _ in range(2))
    network = make_linear()
    found = feature_collision.collide(
        network, base, target, layer="1", similarity=0.05, steps=500, learning_rate=0.1
    )
    a = network[1].weight.detach().double().numpy()
    stacked = np.concatenate([a, np.sqrt(0.05) * np.eye(9)])
    at_the_edge = 0
    for p, b, t in zip(*(x.flatten(start_dim=1).double() for x in (found, base, target)), strict=True):
        wanted = np.concatenate([a @ t.numpy(), np.sqrt(0.05) * b.numpy()])
        best = lsq_linear(stacked, wanted, bounds=(0, 1), tol=1e-12).x
        np.testing.assert_allclose(p.numpy(), best, atol=1e-3)
        at_the_edge += ((p == 0) | (p == 1)).sum()
    assert at_the_edge > 0


@settings(max_examples=40)
@given(steps=st.integers(1, 30), learning_rate=st.floats(1e-6, 1e6), similarity=st.floats(0, 100))
def test_more_steps_never_make_a_collision_worse(steps: int, learning_rate: float, similarity: float) -> None:
    generator = torch.Generator().manual_seed(3)
    base, target = (torch.rand(3, 1, 3, 3, generator=generator) for _ in range(2))
    network = make_linear()

    def total(p: Tensor) -> Tensor:
        with torch.no_grad(), captured(network, ["2"]) as outputs:
            apart = outputs(p)["2"] - outputs(target)["2"]
        return apart.square().sum(dim=1) + similarity * (p - base).square().flatten(start_dim=1).sum(dim=1)

    def after(steps: int) -> Tensor:
        return feature_collision.collide(
            network,
            base,
            target,
            layer="2",
            similarity=similarity,
            steps=steps,
            learning_rate=learning_rate,
        )

    first, second = after(steps), after(steps + 1)
    assert (total(second) <= total(first) * (1 + 1e-5) + 1e-6).all()
    assert second.min() >= 0
    assert second.max() <= 1


def test_what_becomes_of_an_image_does_not_depend_on_the_others() -> None:
    generator = torch.Generator().manual_seed(4)
    base, target = (torch.rand(5, 1, 3, 3, generator=generator) for _ in range(2))
    network = make_linear()
    options: dict[str, Any] = {"layer": "2", "similarity": 0.1, "steps": 20, "learning_rate": 10}
    together = feature_collision.collide(network, base, target, **options)
    for row in range(5):
        alone = feature_collision.collide(network, base[[row]], target[[row]], **options)
        torch.testing.assert_close(together[[row]], alone)


def test_the_network_comes_back_as_it_was() -> None:
    network = make_linear()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    x = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(5))
    feature_collision.collide(network, x, x.flip(0), layer="2", similarity=0, steps=2, learning_rate=1)
    assert network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())


class Quadrants(nn.Module):
    """A network whose features are the means of the four quadrants, and whose label is the brightest."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 4, kernel_size=8)
        self.fc = nn.Linear(4, 4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            for label in range(4):
                top, left = 4 * (label // 2), 4 * (label % 2)
                self.features.weight[label, 0, top : top + 4, left : left + 4] = 1 / 16
                self.fc.weight[label, label] = 1

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.features(x).flatten(start_dim=1))
        return logits


def quadrant_means(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x.reshape(len(x), 2, 4, 2, 4).mean(axis=(2, 4)).reshape(len(x), 4)


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AttackerData:
    """Return the data of an attacker whose victim starts from the weights of `Quadrants`."""
    plugin = ModuleType("layeraudit.networks.quadrants")
    vars(plugin).update(LAYERS=["features", "fc"], build=lambda _shape, _n_classes: Quadrants())
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    torch.save(Quadrants().state_dict(), tmp_path / "weights.pt")
    return dataclasses.replace(DATA, network={"method": "quadrants"}, weights=tmp_path / "weights.pt")


def test_collided_images_keep_their_right_label_and_look_like_the_target_to_the_layer(
    transfer: AttackerData,
) -> None:
    found = feature_collision.poison(transfer, seed=1, **COLLISION)
    points, probe = found.points, found.probe
    assert len(points) == len(np.unique(points.source)) == 12
    assert len(probe) == len(np.unique(probe.source)) == 3
    assert points.is_poison.all()
    assert not probe.is_poison.any()
    np.testing.assert_array_equal(points.y, points.y_true)
    np.testing.assert_array_equal(points.y_true, DATA.sources.y_true[points.source - 100])
    np.testing.assert_array_equal(points.y, probe.y.repeat(4))
    np.testing.assert_array_equal(probe.x, originals(probe, DATA.test))
    np.testing.assert_array_equal(probe.y_true, DATA.test.y_true[probe.source - 900])
    np.testing.assert_array_equal(probe.y, quadrant_means(probe.x).argsort(axis=1)[:, -2])
    goal = quadrant_means(probe.x).repeat(4, axis=0)
    before, after = (
        np.linalg.norm(quadrant_means(x) - goal, axis=1) for x in (originals(points, DATA.sources), points.x)
    )
    assert (after < before).all()
    assert not np.array_equal(points.x, originals(points, DATA.sources))


def test_points_are_made_of_the_unused_images_nearest_to_their_target(transfer: AttackerData) -> None:
    found = feature_collision.poison(transfer, seed=1, **COLLISION | {"targets": 8, "points": 2, "steps": 1})
    unused = set(range(80))
    for number, label in enumerate(found.probe.y):
        goal = quadrant_means(found.probe.x[[number]])

        def distance(row: int, goal: NDArray[np.float32] = goal) -> float:
            return float(np.linalg.norm(quadrant_means(DATA.sources.x[[row]]) - goal))

        nearest = sorted((row for row in unused if DATA.sources.y[row] == label), key=distance)[:2]
        assert (found.points.source[2 * number : 2 * number + 2] - 100).tolist() == nearest
        unused -= set(nearest)
    assert len(set(found.probe.y)) < 8  # so that some choose after others


def test_only_images_that_the_network_gets_right_are_targets(transfer: AttackerData) -> None:
    y = np.where(np.arange(40) < 35, (DATA.test.y + 1) % 4, DATA.test.y)
    data = dataclasses.replace(transfer, test=dataclasses.replace(DATA.test, y=y, y_true=y))
    probe = feature_collision.poison(data, seed=1, **COLLISION | {"targets": 5, "points": 1}).probe
    assert sorted(probe.source) == [935, 936, 937, 938, 939]
    sentence = "targets is 6, allowed are up to 5, the test images that the network gets right"
    with pytest.raises(InputError, match=sentence):
        feature_collision.poison(data, seed=1, **COLLISION | {"targets": 6})


def test_points_start_from_images_with_the_watermark_of_their_target(transfer: AttackerData) -> None:
    still = {"opacity": 0.3, "steps": 1, "learning_rate": 1e-12}
    found = feature_collision.poison(transfer, seed=1, **COLLISION | still)
    expected = 0.7 * originals(found.points, DATA.sources) + 0.3 * found.probe.x.repeat(4, axis=0)
    np.testing.assert_allclose(found.points.x, expected, atol=1e-6)


def test_a_seed_gives_the_same_collisions_and_another_others(transfer: AttackerData) -> None:
    first, again, other = (
        feature_collision.poison(transfer, seed=seed, **COLLISION | {"steps": 2}) for seed in (1, 1, 2)
    )
    assert equal(first.points, again.points)
    assert equal(first.probe, again.probe)
    assert not np.array_equal(first.points.source, other.points.source)
    assert not np.array_equal(first.probe.source, other.probe.source)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"opacity": 1.5}, "opacity is 1.5, allowed are numbers from 0 to 1"),
        ({"similarity": -1}, "similarity is -1, allowed are numbers from 0"),
        ({"steps": 0}, "steps is 0, allowed are numbers above 0"),
        ({"learning_rate": 0}, "learning_rate is 0, allowed are numbers above 0"),
        ({"layer": "relu9"}, "the network has no layer 'relu9', allowed are features, fc"),
        ({"points": 21}, "21 poison points are asked for, allowed are up to 20, "),
        ({"targets": 40, "points": 9}, "9 poison points are asked for, allowed are up to [0-8], "),
    ],
)
def test_a_collision_that_is_not_allowed_is_one_sentence(
    transfer: AttackerData, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        feature_collision.poison(transfer, seed=1, **COLLISION | changes)


def test_features_collide_only_where_the_victim_starts_from_known_weights() -> None:
    with pytest.raises(InputError, match="the victim trains all layers from scratch, allowed is one that"):
        feature_collision.poison(DATA, seed=1, **COLLISION)
