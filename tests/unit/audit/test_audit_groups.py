"""Groups as poison makes them: planted ones are found, and what is held out too is none."""

import math
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from conftest import gather_evidence

from layeraudit.audit.groups import (
    count_fewest_in_group,
    find_candidates,
    find_groups,
    measure_deficits,
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
    return training, find_groups(training, parts[1], measure_deficits(training, parts[0])), rows


@pytest.mark.parametrize("seen", ["early", "late", "early late"])
@pytest.mark.parametrize("seed", range(4))
def test_rows_with_a_trigger_are_groups_wherever_it_is_seen(seed, seen) -> None:
    _, groups, rows = find(marked=36, seed=seed, seen=seen)
    assert len({*chain.from_iterable(group.rows for group in groups)} & {*rows}) >= 20
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
    assert not find(marked=36, held_out=36, seed=seed)[1]


def test_few_held_out_rows_show_nothing() -> None:
    assert not find(marked=36, n_held_out=9)[1]


def test_four_rows_are_no_group() -> None:
    assert not find(marked=4, n_held_out=3600)[1]


def test_labels_do_not_matter() -> None:
    """A trigger that leads to each of the labels makes a group too."""
    training, _, rows = find(marked=36)
    mixed = replace(training, y=np.where(np.isin(np.arange(N), rows), np.arange(N) % 3, training.y))
    held_out, labels, _ = draw(N, 9)
    part = gather_evidence(held_out, labels, k=K, training=training)
    (group,) = find_groups(mixed, part, measure_deficits(mixed, part))
    assert set(group.rows) <= set(rows)
    assert group.label_share == np.bincount(mixed.y[group.rows]).max() / len(group.rows) < 1


def test_the_test_rows_decide_and_did_not_choose() -> None:
    """Where the calibration rows lack a kind that the test rows have, it is a candidate and no group."""
    layers, y, rows = draw(N, 0, marked=36)
    training = gather_evidence(layers, y, k=K)
    lacks, has = (
        gather_evidence(*draw(N, part, marked=marked)[:2], k=K, training=training)
        for part, marked in ((1, 0), (2, 36))
    )
    deficits = measure_deficits(training, lacks)
    lists = [of.neighbours["late"][:, :10] for of in (training, has)]
    ((candidate, n_alike),) = find_candidates(*lists, deficits["late"])
    assert set(candidate) <= set(rows) and n_alike >= 18
    assert not find_groups(training, has, deficits)


@pytest.mark.parametrize("frequent", [0, 1, 2])
def test_labels_may_be_more_frequent_among_held_out_rows(frequent) -> None:
    """Of the other labels one row in ten stays, and the trigger's rows are found all the same."""
    layers, y, rows = draw(N, 3, marked=36)
    training = gather_evidence(layers, y, k=K)
    parts = []
    for part in (1, 2):
        others, labels, _ = draw(N, part)
        left = np.flatnonzero((labels == frequent) | (np.arange(N) % 10 < 3))
        held_out = {layer: of[left] for layer, of in others.items()}
        parts.append(gather_evidence(held_out, labels[left], k=K, training=training))
    groups = find_groups(training, parts[1], measure_deficits(training, parts[0]))
    assert {*chain.from_iterable(group.rows for group in groups)} <= {*rows}


def test_a_label_that_is_not_held_out_has_no_group() -> None:
    layers, y, _ = draw(N, 0)
    training = gather_evidence(layers, y, k=K)
    others, labels, _ = draw(2 * N, 1)
    left = np.flatnonzero(labels != 2)
    part = gather_evidence(
        {layer: of[left] for layer, of in others.items()}, labels[left], k=K, training=training
    )
    assert not find_groups(training, part, measure_deficits(training, part))


@pytest.mark.parametrize(("count", "expected"), [(0, 9.0), (2, 20.0), (30, 100.5)])
def test_a_group_is_rare_where_fewer_than_a_third_of_what_is_expected_are_held_out(count, expected) -> None:
    assert measure_rarity(count, expected) == pytest.approx(
        sum(
            math.exp(-expected / 3) * (expected / 3) ** some / math.factorial(some)
            for some in range(count + 1)
        )
    )


@pytest.mark.parametrize("n", [60, 1000, 50_000])
@pytest.mark.parametrize("n_test", [0, 5, 30, 500, 100_000])
def test_a_group_of_one_row_less_could_not_be_told(n, n_test) -> None:
    fewest = count_fewest_in_group(n, n_test)
    assert fewest == 5 or measure_rarity(0, n_test * min(fewest - 1, n) / n) > 0.05
    assert fewest > n or measure_rarity(0, n_test * fewest / n) <= 0.05


def test_tables_number_the_groups_from_the_largest() -> None:
    _, groups, _ = find(marked=36)
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
