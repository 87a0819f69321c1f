"""Attack Deep k-nearest neighbours itself, and write what comes out as a split.

Each of the first images of a split is led to training images of another class, in all layers at once (see
`layeraudit.attacks._adaptive`): in L-infinity balls, and in L2 balls, where points on the way from the
image to the attacked one are written too, since one of them may be enough. In each ball those that DkNN
classifies correctly are led to the next class. What is made in one L-infinity ball may be fine-tuned by the
intermediate level attack in each layer. Writes the split and a record of its rows: `row, image, attack`
(`adaptive` or `ilap`), `norm, radius, share` (of the way), `classes` (how many the image was led to, one
after the other), `layer, linf, l2`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from layeraudit.activations import capture
from layeraudit.attacks._adaptive import (
    Layer,
    Norm,
    choose_guides,
    lead_to_class_after_class,
    lead_to_neighbours,
    usual_radius,
)
from layeraudit.attacks._intermediate_level import ila, projection
from layeraudit.cli import Input, Output, run
from layeraudit.dknn import count_nonconformity
from layeraudit.files import open_layers, read_split, write_rows, write_split
from layeraudit.neighbours import Metric, load
from layeraudit.networks import read_network
from layeraudit.splits import take_attacked, take_first

SHARES = (1.0, 0.9, 0.8, 0.7, 0.6)
"""Of the way from an image to what an L2 ball made of it."""

AT_ONCE = 50
"""Images that are attacked together; the guides of one take 10 MB in the layers of the report's CNN."""

RECORD = ["row", "image", "attack", "norm", "radius", "share", "classes", "layer", "linf", "l2"]


def read_layers(
    layers: Path, calibration_layers: Path, calibration_neighbours: Path, metric: Metric
) -> dict[str, Layer]:
    """Read the training rows in each layer, and how far the neighbours of calibration images lie."""
    found = {}
    queries = open_layers(calibration_layers, np.float32)
    neighbours = open_layers(calibration_neighbours, np.int64, rows=len(next(iter(queries.values()))))
    for name, rows in open_layers(layers, np.float32).items():
        found[name] = Layer(rows, usual_radius(queries[name], rows[neighbours[name][:, -1]], metric))
        print(f"{name}: neighbours usually lie within {found[name].radius:.4f}", flush=True)
    return found


def find_guides(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    labels: Tensor,
    layers: dict[str, Layer],
    *,
    metric: Metric,
    layer: str,
    classes: int,
    toward: int,
    away: int,
) -> tuple[Tensor, Tensor]:
    """Choose the guides of each image in the layer that is named."""
    scaled = partial(nn.functional.normalize, dim=1) if metric == "cosine" else nn.Identity()
    rows = torch.from_numpy(np.array(layers[layer].rows))
    if metric == "cosine":
        nn.functional.normalize(rows, dim=1, out=rows)  # a layer may take gigabytes, so in place
    batches = zip(capture(network, x, [layer], batch_size=AT_ONCE), y.split(AT_ONCE), strict=True)
    found = [
        choose_guides(scaled(batch[layer]), of_batch, rows, labels, classes=classes, toward=toward, away=away)
        for batch, of_batch in batches
    ]
    guides, weights = zip(*found, strict=True)
    return torch.cat(guides), torch.cat(weights)


def make_defence(
    network: nn.Module,
    layers: dict[str, Layer],
    index: Path,
    labels: NDArray[np.int64],
    *,
    k: int,
    memory_mb: int,
    batch_size: int,
) -> Callable[[Tensor], Tensor]:
    """Return Deep k-nearest neighbours, a function that predicts the label of each image."""
    indices = {name: load(index / f"{name}.npz", layer.rows) for name, layer in layers.items()}

    def predict(images: Tensor) -> Tensor:
        found = []
        for batch in capture(network, images, list(layers), batch_size=batch_size):
            neighbours = [
                loaded.search(batch[name].numpy(), k, memory_mb=memory_mb) for name, loaded in indices.items()
            ]
            counts = count_nonconformity(neighbours, labels, n_classes=int(labels.max()) + 1)
            found.append(torch.from_numpy(counts.argmin(axis=1)))
        return torch.cat(found)

    return predict


