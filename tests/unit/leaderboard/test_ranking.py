"""Ranks of methods, tests of their differences, and the letters of those that cannot be told apart."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from hypothesis import given
from hypothesis import strategies as st
from networkx import Graph, find_cliques
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

from layeraudit.leaderboard.ranking import compare_methods, letter_groups

# Reading scores of five pupils (rows) after three lessons; ranks 1-3 by hand below.
LESSONS = pd.DataFrame(
    {
        "first": [9.0, 8.0, 7.0, 9.0, 6.0],
        "second": [7.0, 6.0, 8.0, 7.0, 5.0],
        "third": [4.0, 5.0, 3.0, 2.0, 4.0],
    }
)


def conover(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give Conover's p-values of all pairs from ranks [blocks, methods]: Conover 1999, section 5.8."""
    blocks, methods = ranks.shape
    sums = ranks.sum(axis=0)
    error = 2 * (blocks * (ranks**2).sum() - (sums**2).sum()) / ((blocks - 1) * (methods - 1))
    t = np.abs(sums[:, np.newaxis] - sums) / np.sqrt(error)
    return 2 * stats.t.sf(t, (blocks - 1) * (methods - 1))


def test_ranks_and_friedmans_test_of_five_blocks() -> None:
    compared = compare_methods(LESSONS)
    # The first leads in four blocks, the second in one, the third never: rank sums 6, 9 and 15.
    assert compared.mean_ranks.to_dict() == {"first": 1.2, "second": 1.8, "third": 3.0}
    statistic = 12 / (5 * 3 * 4) * (6**2 + 9**2 + 15**2) - 3 * 5 * 4
    assert compared.friedman_p == pytest.approx(stats.chi2.sf(statistic, 2))


def test_pairs_are_compared_by_conovers_formula_with_holms_correction() -> None:
    compared = compare_methods(LESSONS)
    ranks = np.array([[1, 2, 3], [1, 2, 3], [2, 1, 3], [1, 2, 3], [1, 2, 3]], dtype=float)
    raw = conover(ranks)
    # Sums 6, 9, 15, squares of all ranks 70: error 2 (5 * 70 - 342) / 8 = 2.
    assert raw[0, 1] == pytest.approx(2 * stats.t.sf(3 / np.sqrt(2), 8))
    ordered = sorted([raw[0, 2], raw[1, 2], raw[0, 1]])
    holm = [3 * ordered[0], max(3 * ordered[0], 2 * ordered[1]), max(2 * ordered[1], ordered[2])]
    pairs = [("first", "third"), ("second", "third"), ("first", "second")]
    assert [compared.p.loc[pair] for pair in pairs] == pytest.approx(holm)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.slow
def test_the_package_compares_pairs_as_the_formula_does(seed: int) -> None:
    generator = np.random.default_rng(seed)
    figures = np.round(generator.random((8, 5)) + np.linspace(0, 0.5, 5), 1)  # some are tied
    ranks = stats.rankdata(-figures, axis=1)
    pairs = np.triu_indices(5, 1)
    corrected = multipletests(conover(ranks)[pairs], method="holm")[1]
    of_package = scikit_posthocs.posthoc_conover_friedman(figures, p_adjust="holm").to_numpy()
    assert of_package[pairs] == pytest.approx(corrected)
    compared = compare_methods(pd.DataFrame(figures, columns=list("abcde")))
    assert compared.p.to_numpy()[pairs] == pytest.approx(corrected)
    assert (compared.p.to_numpy() == compared.p.to_numpy().T).all()


@pytest.mark.parametrize("shape", [(1, 5), (4, 2), (0, 3)])
def test_without_two_blocks_and_three_methods_there_is_no_test(shape: tuple[int, int]) -> None:
    figures = pd.DataFrame(np.random.default_rng(0).random(shape)).rename(columns=str)
    compared = compare_methods(figures)
    assert np.isnan(compared.friedman_p)
    assert compared.p.isna().all(axis=None)
    assert set(compared.groups.values()) == {""}


def test_methods_that_tie_everywhere_are_one_group() -> None:
    compared = compare_methods(pd.DataFrame(np.full((4, 3), 0.7), columns=list("abc")))
    assert compared.friedman_p == 1
    assert compared.groups == {"a": "a", "b": "a", "c": "a"}
    assert (compared.p == 1).all(axis=None)


def test_blocks_that_all_agree() -> None:
    figures = pd.DataFrame([[3.0, 2.0, 1.0, 1.0]] * 6, columns=list("abcd"))
    compared = compare_methods(figures)
    assert compared.p.loc["a", ["b", "c"]].tolist() == [0, 0]
    assert compared.groups == {"a": "a", "b": "b", "c": "c", "d": "c"}


def test_no_pair_is_told_apart_where_friedmans_test_does_not_reject() -> None:
    compared = compare_methods(pd.DataFrame([[3.0, 2.0, 1.0]] * 2, columns=list("abc")))
    assert compared.friedman_p > 0.05
    assert compared.groups == {"a": "a", "b": "a", "c": "a"}


def test_means_that_differ_by_rounding_alone_are_tied() -> None:
    figures = pd.DataFrame({"a": [0.1 + 0.2] * 3, "b": [0.3] * 3, "c": [0.1] * 3})
    assert compare_methods(figures).mean_ranks.to_dict() == {"a": 1.5, "b": 1.5, "c": 3.0}


def table_of(p: list[list[float]]) -> pd.DataFrame:
    names = list("vwxyz")[: len(p)]
    return pd.DataFrame(p, names, names) >= 0.05


def test_letters_of_p_values_laid_out_by_hand() -> None:
    # v is like w, w like x, x like y, and no other pair is.
    p = [
        [1.00, 0.20, 0.01, 0.00],
        [0.20, 1.00, 0.06, 0.01],
        [0.01, 0.06, 1.00, 0.05],
        [0.00, 0.01, 0.05, 1.00],
    ]
    assert letter_groups(table_of(p)) == {"v": "a", "w": "ab", "x": "bc", "y": "c"}


@pytest.mark.parametrize(
    ("alike", "letters"),
    [
        (lambda n: np.ones((n, n)), ["a", "a", "a"]),
        (lambda n: np.eye(n), ["a", "b", "c"]),
    ],
)
def test_letters_of_all_alike_or_none(
    alike: Callable[[int], NDArray[np.float64]], letters: list[str]
) -> None:
    assert list(letter_groups(table_of(alike(3).tolist())).values()) == letters


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(0, 12))
def test_letters_are_shared_just_where_methods_are_alike(ranks: list[int], width: int) -> None:
    """As Conover's test has it: two are told apart where their ranks differ by enough."""
    ordered = np.sort(ranks)
    matrix = np.abs(ordered[:, np.newaxis] - ordered) <= width
    names = [f"method{number}" for number in range(len(ordered))]
    letters = letter_groups(pd.DataFrame(matrix, names, names))
    for (i, first), (j, second) in [(a, b) for a in enumerate(names) for b in enumerate(names)]:
        assert bool(set(letters[first]) & set(letters[second])) == matrix[i, j]
    graph = Graph([(names[i], names[j]) for i, j in np.argwhere(matrix)])
    groups = {
        frozenset(name for name in names if letter in letters[name]) for letter in "".join(letters.values())
    }
    assert groups == {frozenset(clique) for clique in find_cliques(graph)}
