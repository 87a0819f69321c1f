"""The network, its training and the capture of its activations."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from layeraudit.activations import capture
from layeraudit.errors import InputError
from layeraudit.networks import (
    LAYERS,
    NETWORKS,
    ReportCNN,
    Residual,
    check_layers,
    read_network,
    read_weights,
)
from layeraudit.training import train

IMAGES = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))
FOR_CIFAR10 = ("resnet20", "vgg11", "all_convolutional")


def images_for(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(7, 3, 32, 32, generator=generator) if name in FOR_CIFAR10 else IMAGES


def test_the_layers_of_appendix_a_have_the_sizes_that_the_paper_gives() -> None:
    batches = capture(ReportCNN(), IMAGES, ["relu1", "relu2", "relu3", "fc"], batch_size=7)
    shapes = {layer: tuple(values.shape) for layer, values in next(batches).items()}
    assert shapes == {"relu1": (7, 12544), "relu2": (7, 3200), "relu3": (7, 128), "fc": (7, 10)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_logits_and_has_the_layers_that_attacks_push_in(name: str) -> None:
    network, images = NETWORKS[name]().eval(), images_for(name)
    check_layers(network, LAYERS[name])
    assert network(images).shape == (7, 10)
    (batch,) = capture(network, images, LAYERS[name], batch_size=7)
    torch.testing.assert_close(batch[LAYERS[name][-1]], network(images))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_layers_are_named_from_input_to_output(name: str) -> None:
    network = NETWORKS[name]().eval()
    reached: list[str] = []
    for layer in LAYERS[name]:
        network.get_submodule(layer).register_forward_hook(lambda *_, layer=layer: reached.append(layer))
    network(images_for(name))
    assert tuple(reached) == LAYERS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_read_gives_what_the_saved_one_gives(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    again = read_network(name, tmp_path / "weights.pt").eval()
    torch.testing.assert_close(again(images_for(name)), network(images_for(name)))


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [
        ("resnet20", [16 * 32**2, 16 * 32**2, 32 * 16**2, 64 * 8**2, 10]),
        ("vgg11", [64 * 32**2, 128 * 16**2, 256 * 8**2, 512 * 4**2, 512 * 2**2, 10]),
        ("all_convolutional", [96 * 32**2, 96 * 16**2, 192 * 16**2, 192 * 8**2, 192 * 6**2, 10]),
    ],
)
def test_the_layers_of_the_networks_for_cifar10_have_the_sizes_of_their_papers(
    name: str, dimensions: list[int]
) -> None:
    (batch,) = capture(NETWORKS[name](), images_for(name), LAYERS[name], batch_size=7)
    assert [batch[layer].shape[1] for layer in LAYERS[name]] == dimensions


def count_of_convolutions(*convolutions: tuple[int, int, int], bias: bool) -> int:
    """Count the parameters of convolutions, of inputs, outputs and width, and of norms or biases."""
    return sum(
        width**2 * inputs * outputs + (1 if bias else 2) * outputs for inputs, outputs, width in convolutions
    )


VGG = [3, 64, 128, 256, 256, 512, 512, 512, 512]


@pytest.mark.parametrize(
    ("name", "weighted", "parameters"),
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
    name: str, weighted: int, parameters: int
) -> None:
    network = NETWORKS[name]()
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == weighted
    assert sum(tensor.numel() for tensor in network.parameters()) == parameters


def test_a_small_resnet_draws_its_weights_from_input_to_output() -> None:
    torch.manual_seed(0)
    drawn = NETWORKS["small_resnet"]().state_dict()
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
    torch.manual_seed(0)
    network = NETWORKS["all_convolutional"]().eval()
    for layer in network.children():
        if isinstance(layer, nn.Conv2d):
            inputs = layer.in_channels * layer.kernel_size[0] ** 2
            assert layer.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.06)
    # So do biases of zero: an image twice as bright has logits twice as large.
    images = images_for("all_convolutional") / 2
    torch.testing.assert_close(network(2 * images), 2 * network(images))


def test_pooling_before_tanh_is_pooling_after_it() -> None:
    x = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    pool = nn.MaxPool2d(2)
    torch.testing.assert_close(pool(x).tanh(), pool(x.tanh()), rtol=0, atol=0)


class TwoLayers(nn.Module):
    """A linear layer that an in-place ReLU changes afterwards, and dropout that evaluation switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        self.linear.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.dropout(self.relu(self.linear(x)))
        return output


