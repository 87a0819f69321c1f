"""Attacks on networks whose best attack is known, and the steps that make what a network is shown."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from foolbox.attacks import LinfBasicIterativeAttack, LinfFastGradientAttack
from foolbox.models import PyTorchModel
from torch import Tensor, nn

from attack import attack as attack_split
from layeraudit.attacks._intermediate_level import ila as push
from layeraudit.attacks._intermediate_level import projection
from layeraudit.attacks.bim import attack as bim
from layeraudit.attacks.cw import attack as cw
from layeraudit.attacks.fgsm import attack as fgsm
from layeraudit.attacks.ila import attack as ila
from layeraudit.attacks.mi_fgsm import attack as mi_fgsm
from layeraudit.attacks.rotation import attack as rotate
from layeraudit.errors import InputError
from layeraudit.files import read_split, write_arrays, write_split
from layeraudit.networks.report_cnn import ReportCNN
from layeraudit.splits import Split
from sample_ood_images import sample_ood_images

N = 7
ROUNDING = 2**-23

quick_fgsm = partial(fgsm, epsilon=0.1, batch_size=4)
quick_bim = partial(bim, epsilon=0.1, step=0.03, steps=5, batch_size=4)
quick_mi_fgsm = partial(mi_fgsm, epsilon=0.1, step=0.03, steps=5, momentum=1.0, batch_size=4)
quick_ila = partial(ila, epsilon=0.1, steps=6, layer="0", batch_size=4)
quick_cw = partial(
    cw,
    confidence=0.0,
    initial_constant=0.1,
    binary_search_steps=4,
    steps=25,
    learning_rate=0.05,
    batch_size=4,
)
Attack = Callable[..., Tensor]
OF_GRADIENTS = {"fgsm": quick_fgsm, "bim": quick_bim, "mi_fgsm": quick_mi_fgsm}
IN_BALL = OF_GRADIENTS | {"ila": quick_ila}
EVERY = IN_BALL | {"cw": quick_cw}
in_ball = pytest.mark.parametrize("attack", IN_BALL.values(), ids=IN_BALL)
every = pytest.mark.parametrize("attack", EVERY.values(), ids=EVERY)

pytestmark = pytest.mark.usefixtures("one_thread")


def make_convolutional() -> nn.Module:
    """Make a network of three classes with an in-place ReLU and dropout, for images of 8 x 8."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 6, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(0.5), nn.Linear(216, 3)]
    return nn.Sequential(*layers)


def make_images() -> tuple[nn.Module, Tensor, Tensor]:
    """Make a network, images that hold pixels of 0 and 1, and the labels that the network gives them."""
    network = make_convolutional().eval()
    x = (1.4 * torch.rand(N, 1, 8, 8, generator=torch.Generator().manual_seed(1)) - 0.2).clamp(0, 1)
    with torch.no_grad():
        return network, x, network(x).argmax(dim=1)


