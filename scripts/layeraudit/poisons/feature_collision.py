"""Images under their right label, moved until the network sees a target of another class in them.

A victim that keeps the layers it was given, and trains the last one alone, sees in a poison image the
features of a target, a test image of another class, under the label that the poison rightly has.
"""

from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from layeraudit.activations import capture, stopped_at
from layeraudit.attacks._conditions import check_images, check_number, frozen
from layeraudit.errors import InputError
from layeraudit.networks import read_network
from layeraudit.poisons import AttackerData, Poison, list_sources
from layeraudit.splits import Split, merge, take

TITLE = "Feature collision"
REFERENCE = "Shafahi et al. 2018, https://arxiv.org/abs/1804.00792"
ENVIRONMENT = "torch"
OPTIONS = {
    "targets": {
        "description": "Test images that the network is to take for another class.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
    "points": {
        "description": "Poison points a target.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
    "layer": {
        "description": "The layer in which a point and its target collide, that before the last.",
        "type": "string",
    },
    "similarity": {
        "description": "Weight of the squared distance of a point from its image, beside that in the layer.",
        "type": "number",
        "minimum": 0,
        "maximum": 1_000_000,
    },
    "opacity": {
        "description": "Weight of the target, a watermark, in the images that points start from; 0 is none.",
        "type": "number",
        "minimum": 0,
        "maximum": 1,
    },
    "steps": {
        "description": "Steps of a point.",
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
    },
    "learning_rate": {
        "description": "First step size; later ones adapt, since a step that would lead uphill is not taken.",
        "type": "number",
        "minimum": 1e-12,
        "maximum": 1_000_000,
    },
}

BATCH_SIZE = 500


def collide(
    network: nn.Module,
    base: Tensor,
    target: Tensor,
    *,
    layer: str,
    similarity: float,
    steps: int,
    learning_rate: float,
) -> Tensor:
    """Move images so that the network sees another in them.

    Each p minimises ‖f(p) - f(t)‖² + β ‖p - b‖² in the box [0, 1], from its base b, for f the output of a
    layer and t its target, by forward-backward splitting (the paper's algorithm 1): a gradient step on the
    first term, then the proximal step on the second, which is a weighted mean with b. (The authors' proximal
    step is that of β / 2.) A step that would raise an image's sum is not taken, and its next has half the
    size; after one that is taken the size grows by half. So the sum never rises, whatever scale f has.

    Parameters
    ----------
    base, target : float32 [n, c, h, w] in [0, 1]
    layer : as `network.named_modules()` names it
    similarity : β, at least 0
    steps : at least 1
    learning_rate : the first step size, above 0

    Returns
    -------
    float32 [n, c, h, w] in [0, 1].

    Raises
    ------
    InputError
        Where an option or an image is not within what is allowed, or the network has no such layer.
    """
    check_images("base", base)
    check_images("target", target)
    if not 0 <= similarity < float("inf"):
        raise InputError(f"similarity is {similarity}, allowed are numbers from 0")
    check_number("steps", steps, above=0)
    check_number("learning_rate", learning_rate, above=0)

    def per_image(values: Tensor) -> Tensor:
        return values[:, None, None, None]

    with frozen(network), stopped_at(network, layer) as features:
        with torch.no_grad():
            goal = features(target)

        def look(p: Tensor) -> tuple[Tensor, Tensor]:
            """Return the sum of both terms, float [n], and the gradient of the first."""
            p = p.detach().requires_grad_()
            apart = (features(p) - goal).square().sum(dim=1)
            (gradient,) = torch.autograd.grad(apart.sum(), p)
            moved = (p.detach() - base).square().flatten(start_dim=1).sum(dim=1)
            return apart.detach() + similarity * moved, gradient

        p, size = base, torch.full([len(base)], learning_rate)
        total, gradient = look(p)
        for _ in range(steps):
            pull = per_image(2 * similarity * size)
            proposal = ((p - per_image(size) * gradient + pull * base) / (1 + pull)).clamp(0, 1)
            total_there, gradient_there = look(proposal)
            better = total_there <= total
            p = torch.where(per_image(better), proposal, p)
            gradient = torch.where(per_image(better), gradient_there, gradient)
            total = torch.where(better, total_there, total)
            size = torch.where(better, 1.5 * size, size / 2)
    return p


def poison(
    data: AttackerData,
    *,
    seed: int,
    targets: int,
    points: int,
    layer: str,
    similarity: float,
    opacity: float,
    steps: int,
    learning_rate: float,
) -> Poison:
    """Collide images of a class with a target of another, and leave them their right label.

    Targets are drawn among the test images that the network which the victim starts from gets right. Each is
    to be taken for the class that this network finds the second most likely. Its points are made of those
    images of that class that are nearest to it in the layer, and have the shortest way; the authors draw them
    at random. No image is used twice, and targets choose one after the other.

    Parameters
    ----------
    seed : draws the targets
    targets : test images
    points : of each target
    layer, similarity, steps, learning_rate : as in `collide`
    opacity : γ; points start from (1 - γ) b + γ t, and stay near it, for images b of their class

    Returns
    -------
    The points, target after target, and as the probe the targets as they are, with the class of their points.

    Raises
    ------
    InputError
        Where the victim starts from nothing, there are too few images, or as `collide` and `read_network` do.
    """
    if data.network is None or data.weights is None:
        raise InputError(
            "the victim trains all layers from scratch, "
            "allowed is one that starts from weights, which the attacker has too"
        )
    if not 0 <= opacity <= 1:
        raise InputError(f"opacity is {opacity}, allowed are numbers from 0 to 1")
    network = read_network(data.network, data.weights, data.sources)
    first, second = _rank(network, data.test)
    right = np.flatnonzero(first == data.test.y_true)
    if targets > len(right):
        raise InputError(
            f"targets is {targets}, "
            f"allowed are up to {len(right)}, the test images that the network gets right"
        )
    shown = np.random.default_rng(seed).permutation(right)[:targets]
    test, wanted = take(data.test, shown), second[shown]
    of_sources, of_targets = (_look(network, split, layer) for split in (data.sources, test))

    unused = np.ones(len(data.sources), dtype=bool)
    found = []
    for x, label, seen in zip(tqdm(test.x, unit="target", disable=None), wanted, of_targets, strict=True):
        rows = list_sources(data.sources, unused & (data.sources.y_true == label), points)
        apart = np.linalg.norm(of_sources[rows] - seen, axis=1)
        rows = rows[apart.argsort(kind="stable")[:points]]
        unused[rows] = False
        bases = take(data.sources, rows)
        target = torch.from_numpy(x).expand(points, -1, -1, -1)
        base = torch.from_numpy(bases.x).lerp(target, opacity)
        collided = collide(
            network,
            base,
            target,
            layer=layer,
            similarity=similarity,
            steps=steps,
            learning_rate=learning_rate,
        )
        is_poison = np.ones(points, dtype=bool)
        found.append(Split(collided.numpy(), bases.y_true, bases.y_true, is_poison, bases.source))
    return Poison(
        points=reduce(merge, found),
        probe=Split(test.x, wanted, test.y_true, np.zeros(targets, dtype=bool), test.source),
    )


def _rank(network: nn.Module, split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the most likely class of each image, int64 [n], and the second most likely."""
    network.eval()
    with torch.no_grad():
        likely = [network(x).topk(2).indices for x in torch.from_numpy(split.x).split(BATCH_SIZE)]
    first, second = torch.cat(likely).T.numpy()
    return first, second


def _look(network: nn.Module, split: Split, layer: str) -> NDArray[np.float32]:
    """Return what the layer makes of each image, float32 [n, d]."""
    batches = capture(network, torch.from_numpy(split.x), [layer], batch_size=BATCH_SIZE)
    return torch.cat([outputs[layer] for outputs in batches]).numpy()
