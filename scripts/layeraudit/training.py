"""Training: the same seed gives the same weights."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import trange

from layeraudit.errors import InputError
from layeraudit.networks import build_network, list_layers, read_weights
from layeraudit.splits import Split


def train_from_seed(
    network: Mapping[str, Any],
    pretrained: Path | None,
    split: Split,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
) -> tuple[nn.Module, list[float]]:
    """Train a network on a split, by the labels given.

    Parameters
    ----------
    network : `method` and its options, as `build_network` takes them
    pretrained : weights to begin with, of which the last layer alone is then trained; None draws all weights
        and trains them
    seed : of the first weights, and of the order in which the rows are seen

    Returns
    -------
    The network, and the mean loss of each epoch.

    Raises
    ------
    InputError
        Where the weights to begin with are not its own, or where training diverges.
    """
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    built = build_network(network, split)
    if pretrained is not None:
        read_weights(built, pretrained)
        built.requires_grad_(False).get_submodule(list_layers(network)[-1]).requires_grad_(True)
    losses = train(
        built,
        torch.from_numpy(split.x),
        torch.from_numpy(split.y),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    if not math.isfinite(losses[-1]):
        raise InputError(f"the loss is {losses[-1]}: training has diverged, lower training.learning_rate")
    return built, losses


def train(
    network: nn.Module, x: Tensor, y: Tensor, *, epochs: int, batch_size: int, learning_rate: float, seed: int
) -> list[float]:
    """Train in place what asks for gradients, with Adam on the cross-entropy of the given labels.

    Parameters
    ----------
    network : its weights are the starting point
    x : float32 [n, c, h, w]
    y : int64 [n]
    seed : of the order in which the rows are seen

    Returns
    -------
    The mean loss of each epoch.
    """
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # an eighth faster on CPUs
    generator = torch.Generator().manual_seed(seed)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=learning_rate)
    network.train()
    losses = []
    for _ in trange(epochs, desc="epochs", disable=None):
        total = 0.0
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):
            optimizer.zero_grad()
            loss = cross_entropy(network(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(x))
    return losses
