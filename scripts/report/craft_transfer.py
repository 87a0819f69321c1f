"""Make attacks on a source network, to see which other networks they fool.

Writes a split with the images as they are, then with one attack after the other, each of all images; and a
record, a row for each of them: `dataset, source, seed, row, image`, `epsilon, attack, guide, layer, forward,
backward` (see `layeraudit.transfer.Recipe`), `linf, l2`, and of the intermediate level attack, at its end,
`no_reference, zero_gradients, objective, cosine, ratio` (see `layeraudit.attacks._intermediate_level.Pushed`).
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from layeraudit.attacks._intermediate_level import Pushed
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.networks import LAYERS, NETWORKS, read_network
from layeraudit.radii import middle_radius
from layeraudit.splits import take_attacked
from layeraudit.transfer import CRAFTED, FLEXIBLE, Recipe, craft, fine_tune

OF_PUSHING = ["no_reference", "zero_gradients", "objective", "cosine", "ratio"]
OF_RUN = ["dataset", "source", "seed"]
COLUMNS = [*OF_RUN, "row", "image", *Recipe.__dataclass_fields__, "linf", "l2", *OF_PUSHING]


def make_all(
    source: nn.Module, x: Tensor, y: Tensor, arguments: argparse.Namespace
) -> Iterator[tuple[Recipe, Tensor, Pushed | None]]:
    yield Recipe(0.0, "none"), x, None
    options = {"passes": arguments.passes, "batch_size": arguments.batch_size}
    for epsilon in arguments.epsilons:
        for recipe, images in craft(source, x, y, epsilon=epsilon, seed=arguments.seed, **options):
            yield recipe, images, None
        layers = LAYERS[arguments.network]
        crafted = [*CRAFTED, *[FLEXIBLE] * (epsilon == middle_radius(arguments.epsilons))]
        of_all = {"layers": layers, "crafted": crafted, "epsilon": epsilon} | options
        for recipe, pushed in fine_tune(source, x, y, **of_all):
            yield recipe, pushed.x, pushed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="a split that all networks get right")
    parser.add_argument("--network", choices=NETWORKS, required=True, help="the source")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--epsilons", type=float, nargs="+", required=True)
    parser.add_argument("--passes", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True, help="of the noise; stands in the record too")
    parser.add_argument("--dataset", required=True, help="its name, for the record")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--output-record", type=Path, required=True)
    arguments = parser.parse_args()

    split = read_split(arguments.images)
    network = read_network(arguments.network, arguments.weights)
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)

    of_all = dict(zip(OF_RUN, (arguments.dataset, arguments.network, arguments.seed), strict=True))
    attacked: list[Tensor] = []
    rows: list[dict[str, object]] = []
    for recipe, images, pushed in make_all(network, x, y, arguments):
        change = (images - x).flatten(start_dim=1)
        columns = {"linf": change.norm(p=torch.inf, dim=1), "l2": change.norm(dim=1)}
        if pushed:
            ends = (pushed.objective[-1], pushed.cosine[-1], pushed.ratio[-1])
            figures = (pushed.no_reference, pushed.zero_gradients, *ends)
            columns |= dict(zip(OF_PUSHING, figures, strict=True))
        for image, values in enumerate(zip(*(column.tolist() for column in columns.values()), strict=True)):
            of_image = {"row": len(rows), "image": image} | dict(zip(columns, values, strict=True))
            rows.append(of_all | asdict(recipe) | of_image)
        attacked.append(images)
        print(" ".join([f"{recipe.epsilon:g}", recipe.attack, recipe.guide, recipe.layer]), flush=True)

    write_split(arguments.output, take_attacked(split, torch.cat(attacked).numpy()))
    write_rows(arguments.output_record, COLUMNS, rows)


if __name__ == "__main__":
    end_in_a_sentence(main)
