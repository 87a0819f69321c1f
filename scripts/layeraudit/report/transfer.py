"""Attacks that are made on one network and shown to others: how often they succeed, against what controls.

Images are those that every network gets right, so an attack succeeds on a target where the target errs. What
an attack is compared with is I-FGSM of as many backward passes, on the same images and the same target.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from layeraudit.report.measures import OF_A_SEED
from layeraudit.report.radii import middle_radius
from layeraudit.statistics import DECIMALS

RECIPE = ["epsilon", "attack", "guide", "layer"]

CHOICE_KEYS = ["dataset", "source", "seed", "epsilon", "guide"]
"""Within these ILA's layer is chosen."""

BASELINE = "i_fgsm"
"""What ILA's paper compares it with, of as many backward passes."""

BASELINES = (BASELINE, "mi_fgsm", "i_fgsm_ila_step", "fgsm")
"""What ILA is to beat; all but the last take as many backward passes."""

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


def measure_transfer(measured: Sequence[pd.DataFrame], disturbances: pd.DataFrame) -> pd.DataFrame:
    """Add to what attacks do to each target the means over targets, and ILA in the chosen and the best layer.

    Parameters
    ----------
    measured : what `measure_success` returns of each seed and source
    disturbances : as `choose_layers` takes them
    """
    by_seed = pd.concat(measured, ignore_index=True)
    others = by_seed[~by_seed["target"].isin(["", TWIN]) & (by_seed["target"] != by_seed["source"])]
    means = [average_targets(others, OTHERS), average_targets(select_steady(others), STEADY)]
    by_seed = pd.concat([by_seed, *means], ignore_index=True)
    best = find_best_layers(by_seed)
    return add_choice(add_choice(by_seed, choose_layers(disturbances), CHOSEN), best, ORACLE)


def measure_success(
    record: pd.DataFrame,
    y: NDArray[np.int64],
    labels: Mapping[str, NDArray[np.int64]],
    binarised: Mapping[str, NDArray[np.int64]],
) -> pd.DataFrame:
    """Measure how often each attack on a source succeeds on each target, in one seed.

    - of the attack, where `target` is empty: `linf` and `l2` (means), `backward_passes`; of ILA
      `n_no_reference` and `n_zero_gradients` (images where it had no direction, or no gradient)
    - `success`, and `success_binarised` of the attacked images in black and white
    - of ILA `gain_over_{baseline}` of the same radius (difference of the successes), and `gain_at_equal_l2`
      over I-FGSM, ILA taken where its mean L2 is that of I-FGSM, by the straight line between its radii

    Parameters
    ----------
    record : a row for each attacked image, as `craft_transfer` writes it; the first attack is none
    y : int64 [n], the true label of each
    labels : int64 [n] for each network, what it takes each image for; all but the source and `{source}_twin`
        are others, and get every image right
    binarised : the same of the binarised images

    Returns
    -------
    `dataset`, `source`, `target`, `RECIPE`, `quantity`, `seed`, `value`, `n_points`
    """
    of_all = record[["dataset", "source", "seed"]].iloc[0]
    table = record.fillna({"guide": "", "layer": ""}).assign(
        backward_passes=record["backward"],
        n_no_reference=record["no_reference"].astype(float),
        n_zero_gradients=record["zero_gradients"] > 0,
    )
    recipes = table.groupby(RECIPE, sort=False, as_index=False)
    costs = {"backward_passes": "max", "n_no_reference": "sum", "n_zero_gradients": "sum"}
    of_attack = recipes.agg({"linf": "mean", "l2": "mean"} | costs)
    parts = [_list_recipes(of_attack, "", table["image"].nunique())]
    for network, of_network in labels.items():
        table["success"], table["success_binarised"] = of_network != y, binarised[network] != y
        right = table.loc[(table["attack"] == "none") & ~table["success"], "image"]
        means = (
            table[table["image"].isin(right)]
            .groupby(RECIPE, sort=False, as_index=False)[["success", "success_binarised", "l2"]]
            .mean()
        )
        target = TWIN if network == f"{of_all['source']}_twin" else network
        parts.append(_list_recipes(_compare_with_baselines(means), target, len(right)))
    keys = ["dataset", "source", "target", *RECIPE, "quantity"]
    return pd.concat(parts).assign(**of_all)[[*keys, *OF_A_SEED]].reset_index(drop=True)


