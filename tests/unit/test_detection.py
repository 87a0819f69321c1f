"""Detection figures and their intervals: closed form, scikit-learn, brute force, and coverage."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from layeraudit import detection
from layeraudit.detection import (
    BETWEEN_ROWS,
    BETWEEN_SEEDS_AND_ROWS,
    CHUNK,
    QUANTITIES,
    BenchExperiment,
    draw_weights,
    interval_of_resamples,
    measure_experiment,
    measure_scores,
    name_interval,
    resample_experiment,
)

EIGHTHS = 2
"""Scores are rounded to so many parts of one, which makes ties."""


def make_experiment(
    *scores_of_seeds: NDArray[np.float64],
    positive: NDArray[np.bool_],
    setting: str = "mnist",
    kind: str = "badnets",
    numbers: Sequence[int] = (),
    seeds_of_setting: Sequence[int] = (),
) -> BenchExperiment:
    detectors, seeds = len(scores_of_seeds[0]), len(scores_of_seeds)
    return BenchExperiment(
        setting,
        kind,
        tuple(f"detector{number}" for number in range(detectors)),
        tuple(numbers or range(1, seeds + 1)),
        tuple(seeds_of_setting or numbers or range(1, seeds + 1)),
        scores_of_seeds,
        (positive,) * seeds,
    )


def sample_scores(
    generator: np.random.Generator, *, n: int = 60, shift: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Draw scores with ties, of which a third belong to positives and lie higher."""
    positive = np.arange(n) < n // 3
    scores = np.round(EIGHTHS * (generator.normal(size=n) + shift * positive)) / EIGHTHS
    return scores, positive


def measure_by_thresholds(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.int64]
) -> dict[str, float]:
    """Measure by pairs of rows and by every threshold, each row repeated as often as it weighs."""
    scores, positive = np.repeat(scores, weights), np.repeat(positive, weights)
    found, others = scores[positive], scores[~positive]
    pairs = [float(a > b) + 0.5 * float(a == b) for a in found for b in others]
    thresholds = [np.inf, *sorted(set(scores), reverse=True)]
    rates = [((found >= t).mean(), (others >= t).mean()) for t in thresholds]
    precision = [positive[scores >= t].mean() if (scores >= t).any() else 1.0 for t in thresholds]
    gains = [after[0] - before[0] for before, after in pairwise(rates)]
    return {
        "auroc": float(np.mean(pairs)),
        "average_precision": float(np.dot(gains, precision[1:])),
        "fpr_at_95_tpr": min(fpr for tpr, fpr in rates if tpr >= 0.95),
        "tpr_at_5_fpr": max(tpr for tpr, fpr in rates if fpr <= 0.05),
    }


def test_figures_of_four_rows() -> None:
    positive = np.array([True, False, True, False])
    figures = measure_scores(np.array([4.0, 3.0, 2.0, 1.0]), positive)
    # Pairs won: 2 of 2 and 1 of 2; precision 1 at the first positive, 2/3 at the second.
    assert figures["auroc"] == pytest.approx([3 / 4])
    assert figures["average_precision"] == pytest.approx([(1 + 2 / 3) / 2])
    assert figures["fpr_at_95_tpr"] == pytest.approx([1 / 2])
    assert figures["tpr_at_5_fpr"] == pytest.approx([1 / 2])


def test_ties_count_one_half_and_are_flagged_together() -> None:
    figures = measure_scores(np.zeros(10), np.arange(10) < 3)
    assert {quantity: values[0] for quantity, values in figures.items()} == pytest.approx(
        {"auroc": 0.5, "average_precision": 0.3, "fpr_at_95_tpr": 1.0, "tpr_at_5_fpr": 0.0}
    )


def test_a_perfect_score_and_its_opposite() -> None:
    positive = np.arange(50) % 5 == 0
    perfect = measure_scores(positive.astype(float), positive)
    assert {quantity: values[0] for quantity, values in perfect.items()} == {
        "auroc": 1.0,
        "average_precision": 1.0,
        "fpr_at_95_tpr": 0.0,
        "tpr_at_5_fpr": 1.0,
    }
    assert measure_scores(-positive.astype(float), positive)["auroc"] == [0.0]


def test_a_true_positive_rate_of_just_095_is_enough() -> None:
    # 19 of 20 positives score above all negatives, the last below them.
    positive = np.arange(40) < 20
    scores = np.where(positive, 2.0, 1.0)
    scores[0] = 0.0
    assert measure_scores(scores, positive)["fpr_at_95_tpr"] == [0.0]
    scores[1] = 0.0
    assert measure_scores(scores, positive)["fpr_at_95_tpr"] == [1.0]


def test_a_false_positive_rate_of_just_005_is_allowed() -> None:
    positive = np.arange(40) >= 20
    scores = np.where(positive, 1.0, 0.0)
    scores[0] = 2.0
    assert measure_scores(scores, positive)["tpr_at_5_fpr"] == [1.0]
    scores[1] = 2.0
    assert measure_scores(scores, positive)["tpr_at_5_fpr"] == [0.0]


