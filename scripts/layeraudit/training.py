"""Training: the same seed gives the same weights."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import trange


def train(
    network: nn.Module, x: Tensor, y: Tensor, *, epochs: int, batch_size: int, learning_rate: float, seed: int
) -> list[float]:
    """Train the network in place with Adam on the cross-entropy of the given labels.

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
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
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
