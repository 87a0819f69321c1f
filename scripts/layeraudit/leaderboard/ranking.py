"""Which of many methods differ, by ranks in the same blocks: Friedman's test, Conover's, and letters."""

from dataclasses import dataclass
from string import ascii_letters

import numpy as np
import pandas as pd
from scikit_posthocs import posthoc_conover_friedman
from scipy import stats
from statsmodels.stats.multitest import multipletests

from layeraudit.statistics import DECIMALS, SIGNIFICANCE_LEVEL

FEWEST_BLOCKS, FEWEST_METHODS = 2, 3
"""Below these there is no test."""


@dataclass(frozen=True)
class Comparison:
    """How methods rank in some blocks, and which of them can be told apart.

    Attributes
    ----------
    mean_ranks : of each method, 1 is best; of ties the mean rank
    friedman_p : of Friedman's test that all rank alike, by the chi-squared distribution; NaN without a test
    p : Conover's of every pair of methods, corrected by Holm; NaN without a test
    groups : letters of each method; methods that share one cannot be told apart; empty without a test
    """

    mean_ranks: pd.Series
    friedman_p: float
    p: pd.DataFrame
    groups: dict[str, str]


def compare_methods(figures: pd.DataFrame) -> Comparison:
    """Rank methods in every block, and test which of them differ (Demšar 2006; Conover 1999, section 5.8).

    Conover's test follows Friedman's: where that does not reject at the significance level, all methods share
    one letter, whatever the p-values of the pairs.

    Parameters
    ----------
    figures : a row a block, a column a method, larger is better, none missing
    """
    names = list(figures.columns)
    rounded = figures.round(DECIMALS)
    ranks = pd.DataFrame(
        stats.rankdata(-rounded.to_numpy(), axis=1).reshape(figures.shape), figures.index, names
    )
    p = pd.DataFrame(np.nan, names, names)
    untested = Comparison(ranks.mean(), np.nan, p, dict.fromkeys(names, ""))
    if len(figures) < FEWEST_BLOCKS or len(names) < FEWEST_METHODS:
        return untested
    if (ranks == ranks.iloc[0, 0]).all(axis=None):  # every block is one tie, which has no statistic
        everywhere = pd.DataFrame(1.0, names, names)
        return Comparison(ranks.mean(), 1.0, everywhere, dict.fromkeys(names, ascii_letters[0]))
    friedman_p = float(stats.friedmanchisquare(*rounded.to_numpy().T).pvalue)
    p = _correct(_compare_pairs(rounded, ranks))
    alike = p >= SIGNIFICANCE_LEVEL if friedman_p < SIGNIFICANCE_LEVEL else p == p
    best_first = ranks.mean().sort_values(kind="stable").index
    return Comparison(ranks.mean(), friedman_p, p, letter_groups(alike.loc[best_first, best_first]))


def _compare_pairs(figures: pd.DataFrame, ranks: pd.DataFrame) -> pd.DataFrame:
    """Return Conover's p-value of every pair of methods, not corrected."""
    if (ranks == ranks.iloc[0]).all(axis=None):
        # Blocks that all agree leave no error to divide by: every difference is infinitely many errors wide.
        first = ranks.iloc[0].to_numpy()
        return pd.DataFrame(
            (first[:, np.newaxis] == first).astype(np.float64), figures.columns, figures.columns
        )
    p: pd.DataFrame = posthoc_conover_friedman(figures.to_numpy())
    return p.set_axis(figures.columns).set_axis(figures.columns, axis=1)


def _correct(p: pd.DataFrame) -> pd.DataFrame:
    """Correct the p-values of all pairs, each once, for their number (Holm 1979)."""
    pairs = np.triu_indices(len(p), 1)
    corrected = np.zeros(p.shape)
    corrected[pairs] = multipletests(p.to_numpy()[pairs], method="holm")[1]
    return pd.DataFrame(corrected + corrected.T + np.eye(len(p)), p.index, p.columns)


def letter_groups(alike: pd.DataFrame) -> dict[str, str]:
    """Return the letters of the groups that each method belongs to: a compact letter display (Piepho 2004).

    A group is a longest run of methods, by rank, whose first and last cannot be told apart. Conover's p-value
    falls with the difference of the ranks, so neither can any two between them.

    Parameters
    ----------
    alike : bool [methods, methods], which pairs cannot be told apart, symmetric, methods by mean rank

    Returns
    -------
    Letters of each method, in the order of the alphabet; two methods share one just where they are alike
    """
    matrix = alike.to_numpy()
    runs: list[tuple[int, int]] = []
    for first in range(len(matrix)):
        last = int(np.flatnonzero(matrix[first])[-1])
        if not runs or last > runs[-1][1]:
            runs.append((first, last))
    return {
        str(name): "".join(
            letter for letter, (first, last) in zip(ascii_letters, runs, strict=False) if first <= at <= last
        )
        for at, name in enumerate(alike.index)
    }
