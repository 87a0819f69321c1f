"""Intervals, tests over seeds, and verdicts on claims, in closed form."""

import warnings
from dataclasses import asdict, fields, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import mcnemar
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import gamma

from layeraudit.statistics import (
    BETWEEN_POINTS,
    BETWEEN_SEEDS,
    BETWEEN_SEEDS_OF_ONE_POOL,
    Claim,
    average_over_seeds,
    compare_pairs,
    figure_over_seeds,
    greatest_over_seeds,
    interval_of_mean,
    interval_of_share,
    judge_claims,
    least_corrected,
    mean_above,
    mean_equals,
    tabulate_claims,
)

T_OF_2 = 4.302652729911275  # t(0.975) with 2 degrees of freedom, of the tables


def share_of_t_above(t: float, df: int) -> float:
    """Integrate Student's density, as it stands in the books."""
    scale = gamma((df + 1) / 2) / (np.sqrt(df * np.pi) * gamma(df / 2))
    area, _ = integrate.quad(lambda x: scale * (1 + x**2 / df) ** (-(df + 1) / 2), t, np.inf)
    return area


def test_the_interval_of_a_mean_is_students() -> None:
    half = T_OF_2 * np.sqrt(13) / np.sqrt(3)  # 10, 12, 17 vary by 13
    assert interval_of_mean([10.0, 12.0, 17.0]) == pytest.approx((13 - half, 13 + half))


@pytest.mark.parametrize("sample", [[], [3.0]])
def test_without_two_values_a_mean_has_no_interval(sample: list[float]) -> None:
    assert np.isnan(interval_of_mean(sample)).all()


def test_equal_values_leave_an_interval_no_width() -> None:
    assert interval_of_mean([2.5, 2.5, 2.5]) == (2.5, 2.5)


def test_the_interval_of_a_share_is_wilsons() -> None:
    n, share, z = 10, 0.3, 1.959963984540054
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert interval_of_share(3, 10) == pytest.approx((centre - half, centre + half))


