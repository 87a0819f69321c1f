"""Attack Deep k-nearest neighbours itself, and write what comes out as a split.

Each of the first images of a split is led to training images of another class, in all layers at once (see
`layeraudit.attacks.neighbours`): in L-infinity balls, and in L2 balls, where points on the way from the image
to the attacked one are written too, since one of them may be enough. In each ball those that DkNN is still
right on are led to the next class. What is made in one L-infinity ball is also fine-tuned by the intermediate
level attack in each layer. Writes the split and a record of its rows: `row, image, attack` (`adaptive` or
`ilap`), `norm, radius, share` (of the way), `classes` (how many the image was led to, one after the other),
`layer, linf, l2`.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layeraudit.activations import capture
from layeraudit.attacks.intermediate_level import ila, projection
from layeraudit.attacks.neighbours import (
    Layer,
    Norm,
    choose_guides,
    lead_to_class_after_class,
    lead_to_neighbours,
    usual_radius,
)
from layeraudit.dknn import count_nonconformity
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, read_split, write_rows, write_split
from layeraudit.neighbours import MEMORY_MB, load
from layeraudit.networks import NETWORKS, read_weights
from layeraudit.splits import take_attacked, take_first

SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)
"""Of the way from an image to what an L2 ball made of it."""

AT_ONCE = 50
"""Images that are attacked together; the guides of one take 10 MB in the layers of the report's CNN."""

RECORD = ["row", "image", "attack", "norm", "radius", "share", "classes", "layer", "linf", "l2"]


def read_layers(arguments: argparse.Namespace) -> dict[str, Layer]:
    """Read the training rows in each layer, and how far the neighbours of calibration images lie."""
    layers = {}
    for path, calibration, neighbours in zip(
        arguments.layers, arguments.calibration_layers, arguments.calibration_neighbours, strict=True
    ):
        rows, queries = open_matrix(path, np.float32), open_matrix(calibration, np.float32)
        last = open_matrix(neighbours, np.int64, rows=len(queries))[:, -1]
        layers[path.stem] = Layer(rows, usual_radius(queries, rows[last], arguments.metric))
        print(f"{path.stem}: neighbours usually lie within {layers[path.stem].radius:.4f}", flush=True)
    return layers


def find_guides(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    labels: Tensor,
    layers: dict[str, Layer],
    options: argparse.Namespace,
) -> tuple[Tensor, Tensor]:
    """Choose the guides of each image in the layer that is named."""
    name = options.guide_layer
    scaled = partial(nn.functional.normalize, dim=1) if options.metric == "cosine" else nn.Identity()
    rows = torch.from_numpy(np.array(layers[name].rows))
    if options.metric == "cosine":
        nn.functional.normalize(rows, dim=1, out=rows)  # a layer may take gigabytes, so in place
    found = []
    for batch, of_batch in zip(
        capture(network, x, [name], batch_size=AT_ONCE), y.split(AT_ONCE), strict=True
    ):
        guides_of_batch = choose_guides(
            scaled(batch[name]),
            of_batch,
            rows,
            labels,
            classes=options.classes,
            toward=options.toward,
            away=options.away,
        )
        found.append(guides_of_batch)
    guides, weights = zip(*found, strict=True)
    return torch.cat(guides), torch.cat(weights)


def make_defence(
    network: nn.Module, layers: dict[str, Layer], labels: NDArray[np.int64], options: argparse.Namespace
) -> Callable[[Tensor], Tensor]:
    """Make Deep k-nearest neighbours, which takes images and gives the label of each."""
    indices = {
        name: load(path, layer.rows)
        for path, (name, layer) in zip(options.indices, layers.items(), strict=True)
    }

    def judge(images: Tensor) -> Tensor:
        found = []
        for batch in capture(network, images, list(layers), batch_size=options.batch_size):
            neighbours = [
                index.search(batch[name].numpy(), options.k, memory_mb=options.memory_mb)
                for name, index in indices.items()
            ]
            counts = count_nonconformity(neighbours, labels, n_classes=int(labels.max()) + 1)
            found.append(torch.from_numpy(counts.argmin(axis=1)))
        return torch.cat(found)

    return judge


