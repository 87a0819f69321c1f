"""Groups as poison makes them: planted ones are found, and what is held out too is none."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from conftest import gather_evidence
from scipy import stats

from layeraudit.audit.groups import (
    count_fewest_in_group,
    find_candidates,
    find_groups,
    measure_rarity,
)
from layeraudit.audit.rows import number_groups, tabulate_groups

N, K, CLASSES = 300, 12, 3


def draw(n, seed, *, marked=0, seen="late"):
    """Draw rows of three classes in two layers, and their labels.

    `marked` rows of the classes 1 and 2 have the label 0, and lie together in the layers that see them.
    """
    generator = np.random.default_rng(seed)
    true = np.arange(n) % CLASSES
    rows = np.flatnonzero(true > 0)[:marked]
    y = true.copy()
    y[rows] = 0
    layers = {}
    for number, layer in enumerate(("early", "late")):
        centre = 4 * np.eye(CLASSES, 6)[true if layer == "early" else y]
        if layer in seen:
            centre[rows, 4 + number] = 6
        layers[layer] = (centre + generator.normal(size=(n, 6))).astype(np.float32)
    return layers, y, rows


def find(*, marked=0, held_out=0, n_held_out=N, seed=0, seen="late"):
    layers, y, rows = draw(N, seed, marked=marked, seen=seen)
    training = gather_evidence(layers, y, k=K)
    parts = []
    for part in (1, 2):
        others, labels, _ = draw(n_held_out, 100 * seed + part, marked=held_out, seen=seen)
        parts.append(gather_evidence(others, labels, k=K, training=training))
    return training, find_groups(training, *parts), rows


@pytest.mark.parametrize("seen", ["early", "late", "early late"])
@pytest.mark.parametrize("seed", range(4))
def test_rows_with_a_trigger_are_groups_wherever_it_is_seen(seed, seen) -> None:
    _, groups, rows = find(marked=24, seed=seed, seen=seen)
    assert len({*chain.from_iterable(group.rows for group in groups)} & {*rows}) >= 18
    for group in groups:
        assert set(group.rows) <= set(rows)
        assert group.layer in seen
        assert (group.label, group.label_share, group.held_out_share) == (0, 1, 0)
        assert group.other_label in ((1, 2) if seen == "late" else (1, 2, -1))
        assert group.share == len(group.rows) / N


@pytest.mark.parametrize("seed", range(8))
def test_of_clean_rows_there_is_no_group(seed) -> None:
    assert not find(seed=seed)[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_kind_that_is_held_out_too_is_none(seed) -> None:
    assert not find(marked=24, held_out=24, seed=seed)[1]


def test_few_held_out_rows_show_nothing() -> None:
    assert not find(marked=24, n_held_out=9)[1]


def test_four_rows_are_no_group() -> None:
    assert not find(marked=4, n_held_out=3000)[1]


def test_labels_do_not_matter() -> None:
    """A trigger that leads to each of the labels makes a group too."""
    training, _, rows = find(marked=24)
    mixed = replace(training, y=np.where(np.isin(np.arange(N), rows), np.arange(N) % 3, training.y))
    held_out, labels, _ = draw(N, 9)
    part = gather_evidence(held_out, labels, k=K, training=training)
    (group,) = find_groups(mixed, part, part)
    assert set(group.rows) <= set(rows)
    assert group.label_share == np.bincount(mixed.y[group.rows]).max() / len(group.rows) < 1


def test_the_test_rows_decide_and_did_not_choose() -> None:
    """Where the calibration rows lack a kind that the test rows have, it is a candidate and no group."""
    layers, y, rows = draw(N, 0, marked=24)
    training = gather_evidence(layers, y, k=K)
    lacks, has = (
        gather_evidence(*draw(N, part, marked=marked)[:2], k=K, training=training)
        for part, marked in ((1, 0), (2, 24))
    )
    lists = [of.neighbours["late"][:, :10] for of in (training, lacks, has)]
    ((candidate, n_alike),) = find_candidates(*lists)
    assert set(candidate) <= set(rows) and n_alike >= 18
    assert not find_groups(training, lacks, has)


@pytest.mark.parametrize(("count", "n", "share"), [(0, 500, 0.03), (2, 1000, 0.01), (30, 60, 0.5)])
def test_a_group_is_rare_where_fewer_than_a_third_of_its_share_are_held_out(count, n, share) -> None:
    assert measure_rarity(count, n, share) == pytest.approx(stats.binom.cdf(count, n, share / 3))


@pytest.mark.parametrize("n", [60, 1000, 50_000])
@pytest.mark.parametrize("n_test", [0, 5, 30, 500, 100_000])
def test_a_group_of_one_row_less_could_not_be_told(n, n_test) -> None:
    fewest = count_fewest_in_group(n, n_test)
    assert all(measure_rarity(0, n_test, rows / n) > 0.05 for rows in range(5, min(fewest, n + 1)))
    assert fewest > n or measure_rarity(0, n_test, fewest / n) <= 0.05


def test_without_test_rows_nothing_is_rare() -> None:
    assert measure_rarity(0, 0, 0.5) == 1


def test_tables_number_the_groups_from_the_largest() -> None:
    _, groups, _ = find(marked=24)
    numbers = number_groups(groups, N)
    assert np.flatnonzero(numbers == 0).tolist() == groups[0].rows.tolist()
    (row,) = tabulate_groups(groups).to_dict("records")
    assert row == {
        "group": 0,
        "n": len(groups[0].rows),
        "layer": "late",
        "label": 0,
        "label_share": 1,
        "other_label": groups[0].other_label,
        "share": len(groups[0].rows) / N,
        "held_out_share": 0,
    }
    assert list(tabulate_groups([])) == list(row)
