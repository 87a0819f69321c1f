"""The network, its training and the capture of its activations."""

from pathlib import Path

import pytest
import torch
from torch import nn

from layeraudit.activations import capture
from layeraudit.errors import InputError
from layeraudit.networks import LAYERS, NETWORKS, ReportCNN, check_layers, read_network, read_weights
from layeraudit.training import train

IMAGES = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def test_the_layers_of_appendix_a_have_the_sizes_that_the_paper_gives() -> None:
    batches = capture(ReportCNN(), IMAGES, ["relu1", "relu2", "relu3", "fc"], batch_size=7)
    shapes = {layer: tuple(values.shape) for layer, values in next(batches).items()}
    assert shapes == {"relu1": (7, 12544), "relu2": (7, 3200), "relu3": (7, 128), "fc": (7, 10)}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_logits_and_has_the_layers_that_attacks_push_in(name: str) -> None:
    network = NETWORKS[name]().eval()
    check_layers(network, LAYERS[name])
    assert network(IMAGES).shape == (7, 10)
    assert LAYERS[name][-1] == "fc"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_read_gives_what_the_saved_one_gives(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    again = read_network(name, tmp_path / "weights.pt").eval()
    torch.testing.assert_close(again(IMAGES), network(IMAGES))


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
