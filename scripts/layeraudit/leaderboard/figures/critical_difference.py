"""The critical difference diagram of Demšar 2006: mean ranks, and which detectors cannot be told apart."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scikit_posthocs import critical_difference_diagram

from layeraudit.figures import CLEAN, REFERENCE, count
from layeraudit.leaderboard.benches import Bench
from layeraudit.leaderboard.figures.benches import title_detectors
from layeraudit.statistics import SIGNIFICANCE_LEVEL


def plot_ranks(ranks: pd.DataFrame, comparisons: pd.DataFrame, names: pd.DataFrame, bench: Bench) -> Figure:
    """Draw the mean ranks of a bench's detectors; a bar joins those that cannot be told apart.

    Parameters
    ----------
    ranks, comparisons : as `layeraudit.leaderboard.detector_ranks.rank_detectors` makes them; without a test
        there are no bars
    names : as `layeraudit.titles.list_names` makes it
    """
    own = ranks[(ranks["bench"] == bench) & ranks["mean_rank"].notna()]
    labels = title_detectors(names, own["detector"])
    mean_ranks = own.set_index("detector")["mean_rank"]
    p = pd.DataFrame(np.eye(len(own)), mean_ranks.index, mean_ranks.index)
    pairs = comparisons[comparisons["bench"] == bench]
    for first, second, corrected in pairs[["first", "second", "p_conover_holm"]].itertuples(index=False):
        p.loc[first, second] = p.loc[second, first] = corrected
    friedman_p = own["friedman_p"].max()
    tested = not np.isnan(friedman_p)
    # Friedman's test has to reject before any pair is told apart.
    p = (p if friedman_p < SIGNIFICANCE_LEVEL else p * 0 + 1) if tested else p.fillna(0.0)
    figure, axes = plt.subplots(figsize=(9.5, 2.6 + 0.16 * len(own)), layout="constrained")
    if len(own):
        drawn = critical_difference_diagram(
            mean_ranks.rename(labels),
            p.rename(index=labels, columns=labels),
            alpha=SIGNIFICANCE_LEVEL,
            ax=axes,
            label_fmt_left="{label} ({rank:.1f})",
            label_fmt_right="({rank:.1f}) {label}",
            label_props={"fontsize": 9},
            elbow_props={"color": "0.6", "linewidth": 0.8},
            marker_props={"color": CLEAN, "s": 22},
            crossbar_props={"color": REFERENCE, "linewidth": 3},
            text_h_margin=0.1,
        )
        plt.setp(drawn["labels"], color="black")  # else they are as pale as their lines
        for (bar,) in drawn["crossbars"]:  # their points come from a set, in another order each time
            bar.set_xdata(np.sort(bar.get_xdata()))
        axes.set_xlim(mean_ranks.min() - 0.3, mean_ranks.max() + 0.3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.set_axis_off()
    n_blocks, n_seeds = (int(own[name].max()) if len(own) else 0 for name in ("n_blocks", "n_seeds"))
    test = (
        f"bars join detectors that cannot be told apart: Friedman p = {friedman_p:.2g}, then Conover's test "
        f"with Holm's correction, {100 * SIGNIFICANCE_LEVEL:g} %"
        if tested
        else "too few detectors or experiments for a test"
    )
    figure.suptitle(
        f"Mean rank by AUROC of {count(len(own), 'detector')}, bench of {bench}: "
        f"{count(n_blocks, 'experiment')}, {count(n_seeds, 'seed')}; 1 is best\n{test}",
        x=0.01,
        ha="left",
        fontsize="medium",
    )
    return figure
