"""Groups as poison makes them: planted ones are found, and natural ones are not."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import gather_evidence
from scipy import stats

from layeraudit.audit.groups import _limit_share, average_disagreement, choose_layers, find_groups
from layeraudit.audit.rows import number_groups, tabulate_groups

N, K, CLASSES = 240, 12, 3


def draw(n, seed, *, marked, of_kind=0):
    """Draw rows of three classes, and their labels.

    `marked` rows of classes 1 and 2 have the label 0: early layers see what they were, the late one a mark.
    `of_kind` rows of class 0 look like class 1 early, and lie together late, as a natural kind does.
    """
    generator = np.random.default_rng(seed)
    true = np.arange(n) % CLASSES
    y, late_centre = true.copy(), 6 * np.eye(CLASSES, 6)[true]
    early_centre = 6 * np.eye(CLASSES, 6)[true]
    rows = np.flatnonzero(true > 0)[:marked]
    y[rows] = 0
    late_centre[rows] = 6 * np.eye(6)[0] + 5 * np.eye(6)[4]
    kind = np.flatnonzero(true == 0)[:of_kind]
    early_centre[kind] = 6 * np.eye(6)[1]
    late_centre[kind] = 6 * np.eye(6)[0] + 5 * np.eye(6)[5]
    layers = {
        "early": early_centre + generator.normal(size=(n, 6)),
        "late": late_centre + generator.normal(size=(n, 6)),
    }
    return {name: of.astype(np.float32) for name, of in layers.items()}, y, rows


def find(*, marked=0, of_kind=0, held_out_kind=0, n_held_out=N, seed=0, labels=None):
    layers, y, rows = draw(N, seed, marked=marked, of_kind=of_kind)
    training = gather_evidence(layers, y, k=K)
    parts = []
    for part in (1, 2):
        held_out, of_rows, _ = draw(n_held_out, seed + part, marked=0, of_kind=held_out_kind)
        parts.append(gather_evidence(held_out, of_rows, k=K, training=training))
    groups = find_groups(training, parts, early=["early"], late="late")
    return training, groups, rows


@pytest.mark.parametrize("seed", range(5))
def test_marked_rows_are_a_group(seed) -> None:
    training, groups, rows = find(marked=16, seed=seed)
    (group,) = groups
    assert set(group.rows) <= set(rows) and len(group.rows) >= 12
    assert group.label == 0 and group.other_label in (1, 2)
    assert group.share_of_class == len(group.rows) / (training.y == 0).sum()
    assert group.held_out_share == 0


@pytest.mark.parametrize("seed", range(5))
def test_of_clean_rows_there_is_no_group(seed) -> None:
    assert not find(seed=seed)[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_kind_that_is_held_out_too_is_none(seed) -> None:
    of_kind, held_out = 16, 16
    assert not find(of_kind=of_kind, held_out_kind=held_out, seed=seed)[1]
    (group,) = find(of_kind=of_kind, held_out_kind=0, seed=seed)[1]
    assert group.label == 0 and group.other_label == 1


def test_few_held_out_rows_show_nothing() -> None:
    assert not find(marked=16, n_held_out=9)[1]


def test_four_rows_are_no_group() -> None:
    assert not find(marked=4)[1]


def test_flips_that_are_not_learned_are_no_group() -> None:
    training, *_ = find()
    y = training.y.copy()
    rows = np.random.default_rng(3).choice(N, 20, replace=False)
    y[rows] = (y[rows] + 1) % CLASSES
    flipped = replace(training, y=y)
    held_out, labels, _ = draw(N, 9, marked=0)
    part = gather_evidence(held_out, labels, k=K, training=training)
    assert not find_groups(flipped, [part], early=["early"], late="late")


def test_a_network_of_one_layer_has_no_group() -> None:
    layers, y, _ = draw(N, 0, marked=16)
    training = gather_evidence({"late": layers["late"]}, y, k=K)
    assert not find_groups(training, [training], early=["late"], late="late")


@pytest.mark.parametrize(
    ("layers", "early"),
    [("a", "a"), ("ab", "a"), ("abc", "a"), ("abcd", "ab"), ("abcde", "ab"), ("abcdef", "abc")],
)
def test_the_first_half_of_the_layers_is_early(layers, early) -> None:
    assert choose_layers(list(layers), late="z") == (list(early), "z")


def test_tables_number_the_groups_from_the_largest() -> None:
    training, groups, _ = find(marked=16)
    early = average_disagreement(training, training.y, ["early"])
    late = average_disagreement(training, training.y, ["late"])
    numbers = number_groups(groups, N)
    assert np.flatnonzero(numbers == 0).tolist() == groups[0].rows.tolist()
    (row,) = tabulate_groups(groups, early, late).to_dict("records")
    assert row == {
        "group": 0,
        "label": 0,
        "n": len(groups[0].rows),
        "other_label": groups[0].other_label,
        "early_disagreement": early[numbers == 0].mean(),
        "late_disagreement": late[numbers == 0].mean(),
        "share_of_class": groups[0].share_of_class,
        "held_out_share": 0,
    }
    assert row["early_disagreement"] > 0.5 >= row["late_disagreement"]
    assert list(tabulate_groups([], early, late)) == list(row)


def test_the_other_label_is_the_most_frequent_early() -> None:
    layers, y, rows = draw(N, 0, marked=16)
    of_two = rows[np.arange(N)[rows] % CLASSES == 2]
    layers["early"][rows] = layers["early"][of_two[0]] + 0.1 * np.random.default_rng(0).normal(size=(16, 6))
    training = gather_evidence(layers, y, k=K)
    held_out, labels, _ = draw(N, 9, marked=0)
    part = gather_evidence(held_out, labels, k=K, training=training)
    groups = find_groups(training, [part], early=["early"], late="late")
    assert all(group.other_label == 2 for group in groups)


@pytest.mark.parametrize(("count", "n", "tests"), [(0, 33, 10), (0, 33, 1), (3, 1030, 10)])
def test_the_limit_of_a_held_out_share_holds_for_all_labels_at_once(count: int, n: int, tests: int) -> None:
    """At the limit, so few or fewer are as likely as the level divided by the number of labels."""
    assert stats.binom.cdf(count, n, _limit_share(count, n, tests=tests)) == pytest.approx(0.05 / tests)


def test_without_held_out_rows_any_share_is_usual() -> None:
    assert _limit_share(0, 0, tests=3) == 1
