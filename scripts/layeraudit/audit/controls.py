"""Controls: known errors planted in a user's own data, and how many of them an audit finds.

Labels are flipped after training. Rows are drawn without regard to what they are, each gets another of the
classes that the rows have, and stays where it is: so do its neighbours. What depends on labels is computed
again, with the changed labels of neighbours too. The network and the probe are not fitted again; each has
seen the labels as they were. So these controls measure errors that the network did not fit, and flatter the
probe a little: its fits had no wrong labels to learn. A row that was wrong before counts as right.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.labels import measure_disagreement, measure_probe, measure_self_confidence
from layeraudit.audit.probe import Probe
from layeraudit.detection import measure_scores
from layeraudit.detectors import Evidence
from layeraudit.statistics import figure_over_seeds

CONTROL = "flips_after_training"
REPEATS = 20
FEWEST, SHARE, LARGEST_SHARE = 10, 0.01, 0.1
"""Rows of which labels are flipped: a share of them, so many or more, and never more than the last."""

LENGTHS = (1, 2, 5)
"""Lengths of the lists that are measured, in multiples of the planted rows."""

COLUMNS = [
    *("control", "planted", "detector", "length", "quantity"),
    *("value", "ci95_low", "ci95_high", "n_repeats"),
]


def count_planted(n: int) -> int:
    """Count the rows of n whose labels are flipped in a repeat; 0 where there are too few."""
    return min(max(FEWEST, round(SHARE * n)), int(LARGEST_SHARE * n))


def draw_flips(
    y: NDArray[np.int64], planted: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw rows, and for each another of the labels that are there: int64 [planted] each, rows ascending.

    Parameters
    ----------
    y : int64 [n], of two labels or more
    """
    labels, place = np.unique(y, return_inverse=True)
    rows = np.sort(generator.choice(len(y), planted, replace=False))
    steps = generator.integers(1, len(labels), planted)
    return rows, labels[(place[rows] + steps) % len(labels)]


def score_flips(
    training: Evidence,
    rows: NDArray[np.int64],
    flipped: NDArray[np.int64],
    *,
    self_confidence: NDArray[np.float64] | None,
    probe: Probe | None,
    of_probe: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Score all training rows after labels were flipped, by each detector: float64 [n].

    Parameters
    ----------
    rows, flipped : int64 [planted], rows and their labels now
    self_confidence : float64 [n], scores before; None without logits
    of_probe : float64 [n], scores before; they count where there is a probe
    """
    y = training.y.copy()
    y[rows] = flipped
    layers = {
        f"label_disagreement_{layer}": measure_disagreement(neighbours, y, y)
        for layer, neighbours in training.neighbours.items()
    }
    scores = layers | {"label_disagreement": np.mean([*layers.values()], axis=0)}
    if self_confidence is not None:
        scores["self_confidence"] = self_confidence.copy()
        scores["self_confidence"][rows] = measure_self_confidence(training.logits[rows], flipped)
    if probe is not None:
        activations, (_, n_classes) = training.activations[probe.layer], probe.biases.shape
        scores["probe"] = of_probe.copy()
        scores["probe"][rows] = measure_probe(
            lambda some: probe.predict_unseen(activations, rows[some]), flipped, n_classes=n_classes
        )
        scores["neighbours_and_probe"] = (scores["label_disagreement"] + scores["probe"]) / 2
    return scores


def measure_list(scores: NDArray[np.float64], is_planted: NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    """Yield `length`, `quantity` and `value`: recall and precision at each length, and AUROC, of no length.

    Rows of one score stand in the order of their numbers.
    """
    planted = int(is_planted.sum())
    found = np.cumsum(is_planted[np.argsort(-scores, kind="stable")])
    for length in (planted * times for times in LENGTHS):
        for quantity, of in (("recall", planted), ("precision", length)):
            yield {"length": length, "quantity": quantity, "value": found[length - 1] / of}
    (auroc,) = measure_scores(scores, is_planted, quantities=["auroc"])["auroc"]
    yield {"length": None, "quantity": "auroc", "value": auroc}


def plant_flips(
    training: Evidence,
    *,
    self_confidence: NDArray[np.float64] | None,
    probe: Probe | None,
    of_probe: NDArray[np.float64],
    seed: int,
) -> pd.DataFrame:
    """Flip labels, many times over, and measure how each detector finds them.

    Parameters
    ----------
    training, self_confidence, probe, of_probe : as `score_flips` takes them
    seed : draws rows and labels

    Returns
    -------
    `COLUMNS`, a row for each detector, length and quantity: means over the repeats, with Student's t interval
    for other draws of rows and labels, not for other data. Without rows where there are fewer than ten, or
    one class.
    """
    n = len(training)
    planted = count_planted(n)
    if not planted or len(np.unique(training.y)) < 2:
        return pd.DataFrame(columns=COLUMNS)
    found = []
    for repeat in range(REPEATS):
        rows, flipped = draw_flips(training.y, planted, np.random.default_rng([seed, repeat]))
        scores = score_flips(
            training, rows, flipped, self_confidence=self_confidence, probe=probe, of_probe=of_probe
        )
        is_planted = np.isin(np.arange(n), rows)
        for detector, of_rows in scores.items():
            found += [{"detector": detector} | figure for figure in measure_list(of_rows, is_planted)]
    table = []
    keys = ["detector", "length", "quantity"]
    repeats = pd.DataFrame(found).astype({"length": "Int64"})
    for names, figures in repeats.groupby(keys, sort=False, dropna=False):
        figure = figure_over_seeds(figures["value"], low=0, high=1)
        repeats_of_figure = figure.pop("n_seeds")
        named = {"control": CONTROL, "planted": planted, **dict(zip(keys, names, strict=True))}
        table.append(named | figure | {"n_repeats": repeats_of_figure})
    return pd.DataFrame(table, columns=COLUMNS).astype({"length": "Int64"})
