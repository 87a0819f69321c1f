"""Attack the first images of a split, and write what comes out as a split.

Its `y` and `y_true` are the true labels, which are those that the attack leads away from; none of its rows
is poison, and `source` stays. The attacks are those of `layeraudit.attacks.standard`, and the intermediate
level attack of `layeraudit.transfer` on the network itself, each with its own options.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from layeraudit.attacks.standard import bim, cw, fgsm
from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_split
from layeraudit.networks import predict, read_network
from layeraudit.splits import take_attacked, take_first
from layeraudit.transfer import fine_tune


def ila(
    network: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, steps: int, layer: str, batch_size: int
) -> Tensor:
    """Fine-tune I-FGSM in a layer, half of the steps for each."""
    made = fine_tune(
        network,
        x,
        y,
        layers=[layer],
        crafted=[("i_fgsm", "ilap")],
        epsilon=epsilon,
        passes=steps,
        batch_size=batch_size,
    )
    ((_, pushed),) = made
    return pushed.x


ATTACKS = {"fgsm": fgsm, "bim": bim, "cw": cw, "ila": ila}


def attack(
    *,
    split: Input,
    weights: Input,
    output: Output,
    method: Literal["fgsm", "bim", "cw", "ila"],
    options: dict[str, Any],
    network: dict[str, Any],
    batch_size: int,
) -> None:
    """Write attacked images.

    options : of the attack, and `images`: how many of the split, from its first
    """
    images = take_first(read_split(split), options["images"])
    model = read_network(network, weights, images, channels_last=False).eval()
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(images.x), torch.from_numpy(images.y_true)

    of_method = {name: value for name, value in options.items() if name != "images"}
    attacked = ATTACKS[method](model, x, y, batch_size=batch_size, **of_method)

    write_split(output, take_attacked(images, attacked.numpy()))
    before, after = (
        int((predict(model, shown, batch_size=batch_size) == y).sum()) for shown in (x, attacked)
    )
    print(f"{method}: the network is right on {after} of {len(x)} images, {before} before the attack")
    change = (attacked - x).flatten(start_dim=1)
    for norm, order in [("L2", 2), ("L-infinity", torch.inf)]:
        distance = change.norm(p=order, dim=1)
        print(f"{norm} distance: mean {distance.mean():.4f}, maximum {distance.max():.4f}")


if __name__ == "__main__":
    run(attack)
