"""An attack that knows the defence: it leads images to the neighbours of another class, in every layer.

After Sitawarin & Wagner 2019 (arXiv:1903.08333), whose gradient attack on Deep k-nearest neighbours replaces
the count of neighbours, which has no gradient, by a soft one. Guides are training rows that the attacked
image is to have among its neighbours (those of the class that it is to be taken for), or not to have (those
of its own). With η the radius within which a layer's neighbours usually lie, ρ the distance to a guide, and
w = 1 or −1, it maximises Σ w σ(a (1 − ρ / η)) over guides and layers. Images on which the defence is still
right are led to the next class.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.activations import captured
from layeraudit.attacks._conditions import check_images, check_number, frozen
from layeraudit.errors import InputError

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Layer:
    """What the attack knows of a layer.

    Attributes
    ----------
    rows : float32 [n_train, d], the training rows' outputs, flattened, raw; may be memory-mapped
    radius : η, the mean distance of clean images to their k-th neighbour, in the metric of the search
    """

    rows: NDArray[np.float32]
    radius: float


def usual_radius(
    rows: NDArray[np.float32], farthest: NDArray[np.float32], metric: Literal["cosine", "l2"]
) -> float:
    """Return the mean distance of images to their k-th neighbour: η.

    Parameters
    ----------
    rows : float32 [n, d], of clean images in one layer
    farthest : float32 [n, d], of the k-th neighbour of each
    metric : that of the search; `cosine` divides every row by its length
    """
    here, there = (_scaled(torch.from_numpy(np.array(of)), metric) for of in (rows, farthest))
    return float((here - there).norm(dim=1).mean())


def _scaled(rows: Tensor, metric: Literal["cosine", "l2"]) -> Tensor:
    return nn.functional.normalize(rows, dim=-1) if metric == "cosine" else rows


def choose_guides(
    x: Tensor, y: Tensor, rows: Tensor, labels: Tensor, *, classes: int, toward: int, away: int
) -> tuple[Tensor, Tensor]:
    """Choose for each image the training rows that it is led to, and those that it is led away from.

    The classes that it is led to are, of those that are not its own, the ones whose `toward` nearest rows are
    nearest on the average.

    Parameters
    ----------
    x : float32 [n, d], the images, as one layer or the pixels show them
    y : int64 [n], their true labels
    rows : float32 [n_train, d], the training rows in the same layer
    labels : int64 [n_train]
    classes : how many an image has guides of, its own not counted
    toward, away : guides of either kind for an image and a class; `away` may be 0

    Returns
    -------
    guides : int64 [n, classes, toward + away], rows, the nearest class and the nearest of each kind first
    weights : float32 [n, toward + away], 1 for those it is led to, −1 for the others

    Raises
    ------
    InputError
        Where a class has fewer rows than are asked for, there are fewer classes, or none of an image's label.
    """
    every, counts = labels.unique(return_counts=True)
    if len(every) < 2:
        raise InputError("the training rows are of one class, allowed are two and more")
    if not 1 <= classes < len(every):
        raise InputError(
            f"guides of {classes} classes are asked for, allowed are 1 to {len(every) - 1}, "
            "the classes of the training rows but an image's own"
        )
    if not torch.isin(y, every).all():
        raise InputError(
            f"the labels of the images are {y.unique().tolist()}, "
            f"allowed are those of the training rows, {every.tolist()}"
        )
    if (fewest := int(counts.min())) < max(toward, away):
        raise InputError(
            f"{max(toward, away)} guides of a class are asked for, allowed are 1 to {fewest}, "
            "the rows of the smallest class"
        )
    distances = torch.cdist(x, rows)
    nearest, means = [], []
    for label in every:
        members = (labels == label).nonzero().squeeze(1)
        distance, order = distances[:, members].topk(max(toward, away), largest=False)
        nearest.append(members[order])
        means.append(distance[:, :toward].mean(dim=1))
    of_class = torch.stack(nearest, dim=1)  # [n, every class, guides]
    image, own = torch.arange(len(x))[:, None], torch.searchsorted(every, y)[:, None]
    order = torch.stack(means, dim=1).argsort(dim=1, stable=True)
    others = order[order != own].reshape(len(x), len(every) - 1)
    of_own = of_class[image, own, :away].expand(-1, classes, -1)
    guides = torch.cat([of_class[image, others[:, :classes], :toward], of_own], dim=2)
    weights = torch.cat([torch.ones(toward), -torch.ones(away)]).expand(len(x), -1)
    return guides, weights


def lead_to_neighbours(
    network: nn.Module,
    x: Tensor,
    guides: Tensor,
    weights: Tensor,
    layers: Mapping[str, Layer],
    *,
    metric: Literal["cosine", "l2"],
    norm: Norm,
    epsilon: float,
    steepness: float,
    steps: int,
    first_step: float,
    batch_size: int,
) -> Tensor:
    """Lead images to the guides of weight 1 and away from those of weight −1, in all layers at once.

    Steps from x itself along the steepest ascent in the norm, their length falling to 0; after each, a
    projection to the box, then to the ball of radius `epsilon`. Of the images on the way, the one of the
    greatest objective is kept. What becomes of an image does not depend on the others but for float32
    rounding.

    Parameters
    ----------
    network : comes back as it was, and works in evaluation mode
    x : float32 [n, c, h, w] in [0, 1]
    guides : int64 [n, m], training rows
    weights : float32 [n, m]
    layers : of each layer that is searched, by its name
    metric : that of the search; `cosine` divides every row by its length
    norm : of the ball, L-infinity or L2
    epsilon : its radius, above 0
    steepness : a, how sharply a guide counts as a neighbour, above 0
    steps : at least 1
    first_step : length of the first step, in the norm, above 0

    Returns
    -------
    The attacked images, float32 [n, c, h, w] in [0, 1].

    Raises
    ------
    InputError
        Where an option or an image is not within what is allowed, or the network has no such layer.
    """
    for name, value in [
        *[("epsilon", epsilon), ("steepness", steepness), ("steps", steps)],
        *[("first_step", first_step), ("batch_size", batch_size)],
        *[(f"the radius of {layer}", of_layer.radius) for layer, of_layer in layers.items()],
    ]:
        check_number(name, value, above=0)
    check_images("x", x)
    if guides.shape != weights.shape or guides.ndim != 2 or len(guides) != len(x):
        raise InputError(
            f"guides are {list(guides.shape)} and weights {list(weights.shape)}, "
            f"allowed is [{len(x)}, m] for both, as x has rows"
        )

    def lead(x: Tensor, guides: Tensor, weights: Tensor) -> Tensor:
        guiding = {
            name: _scaled(torch.from_numpy(layer.rows[guides.numpy()]), metric)
            for name, layer in layers.items()
        }
        squares = {name: rows.square().sum(dim=2) for name, rows in guiding.items()}

        def objective(images: Tensor) -> Tensor:
            total = torch.zeros(len(images))
            for name, output in outputs(images).items():
                features, radius = _scaled(output, metric), layers[name].radius
                # Of a row with a matrix this takes an eighth of the time of a matrix with a column.
                products = torch.bmm(features.unsqueeze(1), guiding[name].transpose(1, 2)).squeeze(1)
                square = features.square().sum(dim=1, keepdim=True) + squares[name] - 2 * products
                # A distance of 0 has no gradient; float32 knows none as small as this.
                distance = square.clamp_min(1e-12).sqrt()
                total = total + (weights * torch.sigmoid(steepness * (1 - distance / radius))).sum(dim=1)
            return total

        change = torch.zeros_like(x)
        best, reached = x.clone(), torch.full((len(x),), -math.inf)
        for step in range(steps + 1):
            images = (x + change).clamp(0, 1).requires_grad_()
            value = objective(images)
            better = value.detach() > reached
            reached = torch.where(better, value.detach(), reached)
            best[better] = images.detach()[better]
            if step < steps:
                (gradient,) = torch.autograd.grad(value.sum(), images)
                length = first_step * (1 - step / steps)
                moved = images.detach() + length * steepest(gradient, norm)
                change = project(moved.clamp(0, 1) - x, norm, epsilon)
        return best

    batches = zip(x.split(batch_size), guides.split(batch_size), weights.split(batch_size), strict=True)
    progress = tqdm(batches, total=math.ceil(len(x) / batch_size), desc="batches", disable=None)
    with frozen(network), captured(network, list(layers)) as outputs:
        return torch.cat([lead(*batch) for batch in progress])


def lead_to_class_after_class(
    lead: Callable[[Tensor, Tensor, Tensor], Tensor],
    defence: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    guides: Tensor,
    weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Lead images to the nearest other class, those that the defence stays right on to the next, and so on.

    Parameters
    ----------
    lead : takes images float32 [m, c, h, w], guides int64 [m, g] and weights float32 [m, g], and gives the
        attacked images, as `lead_to_neighbours` does
    defence : takes images float32 [m, c, h, w], and gives their labels, int64 [m]
    x : float32 [n, c, h, w] in [0, 1]
    y : int64 [n], their true labels
    guides, weights : int64 [n, classes, g] and float32 [n, g], see `choose_guides`

    Returns
    -------
    attacked : float32 [n, c, h, w] in [0, 1], what was made for the first class with which the defence errs,
        and for the nearest where it errs with none
    tried : int64 [n] from 1 to `classes`, how many classes an image was led to
    """
    attacked, tried = x.clone(), torch.zeros(len(x), dtype=torch.int64)
    left = torch.arange(len(x))
    for number, of_class in enumerate(guides.unbind(dim=1)):
        if not len(left):
            break
        led = lead(x[left], of_class[left], weights[left])
        tried[left] += 1
        errs = defence(led) != y[left]
        kept = errs | (number == 0)
        attacked[left[kept]] = led[kept]
        left = left[~errs]
    return attacked, tried


def steepest(gradient: Tensor, norm: Norm) -> Tensor:
    """Return the change of length 1 along which gradients, float32 [n, ...], rise most in the norm."""
    if norm == "linf":
        return gradient.sign()
    length = gradient.flatten(start_dim=1).norm(dim=1).clamp_min(1e-12)
    direction: Tensor = gradient / length.reshape(-1, *[1] * (gradient.ndim - 1))
    return direction


def project(change: Tensor, norm: Norm, epsilon: float) -> Tensor:
    """Project changes, float32 [n, ...], to the ball of radius `epsilon` round 0."""
    if norm == "linf":
        return change.clamp(-epsilon, epsilon)
    length = change.flatten(start_dim=1).norm(dim=1).clamp_min(epsilon)
    projected: Tensor = change * (epsilon / length).reshape(-1, *[1] * (change.ndim - 1))
    return projected
