"""The capture of activations: row by row, as each layer makes them, with nothing left behind."""

import pytest
import torch
from torch import Tensor, nn

from layeraudit.activations import capture, captured, stopped_at
from layeraudit.errors import InputError
from layeraudit.networks.report_cnn import ReportCNN

IMAGES = torch.rand(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))

pytestmark = pytest.mark.usefixtures("one_thread")


class TwoLayers(nn.Module):
    """A linear layer that an in-place ReLU changes afterwards, and dropout that evaluation switches off."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)
        self.unused = nn.ReLU()
        self.linear.weight.data = torch.tensor([[1.0, 0.0], [0.0, -1.0]])

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.dropout(self.relu(self.linear(x)))
        return output


def make_network() -> ReportCNN:
    torch.manual_seed(0)
    return ReportCNN(1, 10)


def test_a_layer_is_captured_before_the_next_changes_it_in_place() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    (batch,) = capture(TwoLayers(), x, ["linear", "relu", "dropout", ""], batch_size=5)
    assert batch["linear"].tolist() == [[1, -2], [3, 4]]
    assert batch["relu"].tolist() == batch["dropout"].tolist() == batch[""].tolist() == [[1, 0], [3, 4]]


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_follow_each_other_in_the_order_of_the_rows(batch_size: int) -> None:
    network = make_network()
    whole = next(capture(network, IMAGES, ["fc"], batch_size=7))["fc"]
    batches = list(capture(network, IMAGES, ["fc"], batch_size=batch_size))
    assert len(batches[0]["fc"]) == min(batch_size, 7)
    torch.testing.assert_close(torch.cat([batch["fc"] for batch in batches]), whole)


def test_layers_stand_in_the_order_in_which_they_are_asked_for() -> None:
    (batch,) = capture(make_network(), IMAGES, ["fc", "relu1"], batch_size=7)
    assert list(batch) == ["fc", "relu1"]


def test_no_hook_stays_behind_even_after_a_fault() -> None:
    network = make_network()
    with pytest.raises(RuntimeError):
        list(capture(network, torch.zeros(1, 3, 28, 28), ["fc"], batch_size=1))
    with pytest.raises(RuntimeError), stopped_at(network, "fc") as output:
        output(torch.zeros(1, 3, 28, 28))
    assert not any(module._forward_hooks for module in network.modules())


def test_gradients_pass_through_what_is_captured_and_what_is_stopped_at() -> None:
    network = make_network().eval()
    x = IMAGES.clone().requires_grad_()
    with stopped_at(network, "relu2") as output:
        stopped = output(x)
    with captured(network, ["relu2"]) as outputs:
        found = outputs(x)["relu2"]
    torch.testing.assert_close(found, stopped)
    gradients = [torch.autograd.grad(values.sum(), x)[0] for values in (found, stopped)]
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().max() > 0


def test_a_layer_that_the_network_lacks_is_an_error() -> None:
    with pytest.raises(InputError, match="no layer 'relu4', allowed are conv1, relu1, "):
        next(capture(make_network(), IMAGES, ["fc", "relu4"], batch_size=7))
    with (
        pytest.raises(InputError, match="no layer 'relu4', allowed are "),
        stopped_at(make_network(), "relu4"),
    ):
        pass


def test_a_layer_that_no_run_reaches_is_an_error() -> None:
    x = torch.zeros(1, 2)
    with (
        stopped_at(TwoLayers(), "unused") as output,
        pytest.raises(InputError, match="^the network has a layer 'unused' and makes no use of it$"),
    ):
        output(x)
    with pytest.raises(InputError, match="^the network has a layer 'unused' and makes no use of it$"):
        list(capture(TwoLayers(), x, ["relu", "unused"], batch_size=1))


class Various(nn.Module):
    """Layers with several outputs, in half precision, called twice, and without rows."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2, 3, batch_first=True)
        self.halved = nn.Linear(3, 4).bfloat16()
        self.twice = nn.Tanh()
        self.total = nn.Identity()
        self.turned = nn.Identity()
        self.named = nn.Identity()
        self.one = nn.Flatten(0)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.lstm(x[:, None])
        x = self.halved(self.named({"x": x})["x"][:, 0].bfloat16()).float()
        self.total(x.sum())
        self.turned(x.T)
        self.one(x[:, 0])
        return self.twice(self.twice(x))


ROWS = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))


def test_of_several_outputs_the_first_is_captured_and_half_precision_becomes_float32() -> None:
    torch.manual_seed(0)
    network = Various().eval()
    batches = list(capture(network, ROWS, ["lstm", "halved", "one", ""], batch_size=2))
    found = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    with torch.no_grad():
        expected = network.lstm(ROWS[:, None])[0][:, 0]
        torch.testing.assert_close(found["lstm"], expected)
        torch.testing.assert_close(found["halved"], network.halved(expected.bfloat16()).float())
        torch.testing.assert_close(found["one"], found["halved"][:, :1])
        torch.testing.assert_close(found[""], found["halved"].tanh().tanh())
    assert {values.dtype for values in found.values()} == {torch.float32}


@pytest.mark.parametrize("layer", ["total", "turned", "named"])
def test_a_layer_without_a_row_for_each_input_is_an_error(layer: str) -> None:
    with pytest.raises(
        InputError, match=f"^the layer '{layer}' makes no tensor with a row for each input, all"
    ):
        list(capture(Various(), ROWS, ["lstm", layer], batch_size=5))


def test_a_layer_that_is_called_twice_is_an_error() -> None:
    with pytest.raises(
        InputError, match="^the network calls 'twice' more than once for an input, allowed are"
    ):
        list(capture(Various(), ROWS, ["twice"], batch_size=5))


@pytest.mark.parametrize("was_enabled", [True, False])
def test_transformers_call_their_layers_and_their_fast_path_is_put_back(was_enabled: bool) -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    network = nn.TransformerEncoder(layer, 2).eval()
    x = torch.rand(3, 4, 8)
    torch.backends.mha.set_fastpath_enabled(was_enabled)
    try:
        (found,) = capture(network, x, ["layers.0.linear1", "layers.1.self_attn", ""], batch_size=3)
        assert torch.backends.mha.get_fastpath_enabled() is was_enabled
        with pytest.raises((RuntimeError, AssertionError)):
            list(capture(network, x[..., :3], [""], batch_size=3))
        assert torch.backends.mha.get_fastpath_enabled() is was_enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert {name: of.shape for name, of in found.items()} == {
        "layers.0.linear1": (3, 64),
        "layers.1.self_attn": (3, 32),
        "": (3, 32),
    }
    with torch.no_grad():
        torch.testing.assert_close(found[""], network(x).flatten(1))  # by the fast path
