"""Make attacks on a source network, all of one radius, to see which other networks they fool.

Writes a split with the attacked images, attack after attack in the order of `layeraudit.transfer.craft`, each
of all images; and a record, a row each: `row, image, attack, guide, layer, forward, backward, linf, l2,
no_reference, zero_gradients, objective, cosine, ratio` (the last five are ILA's, at its end), and the
disturbance of each layer, `disturbance_{layer}`.
"""

import argparse
import csv
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from layeraudit.activations import captured
from layeraudit.attacks.conditions import frozen
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_split, written_whole
from layeraudit.networks import NETWORKS, read_weights
from layeraudit.splits import Split
from layeraudit.transfer import OBJECTIVES, craft, disturb

ILA_FIGURES = ["no_reference", "zero_gradients", "objective", "cosine", "ratio"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a split that all networks get right")
    parser.add_argument("--network", choices=NETWORKS, required=True, help="the source")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--epsilon", type=float, required=True)
    parser.add_argument("--passes", type=int, required=True)
    parser.add_argument("--layers", nargs="+", required=True)
    parser.add_argument("--objectives", nargs="+", choices=OBJECTIVES, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--output-record", type=Path, required=True)
    arguments = parser.parse_args()

    split = read_split(arguments.images)
    network = NETWORKS[arguments.network]()
    read_weights(network, arguments.weights)
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)
    n, batch_size = len(split), arguments.batch_size

    def show(images: torch.Tensor) -> dict[str, torch.Tensor]:
        parts = [outputs(part) for part in images.split(batch_size)]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in arguments.layers}

    attacked, rows = [], []
    made = craft(
        network,
        x,
        y,
        epsilon=arguments.epsilon,
        passes=arguments.passes,
        layers=arguments.layers,
        objectives=arguments.objectives,
        seed=arguments.seed,
        batch_size=batch_size,
    )
    for recipe, images, pushed in made:
        with torch.no_grad(), frozen(network), captured(network, arguments.layers) as outputs:
            clean, shown = show(x), show(images)
        change = (images - x).flatten(start_dim=1)
        columns = {
            "image": torch.arange(n),
            "linf": change.norm(p=torch.inf, dim=1),
            "l2": change.norm(dim=1),
            **{f"disturbance_{layer}": disturb(shown[layer], clean[layer]) for layer in arguments.layers},
        }
        if pushed:
            ends = (pushed.objective[-1], pushed.cosine[-1], pushed.ratio[-1])
            figures = (pushed.no_reference, pushed.zero_gradients, *ends)
            columns |= dict(zip(ILA_FIGURES, figures, strict=True))
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        rows += [asdict(recipe) | dict(zip(columns, row, strict=True)) for row in values]
        attacked.append(images)
        print(f"{' '.join(filter(None, [recipe.attack, recipe.guide, recipe.layer]))}: {n} images")

    repeated = [np.tile(array, len(attacked)) for array in (split.y_true, split.source)]
    y_true, origin = repeated
    x_all = torch.cat(attacked).numpy()
    write_split(arguments.output, Split(x_all, y_true, y_true, np.zeros(len(x_all), bool), origin))
    disturbances = [f"disturbance_{layer}" for layer in arguments.layers]
    names = ["row", "image", "attack", "guide", "layer", "forward", "backward", "linf", "l2"]
    with written_whole(arguments.output_record) as temporary, temporary.open("w", newline="") as file:
        record = csv.DictWriter(file, [*names, *disturbances, *ILA_FIGURES], restval="", lineterminator="\n")
        record.writeheader()
        record.writerows(row | {"row": number} for number, row in enumerate(rows))


if __name__ == "__main__":
    end_in_a_sentence(main)
