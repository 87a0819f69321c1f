"""Intervals, and claims that are put to a test: what every table of results needs.

A seed redraws images, poison and weights, and the points within it share all three, so seeds are the
replicates: unless a table says otherwise its figures are means over seeds of a figure of each seed, with
Student's t interval over the seeds. Seeds draw their held-out images from one pool and so share some: the
interval is for another draw of training images, poison and weights, not for other held-out images.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE_LEVEL = 0.95

SIGNIFICANCE_LEVEL = 0.05

MOST_SIGNS = 13
"""Up to so many differences every choice of their signs is tried, 8,192 at most."""

DECIMALS = 12
"""Figures that agree to so many are tied; beyond them means of the same numbers differ by their rounding."""

SIDES: tuple[Literal["greater"], Literal["less"]] = ("greater", "less")

BETWEEN_SEEDS = "Student's t over seeds"
BETWEEN_SEEDS_OF_ONE_POOL = f"{BETWEEN_SEEDS} that draw their images from one pool: too narrow for new images"
"""Of figures over most of a data set, which are nearly the same images in every seed."""
BETWEEN_POINTS = "Wilson over points"

HOLDS, FAILS, CANNOT_TELL = "holds", "does not hold", "cannot tell"
FOR_THESE_NETWORKS = " for these networks"
"""Follows a verdict that the points decide, where the interval over seeds leaves it open."""


def interval_of_mean(values: ArrayLike) -> tuple[float, float]:
    """Return Student's t interval of the mean of independent values; NaN without two of them."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return np.nan, np.nan
    half = stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, df=len(sample) - 1) * stats.sem(sample)
    return float(sample.mean() - half), float(sample.mean() + half)


def interval_of_share(count: int, n: int) -> tuple[float, float]:
    """Give Wilson's interval of a share of independent points; of none, all of [0, 1]."""
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(count, n, alpha=1 - CONFIDENCE_LEVEL, method="wilson")
    # Rounding leaves ends that are 0 and 1 a hair off them.
    return (0.0 if count == 0 else float(low)), (1.0 if count == n else float(high))


def figure_over_seeds(
    by_seed: ArrayLike, *, low: float = -np.inf, high: float = np.inf, interval: str = ""
) -> dict[str, Any]:
    """Give the columns of a figure that is a mean over seeds.

    Parameters
    ----------
    by_seed : the figure of each seed; seeds that have none (NaN) do not count
    low, high : the least and greatest value that it can have, to which the interval is cut
    interval : over what the interval is, where a column says so

    Returns
    -------
    `value`, `ci95_low`, `ci95_high`, `interval` where it is given, `n_seeds`; the value is NaN without a
    seed, its interval without two
    """
    values: NDArray[np.float64] = np.asarray(by_seed, dtype=np.float64)
    values = values[~np.isnan(values)]
    ci_low, ci_high = np.clip(interval_of_mean(values), low, high).tolist()
    figure = {
        "value": float(values.mean()) if len(values) else np.nan,
        "ci95_low": ci_low,
        "ci95_high": ci_high,
    }
    return figure | ({"interval": interval} if interval else {}) | {"n_seeds": len(values)}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim, and what we measured of it.

    Attributes
    ----------
    claim : a name for it, of words joined by underscores
    source : who makes it, and where
    words : its words
    reported : its figure, in words; empty where it has none
    quantity : what we measured
    value, ci95_low, ci95_high : that, with its 95 % interval
    interval : over what the interval is
    n_points, n_seeds : points that the figure rests on, and seeds
    test : which one, and of what
    bound : where the unit of the test is not a seed, the figure that divides the claim from its opposite; NaN
        where there is none
    p_for : p-value whose alternative is the claim: small where the data speak for it
    p_against : p-value whose alternative is that the claim is wrong: small where they speak against it
    where : the file of results that shows it
    """

    claim: str
    source: str
    words: str
    reported: str
    quantity: str
    value: float
    ci95_low: float
    ci95_high: float
    interval: str = BETWEEN_SEEDS
    n_points: int
    n_seeds: int
    test: str
    bound: float = np.nan
    p_for: float
    p_against: float
    where: str


def judge_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Say of each claim whether it holds, with p-values corrected for the number of claims.

    Both p-values of all claims are corrected together (Holm 1979), so that the chance of one wrong verdict
    or more is at most the significance level. A test that could not be made has NaN, which counts as 1.

    Some tests take points, not seeds, as their unit, and speak of the trained networks alone. Where the
    interval over seeds does not exclude the bound of such a claim, or there is none, its verdict says so: the
    points decide, and other seeds may not.

    Parameters
    ----------
    claims : a row for each claim, with the attributes of `Claim` as columns

    Returns
    -------
    The same with `p_for_holm`, `p_against_holm`, and `verdict`: `holds`, `does not hold`, either of them
    `for these networks`, or `cannot tell` at this n
    """
    p = claims[["p_for", "p_against"]].fillna(1.0).to_numpy()
    corrected = multipletests(p.ravel(), method="holm")[1].reshape(p.shape)
    holds, wrong = (corrected < SIGNIFICANCE_LEVEL).T
    verdict = np.select([holds & ~wrong, wrong & ~holds], [HOLDS, FAILS], CANNOT_TELL)
    excluded = (claims["bound"] < claims["ci95_low"]) | (claims["bound"] > claims["ci95_high"])
    of_points = (claims["bound"].notna() & ~excluded) | (claims["interval"] == BETWEEN_POINTS)
    verdict = np.where(of_points & (holds != wrong), verdict + FOR_THESE_NETWORKS, verdict)
    judged = claims.assign(p_for_holm=corrected[:, 0], p_against_holm=corrected[:, 1], verdict=verdict)
    last = [name for name in ("where", "run") if name in claims]
    return judged[[name for name in judged.columns if name not in last] + last]