@dataclass(frozen=True)
class Strength:
    """How an attack is led: in which balls, with which steps, and where ILA fine-tunes it.

    Attributes
    ----------
    epsilons, radii : of the balls in L-infinity and in L2
    first_step : as a share of the radius
    intermediate_level : `epsilon`, the ball whose attack is fine-tuned, and `steps`, or None
    """

    epsilons: Sequence[float]
    radii: Sequence[float]
    steepness: float
    steps: int
    first_step: float
    intermediate_level: dict[str, Any] | None


def attack_all(
    network: nn.Module,
    defence: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    guides: tuple[Tensor, Tensor],
    layers: dict[str, Layer],
    strength: Strength,
    *,
    metric: Metric,
    batch_size: int,
) -> Iterator[tuple[dict[str, object], Tensor, Tensor]]:
    """Yield every attack: its record, its images, and how many classes each image was led to."""

    def lead(norm: Norm, radius: float) -> tuple[Tensor, Tensor]:
        lead_to_class = partial(
            lead_to_neighbours,
            network,
            layers=layers,
            metric=metric,
            norm=norm,
            epsilon=radius,
            steepness=strength.steepness,
            steps=strength.steps,
            first_step=strength.first_step * radius,
            batch_size=AT_ONCE,
        )
        return lead_to_class_after_class(lead_to_class, defence, x, y, *guides)

    for epsilon in strength.epsilons:
        attacked, tried = lead("linf", epsilon)
        record: dict[str, object] = {"attack": "adaptive", "norm": "linf", "radius": epsilon, "share": 1.0}
        yield record, attacked, tried
        if strength.intermediate_level is None or epsilon != strength.intermediate_level["epsilon"]:
            continue
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
                steps=strength.intermediate_level["steps"],
                batch_size=batch_size,
            )
            yield record | {"attack": "ilap", "layer": layer}, pushed.x, tried
    for radius in strength.radii:
        attacked, tried = lead("l2", radius)
        for share in SHARES:
            record = {"attack": "adaptive", "norm": "l2", "radius": radius, "share": share}
            yield record, x + share * (attacked - x), tried


def craft_adaptive(
    *,
    split: Input,
    train: Input,
    weights: Input,
    layers: Input,
    calibration_layers: Input,
    calibration_neighbours: Input,
    index: Input,
    output: Output,
    record: Output,
    network: dict[str, Any],
    k: int,
    metric: Metric,
    memory_mb: int,
    images: int,
    epsilons: list[float],
    radii: list[float],
    guides: dict[str, Any],
    steepness: float,
    steps: int,
    first_step: float,
    intermediate_level: dict[str, Any] | None,
    batch_size: int,
) -> None:
    """Write attacked images and their record.

    images : how many of the split, from its first
    guides : `layer` that they are chosen in, `classes` (the most that an image is led to), `toward`, `away`
    """
    shown = take_first(read_split(split), images)
    model = read_network(network, weights, shown, channels_last=False)
    torch.use_deterministic_algorithms(True)
    x, y = torch.from_numpy(shown.x), torch.from_numpy(shown.y_true)
    labels = read_split(train).y
    read = read_layers(layers, calibration_layers, calibration_neighbours, metric)
    chosen = find_guides(model, x, y, torch.from_numpy(labels), read, metric=metric, **guides)
    defence = make_defence(model, read, index, labels, k=k, memory_mb=memory_mb, batch_size=batch_size)
    strength = Strength(epsilons, radii, steepness, steps, first_step, intermediate_level)

    attacked: list[Tensor] = []
    rows: list[dict[str, object]] = []
    for recipe, made, tried in attack_all(
        model, defence, x, y, chosen, read, strength, metric=metric, batch_size=batch_size
    ):
        change = (made - x).flatten(start_dim=1)
        columns = {"classes": tried, "linf": change.norm(p=torch.inf, dim=1), "l2": change.norm(dim=1)}
        for image, values in enumerate(zip(*map(Tensor.tolist, columns.values()), strict=True)):
            of_image = dict(zip(columns, values, strict=True))
            rows.append(recipe | {"row": len(rows), "image": image} | of_image)
        attacked.append(made)
        print(" ".join(map(str, recipe.values())), flush=True)

    write_split(output, take_attacked(shown, torch.cat(attacked).numpy()))
    write_rows(record, RECORD, rows)


if __name__ == "__main__":
    run(craft_adaptive)
