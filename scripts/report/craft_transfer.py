"""Craft attacks on a source network, to see which other networks they fool.

Writes a split with the images as they are, then with one attack after the other, each of all images; and a
record, a row for each of them: `dataset, source, seed, row, image`, `epsilon, attack, guide, layer, forward,
backward` (see `layeraudit.report.crafting.Recipe`), `linf, l2`, and of ILA, at its end,
`no_reference, zero_gradients, objective, cosine, ratio` (see `Pushed` of its module in `layeraudit.attacks`).
"""

from typing import Any

import torch
from torch import Tensor

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.networks import list_layers, read_network
from layeraudit.report.crafting import RECORD, craft_all, describe_crafted
from layeraudit.splits import take_attacked


def craft_transfer(
    *,
    images: Input,
    weights: Input,
    output: Output,
    record: Output,
    source: str,
    network: dict[str, Any],
    epsilons: list[float],
    passes: int,
    dataset: str,
    seed: int,
    batch_size: int,
) -> None:
    """Write the attacked images and their record.

    images : the attack set
    source : name of the network that is attacked, for the record
    dataset : its name, for the record
    seed : of the noise; stands in the record too
    """
    split = read_split(images)
    attacked_network = read_network(network, weights, split)
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)
    of_run = {"dataset": dataset, "source": source, "seed": seed}
    crafted: list[Tensor] = []
    rows: list[dict[str, object]] = []
    for recipe, attacked, pushed in craft_all(
        attacked_network,
        x,
        y,
        layers=list_layers(network),
        epsilons=epsilons,
        passes=passes,
        seed=seed,
        batch_size=batch_size,
    ):
        crafted.append(attacked)
        for of_image in describe_crafted(recipe, x, attacked, pushed):
            rows.append(of_run | {"row": len(rows)} | of_image)
        print(f"{recipe.epsilon:g} {recipe.attack} {recipe.guide} {recipe.layer}", flush=True)
    write_split(output, take_attacked(split, torch.cat(crafted).numpy()))
    write_rows(record, [*of_run, "row", *RECORD], rows)


if __name__ == "__main__":
    run(craft_transfer)
