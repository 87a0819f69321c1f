"""The intermediate level attack: where its best is known, against finite differences, and its known traps."""

import copy
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from layeraudit.attacks._conditions import ROUNDING
from layeraudit.attacks._intermediate_level import Objective, flexible, ila, projection
from layeraudit.errors import InputError
from layeraudit.files import read_arrays, write_arrays

N = 7
EPSILON = 0.1

quick = partial(ila, layer="conv2", from_guide=False, epsilon=EPSILON, step=0.02, steps=6, batch_size=N)
objectives = pytest.mark.parametrize("objective", [projection, flexible(5.0)], ids=["ilap", "ilaf"])
starts = pytest.mark.parametrize("from_guide", [False, True], ids=["from_clean", "from_guide"])
layers = pytest.mark.parametrize("layer", ["conv1", "relu1", "norm", "conv2", "relu2", "fc"])

pytestmark = pytest.mark.usefixtures("one_thread")


class Small(nn.Module):
    """A network with all that has led attacks astray: in-place layers, batch norm, dropout."""

    def __init__(self, *, inplace: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.relu1 = nn.ReLU(inplace=inplace)
        self.norm = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 8, 3)
        self.relu2 = nn.ReLU(inplace=inplace)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(128, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.relu1(self.conv1(x)))
        x = self.relu2(self.conv2(x))
        logits: Tensor = self.fc(self.dropout(x.flatten(start_dim=1)))
        return logits


def make_network(*, inplace: bool = True) -> nn.Module:
    torch.manual_seed(0)
    network = Small(inplace=inplace)
    network.norm.running_mean.uniform_(-0.2, 0.2)  # as training leaves it
    network.norm.running_var.uniform_(0.5, 1.5)
    return network


def make_images() -> tuple[Tensor, Tensor]:
    """Make images that hold pixels of 0 and 1, and guides at the edge of the ball round them."""
    generator = torch.Generator().manual_seed(1)
    x = (1.4 * torch.rand(N, 1, 8, 8, generator=generator) - 0.2).clamp(0, 1)
    noise = torch.rand(x.shape, generator=generator) - 0.5
    return x, (x + EPSILON * noise.sign()).clamp(0, 1)


def make_linear() -> tuple[nn.Module, Tensor, Tensor, Tensor]:
    """Make a network whose layer `1` is linear, images far from the box, guides, and the best attack.

    ⟨W d, W r⟩ for a change d of the pixels is largest, in the ball, at d = ε sign(Wᵀ W r).
    """
    generator = torch.Generator().manual_seed(2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(inplace=True))
    network[1].weight.data = weight = torch.randn(5, 4, generator=generator)
    x = 0.4 + 0.2 * torch.rand(N, 1, 2, 2, generator=generator)
    guide = x + 0.05 * (torch.rand(x.shape, generator=generator) - 0.5)
    r = (guide - x).flatten(start_dim=1)
    return network, x, guide, x + EPSILON * (r @ weight.T @ weight).sign().reshape(x.shape)


@starts
def test_the_best_attack_of_a_linear_layer_is_the_sign_of_w_transposed_w_r(from_guide: bool) -> None:
    network, x, guide, best = make_linear()
    pushed = quick(network, x, guide, projection, layer="1", from_guide=from_guide, step=0.05)
    torch.testing.assert_close(pushed.x, best, rtol=0, atol=1e-6)
    assert not pushed.no_reference.any()
    assert pushed.zero_gradients.tolist() == [0] * N