def test_the_interval_of_a_share_of_none_is_all_that_a_share_can_be() -> None:
    assert interval_of_share(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_holds_it_and_mirrors_its_complement(count_and_n: tuple[int, int]) -> None:
    count, n = count_and_n
    low, high = interval_of_share(count, n)
    assert 0 <= low <= count / n + 1e-9
    assert count / n - 1e-9 <= high <= 1
    assert interval_of_share(n - count, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_a_figure_is_the_mean_of_the_seeds_that_have_one() -> None:
    figure = figure_over_seeds([10.0, np.nan, 12.0, 17.0])
    half = T_OF_2 * np.sqrt(13) / np.sqrt(3)
    assert figure == {
        "value": pytest.approx(13),
        "ci95_low": pytest.approx(13 - half),
        "ci95_high": pytest.approx(13 + half),
        "n_seeds": 3,
    }


def test_the_interval_of_a_figure_is_cut_to_what_it_can_be() -> None:
    figure = figure_over_seeds([0.0, 0.5, 1.0], low=0.0, high=1.0)
    assert (figure["ci95_low"], figure["ci95_high"]) == (0.0, 1.0)


@pytest.mark.parametrize(("by_seed", "n_seeds"), [([np.nan, np.nan], 0), ([np.nan, 0.5], 1)])
def test_of_fewer_than_two_seeds_there_is_no_interval_and_no_warning(
    by_seed: list[float], n_seeds: int
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = figure_over_seeds(by_seed, low=0.0, high=1.0)
    assert np.isnan([figure["ci95_low"], figure["ci95_high"]]).all()
    assert figure["n_seeds"] == n_seeds
    assert figure["value"] == pytest.approx(0.5 if n_seeds else np.nan, nan_ok=True)


def test_over_what_an_interval_is_stands_beside_it_where_it_is_named() -> None:
    figure = figure_over_seeds([0.0, 1.0], interval=BETWEEN_SEEDS_OF_ONE_POOL)
    assert list(figure) == ["value", "ci95_low", "ci95_high", "interval", "n_seeds"]
    assert figure["interval"] == BETWEEN_SEEDS_OF_ONE_POOL


def test_a_table_of_means_has_a_row_a_figure_over_the_seeds_that_have_it() -> None:
    by_seed = pd.DataFrame(
        [
            ("b", "share", 0.0, 3, 2),
            ("b", "share", 1.0, 4, 2),
            ("b", "net_points", -5.0, 7, 1),
            ("b", "net_points", 5.0, 7, 1),
            ("a", "share", np.nan, 9, 4),
            ("a", "share", 0.5, 2, 1),
        ],
        columns=["group", "quantity", "value", "n_points", "n_poison"],
    )
    table = average_over_seeds(
        by_seed, ["group", "quantity"], {"*_points": (-np.inf, np.inf)}, interval="t", more={"n_poison": sum}
    )
    half = 12.706204736432095 * np.sqrt(50) / np.sqrt(2)  # t(0.975, 1) of the tables; -5 and 5 vary by 50
    assert table.to_dict("list") == {
        "group": ["b", "b", "a"],
        "quantity": ["share", "net_points", "share"],
        "value": [0.5, 0.0, 0.5],
        "ci95_low": [0.0, pytest.approx(-half), pytest.approx(np.nan, nan_ok=True)],
        "ci95_high": [1.0, pytest.approx(half), pytest.approx(np.nan, nan_ok=True)],
        "interval": ["t"] * 3,
        "n_points": [7, 14, 2],
        "n_seeds": [2, 2, 1],
        "n_poison": [4, 2, 5],
    }


def test_what_is_to_show_once_has_the_least_p_times_their_number() -> None:
    assert least_corrected([0.3, 0.01, 0.9]) == pytest.approx(0.03)
    assert least_corrected([0.9, 0.8]) == 1.0
    assert np.isnan(least_corrected([]))


def test_the_test_of_a_mean_is_students() -> None:
    t = (13 - 9) / (np.sqrt(13) / np.sqrt(3))
    p_above, p_below = mean_above([10.0, 12.0, 17.0], 9.0)
    assert p_above == pytest.approx(share_of_t_above(t, df=2))
    assert p_below == pytest.approx(1 - p_above)


def test_the_directions_of_a_test_mirror_each_other() -> None:
    assert mean_above([-10.0, -12.0, -17.0], -9.0) == pytest.approx(mean_above([10.0, 12.0, 17.0], 9.0)[::-1])


def test_one_seed_gives_no_p_value() -> None:
    assert np.isnan(mean_above([3.0], 0.0)).all()
    assert np.isnan(mean_equals([3.0], 3.0, 1.0)).all()


@pytest.mark.parametrize(("value", "p"), [(1.0, (0.25, 1.0)), (-1.0, (1.0, 0.25)), (0.0, (1.0, 1.0))])
def test_seeds_without_spread_are_judged_by_their_sign(value: float, p: tuple[float, float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mean_above([value, value], 0.0) == p
        assert mean_above([value + 0.1 + 0.2, value + 0.3], 0.3) == p


def test_a_mean_equals_a_figure_where_it_is_inside_the_margin_on_both_sides() -> None:
    standard_error = np.sqrt(13) / np.sqrt(3)
    p_for, p_against = mean_equals([10.0, 12.0, 17.0], reported=12.0, margin=5.0)
    to_low, to_high = ((13 - 7) / standard_error, (17 - 13) / standard_error)
    assert p_for == pytest.approx(max(share_of_t_above(to_low, 2), share_of_t_above(to_high, 2)))
    assert p_against == 1.0  # twice a p of more than a half, cut


def test_a_mean_far_from_a_figure_differs_from_it() -> None:
    p_for, p_against = mean_equals([10.0, 12.0, 17.0], reported=100.0, margin=5.0)
    t = (95 - 13) / (np.sqrt(13) / np.sqrt(3))
    assert p_against == pytest.approx(2 * share_of_t_above(t, 2))
    assert p_for == pytest.approx(1 - share_of_t_above(t, 2))


def test_a_wider_margin_is_met_more_easily() -> None:
    p_values = [mean_equals([10.0, 12.0, 17.0], 12.0, margin)[0] for margin in (2.0, 5.0, 20.0)]
    assert all(wider < narrower for narrower, wider in pairwise(p_values))


def claim(name: str, p_for: float, p_against: float, **changes: Any) -> Claim:
    known = Claim(
        claim=name,
        source="a paper",
        words="it is so",
        reported="",
        quantity="a figure",
        value=1.0,
        ci95_low=0.0,
        ci95_high=2.0,
        n_points=10,
        n_seeds=3,
        test="a test",
        p_for=p_for,
        p_against=p_against,
        where="results/a.csv",
    )
    return replace(known, **changes)


def test_a_table_of_claims_has_a_row_each_and_their_attributes_as_columns() -> None:
    first, second = claim("first", 0.1, 0.9, bound=1.0), claim("second", 0.2, 0.8, bound=0.5)
    table = tabulate_claims([first, second])
    assert table.columns.tolist() == [field.name for field in fields(Claim)]
    assert table.to_dict("records") == [asdict(first), asdict(second)]
    assert table["interval"].tolist() == [BETWEEN_SEEDS, BETWEEN_SEEDS]
    assert BETWEEN_POINTS != BETWEEN_SEEDS


def judge(*p_values: tuple[float, float]) -> pd.DataFrame:
    return judge_claims(tabulate_claims(claim(str(i), *p) for i, p in enumerate(p_values)))


def test_both_p_values_of_all_claims_are_corrected_together_by_holm() -> None:
    judged = judge((0.01, 0.9), (0.5, 0.012), (0.03, 0.04))
    # Sorted: 0.01, 0.012, 0.03, 0.04, 0.5, 0.9, times 6 to 1; none below one before it, none above 1.
    assert judged["p_for_holm"].tolist() == pytest.approx([0.06, 1.0, 0.12])
    assert judged["p_against_holm"].tolist() == pytest.approx([1.0, 0.06, 0.12])
    assert judged["verdict"].tolist() == ["cannot tell"] * 3
    assert judged.columns.tolist()[-4:] == ["p_for_holm", "p_against_holm", "verdict", "where"]


def test_a_claim_holds_or_does_not_or_the_data_cannot_tell() -> None:
    judged = judge((0.001, 0.999), (0.999, 0.001), (0.3, 0.7))
    assert judged["verdict"].tolist() == ["holds", "does not hold", "cannot tell"]


def test_a_verdict_takes_a_corrected_p_below_the_level() -> None:
    assert judge((0.024, 1.0))["verdict"].tolist() == ["holds"]  # 0.024 * 2 = 0.048
    assert judge((0.025, 1.0))["verdict"].tolist() == ["cannot tell"]  # 0.05 is not below 0.05


def test_tests_that_contradict_each_other_tell_nothing() -> None:
    assert judge((0.001, 0.001))["verdict"].tolist() == ["cannot tell"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "of_these_networks"),
    [
        ({}, False),  # seeds are the unit of its test
        ({"bound": -0.1}, False),
        ({"bound": 2.1}, False),
        ({"bound": 0.5}, True),
        ({"bound": 0.0}, True),  # the end of the interval
        ({"bound": 3.0, "ci95_low": np.nan, "ci95_high": np.nan}, True),
        ({"bound": 2.1, "interval": BETWEEN_SEEDS_OF_ONE_POOL}, False),
        ({"bound": 2.1, "interval": BETWEEN_POINTS}, True),  # over seeds there is none
        ({"interval": BETWEEN_POINTS}, True),
    ],
)
def test_where_points_decide_and_the_interval_over_seeds_does_not_the_verdict_says_so(
    changes: dict[str, Any], of_these_networks: bool
) -> None:
    p_values = {"holds": (0.001, 0.999), "does not hold": (0.999, 0.001), "cannot tell": (0.4, 0.6)}
    claims = tabulate_claims(claim(name, *p, **changes) for name, p in p_values.items())
    tail = " for these networks" if of_these_networks else ""
    verdicts = judge_claims(claims)["verdict"].tolist()
    assert verdicts == [f"holds{tail}", f"does not hold{tail}", "cannot tell"]


def test_what_says_where_a_claim_is_from_stays_last() -> None:
    claims = tabulate_claims([claim("a", 0.1, 0.9)]).assign(run="variant small")
    assert judge_claims(claims).columns.tolist()[-3:] == ["verdict", "where", "run"]


def test_a_claim_that_cannot_be_tested_counts_as_tested_and_is_not_judged() -> None:
    judged = judge((0.02, 1.0), (np.nan, np.nan))
    assert judged["p_for_holm"].tolist() == pytest.approx([0.08, 1.0])
    assert judged["verdict"].tolist() == ["cannot tell", "cannot tell"]


def test_what_is_to_show_in_every_seed_has_the_greatest_p_of_those_that_there_are() -> None:
    assert greatest_over_seeds([0.01, np.nan, 0.3]) == 0.3
    assert np.isnan(greatest_over_seeds([np.nan]))
    assert np.isnan(greatest_over_seeds([]))


@given(above=st.integers(0, 40), below=st.integers(0, 40), same=st.integers(1, 5))
def test_of_yes_and_no_the_points_that_differ_are_compared_as_throws_of_a_coin(
    above: int, below: int, same: int
) -> None:
    differences = [1.0] * above + [-1.0] * below + [0.0] * same
    assert compare_pairs(differences) == pytest.approx(mcnemar(above, below))


def test_of_points_that_do_not_differ_nothing_is_shown() -> None:
    assert compare_pairs([0.0, 0.0]) == compare_pairs([0.0]) == (1.0, 1.0)
    assert np.isnan(compare_pairs([])).all()


def test_of_other_differences_the_ranks_are_compared_under_all_their_signs() -> None:
    differences = np.array([0.9, -0.2, 0.5, 0.8, 0.0, -0.1, 0.4, 0.7, 0.3])
    ranks = np.abs(differences[differences != 0]).argsort().argsort() + 1
    observed = ranks[differences[differences != 0] > 0].sum()
    sums = np.array([np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))])
    p_more, p_less = compare_pairs(differences)
    assert p_more == pytest.approx((sums >= observed).mean())
    assert p_less == pytest.approx((sums <= observed).mean())
    assert compare_pairs(-differences) == pytest.approx((p_less, p_more))
    # Of many with ties the distribution is taken for a normal one, which is not far off.
    many = np.concatenate([differences, [-0.6, 1.0, 1.2, 1.1, 0.1, -0.2, 0.3]])
    approximate, exact = compare_pairs(many), compare_pairs(np.sign(many) * (np.abs(many) > 0))
    assert approximate[0] < 0.05
    assert approximate[0] + approximate[1] == pytest.approx(1, abs=0.01)
    assert exact == pytest.approx(mcnemar(11, 4))
