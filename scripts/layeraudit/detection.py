"""How well a score finds what it is to find, and how sure that is: over seeds, and over the rows of each.

The definitions, of a score that is larger the more suspicious a row is; a threshold flags the rows that score
at least as much, so rows of one score are flagged together:

- `auroc`: chance that a positive row scores more than a negative one, ties count one half (the area under the
  ROC curve, by the trapezoidal rule)
- `average_precision`: mean precision of the thresholds at the positive rows' scores, each weighted by the
  recall that it adds, without interpolation
- `fpr_at_95_tpr`: smallest false positive rate of a threshold whose true positive rate is 0.95 or more
- `tpr_at_5_fpr`: greatest true positive rate of a threshold whose false positive rate is 0.05 or less; 0
  where that flags nothing

Intervals are of the hierarchical bootstrap: seeds are drawn with replacement, in each drawn seed its rows
are, those that are to be found and the others apart (Davison & Hinkley 1997, section 3.8), and the interval
is between percentiles of the resampled means (Efron & Tibshirani 1993, chapter 13). What is drawn does not
depend on the detector, so detectors can be compared by the differences of their resampled figures. Nor do the
seeds and the other rows depend on what is to be found: the experiments of a setting share their clean images,
and a mean over them does not take these for independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layeraudit.statistics import CONFIDENCE_LEVEL

QUANTITIES = ("auroc", "average_precision", "fpr_at_95_tpr", "tpr_at_5_fpr")

SENSITIVITY = 0.95
"""The true positive rate at which false positives are counted."""

FALSE_ALARMS = 0.05
"""The false positive rate at which true positives are counted."""

RESAMPLES = 1000

CHUNK = 32
"""So many resamples of a seed are held at once; with more, their counts leave the processor's cache."""

BETWEEN_SEEDS_AND_ROWS = "hierarchical bootstrap over seeds and rows"
BETWEEN_ROWS = "bootstrap over rows of the one seed"


