"""What an audit says of the training rows, and of the inputs that a network is shown: the tables."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.duplicates import find_originals, find_pairs, measure_units, take_nearest
from layeraudit.audit.groups import Group
from layeraudit.audit.labels import (
    Predict,
    measure_disagreement,
    measure_probe,
    measure_self_confidence,
    predict_labels,
    propose_labels,
)
from layeraudit.audit.outliers import Metric, measure_to_last, score_outliers
from layeraudit.audit.probe import Probe
from layeraudit.audit.significance import (
    LEVEL,
    PValues,
    compute_p_values,
    count_calibration_rows_to_flag,
    count_false_nulls,
    count_fewest_flaggable,
    flag_rows,
)
from layeraudit.detectors import Evidence

NEIGHBOURS, BOTH = "label_disagreement", "neighbours_and_probe"
"""Scores that rank rows by their labels: without a probe, and with one."""


def rank_rows(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the rank of each row, int64 [n] from 1, by its score, the largest first; ties by row number."""
    rank = np.empty(len(score), np.int64)
    rank[np.argsort(-score, kind="stable")] = np.arange(1, len(score) + 1)
    return rank


def predict_each(probe: Probe | None, evidence: Evidence, *, is_training: bool) -> Predict | None:
    """Return what a probe predicts of slices of a split's rows, each by a fit that has not seen it."""
    if probe is None:
        return None
    predict = partial(
        probe.predict_unseen if is_training else probe.predict_others, evidence.activations[probe.layer]
    )
    return lambda some: predict(np.arange(some.start, some.stop))


def score_labels(
    evidence: Evidence, labels: NDArray[np.int64], predict: Predict | None, *, n_classes: int
) -> dict[str, NDArray[np.float64]]:
    """Score how little speaks for each row's label, by neighbours, by the probe, and by both.

    Parameters
    ----------
    labels : int64 [n_train], of the training rows

    Returns
    -------
    float64 [n], larger is more suspicious: `label_disagreement_{layer}` of each layer, `label_disagreement`
    (their mean), `probe`, `neighbours_and_probe` (the mean of these two; both NaN without a probe)
    """
    of_layers = {
        f"{NEIGHBOURS}_{layer}": measure_disagreement(neighbours, labels, evidence.y)
        for layer, neighbours in evidence.neighbours.items()
    }
    all_layers = np.mean([*of_layers.values()], axis=0)
    probe = (
        np.full(len(evidence), np.nan)
        if predict is None
        else measure_probe(predict, evidence.y, n_classes=n_classes)
    )
    return of_layers | {NEIGHBOURS: all_layers, "probe": probe, BOTH: (all_layers + probe) / 2}


def judge_labels(
    training: Evidence, calibration: Evidence, probe: Probe | None, *, n_classes: int, has_logits: bool
) -> tuple[dict[str, NDArray[Any]], PValues, NDArray[np.float64]]:
    """Judge the labels of the training rows.

    Returns
    -------
    The columns `predicted`, `proposed`, the scores, `label_score`, `label_rank`, `label_p` and
    `label_flagged`; the p-values; and the calibration rows' scores that they are made of
    """
    predict = predict_each(probe, training, is_training=True)
    scores = score_labels(training, training.y, predict, n_classes=n_classes)
    of_calibration = score_labels(
        calibration,
        training.y,
        predict_each(probe, calibration, is_training=False),
        n_classes=n_classes,
    )
    ranking = BOTH if probe else NEIGHBOURS
    p = compute_p_values(scores[ranking], of_calibration[ranking])
    neighbours = [*training.neighbours.values()]
    proposed = propose_labels(neighbours, training.y, training.y, predict, n_classes=n_classes)
    nothing = np.full(len(training), np.nan)
    columns: dict[str, NDArray[Any]] = {
        "predicted": predict_labels(training.logits) if has_logits else np.full(len(training), -1),
        "proposed": proposed,
        **{name: score for name, score in scores.items() if name not in ("probe", BOTH)},
        "self_confidence": measure_self_confidence(training.logits, training.y) if has_logits else nothing,
        "probe": scores["probe"],
        BOTH: scores[BOTH],
        "label_score": scores[ranking],
        "label_rank": rank_rows(scores[ranking]),
        "label_p": p.values,
        "label_flagged": flag_rows(p),
    }
    return columns, p, of_calibration[ranking]


