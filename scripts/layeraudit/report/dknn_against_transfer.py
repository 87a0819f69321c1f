"""Whether Deep k-nearest neighbours catches attacks that were made on another network.

The attacked network is the audited one, which no attack has seen, under its own DkNN. An image is flagged
where its credibility is at most a threshold, set so that at most one in twenty calibration images is flagged,
none of which is attacked. An attack is evasive where it fools the network and is not flagged.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.detection import measure_scores
from layeraudit.errors import InputError
from layeraudit.report.groups import average_points
from layeraudit.report.transfer import CHOSEN, RECIPE, read_off
from layeraudit.statistics import (
    Claim,
    average_over_seeds,
    claim_over_seeds,
    compare_pairs,
    greatest_over_seeds,
)

FALSE_POSITIVE_RATE = 0.05

GUIDES = ("fgsm", "i_fgsm", "mi_fgsm")
"""What attacks are compared with: those that ILA fine-tunes."""

KEYS = ["source", *RECIPE, "quantity", "detector", "against", "matched_by"]


def set_threshold(clean: NDArray[np.float64]) -> float:
    """Return the greatest score at or below which at most 5 % of clean images lie.

    Parameters
    ----------
    clean : float64 [n], their credibility, or another score that is low where something is wrong

    Returns
    -------
    The threshold; minus infinity where more than that have the least score

    Raises
    ------
    InputError
        Where there is no image.
    """
    if not len(clean):
        raise InputError("a threshold is to be set on 0 images, allowed are 1 and more")
    values, counts = np.unique(clean, return_counts=True)
    within = counts.cumsum() <= FALSE_POSITIVE_RATE * len(clean)
    return float(values[within].max()) if within.any() else -np.inf


def measure_conformity(scores: pd.DataFrame, layers: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return each detector's score of images, low where something is wrong.

    Of a layer it is the number of neighbours that were given the label that the network gives; of softmax,
    which needs no neighbours, the confidence.
    """
    conformity = {"credibility": scores["credibility"].to_numpy(float)}
    for layer in layers:
        conformity[layer] = scores[f"dnn_label_neighbours_{layer}"].to_numpy(float)
    return conformity | {"softmax": scores["dnn_confidence"].to_numpy(float)}


def measure_detection(
    record: pd.DataFrame, scores: pd.DataFrame, calibration: pd.DataFrame, layers: Sequence[str]
) -> pd.DataFrame:
    """Measure what DkNN makes of each attack on a source, in one seed.

    Parameters
    ----------
    record : a row for each attacked image, as `craft_transfer` writes it; the first attack is none
    scores : their scores, in the same order
    calibration : scores of the calibration images, on which thresholds are set
    layers : those that are searched

    Returns
    -------
    A row for each figure: `dataset`, `seed`, the columns of `KEYS`, `value`, `n_points`, and `p_more`,
    `p_less` of a comparison. Figures of `successes` are over the images that fool the network. A comparison
    is of the same images, those that both attacks fool it with (`matched_by` is `images`), or of all with the
    other at the radius that has the same rate of success, or the same mean L2, between two radii by
    the straight line (`success`, `l2`).
    """
    record = record.fillna({"guide": "", "layer": ""})
    table = scores.assign(
        fools=scores["dnn_label"] != scores["y_true"],
        fools_dknn=scores["dknn_label"] != scores["y_true"],
        l2=record["l2"].to_numpy(),
    )
    conformity, of_clean = (measure_conformity(of, layers) for of in (scores, calibration))
    flagged = {name: of <= set_threshold(of_clean[name]) for name, of in conformity.items()}
    table["flagged"] = flagged["credibility"]
    rows = {recipe: part.index.to_numpy() for recipe, part in record.groupby(RECIPE, sort=False)}
    clean = rows[0.0, "none", "", ""]
    found: list[dict[str, object]] = []
    for recipe, own in rows.items():
        keys = dict(zip(RECIPE, recipe, strict=True))
        of_recipe = table.loc[own]
        found += average_points(_judge(of_recipe), **keys)
        if recipe[1] == "none":
            continue
        fools = of_recipe["fools"].to_numpy()
        for detector, of_detector in conformity.items():
            for suffix, judged in [("", own), ("_of_successes", own[fools])]:
                compared = -np.concatenate([of_detector[judged], of_detector[clean]])
                is_attacked = np.arange(len(compared)) < len(judged)
                figures = {
                    "auroc": measure_scores(compared, is_attacked, quantities=["auroc"])["auroc"][0],
                    "true_positive_rate": flagged[detector][judged].mean() if len(judged) else np.nan,
                }
                same = keys | {"detector": detector, "n_points": len(judged)}
                found += [same | {"quantity": q + suffix, "value": value} for q, value in figures.items()]
        for against in GUIDES:
            other = table.loc[rows.get((recipe[0], against, "", ""), own[:0])]
            if recipe[1] != against and len(other):
                found += [keys | figure for figure in _compare_on_images(of_recipe, other, against)]
    of_seed = pd.DataFrame([*found, *_compare_between_radii(pd.DataFrame(found))])
    return of_seed.assign(**record[["dataset", "source", "seed"]].iloc[0])