@dataclass(frozen=True)
class BenchExperiment:
    """The scores that detectors give to the same rows, in some seeds of one experiment.

    Attributes
    ----------
    setting : data and network
    kind : poison, or input, that is to be found there
    detectors : their names
    seeds : in ascending order
    seeds_of_setting : the seeds of all experiments of the setting, in ascending order
    scores : float64 [detectors, n] of each seed, larger is more suspicious
    positive : bool [n] of each seed, which rows are to be found; some are and some are not
    """

    setting: str
    kind: str
    detectors: tuple[str, ...]
    seeds: tuple[int, ...]
    seeds_of_setting: tuple[int, ...]
    scores: tuple[NDArray[np.float64], ...]
    positive: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Ranking:
    """Scores that were sorted once, to be measured under many weightings.

    Attributes
    ----------
    positives, negatives : int64 [positive rows], int64 [negative rows], most suspicious first
    starts : int64 [levels], where in `positives` each different score begins
    above, flagged : int64 [levels], how many negatives score more than that, and at least that
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    starts: NDArray[np.int64]
    above: NDArray[np.int64]
    flagged: NDArray[np.int64]


def rank_rows(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Ranking:
    """Sort rows by their scores, float64 [n] without NaN: the positive, bool [n], and the others apart."""
    descending = np.argsort(-scores, kind="stable")
    positives, negatives = descending[positive[descending]], descending[~positive[descending]]
    levels, starts = np.unique(-scores[positives], return_index=True)
    above, flagged = (np.searchsorted(-scores[negatives], levels, side) for side in ("left", "right"))
    return Ranking(positives, negatives, starts, above, flagged)


def measure_ranking(
    ranking: Ranking, weights: NDArray[np.integer[Any]], quantities: Sequence[str] = QUANTITIES
) -> dict[str, NDArray[np.float64]]:
    """Measure how well a score finds the positive rows, under each of many weightings of the rows.

    A weighting is as if each row were there so many times. All figures follow from how many positives and
    negatives are flagged at the scores of the positives.

    Parameters
    ----------
    ranking : of n rows, see `rank_rows`
    weights : integers [resamples, n], not negative

    Returns
    -------
    Of each quantity float64 [resamples]; NaN where no positive or no negative has a weight
    """
    figures = {quantity: np.full(len(weights), np.nan) for quantity in quantities}
    if not len(ranking.positives) or not len(ranking.negatives):
        return figures
    # Rows of one weight each come first in memory, where resamples side by side are summed together.
    of_rows = weights.T
    positives = np.add.reduceat(of_rows[ranking.positives], ranking.starts, axis=0, dtype=np.int32)
    found = np.cumsum(positives, axis=0, dtype=np.int32)
    sums = np.zeros((len(ranking.negatives) + 1, len(weights)), dtype=np.int32)
    np.cumsum(of_rows[ranking.negatives], axis=0, out=sums[1:])
    flagged = sums[ranking.flagged]
    n_positive, n_negative = found[-1], sums[-1]
    usable = (n_positive > 0) & (n_negative > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if "auroc" in figures:
            passed_twice = 2 * n_negative - sums[ranking.above] - flagged
            pairs = np.einsum("ij,ij->j", positives, passed_twice, dtype=np.float64)
            figures["auroc"][:] = pairs / n_positive / n_negative / 2
        if "average_precision" in figures:
            precision = found / np.maximum(found + flagged, 1)
            figures["average_precision"][:] = (positives * precision).sum(axis=0) / n_positive
        if "fpr_at_95_tpr" in figures:
            first = (found / n_positive >= SENSITIVITY).argmax(axis=0)
            figures["fpr_at_95_tpr"][:] = np.take_along_axis(flagged, first[np.newaxis], 0)[0] / n_negative
        if "tpr_at_5_fpr" in figures:
            most = np.where(flagged / n_negative <= FALSE_ALARMS, found, 0).max(axis=0)
            figures["tpr_at_5_fpr"][:] = most / n_positive
    for values in figures.values():
        values[~usable] = np.nan
    return figures


def measure_scores(
    scores: NDArray[np.float64],
    positive: NDArray[np.bool_],
    weights: NDArray[np.integer[Any]] | None = None,
    quantities: Sequence[str] = QUANTITIES,
) -> dict[str, NDArray[np.float64]]:
    """Measure how well scores find the positive rows, see `rank_rows` and `measure_ranking`.

    Without weights every row counts once: float64 [1] of each quantity.
    """
    weights = np.ones((1, len(scores)), dtype=np.int64) if weights is None else weights
    return measure_ranking(rank_rows(scores, positive), weights, quantities)


def measure_experiment(
    experiment: BenchExperiment, quantities: Sequence[str] = QUANTITIES
) -> dict[str, NDArray[np.float64]]:
    """Measure every detector of an experiment in every seed: of each quantity float64 [detectors, seeds]."""
    figures = {
        quantity: np.empty((len(experiment.detectors), len(experiment.seeds))) for quantity in quantities
    }
    for seed, (scores, positive) in enumerate(zip(experiment.scores, experiment.positive, strict=True)):
        for detector, of_detector in enumerate(scores):
            for quantity, values in measure_scores(of_detector, positive, quantities=quantities).items():
                figures[quantity][detector, seed] = values[0]
    return figures


def resample_experiment(
    experiment: BenchExperiment,
    bench: str,
    quantities: Sequence[str] = QUANTITIES,
    *,
    resamples: int = RESAMPLES,
) -> dict[str, NDArray[np.float64]]:
    """Resample the mean over seeds of every detector's figures: the hierarchical bootstrap.

    The seeds that are drawn depend on bench and setting alone, the negative rows on the seed's number too,
    and the positive ones also on the kind. A drawn seed that the experiment lacks does not count in the mean.

    Returns
    -------
    Of each quantity float64 [detectors, resamples]; NaN where no drawn seed has a figure
    """
    shape = len(experiment.detectors), resamples, len(experiment.seeds_of_setting)
    figures = {quantity: np.full(shape, np.nan) for quantity in quantities}
    drawn = _generator(bench, experiment.setting).integers(shape[-1], size=shape[1:])
    for seed, scores, positive in zip(experiment.seeds, experiment.scores, experiment.positive, strict=True):
        rankings = [rank_rows(of_detector, positive) for of_detector in scores]
        of_others = _generator(bench, experiment.setting, seed)
        of_positives = _generator(bench, experiment.setting, seed, experiment.kind)
        places = np.argwhere(drawn == experiment.seeds_of_setting.index(seed))
        for start in range(0, len(places), CHUNK):
            chosen = places[start : start + CHUNK]
            weights = np.empty((len(chosen), len(positive)), dtype=np.int32)
            for rows, generator in [(~positive, of_others), (positive, of_positives)]:
                weights[:, rows] = draw_weights(int(rows.sum()), len(chosen), generator)
            for detector, ranking in enumerate(rankings):
                for quantity, values in measure_ranking(ranking, weights, quantities).items():
                    figures[quantity][detector, chosen[:, 0], chosen[:, 1]] = values
    return {quantity: _mean_of_known(values) for quantity, values in figures.items()}


def draw_weights(n: int, resamples: int, generator: np.random.Generator) -> NDArray[np.int32]:
    """Draw n of n rows with replacement, and return how often each was: int32 [resamples, n]."""
    rows = generator.integers(n, size=(resamples, n))
    places = rows * resamples + np.arange(resamples)[:, np.newaxis]
    counts = np.bincount(places.ravel(), minlength=n * resamples).astype(np.int32)
    return counts.reshape(n, resamples).T


def interval_of_resamples(resampled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the percentile interval of resampled figures, float64 [..., resamples]: float64 [2, ...].

    Resamples that have no figure (NaN) do not count; without any, both ends are NaN.
    """
    tail = (1 - CONFIDENCE_LEVEL) / 2
    ends = np.full((2, *resampled.shape[:-1]), np.nan)
    known = ~np.isnan(resampled).all(axis=-1)
    ends[:, known] = np.nanquantile(resampled[known], [tail, 1 - tail], axis=-1)
    return ends


def name_interval(n_seeds: int) -> str:
    """Return over what the interval of a resampled figure is."""
    return BETWEEN_SEEDS_AND_ROWS if n_seeds > 1 else BETWEEN_ROWS


def _mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=-1) / known.sum(axis=-1))


def _generator(*key: str | int) -> np.random.Generator:
    """Make the generator that belongs to some names and numbers, the same on every machine."""
    return np.random.default_rng(list("/".join(map(str, key)).encode()))
