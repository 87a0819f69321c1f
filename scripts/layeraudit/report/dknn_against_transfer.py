"""Whether Deep k-nearest neighbours catches attacks that were made on another network.

The attacked network is the audited one, which no attack has seen, under its own DkNN. An image is flagged
where its credibility is at most a threshold, set so that at most one in twenty calibration images is flagged,
none of which is attacked. An attack is evasive where it fools the network and is not flagged.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.detection import measure_scores
from layeraudit.errors import InputError
from layeraudit.report.measures import OF_A_SEED, average_points, list_figures
from layeraudit.report.transfer import RECIPE, read_off

FALSE_POSITIVE_RATE = 0.05

OF_AN_ATTACK = ("success", "evasive_success", "dknn_accuracy", "credibility", "l2")

GUIDES = ("fgsm", "i_fgsm", "mi_fgsm")
"""What ILA is compared with: the attacks that it fine-tunes."""


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

    - of an attack: `success` on the network, `evasive_success`, `dknn_accuracy`, `credibility`, `l2` (means)
    - of each detector, with a threshold of its own: `flagged`, and over the images that fool the network
      `flagged_of_successes` and `auroc_of_successes` (against the images without an attack)
    - of ILA less each guide of the same radius, on images that both fool the network with (`matched_by` is
      `images`): `flagged_difference`, `credibility_difference`
    - of ILA less each guide where that has the same rate of success (`success`), or the same mean L2 (`l2`),
      between two of its radii by the straight line: `flagged_of_successes_difference`,
      `evasive_success_difference`

    Parameters
    ----------
    record : a row for each attacked image, as `craft_transfer` writes it; the first attack is none
    scores : their scores, in the same order
    calibration : scores of the calibration images, on which thresholds are set
    layers : those that are searched

    Returns
    -------
    `dataset`, `source`, `RECIPE`, `detector`, `against`, `matched_by`, `quantity`, `seed`, `value`,
    `n_points`
    """
    record = record.fillna({"guide": "", "layer": ""})
    conformity, of_clean = (measure_conformity(of, layers) for of in (scores, calibration))
    flagged = {name: of <= set_threshold(of_clean[name]) for name, of in conformity.items()}
    images = scores.assign(
        success=scores["dnn_label"] != scores["y_true"],
        dknn_accuracy=scores["dknn_label"] == scores["y_true"],
        flagged=flagged["credibility"],
        l2=record["l2"].to_numpy(),
    )
    images["evasive_success"] = images["success"] & ~images["flagged"]
    rows = {recipe: part.index.to_numpy() for recipe, part in record.groupby(RECIPE, sort=False)}
    clean = rows[0.0, "none", "", ""]
    found: list[dict[str, object]] = []
    for recipe, own in rows.items():
        keys = dict(zip(RECIPE, recipe, strict=True))
        of_recipe = images.loc[own]
        found += average_points({name: of_recipe[name] for name in OF_AN_ATTACK}, **keys)
        fools = own[of_recipe["success"]]
        for detector, of_detector in conformity.items():
            of = keys | {"detector": detector}
            found += list_figures({"flagged": flagged[detector][own].mean()}, len(own), **of)
            if recipe[1] == "none":
                continue
            compared = -np.concatenate([of_detector[fools], of_detector[clean]])
            is_attacked = np.arange(len(compared)) < len(fools)
            figures = {
                "flagged_of_successes": flagged[detector][fools].mean() if len(fools) else np.nan,
                "auroc_of_successes": measure_scores(compared, is_attacked, quantities=["auroc"])["auroc"][0],
            }
            found += list_figures(figures, len(fools), **of)
        if recipe[2]:
            for against in GUIDES:
                other = images.loc[rows[recipe[0], against, "", ""]]
                both = of_recipe["success"].to_numpy() & other["success"].to_numpy()
                for name in ("flagged", "credibility"):
                    difference = of_recipe[name].to_numpy(float)[both] - other[name].to_numpy(float)[both]
                    figure = {f"{name}_difference": pd.Series(difference)}
                    found += average_points(figure, against=against, matched_by="images", **keys)
    of_attacks = pd.DataFrame(found)
    of_all = pd.concat([of_attacks, *_compare_between_radii(of_attacks)], ignore_index=True)
    more = ["detector", "against", "matched_by"]
    of_all = of_all.fillna(dict.fromkeys(more, "")).assign(**record[["dataset", "source", "seed"]].iloc[0])
    return of_all[["dataset", "source", *RECIPE, *more, "quantity", *OF_A_SEED]]


def _compare_between_radii(found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Compare ILA with each guide at the same rate of success, and at the same mean L2."""
    figures = found[found["detector"].isin([np.nan, "credibility"]) & found["against"].isna()]
    wide = figures.pivot(index=RECIPE, columns="quantity", values="value").reset_index()
    ours, none = wide[wide["guide"] != ""], wide[wide["attack"] == "none"]
    for against in GUIDES:
        other = wide[wide["attack"] == against]
        # Without an attack there is no success, and of none no share that is flagged.
        for matched_by, quantity, line in [
            ("success", "flagged_of_successes", other),
            ("l2", "evasive_success", pd.concat([none, other])),
        ]:
            expected = read_off(ours[matched_by], line[matched_by], line[quantity])
            yield ours[RECIPE].assign(
                quantity=f"{quantity}_difference",
                against=against,
                matched_by=matched_by,
                value=ours[quantity] - expected,
                n_points=figures["n_points"].max(),
            )
