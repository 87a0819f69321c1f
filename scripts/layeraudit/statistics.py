"""Intervals, and claims that are put to a test: what every table of results needs.

A seed redraws images, poison and weights, and the points within it share all three, so seeds are the
replicates: unless a table says otherwise its figures are means over seeds of a figure of each seed, with
Student's t interval over the seeds. Seeds draw their held-out images from one pool and so share some: the
interval is for another draw of training images, poison and weights, not for other held-out images.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE_LEVEL = 0.95

SIGNIFICANCE_LEVEL = 0.05

DECIMALS = 12
"""Figures that agree to so many are tied; beyond them means of the same numbers differ by their rounding."""

PERMUTATION_BATCH = 100
"""Permutations at once: 100 of 8,700 points are 7 MB, and no number is faster."""

FEW_PAIRS = 13
"""Up to so many pairs SciPy makes every permutation where there are ties, which takes it seconds."""

SIDES: tuple[Literal["greater"], Literal["less"]] = ("greater", "less")

Bounds = tuple[float, float]
"""The least and greatest value that a figure can have."""

Combine = Callable[[pd.Series], Any]
"""Makes one value of those of the seeds."""

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
    half = _quantile_of_t(len(sample) - 1) * (sample.std(ddof=1) / np.sqrt(len(sample)))
    return float(sample.mean() - half), float(sample.mean() + half)


@cache
def _quantile_of_t(df: int) -> float:
    return float(stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, df=df))


def interval_of_share(count: int, n: int) -> tuple[float, float]:
    """Return Wilson's interval of a share of independent points; of none, all of [0, 1]."""
    if n == 0:
        return 0.0, 1.0
    low, high = proportion_confint(count, n, alpha=1 - CONFIDENCE_LEVEL, method="wilson")
    # Rounding leaves ends that are 0 and 1 a hair off them.
    return (0.0 if count == 0 else float(low)), (1.0 if count == n else float(high))


def figure_over_points(count: int, n: int) -> dict[str, Any]:
    """Return the columns of a figure that is a share of points; without a point it is NaN."""
    low, high = interval_of_share(count, n)
    value = count / n if n else np.nan
    return {"value": value, "ci95_low": low, "ci95_high": high, "interval": BETWEEN_POINTS, "n_points": n}


