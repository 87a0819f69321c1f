"""Experiment 2.1 of the report: a network of all ten digits, with poison points in its training.

The report counts 414 misclassified points, 364 of them clean, and does not say of which images. Both readings
stand in every table, under `evaluated`: `held_out` (the test images, and the poison points) and `training`
(all training rows, the poison points among them; none of them is its own neighbour). A point is misclassified
where the network gives it another label than the one that it was given, so poison that is read as its true
digit is misclassified.

Of all functions: `points` are as `gather_points` returns them, `layers` those that are searched, `k` the
neighbours of a point in each.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from layeraudit.detection import measure_scores
from layeraudit.report.groups import LOW_CREDIBILITY, compare_with_clean, select_groups
from layeraudit.report.measures import average_points, list_figures

EVALUATED = ("held_out", "training")

GROUPS = ("poison", "misclassified", "misclassified_clean", "rest", "clean")

CREDIBILITY_BINS = np.arange(11) / 10
"""Divided, not multiplied, so that a p-value of 225 / 750 is the same number as the edge 0.3."""

THRESHOLDS = {"credibility": (0.01, 0.05, 0.1, 0.2), "label_disagreement": (0.99, 0.95, 0.9, 0.5)}
"""Of each score, the values at which points are flagged: a credibility at most, a disagreement at least."""


def gather_points(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Put the points of both readings below each other.

    Parameters
    ----------
    train, test : scores of the splits, with the column `seed`

    Returns
    -------
    The same columns, and `evaluated`, and `misclassified` (bool)
    """
    held_out = pd.concat([test, train[train["is_poison"]]], ignore_index=True)
    points = pd.concat(
        [frame.assign(evaluated=name) for name, frame in zip(EVALUATED, (held_out, train), strict=True)],
        ignore_index=True,
    )
    return points.assign(misclassified=points["dnn_label"] != points["y"])


def measure_groups(points: pd.DataFrame) -> pd.DataFrame:
    """Measure the credibility and the accuracy of each group, and what DkNN sets right, in each seed.

    Accuracies are against the true digit, so the network is right of poison that it does not believe.
    Variances are those of a sample (n - 1).

    - of `clean`: of the `misclassified_points` those that DkNN gives their true digit (`recovered_*`), of the
      others those that DkNN does not (`spoiled_*`), and `net_points`, the recovered less the spoiled
    - of `poison`, held out: `log_variance_over_clean` and `log_variance_over_misclassified_clean`. The
      misclassified are the fair control: the network reads most poison otherwise than it was labelled, and
      points on which label and network differ may be of low credibility with no poison about

    Returns
    -------
    `evaluated`, `group`, `quantity`, `seed`, `value` (NaN of no point), `n_points`
    """
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in points.groupby(["evaluated", "seed"], sort=False):
        groups = {group: of_seed[members] for group, members in select_groups(of_seed).items()}
        for group in GROUPS:
            keys = {"evaluated": evaluated, "group": group, "seed": seed}
            rows += list_figures(_describe(groups[group]), len(groups[group]), **keys)
        recovered, spoiled = (
            (groups[group]["dknn_label"] == groups[group]["y_true"]) == is_right
            for group, is_right in (("misclassified_clean", True), ("rest", False))
        )
        keys = {"evaluated": evaluated, "group": "clean", "seed": seed}
        for name, of_clean in {"recovered": recovered, "spoiled": spoiled}.items():
            figures = {f"{name}_points": of_clean.sum(), f"{name}_share": of_clean.mean()}
            rows += list_figures(figures, len(of_clean), **keys)
        figures = {"misclassified_points": len(recovered), "net_points": recovered.sum() - spoiled.sum()}
        rows += list_figures(figures, len(groups["clean"]), **keys)
        if evaluated == "held_out":
            ratios = compare_with_clean({group: of["credibility"] for group, of in groups.items()})
            rows += list_figures(ratios, len(groups["poison"]), **keys | {"group": "poison"})
    return pd.DataFrame(rows)


def _describe(members: pd.DataFrame) -> dict[str, float]:
    credibility = members["credibility"]
    return {
        "n_group": len(members),
        "mean_credibility": credibility.mean(),
        "median_credibility": credibility.median(),
        "variance_of_credibility": credibility.var(),
        "maximum_credibility": credibility.max(),
        f"share_above_{LOW_CREDIBILITY}": (credibility > LOW_CREDIBILITY).mean(),
        "dnn_accuracy": (members["dnn_label"] == members["y_true"]).mean(),
        "dknn_accuracy": (members["dknn_label"] == members["y_true"]).mean(),
    }