def test_the_trace_of_a_linear_layer_is_the_way_gone() -> None:
    network, x, guide, best = make_linear()
    trace = quick(network, x, guide, projection, layer="1", step=0.02, steps=3)
    weight = network[1].weight.detach()
    r = (guide - x).flatten(start_dim=1) @ weight.T
    whole = (best - x).flatten(start_dim=1) @ weight.T
    for i in range(4):
        d = whole * 0.2 * i
        inner, norms = (d * r).sum(dim=1), (d.norm(dim=1), r.norm(dim=1))
        torch.testing.assert_close(trace.objective[i], inner / norms[1] ** 2, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(trace.ratio[i], norms[0] / norms[1], rtol=1e-3, atol=1e-4)
        expected = inner / (norms[0] * norms[1]) if i else torch.zeros(N)
        torch.testing.assert_close(trace.cosine[i], expected, rtol=1e-3, atol=1e-4)


@starts
def test_at_the_guide_the_projection_cosine_and_ratio_are_1(from_guide: bool) -> None:
    x, guide = make_images()
    pushed = quick(make_network(), x, guide, projection, from_guide=from_guide)
    first = torch.stack([pushed.objective[0], pushed.cosine[0], pushed.ratio[0]])
    torch.testing.assert_close(first, torch.full((3, N), float(from_guide)), rtol=0, atol=1e-5)
    assert (pushed.objective[-1] > 1).all()


@given(
    numbers=st.lists(st.floats(-3, 3, width=32), min_size=20, max_size=20),
    seed=st.integers(0, 10_000),
    epsilon=st.floats(0.01, 1),
    step=st.floats(0.01, 1),
)
def test_a_linear_layer_is_never_pushed_back_nor_out_of_ball_and_box(
    numbers: list[float], seed: int, epsilon: float, step: float
) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 5, bias=False))
    network[1].weight.data = torch.tensor(numbers).reshape(5, 4)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(3, 1, 2, 2, generator=generator)
    guide = (x + epsilon * (2 * torch.rand(x.shape, generator=generator) - 1)).clamp(0, 1)
    pushed = quick(network, x, guide, projection, layer="1", epsilon=epsilon, step=step)
    assert (pushed.x.double() - x.double()).abs().max() <= epsilon + ROUNDING
    assert 0 <= pushed.x.min() <= pushed.x.max() <= 1
    with_reference = pushed.objective[:, ~pushed.no_reference]
    assert (with_reference.diff(dim=0) >= -1e-3 * with_reference.abs().amax(dim=0).clamp_min(1)).all()


@objectives
@starts
@layers
def test_a_step_goes_along_the_sign_of_the_gradient_that_differences_give(
    objective: Objective, from_guide: bool, layer: str
) -> None:
    network = make_network()
    x, guide = make_images()
    pushed = quick(network, x, guide, objective, layer=layer, from_guide=from_guide, steps=1)

    double = copy.deepcopy(make_network(inplace=False)).double().eval()
    outputs: list[Tensor] = []
    double.get_submodule(layer).register_forward_hook(lambda _m, _i, output: outputs.append(output))

    def features(images: Tensor) -> Tensor:
        with torch.no_grad():
            double(images)
        return outputs.pop().flatten(start_dim=1)

    h = 1e-6
    clean, r = features(x.double()), features(guide.double()) - features(x.double())
    start = (guide if from_guide else x).double()
    # Where d = 0, the flexible objective is to lead where the projection does.
    value = projection if not from_guide else objective
    gradient = torch.empty_like(start)
    for i in range(8):
        for j in range(8):
            shift = torch.zeros_like(start)
            shift[:, :, i, j] = h
            up, down = (value(features(start + way * shift) - clean, r) for way in (1, -1))
            gradient[:, 0, i, j] = (up - down) / (2 * h)
    told_apart = gradient.abs() > 1e-3 * gradient.abs().amax()
    expected = (x + (start + 0.02 * gradient.sign() - x).clamp(-EPSILON, EPSILON)).clamp(0, 1)
    assert told_apart.float().mean() > 0.9
    torch.testing.assert_close(pushed.x[told_apart], expected[told_apart].float(), rtol=0, atol=1e-6)


@objectives
@layers
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_what_becomes_of_an_image_does_not_depend_on_its_batch(
    objective: Objective, layer: str, batch_size: int
) -> None:
    x, guide = make_images()
    whole = quick(make_network(), x, guide, objective, layer=layer, steps=2)
    parts = quick(make_network(), x, guide, objective, layer=layer, steps=2, batch_size=batch_size)
    # Rounding may turn the sign of a gradient that is next to nothing, and so one pixel in many.
    assert (whole.x - parts.x).abs().gt(1e-6).float().mean() < 0.005
    torch.testing.assert_close(whole.objective, parts.objective, rtol=1e-2, atol=1e-3)


