"""An attack on Deep k-nearest neighbours itself, beside what Sitawarin & Wagner 2019 report of theirs.

The images are held-out ones, those that DkNN errs on without an attack included, as in the paper. A success
is an image that DkNN gives another label than its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.report.groups import average_points, list_figures
from layeraudit.statistics import Claim, average_over_seeds, claim_over_seeds, mean_above

PAPER = "Sitawarin & Wagner 2019 (arXiv:1903.08333)"

CREDIBILITY_THRESHOLD = 0.1
"""The paper's: 28 % of its successes at epsilon 0.2 lie above it, and 91.3 % of clean images."""

PUBLISHED: dict[tuple[Any, ...], float] = {
    ("adaptive", 0.1, "dknn_accuracy"): 0.842,
    ("adaptive", 0.15, "dknn_accuracy"): 0.532,
    ("adaptive", 0.2, "dknn_accuracy"): 0.174,
    ("adaptive", 0.25, "dknn_accuracy"): 0.021,
    ("adaptive", 0.3, "dknn_accuracy"): 0.0,
    ("adaptive", 0.1, "credibility_of_successes"): 0.071,
    ("adaptive", 0.15, "credibility_of_successes"): 0.079,
    ("adaptive", 0.2, "credibility_of_successes"): 0.104,
    ("adaptive", 0.25, "credibility_of_successes"): 0.150,
    ("adaptive", 0.3, "credibility_of_successes"): 0.181,
    ("adaptive", 0.2, "successes_above_0.1"): 0.28,
    ("none", 0.0, "images_above_0.1"): 0.913,
    ("least_l2", np.inf, "fools_both"): 0.95,
    ("least_l2", np.inf, "l2_of_successes"): 2.38,
}
"""By attack, radius and quantity."""

KEYS = ["attack", "layer", "norm", "radius", "quantity"]

AFTER_ONE_CLASS = "dknn_accuracy_after_one_class"
"""What DkNN's accuracy is where an image is led to the nearest other class alone."""


def measure_attack(record: pd.DataFrame, scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Measure what the attack does in one seed.

    Parameters
    ----------
    record : a row for each attacked image, as `craft_adaptive` writes it
    scores : their scores, in the same order
    threshold : the credibility at or below which an image is flagged, set on calibration images

    Returns
    -------
    A row for each figure: the columns of `KEYS`, `value`, `n_points`. In L2 an image's attack is the one of
    the least L2, of all that were tried, that fools DkNN and the network both; its radius is infinite
    """
    table = record.fillna({"layer": ""}).assign(
        credibility=scores["credibility"],
        above=scores["credibility"] > CREDIBILITY_THRESHOLD,
        flagged=scores["credibility"] <= threshold,
        fools=scores["dnn_label"] != scores["y_true"],
        fools_dknn=scores["dknn_label"] != scores["y_true"],
    )
    found: list[dict[str, object]] = []
    of_linf, of_l2 = (table[table["norm"] == norm] for norm in ("linf", "l2"))
    for (attack, layer, radius), rows in of_linf.groupby(["attack", "layer", "radius"], sort=False):
        keys = {"attack": attack, "layer": layer, "norm": "linf", "radius": radius}
        found += average_points(_judge(rows), **keys)
        if attack == "adaptive":
            after_one = 1 - (rows["fools_dknn"] & (rows["classes"] == 1)).mean()
            found += list_figures({AFTER_ONE_CLASS: after_one}, len(rows), **keys)
    both = of_l2[of_l2["fools"] & of_l2["fools_dknn"]]
    least = both.loc[both.groupby("image")["l2"].idxmin()]
    keys = {"attack": "least_l2", "layer": "", "norm": "l2", "radius": np.inf}
    n_images = of_l2["image"].nunique()
    found += list_figures({"fools_both": len(least) / n_images}, n_images, **keys)
    of_least = _judge(least)
    found += average_points({quantity: of_least[quantity] for quantity in OF_SUCCESSES}, **keys)
    return pd.DataFrame(found)


OF_SUCCESSES = ["credibility_of_successes", "successes_above_0.1", "successes_not_flagged", "l2_of_successes"]


def _judge(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what figures are means of: a value for each image that counts."""
    successes = rows[rows["fools_dknn"]]
    return {
        "dknn_accuracy": ~rows["fools_dknn"],
        "dnn_accuracy": ~rows["fools"],
        "credibility_of_successes": successes["credibility"],
        "successes_above_0.1": successes["above"],
        "successes_not_flagged": ~successes["flagged"],
        "dknn_errs_and_passes": rows["fools_dknn"] & ~rows["flagged"],
        "l2_of_successes": successes["l2"],
    }


def measure_clean(scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Measure the same of clean held-out images, in one seed: what the thresholds cost."""
    credibility = scores["credibility"]
    figures = {
        "dknn_accuracy": scores["dknn_label"] == scores["y_true"],
        "dnn_accuracy": scores["dnn_label"] == scores["y_true"],
        "images_above_0.1": credibility > CREDIBILITY_THRESHOLD,
        "images_not_flagged": credibility > threshold,
    }
    return pd.DataFrame(average_points(figures, attack="none", layer="", norm="linf", radius=0.0))


def tabulate_attack(by_seed: pd.DataFrame, *, as_published: bool) -> pd.DataFrame:
    """Average the figures over the seeds.

    Parameters
    ----------
    by_seed : as `measure_attack` and `measure_clean` return them
    as_published : whether data and k are the paper's, so that its figures stand in `published`

    Returns
    -------
    A row for each combination of `KEYS`: `value`, `ci95_low`, `ci95_high` (Student's t over seeds),
    `n_seeds`, `n_points`, `published`
    """
    table = average_over_seeds(by_seed, KEYS, {"l2_of_successes": (0.0, np.inf)})
    cells = table[["attack", "radius", "quantity"]].itertuples(index=False, name=None)
    table["published"] = [PUBLISHED.get(cell, np.nan) if as_published else np.nan for cell in cells]
    return table[[*KEYS, "value", "ci95_low", "ci95_high", "n_seeds", "n_points", "published"]]


def make_claims(by_seed: pd.DataFrame, epsilons: Sequence[float]) -> Iterator[Claim]:
    """Test whether under an attack that knows it DkNN is right no more often than published."""
    ours = by_seed[(by_seed["attack"] == "adaptive") & (by_seed["quantity"] == "dknn_accuracy")]
    for epsilon in epsilons:
        published = PUBLISHED.get(("adaptive", epsilon, "dknn_accuracy"))
        if published is None:
            continue
        of_epsilon = ours[ours["radius"] == epsilon]
        yield claim_over_seeds(
            f"dknn_yields_to_an_attack_that_knows_it_{epsilon:g}",
            of_epsilon["value"],
            mean_above(of_epsilon["value"], published)[::-1],
            bounds=(0, 1),
            source=f"{PAPER}, MNIST",
            words="(in short) led to neighbours of another class, images are given their label as seldom",
            reported=f"{100 * published:g} %",
            quantity=f"DkNN accuracy, epsilon {epsilon:g}, the best of the classes tried",
            n_points=int(of_epsilon["n_points"].sum()),
            test=f"mean below {100 * published:g} %, t-test over seeds",
            where="tables/adaptive.csv",
        )
