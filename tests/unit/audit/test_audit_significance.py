"""Error control against its definitions: every p-value, every set of rows, every share is a fraction."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from layeraudit.audit.significance import (
    LEVEL,
    PValues,
    compute_p_values,
    count_calibration_rows_to_flag,
    count_false_nulls,
    count_fewest_flaggable,
    flag_rows,
)

LEVELS = st.sampled_from([Fraction(1, 20), Fraction(1, 5), Fraction(1, 2)])


@st.composite
def p_values(draw, *, most=10):
    m = draw(st.integers(0, 60))
    numerators = draw(st.lists(st.integers(1, m + 1), min_size=1, max_size=most))
    return PValues(np.array(numerators), m + 1)


def test_a_p_value_counts_calibration_rows_that_score_as_much() -> None:
    p = compute_p_values(np.array([0.9, 0.5, 0.1, 0.3]), np.array([0.5, 0.1, 0.3]))
    assert p.numerator.tolist() == [1, 2, 4, 3]
    assert p.values.tolist() == [1 / 4, 2 / 4, 4 / 4, 3 / 4]


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5), min_size=1))
def test_ties_count_against_the_row(calibration, scores) -> None:
    p = compute_p_values(np.array(scores, float), np.array(calibration, float))
    assert p.numerator.tolist() == [1 + sum(other >= score for other in calibration) for score in scores]
    assert p.denominator == 1 + len(calibration)


def test_p_values_of_exchangeable_rows_are_uniform() -> None:
    generator = np.random.default_rng(0)
    drawn = generator.random((2000, 20))
    ranks = [compute_p_values(row[:1], row[1:]).numerator[0] for row in drawn]
    assert stats.chisquare(np.bincount(ranks, minlength=21)[1:]).pvalue > 0.01


@given(p_values(), LEVELS)
def test_flagged_rows_are_those_of_benjamini_and_hochberg(p, level) -> None:
    exact = sorted(Fraction(int(numerator), p.denominator) for numerator in p.numerator)
    passing = [value for rank, value in enumerate(exact, 1) if value <= rank * level / len(p)]
    expected = [Fraction(int(of), p.denominator) <= max(passing, default=0) for of in p.numerator]
    assert flag_rows(p, level).tolist() == expected


@given(p_values())
def test_flagged_rows_are_scipys_where_no_p_value_lies_on_a_bound(p) -> None:
    adjusted = stats.false_discovery_control(p.values)
    clear = ~np.isclose(adjusted, float(LEVEL))
    assert (flag_rows(p) == (adjusted <= float(LEVEL)))[clear].all()


@pytest.mark.parametrize(("n", "m", "fewest"), [(60_000, 750, 1598), (60_000, 10_000, 120), (20, 19, 20)])
def test_the_fewest_that_can_be_flagged(n, m, fewest) -> None:
    assert count_fewest_flaggable(n, m) == fewest
    for count in (fewest - 1, fewest):
        p = PValues(np.where(np.arange(n) < count, 1, m + 1), m + 1)
        assert flag_rows(p).sum() == (count if count >= fewest else 0)


def test_with_few_calibration_rows_none_can_be_flagged() -> None:
    assert count_fewest_flaggable(100, 10) == 182
    assert not flag_rows(PValues(np.ones(100, np.int64), 11)).any()


@given(st.integers(1, 300), st.integers(1, 40), LEVELS)
def test_calibration_rows_that_it_takes_to_flag_so_few(n, wrong, level) -> None:
    m = count_calibration_rows_to_flag(n, wrong, level)
    assert m == 0 or count_fewest_flaggable(n, m - 1, level) > wrong >= count_fewest_flaggable(n, m, level)


@given(p_values(), LEVELS)
def test_rows_at_least_are_wrong_where_any_is_flagged_and_only_there(p, level) -> None:
    assert (count_false_nulls(p, None, level) > 0) == flag_rows(p, level).any()


def is_rejected(numerators, denominator, level) -> bool:
    """Whether Simes' test rejects that all of these are true nulls."""
    ascending = sorted(Fraction(int(numerator), denominator) for numerator in numerators)
    return any(value <= rank * level / len(ascending) for rank, value in enumerate(ascending, 1))


def bound_by_all_sets(p, chosen, level) -> int:
    """Count the chosen rows, less the most of them that a set has which closed testing does not reject."""
    rows = range(len(p))
    sets = [set(of) for size in range(1, len(p) + 1) for of in combinations(rows, size)]
    kept = [of for of in sets if not is_rejected(p.numerator[sorted(of)], p.denominator, level)]
    # A set is rejected where every set that holds it is: not where it is part of one that is kept.
    return len(chosen) - max((len(of & set(chosen)) for of in kept), default=0)


@given(p_values(most=8), LEVELS, st.data())
def test_the_lower_bound_is_that_of_closed_testing_over_all_sets(p, level, data) -> None:
    rows = list(range(len(p)))
    chosen = data.draw(st.lists(st.sampled_from(rows), unique=True))
    assert count_false_nulls(p, level=level) == bound_by_all_sets(p, rows, level)
    assert count_false_nulls(p, np.array(chosen, np.int64), level) == bound_by_all_sets(p, chosen, level)


@pytest.mark.slow
@given(p_values(most=10))
def test_the_lower_bound_is_that_of_closed_testing_for_up_to_ten(p) -> None:
    assert count_false_nulls(p) == bound_by_all_sets(p, range(len(p)), LEVEL)


def test_a_single_row_counts_where_its_p_value_is_at_most_the_level() -> None:
    assert count_false_nulls(PValues(np.array([1]), 20)) == 1
    assert count_false_nulls(PValues(np.array([1]), 19)) == 0


def test_the_bound_holds_for_exchangeable_rows_with_some_that_are_not() -> None:
    generator = np.random.default_rng(1)
    too_high = 0
    for _ in range(400):
        scores = generator.normal(size=40)
        scores[:8] += 4
        p = compute_p_values(scores, generator.normal(size=400))
        bound = count_false_nulls(p)
        assert bound <= 8 or (too_high := too_high + 1)
    assert too_high <= 400 * 0.05 + 2 * np.sqrt(400 * 0.05 * 0.95)


def test_the_bound_grows_with_what_is_found_at_a_million_rows() -> None:
    generator = np.random.default_rng(2)
    scores = generator.normal(size=1_000_000)
    scores[:50_000] += 6
    p = compute_p_values(scores, generator.normal(size=10_000))
    assert 40_000 < count_false_nulls(p) <= 50_000
    assert 7_000 < count_false_nulls(p, np.arange(10_000)) <= 10_000
    assert count_false_nulls(p, np.arange(1000)) == 0  # 1,900 rows of the smallest p-value are no evidence