def test_infinite_scores_are_scores() -> None:
    positive = np.array([True, True, False, False])
    assert measure_scores(np.array([np.inf, 0.0, 0.0, -np.inf]), positive)["auroc"] == pytest.approx([7 / 8])


@pytest.mark.parametrize("seed", range(8))
def test_weighted_figures_agree_with_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores, positive = sample_scores(generator)
    weights = draw_weights(len(scores), 20, generator)
    figures = measure_scores(scores, positive, weights)
    for name, of_scikit_learn in [
        ("auroc", roc_auc_score),
        ("average_precision", average_precision_score),
    ]:
        expected = [of_scikit_learn(positive, scores, sample_weight=row) for row in weights]
        assert figures[name] == pytest.approx(expected, abs=1e-12)


few = st.integers(2, 12)
small_cases = few.flatmap(
    lambda n: st.tuples(
        arrays.arrays(np.float64, n, elements=st.integers(-2, 2).map(float)),
        arrays.arrays(np.bool_, n),
        arrays.arrays(np.int64, n, elements=st.integers(0, 3)),
    )
)


@given(small_cases)
def test_weighted_figures_are_those_of_repeated_rows(
    case: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]],
) -> None:
    scores, positive, weights = case
    figures = measure_scores(scores, positive, weights[np.newaxis])
    got = {quantity: values[0] for quantity, values in figures.items()}
    if weights[positive].sum() and weights[~positive].sum():
        assert got == pytest.approx(measure_by_thresholds(scores, positive, weights))
    else:
        assert all(np.isnan(value) for value in got.values())


@given(small_cases)
def test_only_the_order_of_scores_counts(
    case: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]],
) -> None:
    scores, positive, weights = case
    figures, stretched = (
        measure_scores(values, positive, weights[np.newaxis]) for values in (scores, np.exp(3 * scores))
    )
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(figures[quantity], stretched[quantity])


@given(small_cases)
def test_auroc_of_the_opposite_score(
    case: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]],
) -> None:
    scores, positive, weights = case
    both = [measure_scores(sign * scores, positive, weights[np.newaxis])["auroc"] for sign in (1, -1)]
    np.testing.assert_allclose(both[0], 1 - both[1])


def test_weights_are_rows_drawn_with_replacement() -> None:
    weights = draw_weights(7, 3000, np.random.default_rng(0))
    assert weights.shape == (3000, 7)
    assert (weights.sum(axis=1) == 7).all()
    # Each count is binomial, of 7 draws with a chance of 1/7.
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)
    assert weights.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.1)


@pytest.mark.slow
def test_resampling_one_seed_is_the_bootstrap_of_its_rows() -> None:
    scores, positive = sample_scores(np.random.default_rng(3), n=300)
    experiment = make_experiment(scores[np.newaxis], positive=positive)
    resampled = resample_experiment(experiment, "poison")["auroc"][0]

    generator = np.random.default_rng(4)
    drawn = [generator.integers(300, size=300) for _ in range(1000)]
    by_hand = [roc_auc_score(positive[rows], scores[rows]) for rows in drawn]
    assert resampled.mean() == pytest.approx(np.mean(by_hand), abs=0.005)
    assert resampled.std() == pytest.approx(np.std(by_hand), rel=0.1)


def test_resampled_seeds_vary_as_seeds_and_rows_do() -> None:
    # One seed finds all and one nothing: a mean of two drawn is 0, 1/2 or 1, with chances 1/4, 1/2, 1/4.
    positive = np.arange(40) < 20
    perfect = positive.astype(float)[np.newaxis]
    resampled = resample_experiment(make_experiment(perfect, -perfect, positive=positive), "poison")["auroc"][
        0
    ]
    shares = [(resampled == value).mean() for value in (0, 0.5, 1)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.05)


def test_seeds_are_drawn_alike_in_all_experiments_of_a_setting() -> None:
    positive = np.arange(40) < 20
    perfect = positive.astype(float)[np.newaxis]
    of_kinds = [
        resample_experiment(make_experiment(perfect, -perfect, positive=positive, kind=kind), "poison")[
            "auroc"
        ]
        for kind in ("badnets", "blended")
    ]
    np.testing.assert_array_equal(*of_kinds)
    elsewhere = make_experiment(perfect, -perfect, positive=positive, setting="fashion")
    assert (resample_experiment(elsewhere, "poison")["auroc"] != of_kinds[0]).any()


def test_a_detectors_resamples_do_not_depend_on_the_others() -> None:
    generator = np.random.default_rng(5)
    positive = np.arange(60) < 20
    three = [generator.normal(size=(3, 60)) + positive for _ in range(3)]
    together = resample_experiment(make_experiment(*three, positive=positive), "poison")
    alone = resample_experiment(
        make_experiment(*(scores[1:2] for scores in three), positive=positive), "poison"
    )
    for quantity in QUANTITIES:
        np.testing.assert_array_equal(together[quantity][1:2], alone[quantity])