def tabulate_claims(claims: Iterable[Claim]) -> pd.DataFrame:
    """Put claims into a table, a row each."""
    return pd.DataFrame([asdict(claim) for claim in claims], columns=list(Claim.__dataclass_fields__))


def greatest_over_seeds(p_values: ArrayLike) -> float:
    """Give the p-value of what is to show in every seed: the greatest of the seeds' own; of none, NaN.

    It is valid however the seeds depend on each other, as they do where they share held-out images (the
    intersection-union test, Berger 1982).
    """
    p = np.asarray(p_values, dtype=np.float64)
    p = p[~np.isnan(p)]
    return float(p.max()) if len(p) else np.nan


def share_differs(count: int, n: int, bound: float, side: Literal["greater", "less"]) -> float:
    """Test whether a share of points is above (`greater`) or below (`less`) a bound: a binomial test.

    The points may be those of several seeds: where the seeds differ, their sum varies less than a binomial
    one of the same mean does (Hoeffding 1956).

    Returns
    -------
    p; of no points NaN
    """
    return float(stats.binomtest(count, n, bound, alternative=side).pvalue) if n else np.nan


def compare_pairs(differences: ArrayLike) -> tuple[float, float]:
    """Test whether one of two judgements of the same points is greater: McNemar's exact test, or Wilcoxon's.

    Parameters
    ----------
    differences : of each point; where each is -1, 0 or 1, McNemar's test of the points that differ, else
        Wilcoxon's signed-rank test, by all signs that so few points could have or, of many, by the normal
        distribution

    Returns
    -------
    p whose alternative is that the differences lie above 0, and p whose alternative is that they lie below; 1
    where no point differs, NaN without a point
    """
    values = np.asarray(differences, dtype=np.float64)
    above, below = int((values > 0).sum()), int((values < 0).sum())
    if not above + below:
        return (1.0, 1.0) if len(values) else (np.nan, np.nan)
    if np.isin(values, (-1, 0, 1)).all():
        n = above + below
        return float(stats.binom.sf(above - 1, n, 0.5)), float(stats.binom.sf(below - 1, n, 0.5))
    different = values[values != 0]
    if len(different) > MOST_SIGNS:
        more, less = (stats.wilcoxon(different, alternative=side, method="approx") for side in SIDES)
        return float(more.pvalue), float(less.pvalue)
    ranks = stats.rankdata(np.abs(different))
    signs = np.arange(2 ** len(ranks))[:, np.newaxis] >> np.arange(len(ranks)) & 1
    # Ranks are multiples of 1/2, which sums have without rounding.
    sums, observed = signs @ ranks, ranks[different > 0].sum()
    return float((sums >= observed).mean()), float((sums <= observed).mean())


def mean_above(by_seed: ArrayLike, bound: float) -> tuple[float, float]:
    """Test whether the mean over seeds is above a bound: one-sample t-tests over the seeds.

    Seeds that all have the same figure have no spread to compare with; the sign test takes their place.

    Returns
    -------
    p whose alternative is that it is above, and p whose alternative is that it is below; NaN of one seed
    """
    values = np.asarray(by_seed, dtype=np.float64)
    if len(values) < 2:
        return np.nan, np.nan
    excess = np.round(values - bound, DECIMALS)
    if np.ptp(excess) == 0:  # no t statistic
        above, below = (excess > 0).sum(), (excess < 0).sum()
        signs = [
            stats.binomtest(int(count), len(values), 0.5, alternative="greater") for count in (above, below)
        ]
        return float(signs[0].pvalue), float(signs[1].pvalue)
    p = float(stats.ttest_1samp(values, bound, alternative="greater").pvalue)
    return p, 1 - p


def mean_equals(by_seed: ArrayLike, reported: float, margin: float) -> tuple[float, float]:
    """Test whether the mean over seeds is a reported figure, within a margin: two one-sided t-tests.

    Returns
    -------
    p whose alternative is that they differ by less than the margin (Schuirmann 1987), and p whose alternative
    is that they differ by more
    """
    above_low, below_low = mean_above(by_seed, reported - margin)
    above_high, below_high = mean_above(by_seed, reported + margin)
    return max(above_low, below_high), float(np.minimum(1.0, 2 * min(below_low, above_high)))
