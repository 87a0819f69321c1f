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