@objectives
@starts
def test_an_image_whose_guide_changes_nothing_stays_and_is_told(
    objective: Objective, from_guide: bool
) -> None:
    network = make_network()
    x, guide = make_images()
    expected = quick(network, x, guide, objective, from_guide=from_guide)
    changed = guide.clone()
    changed[2] = x[2]
    pushed = quick(network, x, changed, objective, from_guide=from_guide)
    assert pushed.no_reference.tolist() == [row == 2 for row in range(N)]
    assert torch.equal(pushed.x[2], x[2])
    for trace in (pushed.objective, pushed.cosine, pushed.ratio):
        assert trace[:, 2].isnan().all()
        assert trace[:, [0, 1, 3, 4, 5, 6]].isfinite().all()
    assert pushed.zero_gradients.tolist() == [6 * (row == 2) for row in range(N)]
    others = torch.arange(N) != 2
    assert torch.equal(pushed.x[others], expected.x[others])


@objectives
def test_images_without_a_gradient_are_counted_and_stay(objective: Objective) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU())
    network[1].weight.data = torch.ones(3, 4)
    network[1].bias.data = torch.full((3,), -2.0)
    x = torch.full((2, 1, 2, 2), 0.49)
    x[1] = 0.6
    guide = (x + EPSILON).clamp(0, 1)
    pushed = quick(network, x, guide, objective, layer="2", steps=4)
    assert not pushed.no_reference.any()
    assert pushed.zero_gradients.tolist() == [4, 0]
    assert torch.equal(pushed.x[0], x[0])
    assert (pushed.x[1] > x[1]).all()


@objectives
@layers
def test_in_place_layers_change_nothing(objective: Objective, layer: str) -> None:
    x, guide = make_images()
    in_place, apart = (
        quick(make_network(inplace=inplace), x, guide, objective, layer=layer) for inplace in (True, False)
    )
    assert torch.equal(in_place.x, apart.x)
    assert torch.equal(in_place.objective, apart.objective)


