"""Intervals and tests over seeds, in closed form."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.special import gamma

from layeraudit.statistics import (
    average_over_seeds,
    figure_over_seeds,
    interval_of_mean,
    interval_of_share,
    mean_above,
    mean_equals,
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
    bounds = {"*_points": (-np.inf, np.inf)}
    table = average_over_seeds(by_seed, ["group", "quantity"], bounds, ["n_points", "n_poison"])
    half = 12.706204736432095 * np.sqrt(50) / np.sqrt(2)  # t(0.975, 1) of the tables; -5 and 5 vary by 50
    assert table.to_dict("list") == {
        "group": ["b", "b", "a"],
        "quantity": ["share", "net_points", "share"],
        "value": [0.5, 0.0, 0.5],
        "ci95_low": [0.0, pytest.approx(-half), pytest.approx(np.nan, nan_ok=True)],
        "ci95_high": [1.0, pytest.approx(half), pytest.approx(np.nan, nan_ok=True)],
        "n_points": [7, 14, 2],
        "n_poison": [4, 2, 1],
        "n_seeds": [2, 2, 1],
    }


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
