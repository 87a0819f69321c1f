"""Controls: known errors planted in a user's own data, and how many of them an audit finds.

After training, labels are flipped: rows are drawn without regard to what they are, each gets another of the
classes that the rows have, and stays where it is: so do its neighbours. What depends on labels is computed
again, with the changed labels of neighbours too. The network and the probe are not fitted again; each has
seen the labels as they were. So these controls measure errors that the network did not fit, and flatter the
probe a little: its fits had no wrong labels to learn.

Before training, labels are flipped in the same way, and as many rows of other classes get a trigger and the
label of one class (BadNets, Gu et al. 2017); then the network is trained by the user's own function, and its
rows are judged as those of any audit are. A row that was wrong before counts as right in both.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.labels import measure_disagreement, measure_probe, measure_self_confidence
from layeraudit.audit.probe import Probe
from layeraudit.audit.significance import compute_p_values, flag_rows
from layeraudit.detection import BenchExperiment, interval_of_resamples, measure_scores, resample_experiment
from layeraudit.detectors import Evidence
from layeraudit.poisons._triggers import stamp
from layeraudit.splits import Split
from layeraudit.statistics import figure_over_seeds, interval_of_share

AFTER, BEFORE, TRIGGER = "flips_after_training", "flips_before_training", "trigger_before_training"
REPEATS = 20
FEWEST, SHARE, LARGEST_SHARE = 10, 0.01, 0.1
"""Rows of which labels are flipped: a share of them, so many or more, and never more than the last."""

FLAGGED, GROUP = "flagged", "group"
"""The quantity that is the share of the planted rows which are flagged, or in a group, by a detector."""

LENGTHS = (1, 2, 5)
"""Lengths of the lists that are measured, in multiples of the planted rows."""

SQUARE, MARGIN = 1 / 8, 1
"""The trigger, white: its side as a share of the picture's, and its distance from two edges in pixels."""

OF_LABELS = ("self_confidence", "probe", "neighbours_and_probe")
OF_TRIGGERS = ("held_out_deficit", "outlier_score")
"""Columns of judged rows that seek errors beside `label_disagreement...`; the last those of poison alone."""

COLUMNS = [
    *("control", "planted", "learned", "detector", "length", "quantity"),
    *("value", "ci95_low", "ci95_high", "n_repeats"),
]
"""`learned` is to how many of the planted rows the network gives the label that was planted, if it could."""

