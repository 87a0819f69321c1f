"""Attacks that are made on one network and shown to others: how often they succeed, and against what controls.

Images are those that every network gets right, so an attack succeeds on a target where the target errs. What an
attack is compared with is I-FGSM of as many backward passes, on the same images and the same target.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import stats

from layeraudit.statistics import figure_over_seeds, greatest_over_seeds

BASELINE = "i_fgsm"
"""What attacks of as many backward passes are compared with."""

RECIPE = ["attack", "guide", "layer"]
CELL = ["dataset", "source", "target", "epsilon"]


def measure_success(shown: pd.DataFrame) -> pd.DataFrame:
    """Measure how often each attack succeeds on each target, in each seed.

    Parameters
    ----------
    shown : a row for each attacked image and target: `dataset`, `source`, `target`, `epsilon`, `seed`,
        `image`, `attack`, `guide`, `layer`, `forward`, `backward`, `linf`, `l2`, `fooled` and
        `fooled_binarised` (bool)

    Returns
    -------
    A row for each cell, recipe and seed: `success`, `success_binarised`, `linf`, `l2` (means), `forward`,
    `backward`, `n_points`; and against the baseline on the same images `gain` (difference of the successes),
    `won` and `lost` (images that one of the two alone fools), `p_more` and `p_less` (McNemar's exact test)
    """
    rows = []
    for cell, of_cell in shown.groupby([*CELL, "seed"], sort=False):
        fooled = of_cell.set_index([*RECIPE, "image"])["fooled"]
        baseline = fooled.loc[BASELINE, "", ""]
        for recipe, of_recipe in of_cell.groupby(RECIPE, sort=False):
            own = of_recipe.set_index("image")["fooled"]
            won, lost = int((own & ~baseline).sum()), int((baseline & ~own).sum())
            rows.append(
                dict(zip([*CELL, "seed", *RECIPE], [*cell, *recipe], strict=True))
                | {
                    "success": own.mean(),
                    "success_binarised": of_recipe["fooled_binarised"].mean(),
                    "gain": own.mean() - baseline.mean(),
                    "won": won,
                    "lost": lost,
                    "p_more": test_discordant(won, lost),
                    "p_less": test_discordant(lost, won),
                    "n_points": len(of_recipe),
                }
                | of_recipe[["linf", "l2"]].mean().to_dict()
                | of_recipe[["forward", "backward"]].max().to_dict()
            )
    return pd.DataFrame(rows)


def test_discordant(won: int, lost: int) -> float:
    """Test whether images are won more often than lost: McNemar's exact test, one-sided; of none, 1."""
    return float(stats.binomtest(won, won + lost, 0.5, alternative="greater").pvalue) if won + lost else 1.0


def tabulate_success(by_seed: pd.DataFrame) -> pd.DataFrame:
    """Average what `measure_success` gives over the seeds.

    Returns
    -------
    A row for each cell, recipe and quantity (`success`, `success_binarised`, `gain`, `linf`, `l2`): `value`,
    `ci95_low`, `ci95_high` (Student's t over seeds), `n_points`, `n_seeds`, `forward`, `backward`, and of a
    gain `p_more` and `p_less`, the greatest of the seeds
    """
    bounds = {
        "success": (0, 1),
        "success_binarised": (0, 1),
        "gain": (-1, 1),
        "linf": (0, 1),
        "l2": (0, np.inf),
    }
    rows = []
    for keys, of_recipe in by_seed.groupby([*CELL, *RECIPE], sort=False):
        for quantity, (low, high) in bounds.items():
            p = {name: greatest_over_seeds(of_recipe[name]) for name in ("p_more", "p_less")}
            rows.append(
                dict(zip([*CELL, *RECIPE], keys, strict=True))
                | {"quantity": quantity}
                | figure_over_seeds(of_recipe[quantity], low=low, high=high)
                | (p if quantity == "gain" else dict.fromkeys(p, np.nan))
                | {"n_points": int(of_recipe["n_points"].sum())}
                | of_recipe[["forward", "backward"]].max().to_dict()
            )
    return pd.DataFrame(rows)


def choose_layers(disturbances: pd.DataFrame, layers: list[str]) -> Iterator[tuple[str, str]]:
    """Choose ILA's layer on the source alone, by the rule of its paper: the latest peak of the disturbance.

    The attack made at a layer disturbs that layer by so much, relative to the clean output; a layer is a peak
    where the attack made at it disturbs it more than those made at the layers next to it do.

    Parameters
    ----------
    disturbances : a row for each `layer` that is attacked, and a column `disturbance_{layer}` for each that is
        looked at: means over images that are not those of the evaluation

    Yields
    ------
    The layers that are peaks, latest first, with what makes each of them one, in words
    """
    table = disturbances.set_index("layer")
    for number, layer in reversed(list(enumerate(layers))):
        column = table[f"disturbance_{layer}"]
        beside = [layers[at] for at in (number - 1, number + 1) if 0 <= at < len(layers)]
        if all(column[layer] >= column[other] for other in beside):
            yield layer, f"{column[layer]:.3f} against {max(column[other] for other in beside):.3f} beside it"
