"""Images with flipped labels, moved until a linear support vector machine errs most.

Poison against a support vector machine, made with secml 0.15.6.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
        "description": "The pairs of classes that are attacked one after the other, no class in two of them.",
        "type": "array",
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
        "description": "Images of a pair's classes that its attack trains its machine on, and moves.",
        "type": "integer",
        "minimum": 2,
        "maximum": 1_000_000,
    },
    "validation": {
        "description": "Further images of them that the machine is to err on.",
        "type": "integer",
        "minimum": 2,
        "maximum": 1_000_000,
    },
    "radius": {
        "description": "Farthest, in L2, that a point may lie from the image that it is made of.",
        "type": "number",
        "minimum": 0.001,
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


@dataclass(frozen=True)
class Poisoning:
    """Poison points, and what they cost the machine that they were made against.

    Attributes
    ----------
    points : Split of n points; `y_true` is the label of the source image, `source` its row
    distance : float64 [n], the L2 distance between a point and its source image
    moved : bool [n], whether the solver took a step; where it took none, the point is its source image
        but for the noise of at most 0.001 a pixel that secml starts from
    clean_accuracy, poisoned_accuracy : the machine's share of right answers on the validation images,
        trained without the points and with them
    """

    points: Split
    distance: NDArray[np.float64]
    moved: NDArray[np.bool_]
    clean_accuracy: float
    poisoned_accuracy: float


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
    x: NDArray[np.float64], sources: NDArray[np.float32], *, radius: float, bounds: tuple[float, float]
) -> NDArray[np.float32]:
    """Bring points into the box and into the L2 ball round their sources, and round them to float32.

    A point is moved straight towards its source, so that it stays in the box, and after rounding by one
    more step of float32, which outweighs the rounding: neither the box nor the ball is left by it.

    Parameters
    ----------
    x : float64 [n, d]
    sources : float32 [n, d], within the box
    """
    move = np.clip(x, *bounds) - sources
    length = np.linalg.norm(move, axis=1, keepdims=True)
    inside = sources + move * (radius / np.maximum(length, radius))
    rounded: NDArray[np.float32] = np.nextafter(inside.astype(np.float32), sources)
    return rounded


def _check(
    train: Split, validation: Split, *, points: int, radius: float, bounds: tuple[float, float]
) -> None:
    digits = np.unique(train.y).tolist()
    if len(digits) != 2:
        raise InputError(f"the training images have the labels {digits}, allowed are exactly two")
    if (found := np.unique(validation.y).tolist()) != digits:
        raise InputError(
            f"the validation images have the labels {found}, "
            f"allowed are those of the training images, {digits}"
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
    if not radius > 0:
        raise InputError(f"the radius is {radius}, allowed is more than 0")
    outside = ((train.x < bounds[0]) | (train.x > bounds[1])).any(axis=(1, 2, 3))
    if outside.any():
        raise InputError(
            f"the bounds are {bounds[0]} and {bounds[1]}, allowed are such as hold the training images, "
            f"and image {outside.argmax()} is not within"
        )


def poison_svm(
    train: Split,
    validation: Split,
    *,
    points: int,
    radius: float,
    distance: str,
    bounds: tuple[float, float],
    kernel: str,
    regularization: float,
    eta: float,
    eta_min: float,
    eta_max: float | None,
    max_iterations: int,
    tolerance: float,
    seed: int,
) -> Poisoning:
    """Flip the labels of random training images, and move them so that the machine errs most.

    One point after the other maximises the hinge loss of the machine, trained with all points so far, on
    the validation images: Biggio, Nelson and Laskov, Poisoning attacks against support vector machines,
    2012. Runs with one seed give the same bytes.

    Parameters
    ----------
    train, validation : Split, each of the same two digits
    points : how many, at most as many as there are training images
    radius : of the ball round the source image that a point may not leave
    distance : 'l2', the norm of the ball
    bounds : lowest and highest value of a pixel, which the training images keep
    kernel : 'linear'
    regularization : the machine's C
    eta, eta_min, eta_max, max_iterations, tolerance : of secml's solver `pgd-ls`: grid, first and longest
        step (None for no limit) of the line search, and the steps, and the gain in a step, that end it
    seed : 0 to 2**32 - 1, draws the source images and the noise

    Raises
    ------
    InputError
        Where the images, the number of points, the radius or the bounds do not allow it.
    """
    _check(train, validation, points=points, radius=radius, bounds=bounds)
    digits, labels = np.unique(train.y, return_inverse=True)
    images = train.x.reshape(len(train), -1)
    seen = CDataset(
        CArray(validation.x.reshape(len(validation), -1)), CArray(np.searchsorted(digits, validation.y))
    )

    def fitted(x: NDArray[np.float32], y: NDArray[np.int64]) -> tuple[CClassifierSVM, float]:
        machine = CClassifierSVM(C=regularization, kernel=kernel).fit(CArray(x), CArray(y))
        return machine, float((machine.predict(seen.X) == seen.Y).mean())

    # More threads than one add up in an order of their own, and no two runs would be alike.
    with threadpool_limits(1), tqdm(total=points, unit="point", disable=None) as progress:
        machine, clean_accuracy = fitted(images, labels)
        rows = CArray.randsample(len(train), points, random_state=seed).tondarray()  # as the attack will
        attack = _AttackInBall(
            images[rows],
            progress,
            classifier=machine,
            training_data=CDataset(CArray(images), CArray(labels)),
            val=seen,
            distance=distance,
            dmax=radius,
            lb=bounds[0],
            ub=bounds[1],
            solver_params={
                "eta": eta,
                "eta_min": eta_min,
                "eta_max": eta_max,
                "max_iter": max_iterations,
                "eps": tolerance,
            },
            random_seed=seed,
        )
        found = attack.run(seen.X, seen.Y)[2]
        x = pull_towards(found.X.tondarray(), images[rows], radius=radius, bounds=bounds)
        given = found.Y.tondarray().astype(np.int64)
        _, poisoned_accuracy = fitted(np.concatenate([images, x]), np.concatenate([labels, given]))

    return Poisoning(
        points=Split(
            x=x.reshape(points, *train.x.shape[1:]),
            y=digits[given],
            y_true=train.y[rows],
            is_poison=np.ones(points, dtype=bool),
            source=train.source[rows],
        ),
        distance=np.linalg.norm(x.astype(np.float64) - images[rows], axis=1),
        moved=attack.moved,
        clean_accuracy=clean_accuracy,
        poisoned_accuracy=poisoned_accuracy,
    )


def poison(
    data: AttackerData,
    *,
    seed: int,
    pairs: Sequence[Sequence[int]],
    points: int,
    train: int,
    validation: int,
    **settings: Any,
) -> Poison:
    """Attack a machine for each pair of classes, as `poison_svm` does.

    Parameters
    ----------
    pairs : of two classes each, no class in two of them
    points : of each pair, made of its training images
    train, validation : images of the two classes that an attack sees, the first of those sources and
        validation images
    settings : `radius`, `regularization`, `eta`, `eta_min`, `eta_max`, `max_iterations` and `tolerance`, as
        `poison_svm` takes them; pixels stay within [0, 1]

    Returns
    -------
    The points, pair after pair, and as the probe the test images of all their classes, labelled with the
    other class of the pair.

    Raises
    ------
    InputError
        Where a class is in two pairs or none of the network's, there are too few images, or as `poison_svm`
        does.
    """
    classes = [label for pair in pairs for label in pair]
    if len(set(classes)) < len(classes) or not set(classes) <= set(range(data.n_classes)):
        raise InputError(
            f"pairs is {[list(pair) for pair in pairs]}, "
            f"allowed are pairs of the classes 0 to {data.n_classes - 1}, each in one pair at most"
        )
    # Taken from one seed, since `seed + number` would be another seed's.
    seeds = np.random.SeedSequence(seed).generate_state(len(pairs)).tolist()
    attacks = []
    with _quiet():
        for pair, seed_of_pair in zip(pairs, seeds, strict=True):
            attack = poison_svm(
                _first(data.sources, pair, train, "train"),
                _first(data.validation, pair, validation, "validation"),
                points=points,
                distance="l2",
                bounds=(0, 1),
                kernel="linear",
                seed=seed_of_pair,
                **settings,
            )
            attacks.append(attack)
    others = {label: other for a, b in pairs for label, other in ((a, b), (b, a))}
    test = take(data.test, np.flatnonzero(np.isin(data.test.y_true, classes)))
    wanted = np.array([others[label] for label in test.y_true.tolist()], dtype=np.int64)
    return Poison(
        points=reduce(merge, (attack.points for attack in attacks)),
        probe=Split(test.x, wanted, test.y_true, np.zeros(len(test), dtype=bool), test.source),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep secml from a warning a point, that the solver has taken all steps that it may: few are enough."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _first(split: Split, pair: Sequence[int], n: int, name: str) -> Split:
    rows = np.flatnonzero(np.isin(split.y_true, pair))
    if n > len(rows):
        raise InputError(
            f"{name} is {n}, allowed are up to {len(rows)}, the images of the classes {list(pair)} "
            "among those that the attacker has for it"
        )
    return take(split, rows[:n])
