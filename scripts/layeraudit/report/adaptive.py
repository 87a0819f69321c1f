"""An attack on Deep k-nearest neighbours itself, beside what Sitawarin & Wagner 2019 report of theirs.

The images are held-out ones, those that DkNN errs on without an attack included, as in the paper. A success
is an image that DkNN gives another label than its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.statistics import Claim, figure_over_seeds, mean_above, tabulate_claims

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
    A row for each figure: the columns of `KEYS`, `figure`, `n_points`. In L2 an image's attack is the one of
    the least L2, of all that were tried, that fools DkNN and the network both; its radius is infinite
    """
    table = record.fillna({"layer": ""}).assign(
        credibility=scores["credibility"],
        above=scores["credibility"] > CREDIBILITY_THRESHOLD,
        flagged=scores["credibility"] <= threshold,
        fools=scores["dnn_label"] != scores["y_true"],
        fools_dknn=scores["dknn_label"] != scores["y_true"],
    )
    found = []
    of_linf = table[table["norm"] == "linf"]
    for (attack, layer, radius), rows in of_linf.groupby(["attack", "layer", "radius"], sort=False):
        keys = {"attack": attack, "layer": layer, "norm": "linf", "radius": radius}
        found += [keys | figure for figure in _figures(rows)]
        if attack == "adaptive":
            after_one = 1 - (rows["fools_dknn"] & (rows["classes"] == 1)).mean()
            share = {"quantity": AFTER_ONE_CLASS, "figure": after_one, "n_points": len(rows)}
            found.append(keys | share)
    of_l2 = table[table["norm"] == "l2"]
    both = of_l2[of_l2["fools"] & of_l2["fools_dknn"]]
    least = both.loc[both.groupby("image")["l2"].idxmin()]
    keys = {"attack": "least_l2", "layer": "", "norm": "l2", "radius": np.inf}
    n_images = of_l2["image"].nunique()
    share = {"quantity": "fools_both", "figure": len(least) / n_images, "n_points": n_images}
    of_least = [figure for figure in _figures(least) if figure["quantity"] in OF_SUCCESSES]
    found += [keys | figure for figure in [share, *of_least]]
    return pd.DataFrame(found)


OF_SUCCESSES = [
    "credibility_of_successes",
    "successes_above_0.1",
    "successes_not_flagged",
    "l2_of_successes",
]


def _figures(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    successes = rows[rows["fools_dknn"]]
    for quantity, values in {
        "dknn_accuracy": ~rows["fools_dknn"],
        "dnn_accuracy": ~rows["fools"],
        "credibility_of_successes": successes["credibility"],
        "successes_above_0.1": successes["above"],
        "successes_not_flagged": ~successes["flagged"],
        "dknn_errs_and_passes": rows["fools_dknn"] & ~rows["flagged"],
        "l2_of_successes": successes["l2"],
    }.items():
        figure = float(values.mean()) if len(values) else np.nan
        yield {"quantity": quantity, "figure": figure, "n_points": len(values)}


def measure_clean(scores: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Measure the same of clean held-out images, in one seed: what the thresholds cost."""
    credibility = scores["credibility"]
    figures = {
        "dknn_accuracy": scores["dknn_label"] == scores["y_true"],
        "dnn_accuracy": scores["dnn_label"] == scores["y_true"],
        "images_above_0.1": credibility > CREDIBILITY_THRESHOLD,
        "images_not_flagged": credibility > threshold,
    }
    keys = {"attack": "none", "layer": "", "norm": "linf", "radius": 0.0}
    return pd.DataFrame(
        [
            keys | {"quantity": quantity, "figure": float(values.mean()), "n_points": len(values)}
            for quantity, values in figures.items()
        ]
    )


def tabulate_attack(by_seed: pd.DataFrame, *, as_published: bool) -> pd.DataFrame:
    """Average the figures over the seeds.

    Parameters
    ----------
    by_seed : as `measure_attack` and `measure_clean` give them
    as_published : whether data and k are the paper's, so that its figures stand in `published`

    Returns
    -------
    A row for each combination of `KEYS`: `value`, `ci95_low`, `ci95_high` (Student's t over seeds),
    `n_seeds`, `n_points`, `published`
    """
    table, published = [], PUBLISHED if as_published else {}
    for keys, of_figure in by_seed.groupby(KEYS, sort=False):
        attack, _, _, radius, quantity = keys
        high = np.inf if quantity == "l2_of_successes" else 1
        table.append(
            dict(zip(KEYS, keys, strict=True))
            | figure_over_seeds(of_figure["figure"], low=0, high=high)
            | {
                "n_points": int(of_figure["n_points"].sum()),
                "published": published.get((attack, radius, quantity), np.nan),
            }
        )
    return pd.DataFrame(table)


def make_claims(by_seed: pd.DataFrame, epsilons: Sequence[float]) -> pd.DataFrame:
    """Put to the test that under an attack that knows it DkNN is right no more often than published."""
    return tabulate_claims(_claims(by_seed, epsilons))


def _claims(by_seed: pd.DataFrame, epsilons: Sequence[float]) -> Iterator[Claim]:
    ours = by_seed[(by_seed["attack"] == "adaptive") & (by_seed["quantity"] == "dknn_accuracy")]
    for epsilon in epsilons:
        published = PUBLISHED.get(("adaptive", epsilon, "dknn_accuracy"))
        if published is None:
            continue
        of_epsilon = ours[ours["radius"] == epsilon]
        above, below = mean_above(of_epsilon["figure"], published)
        yield Claim(
            claim=f"dknn_yields_to_an_attack_that_knows_it_{epsilon:g}",
            source=f"{PAPER}, MNIST",
            words="(in short) led to neighbours of another class, images are given their label as seldom",
            reported=f"{100 * published:g} %",
            quantity=f"DkNN accuracy, epsilon {epsilon:g}, the best of the classes tried",
            **figure_over_seeds(of_epsilon["figure"], low=0, high=1),
            n_points=int(of_epsilon["n_points"].sum()),
            test=f"mean below {100 * published:g} %, t-test over seeds",
            p_for=below,
            p_against=above,
            where="tables/adaptive.csv",
        )