def _list_recipes(figures: pd.DataFrame, target: str, n_points: int) -> pd.DataFrame:
    """Return a row for each recipe and figure; gains and `n_...` are of ILA alone, which has a guide."""
    rows = figures.melt(RECIPE, var_name="quantity").assign(target=target, n_points=n_points)
    return rows[(rows["guide"] != "") | ~rows["quantity"].str.startswith(("gain_", "n_"))]


def _compare_with_baselines(means: pd.DataFrame) -> pd.DataFrame:
    """Add the gains to a table of recipes with `success` and `l2`, which goes; see `measure_success`."""
    baselines = {name: means[means["attack"] == name].set_index("epsilon") for name in BASELINES}
    gains = means.assign(
        **{
            f"gain_over_{name}": means["success"] - means["epsilon"].map(baseline["success"])
            for name, baseline in baselines.items()
        }
    )
    for _, own in means.groupby(RECIPE[1:], sort=False):
        l2, success = (own["epsilon"].map(baselines[BASELINE][name]) for name in ("l2", "success"))
        gains.loc[own.index, "gain_at_equal_l2"] = read_off(l2, own["l2"], own["success"]) - success
    return gains.drop(columns="l2")


def read_off(at: ArrayLike, across: ArrayLike, up: ArrayLike) -> NDArray[np.float64]:
    """Read figures off the line through some points, given in any order; beyond them it is NaN."""
    at, across, up = (np.asarray(of, dtype=np.float64) for of in (at, across, up))
    order = np.argsort(across)
    return np.asarray(np.interp(at, across[order], up[order], left=np.nan, right=np.nan))


def average_targets(by_seed: pd.DataFrame, name: str) -> pd.DataFrame:
    """Average the figures of several targets, and count them (`n_networks`).

    All are shown the same images, so each figure of the mean, gains included, is the mean of theirs.

    Parameters
    ----------
    by_seed : figures of the targets, as `measure_success` returns them
    name : in the place of a target
    """
    keys = [column for column in by_seed.columns if column not in ("target", "value")]
    means = by_seed.groupby(keys, sort=False)["value"].mean().reset_index()
    of_seeds = by_seed.groupby(["dataset", "source", "seed", "n_points"], sort=False)
    counts = of_seeds["target"].nunique().rename("value").reset_index().assign(quantity="n_networks")
    return pd.concat([means, counts], ignore_index=True).assign(target=name)


def select_steady(others: pd.DataFrame) -> pd.DataFrame:
    """Select the figures of networks that noise of the middle radius fools on few images, mean over seeds.

    Parameters
    ----------
    others : figures of targets that were never touched, as `measure_success` returns them
    """
    noise = others[(others["attack"] == "noise") & (others["quantity"] == "success")]
    middle = noise.groupby(["dataset", "source"])["epsilon"].transform(middle_radius)
    fooled = noise[noise["epsilon"] == middle].groupby(["dataset", "source", "target"])["value"].mean()
    steady = fooled[fooled <= FOOLED_BY_NOISE].reset_index().drop(columns="value")
    return others.merge(steady, on=list(steady.columns))


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
    A row for each of `CHOICE_KEYS`, with `layer` and `is_peak`
    """
    rows = []
    for cell, of_cell in disturbances.groupby(CHOICE_KEYS, sort=False):
        layer, is_peak = choose_layer(of_cell)
        rows.append(dict(zip(CHOICE_KEYS, cell, strict=True)) | {"layer": layer, "is_peak": is_peak})
    return pd.DataFrame(rows)


def find_best_layers(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Find the layer in which ILAP fools most of the others, in each cell: what no attacker can know."""
    success = by_seed[by_seed["quantity"] == "success"]
    over_others = success[(success["attack"] == "ilap") & (success["target"] == OTHERS)]
    # Where layers are tied it is the first, however the means over targets were rounded.
    best = over_others.round({"value": DECIMALS}).groupby(CHOICE_KEYS, sort=False)["value"].idxmax()
    return by_seed.loc[best, [*CHOICE_KEYS, "layer"]]


def add_choice(by_seed: pd.DataFrame, layers: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add what ILAP does in the layer that is chosen in each cell, under a name in the place of the layer.

    Parameters
    ----------
    by_seed : figures of attacks, with the columns of `CHOICE_KEYS`, `attack` and `layer`
    layers : what `choose_layers` or `find_best_layers` returns
    """
    keys = [*CHOICE_KEYS, "layer"]
    own = by_seed[by_seed["attack"] == "ilap"].merge(layers[keys], on=keys)
    return pd.concat([by_seed, own.assign(layer=name)], ignore_index=True)