class Centre(nn.Module):
    """Subtracts a half, in place or not."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return x.sub_(0.5) if self.inplace else x - 0.5


def test_a_network_that_begins_in_place_changes_no_image() -> None:
    x, guide = make_images()
    kept = x.clone(), guide.clone()
    in_place, apart = (
        quick(nn.Sequential(Centre(inplace=flag), make_network()), x, guide, projection, layer="1.conv2")
        for flag in (True, False)
    )
    assert torch.equal(in_place.x, apart.x)
    assert torch.equal(x, kept[0])
    assert torch.equal(guide, kept[1])


def test_before_and_after_the_activation_are_layers_of_their_own() -> None:
    x, guide = make_images()
    before, after = (quick(make_network(), x, guide, projection, layer=layer) for layer in ("conv1", "relu1"))
    assert not torch.equal(before.x, after.x)


class Refuses(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise AssertionError("this layer is not to be reached")


def test_nothing_after_the_layer_is_run_and_the_passes_are_those_stated() -> None:
    network = make_network()
    network.relu2 = Refuses()
    rows: list[int] = []
    network.conv1.register_forward_hook(lambda _m, inputs, _o: rows.append(len(inputs[0])))
    x, guide = make_images()
    quick(network, x, guide, projection, layer="conv2", steps=6, batch_size=4)
    assert sum(rows) == N * (6 + 3)


def get_state(network: nn.Module) -> list[object]:
    return [
        [module.training for module in network.modules()],
        [(parameter.requires_grad, parameter.grad) for parameter in network.parameters()],
        [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()],
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_works_in_evaluation_mode_and_comes_back_as_it_was(fails: bool) -> None:
    x, guide = make_images()
    kept = x.clone(), guide.clone()
    expected = quick(make_network().eval(), x, guide, projection, layer="fc")
    network = make_network().train()
    network.norm.eval()
    network.conv1.weight.requires_grad_(False)
    before = get_state(network)
    values = {name: value.clone() for name, value in network.state_dict().items()}
    if fails:
        network.norm.running_var.fill_(math.nan)
        values["norm.running_var"].fill_(math.nan)
        with pytest.raises(
            InputError, match="^layer 'fc' gives NaN or infinity, allowed are finite numbers$"
        ):
            quick(network, x, guide, projection, layer="fc")
    else:
        assert torch.equal(quick(network, x, guide, projection, layer="fc").x, expected.x)
    assert get_state(network) == before
    for name, value in network.state_dict().items():
        assert torch.equal(value.nan_to_num(), values[name].nan_to_num())
    assert torch.equal(x, kept[0])
    assert torch.equal(guide, kept[1])


@objectives
@starts
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.3, 1.0])
def test_what_is_written_and_read_again_is_within_box_and_ball(
    objective: Objective, from_guide: bool, epsilon: float, tmp_path: Path
) -> None:
    x, _ = make_images()
    guide = (x + epsilon * (x - 0.37).sign()).clamp(0, 1)
    pushed = quick(make_network(), x, guide, objective, from_guide=from_guide, epsilon=epsilon, step=epsilon)
    write_arrays(tmp_path / "pushed.npz", x=pushed.x.numpy())
    (read,) = read_arrays(tmp_path / "pushed.npz", "x")
    assert read.dtype == np.float32
    assert 0 <= read.min() <= read.max() <= 1
    assert np.abs(read.astype(np.float64) - x.numpy().astype(np.float64)).max() <= epsilon + ROUNDING


def test_from_a_clean_start_the_first_step_of_the_flexible_objective_is_that_of_the_projection() -> None:
    x, guide = make_images()
    first, second = (
        quick(make_network(), x, guide, objective, steps=1) for objective in (projection, flexible(5.0))
    )
    assert torch.equal(first.x, second.x)
    assert second.objective.isfinite().all()


def test_the_flexible_objective_is_cosine_and_alpha_times_ratio() -> None:
    d, r = torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert flexible(2.0)(d, r).tolist() == pytest.approx([0.6 + 2 * 5, 1 + 2 * 0.5])
    assert flexible(0.0)(d, r).tolist() == pytest.approx([0.6, 1])
    assert projection(d, r).tolist() == pytest.approx([3, 0.5])


def test_without_a_reference_the_objectives_are_finite() -> None:
    d, r = torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.zeros(2, 2)
    assert projection(d, r).tolist() == [0, 0]
    assert flexible(5.0)(d, r).isfinite().all()


X, GUIDE = torch.full((2, 1, 8, 8), 0.5), torch.full((2, 1, 8, 8), 0.55)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        *[({"epsilon": value}, "epsilon is") for value in (0, -0.1, 1.1, math.nan, math.inf)],
        *[({"step": value}, "step is") for value in (0, -0.1, 1.1, math.nan)],
        *[({"steps": value}, "steps is") for value in (0, -1)],
        *[({"batch_size": value}, "batch_size is") for value in (0, -1)],
        ({"layer": "conv9"}, "the network has no layer 'conv9', allowed are conv1, relu1, norm, conv2"),
        ({"layer": "unused"}, "the network has a layer 'unused' and makes no use of it"),
        ({"x": X.double()}, "x is torch.float64"),
        ({"x": X[:0], "guide": GUIDE[:0]}, r"x is torch.float32 \[0, 1, 8, 8\]"),
        ({"guide": GUIDE * math.nan}, r"row 0 of guide is not within \[0, 1\]"),
        ({"guide": GUIDE[:1]}, r"guide is \[1, 1, 8, 8\], allowed is \[2, 1, 8, 8\], as x is"),
        ({"guide": GUIDE + 0.1}, "guide is 0.15 away from x in L-infinity, allowed is up to 0.1"),
    ],
)
def test_what_makes_no_attack_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    network = make_network()
    network.unused = nn.ReLU()
    options = {"x": X, "guide": GUIDE, **changes}
    x, guide = options.pop("x"), options.pop("guide")
    with pytest.raises(InputError, match=f"^{sentence}[^\n]*$"):
        quick(network, x, guide, projection, **options)


@pytest.mark.parametrize("alpha", [-1.0, math.nan, math.inf])
def test_an_alpha_that_counts_nothing_is_one_sentence(alpha: float) -> None:
    with pytest.raises(InputError, match=f"^alpha is {alpha}, allowed are numbers from 0$"):
        flexible(alpha)
