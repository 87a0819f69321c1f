"""Attack the first images of a split, and write what comes out as a split.

Its `y` and `y_true` are the true labels, which are those that the attack leads away from; none of its rows
is poison, and `source` stays. The attacks are those of `layeraudit.attacks.standard`, and the intermediate
level attack of `layeraudit.transfer` on the network itself, each with its own options.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from layeraudit.attacks.standard import bim, cw, fgsm
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_split
from layeraudit.networks import NETWORKS, read_weights
from layeraudit.splits import Split, take_first
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
OPTIONS: dict[str, dict[str, type]] = {
    "fgsm": {"epsilon": float},
    "bim": {"epsilon": float, "step": float, "steps": int},
    "cw": {
        "confidence": float,
        "initial_constant": float,
        "binary_search_steps": int,
        "steps": int,
        "learning_rate": float,
    },
    "ila": {"epsilon": float, "steps": int, "layer": str},
}


def count_right(network: nn.Module, x: Tensor, y: Tensor, *, batch_size: int) -> int:
    with torch.no_grad():
        batches = zip(x.split(batch_size), y.split(batch_size), strict=True)
        return sum(int((network(images).argmax(dim=1) == labels).sum()) for images, labels in batches)


def main() -> None:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--split", type=Path, required=True)
    shared.add_argument("--network", choices=NETWORKS, required=True)
    shared.add_argument("--weights", type=Path, required=True)
    shared.add_argument("--images", type=int, required=True, help="how many of the split, from its first")
    shared.add_argument("--batch-size", type=int, required=True)
    shared.add_argument("--output", type=Path, required=True)
    parser = argparse.ArgumentParser(description=__doc__)
    attacks = parser.add_subparsers(dest="attack", required=True)
    for name, options in OPTIONS.items():
        own = attacks.add_parser(name, parents=[shared], allow_abbrev=False)
        for option, kind in options.items():
            own.add_argument(f"--{option.replace('_', '-')}", type=kind, required=True)
    arguments = parser.parse_args()

    split = take_first(read_split(arguments.split), arguments.images)
    n, batch_size = len(split), arguments.batch_size
    network = NETWORKS[arguments.network]()
    read_weights(network, arguments.weights)
    network.eval()
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)

    options = {option: getattr(arguments, option) for option in OPTIONS[arguments.attack]}
    attacked = ATTACKS[arguments.attack](network, x, y, batch_size=batch_size, **options)

    none = np.zeros(n, dtype=bool)
    write_split(arguments.output, Split(attacked.numpy(), split.y_true, split.y_true, none, split.source))
    before, after = (count_right(network, images, y, batch_size=batch_size) for images in (x, attacked))
    print(f"{arguments.attack}: the network is right on {after} of {n} images, {before} before the attack")
    change = (attacked - x).flatten(start_dim=1)
    for norm, order in [("L2", 2), ("L-infinity", torch.inf)]:
        distance = change.norm(p=order, dim=1)
        print(f"{norm} distance: mean {distance.mean():.4f}, maximum {distance.max():.4f}")


if __name__ == "__main__":
    end_in_a_sentence(main)
