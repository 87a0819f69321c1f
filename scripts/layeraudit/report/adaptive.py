"""An attack on Deep k-nearest neighbours itself, as Sitawarin & Wagner 2019 (arXiv:1903.08333) made one.

The images are held-out ones, those that DkNN errs on without an attack included, as in the paper. A success
is an image that DkNN gives another label than its own.
"""

import numpy as np
import pandas as pd

from layeraudit.report.measures import average_points, list_figures

CREDIBILITY_THRESHOLD = 0.1
"""The paper's."""

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
    `attack`, `layer`, `norm`, `radius`, `quantity`, `value`, `n_points`. In L2 an image's attack is the one
    of the least L2, of all that were tried, that fools DkNN and the network both; its radius is infinite
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
        "dknn_errs_unflagged": rows["fools_dknn"] & ~rows["flagged"],
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
