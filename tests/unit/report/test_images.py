"""Pictures: which points and inputs are chosen, and that what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from layeraudit.figures import CLEAN, MISCLASSIFIED, POISON
from layeraudit.report.figures.images import (
    N_NEIGHBOURS,
    N_POISON,
    Shown,
    choose_evenly,
    choose_inputs,
    plot_neighbours,
    plot_poison_grid,
)
from layeraudit.splits import Split

GENERATOR = np.random.default_rng(0)


def split_of(n_clean: int, n_poison: int) -> Split:
    n = n_clean + n_poison
    is_poison = np.arange(n) >= n_clean
    y_true = np.where(np.arange(n) % 2, 9, 1)
    return Split(
        x=GENERATOR.random((n, 1, 5, 5), dtype=np.float32),
        y=np.where(is_poison, 10 - y_true, y_true),
        y_true=y_true,
        is_poison=is_poison,
        source=np.arange(n),
    )


def image_axes(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.images]


def image_of(axes: Axes) -> np.ndarray:
    (image,) = axes.images
    return np.asarray(image.get_array())


@pytest.mark.parametrize(
    ("distance", "n", "rows"),
    [
        ([0.3, 0.1, 0.2, 0.5, 0.4], 3, [1, 0, 3]),
        ([0.3, 0.1, 0.2, 0.5, 0.4], 5, [1, 2, 0, 4, 3]),
        ([0.3, 0.1], 12, [1, 0]),
        ([0.0, 0.0, 0.0], 2, [0, 2]),
        ([0.7], 3, [0]),
    ],
)
def test_points_are_chosen_at_even_steps_of_rank(distance: list[float], n: int, rows: list[int]) -> None:
    assert choose_evenly(np.array(distance), n).tolist() == rows


@given(some.lists(some.floats(0, 3), min_size=2, max_size=60), some.integers(2, 20))
def test_the_least_and_the_farthest_moved_are_among_the_chosen(distance: list[float], n: int) -> None:
    moved = np.array(distance)
    chosen = choose_evenly(moved, n)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, len(moved))
    assert (np.diff(moved[chosen]) >= 0).all()
    assert moved[chosen[0]] == moved.min()
    assert moved[chosen[-1]] == moved.max()


@pytest.mark.parametrize("n", [1, 4, N_POISON, 20])
def test_the_grid_shows_source_poison_and_difference_of_each_chosen_point(n: int) -> None:
    points = split_of(0, n)
    sources = GENERATOR.random((n, 5, 5), dtype=np.float32)
    record = pd.DataFrame({"distance": GENERATOR.random(n), "moved": np.arange(n) > 0})
    scores = pd.DataFrame({"dnn_label": np.where(np.arange(n) == 0, points.y, points.y_true)})
    scores["credibility"] = 0.25
    figure = plot_poison_grid(points, sources, scores, record)

    panels = image_axes(figure)
    rows = choose_evenly(record["distance"].to_numpy(), N_POISON)
    assert len(panels) == 3 * min(n, N_POISON)
    limits = {panel.images[0].get_clim() for panel in panels[2::3]}
    assert len(limits) == 1
    ((low, high),) = limits
    assert low == -high == pytest.approx(-np.quantile(np.abs((points.x[:, 0] - sources)[rows]), 0.99))
    for row, (source, poison, difference) in zip(rows, zip(*[iter(panels)] * 3, strict=True), strict=True):
        np.testing.assert_array_equal(image_of(source), sources[row])
        np.testing.assert_array_equal(image_of(poison), points.x[row, 0])
        np.testing.assert_array_equal(image_of(difference), points.x[row, 0] - sources[row])
        words = poison.get_xlabel()
        assert f"true {points.y_true[row]}, label given {points.y[row]}" in words
        assert f"network says {scores['dnn_label'][row]}" in words
        assert f"moved by {record['distance'][row]:.2f}{'' if row else ' (noise only)'}," in words
        assert "credibility 0.25" in words
        assert to_hex(poison.xaxis.label.get_color()) == (MISCLASSIFIED if row == 0 else "#000000")


def test_points_that_are_their_sources_can_be_drawn() -> None:
    points = split_of(0, 2)
    record = pd.DataFrame({"distance": [0.0, 0.0], "moved": [False, False]})
    scores = pd.DataFrame({"dnn_label": points.y_true, "credibility": 0.5})
    figure = plot_poison_grid(points, points.x[:, 0], scores, record)
    figure.canvas.draw()


TEST = pd.DataFrame(
    [
        (0, 1, 1, 0.3, 0),
        (1, 1, 1, 1.0, 5),
        (2, 9, 9, 1.0, 0),
        (3, 9, 1, 0.2, 2),
        (4, 9, 1, 0.1, 2),
        (5, 9, 1, 0.01, 1),
        (6, 1, 1, 0.2, 0),
        (7, 1, 9, 0.1, 2),
    ],
    columns=["row", "y_true", "dnn_label", "credibility", "poison_neighbours_fc"],
)
# As rows of a training split of 100 clean images.
POISONED = pd.DataFrame(
    [(100, 1, 1, 0.5), (101, 1, 9, 0.4), (102, 9, 1, 0.3), (103, 9, 9, 0.2)],
    columns=["row", "y_true", "dnn_label", "credibility"],
    index=[100, 101, 102, 103],
)
DISTANCE = np.array([0.9, 0.2, 0.5, 0.1])


def test_inputs_are_chosen_by_the_rules_in_their_titles() -> None:
    chosen = choose_inputs(TEST, POISONED, DISTANCE, layer="fc")
    assert list(chosen.values()) == [("test", 1), ("test", 0), ("test", 4), ("poison", 102)]
    highest, median, wrong, poison = chosen
    assert "highest credibility" in highest
    assert "median credibility" in median
    assert "most poison among its fc neighbours" in wrong
    assert "true digit the network does not give" in poison


def test_without_poison_neighbours_the_misclassified_of_lowest_credibility_is_chosen() -> None:
    chosen = choose_inputs(TEST.assign(poison_neighbours_fc=0), POISONED, DISTANCE, layer="fc")
    assert chosen["Misclassified held-out image of the lowest credibility"] == ("test", 5)


def test_where_the_network_errs_on_nothing_its_errors_are_left_out() -> None:
    right = POISONED.assign(dnn_label=POISONED["y_true"])
    chosen = choose_inputs(TEST[TEST["dnn_label"] == TEST["y_true"]], right, DISTANCE, layer="fc")
    assert list(chosen.values()) == [("test", 1), ("test", 0), ("poison", 100)]


def test_where_the_network_errs_on_everything_no_right_image_is_shown() -> None:
    chosen = choose_inputs(TEST[TEST["dnn_label"] != TEST["y_true"]], POISONED, DISTANCE, layer="fc")
    assert list(chosen.values()) == [("test", 3), ("test", 4), ("poison", 102)]


def shown_of(train: Split, n_layers: int, k: int, dnn_label: int) -> Shown:
    return Shown(
        title="An input",
        image=GENERATOR.random((5, 5), dtype=np.float32),
        y=9,
        y_true=1,
        dnn_label=dnn_label,
        dknn_label=1,
        credibility=0.125,
        neighbours={f"layer{at}": GENERATOR.permutation(len(train))[:k] for at in range(n_layers)},
    )


@pytest.mark.parametrize(("n_inputs", "n_layers", "k"), [(1, 1, 3), (2, 4, 10), (3, 2, N_NEIGHBOURS)])
def test_the_sheet_shows_inputs_and_neighbours_and_frames_exactly_the_poison(
    n_inputs: int, n_layers: int, k: int
) -> None:
    train = split_of(8, 7)
    inputs = [shown_of(train, n_layers, k, dnn_label=(1, 9)[at % 2]) for at in range(n_inputs)]
    figure = plot_neighbours(inputs, train)

    n = min(k, N_NEIGHBOURS)
    panels = iter(image_axes(figure))
    for shown in inputs:
        np.testing.assert_array_equal(image_of(next(panels)), shown.image)
        for layer, rows in shown.neighbours.items():
            for rank, row in enumerate(rows[:n]):
                axes = next(panels)
                np.testing.assert_array_equal(image_of(axes), train.x[row, 0])
                assert axes.get_xlabel() == str(train.y[row])
                frames = {(to_hex(s.get_edgecolor()), s.get_linestyle()) for s in axes.spines.values()}
                ((colour, style),) = frames
                is_other = train.y[row] != shown.dnn_label
                assert (colour == POISON) == train.is_poison[row]
                assert (colour == CLEAN) == (is_other and not train.is_poison[row])
                assert (style == "--") == is_other
                if rank == 0:
                    n_other = (train.y[rows] != shown.dnn_label).sum()
                    words = f"{layer} (of {k}: {train.is_poison[rows].sum()} poison, {n_other} other label)"
                    assert axes.get_title(loc="left") == words
    assert next(panels, None) is None
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert len(words) == n_inputs
    assert "true 1, label given 9, DNN 1, DkNN 1, credibility 0.12" in words[0]
