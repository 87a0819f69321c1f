"""Networks: each has the layers and weights that it says, and takes any channels and classes."""

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layeraudit.activations import capture
from layeraudit.errors import InputError
from layeraudit.networks import build_network, list_layers, predict, read_network, read_weights
from layeraudit.networks._resnet import Residual
from layeraudit.plugins import list_methods
from layeraudit.splits import Split

pytestmark = pytest.mark.usefixtures("one_thread")

FOR_CIFAR10 = ("resnet20", "vgg11", "all_convolutional")
METHODS = [method for method in list_methods("networks") if list_layers({"method": method})]
every_method = pytest.mark.parametrize("method", METHODS)


def make_images(shape: tuple[int, int, int] = (1, 28, 28), n_classes: int = 10) -> Split:
    x = np.random.default_rng(0).random((3, *shape), dtype=np.float32)
    y = np.zeros(3, np.int64)
    return Split(x, y, y, np.zeros(3, bool), np.arange(3), n_classes)


def images_for(method: str, channels: int | None = None, n_classes: int = 10) -> Split:
    """Make images of the size that a network is for."""
    usual, size = (3, 32) if method in FOR_CIFAR10 else (1, 28)
    return make_images((channels or usual, size, size), n_classes)


def build(images: Split, method: str = "report_cnn", **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return build_network({"method": method, **settings}, images).eval()


def run(network: nn.Module, images: Split) -> Tensor:
    with torch.no_grad():
        logits: Tensor = network(torch.from_numpy(images.x))
    return logits


def look(network: nn.Module, images: Split, method: str = "report_cnn") -> dict[str, Tensor]:
    x = torch.from_numpy(images.x)
    (batch,) = capture(network, x, list_layers({"method": method}), batch_size=len(x))
    return batch


@every_method
@pytest.mark.parametrize(("channels", "n_classes"), [(1, 2), (3, 7), (4, 10)])
def test_a_network_takes_any_channels_and_makes_logits_of_any_classes(
    method: str, channels: int, n_classes: int
) -> None:
    images = images_for(method, channels, n_classes)
    network = build(images, method)
    logits = run(network, images)
    assert (logits.dtype, logits.shape) == (torch.float32, (3, n_classes))
    torch.testing.assert_close(look(network, images, method)[list_layers({"method": method})[-1]], logits)


@every_method
def test_the_layers_are_named_from_input_to_output(method: str) -> None:
    images = images_for(method)
    network, layers = build(images, method), list_layers({"method": method})
    reached: list[str] = []
    for layer in layers:
        network.get_submodule(layer).register_forward_hook(lambda *_, layer=layer: reached.append(layer))
    run(network, images)
    assert reached == layers


@every_method
def test_a_network_is_built_from_a_seed_and_to_be_trained(method: str) -> None:
    torch.manual_seed(0)
    first = build_network({"method": method}, images_for(method))
    drawn_next = torch.rand(1)
    torch.manual_seed(0)
    again = build_network({"method": method}, images_for(method))
    assert torch.rand(1) == drawn_next
    assert all(module.training for module in first.modules())
    assert all(parameter.requires_grad for parameter in first.parameters())
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@every_method
def test_a_network_that_is_read_makes_what_the_saved_one_makes(method: str, tmp_path: Path) -> None:
    images, settings = images_for(method), {"method": method}
    network = build(images, method)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    for channels_last in (True, False):
        again = read_network(settings, tmp_path / "weights.pt", images, channels_last=channels_last)
        torch.testing.assert_close(run(again.eval(), images), run(network, images), rtol=1e-4, atol=1e-5)


@every_method
def test_weights_for_other_classes_are_refused(method: str, tmp_path: Path) -> None:
    torch.save(build(images_for(method), method).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(
        InputError, match="weights.pt does not hold the weights of a .*size mismatch"
    ) as error:
        read_network({"method": method}, tmp_path / "weights.pt", images_for(method, n_classes=7))
    assert "\n" not in str(error.value)


SMALLEST = {
    "all_convolutional": 9,
    "lenet": 12,
    "report_cnn": 28,
    "resnet20": 1,
    "small_resnet": 1,
    "tramer_a": 9,
    "tramer_b": 28,
    "tramer_c": 10,
    "tramer_d": 1,
    "vgg11": 32,
}
"""Height and width of the smallest images that a network takes."""


@every_method
def test_images_that_are_too_small_are_one_sentence(method: str) -> None:
    size = SMALLEST[method]
    build(make_images((3, size, size)), method)
    if size > 1:
        with pytest.raises(InputError) as error:
            build(make_images((3, size - 1, size - 1)), method)
        assert str(error.value).startswith(f"{method} takes no images of [3, {size - 1}, {size - 1}]: ")
        assert str(error.value).isprintable()


def put(monkeypatch: pytest.MonkeyPatch, network: Callable[..., nn.Module], *layers: str) -> str:
    """Put a network in the place of a plug-in, and return its name."""
    plugin = ModuleType("layeraudit.networks.mine")
    vars(plugin).update(build=network, LAYERS=list(layers))
    monkeypatch.setitem(sys.modules, plugin.__name__, plugin)
    return "mine"


def flat(shape: tuple[int, int, int], n_classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], n_classes))


