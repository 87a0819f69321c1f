"""Attacks that are made on one network and shown to others: how often they succeed, against what controls.

Images are those that every network gets right, so an attack succeeds on a target where the target errs. What
an attack is compared with is I-FGSM of as many backward passes, on the same images and the same target.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.report.radii import middle_radius
from layeraudit.statistics import (
    Claim,
    Combine,
    average_over_seeds,
    claim_over_seeds,
    compare_pairs,
    greatest_over_seeds,
)

PAPER = "Huang et al. 2019 (arXiv:1907.10823)"

RECIPE = ["epsilon", "attack", "guide", "layer"]
CELL = ["dataset", "source", "target"]

CHOICE_KEYS = ["dataset", "source", "seed", "epsilon", "guide"]
"""Within these ILA's layer is chosen."""

BASELINE = "i_fgsm"
"""What ILA's paper compares it with, of as many backward passes."""

BASELINES = (BASELINE, "mi_fgsm", "i_fgsm_ila_step", "fgsm")
"""What an attack is to beat; all but the last take as many backward passes."""

CHOSEN, ORACLE = "chosen", "oracle"
"""In the place of a layer: the one chosen on the source alone, and the best of those seen, on the targets."""

OTHERS = "mean_of_others"
"""In the place of a target: the mean over all networks that were never touched."""

STEADY = "mean_of_steady_others"
"""The same over those of them that noise fools seldom, of which an attack says more."""

FOOLED_BY_NOISE = 0.05
"""The share of the images that noise of the middle radius may fool a steady one on, mean over seeds."""

TWIN = "twin"
"""In the place of a target: a network of the source's own architecture, and none of the others.

It has no say in which images are attacked; success is over those that it gets right.
"""

COMPARED = (
    *product([OTHERS], ["fgsm", BASELINE], BASELINES[:2]),
    (OTHERS, "mi_fgsm", "mi_fgsm"),
    *product([STEADY], ["fgsm", BASELINE], [BASELINE]),
)
"""What claims are of: the mean over which networks, the guide, and what it is compared with."""

MEANS = {OTHERS: "mean of targets", STEADY: "mean of targets that noise fools seldom"}

BOUNDS = {
    "success": (0, 1),
    "success_binarised": (0, 1),
    **{f"gain_over_{baseline}": (-1, 1) for baseline in BASELINES},
    "gain_at_equal_l2": (-1, 1),
    "linf": (0, 1),
    "l2": (0, np.inf),
}
"""The figures of an attack, and the least and greatest value of each."""


def measure_all(
    runs: Sequence[tuple[pd.DataFrame, NDArray[np.int64], Mapping[str, NDArray[np.int64]]]],
    disturbances: pd.DataFrame,
) -> pd.DataFrame:
    """Measure the success of all attacks, those of the chosen and of the best layer below.

    Parameters
    ----------
    runs : `record`, `y` and `labels` of each run and source, as `measure_success` takes them
    disturbances : as `choose_layers` takes them
    """
    noise = [
        measure_success(record[record["attack"].isin(["none", "noise"])], y, labels)
        for record, y, labels in runs
    ]
    steady = find_steady(pd.concat(noise, ignore_index=True))
    measured = [
        measure_success(record, y, labels, steady=steady[tuple(record[["dataset", "source"]].iloc[0])])
        for record, y, labels in runs
    ]
    by_seed = pd.concat(measured, ignore_index=True)
    best = find_best_layers(by_seed)
    return add_choice(add_choice(by_seed, choose_layers(disturbances), CHOSEN), best, ORACLE)


