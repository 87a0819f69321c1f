"""Images with flipped labels, moved until a linear support vector machine errs most.

Poison against a support vector machine, made with secml 0.15.6.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from layeraudit.errors import InputError
from layeraudit.poisons import AttackerData, Poison
from layeraudit.splits import Split, merge, take

TITLE = "secml"
REFERENCE = "Biggio et al. 2012, https://arxiv.org/abs/1206.6389"
ENVIRONMENT = "secml"
OPTIONS = {
    "pairs": {
        "description": "Pairs of classes, attacked one after another; null is the two of all sources.",
        "type": ["array", "null"],
        "minItems": 1,
        "uniqueItems": True,
        "items": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "uniqueItems": True,
            "items": {"type": "integer", "minimum": 0, "maximum": 999},
        },
    },
    "points": {
        "description": "Poison points a pair, each made of another of its train images.",
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000,
    },
    "train": {
        "description": "Images of a pair that its machine is trained on, and that are moved; null is all.",
        "type": ["integer", "null"],
        "minimum": 2,
        "maximum": 1_000_000,
    },
    "validation": {
        "description": "Further images of a pair that its machine is to err on; null is all.",
        "type": ["integer", "null"],
        "minimum": 2,
        "maximum": 1_000_000,
    },
    "radius": {
        "description": "Farthest, in L2, that a point may lie from its source image; 0 flips labels alone.",
        "type": "number",
        "minimum": 0,
        "maximum": 100,
    },
    "regularization": {
        "description": "The machine's C.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 1_000,
    },
    "eta": {
        "description": "Grid of the solver's line search.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 100,
    },
    "eta_min": {
        "description": "First step that the line search tries.",
        "type": "number",
        "minimum": 0.0001,
        "maximum": 100,
    },
    "eta_max": {
        "description": "Longest step that the line search tries; null sets none.",
        "type": ["number", "null"],
        "minimum": 0.0001,
        "maximum": 100,
    },
    "max_iterations": {
        "description": "Steps of the solver a point, at most.",
        "type": "integer",
        "minimum": 1,
        "maximum": 10_000,
    },
    "tolerance": {
        "description": "Gain in a step that ends the solver.",
        "type": "number",
        "minimum": 1e-12,
        "maximum": 1,
    },
}

# secml makes folders when it is imported, in the home directory unless told otherwise, and says so; and
# inside a git repository, where a rule's environment may lie, it writes that repository's revision into
# its own package unless it is told that it is a release.
with TemporaryDirectory() as _folder:
    os.environ |= {"SECML_HOME_DIR": _folder, "SECML_PYTORCH_DIR": _folder, "SECML_ISRELEASE": "1"}
    logging.disable()
    from secml.adv.attacks.poisoning import CAttackPoisoningSVM
    from secml.array import CArray
    from secml.data import CDataset
    from secml.ml.classifiers import CClassifierSVM
    from secml.optim.constraints import CConstraint

    logging.disable(logging.NOTSET)


DISTANCE, KERNEL, BOUNDS = "l2", "linear", (0.0, 1.0)
"""Norm of the ball that a point stays in, kernel of the machine, and lowest and highest value of a pixel."""

SMALLEST_BALL = 0.001
"""The least radius into which secml can project; points are pulled into a smaller ball afterwards."""


class _AttackInBall(CAttackPoisoningSVM):  # type: ignore[misc]
    """secml's attack, kept in a ball round each source image and watched point by point.

    secml accepts the ball's radius (`dmax`) for poisoning too, but ignores it.
    """

    def __init__(self, sources: NDArray[np.float32], progress: "tqdm[Any]", **settings: Any) -> None:
        super().__init__(**settings)
        self.n_points = len(sources)
        self.moved = np.zeros(len(sources), dtype=bool)
        self._sources = CArray(sources)
        self._progress = progress

    def _constraint_creation(self) -> tuple[CConstraint, CConstraint]:
        box, _ = super()._constraint_creation()
        return box, CConstraint.create(self.distance, center=self._sources[self._idx, :], radius=self.dmax)

    def _run(self, xc: CArray, yc: CArray, idx: int = 0) -> CArray:
        x = super()._run(xc, yc, idx=idx)
        self.moved[idx] = (x != self._solver.x_seq[0, :]).any()
        self._progress.update()
        return x


def pull_towards(
    x: NDArray[np.float64], sources: NDArray[np.float32], *, radius: float
) -> NDArray[np.float32]:
    """Bring points into the box and into the L2 ball round their sources, and round them to float32.

    A point is moved straight towards its source, so that it stays in the box, and after rounding by one
    more step of float32, which outweighs the rounding: neither the box nor the ball is left by it.

    Parameters
    ----------
    x : float64 [n, d]
    sources : float32 [n, d], within the box
    """
    move = np.clip(x, *BOUNDS) - sources
    length = np.linalg.norm(move, axis=1, keepdims=True)
    inside = sources + move * (radius / np.maximum(length, radius))
    rounded: NDArray[np.float32] = np.nextafter(inside.astype(np.float32), sources)
    return rounded


def _check(train: Split, validation: Split, *, points: int, radius: float) -> None:
    classes = np.unique(train.y).tolist()
    if len(classes) != 2:
        raise InputError(f"the training images have the labels {classes}, allowed are exactly two")
    if (found := np.unique(validation.y).tolist()) != classes:
        raise InputError(
            f"the validation images have the labels {found}, "
            f"allowed are those of the training images, {classes}"
        )
    if validation.x.shape[1:] != train.x.shape[1:]:
        raise InputError(
            f"the validation images have the shape {list(validation.x.shape[1:])}, "
            f"allowed is that of the training images, {list(train.x.shape[1:])}"
        )
    if not 1 <= points <= len(train):
        raise InputError(
            f"{points} poison points are asked for, allowed are 1 to {len(train)}: each has a training image "
            "of its own"
        )
    if not radius >= 0:
        raise InputError(f"the radius is {radius}, allowed are numbers from 0")


def poison_svm(
    train: Split,
    validation: Split,
    *,
    points: int,
    radius: float,
    regularization: float,
    eta: float,
    eta_min: float,
    eta_max: float | None,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> tuple[Split, NDArray[np.bool_]]:
    """Flip the labels of random training images, and move them so that the machine errs most.

    One point after the other maximises the hinge loss of the machine, trained with all points so far, on
    the validation images: Biggio, Nelson and Laskov, Poisoning attacks against support vector machines,
    2012. Runs with one seed give the same bytes.

    Parameters
    ----------
    train, validation : Split, each of the same two classes
    points : how many, at most as many as there are training images
    radius : of the ball round the source image that a point may not leave; with 0 only labels are flipped,
        those of the same images as with any other
    regularization : the machine's C
    eta, eta_min, eta_max, max_iterations, tolerance : of secml's solver `pgd-ls`: grid, first and longest
        step (None for no limit) of the line search, and the steps, and the gain in a step, that end it
    seed : 0 to 2**32 - 1, draws the source images and the noise

    Returns
    -------
    The points, and bool [points], whether the solver took a step; where it took none, the point is its source
    image but for the noise of at most 0.001 a pixel that secml starts from.

    Raises
    ------
    InputError
        Where the images, the number of points or the radius do not allow it.
    """
    _check(train, validation, points=points, radius=radius)
    classes, labels = np.unique(train.y, return_inverse=True)
    images = train.x.reshape(len(train), -1)
    rows = CArray.randsample(len(train), points, random_state=seed).tondarray()  # as the attack does
    x, given, moved = images[rows], 1 - labels[rows], np.zeros(points, dtype=bool)
    if radius:
        seen = CDataset(
            CArray(validation.x.reshape(len(validation), -1)),
            CArray(np.searchsorted(classes, validation.y)),
        )
        # More threads than one add up in an order of their own, and no two runs would be alike.
        with threadpool_limits(1), tqdm(total=points, unit="point", disable=None) as progress:
            machine = CClassifierSVM(C=regularization, kernel=KERNEL).fit(CArray(images), CArray(labels))
            attack = _AttackInBall(
                x,
                progress,
                classifier=machine,
                training_data=CDataset(CArray(images), CArray(labels)),
                val=seen,
                distance=DISTANCE,
                dmax=max(radius, SMALLEST_BALL),
                lb=BOUNDS[0],
                ub=BOUNDS[1],
                solver_params={
                    "eta": eta,
                    "eta_min": eta_min,
                    "eta_max": eta_max,
                    "max_iter": max_iterations,
                    "eps": tolerance,
                },
                random_seed=seed,
            )
            found = attack.run(seen.X, seen.Y)[2].X.tondarray()
        x, moved = pull_towards(found, x, radius=radius), attack.moved
    made = Split(
        x=x.reshape(points, *train.x.shape[1:]),
        y=classes[given],
        y_true=train.y[rows],
        is_poison=np.ones(points, dtype=bool),
        source=train.source[rows],
    )
    return made, moved


def poison(
    data: AttackerData,
    *,
    seed: int,
    pairs: Sequence[Sequence[int]] | None,
    points: int,
    train: int | None,
    validation: int | None,
    **settings: Any,
) -> Poison:
    """Attack a machine for each pair of classes, as `poison_svm` does.

    Parameters
    ----------
    seed : of the one attack where pairs is None; else the seed of each pair is drawn from it
    pairs : of two classes each, no class in two of them; None is the two classes of all sources
    points : of each pair, made of its training images
    train, validation : images of the two classes that an attack sees, the first of those sources and
        validation images; None is all
    settings : `radius`, `regularization`, `eta`, `eta_min`, `eta_max`, `max_iterations` and `tolerance`, as
        `poison_svm` takes them

    Returns
    -------
    The points, pair after pair, and as the probe the test images of all their classes, labelled with the
    other class of the pair; the record is of what the solver has `moved`.

    Raises
    ------
    InputError
        Where a class is in two pairs or none of the network's, there are too few images, or as `poison_svm`
        does.
    """
    if pairs is None:
        pairs, seeds = [np.unique(data.sources.y_true).tolist()], [seed]
    else:
        # Drawn from one seed, since `seed + number` would be another seed's.
        seeds = np.random.SeedSequence(seed).generate_state(len(pairs)).tolist()
    classes = [label for pair in pairs for label in pair]
    if len(set(classes)) < len(classes) or not set(classes) <= set(range(data.n_classes)):
        raise InputError(
            f"pairs is {[list(pair) for pair in pairs]}, "
            f"allowed are pairs of the classes 0 to {data.n_classes - 1}, each in one pair at most"
        )
    made, moved = [], []
    with _quiet():
        for pair, seed_of_pair in zip(pairs, seeds, strict=True):
            of_pair = poison_svm(
                _first(data.sources, pair, train, "train"),
                _first(data.validation, pair, validation, "validation"),
                points=points,
                seed=seed_of_pair,
                **settings,
            )
            made.append(of_pair[0])
            moved.append(of_pair[1])
    others = {label: other for a, b in pairs for label, other in ((a, b), (b, a))}
    test = take(data.test, np.flatnonzero(np.isin(data.test.y_true, classes)))
    wanted = np.array([others[label] for label in test.y_true.tolist()], dtype=np.int64)
    return Poison(
        points=reduce(merge, made),
        probe=Split(test.x, wanted, test.y_true, np.zeros(len(test), dtype=bool), test.source),
        record={"moved": np.concatenate(moved)},
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep secml from a warning a point, that the solver has taken all steps that it may: few are enough."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _first(split: Split, pair: Sequence[int], n: int | None, name: str) -> Split:
    rows = np.flatnonzero(np.isin(split.y_true, pair))
    if n is not None and n > len(rows):
        raise InputError(
            f"{name} is {n}, allowed are up to {len(rows)}, the images of the classes {list(pair)} "
            "among those that the attacker has for it"
        )
    return take(split, rows[:n])