def test_a_network_of_other_outputs_or_layers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    build(make_images(), put(monkeypatch, flat, "0", "1"))
    with pytest.raises(InputError, match=r"^the network has no layer '2', allowed are 0, 1$"):
        build(make_images(), put(monkeypatch, flat, "1", "2"))
    allowed = r"of an image, allowed are logits, \[1, 10\]$"
    with pytest.raises(InputError, match=rf"^mine makes \[1, 9\] {allowed}"):
        build(make_images(), put(monkeypatch, lambda shape, n: flat(shape, n - 1), "1"))
    with pytest.raises(InputError, match=rf"^mine makes \[1, 1, 28, 28\] {allowed}"):
        build(make_images(), put(monkeypatch, lambda *_: nn.ReLU(), ""))


MEAN, STD = [0.5, 0.25, 0.125], [0.5, 2.0, 0.25]


@pytest.mark.parametrize(("mean", "std"), [(MEAN, STD), (MEAN[:1], STD[:1]), (MEAN, STD[:1])])
def test_normalisation_is_that_by_hand_and_changes_no_name(
    mean: list[float], std: list[float], tmp_path: Path
) -> None:
    images = make_images((3, 28, 28))
    plain, normalised = (build(images, normalisation=of) for of in (None, {"mean": mean, "std": std}))
    assert list(normalised.state_dict()) == list(plain.state_dict())
    names = [[name for name, _ in network.named_modules()] for network in (plain, normalised)]
    assert names[0] == names[1]

    kept = torch.from_numpy(images.x).clone()
    shift, scale = (torch.tensor(values).reshape(-1, 1, 1) for values in (mean, std))
    by_hand = ((torch.from_numpy(images.x) - shift) / scale).requires_grad_()
    expected = plain(by_hand)
    torch.testing.assert_close(run(normalised, images), expected.detach())
    assert torch.equal(torch.from_numpy(images.x), kept)
    for layer, values in look(normalised, images).items():
        with torch.no_grad():
            (found,) = capture(plain, by_hand, [layer], batch_size=3)
        torch.testing.assert_close(values, found[layer])

    x = kept.requires_grad_()
    (of_pixels,) = torch.autograd.grad(normalised(x).sum(), x)
    (of_shifted,) = torch.autograd.grad(expected.sum(), by_hand)
    torch.testing.assert_close(of_pixels, of_shifted / scale)

    torch.save(normalised.state_dict(), tmp_path / "weights.pt")
    settings = {"method": "report_cnn", "normalisation": {"mean": mean, "std": std}}
    again = read_network(settings, tmp_path / "weights.pt", images).eval()
    torch.testing.assert_close(run(again, images), expected.detach(), rtol=1e-4, atol=1e-5)


def test_a_normalisation_of_other_channels_is_one_sentence() -> None:
    sentence = "normalisation.std has 2 numbers, allowed is one, or one for each of 3 channels"
    with pytest.raises(InputError, match=f"^{sentence}$"):
        build(make_images((3, 28, 28)), normalisation={"mean": [0.5], "std": [1.0, 2.0]})


def test_the_layers_of_appendix_a_have_the_sizes_that_the_paper_gives() -> None:
    found = look(build(make_images()), make_images())
    assert {layer: values.shape[1] for layer, values in found.items()} == {
        "relu1": 12544,
        "relu2": 3200,
        "relu3": 128,
        "fc": 10,
    }


@pytest.mark.parametrize(
    ("method", "dimensions"),
    [
        ("resnet20", [16 * 32**2, 16 * 32**2, 32 * 16**2, 64 * 8**2, 10]),
        ("vgg11", [64 * 32**2, 128 * 16**2, 256 * 8**2, 512 * 4**2, 512 * 2**2, 10]),
        ("all_convolutional", [96 * 32**2, 96 * 16**2, 192 * 16**2, 192 * 8**2, 192 * 6**2, 10]),
    ],
)
def test_the_layers_of_the_networks_for_cifar10_have_the_sizes_of_their_papers(
    method: str, dimensions: list[int]
) -> None:
    images = images_for(method)
    found = look(build(images, method), images, method)
    assert [values.shape[1] for values in found.values()] == dimensions


def count_of_convolutions(*convolutions: tuple[int, int, int], bias: bool) -> int:
    """Count the parameters of convolutions, of inputs, outputs and width, and of norms or biases."""
    return sum(
        width**2 * inputs * outputs + (1 if bias else 2) * outputs for inputs, outputs, width in convolutions
    )