def measure_success(
    record: pd.DataFrame,
    y: NDArray[np.int64],
    labels: Mapping[str, NDArray[np.int64]],
    *,
    steady: Sequence[str] = (),
) -> pd.DataFrame:
    """Measure how often each attack on a source succeeds on each target, in one seed.

    Parameters
    ----------
    record : a row for each attacked image, as `craft_transfer` writes it; the first attack is none
    y : int64 [n], the true label of each
    labels : int64 [n] for each network, what it takes the image for, `label_{name}`, and what it takes the
        binarised image for, `binarised_{name}`; all but the source and `{source}_twin` are others, and get
        every image right
    steady : those of the others that noise fools seldom, see `find_steady`

    Returns
    -------
    A row for each target and recipe, and for the means of the others: `dataset`, `source`, `seed`, `target`,
    `networks` (those that a row is of), `epsilon`, `attack`, `guide`, `layer`, `success`,
    `success_binarised`, `linf`, `l2` (means), `forward`, `backward`, `n_points`, `no_reference` and
    `zero_gradients` (images of which that is so); against each baseline of the same radius
    `gain_over_{baseline}` (difference of the successes), `p_more_{baseline}` and `p_less_{baseline}`
    (McNemar's exact test; of a mean Wilcoxon's signed-rank test of the share of the networks that an image
    fools); and `gain_at_equal_l2` over I-FGSM of the same radius, the attack taken where its mean L2 is that
    of I-FGSM, between two of its radii by the straight line
    """
    of_all = record[["dataset", "source", "seed"]].iloc[0].to_dict()
    names = [name.removeprefix("label_") for name in labels if name.startswith("label_")]
    fooled = {name: np.asarray(labels[f"label_{name}"] != y, float) for name in names}
    binarised = {name: np.asarray(labels[f"binarised_{name}"] != y, float) for name in names}
    record = record.fillna({"guide": "", "layer": ""})
    groups = record.groupby(RECIPE, sort=False)
    recipes: dict[Any, NDArray[np.int64]] = {recipe: rows.index.to_numpy() for recipe, rows in groups}
    twin = f"{of_all['source']}_twin"
    others = [name for name in names if name not in (of_all["source"], twin)]

    networks: dict[str, Sequence[str]] = {name: [name] for name in names} | {OTHERS: others, STEADY: steady}
    table = []
    for target, of_target in networks.items():
        if not of_target:
            continue
        of_images = np.mean([fooled[name] for name in of_target], axis=0)
        right = of_images[recipes[0.0, "none", "", ""]] == 0
        kept = {recipe: rows[right] for recipe, rows in recipes.items()}
        own = {recipe: of_images[rows] for recipe, rows in kept.items()}
        at_equal_l2 = _succeed_at_l2_of_baseline(
            {recipe: success.mean() for recipe, success in own.items()},
            {recipe: record.loc[rows, "l2"].mean() for recipe, rows in kept.items()},
        )
        for recipe, rows in kept.items():
            success, of_recipe = own[recipe], record.loc[rows]
            baseline = own.get((recipe[0], BASELINE, "", ""))
            table.append(
                of_all
                | {"target": TWIN if target == twin else target, "networks": " ".join(of_target)}
                | dict(zip(RECIPE, recipe, strict=True))
                | {"success": success.mean()}
                | {"success_binarised": np.mean([binarised[name][rows] for name in of_target])}
                | {"gain_at_equal_l2": np.nan if baseline is None else at_equal_l2[recipe] - baseline.mean()}
                | of_recipe[["linf", "l2"]].mean().to_dict()
                | of_recipe[["forward", "backward"]].max().to_dict()
                | {"n_points": len(rows), "no_reference": int((of_recipe["no_reference"] == True).sum())}  # noqa: E712
                | {"zero_gradients": int((of_recipe["zero_gradients"] > 0).sum())}
            )
            for name in BASELINES:
                # Without an attack there is no radius to compare at.
                other = own.get((recipe[0], name, "", ""))
                difference = np.array([]) if other is None else success - other
                p_more, p_less = compare_pairs(difference)
                table[-1] |= {f"gain_over_{name}": difference.mean() if len(difference) else np.nan}
                table[-1] |= {f"p_more_{name}": p_more, f"p_less_{name}": p_less}
    return pd.DataFrame(table)


