"""Which detectors of a bench are better: by their ranks over its experiments, and by pairs.

A block is an experiment of the bench, its figure of a detector the mean AUROC over seeds. Tests are over
blocks (`layeraudit.leaderboard.ranking`) and generalize to other experiments, as far as these are a sample of
them; intervals are over the seeds and rows of these experiments (`layeraudit.detection`), and hold for these.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.detection import (
    BenchExperiment,
    interval_of_resamples,
    measure_experiment,
    resample_experiment,
)
from layeraudit.experiments import CONTROLS
from layeraudit.leaderboard.benches import Bench, stack_tables
from layeraudit.leaderboard.ranking import compare_methods

RANK_COLUMNS = [
    *("bench", "detector", "mean_rank", "auroc", "ci95_low", "ci95_high", "group"),
    *("n_blocks", "n_seeds", "friedman_p"),
]

COMPARISON_COLUMNS = [
    *("bench", "first", "second", "value", "ci95_low", "ci95_high", "p_conover_holm"),
    *("n_blocks", "n_seeds"),
]


def rank_detectors(experiments: Sequence[BenchExperiment], bench: Bench) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rank the detectors of a bench over its experiments, and compare them by pairs.

    Parameters
    ----------
    experiments : with the same detectors, as `layeraudit.leaderboard.benches.gather_experiments` returns them

    Returns
    -------
    - A row a detector, best rank first, the controls last: `RANK_COLUMNS`; `auroc` is the mean over blocks
    - a row a pair of detectors, the better ranked `first`: `COMPARISON_COLUMNS`; `value` is the mean over
      blocks of the first's AUROC less the second's, its interval of the same resamples for both

    `n_seeds` counts different seeds, each of which several blocks have. What takes three detectors or two
    blocks is empty without them.
    """
    if not experiments:
        return pd.DataFrame(columns=RANK_COLUMNS), pd.DataFrame(columns=COMPARISON_COLUMNS)
    names = list(experiments[0].detectors)
    figures = pd.DataFrame(
        [measure_experiment(one, ["auroc"])["auroc"].mean(axis=1) for one in experiments], columns=names
    )
    resampled = np.mean([resample_experiment(one, bench, ["auroc"])["auroc"] for one in experiments], axis=0)
    compared = compare_methods(figures[[name for name in names if name not in CONTROLS]])
    seeds = {seed for one in experiments for seed in one.seeds}
    counts = {"bench": bench, "n_blocks": len(experiments), "n_seeds": len(seeds)}

    ranked = sorted(compared.mean_ranks.index, key=lambda name: (compared.mean_ranks[name], name))
    ranks: list[dict[str, Any]] = []
    for name in [*ranked, *(control for control in CONTROLS if control in names)]:
        low, high = interval_of_resamples(resampled[names.index(name)])
        ranks.append(
            counts | {"detector": name, "auroc": figures[name].mean(), "ci95_low": low, "ci95_high": high}
        )
        if name not in CONTROLS:
            ranks[-1] |= {"mean_rank": compared.mean_ranks[name], "group": compared.groups[name]}
            ranks[-1] |= {"friedman_p": compared.friedman_p}

    comparisons: list[dict[str, Any]] = []
    for first, second in combinations(ranked, 2):
        difference = resampled[names.index(first)] - resampled[names.index(second)]
        low, high = interval_of_resamples(difference)
        comparisons.append(
            counts
            | {"first": first, "second": second, "value": (figures[first] - figures[second]).mean()}
            | {"ci95_low": low, "ci95_high": high, "p_conover_holm": compared.p.loc[first, second]}
        )
    return pd.DataFrame(ranks, columns=RANK_COLUMNS), pd.DataFrame(comparisons, columns=COMPARISON_COLUMNS)


def rank_benches(
    benches: Mapping[Bench, Sequence[BenchExperiment]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the tables that `rank_detectors` makes of each bench below one another."""
    parts = [rank_detectors(experiments, bench) for bench, experiments in benches.items()]
    ranks, comparisons = (stack_tables(tables) for tables in zip(*parts, strict=True))
    return ranks, comparisons
