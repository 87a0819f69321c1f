"""The results on MNIST of Papernot & McDaniel 2018 (arXiv:1803.04765), which the report rests on.

A model of clean digits is shown held-out digits, the same digits attacked, rotated digits, and images that
are no digits. Of all functions: `calibration` is int64 [n_calibration], the nonconformity of a seed's
calibration images; a mode whose calibration has no point left has NaN.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.dknn import Mode, compute_p_values
from layeraudit.report.measures import average_points

INPUTS = {
    "test": "held-out digits",
    "fgsm": "FGSM",
    "bim": "BIM",
    "cw": "CW",
    "rotated": "rotated digits",
    "fashion_mnist": "Fashion-MNIST",
}
"""What the model is shown, by the name of the split, and what people call it."""

NO_DIGITS = ["fashion_mnist"]
"""Inputs whose labels are not the model's, so that nothing said of them is right."""

N_BINS = 10

ALPHAS = [0.01, 0.05, 0.1, 0.2, 0.5]


def _compute_credibility(nonconformity: pd.Series, calibration: NDArray[np.int64], mode: Mode) -> pd.Series:
    if mode == "cleverhans" and not calibration.any():  # it drops those of 0
        return pd.Series(np.nan, nonconformity.index)
    return pd.Series(compute_p_values(nonconformity.to_numpy(), calibration, mode=mode), nonconformity.index)


def _is_right(scores: pd.DataFrame, judge: str) -> pd.Series:
    return scores[f"{judge}_label"] == scores["y_true"]


def measure_inputs(scores: Mapping[str, pd.DataFrame], calibration: NDArray[np.int64]) -> pd.DataFrame:
    """Measure accuracy, softmax confidence and credibility of each kind of input, in one seed.

    Parameters
    ----------
    scores : of each kind of input

    Returns
    -------
    `input`, `mode` (of credibility, else none), `quantity` (`dnn_accuracy` and `dknn_accuracy`, against the
    true label, but of images that are no digits; `softmax_confidence`; `credibility`), `value`, `n_points`
    """
    rows: list[dict[str, object]] = []
    for name, of_input in scores.items():
        judges = [] if name in NO_DIGITS else ["dnn", "dknn"]
        figures = {f"{judge}_accuracy": _is_right(of_input, judge) for judge in judges}
        figures["softmax_confidence"] = of_input["dnn_confidence"]
        rows += average_points(figures, input=name, mode="")
        for mode in get_args(Mode):
            credibility = _compute_credibility(of_input["nonconformity"], calibration, mode)
            rows += average_points({"credibility": credibility}, input=name, mode=mode)
    return pd.DataFrame(rows)


def measure_reliability(scores: Mapping[str, pd.DataFrame], calibration: NDArray[np.int64]) -> pd.DataFrame:
    """Measure how often a judgement is right, by how sure it is, in one seed: a reliability diagram.

    DkNN's label is judged by its credibility, in two modes, and the network's by its softmax confidence.

    Parameters
    ----------
    scores : of held-out and of attacked digits, `test` and `fgsm`

    Returns
    -------
    `input`, `score`, `mode`, `bin_low`, `bin_high` (low < score <= high; the first holds 0 too), `quantity`
    (`accuracy`, `mean_score`), `value` (NaN of an empty bin), `n_points`
    """
    edges = np.arange(N_BINS + 1) / N_BINS
    modes: list[Mode] = ["paper", "cleverhans"]
    rows: list[dict[str, object]] = []
    for name in ("test", "fgsm"):
        of_input = scores[name]
        judged = {("softmax_confidence", ""): (of_input["dnn_confidence"], _is_right(of_input, "dnn"))}
        for mode in modes:
            credibility = _compute_credibility(of_input["nonconformity"], calibration, mode)
            judged["credibility", mode] = credibility, _is_right(of_input, "dknn")
        for (score, mode_of_score), (values, is_right) in judged.items():
            bins = pd.cut(values, edges.tolist(), labels=False, include_lowest=True)
            for number, (low, high) in enumerate(pairwise(edges)):
                members = bins == number
                rows += average_points(
                    {"accuracy": is_right[members], "mean_score": values[members]},
                    **{
                        "input": name,
                        "score": score,
                        "mode": mode_of_score,
                        "bin_low": low,
                        "bin_high": high,
                    },
                )
    return pd.DataFrame(rows)


def measure_validity(test: pd.DataFrame, calibration: NDArray[np.int64], k: int) -> pd.DataFrame:
    """Measure how often the true label's p-value is at most alpha, in one seed: at most alpha, if valid.

    Held-out and calibration images are drawn alike, so the conformal p-value of the true label is at most
    alpha with a chance of at most alpha (Vovk, Gammerman & Shafer 2005), and of about alpha where
    nonconformities are seldom equal.

    Parameters
    ----------
    test : scores of held-out images, with `same_label_neighbours_{layer}` for each layer
    k : neighbours of an image in a layer

    Returns
    -------
    `mode`, `alpha`, `quantity` (`p_at_most_alpha`), `value`, `n_points`
    """
    same = test.filter(like="same_label_neighbours_")
    rows: list[dict[str, object]] = []
    for mode in get_args(Mode):
        p = _compute_credibility(same.shape[1] * k - same.sum(axis=1), calibration, mode).dropna()
        for alpha in ALPHAS:
            rows += average_points({"p_at_most_alpha": p <= alpha}, mode=mode, alpha=alpha)
    return pd.DataFrame(rows)
