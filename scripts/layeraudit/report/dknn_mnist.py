"""The results on MNIST of Papernot & McDaniel 2018 (arXiv:1803.04765), which the report rests on.

A model of clean digits is shown held-out digits, the same digits attacked, rotated digits, and images that
are no digits.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.dknn import Mode, compute_p_values
from layeraudit.statistics import (
    BETWEEN_SEEDS_OF_ONE_POOL,
    Claim,
    Combine,
    average_over_seeds,
    claim_over_seeds,
    compare_pairs_in_seeds,
    figure_over_points,
    mean_equals,
)

PAPER = "Papernot & McDaniel 2018"

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

NO_MODE = "none"
"""The mode of a figure that has no calibration in it."""

PUBLISHED = {
    ("test", "dnn_accuracy", NO_MODE): (0.992, np.nan, np.nan),
    ("test", "dknn_accuracy", NO_MODE): (0.991, 0.987, 0.988),
    ("fgsm", "dnn_accuracy", NO_MODE): (0.271, np.nan, np.nan),
    ("fgsm", "dknn_accuracy", NO_MODE): (0.549, 0.321, 0.335),
    ("bim", "dnn_accuracy", NO_MODE): (0.007, np.nan, np.nan),
    ("bim", "dknn_accuracy", NO_MODE): (0.168, np.nan, np.nan),
    ("cw", "dnn_accuracy", NO_MODE): (0.007, np.nan, np.nan),
    ("cw", "dknn_accuracy", NO_MODE): (0.944, np.nan, np.nan),
    ("rotated", "softmax_confidence", NO_MODE): (0.31, np.nan, np.nan),
    ("rotated", "credibility", "cleverhans"): (0.09, np.nan, np.nan),
}
"""The paper's figure, and the least and greatest that users of the authors' code have posted.

The paper does not say in which mode its credibility is; its code trims calibration points of nonconformity 0,
so its figure stands beside the mode `cleverhans`.
"""

POSTED_RELIABILITY = [
    *[(0.761, 335), (0.959, 390), (0.979, 476), (0.991, 466), (0.992, 253)],
    *[(0.992, 397), (0.997, 380), (1.0, 306), (0.995, 444), (1.0, 5803)],
]
"""Accuracy and number of images in each tenth of credibility, in a posted run of the authors' code."""

ALPHAS = [0.01, 0.05, 0.1, 0.2, 0.5]


def compute_nonconformity_of_given_label(scores: pd.DataFrame, k: int) -> NDArray[np.int64]:
    """Compute the nonconformity of the label given: the neighbours, over all layers, of another label.

    Parameters
    ----------
    scores : with the column `same_label_neighbours_{layer}` for each layer
    k : neighbours of an image in a layer

    Returns
    -------
    int64 [n]
    """
    same = scores.filter(like="same_label_neighbours_")
    return np.asarray(same.shape[1] * k - same.sum(axis=1), dtype=np.int64)


def _credibility(scores: pd.DataFrame, calibrations: Sequence[NDArray[np.int64]], mode: Mode) -> pd.Series:
    """Return the credibility of each image in a mode, by the calibration of its seed."""
    parts = []
    for seed, calibration in enumerate(calibrations):
        of_seed = scores.loc[scores["seed"] == seed, "nonconformity"]
        has_points = mode != "cleverhans" or calibration.any()  # which drops those of 0
        p = compute_p_values(of_seed.to_numpy(), calibration, mode=mode) if has_points else np.nan
        parts.append(pd.Series(p, of_seed.index, dtype=np.float64))
    return pd.concat(parts).reindex(scores.index)


def tabulate_inputs(
    scores: Mapping[str, pd.DataFrame],
    calibrations: Sequence[NDArray[np.int64]],
    settings: Mapping[str, str],
    *,
    as_published: Collection[str],
) -> pd.DataFrame:
    """Tabulate accuracy, softmax confidence and credibility of each kind of input.

    Parameters
    ----------
    scores : for each kind of input, `test` first, the scores of all seeds
    calibrations : of each seed int64 [n_calibration], the nonconformity of calibration images
    settings : how each input was made, in words; empty where nothing was set
    as_published : the inputs that are made as in the paper, beside which its figures stand

    Returns
    -------
    A row for each input, quantity and mode (of credibility): `input`, `quantity`, `mode`, `value`,
    `ci95_low`, `ci95_high`, `interval`, `n_seeds`, `n_points`, `published`, `posted_low`, `posted_high`,
    `settings`.
    Accuracy is against the true label, the mean over seeds of a seed's share; images that are no digits have
    none. A mode whose calibration has no point left has NaN.
    """
    parts = []
    for name, of_input in scores.items():
        figures: dict[tuple[str, str], pd.Series] = {}
        if name not in NO_DIGITS:
            for judge in ("dnn", "dknn"):
                figures[f"{judge}_accuracy", NO_MODE] = _is_right(of_input, judge)
        figures["softmax_confidence", NO_MODE] = of_input["dnn_confidence"]
        for mode in get_args(Mode):
            figures["credibility", mode] = _credibility(of_input, calibrations, mode)
        parts += [
            _average_points(values, of_input["seed"]).assign(input=name, quantity=quantity, mode=mode)
            for (quantity, mode), values in figures.items()
        ]
    table = _tabulate(parts, ["input", "quantity", "mode"])
    cells = table[["input", "quantity", "mode"]].itertuples(index=False, name=None)
    published = [
        PUBLISHED.get(cell, (np.nan,) * 3) if cell[0] in as_published else (np.nan,) * 3 for cell in cells
    ]
    table[["published", "posted_low", "posted_high"]] = published
    return table.assign(settings=table["input"].map(lambda name: settings.get(name, "")))


