"""Measure how far the intermediate level attack, made in each layer, disturbs each layer of its source.

By this the attack's layer is chosen on the source alone, on images that no figure is made of. Writes a row
for each radius, guide, layer that is attacked and layer that is looked at: `dataset, source, seed, epsilon,
guide, layer, seen, disturbance` (the mean over the images) and `n_points`.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from layeraudit.activations import captured
from layeraudit.attacks._conditions import frozen
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_rows
from layeraudit.networks import LAYERS, NETWORKS, read_network
from layeraudit.splits import take_first
from layeraudit.transfer import disturb, fine_tune


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="how many of the split, from its first")
    parser.add_argument("--network", choices=NETWORKS, required=True, help="the source")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--epsilons", type=float, nargs="+", required=True)
    parser.add_argument("--passes", type=int, required=True)
    parser.add_argument("--dataset", required=True, help="its name, for the table")
    parser.add_argument("--seed", type=int, required=True, help="that of the run, for the table")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    split = take_first(read_split(arguments.split), arguments.images)
    network, layers = read_network(arguments.network, arguments.weights), LAYERS[arguments.network]
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)

    def show(images: Tensor) -> dict[str, Tensor]:
        with torch.no_grad(), frozen(network), captured(network, layers) as outputs:
            return outputs(images)

    clean = show(x)
    of_all = {"dataset": arguments.dataset, "source": arguments.network, "seed": arguments.seed}
    rows = []
    for epsilon in arguments.epsilons:
        for recipe, pushed in fine_tune(
            network,
            x,
            y,
            layers=layers,
            epsilon=epsilon,
            passes=arguments.passes,
            batch_size=arguments.batch_size,
        ):
            for seen, outputs in show(pushed.x).items():
                of_attack = {"epsilon": epsilon, "guide": recipe.guide, "layer": recipe.layer, "seen": seen}
                disturbance = float(disturb(outputs, clean[seen]).mean())
                rows.append(of_all | of_attack | {"disturbance": disturbance, "n_points": len(x)})
    write_rows(arguments.output, list(rows[0]), rows)


if __name__ == "__main__":
    end_in_a_sentence(main)