def judge_outliers(
    evidence: Evidence, calibration: Mapping[str, NDArray[np.float64]], training: Evidence, *, metric: Metric
) -> tuple[dict[str, NDArray[Any]], PValues]:
    """Judge how far rows are from the training rows.

    Parameters
    ----------
    calibration : of `measure_to_last`, of the calibration rows

    Returns
    -------
    The columns `outlier_score`, `outlier_rank`, `outlier_p` and `outlier_flagged`; and the p-values
    """
    score = score_outliers(measure_to_last(evidence, training, metric=metric), calibration)
    p = compute_p_values(score, score_outliers(calibration, calibration))
    columns = {
        "outlier_score": score,
        "outlier_rank": rank_rows(score),
        "outlier_p": p.values,
        "outlier_flagged": flag_rows(p),
    }
    return columns, p


def judge_duplicates(
    training: Evidence, others: Mapping[str, Evidence], *, held_out: Sequence[str], metric: Metric
) -> tuple[dict[str, NDArray[Any]], pd.DataFrame]:
    """Find near duplicates among training rows, and of them in other splits.

    Parameters
    ----------
    others : evidence of other splits
    held_out : those of them that should have nothing in common with the training rows

    Returns
    -------
    The columns `duplicate_of`, `duplicate_distance` and `leak`; and a table of `split`, `row`,
    `training_row`, `distance`, a row for each row of another split that is a near duplicate
    """
    units = measure_units(training, metric=metric)
    pairs = find_pairs(training, training, units, metric=metric)
    original, nearest = find_originals(pairs, len(training)), take_nearest(pairs)
    distance = np.full(len(training), np.nan)
    distance[nearest.row] = nearest.distance
    distance[original < 0] = np.nan
    leak = np.zeros(len(training), np.int64)
    parts = []
    for split, evidence in others.items():
        found = take_nearest(find_pairs(evidence, training, units, metric=metric))
        if split in held_out:
            leak += np.bincount(found.training_row, minlength=len(training))
        parts.append(pd.DataFrame({"split": split, **vars(found)}))
    columns = {"duplicate_of": original, "duplicate_distance": distance, "leak": leak}
    return columns, pd.concat(parts, ignore_index=True)


def tabulate_groups(groups: Sequence[Group]) -> pd.DataFrame:
    """Tabulate groups: a row each, numbered from 0, with `n`, its rows, and what `Group` has of it."""
    columns = ["layer", "label", "label_share", "other_label", "share", "held_out_share"]
    rows = [
        {"group": number, "n": len(group.rows)} | {name: getattr(group, name) for name in columns}
        for number, group in enumerate(groups)
    ]
    return pd.DataFrame(rows, columns=["group", "n", *columns])


def number_groups(groups: Sequence[Group], n: int) -> NDArray[np.int64]:
    """Return the number of each training row's group, int64 [n], or -1."""
    numbers = np.full(n, -1, np.int64)
    for number, group in enumerate(groups):
        numbers[group.rows] = number
    return numbers


def count_errors(of_labels: PValues, of_outliers: PValues, *, n_calibration: int) -> dict[str, Any]:
    """Count what can be flagged, what is, and how many rows at least are wrong.

    Returns
    -------
    `n_rows`, `n_calibration`, `level`, `fewest_flaggable`, `calibration_rows_to_flag_one`; of the labels
    `flagged`, `at_least_wrong` (of all rows) and `flagged_at_least_wrong` (of those that are flagged); of the
    outliers `outliers_flagged` and `outliers_at_least`
    """
    n = len(of_labels)
    flagged = np.flatnonzero(flag_rows(of_labels))
    return {
        "n_rows": n,
        "n_calibration": n_calibration,
        "level": float(LEVEL),
        "fewest_flaggable": count_fewest_flaggable(n, n_calibration),
        "calibration_rows_to_flag_one": count_calibration_rows_to_flag(n, 1),
        "flagged": len(flagged),
        "at_least_wrong": count_false_nulls(of_labels),
        "flagged_at_least_wrong": count_false_nulls(of_labels, flagged),
        "outliers_flagged": int(flag_rows(of_outliers).sum()),
        "outliers_at_least": count_false_nulls(of_outliers),
    }


def rank_inputs(credibility: NDArray[np.float64], outlier_score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank inputs, int64 [n] from 1: the least credible first, then the farthest, then by row number."""
    rank = np.empty(len(credibility), np.int64)
    rank[np.lexsort((-outlier_score, credibility))] = np.arange(1, len(credibility) + 1)
    return rank
