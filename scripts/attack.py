"""Attack the first images of a split, and write what comes out as a split.

Its `y` and `y_true` are the true labels, which are those that the attack leads away from; none of its rows is
poison, and `source` stays. The method is a module of `layeraudit.attacks`.
"""

from typing import Any

import torch

from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.files import read_split, write_split
from layeraudit.networks import predict, read_network
from layeraudit.plugins import load, split_settings
from layeraudit.splits import take_attacked, take_first


def attack(
    *,
    split: Input,
    weights: Input,
    output: Output,
    settings: dict[str, Any],
    network: dict[str, Any],
    batch_size: int,
) -> None:
    """Write attacked images.

    settings : `method`, its options, and `images`: how many of the split, from its first
    """
    images = take_first(read_split(split), settings["images"])
    model = read_network(network, weights, images, channels_last=False).eval()
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(images.x), torch.from_numpy(images.y_true)

    method, options = split_settings(settings, "images")
    attacked = load("attacks", method).attack(model, x, y, batch_size=batch_size, **options).detach()
    if attacked.dtype != x.dtype or attacked.shape != x.shape:
        raise InputError(
            f"{method} returns {attacked.dtype} {list(attacked.shape)}, allowed is {x.dtype} {list(x.shape)}"
        )

    write_split(output, take_attacked(images, attacked.numpy()))
    before, after = (
        int((predict(model, shown, batch_size=batch_size) == y).sum()) for shown in (x, attacked)
    )
    print(f"the network is right on {after} of {len(x)} images, {before} before the attack")
    change = (attacked - x).flatten(start_dim=1)
    for norm, order in [("L2", 2), ("L-infinity", torch.inf)]:
        distance = change.norm(p=order, dim=1)
        print(f"{norm} distance: mean {distance.mean():.4f}, maximum {distance.max():.4f}")


if __name__ == "__main__":
    run(attack)