def figure_over_seeds(
    by_seed: ArrayLike, *, low: float = -np.inf, high: float = np.inf, interval: str = ""
) -> dict[str, Any]:
    """Return the columns of a figure that is a mean over seeds.

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
    mean = float(values.mean()) if len(values) else np.nan
    named = {"interval": interval} if interval else {}
    return {"value": mean, "ci95_low": ci_low, "ci95_high": ci_high} | named | {"n_seeds": len(values)}


def average_over_seeds(
    by_seed: pd.DataFrame,
    keys: Sequence[str],
    bounds: Mapping[str, Bounds] | None = None,
    *,
    interval: str = "",
    more: Mapping[str, Combine] | None = None,
) -> pd.DataFrame:
    """Average each figure over the seeds: how every table of means is made.

    Parameters
    ----------
    by_seed : a row for each figure and seed: the keys, `value` (NaN where the seed has none), and `n_points`
    keys : columns that tell figures apart; `quantity` is one of them, or what is last takes its part
    bounds : the least and greatest value of quantities, by a pattern of their names as the shell has it
        (`*_points`), of which the first that fits counts; of all others 0 and 1
    interval : see `figure_over_seeds`
    more : further columns, with what makes one value of those of the seeds

    Returns
    -------
    A row for each figure: the keys, `value`, `ci95_low`, `ci95_high`, `interval` where it is given,
    `n_points` (of the seeds that have the figure, unless `more` says otherwise), `n_seeds`, columns of `more`
    """
    table = []
    at = list(keys).index("quantity") if "quantity" in keys else -1
    # Of thousands of figures, a frame for each takes longer than all that is computed of it.
    figures = by_seed.groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()
    order = figures.argsort(kind="stable")
    values, n_points = (by_seed[name].to_numpy() for name in ("value", "n_points"))
    has_value = by_seed["value"].notna().to_numpy()
    firsts = by_seed[list(keys)].drop_duplicates().itertuples(index=False, name=None)
    rows_of_figures = np.split(order, np.flatnonzero(np.diff(figures[order])) + 1) if len(order) else []
    for names, rows in zip(firsts, rows_of_figures, strict=True):
        fitting = (own for pattern, own in (bounds or {}).items() if fnmatchcase(str(names[at]), pattern))
        low, high = next(fitting, (0.0, 1.0))
        table.append(
            dict(zip(keys, names, strict=True))
            | figure_over_seeds(values[rows], low=low, high=high, interval=interval)
            | {"n_points": int(n_points[rows][has_value[rows]].sum())}
            | {name: combine(by_seed[name].iloc[rows]) for name, combine in (more or {}).items()}
        )
    columns = [*keys, "value", "ci95_low", "ci95_high", *(["interval"] if interval else [])]
    return pd.DataFrame(table, columns=list(dict.fromkeys([*columns, "n_points", "n_seeds", *(more or {})])))


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
    reported: str = ""
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


def claim_over_seeds(
    name: str,
    by_seed: ArrayLike,
    p: tuple[float, float],
    *,
    bounds: Bounds = (-np.inf, np.inf),
    **attributes: Any,
) -> Claim:
    """Make a claim whose figure is a mean over seeds.

    Parameters
    ----------
    name : of the claim
    by_seed, bounds : see `figure_over_seeds`
    p : for the claim, and against it
    attributes : all other attributes of `Claim`
    """
    figure = figure_over_seeds(by_seed, low=bounds[0], high=bounds[1])
    return Claim(claim=name, p_for=float(p[0]), p_against=float(p[1]), **figure | attributes)


def judge_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Judge whether each claim holds, with p-values corrected for the number of claims.

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
    """Return the p-value of what is to show in every seed: the greatest of the seeds' own; of none, NaN.

    It is valid however the seeds depend on each other, as they do where they share held-out images (the
    intersection-union test, Berger 1982).
    """
    p = np.asarray(p_values, dtype=np.float64)
    p = p[~np.isnan(p)]
    return float(p.max()) if len(p) else np.nan


def least_corrected(p_values: ArrayLike) -> float:
    """Return the p-value of what is to show once: the least, times their number (Bonferroni), or NaN."""
    p = np.asarray(p_values, dtype=np.float64)
    return float(np.minimum(1.0, len(p) * p.min())) if len(p) else np.nan


def share_above(count: int, n: int, bound: float) -> tuple[float, float]:
    """Test whether a share of points is above a bound: binomial tests.

    The points may be those of several seeds: where the seeds differ, their sum varies less than a binomial
    one of the same mean does (Hoeffding 1956).

    Returns
    -------
    p whose alternative is that it is above, and p whose alternative is that it is below; NaN of no points
    """
    if not n:
        return np.nan, np.nan
    above, below = (float(stats.binomtest(count, n, bound, alternative=side).pvalue) for side in SIDES)
    return above, below


def compare_counts(more: int, fewer: int) -> tuple[float, float]:
    """Test whether the first of two judgements of the same points is the right one more often: McNemar's.

    The exact test; of two sides it has twice the smaller p.

    Parameters
    ----------
    more, fewer : points of which the first alone is right, and the second alone

    Returns
    -------
    p whose alternative is that it is, and p whose alternative is that the second is; 1 where all is alike
    """
    return share_above(more, more + fewer, 0.5) if more + fewer else (1.0, 1.0)


def compare_pairs(differences: ArrayLike) -> tuple[float, float]:
    """Test whether one of two judgements of the same points is greater: McNemar's exact test, or Wilcoxon's.

    Parameters
    ----------
    differences : of each point; where each is -1, 0 or 1, McNemar's test of the points that differ, else
        Wilcoxon's signed-rank test of these: exact where they are few, by the normal distribution where they
        are many

    Returns
    -------
    p whose alternative is that the differences lie above 0, and p whose alternative is that they lie below; 1
    where no point differs, NaN without a point
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return np.nan, np.nan
    if np.isin(values, (-1, 0, 1)).all():
        return compare_counts(int((values > 0).sum()), int((values < 0).sum()))
    values = values[values != 0]
    if len(values) <= FEW_PAIRS:
        return _compare_ranks(values)
    above, below = (float(stats.wilcoxon(values, alternative=side).pvalue) for side in SIDES)
    return above, below