def make_all(
    network: nn.Module,
    defence: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    guides: tuple[Tensor, Tensor],
    layers: dict[str, Layer],
    options: argparse.Namespace,
) -> Iterator[tuple[dict[str, object], Tensor, Tensor]]:
    """Make every attack, with what the record says of it and how many classes each image was led to."""

    def lead(norm: Norm, radius: float) -> tuple[Tensor, Tensor]:
        lead_to_class = partial(
            lead_to_neighbours,
            network,
            layers=layers,
            metric=options.metric,
            norm=norm,
            epsilon=radius,
            steepness=options.steepness,
            steps=options.steps,
            first_step=options.first_step * radius,
            batch_size=AT_ONCE,
        )
        return lead_to_class_after_class(lead_to_class, defence, x, y, *guides)

    for epsilon in options.epsilons:
        attacked, tried = lead("linf", epsilon)
        yield {"attack": "adaptive", "norm": "linf", "radius": epsilon, "share": 1.0}, attacked, tried
        if epsilon == options.ila_epsilon and options.ila_steps:
            for layer in layers:
                pushed = ila(
                    network,
                    x,
                    attacked,
                    projection,
                    layer=layer,
                    from_guide=False,
                    epsilon=epsilon,
                    step=epsilon / 5,
                    steps=options.ila_steps,
                    batch_size=options.batch_size,
                )
                of_ila = {"attack": "ilap", "norm": "linf", "radius": epsilon, "share": 1.0, "layer": layer}
                yield of_ila, pushed.x, tried
    for radius in options.radii:
        attacked, tried = lead("l2", radius)
        for share in SHARES:
            of_share = {"attack": "adaptive", "norm": "l2", "radius": radius, "share": share}
            yield of_share, x + share * (attacked - x), tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="how many of the split, from its first")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--layers", help="{layer}.npy of the training rows, for each layer", **for_each)
    parser.add_argument("--calibration-layers", help="the same of calibration images", **for_each)
    parser.add_argument("--calibration-neighbours", help="of these images, in each layer", **for_each)
    parser.add_argument("--indices", help="{layer}.npz of the training rows, in each layer", **for_each)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB, help="what a search is to take")
    parser.add_argument("--metric", choices=["cosine", "l2"], required=True)
    parser.add_argument("--epsilons", type=float, nargs="+", required=True, help="radii in L-infinity")
    parser.add_argument("--radii", type=float, nargs="*", required=True, help="radii in L2, if any")
    parser.add_argument("--guide-layer", required=True)
    parser.add_argument("--classes", type=int, required=True, help="the most that an image is led to")
    parser.add_argument("--toward", type=int, required=True)
    parser.add_argument("--away", type=int, required=True)
    parser.add_argument("--steepness", type=float, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--first-step", type=float, required=True, help="as a share of the radius")
    parser.add_argument("--ila-epsilon", type=float, required=True)
    parser.add_argument("--ila-steps", type=int, required=True, help="0 leaves ILA out")
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--output-record", type=Path, required=True)
    arguments = parser.parse_args()

    split = take_first(read_split(arguments.split), arguments.images)
    network = NETWORKS[arguments.network]()
    read_weights(network, arguments.weights)
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(split.x), torch.from_numpy(split.y_true)
    layers = read_layers(arguments)
    labels = read_split(arguments.train).y
    guides = find_guides(network, x, y, torch.from_numpy(labels), layers, arguments)
    defence = make_defence(network, layers, labels, arguments)

    attacked, rows = [], []
    for recipe, images, tried in make_all(network, defence, x, y, guides, layers, arguments):
        change = (images - x).flatten(start_dim=1)
        of_images = {"classes": tried, "linf": change.norm(p=torch.inf, dim=1), "l2": change.norm(dim=1)}
        for image, values in enumerate(zip(*map(Tensor.tolist, of_images.values()), strict=True)):
            of_image = dict(zip(of_images, values, strict=True))
            rows.append(recipe | {"row": len(rows), "image": image} | of_image)
        attacked.append(images)
        print(" ".join(map(str, recipe.values())), flush=True)

    write_split(arguments.output, take_attacked(split, torch.cat(attacked).numpy()))
    write_rows(arguments.output_record, RECORD, rows)


if __name__ == "__main__":
    end_in_a_sentence(main)