def _judge(of_recipe: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what figures are means of: a value for each image that counts."""
    fools, passes = of_recipe["fools"], ~of_recipe["flagged"]
    return {
        "success": fools,
        "dknn_accuracy": ~of_recipe["fools_dknn"],
        "credibility": of_recipe["credibility"],
        "credibility_of_successes": of_recipe.loc[fools, "credibility"],
        "flagged": of_recipe["flagged"],
        "flagged_of_successes": of_recipe.loc[fools, "flagged"],
        "evasive_success": fools & passes,
        "evasive_success_on_dknn": fools & of_recipe["fools_dknn"] & passes,
        "l2": of_recipe["l2"],
    }


def _compare_on_images(own: pd.DataFrame, other: pd.DataFrame, against: str) -> Iterator[dict[str, object]]:
    """Compare two attacks on the images that both fool the network with."""
    both = own["fools"].to_numpy() & other["fools"].to_numpy()
    for quantity in ("flagged", "credibility"):
        difference = pd.Series(own[quantity].to_numpy(float) - other[quantity].to_numpy(float))[both]
        (figure,) = average_points({f"{quantity}_difference": difference})
        p = dict(zip(("p_more", "p_less"), compare_pairs(difference), strict=True))
        yield figure | {"against": against, "matched_by": "images"} | p


def _compare_between_radii(found: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Compare each attack with others at the same rate of success, and at the same mean L2."""
    figures = found[found["detector"].isna() & found["against"].isna()]
    wide = figures.pivot(index=RECIPE, columns="quantity", values="value").reset_index()
    wide["n"] = figures["n_points"].max()
    none = wide[wide["attack"] == "none"]
    for against, recipe in product(GUIDES, wide.to_dict("records")):
        other = wide[wide["attack"] == against]
        if recipe["attack"] in ("none", against) or other.empty:
            continue
        for matched_by, quantity in [("success", "flagged_of_successes"), ("l2", "evasive_success")]:
            # Without an attack there is no success, and of none no share that is flagged.
            line = other if matched_by == "success" else pd.concat([none, other])
            expected = read_off(recipe[matched_by], line[matched_by].tolist(), line[quantity].tolist())
            yield {name: recipe[name] for name in RECIPE} | {
                "quantity": f"{quantity}_difference",
                "against": against,
                "matched_by": matched_by,
                "value": recipe[quantity] - expected,
                "n_points": recipe["n"],
            }


def tabulate_detection(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Average what `measure_detection` returns over the seeds.

    Returns
    -------
    A row for each combination of `KEYS`: `value`, `ci95_low`, `ci95_high` (Student's t over seeds),
    `n_seeds`, `n_points`, `p_more`, `p_less` (the greatest of the seeds, not corrected)
    """
    table = average_over_seeds(
        by_seed.fillna(dict.fromkeys(["detector", "against", "matched_by"], "")),
        KEYS,
        {"*_difference": (-1.0, 1.0), "l2": (0.0, np.inf)},
        more=dict.fromkeys(["p_more", "p_less"], greatest_over_seeds),
    )
    return table[[*KEYS, "value", "ci95_low", "ci95_high", "n_seeds", "n_points", "p_more", "p_less"]]


def make_claims(by_seed: pd.DataFrame) -> Iterator[Claim]:
    """Test the report's third question as a claim: pushed further in the layers, attacks are easier to catch.

    A guide fine-tuned by ILA, in the layer chosen on the source alone, is compared with the guide's own
    attack at the full budget, on the images that both fool the network with.
    """
    chosen = by_seed[(by_seed["layer"] == CHOSEN) & (by_seed["quantity"] == "credibility_difference")]
    epsilon = chosen["epsilon"].max()  # where most images fool the network
    ours = chosen[(chosen["guide"] == chosen["against"]) & (chosen["epsilon"] == epsilon)]
    for (source, guide), of_source in ours.groupby(["source", "guide"], sort=False):
        yield claim_over_seeds(
            f"pushed_further_{guide}_is_easier_to_catch_{source}",
            of_source["value"],
            (greatest_over_seeds(of_source["p_less"]), greatest_over_seeds(of_source["p_more"])),
            bounds=(-1, 1),
            source="the report, section 3.2, which has no results",
            words="(its question, answered yes) fine-tuned by ILA, adversarial examples are easier to detect",
            quantity=f"credibility of ILAP after {guide} - of {guide}, where both fool, epsilon {epsilon:g}",
            n_points=int(of_source["n_points"].sum()),
            test="Wilcoxon's signed-rank test of the images in each seed, greatest p of the seeds",
            bound=0.0,
            where="tables/dknn_against_transfer.csv",
        )