def measure_accuracy(points: pd.DataFrame) -> pd.DataFrame:
    """Measure how often DkNN gives a misclassified point its true digit, by its credibility, in each seed.

    Returns
    -------
    `evaluated`, `group` (`misclassified`, `misclassified_clean`), `credibility_low`, `credibility_high` (of a
    bin, the latter outside of it but for 1), `quantity` (`dknn_accuracy`), `seed`, `value` (NaN where the bin
    is empty), `n_points`
    """
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in points.groupby(["evaluated", "seed"], sort=False):
        groups = select_groups(of_seed)
        for group in ("misclassified", "misclassified_clean"):
            members = of_seed[groups[group]]
            bins = np.digitize(members["credibility"], CREDIBILITY_BINS[1:-1])
            right = members["dknn_label"] == members["y_true"]
            for number, (low, high) in enumerate(pairwise(CREDIBILITY_BINS)):
                keys = {"evaluated": evaluated, "group": group, "seed": seed}
                keys |= {"credibility_low": low, "credibility_high": high}
                rows += average_points({"dknn_accuracy": right[bins == number]}, **keys)
    return pd.DataFrame(rows)


def score_labels(points: pd.DataFrame, layers: Sequence[str], k: int) -> dict[str, pd.Series]:
    """Score points by two signs of poison, each in [0, 1], higher where it is more suspected.

    `credibility` (1 - it): how unusual the labels of a point's neighbours are, whichever label they agree on.
    It does not look at the label that the point was given: poison whose neighbours all bear its true digit is
    fully credible. `label_disagreement`: the share of neighbours, over all layers, that were given another
    label than the point, that is, the nonconformity of the given label; a false label should have much.
    """
    neighbours = k * len(layers)
    agreeing = points[[f"same_label_neighbours_{layer}" for layer in layers]].sum(axis=1)
    return {
        "credibility": 1 - points["credibility"],
        "label_disagreement": (neighbours - agreeing) / neighbours,
    }


def select_suspects(points: pd.DataFrame) -> dict[str, pd.Series]:
    """Return among which points poison is sought: all, and those that the network misclassifies."""
    return {"all": pd.Series(True, index=points.index), "misclassified": points["misclassified"]}


def measure_detectors(points: pd.DataFrame, layers: Sequence[str], k: int) -> pd.DataFrame:
    """Measure how well a threshold on a score tells poison from clean points, in each seed.

    All training rows are the case of a user with a training set of doubtful origin; the misclassified are
    what the report looked at. Of the two scores, DkNN's credibility does not look at the label that a point
    was given, and the other one does: see `score_labels`.

    Returns
    -------
    `evaluated`, `among`, `score`, `threshold` (NaN where the figure has none; a credibility at most that, or
    a disagreement at least that, is flagged), `quantity`, `seed`, `value`, `n_points`. Quantities are
    `auroc`, `average_precision`, `base_rate` (share of poison: what a random score has for average
    precision), and at a threshold `poison_flagged_share`, `clean_flagged_share`, `clean_flagged_points` and
    `precision` (NaN where none is flagged). Without poison, or without clean points, a figure is NaN.
    """
    rows: list[dict[str, object]] = []
    for (evaluated, seed), of_seed in points.groupby(["evaluated", "seed"], sort=False):
        for among, members in select_suspects(of_seed).items():
            suspects = of_seed[members]
            poison = suspects["is_poison"]
            for score, suspicion in score_labels(suspects, layers, k).items():
                keys = {"evaluated": evaluated, "among": among, "score": score, "seed": seed}
                rows += list_figures(_rate(suspicion, poison), len(suspects), threshold=np.nan, **keys)
                for threshold in THRESHOLDS[score]:
                    # The credibility itself, since 1 - it is no longer exactly at the threshold.
                    is_low = suspects["credibility"] <= threshold
                    flagged = is_low if score == "credibility" else suspicion >= threshold
                    figures = {
                        "poison_flagged_share": flagged[poison].mean(),
                        "clean_flagged_share": flagged[~poison].mean(),
                        "clean_flagged_points": (flagged & ~poison).sum(),
                        "precision": poison[flagged].mean(),
                    }
                    rows += list_figures(figures, len(suspects), threshold=threshold, **keys)
    return pd.DataFrame(rows)


def _rate(suspicion: pd.Series, poison: pd.Series) -> dict[str, float]:
    """Rate a score over all thresholds."""
    quantities = ("auroc", "average_precision")
    found = measure_scores(suspicion.to_numpy(), poison.to_numpy(), quantities=quantities)
    base_rate = poison.mean() if poison.nunique() == 2 else np.nan
    return {quantity: found[quantity].item() for quantity in quantities} | {"base_rate": base_rate}