def _is_right(scores: pd.DataFrame, judge: str) -> pd.Series:
    return scores[f"{judge}_label"] == scores["y_true"]


def _average_points(values: pd.Series, seeds: pd.Series) -> pd.DataFrame:
    """Return the mean of each seed's points, `value`, and how many there are, `n_points`."""
    of_seeds = values.groupby(seeds)
    return pd.DataFrame({"value": of_seeds.mean(), "n_points": of_seeds.size()})


def _tabulate(parts: Sequence[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    """Average over the seeds; `n_points` are those of all of them."""
    more: dict[str, Combine] = {"n_points": sum}
    table = average_over_seeds(pd.concat(parts), keys, interval=BETWEEN_SEEDS_OF_ONE_POOL, more=more)
    return table[[*keys, "value", "ci95_low", "ci95_high", "interval", "n_seeds", "n_points"]]


def tabulate_reliability(
    scores: Mapping[str, pd.DataFrame],
    calibrations: Sequence[NDArray[np.int64]],
    *,
    as_published: Collection[str],
    n_bins: int = 10,
) -> pd.DataFrame:
    """Tabulate how often a judgement is right, by how sure it is: a reliability diagram.

    DkNN's label is judged by its credibility, in two modes, and the network's by its softmax confidence.
    Points of all seeds count together, and the interval is Wilson's over them; a seed that has no credibility
    in a mode (its calibration has no point left) does not count.

    Returns
    -------
    A row for each input, score and bin of it (low < score <= high; the first holds 0 too): `input`, `score`,
    `mode`, `bin_low`, `bin_high`, `mean_score`, `value` (accuracy), `ci95_low`, `ci95_high`, `interval`,
    `n_points`, `n_seeds`, `posted`, `posted_n`
    """
    edges = np.linspace(0, 1, n_bins + 1)
    has_posted = "test" in as_published and n_bins == len(POSTED_RELIABILITY)
    table = []
    for name in ("test", "fgsm"):
        of_input = scores[name]
        right = {judge: _is_right(of_input, judge) for judge in ("dnn", "dknn")}
        judged: dict[tuple[str, str], tuple[pd.Series, pd.Series]] = {
            ("softmax_confidence", NO_MODE): (of_input["dnn_confidence"], right["dnn"])
        }
        for mode in ("paper", "cleverhans"):
            judged["credibility", mode] = _credibility(of_input, calibrations, mode), right["dknn"]
        for (score, mode), (values, correct) in judged.items():
            bins = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, n_bins - 1)
            bins[values.isna()] = n_bins
            for number, (low, high) in enumerate(pairwise(edges)):
                members = bins == number
                is_posted = has_posted and name == "test" and mode == "cleverhans"
                posted, posted_n = POSTED_RELIABILITY[number] if is_posted else (np.nan, np.nan)
                table.append(
                    {"input": name, "score": score, "mode": mode, "bin_low": low, "bin_high": high}
                    | {"mean_score": values[members].mean()}
                    | figure_over_points(int(correct[members].sum()), int(members.sum()))
                    | {"n_seeds": of_input.loc[values.notna(), "seed"].nunique()}
                    | {"posted": posted, "posted_n": posted_n}
                )
    return pd.DataFrame(table)


def tabulate_validity(test: pd.DataFrame, calibrations: Sequence[NDArray[np.int64]], k: int) -> pd.DataFrame:
    """Tabulate how often the true label's p-value is at most alpha: at most a share of alpha, if valid.

    Held-out and calibration images are drawn alike, so the conformal p-value of the true label is at most
    alpha with a chance of at most alpha (Vovk, Gammerman & Shafer 2005), and of about alpha where
    nonconformities are seldom equal.

    Returns
    -------
    A row for each mode and alpha: `mode`, `alpha`, `value` (the share), `ci95_low`, `ci95_high`, `interval`,
    `n_seeds`, `n_points`
    """
    given = test[["seed"]].assign(nonconformity=compute_nonconformity_of_given_label(test, k))
    parts = []
    for mode in get_args(Mode):
        p = _credibility(given, calibrations, mode)
        parts += [
            _average_points(p <= alpha, test["seed"]).assign(mode=mode, alpha=alpha) for alpha in ALPHAS
        ]
    return _tabulate(parts, ["mode", "alpha"])


def make_claims(
    scores: Mapping[str, pd.DataFrame],
    calibrations: Sequence[NDArray[np.int64]],
    *,
    as_published: Collection[str],
) -> Iterator[Claim]:
    """Test the paper's claims on MNIST.

    A claim on pairs of judgements of the same images is tested in each seed (McNemar's exact test; Wilcoxon's
    signed-rank test of scores), and its p-value is the greatest of the seeds: it is to show in every one. An
    input that is not made as in the paper is not compared with its figures.
    """

    def claim(name: str, of: str, by_seed: pd.Series, p: tuple[float, float], **attributes: Any) -> Claim:
        n_points, where = len(scores[of]), "tables/dknn_mnist.csv"
        shared: dict[str, Any] = {"interval": BETWEEN_SEEDS_OF_ONE_POOL, "n_points": n_points, "where": where}
        if of not in as_published:
            attributes["reported"] = ""
        return claim_over_seeds(name, by_seed, p, **shared | attributes)

    right = {
        (judge, name): _is_right(of_input, judge).astype(float)
        for name, of_input in scores.items()
        for judge in ("dnn", "dknn")
    }
    share_right = {key: of.groupby(scores[key[1]]["seed"]).mean() for key, of in right.items()}
    difference = share_right["dknn", "test"] - share_right["dnn", "test"]
    yield claim(
        "clean_accuracy_is_kept",
        "test",
        difference,
        mean_equals(difference, 0, 0.005),
        bounds=(-1, 1),
        source=f"{PAPER}, table of accuracies",
        words="(in short) DkNN is as accurate on clean digits as the network is",
        reported="DNN 99.2 %, DkNN 99.1 %",
        quantity="DkNN accuracy - DNN accuracy, held-out digits",
        test="equal within 0.5 points, two one-sided t-tests over seeds",
    )
    for name, (dnn, dknn) in {"fgsm": (27.1, 54.9), "bim": (0.7, 16.8), "cw": (0.7, 94.4)}.items():
        yield claim(
            f"dknn_recovers_accuracy_under_{name}",
            name,
            share_right["dknn", name] - share_right["dnn", name],
            compare_pairs_in_seeds(right["dknn", name] - right["dnn", name], scores[name]["seed"]),
            bounds=(-1, 1),
            source=f"{PAPER}, table of attacks",
            words="(in short) under attack DkNN is right more often than the network",
            reported=f"DNN {dnn} %, DkNN {dknn} %",
            quantity=f"DkNN accuracy - DNN accuracy, {name}",
            test="McNemar's exact test of the images in each seed, greatest p of the seeds",
            bound=0.0,
        )
    for name, (dknn, margin) in {"fgsm": (54.9, 10), "bim": (16.8, 10), "cw": (94.4, 3)}.items():
        if name not in as_published:
            continue
        yield claim(
            f"dknn_accuracy_under_{name}",
            name,
            share_right["dknn", name],
            mean_equals(share_right["dknn", name], dknn / 100, margin / 100),
            bounds=(0, 1),
            source=f"{PAPER}, table of attacks",
            words="(in short) under attack DkNN is right as often as reported",
            reported=f"DkNN {dknn} %",
            quantity=f"DkNN accuracy, {name}",
            test=f"equal within {margin} points, two one-sided t-tests over seeds",
        )
    for name, reported in {
        "rotated": "credibility 0.09, softmax 0.31",
        "fashion_mnist": "notMNIST: credibility 0.06, softmax 0.33",
    }.items():
        seeds = scores[name]["seed"]
        excess = scores[name]["dnn_confidence"] - _credibility(scores[name], calibrations, "cleverhans")
        yield claim(
            f"credibility_is_below_softmax_on_{name}",
            name,
            excess.groupby(seeds).mean(),
            compare_pairs_in_seeds(excess, seeds),
            bounds=(-1, 1),
            source=f"{PAPER}, out of distribution",
            words="(in short) on other data credibility is lower than softmax confidence",
            reported=reported,
            quantity=f"softmax confidence - credibility (mode cleverhans), {name}",
            test="Wilcoxon's signed-rank test of the images in each seed, greatest p of the seeds",
            bound=0.0,
        )