WHOLE = {"length": "Int64", "learned": "Int64"}
"""Columns of whole numbers that some rows lack."""


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
    ranking: str,
    calibration_scores: NDArray[np.float64],
    self_confidence: NDArray[np.float64] | None,
    probe: Probe | None,
    of_probe: NDArray[np.float64],
    seed: int,
) -> pd.DataFrame:
    """Flip labels, many times over, and measure how each detector finds them.

    Parameters
    ----------
    training, self_confidence, probe, of_probe : as `score_flips` takes them
    ranking : the detector whose p-values flag rows
    calibration_scores : float64 [m], those of the calibration rows by it
    seed : draws rows and labels

    Returns
    -------
    `COLUMNS`, a row for each detector, length and quantity, and one of the share that is flagged: means over
    the repeats, with Student's t interval for other draws of rows and labels, not for other data. Without
    rows where there are fewer than ten, or one class.
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
        flagged = flag_rows(compute_p_values(scores[ranking], calibration_scores))[rows].mean()
        found.append({"detector": ranking, "length": None, "quantity": FLAGGED, "value": flagged})
    table = []
    keys = ["detector", "length", "quantity"]
    repeats = pd.DataFrame(found).astype({"length": "Int64"})
    for names, figures in repeats.groupby(keys, sort=False, dropna=False):
        figure = figure_over_seeds(figures["value"], low=0, high=1)
        repeats_of_figure = figure.pop("n_seeds")
        named = {"control": AFTER, "planted": planted, **dict(zip(keys, names, strict=True))}
        table.append(named | figure | {"n_repeats": repeats_of_figure})
    return pd.DataFrame(table, columns=COLUMNS).astype(WHOLE)


def plant_errors(split: Split, *, seed: int) -> Split:
    """Return training rows with flipped labels, and as many others with a trigger and the label of one class.

    Rows keep their places. `y_true` is the label before, `is_poison` marks the trigger. Nothing is planted
    where there are fewer than ten rows, or one class.

    Parameters
    ----------
    seed : draws rows and labels
    """
    planted, labels = count_planted(len(split)), np.unique(split.y)
    if not planted or len(labels) < 2:
        return split
    generator = np.random.default_rng([seed, REPEATS])  # no repeat of the flips after training has this one
    x, y, is_poison = split.x.copy(), split.y.copy(), np.zeros(len(split), bool)
    flips, flipped = draw_flips(split.y, planted, generator)
    target = generator.choice(labels)
    allowed = np.setdiff1d(np.flatnonzero(split.y != target), flips)
    marked = generator.choice(allowed, min(planted, len(allowed)), replace=False)
    side = max(1, round(SQUARE * min(x.shape[2:])))
    x[marked] = stamp(x[marked], size=side, margin=min(MARGIN, min(x.shape[2:]) - side), value=1)
    y[flips], y[marked], is_poison[marked] = flipped, target, True
    return Split(x, y, split.y, is_poison, split.source, split.n_classes)


def measure_planted(split: Split, rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Measure how each detector finds what `plant_errors` planted; the rows of the other kind do not count.

    Parameters
    ----------
    split : of n training rows
    rows : the same rows as they were judged, with `predicted`, `label_disagreement...`, `group`, and
        `OF_LABELS` and `OF_TRIGGERS`; detectors of which a score is missing are left out
    seed : draws the resamples of rows

    Returns
    -------
    `COLUMNS`, a row for each detector, length and quantity, of one training, and one of the share of the
    trigger's rows that is in a group. Intervals are Wilson's for shares, and of the bootstrap over rows for
    AUROC.
    """
    table: list[dict[str, Any]] = []
    is_flip = (split.y != split.y_true) & ~split.is_poison
    columns = map(str, rows.columns)
    names = [name for name in columns if name.startswith("label_disagreement")] + [*OF_LABELS]
    for control, is_planted, others, detectors in (
        (BEFORE, is_flip, split.is_poison, names),
        (TRIGGER, split.is_poison, is_flip, [*names, *OF_TRIGGERS]),
    ):
        if not is_planted.any():
            continue
        judged, positive = rows[~others], is_planted[~others]
        detectors = [name for name in detectors if judged[name].notna().all()]
        scores = np.array([judged[name].to_numpy(np.float64) for name in detectors])
        experiment = BenchExperiment(
            "audit", control, tuple(detectors), (seed,), (seed,), (scores,), (positive,)
        )
        auroc = interval_of_resamples(resample_experiment(experiment, "audit", ["auroc"])["auroc"]).T
        learned = int((judged["predicted"].to_numpy() == split.y[~others])[positive].sum())
        planted = int(positive.sum())
        named = {"control": control, "planted": planted, "learned": learned, "n_repeats": 1}
        for detector, of_rows, of_auroc in zip(detectors, scores, auroc.tolist(), strict=True):
            for figure in measure_list(of_rows, positive):
                n = figure["length"] if figure["quantity"] == "precision" else planted
                is_share = figure["quantity"] != "auroc"
                low, high = interval_of_share(round(figure["value"] * n), n) if is_share else of_auroc
                table.append(named | {"detector": detector} | figure | {"ci95_low": low, "ci95_high": high})
        if control == TRIGGER:
            grouped = int((judged[GROUP].to_numpy() >= 0)[positive].sum())
            low, high = interval_of_share(grouped, planted)
            figure = {"length": None, "quantity": FLAGGED, "value": grouped / planted}
            table.append(named | {"detector": GROUP} | figure | {"ci95_low": low, "ci95_high": high})
    return pd.DataFrame(table, columns=COLUMNS).astype(WHOLE)