@pytest.mark.parametrize("chunk", [1, 7, CHUNK, 5000])
def test_the_chunk_size_changes_only_which_rows_are_drawn(
    monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(detection, "CHUNK", chunk)
    scores, positive = sample_scores(np.random.default_rng(6))
    resampled = resample_experiment(make_experiment(scores[np.newaxis], positive=positive), "poison")["auroc"]
    assert resampled.shape == (1, 1000)
    assert resampled.mean() == pytest.approx(roc_auc_score(positive, scores), abs=0.01)


def test_resamples_keep_the_number_of_positives() -> None:
    positive = np.arange(10) == 0
    scores = np.arange(10.0, 0.0, -1.0)[np.newaxis]
    resampled = resample_experiment(make_experiment(scores, positive=positive), "poison")
    assert (resampled["auroc"] == 1).all()
    # Of one positive that is the most suspicious each threshold that finds it is precise.
    assert (resampled["average_precision"] == 1).all()


def test_drawn_seeds_that_are_missing_do_not_count() -> None:
    positive = np.arange(10) < 5
    scores = positive.astype(float)[np.newaxis]
    experiment = make_experiment(scores, positive=positive, numbers=[2], seeds_of_setting=[1, 2])
    resampled = resample_experiment(experiment, "poison")["auroc"]
    # Two seeds are drawn of two, and neither is the second with chance 1/4.
    assert np.isnan(resampled).mean() == pytest.approx(0.25, abs=0.05)
    assert interval_of_resamples(resampled)[:, 0] == pytest.approx([1, 1])


def test_experiments_of_a_setting_share_resampled_negatives() -> None:
    """A score that all positives pass alike has an area that the clean rows alone decide."""
    generator = np.random.default_rng(11)
    positive = np.arange(90) >= 60
    clean = generator.normal(size=60)
    of_kinds = []
    for kind in ("fgsm", "rotated"):
        scores = np.concatenate([clean, np.full(30, 0.3)])[np.newaxis]
        experiment = make_experiment(scores, scores, positive=positive, kind=kind)
        of_kinds.append(resample_experiment(experiment, "evasion", ["auroc"])["auroc"])
    np.testing.assert_array_equal(*of_kinds)
    assert of_kinds[0].std() > 0.01


def test_without_a_resample_that_counts_there_is_no_interval() -> None:
    resampled = np.array([[np.nan] * 3, [1.0, np.nan, 1.0]])
    np.testing.assert_array_equal(interval_of_resamples(resampled), [[np.nan, 1], [np.nan, 1]])


def test_of_one_seed_the_interval_is_over_rows_alone() -> None:
    assert name_interval(1) == BETWEEN_ROWS
    assert name_interval(2) == BETWEEN_SEEDS_AND_ROWS


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_the_interval_of_auroc_lies_within_0_and_1(seed: int, seeds: int) -> None:
    generator = np.random.default_rng(seed)
    positive = np.arange(60) < 20
    scores = [sample_scores(generator, shift=generator.normal())[0][np.newaxis] for _ in range(seeds)]
    experiment = make_experiment(*scores, positive=positive)
    ((value,),) = measure_experiment(experiment, ["auroc"])["auroc"].mean(axis=1, keepdims=True)
    low, high = interval_of_resamples(resample_experiment(experiment, "poison", ["auroc"])["auroc"])[:, 0]
    assert 0 <= low <= value <= high <= 1


def test_a_random_score_has_an_area_of_one_half_on_average() -> None:
    generator = np.random.default_rng(7)
    positive = np.arange(200) < 20
    areas = [measure_scores(generator.random(200), positive)["auroc"][0] for _ in range(400)]
    # The variance of Mann and Whitney's statistic: (positives + negatives + 1) / (12 positives negatives).
    spread = np.sqrt(201 / (12 * 20 * 180))
    assert np.mean(areas) == pytest.approx(0.5, abs=4 * spread / np.sqrt(400))
    assert np.std(areas) == pytest.approx(spread, rel=0.15)


def cover(seeds: int, spread: float, repeats: int) -> float:
    """Give how often the interval holds the mean area of all seeds that there could be."""
    generator = np.random.default_rng(8)
    positive = np.arange(200) < 50
    shifts = generator.normal(1, spread, size=100_000)
    truth = stats.norm.cdf(shifts / np.sqrt(2)).mean()
    held = []
    for _ in range(repeats):
        scores = [
            (generator.normal(size=200) + generator.normal(1, spread) * positive)[np.newaxis]
            for _ in range(seeds)
        ]
        resampled = resample_experiment(make_experiment(*scores, positive=positive), "poison", ["auroc"])[
            "auroc"
        ]
        low, high = interval_of_resamples(resampled)[:, 0]
        held.append(low <= truth <= high)
    return float(np.mean(held))


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread", "least"), [(1, 0.0, 0.88), (5, 0.3, 0.80), (5, 0.05, 0.88)])
def test_coverage_of_the_interval(seeds: int, spread: float, least: float) -> None:
    # Of few seeds that differ much a percentile interval is too narrow, as the report says.
    assert least <= cover(seeds, spread, repeats=100)