def test_a_layer_is_captured_before_the_next_changes_it_in_place() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    (batch,) = capture(TwoLayers(), x, ["linear", "relu", "dropout"], batch_size=5)
    assert batch["linear"].tolist() == [[1, -2], [3, 4]]
    assert batch["relu"].tolist() == batch["dropout"].tolist() == [[1, 0], [3, 4]]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_follow_each_other_in_the_order_of_the_rows(batch_size: int) -> None:
    network = ReportCNN()
    whole = next(capture(network, IMAGES, ["fc"], batch_size=7))["fc"]
    parts = torch.cat([batch["fc"] for batch in capture(network, IMAGES, ["fc"], batch_size=batch_size)])
    torch.testing.assert_close(parts, whole)


def test_no_hook_stays_behind_even_after_a_fault() -> None:
    network = ReportCNN()
    with pytest.raises(RuntimeError):
        list(capture(network, torch.zeros(1, 3, 28, 28), ["fc"], batch_size=1))
    assert not network.fc._forward_hooks


def test_a_layer_that_the_network_lacks_is_an_error() -> None:
    with pytest.raises(InputError, match="no layer 'relu4', allowed are conv1, relu1, "):
        next(capture(ReportCNN(), IMAGES, ["fc", "relu4"], batch_size=7))


def train_linear(seed: int) -> tuple[list[float], torch.Tensor]:
    torch.manual_seed(0)
    network = nn.Linear(2, 2)
    x = torch.randn(40, 2)
    losses = train(network, x, (x[:, 0] > 0).long(), epochs=60, batch_size=8, learning_rate=0.1, seed=seed)
    return losses, network.weight.detach()


def test_training_separates_what_a_line_separates() -> None:
    losses, _ = train_linear(seed=1)
    assert len(losses) == 60
    assert losses[-1] < 0.1 < losses[0]


def test_the_same_seed_gives_the_same_weights_and_another_others() -> None:
    assert torch.equal(train_linear(seed=1)[1], train_linear(seed=1)[1])
    assert not torch.equal(train_linear(seed=1)[1], train_linear(seed=2)[1])


def test_weights_are_read_as_they_were_saved(tmp_path: Path) -> None:
    saved, read = ReportCNN(), ReportCNN()
    torch.save(saved.state_dict(), tmp_path / "model.pt")
    read_weights(read, tmp_path / "model.pt")
    assert torch.equal(saved.fc.weight, read.fc.weight)


class MakesAFolder:
    """Makes a folder where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.mkdir, (self.path,)


def test_a_pickled_program_is_not_run(tmp_path: Path) -> None:
    torch.save({"fc.weight": MakesAFolder(tmp_path / "run")}, tmp_path / "model.pt")
    with pytest.raises(InputError, match="does not hold the weights"):
        read_weights(ReportCNN(), tmp_path / "model.pt")
    assert not (tmp_path / "run").exists()


def damage(path: Path, kind: str) -> None:
    weights = ReportCNN().state_dict()
    if kind == "NaN":
        weights["fc.bias"][3] = torch.nan
    if kind == "another network":
        weights = TwoLayers().state_dict()
    torch.save(ReportCNN() if kind == "a pickled module" else weights, path)
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
        read_weights(ReportCNN(), tmp_path / "model.pt")
    assert "\n" not in str(error.value)