VGG = [3, 64, 128, 256, 256, 512, 512, 512, 512]


@pytest.mark.parametrize(
    ("method", "weighted", "parameters"),
    [
        (
            "resnet20",
            20 + 2,  # the projections
            count_of_convolutions((3, 16, 3), *[(16, 16, 3)] * 6, bias=False)
            + count_of_convolutions((16, 32, 3), *[(32, 32, 3)] * 5, (16, 32, 1), bias=False)
            + count_of_convolutions((32, 64, 3), *[(64, 64, 3)] * 5, (32, 64, 1), bias=False)
            + 65 * 10,
        ),
        (
            "vgg11",
            11 - 2,  # fully connected
            count_of_convolutions(*((a, b, 3) for a, b in pairwise(VGG)), bias=False) + 513 * 10,
        ),
        (
            "all_convolutional",
            9,
            count_of_convolutions(
                (3, 96, 3), *[(96, 96, 3)] * 2, (96, 192, 3), *[(192, 192, 3)] * 3, bias=True
            )
            + count_of_convolutions((192, 192, 1), (192, 10, 1), bias=True),
        ),
    ],
)
def test_the_networks_for_cifar10_have_the_weights_of_their_papers(
    method: str, weighted: int, parameters: int
) -> None:
    network = build(images_for(method), method)
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == weighted
    assert sum(tensor.numel() for tensor in network.parameters()) == parameters


def test_a_small_resnet_draws_its_weights_from_input_to_output() -> None:
    drawn = build(make_images(), "small_resnet").state_dict()
    torch.manual_seed(0)
    by_hand = {
        "conv1": nn.Conv2d(1, 16, kernel_size=3, padding=1, bias=False),
        "norm1": nn.BatchNorm2d(16),
        "block1": Residual(16, 16, stride=1),
        "block2": Residual(16, 32, stride=2),
        "block3": Residual(32, 64, stride=2),
        "fc": nn.Linear(64, 10),
    }
    expected = {
        f"{name}.{key}": value for name in by_hand for key, value in by_hand[name].state_dict().items()
    }
    assert list(drawn) == list(expected)
    assert all(torch.equal(drawn[key], value) for key, value in expected.items())


def test_the_all_convolutional_network_keeps_the_size_of_what_passes_through_it() -> None:
    images = images_for("all_convolutional")
    network = build(images, "all_convolutional")
    for layer in network.children():
        if isinstance(layer, nn.Conv2d):
            inputs = layer.in_channels * layer.kernel_size[0] ** 2
            assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.06)
    # So do biases of zero: an image twice as bright has logits twice as large.
    x = torch.from_numpy(images.x) / 2
    torch.testing.assert_close(network(2 * x), 2 * network(x))


def test_pooling_before_tanh_is_pooling_after_it() -> None:
    x = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    pool = nn.MaxPool2d(2)
    torch.testing.assert_close(pool(x).tanh(), pool(x.tanh()), rtol=0, atol=0)


def test_labels_are_predicted_in_evaluation_mode_whatever_the_batches() -> None:
    images = make_images()
    network = build(images, "tramer_a").train()
    found = predict(network, torch.from_numpy(images.x), batch_size=2)
    assert not network.training
    assert found.tolist() == run(network, images).argmax(dim=1).tolist()


class MakesAFolder:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (self.path,)


def test_a_pickled_program_is_not_run(tmp_path: Path) -> None:
    torch.save({"fc.weight": MakesAFolder(tmp_path / "run")}, tmp_path / "model.pt")
    with pytest.raises(InputError, match="does not hold the weights"):
        read_weights(build(make_images()), tmp_path / "model.pt")
    assert not (tmp_path / "run").exists()


def damage(path: Path, kind: str) -> None:
    network = build(make_images())
    weights = network.state_dict()
    if kind == "NaN":
        weights["fc.bias"][3] = torch.nan
    if kind == "another network":
        weights = nn.Linear(2, 2).state_dict()
    torch.save(network if kind == "a pickled module" else weights, path)
    if kind == "cut short":
        path.write_bytes(path.read_bytes()[:1000])
    if kind == "no weights":
        path.write_text("text")
    if kind == "missing":
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("NaN", "fc.bias holds NaN or infinity"),
        ("another network", "does not hold the weights of a ReportCNN"),
        ("a pickled module", "does not hold the weights of a ReportCNN"),
        ("cut short", "does not hold the weights of a ReportCNN"),
        ("no weights", "does not hold the weights of a ReportCNN"),
        ("missing", "does not exist"),
    ],
)
def test_weights_that_cannot_be_used_are_one_sentence(kind: str, sentence: str, tmp_path: Path) -> None:
    damage(tmp_path / "model.pt", kind)
    with pytest.raises(InputError, match=sentence) as error:
        read_weights(build(make_images()), tmp_path / "model.pt")
    assert "\n" not in str(error.value)
