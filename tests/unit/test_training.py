"""Training: the same seed gives the same weights, all of them or the last layer alone."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from layeraudit.errors import InputError
from layeraudit.splits import Split
from layeraudit.training import train, train_from_seed

pytestmark = pytest.mark.usefixtures("one_thread")


def train_linear(seed: int) -> tuple[list[float], Tensor]:
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


def make_split() -> Split:
    """Make images of 12 x 12 in three classes, each bright in a third of its own."""
    y = np.arange(60) % 3
    x = np.random.default_rng(0).random((60, 1, 12, 12), dtype=np.float32) / 2
    for label in range(3):
        x[y == label, :, 4 * label : 4 * label + 4] += 0.5
    return Split(x, y, y, np.zeros(60, bool), np.arange(60))


def train_lenet(
    seed: int = 1, pretrained: Path | None = None, *, epochs: int = 6, learning_rate: float = 0.01
) -> tuple[dict[str, Tensor], list[float]]:
    split = make_split()
    options = {"epochs": epochs, "batch_size": 10, "learning_rate": learning_rate, "seed": seed}
    network, losses = train_from_seed({"method": "lenet"}, pretrained, split, **options)  # type: ignore[arg-type]
    return network.state_dict(), losses


def test_a_network_is_drawn_and_trained_from_one_seed() -> None:
    (first, losses), (again, _), (other, _) = (train_lenet(seed) for seed in (1, 1, 2))
    assert losses[-1] < 0.1 < losses[0]
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_where_weights_are_given_the_last_layer_alone_is_trained(tmp_path: Path) -> None:
    given, _ = train_lenet(seed=2, epochs=1)
    torch.save(given, tmp_path / "pretrained.pt")
    trained, losses = train_lenet(1, tmp_path / "pretrained.pt")
    assert losses[-1] < losses[0]
    changed = {name for name in given if not torch.equal(given[name], trained[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_training_that_diverges_is_one_sentence() -> None:
    sentence = "the loss is nan: training has diverged, lower training.learning_rate"
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        train_lenet(learning_rate=1e30)


def test_weights_of_another_network_are_one_sentence(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "pretrained.pt")
    with pytest.raises(InputError, match="pretrained.pt does not hold the weights of a Sequential"):
        train_lenet(1, tmp_path / "pretrained.pt")