def find_steady(by_seed: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """Find the networks that noise of the middle radius fools on few images, in the mean of the seeds.

    Parameters
    ----------
    by_seed : what `measure_success` returns of each seed

    Returns
    -------
    Their names, without the source and its twin, for each data set and source.
    """
    others = ~by_seed["target"].isin([OTHERS, STEADY, TWIN]) & (by_seed["target"] != by_seed["source"])
    noise = by_seed[others & (by_seed["attack"] == "noise")]
    found = {}
    for (dataset, source), rows in noise.groupby(["dataset", "source"]):
        noisy = rows[rows["epsilon"] == middle_radius(rows["epsilon"])]
        fooled = noisy.groupby("target", sort=False)["success"].mean()
        found[str(dataset), str(source)] = [str(name) for name in fooled.index[fooled <= FOOLED_BY_NOISE]]
    return found


def _succeed_at_l2_of_baseline(
    success: Mapping[tuple[Any, ...], float], l2: Mapping[tuple[Any, ...], float]
) -> dict[tuple[Any, ...], float]:
    """Return the success of each recipe where its mean L2 is that of I-FGSM; beyond its line it is NaN."""
    found = {}
    for epsilon, *method in success:
        own = [recipe for recipe in success if [*recipe[1:]] == method]
        across, up = ([of[recipe] for recipe in own] for of in (l2, success))
        at = l2.get((epsilon, BASELINE, "", ""), np.nan)
        found[epsilon, *method] = read_off(at, across, up)
    return found


def read_off(at: float, across: Sequence[float], up: Sequence[float]) -> float:
    """Read a figure off the line through some points, given in any order; beyond them it is NaN."""
    order = np.argsort(across)
    return float(np.interp(at, np.take(across, order), np.take(up, order), left=np.nan, right=np.nan))


def choose_layer(disturbances: pd.DataFrame) -> tuple[str, bool]:
    """Choose ILA's layer on the source alone, by the rule of its paper: the latest peak of the disturbance.

    The attack made in a layer disturbs each layer by so much, relative to its clean output. A layer is a peak
    where the attack made in it disturbs it more than the layers before and after it; the last layer, after
    which there is none, is no peak.

    Parameters
    ----------
    disturbances : a row for each `layer` that is attacked and layer that is `seen`, in the order of the
        network, with the mean `disturbance` over images that are not those of the evaluation

    Returns
    -------
    The layer, and whether it is a peak; where none is, which the rule does not provide for, it is the first
    """
    layers = list(disturbances["layer"].unique())
    table = disturbances.pivot(index="layer", columns="seen", values="disturbance").loc[layers, layers]
    curves = table.to_numpy()
    for number in reversed(range(len(layers) - 1)):
        around = curves[number, max(number - 1, 0) : number + 2]
        if curves[number, number] == around.max():
            return str(layers[number]), True
    return str(layers[0]), False


def choose_layers(disturbances: pd.DataFrame) -> pd.DataFrame:
    """Choose the layer in each cell, by `choose_layer`.

    Parameters
    ----------
    disturbances : what `measure_disturbance` writes

    Returns
    -------
    A row for each of `CHOICE_KEYS`, with `layer` and `layer_taken`, which says too where it is no peak
    """
    rows = []
    for cell, of_cell in disturbances.groupby(CHOICE_KEYS, sort=False):
        layer, is_peak = choose_layer(of_cell)
        taken = layer if is_peak else f"{layer} (no peak)"
        rows.append(dict(zip(CHOICE_KEYS, cell, strict=True)) | {"layer": layer, "layer_taken": taken})
    return pd.DataFrame(rows)


def find_best_layers(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Find the layer in which ILAP fools most of the others, in each cell: what no attacker can know."""
    over_others = by_seed[(by_seed["attack"] == "ilap") & (by_seed["target"] == OTHERS)]
    best = over_others.groupby(CHOICE_KEYS, sort=False)["success"].idxmax()
    return by_seed.loc[best, [*CHOICE_KEYS, "layer"]].assign(layer_taken=by_seed["layer"])


def add_choice(by_seed: pd.DataFrame, layers: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add what ILAP does in the layer that is chosen in each cell, under a name in the place of the layer.

    Parameters
    ----------
    by_seed : figures of attacks, with the columns of `CHOICE_KEYS`, `attack` and `layer`
    layers : what `choose_layers` or `find_best_layers` returns

    Returns
    -------
    The rows, and below them those of the choice, with what was chosen in the column `layer_taken`
    """
    own = by_seed[by_seed["attack"] == "ilap"].drop(columns="layer_taken", errors="ignore")
    return pd.concat(
        [by_seed, own.merge(layers, on=[*CHOICE_KEYS, "layer"]).assign(layer=name)], ignore_index=True
    )


def tabulate_success(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Average what `measure_success` returns over the seeds.

    Returns
    -------
    A row for each data set, source, target, recipe and quantity (those of `BOUNDS`): `value`, `ci95_low`,
    `ci95_high` (Student's t over seeds), `n_seeds`, `n_points`, `p_more`, `p_less` (of a gain, the greatest
    of the seeds, not corrected), `forward`, `backward`, `no_reference`, `zero_gradients`, `networks` (those
    that a row is of), `layer_taken` (by a choice, of each seed where they differ)
    """
    parts = []
    for quantity in BOUNDS:
        baseline = quantity.removeprefix("gain_over_")
        p = {name: by_seed.get(f"{name}_{baseline}", np.nan) for name in ("p_more", "p_less")}
        parts.append(by_seed.assign(quantity=quantity, value=by_seed[quantity], **p).reset_index(drop=True))
    more: dict[str, Combine] = dict.fromkeys(["p_more", "p_less"], greatest_over_seeds)
    more |= dict.fromkeys(["forward", "backward"], max) | dict.fromkeys(
        ["no_reference", "zero_gradients"], sum
    )
    more |= {"networks": lambda names: names.iloc[0]}
    more |= {"layer_taken": lambda layers: ", ".join(dict.fromkeys(layers.dropna()))}
    keys = [*CELL, *RECIPE, "quantity"]
    table = average_over_seeds(pd.concat(parts).sort_index(kind="stable"), keys, BOUNDS, more=more)
    return table[[*keys, "value", "ci95_low", "ci95_high", "n_seeds", "n_points", *more]]


def make_claims(by_seed: pd.DataFrame) -> Iterator[Claim]:
    """Test the claim of ILA's paper: it fools networks never touched more often than I-FGSM does.

    Of the same passes, in the layer that is chosen on the source alone, on the same images in each seed. The
    paper's is that after I-FGSM against I-FGSM; other guides and baselines, and the mean of the networks that
    noise fools seldom, are ours.
    """
    chosen = by_seed[by_seed["layer"] == CHOSEN]
    for dataset, of_dataset in chosen.groupby("dataset", sort=False):
        epsilon = middle_radius(of_dataset["epsilon"])
        cells = of_dataset[of_dataset["epsilon"] == epsilon].groupby("source", sort=False)
        for (source, of_cell), (target, guide, baseline) in product(cells, COMPARED):
            of_source = of_cell[(of_cell["guide"] == guide) & (of_cell["target"] == target)]
            if of_source.empty:
                continue
            ours, name = (attack.replace("_", "-").upper() for attack in (guide, baseline))
            of_steady = "_steady" * (target == STEADY)
            as_in_paper = guide == baseline == BASELINE
            yield claim_over_seeds(
                f"ila_after_{guide}_transfers_more_than_{baseline}_{dataset}_{source}{of_steady}",
                of_source[f"gain_over_{baseline}"],
                (
                    greatest_over_seeds(of_source[f"p_more_{baseline}"]),
                    greatest_over_seeds(of_source[f"p_less_{baseline}"]),
                ),
                bounds=(-1, 1),
                source=PAPER if as_in_paper else f"ours, after {PAPER}",
                words=f"(in short) fine-tuned by ILA, {ours} fools other networks more often than {name}",
                reported="ImageNet, 8 to 14 points more" if as_in_paper else "",
                quantity=f"success of ILAP after {ours} - of {name}, epsilon {epsilon:g}, {MEANS[target]}",
                n_points=int(of_source["n_points"].sum()),
                test="Wilcoxon's signed-rank test of the images in each seed, greatest p of the seeds",
                bound=0.0,
                where="tables/transfer.csv",
            )
