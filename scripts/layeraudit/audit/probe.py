"""A probe: logistic regression on one layer's activations, of which no row is judged by a fit that saw it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from layeraudit.blocks import split_rows
from layeraudit.detectors import Evidence
from layeraudit.errors import InputError
from layeraudit.files import read_arrays, write_arrays

FOLDS = 5

MOST_CLASSES = 100
"""With more of them there is no probe: its cost grows with rows, columns and classes."""

MOST_NUMBERS, FEW_CLASSES = 10**9, 10
"""Rows x columns x classes of a fit, ten at least; of more rows a sample, the same share of each class."""

REGULARISATIONS, MOST_ITERATIONS = (0.001, 0.01, 0.1, 1.0), 200
"""Weights of the likelihood against the L2 penalty, scikit-learn's C, and steps after which a fit ends."""

Fit = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Weights [classes, d] and biases [classes], of activations as they are."""


@dataclass(frozen=True)
class Probe:
    """Fits of a probe, one a fold.

    Attributes
    ----------
    layer : whose activations they take
    fold : int64 [n_train], the fit that has not seen the training row
    weights : float64 [folds, classes, d], of activations as they are
    biases : float64 [folds, classes]; minus infinity for a class that no training row has
    fitted : rows that each fit has seen, at most
    regularisation : of the fits, one of `REGULARISATIONS`
    """

    layer: str
    fold: NDArray[np.int64]
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    fitted: int
    regularisation: float

    def predict_unseen(
        self, activations: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the probabilities of the classes, by the fit that has not seen the row.

        Parameters
        ----------
        activations : float32 [n_train, d], of all training rows; may be mapped from a file
        rows : int64 [b], training rows

        Returns
        -------
        float64 [b, classes]
        """
        return self._predict_each(activations, rows, self.fold[rows])

    def predict_others(
        self, activations: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the probabilities of the classes of rows that no fit has seen, by one of the fits in turn.

        The mean of all fits would be nearer to the truth than the one fit that judges a training row, and the
        rows then no measure for training rows.

        Parameters
        ----------
        activations : float32 [n, d], of all rows of a split; may be mapped from a file
        rows : int64 [b], rows of it

        Returns
        -------
        float64 [b, classes]
        """
        return self._predict_each(activations, rows, rows % len(self.weights))

    def _predict_each(
        self, activations: NDArray[np.float32], rows: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        found = np.empty((len(rows), self.biases.shape[1]))
        for number in range(len(self.weights)):
            own = numbers == number
            found[own] = _predict(activations[rows[own]], self.weights[number], self.biases[number])
        return found


def choose_layer(evidence: Evidence) -> str:
    """Return the last layer before the logits: the last whose activations they are not."""
    layers = list(evidence.activations)
    last, logits = evidence.activations[layers[-1]], evidence.logits
    is_last = last.shape == logits.shape and all(
        np.array_equal(last[some], logits[some]) for some in split_rows(len(logits), 2 * logits[:1].nbytes)
    )
    return layers[-2 if is_last and len(layers) > 1 else -1]


def find_hindrance(y: NDArray[np.int64], *, n_classes: int) -> str | None:
    """Return why training rows with these labels can have no probe, or None where they can."""
    counts = np.bincount(y, minlength=n_classes)
    if n_classes > MOST_CLASSES:
        return f"more than {MOST_CLASSES} classes"
    if np.count_nonzero(counts) < 2:
        return "one class"
    if counts[counts > 0].min() < FOLDS:
        return f"a class of fewer than {FOLDS} training rows"
    return None


def fit_probe(training: Evidence, layer: str, *, n_classes: int, seed: int) -> Probe:
    """Fit a probe to training rows, in stratified folds.

    Features are standardised. A fit takes the rows of the other folds, or a sample of them, see
    `MOST_NUMBERS`. On the first fold the penalty is weakened for as long as the log loss of its own rows
    falls: a probe that learns wrong labels by heart finds none.

    Parameters
    ----------
    training : of the training rows, for whose labels `find_hindrance` finds nothing
    seed : draws folds and samples
    """
    activations, y = training.activations[layer], training.y
    n, d = activations.shape
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    fold = np.empty(n, np.int64)
    weights = np.zeros((FOLDS, n_classes, d))
    biases = np.full((FOLDS, n_classes), -np.inf)
    fitted, regularisation = 0, REGULARISATIONS[0]
    for number, (others, own) in enumerate(folds.split(np.empty(n), y)):
        fold[own] = number
        share = MOST_NUMBERS / (len(others) * d * max(FEW_CLASSES, n_classes))
        rows = others if share >= 1 else _draw(others, y, share, np.random.default_rng([seed, number]))
        if number:
            fit = _fit(activations[rows], y[rows], n_classes, regularisation)
        else:
            fit, regularisation = _choose_fit(activations, y, n_classes, rows=rows, own=own)
        weights[number], biases[number] = fit
        fitted = max(fitted, len(rows))
    return Probe(layer, fold, weights, biases, fitted, regularisation)


def _choose_fit(
    activations: NDArray[np.float32],
    y: NDArray[np.int64],
    n_classes: int,
    *,
    rows: NDArray[np.int64],
    own: NDArray[np.int64],
) -> tuple[Fit, float]:
    """Return the fit to `rows` after which the log loss of the rows `own` no longer falls, and its C."""
    chosen: list[tuple[Fit, float]] = []
    losses = [np.inf]
    for regularisation in REGULARISATIONS:
        fit = _fit(activations[rows], y[rows], n_classes, regularisation)
        of_labels = _predict(activations[own], *fit)[np.arange(len(own)), y[own]]
        losses.append(-np.log(np.maximum(of_labels, np.finfo(np.float64).tiny)).mean())
        if chosen and losses[-1] >= losses[-2]:
            break
        chosen.append((fit, regularisation))
    return chosen[-1]


def _predict(
    activations: NDArray[np.float32], weights: NDArray[np.float64], biases: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the probabilities of the classes by a fit, float64 [n, classes]."""
    found = np.empty((len(activations), len(biases)))
    for some in split_rows(len(activations), 8 * activations.shape[1]):
        logits = activations[some].astype(np.float64) @ weights.T + biases
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        found[some] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return found


def _draw(
    rows: NDArray[np.int64], y: NDArray[np.int64], share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a share of the rows of each class, one or more; ascending, as a file is read fastest."""
    drawn = []
    for label in np.unique(y[rows]):
        of_class = rows[y[rows] == label]
        drawn.append(generator.permutation(of_class)[: int(np.ceil(share * len(of_class)))])
    return np.sort(np.concatenate(drawn))


def _fit(
    activations: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, regularisation: float
) -> Fit:
    scaler = StandardScaler()
    features = scaler.fit_transform(np.array(activations, np.float32))  # twice as fast as in float64
    model = LogisticRegression(C=regularisation, max_iter=MOST_ITERATIONS).fit(features, y)
    of_classes, offsets = (of.astype(np.float64) for of in (model.coef_, model.intercept_))
    if len(model.classes_) == 2:  # of two classes scikit-learn has the second's alone
        of_classes, offsets = (np.concatenate([np.zeros_like(of), of]) for of in (of_classes, offsets))
    weights, biases = np.zeros((n_classes, features.shape[1])), np.full(n_classes, -np.inf)
    weights[model.classes_] = of_classes / scaler.scale_
    biases[model.classes_] = offsets - weights[model.classes_] @ scaler.mean_
    return weights, biases


def write_probe(path: Path, probe: Probe | None) -> None:
    """Write a probe to an `.npz`; without one, its arrays are empty."""
    made = probe or Probe("", np.empty(0, np.int64), np.empty((0, 0, 0)), np.empty((0, 0)), 0, 0.0)
    write_arrays(path, **{name: np.asarray(value) for name, value in vars(made).items()})


def read_probe(path: Path) -> Probe | None:
    """Read what `write_probe` wrote.

    Raises
    ------
    InputError
        Where the file cannot be read, or holds something else.
    """
    layer, fold, weights, biases, fitted, regularisation = read_arrays(path, *Probe.__dataclass_fields__)
    if fold.ndim != 1 or weights.ndim != 3 or weights.shape[:2] != biases.shape:
        raise InputError(
            f"{path} has weights {list(weights.shape)} and biases {list(biases.shape)}, allowed are "
            "[folds, classes, columns] and [folds, classes]"
        )
    probe = Probe(
        str(layer),
        fold.astype(np.int64),
        weights.astype(np.float64),
        biases.astype(np.float64),
        int(fitted.item()),
        float(regularisation.item()),
    )
    return probe if len(weights) else None