def make_linear() -> tuple[nn.Module, Tensor, Tensor, Tensor, Tensor]:
    """Make a linear network of two classes, images far from the box, labels, and the optimum.

    The last two are the direction of each image's shortest way out of its class, of length 1, and the way.
    """
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    network[1].weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0], [-1.0, 1.0, 2.0, -1.0]])
    network[1].bias.data = torch.tensor([0.1, 0.85])
    x = 0.4 + 0.2 * torch.rand(N, 1, 2, 2, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits = network(x)
    y = logits.argmax(dim=1)
    assert set(y.tolist()) == {0, 1}
    difference = (network[1].weight[1] - network[1].weight[0]).detach()
    direction = torch.where(y[:, None] == 0, difference, -difference) / difference.norm()
    way = (logits[:, 0] - logits[:, 1]).abs() / difference.norm()
    return network, x, y, direction.reshape(x.shape), way


def predict(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(x).argmax(dim=1)


@pytest.mark.parametrize("attack", [quick_fgsm, partial(quick_bim, step=0.02), partial(quick_bim, step=0.1)])
def test_the_best_attack_in_the_ball_is_the_sign_of_the_weights(attack: Attack) -> None:
    network, x, y, direction, _ = make_linear()
    expected = x + 0.1 * direction.sign()
    torch.testing.assert_close(attack(network, x, y), expected, rtol=0, atol=1e-6)


def test_bim_goes_no_farther_than_its_steps() -> None:
    network, x, y, direction, _ = make_linear()
    attacked = quick_bim(network, x, y, step=0.01, steps=3)
    torch.testing.assert_close(attacked, x + 0.03 * direction.sign(), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_cw_takes_the_shortest_way_over_the_line() -> None:
    network, x, y, direction, way = make_linear()
    attacked = quick_cw(network, x, y, binary_search_steps=12, steps=300, learning_rate=0.01)
    change = (attacked - x).flatten(start_dim=1)
    assert (predict(network, attacked) != y).all()
    torch.testing.assert_close(change.norm(dim=1), way, rtol=0.01, atol=1e-3)
    cosine = (change * direction.flatten(start_dim=1)).sum(dim=1) / change.norm(dim=1)
    assert (cosine > 0.99).all()


@pytest.mark.parametrize("confidence", [0.5, 1.0])
def test_the_confidence_is_the_lead_of_the_wrong_class(confidence: float) -> None:
    network, x, y, _, _ = make_linear()
    attacked = quick_cw(network, x, y, confidence=confidence)
    with torch.no_grad():
        logits = network(attacked)
    rows = torch.arange(N)
    lead = logits[rows, 1 - y] - logits[rows, y]
    assert (lead >= confidence - 1e-5).all()
    assert lead.max() < confidence + 0.5


@every
def test_attacks_stay_in_the_box_and_keep_their_shape(attack: Attack) -> None:
    network, x, y = make_images()
    attacked = attack(network, x, y)
    assert attacked.dtype == torch.float32
    assert attacked.shape == x.shape
    assert 0 <= attacked.min() <= attacked.max() <= 1
    assert (predict(network, attacked) != y).sum() > 0


@in_ball
@pytest.mark.parametrize("epsilon", [0.01, 0.1, 0.3, 0.7, 1.0])
def test_attacks_stay_in_the_ball_but_for_the_rounding_that_is_stated(attack: Attack, epsilon: float) -> None:
    network, x, y = make_images()
    change = attack(network, x, y, epsilon=epsilon).double() - x.double()
    assert change.abs().max() <= epsilon + ROUNDING


@pytest.mark.parametrize("attack", [quick_fgsm, quick_bim], ids=["fgsm", "bim"])
def test_fgsm_and_bim_are_those_of_foolbox_bit_for_bit(attack: Attack) -> None:
    network, x, y = make_images()
    plain = {
        fgsm: LinfFastGradientAttack(),
        bim: LinfBasicIterativeAttack(abs_stepsize=0.03, steps=5),
    }[attack.func]  # type: ignore[attr-defined]
    model = PyTorchModel(network, bounds=(0, 1), device="cpu")
    expected, _, _ = plain(model, x, y, epsilons=0.1)
    assert torch.equal(attack(network, x, y, batch_size=N), expected)


def test_without_momentum_mi_fgsm_is_bim_bit_for_bit() -> None:
    network, x, y = make_images()
    assert torch.equal(quick_mi_fgsm(network, x, y, momentum=0.0), quick_bim(network, x, y))


def test_with_one_step_mi_fgsm_is_fgsm_bit_for_bit() -> None:
    network, x, y = make_images()
    one_step = quick_mi_fgsm(network, x, y, step=0.1, steps=1)
    assert torch.equal(one_step, quick_fgsm(network, x, y))


@pytest.mark.parametrize("scale", [1.0, 1e-12])
def test_mi_fgsm_adds_up_gradients_of_length_1(scale: float) -> None:
    network, x, y = make_images()
    # Logits that differ by so little give the same directions, and gradients as small as those of sure nets.
    scaled = nn.Sequential(network, Scale(scale))
    expected, accumulated = x, torch.zeros_like(x)
    for _ in range(5):
        leaf = expected.clone().requires_grad_()
        loss = nn.functional.cross_entropy(scaled.eval()(leaf), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, leaf)
        accumulated = 0.5 * accumulated + gradient / gradient.abs().sum(dim=(1, 2, 3), keepdim=True)
        expected = (x + (expected + 0.03 * accumulated.sign() - x).clamp(-0.1, 0.1)).clamp(0, 1)
    attacked = quick_mi_fgsm(scaled, x, y, momentum=0.5, batch_size=N)
    assert (attacked - expected).abs().gt(1e-6).float().mean() < 0.005


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def test_ila_pushes_what_half_its_steps_of_bim_have_made() -> None:
    network, x, y = make_images()
    guide = bim(network, x, y, epsilon=0.1, step=0.2 / 3, steps=3, batch_size=N)
    options: dict[str, Any] = {"epsilon": 0.1, "step": 0.02, "steps": 3, "batch_size": N}
    expected = push(network, x, guide, projection, layer="0", from_guide=False, **options).x
    assert torch.equal(quick_ila(network, x, y, batch_size=N), expected)
    assert not torch.equal(expected, guide)


@pytest.mark.slow
@every
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_what_becomes_of_an_image_does_not_depend_on_its_batch(attack: Attack, batch_size: int) -> None:
    network, x, y = make_images()
    whole = attack(network, x, y, batch_size=N)
    parts = attack(network, x, y, batch_size=batch_size)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-5)


@every
def test_the_same_call_gives_the_same_bits(attack: Attack) -> None:
    network, x, y = make_images()
    assert torch.equal(attack(network, x, y), attack(network, x, y))


def get_state(network: nn.Module) -> list[object]:
    return [
        [module.training for module in network.modules()],
        [(parameter.requires_grad, parameter.grad) for parameter in network.parameters()],
        [len(module._forward_pre_hooks) for module in network.modules()],
    ]


@every
@pytest.mark.parametrize("fails", [False, True])
def test_the_network_comes_back_as_it_was(attack: Attack, fails: bool) -> None:
    network, x, y = make_images()
    expected = attack(make_convolutional(), x, y)
    network.train()
    network[0].eval()
    network[0].weight.requires_grad_(False)
    before = get_state(network)
    weights = [parameter.clone() for parameter in network.parameters()]
    if fails:
        with pytest.raises(InputError):
            attack(network, x, y + 3)
    else:
        assert torch.equal(attack(network, x, y), expected)
    assert get_state(network) == before
    assert all(map(torch.equal, weights, network.parameters()))


class Centre(nn.Module):
    """Subtracts a half, in place or not."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return x.sub_(0.5) if self.inplace else x - 0.5


@every
def test_a_network_that_works_in_place_changes_no_image(attack: Attack) -> None:
    network, x, y = make_images()
    kept = x.clone()
    options = {"layer": "1"} if attack is quick_ila else {}
    expected, found = (
        attack(nn.Sequential(Centre(inplace=flag), network), x, y, **options) for flag in (False, True)
    )
    assert torch.equal(found, expected)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("attack", OF_GRADIENTS.values(), ids=OF_GRADIENTS)
def test_images_that_the_network_errs_on_are_attacked_as_others_are(attack: Attack) -> None:
    network, x, y, direction, _ = make_linear()
    attacked = attack(network, x, 1 - y)
    torch.testing.assert_close(attacked, x - 0.1 * direction.sign(), rtol=0, atol=1e-6)


def test_cw_moves_images_that_the_network_errs_on_only_for_confidence() -> None:
    network, x, y, _, _ = make_linear()
    torch.testing.assert_close(quick_cw(network, x, 1 - y), x, rtol=0, atol=1e-6)
    confident = quick_cw(network, x, 1 - y, confidence=2.0)
    assert (confident - x).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_where_cw_finds_nothing_the_image_stays_even_if_a_black_one_would_be_an_attack() -> None:
    network, x, y, _, _ = make_linear()
    assert predict(network, torch.zeros(1, 1, 2, 2)).tolist() == [1]
    assert 0 in y
    assert torch.equal(quick_cw(network, x, y, steps=1), x)
    assert torch.equal(quick_cw(network, x, y, confidence=1e6), x)


X = torch.full((2, 1, 2, 2), 0.5)
Y = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("attack", "option", "values"),
    [
        (quick_fgsm, "epsilon", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_bim, "epsilon", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_bim, "step", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_bim, "steps", [0, -1]),
        (quick_mi_fgsm, "epsilon", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_mi_fgsm, "step", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_mi_fgsm, "steps", [0, -1]),
        (quick_mi_fgsm, "momentum", [-1, math.nan, math.inf]),
        (quick_mi_fgsm, "batch_size", [0, -1]),
        (quick_ila, "epsilon", [0, -0.1, 1.1, math.nan, math.inf]),
        (quick_cw, "confidence", [-1, math.nan, math.inf]),
        (quick_cw, "initial_constant", [0, -1, math.nan, math.inf]),
        (quick_cw, "binary_search_steps", [0, -1]),
        (quick_cw, "steps", [0, -1]),
        (quick_cw, "learning_rate", [0, -1, math.nan, math.inf]),
        (quick_fgsm, "batch_size", [0, -1]),
        (quick_bim, "batch_size", [0, -1]),
        (quick_cw, "batch_size", [0, -1]),
    ],
)
def test_options_that_make_no_attack_are_one_sentence(
    attack: Attack, option: str, values: list[float]
) -> None:
    network = make_linear()[0]
    for value in values:
        with pytest.raises(InputError, match=f"^{option} is {value}, allowed are numbers [^\n]*$"):
            attack(network, X, Y, **{option: value})


@every
@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (X, torch.tensor([0, 2]), "row 1 of y is 2, allowed are 0 to 1"),
        (X, torch.tensor([-1, 1]), "row 0 of y is -1, allowed are 0 to 1"),
        (X, torch.tensor([0.0, 1.0]), "y is torch.float32"),
        (X, torch.tensor([0, 1, 0]), r"y is torch.int64 \[3\], allowed is torch.int64 \[2\]"),
        (X * torch.tensor([1, torch.nan]).reshape(2, 1, 1, 1), Y, r"row 1 of x is not within \[0, 1\]"),
        (X * 3, Y, r"row 0 of x is not within \[0, 1\]"),
        (X - 1, Y, r"row 0 of x is not within \[0, 1\]"),
        (X.double(), Y, "x is torch.float64"),
        (X[0], Y, r"x is torch.float32 \[1, 2, 2\]"),
        (X[:0], Y[:0], r"x is torch.float32 \[0, 1, 2, 2\], allowed is .* n above 0"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_one_sentence(
    attack: Attack, x: Tensor, y: Tensor, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        attack(make_linear()[0], x, y)


def test_a_layer_that_ila_cannot_push_in_is_one_sentence() -> None:
    network, x, y = make_images()
    with pytest.raises(InputError, match="^the network has no layer 'fc', allowed are 0, 1, 2, 3, 4$"):
        quick_ila(network, x, y, layer="fc")


def test_a_quarter_turn_is_exact() -> None:
    network, x, y = make_images()
    found = rotate(network, x, y, degrees=90, batch_size=4)
    torch.testing.assert_close(found, torch.rot90(x, dims=(2, 3)), rtol=0, atol=1e-4)
    assert 0 <= found.min() <= found.max() <= 1


def test_what_an_eighth_turn_brings_into_view_is_black() -> None:
    network, x, y = make_images()
    corners = rotate(network, x, y, degrees=45, batch_size=4)[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 0).all()


@pytest.mark.slow
def test_foolbox_is_imported_where_there_is_no_git() -> None:
    environment = os.environ | {"PATH": "/nonexistent", "PYTHONPATH": str(REPOSITORY / "scripts")}
    environment.pop("GIT_PYTHON_REFRESH", None)
    subprocess.run([sys.executable, "-c", "import layeraudit.attacks.fgsm"], env=environment, check=True)


@pytest.fixture
def split(tmp_path: Path) -> Iterator[Path]:
    """Write 9 images, the labels given to which are not the true ones, and the weights of a network."""
    generator = np.random.default_rng(0)
    x = generator.random((9, 1, 28, 28), dtype=np.float32)
    torch.manual_seed(0)
    network = ReportCNN(1, 10)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    y_true = predict(network, torch.from_numpy(x)).numpy()
    y_true[0] = (y_true[0] + 1) % 10
    write_split(
        tmp_path / "split.npz", Split(x, (y_true + 1) % 10, y_true, np.ones(9, bool), 100 + np.arange(9), 10)
    )
    yield tmp_path / "split.npz"
    torch.use_deterministic_algorithms(False)


SETTINGS: dict[str, dict[str, Any]] = {
    "fgsm": {"epsilon": 0.25},
    "bim": {"epsilon": 0.25, "step": 0.05, "steps": 4},
    "ila": {"epsilon": 0.25, "steps": 4, "layer": "relu2"},
    "cw": {
        "confidence": 0.0,
        "initial_constant": 10.0,
        "binary_search_steps": 2,
        "steps": 8,
        "learning_rate": 0.1,
    },
    "rotation": {"degrees": 30},
}
ATTACKS: dict[str, Attack] = {"fgsm": fgsm, "bim": bim, "ila": ila, "cw": cw, "rotation": rotate}


def attack_images(split: Path, method: str, *, images: int = 5, **changes: Any) -> Path:
    output = split.with_name("out") / "attacked.npz"
    attack_split(
        split=split,
        weights=split.with_name("model.pt"),
        output=output,
        settings={"method": method, "images": images, **SETTINGS.get(method, {}), **changes},
        network={"method": "report_cnn", "normalisation": None},
        batch_size=3,
    )
    return output


@pytest.mark.parametrize("method", SETTINGS)
def test_the_step_attacks_the_first_images_by_their_true_labels(
    method: str, split: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = read_split(split), read_split(attack_images(split, method))
    network = ReportCNN(1, 10)
    network.load_state_dict(torch.load(split.with_name("model.pt"), weights_only=True))
    x, y = torch.from_numpy(before.x[:5]), torch.from_numpy(before.y_true[:5])
    expected = ATTACKS[method](network.eval(), x, y, batch_size=3, **SETTINGS[method])
    torch.testing.assert_close(torch.from_numpy(after.x), expected, rtol=0, atol=1e-5)
    assert after.y.tolist() == after.y_true.tolist() == y.tolist()
    assert not after.is_poison.any()
    assert after.source.tolist() == [100, 101, 102, 103, 104]
    assert after.n_classes == 10

    right = (predict(network, torch.from_numpy(after.x)) == y).sum()
    change = (after.x - before.x[:5]).reshape(5, -1)
    l2, farthest = np.linalg.norm(change, axis=1), np.abs(change).max(axis=1)
    assert capsys.readouterr().out.splitlines() == [
        f"the network is right on {right} of 5 images, 4 before the attack",
        f"L2 distance: mean {l2.mean():.4f}, maximum {l2.max():.4f}",
        f"L-infinity distance: mean {farthest.mean():.4f}, maximum {farthest.max():.4f}",
    ]


@pytest.mark.parametrize(
    ("method", "changes", "sentence"),
    [
        ("fgsm", {"images": 10}, "10 images are asked for, allowed are 1 to 9, which the split has"),
        ("rotation", {"images": 0}, "0 images are asked for, allowed are 1 to 9, which the split has"),
        ("bim", {"epsilon": -1}, "epsilon is -1, allowed are numbers above 0 up to 1"),
        ("ila", {"layer": "relu9"}, "the network has no layer 'relu9', allowed are .*"),
        ("cw", {"confidence": math.nan}, "confidence is nan, allowed are numbers from 0"),
    ],
)
def test_an_attack_that_cannot_be_made_is_one_sentence(
    method: str, changes: dict[str, Any], sentence: str, split: Path
) -> None:
    with pytest.raises(InputError, match=f"^{sentence}$"):
        attack_images(split, method, **changes)
    assert not split.with_name("out").exists()


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (
            lambda x: x[:2],
            r"mine returns torch.float32 \[2, 1, 28, 28\], allowed is torch.float32 \[5, 1, .*",
        ),
        (lambda x: x.double(), r"mine returns torch.float64 .*, allowed is torch.float32 .*"),
        (lambda x: x + 1, r"row 0 of x is not within \[0, 1\]"),
    ],
)
def test_what_an_attack_returns_is_checked(
    returned: Attack, sentence: str, split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = ModuleType("layeraudit.attacks.mine")
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    vars(plugin)["attack"] = lambda _network, x, _y, *, batch_size: returned(x)
    with pytest.raises(InputError, match=f"^{sentence}$"):
        attack_images(split, "mine")


def test_an_attack_may_return_what_still_has_a_gradient(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = ModuleType("layeraudit.attacks.mine")
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    vars(plugin)["attack"] = lambda _network, x, _y, *, batch_size: (x * x.clone().requires_grad_()).sqrt()
    after = read_split(attack_images(split, "mine"))
    np.testing.assert_allclose(after.x, read_split(split).x[:5], atol=1e-6)


def sample(folder: Path, *, images: int, seed: int, size: int = 2, n_classes: int = 10) -> Path:
    x = np.arange(30, dtype=np.uint8).repeat(4).reshape(30, 1, 2, 2)
    names = np.array([f"class {label}" for label in range(10)])
    write_arrays(
        folder / "dataset.npz",
        x=x,
        y=np.arange(30) % 10,
        n_train=np.array(20),
        classes=names,
        ids=np.arange(30).astype(str),
    )
    y = np.zeros(3, np.int64)
    form = Split(np.zeros((3, 1, size, size), np.float32), y, y, np.zeros(3, bool), np.arange(3), n_classes)
    write_split(folder / "test.npz", form)
    output = folder / f"sampled_{seed}.npz"
    sample_ood_images(
        dataset=folder / "dataset.npz", split=folder / "test.npz", output=output, images=images, seed=seed
    )
    return output


def test_images_are_sampled_from_the_test_part_each_once(tmp_path: Path) -> None:
    every_image = read_split(sample(tmp_path, images=10, seed=1))
    assert every_image.source.tolist() == list(range(20, 30))
    assert every_image.n_classes == 10
    some = read_split(sample(tmp_path, images=4, seed=2))
    assert some.source.tolist() == sorted(set(some.source.tolist()))
    assert set(some.source.tolist()) < set(range(20, 30))
    assert some.y.tolist() == some.y_true.tolist() == (some.source % 10).tolist()
    np.testing.assert_array_equal(some.x[:, 0, 0, 0], (some.source / 255).astype(np.float32))
    assert not some.is_poison.any()


@pytest.mark.parametrize("n_classes", [3, 12])
def test_images_of_other_data_have_the_classes_of_the_network(n_classes: int, tmp_path: Path) -> None:
    found = read_split(sample(tmp_path, images=10, seed=1, n_classes=n_classes))
    assert found.n_classes == n_classes
    assert found.y.tolist() == found.y_true.tolist() == [0 if n_classes == 3 else i for i in range(10)]


def test_a_seed_samples_the_same_images_and_another_others(tmp_path: Path) -> None:
    first, again, other = (
        read_split(sample(tmp_path, images=5, seed=seed)).source.tolist() for seed in (1, 1, 3)
    )
    assert first == again != other


def test_images_that_are_too_few_or_of_another_form_are_one_sentence(tmp_path: Path) -> None:
    sentence = "11 images are asked for, allowed are 1 to 10, which the test part of .*dataset.npz has"
    with pytest.raises(InputError, match=f"^{sentence}$"):
        sample(tmp_path, images=11, seed=0)
    sentence = r"dataset.npz has images of \[1, 2, 2\], allowed are those of .*test.npz, \[1, 3, 3\]"
    with pytest.raises(InputError, match=f"{sentence}$"):
        sample(tmp_path, images=5, seed=0, size=3)
    assert not (tmp_path / "sampled_0.npz").exists()