def _compare_ranks(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return both p of Wilcoxon's test from the distribution of the sum of ranks under all signs."""
    doubled = (2 * stats.rankdata(np.abs(values))).astype(np.int64)  # the mean ranks of ties end in a half
    ways = np.ones(1)
    for rank in doubled.tolist():
        ways = np.convolve(ways, [1.0, *[0.0] * (rank - 1), 1.0])
    share, observed = ways / ways.sum(), int(doubled[values > 0].sum())
    return float(share[observed:].sum()), float(share[: observed + 1].sum())


STATISTICS: dict[str, Callable[..., Any]] = {
    "variance": lambda sample, axis: np.var(sample, axis=axis, ddof=1),
    "maximum": np.max,
}


def permute(
    group: ArrayLike, control: ArrayLike, *, seed: int, resamples: int = 9999
) -> dict[str, tuple[float, float]]:
    """Test whether values vary less, and reach less high, in a group than in a control.

    Which values are the group's is permuted. The maxima are those of the values as they are. The variances
    are those of the values about the mean of their own group, and what is compared is the difference between
    the two: were the values not centred, a group of another mean than the control would vary less than any
    mixture of both, however much it varies. All permutations are made where there are no more than
    `resamples`.

    Parameters
    ----------
    group, control : any numbers of values
    seed : of the random permutations

    Returns
    -------
    Of each statistic p whose alternative is that it is lower in the group, and p whose alternative is that it
    is higher; NaN with fewer than two values on either side
    """
    samples = [np.asarray(values, dtype=np.float64) for values in (group, control)]
    if min(map(len, samples)) < 2:
        return dict.fromkeys(STATISTICS, (np.nan, np.nan))
    plain, centred = np.concatenate(samples), np.concatenate([values - values.mean() for values in samples])

    def both_ways(sample: NDArray[Any], rest: NDArray[Any], axis: int) -> NDArray[np.float64]:
        # Rows are permuted, and a high value is a low one of the opposite sign: one round of permutations,
        # which are what takes the time, answers for both statistics and both alternatives.
        chosen, others = sample.astype(np.intp), rest.astype(np.intp)
        spread = STATISTICS["variance"]
        # Rounded, so that samples of the same values in another order count as equal.
        variance = (spread(centred[chosen], axis) - spread(centred[others], axis)).round(DECIMALS)
        values = [variance, STATISTICS["maximum"](plain[chosen], axis)]
        return np.stack([*values, *np.negative(values)], axis=-1)

    result = stats.permutation_test(
        np.split(np.arange(len(plain)), [len(samples[0])]),
        both_ways,
        permutation_type="independent",
        vectorized=True,
        n_resamples=resamples,
        batch=PERMUTATION_BATCH,
        alternative="less",
        rng=seed,
    )
    both = zip(STATISTICS, *np.split(result.pvalue, 2), strict=True)
    return {name: (float(lower), float(higher)) for name, lower, higher in both}


def compare_pairs_in_seeds(differences: pd.Series, seeds: pd.Series) -> tuple[float, float]:
    """Test by `compare_pairs` in each seed, and return the greatest p of the seeds in either direction."""
    p_above, p_below = zip(
        *(compare_pairs(of_seed) for _, of_seed in differences.groupby(seeds)), strict=True
    )
    return greatest_over_seeds(p_above), greatest_over_seeds(p_below)


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
        above, below = int((excess > 0).sum()), int((excess < 0).sum())
        return share_above(above, len(values), 0.5)[0], share_above(below, len(values), 0.5)[0]
    p = float(stats.ttest_1samp(values, bound, alternative="greater").pvalue)
    return p, 1 - p


def mean_equals(by_seed: ArrayLike, reported: float, margin: float) -> tuple[float, float]:
    """Test whether the mean over seeds is a reported figure, within a margin: two one-sided t-tests.

    Returns
    -------
    p whose alternative is that they differ by less than the margin (Schuirmann 1987), and p whose alternative
    is that they differ by more
    """
    return _within(partial(mean_above, by_seed), reported, margin)


def share_equals(count: int, n: int, reported: float, margin: float) -> tuple[float, float]:
    """Test whether a share of points is a reported one, within a margin: two one-sided binomial tests.

    The points are those of all seeds together, see `share_above`: the test is of the mean share of these
    seeds' networks. Returns what `mean_equals` does.
    """
    return _within(partial(share_above, count, n), reported, margin)


def _within(
    is_above: Callable[[float], tuple[float, float]], reported: float, margin: float
) -> tuple[float, float]:
    (above_low, below_low), (above_high, below_high) = (
        is_above(reported - margin),
        is_above(reported + margin),
    )
    return max(above_low, below_high), float(np.minimum(1.0, 2 * min(below_low, above_high)))
