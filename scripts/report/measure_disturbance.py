"""Measure how far the intermediate level attack, made in each layer, disturbs each layer of its source.

By this the attack's layer is chosen on the source alone, on images that no figure is made of. Writes a row
for each radius, guide, layer that is attacked and layer that is looked at: `dataset, source, seed, epsilon,
guide, layer, seen, disturbance` (the mean over the images) and `n_points`.
"""

from typing import Any

import torch

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows
from layeraudit.networks import list_layers, read_network
from layeraudit.report.crafting import measure_disturbances
from layeraudit.splits import take_first


def measure_disturbance(
    *,
    split: Input,
    weights: Input,
    output: Output,
    images: int,
    source: str,
    network: dict[str, Any],
    epsilons: list[float],
    passes: int,
    dataset: str,
    seed: int,
    batch_size: int,
) -> None:
    """Write the disturbance of each layer by the attack in each layer.

    images : how many of the split, from the first
    source : name of the network that is attacked, for the table
    dataset : its name, for the table
    seed : of the run, for the table
    """
    first = take_first(read_split(split), images)
    torch.use_deterministic_algorithms(True)
    of_run = {"dataset": dataset, "source": source, "seed": seed}
    rows = [
        of_run | of_attack
        for of_attack in measure_disturbances(
            read_network(network, weights, first),
            torch.from_numpy(first.x),
            torch.from_numpy(first.y_true),
            layers=list_layers(network),
            epsilons=epsilons,
            passes=passes,
            batch_size=batch_size,
        )
    ]
    write_rows(output, list(rows[0]), rows)


if __name__ == "__main__":
    run(measure_disturbance)
