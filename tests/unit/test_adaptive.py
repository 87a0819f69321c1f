"""The attack that knows Deep k-nearest neighbours: what is counted of it, and the program that makes it."""

import json
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_programs
from numpy.typing import NDArray
from torch import Tensor, nn

from layeraudit.activations import capture
from layeraudit.attacks._adaptive import choose_guides, usual_radius
from layeraudit.attacks._conditions import ROUNDING
from layeraudit.files import read_split, write_matrix, write_split
from layeraudit.neighbours import build
from layeraudit.networks.report_cnn import ReportCNN
from layeraudit.report.adaptive import (
    KEYS,
    PUBLISHED,
    make_claims,
    measure_attack,
    measure_clean,
    tabulate_attack,
)
from layeraudit.report.figures.adaptive import plot_attack
from layeraudit.splits import Split
from layeraudit.statistics import tabulate_claims

pytestmark = pytest.mark.usefixtures("one_thread")

Row = tuple[int, str, str, float, float, str, float, bool, bool, float]


def lay_out(rows: list[Row]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay out what `craft_adaptive` writes, as it is read, and the scores of its images."""
    columns = [
        "image",
        "attack",
        "norm",
        "radius",
        "share",
        "layer",
        "l2",
        "fools",
        "fools_dknn",
        "credibility",
    ]
    table = pd.DataFrame(rows, columns=columns)
    table["classes"] = 1 + (table["image"] == 2)
    y = (table["image"] + 8) % 10
    scores = pd.DataFrame(
        {
            "y_true": y,
            "dnn_label": (y + 3 * table["fools"]) % 10,
            "dknn_label": (y + table["fools_dknn"]) % 10,
            "credibility": table["credibility"],
        }
    )
    file = StringIO(table.drop(columns=["fools", "fools_dknn", "credibility"]).to_csv(index=False))
    return pd.read_csv(file), scores


YES, NO = True, False
IN_LINF: list[Row] = [
    # image, attack, norm, radius, share, layer, L2, fools the network, fools DkNN, credibility
    (0, "adaptive", "linf", 0.1, 1, "", 1.0, YES, YES, 0.3),
    (1, "adaptive", "linf", 0.1, 1, "", 1.2, NO, YES, 0.1),
    (2, "adaptive", "linf", 0.1, 1, "", 1.4, YES, YES, 0.02),
    (3, "adaptive", "linf", 0.1, 1, "", 9.0, YES, NO, 0.9),
    (0, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (1, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (2, "ilap", "linf", 0.1, 1, "relu1", 2.0, NO, NO, 0.9),
    (3, "ilap", "linf", 0.1, 1, "relu1", 2.0, YES, NO, 0.0),
    (0, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, YES, 0.9),
    (1, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, NO, 0.9),
    (2, "ilap", "linf", 0.1, 1, "fc", 3.0, NO, NO, 0.9),
    (3, "ilap", "linf", 0.1, 1, "fc", 3.0, YES, NO, 0.0),
]
IN_L2: list[Row] = [
    (0, "adaptive", "l2", 1.0, 1.0, "", 1.0, YES, YES, 0.4),
    (1, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, YES, 0.9),
    (2, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, YES, 0.9),
    (3, "adaptive", "l2", 1.0, 1.0, "", 1.0, NO, NO, 0.9),
    (0, "adaptive", "l2", 1.0, 0.6, "", 0.6, YES, NO, 0.9),
    (1, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (2, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (3, "adaptive", "l2", 1.0, 0.6, "", 0.6, NO, NO, 0.9),
    (0, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, YES, 0.9),
    (1, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, YES, 0.9),
    (2, "adaptive", "l2", 2.0, 1.0, "", 2.0, NO, YES, 0.9),
    (3, "adaptive", "l2", 2.0, 1.0, "", 2.0, YES, NO, 0.9),
    (0, "adaptive", "l2", 2.0, 0.6, "", 1.2, YES, YES, 0.9),
    (1, "adaptive", "l2", 2.0, 0.6, "", 1.3, YES, YES, 0.05),
    (2, "adaptive", "l2", 2.0, 0.6, "", 1.2, NO, NO, 0.9),
    (3, "adaptive", "l2", 2.0, 0.6, "", 1.2, NO, NO, 0.9),
]
FLAGGED_UP_TO = 0.05


def measure(rows: list[Row]) -> pd.DataFrame:
    return measure_attack(*lay_out(rows), FLAGGED_UP_TO).set_index(KEYS).sort_index()


MEASURED = measure(IN_LINF + IN_L2)
IN_BALL = ("adaptive", "", "linf", 0.1)
LEAST = ("least_l2", "", "l2", math.inf)


@pytest.mark.parametrize(
    ("attack", "quantity", "figure", "n"),
    [
        (IN_BALL, "dknn_accuracy", 0.25, 4),
        (IN_BALL, "dknn_accuracy_after_one_class", 0.5, 4),  # image 2 was led to two
        (IN_BALL, "dnn_accuracy", 0.25, 4),
        (IN_BALL, "credibility_of_successes", 0.14, 3),
        (IN_BALL, "successes_above_0.1", 1 / 3, 3),
        (IN_BALL, "successes_not_flagged", 2 / 3, 3),
        (IN_BALL, "dknn_errs_and_passes", 0.5, 4),
        (IN_BALL, "l2_of_successes", 1.2, 3),
        (("ilap", "relu1", "linf", 0.1), "dknn_accuracy", 1, 4),
        (("ilap", "relu1", "linf", 0.1), "dknn_errs_and_passes", 0, 4),
        (("ilap", "relu1", "linf", 0.1), "credibility_of_successes", math.nan, 0),
        (("ilap", "fc", "linf", 0.1), "dknn_accuracy", 0.75, 4),
        (("ilap", "fc", "linf", 0.1), "dnn_accuracy", 0.75, 4),
    ],
)
def test_a_success_is_an_image_that_dknn_gives_another_label(
    attack: tuple[object, ...], quantity: str, figure: float, n: int
) -> None:
    row = MEASURED.loc[(*attack, quantity)]
    assert row["value"] == pytest.approx(figure, nan_ok=True)
    assert row["n_points"] == n


@pytest.mark.parametrize(
    ("quantity", "figure", "n"),
    [
        ("fools_both", 0.5, 4),
        ("l2_of_successes", (1.0 + 1.3) / 2, 2),
        ("credibility_of_successes", (0.4 + 0.05) / 2, 2),
        ("successes_above_0.1", 0.5, 2),
        ("successes_not_flagged", 0.5, 2),
    ],
)
def test_of_all_tries_the_one_of_the_least_l2_that_fools_both_counts(
    quantity: str, figure: float, n: int
) -> None:
    row = MEASURED.loc[(*LEAST, quantity)]
    assert row["value"] == pytest.approx(figure)
    assert row["n_points"] == n
    assert len(MEASURED.loc[LEAST]) == 5


def test_where_none_fools_both_there_is_no_least_l2() -> None:
    rows = [row for row in IN_L2 if not (row[7] and row[8])]
    measured = measure(IN_LINF + rows).loc[LEAST]
    assert measured.loc["fools_both"].tolist() == [0, 4]
    assert measured["value"].drop("fools_both").isna().all()
    assert measured["n_points"].drop("fools_both").eq(0).all()


def test_an_l2_ball_adds_nothing_to_the_figures_of_an_l_infinity_ball() -> None:
    pd.testing.assert_frame_equal(MEASURED.drop(LEAST), measure(IN_LINF + IN_L2[:4]).drop(LEAST))
    assert set(MEASURED.index.get_level_values("norm")) == {"linf", "l2"}


def test_clean_images_say_what_the_thresholds_cost() -> None:
    scores = pd.DataFrame(
        {
            "y_true": [1, 2, 3, 4],
            "dnn_label": [1, 2, 3, 0],
            "dknn_label": [1, 2, 0, 0],
            "credibility": [0.9, 0.1, 0.05, 0.2],
        }
    )
    measured = measure_clean(scores, FLAGGED_UP_TO).set_index(KEYS).loc[("none", "", "linf", 0.0)]
    assert measured["value"].to_dict() == {
        "dknn_accuracy": 0.5,
        "dnn_accuracy": 0.75,
        "images_above_0.1": 0.5,
        "images_not_flagged": 0.75,
    }
    assert set(measured["n_points"]) == {4}


def make_seeds() -> pd.DataFrame:
    """Measure two seeds, of clean images and of attacks at a radius that the paper reports."""
    seeds = []
    for credibility in (0.9, 0.05):
        rows = [(*row[:3], 0.2 if row[2] == "linf" else row[3], *row[4:]) for row in IN_LINF + IN_L2]
        rows[0] = (*rows[0][:9], credibility)
        clean = pd.DataFrame(
            {"y_true": [1, 2], "dnn_label": [1, 2], "dknn_label": [1, 2], "credibility": [credibility, 0.9]}
        )
        seeds += [measure_clean(clean, FLAGGED_UP_TO), measure_attack(*lay_out(rows), FLAGGED_UP_TO)]
    return pd.concat(seeds, ignore_index=True)


def test_the_papers_figures_stand_beside_ours_where_it_has_any() -> None:
    table = tabulate_attack(make_seeds(), as_published=True).set_index(KEYS)
    assert table["published"].dropna().to_dict() == {
        ("none", "", "linf", 0.0, "images_above_0.1"): 0.913,
        ("adaptive", "", "linf", 0.2, "dknn_accuracy"): 0.174,
        ("adaptive", "", "linf", 0.2, "credibility_of_successes"): 0.104,
        ("adaptive", "", "linf", 0.2, "successes_above_0.1"): 0.28,
        ("least_l2", "", "l2", math.inf, "fools_both"): 0.95,
        ("least_l2", "", "l2", math.inf, "l2_of_successes"): 2.38,
    }


def test_the_figure_of_one_seed_has_no_bars_and_warns_of_nothing() -> None:
    one_seed = make_seeds().drop_duplicates(KEYS)
    table = tabulate_attack(one_seed, as_published=False)
    assert table[["ci95_low", "ci95_high"]].isna().all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_attack(table).canvas.draw()


def test_data_or_a_k_that_is_not_the_papers_has_no_figures_of_it() -> None:
    assert tabulate_attack(make_seeds(), as_published=False)["published"].isna().all()


def test_every_published_figure_is_of_an_attack_and_a_quantity_that_is_measured() -> None:
    measured = make_seeds()
    found = set(measured[["attack", "quantity"]].itertuples(index=False, name=None))
    assert {(attack, quantity) for attack, _, quantity in PUBLISHED} <= found


def test_figures_are_means_over_seeds_and_their_intervals_are_within_what_there_can_be() -> None:
    table = tabulate_attack(make_seeds(), as_published=True).set_index(KEYS)
    assert not table.index.duplicated().any()
    row = table.loc[("adaptive", "", "linf", 0.2, "credibility_of_successes")]
    assert row["value"] == pytest.approx((1.02 / 3 + 0.17 / 3) / 2)
    assert (row["ci95_low"], row["ci95_high"]) == (0, 1)
    assert (row["n_points"], row["n_seeds"]) == (6, 2)
    l2 = table.loc[("least_l2", "", "l2", math.inf, "l2_of_successes")]
    assert l2[["value", "ci95_low", "ci95_high"]].tolist() == pytest.approx([1.15] * 3)  # in both seeds
    nothing = table.loc[("ilap", "relu1", "linf", 0.2, "l2_of_successes")]
    assert np.isnan(nothing["value"])
    assert nothing["n_seeds"] == 0


def test_that_dknn_yields_is_claimed_at_each_radius_with_a_published_figure() -> None:
    rows = [
        ("adaptive", 0.1, "dknn_accuracy", 0.80),
        ("adaptive", 0.1, "dknn_accuracy", 0.90),
        ("adaptive", 0.1, "dnn_accuracy", 0.1),
        ("ilap", 0.1, "dknn_accuracy", 0.1),
        ("adaptive", 0.2, "dknn_accuracy", 0.05),
        ("adaptive", 0.2, "dknn_accuracy", 0.05),
        ("adaptive", 0.3, "dknn_accuracy", 0.0),
        ("adaptive", 0.3, "dknn_accuracy", 0.0),
        ("adaptive", 0.4, "dknn_accuracy", 0.0),
    ]
    by_seed = pd.DataFrame(rows, columns=["attack", "radius", "quantity", "value"]).assign(n_points=50)
    claims = tabulate_claims(make_claims(by_seed, [0.1, 0.2, 0.3, 0.4])).set_index("claim")
    name = "dknn_yields_to_an_attack_that_knows_it_"
    assert claims.index.tolist() == [f"{name}0.1", f"{name}0.2", f"{name}0.3"]
    first, second, third = (claims.loc[f"{name}{epsilon}"] for epsilon in (0.1, 0.2, 0.3))
    assert first[["value", "n_points", "n_seeds"]].tolist() == pytest.approx([0.85, 100, 2])
    assert first["reported"] == "84.2 %"
    # The standard error of two that lie 0.1 apart is 0.05; t of one degree of freedom is Cauchy's.
    below = 0.5 + math.atan((0.85 - 0.842) / 0.05) / math.pi
    assert (first["p_for"], first["p_against"]) == pytest.approx((below, 1 - below))
    # Both seeds are below and the same: two throws of a coin.
    assert (second["p_for"], second["p_against"]) == pytest.approx((0.25, 1))
    # As seldom as 0 % is neither above nor below it.
    assert (third["p_for"], third["p_against"]) == pytest.approx((1, 1))


@pytest.mark.parametrize(("metric", "radius"), [("l2", (5 + 2) / 2), ("cosine", (math.sqrt(2) + 1) / 2)])
def test_the_usual_radius_is_the_mean_distance_to_the_farthest_neighbour(
    metric: Literal["cosine", "l2"], radius: float
) -> None:
    rows = np.array([[3, 0], [0, 2]], np.float32)
    farthest = np.array([[0, 4], [0, 4]], np.float32)
    if metric == "cosine":
        # At 60 degrees two rows of length 1 are 1 apart.
        farthest[1] = [7 * math.sin(math.pi / 3), 7 * math.cos(math.pi / 3)]
    assert usual_radius(rows, farthest, metric) == pytest.approx(radius)


IMAGES, TRAIN, K = 4, 30, 3
LAYERS = ["relu3", "fc"]
EPSILONS, RADII, SHARES = [0.1, 0.2], [1.0, 2.0], [1.0, 0.9, 0.8, 0.7, 0.6]
CLASSES, TOWARD, AWAY = 2, 5, 2

GUIDES = {"layer": "relu3", "classes": CLASSES, "toward": TOWARD, "away": AWAY}

FAULTS: dict[str, dict[str, object]] = {
    rf"{TRAIN // 3 + 1} guides of a class are asked for, allowed are 1 to {TRAIN // 3}, "
    "the rows of the smallest class": {"guides": GUIDES | {"toward": TRAIN // 3 + 1}},
    "7 images are asked for, allowed are 1 to 6, which the split has": {"images": 7},
    "steepness is 0.0, allowed are numbers above 0": {"steepness": 0},
    r"\S+few/relu3.npy is int64 \[5, 3\], allowed is int64 \[6, columns\]": {
        "calibration-neighbours": Path("few")
    },
    rf"guides of {CLASSES + 1} classes are asked for, allowed are 1 to {CLASSES}, "
    "the classes of the training rows but an image's own": {"guides": GUIDES | {"classes": CLASSES + 1}},
    rf"\S+relu3.npz is the index of \[{TRAIN}, 10\] rows and columns, not \[{TRAIN}, 128\]": {
        "index": Path("other_index")
    },
    f"k is {TRAIN + 1}, allowed are 1 to {TRAIN}, the rows that can be neighbours": {"k": TRAIN + 1},
    r"memory_mb is 1, allowed are [0-9]+ and more for this index": {"memory-mb": 1},
}


@dataclass(frozen=True)
class Made:
    """What the program read and wrote, and what it said, of a run that ends well and of those that do not."""

    folder: Path
    network: nn.Module
    layers: dict[str, NDArray[np.float32]]
    calibration: dict[str, NDArray[np.float32]]
    neighbours: dict[str, NDArray[np.int64]]
    printed: str
    sentences: list[str]

    def read_record(self, name: str = "record") -> pd.DataFrame:
        return pd.read_csv(self.folder / f"{name}.csv").fillna({"layer": ""})

    def compute_changes(self) -> NDArray[np.float64]:
        """Compute the change of each row of the split, as the record says of which image it is."""
        clean, attacked = (read_split(self.folder / f"{name}.npz").x for name in ("split", "attacked"))
        image = self.read_record()["image"].to_numpy()
        return (attacked.astype(np.float64) - clean[image]).reshape(len(image), -1)


def show(network: nn.Module, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    (outputs,) = capture(network, torch.from_numpy(x), LAYERS, batch_size=len(x))
    return {layer: output.numpy() for layer, output in outputs.items()}


def write_options(options: Mapping[str, object]) -> list[str]:
    return [
        f"--{name}={value if isinstance(value, str | Path) else json.dumps(value)}"
        for name, value in options.items()
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Attack four images of a network of random weights, in two layers, by the program.

    What leads them to the nearest class alone is `nearest`.
    """
    folder = tmp_path_factory.mktemp("adaptive")
    generator = np.random.default_rng(0)
    torch.manual_seed(0)
    network = ReportCNN(1, 10)
    torch.save(network.state_dict(), folder / "model.pt")
    shown: dict[str, dict[str, NDArray[np.float32]]] = {}
    # Of each class, so that the nearest is not enough for every image.
    patterns = generator.random((3, 1, 28, 28), dtype=np.float32)
    # The labels given and the true ones differ, in both splits.
    for name, n, given, true in [("train", TRAIN, 0, 1), ("split", 6, 1, 0), ("calibration", 6, 0, 0)]:
        # Every row has a brightness of its own, so that the layers tell rows apart.
        noise = generator.random((n, 1, 28, 28), dtype=np.float32) * generator.random(
            (n, 1, 1, 1), np.float32
        )
        x = np.float32(0.3) * noise + np.float32(0.7) * patterns[np.arange(n) % 3]
        y, y_true = ((np.arange(n) + shift) % 3 for shift in (given, true))
        write_split(
            folder / f"{name}.npz", Split(x, y, y_true, np.ones(n, bool), 50 + np.arange(n), n_classes=10)
        )
        shown[name] = show(network, x)
        for layer in LAYERS:
            write_matrix(folder / name / f"{layer}.npy", shown[name][layer])
    neighbours = {
        layer: generator.permuted(np.tile(np.arange(TRAIN), (6, 1)), axis=1)[:, :K] for layer in LAYERS
    }
    for layer in LAYERS:
        write_matrix(folder / "neighbours" / f"{layer}.npy", neighbours[layer])
        build(shown["train"][layer], "cosine").save(folder / "index" / f"{layer}.npz")
        write_matrix(folder / "few" / f"{layer}.npy", neighbours[layer][:5])
        build(shown["train"]["fc"], "cosine").save(folder / "other_index" / f"{layer}.npz")

    options: dict[str, object] = {
        "split": folder / "split.npz",
        "train": folder / "train.npz",
        "weights": folder / "model.pt",
        "layers": folder / "train",
        "calibration-layers": folder / "calibration",
        "calibration-neighbours": folder / "neighbours",
        "index": folder / "index",
        "output": folder / "attacked.npz",
        "record": folder / "record.csv",
        "network": {"method": "report_cnn"},
        "names": LAYERS,
        "k": K,
        "metric": "cosine",
        "memory-mb": 1200,
        "images": IMAGES,
        "epsilons": EPSILONS,
        "radii": RADII,
        "guides": GUIDES,
        "steepness": 4,
        "steps": 5,
        "first-step": 0.2,
        "intermediate-level": {"epsilon": 0.2, "steps": 2},
        "batch-size": 3,
    }

    def write_to(name: str, record: str) -> dict[str, object]:
        return {"output": folder / f"{name}.npz", "record": folder / f"{record}.csv"}

    faults = [
        {name: folder / value if isinstance(value, Path) else value for name, value in fault.items()}
        for fault in FAULTS.values()
    ]
    changes = [
        {},
        *(write_to("bad/attacked", "bad/record") | fault for fault in faults),
        write_to("nearest", "nearest") | {"guides": GUIDES | {"classes": 1}},
    ]
    printed, sentences = run_programs(
        *(("craft_adaptive.py", write_options(options | change)) for change in changes)
    )
    return Made(folder, network, shown["train"], shown["calibration"], neighbours, printed, sentences)


def test_the_record_has_each_attack_in_each_ball_and_the_way_to_those_in_l2(made: Made) -> None:
    record = made.read_record()
    columns = ["attack", "norm", "radius", "share", "layer"]
    recipes = record[columns].iloc[::IMAGES].itertuples(index=False, name=None)
    assert list(recipes) == [
        ("adaptive", "linf", 0.1, 1.0, ""),
        ("adaptive", "linf", 0.2, 1.0, ""),
        *(("ilap", "linf", 0.2, 1.0, layer) for layer in LAYERS),
        *(("adaptive", "l2", radius, share, "") for radius in RADII for share in SHARES),
    ]
    assert record["image"].tolist() == list(range(IMAGES)) * 14
    assert record["row"].tolist() == list(range(IMAGES * 14))


def test_a_row_of_the_record_is_the_row_of_the_split(made: Made) -> None:
    record, change = made.read_record(), made.compute_changes()
    np.testing.assert_allclose(record["linf"], np.abs(change).max(axis=1), atol=1e-6)
    np.testing.assert_allclose(record["l2"], np.linalg.norm(change, axis=1), atol=1e-5)
    clean, attacked = (read_split(made.folder / f"{name}.npz") for name in ("split", "attacked"))
    for array in (attacked.y, attacked.y_true):
        np.testing.assert_array_equal(array, clean.y_true[record["image"]])
    np.testing.assert_array_equal(attacked.source, clean.source[record["image"]])
    assert not attacked.is_poison.any()


def test_attacks_are_within_their_balls_and_most_of_the_way_to_their_edge(made: Made) -> None:
    record = made.read_record()
    for norm, column in [("linf", "linf"), ("l2", "l2")]:
        rows = record[record["norm"] == norm]
        allowed = rows["radius"] * rows["share"]
        assert (rows[column] <= allowed + 10 * ROUNDING).all()
        assert (rows[column] >= 0.3 * allowed).all()


def test_shares_lie_on_the_straight_way_to_what_the_l2_ball_made(made: Made) -> None:
    record, change = made.read_record(), made.compute_changes()
    for radius in RADII:
        of_radius = ((record["norm"] == "l2") & (record["radius"] == radius)).to_numpy()
        whole = change[of_radius & (record["share"] == 1).to_numpy()]
        assert len(whole) == IMAGES
        for share in SHARES:
            part = change[of_radius & (record["share"] == share).to_numpy()]
            np.testing.assert_allclose(part, share * whole, atol=1e-6)


def test_images_are_led_to_rows_that_were_given_another_label_than_their_true_one(made: Made) -> None:
    record, attacked = made.read_record("nearest"), read_split(made.folder / "nearest.npz")
    train, split = (read_split(made.folder / f"{name}.npz") for name in ("train", "split"))

    def normalize(rows: NDArray[np.float32]) -> Tensor:
        return nn.functional.normalize(torch.from_numpy(rows), dim=1)

    def count_likeness(x: NDArray[np.float32]) -> Tensor:
        shown = normalize(show(made.network, x)["relu3"])
        alike = (shown[:, None] * rows[guides[:, 0]]).sum(dim=2)
        return (weights * alike).sum(dim=1)

    rows, y = normalize(made.layers["relu3"]), torch.from_numpy(split.y_true[:IMAGES])
    clean = normalize(show(made.network, split.x[:IMAGES])["relu3"])
    labels = torch.from_numpy(train.y)
    guides, weights = choose_guides(clean, y, rows, labels, classes=1, toward=TOWARD, away=AWAY)
    before = count_likeness(split.x[:IMAGES])
    for norm, radius in [("linf", EPSILONS[1]), ("l2", RADII[1])]:
        ours = (record["attack"] == "adaptive") & (record["norm"] == norm) & (record["radius"] == radius)
        assert (count_likeness(attacked.x[ours & (record["share"] == 1)]) > before).all()


def judge_by_brute_force(made: Made, x: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give each image the label that most of its neighbours in all layers have; the smallest, of several."""
    labels, votes = read_split(made.folder / "train.npz").y, np.zeros((len(x), 3), np.int64)
    for layer, shown in show(made.network, x).items():
        here, rows = (
            of.astype(np.float64) / np.linalg.norm(of, axis=1, keepdims=True)
            for of in (shown, made.layers[layer])
        )
        distances = np.linalg.norm(here[:, None] - rows, axis=2)
        for image, nearest in enumerate(np.argsort(distances, axis=1)[:, :K]):
            votes[image] += np.bincount(labels[nearest], minlength=3)
    return votes.argmax(axis=1)


def test_images_that_dknn_is_right_on_and_no_others_are_led_to_the_next_class(made: Made) -> None:
    record, nearest_record = made.read_record(), made.read_record("nearest")
    attacked, nearest = (read_split(made.folder / f"{name}.npz") for name in ("attacked", "nearest"))
    assert nearest_record["classes"].eq(1).all()
    assert record.drop(columns=["classes", "linf", "l2"]).equals(
        nearest_record.drop(columns=["classes", "linf", "l2"])
    )
    whole = ((record["attack"] == "adaptive") & (record["share"] == 1)).to_numpy()
    right, still_right = (
        judge_by_brute_force(made, split.x[whole]) == split.y_true[whole] for split in (nearest, attacked)
    )
    assert record["classes"][whole].tolist() == (1 + right).tolist()
    changed = (attacked.x[whole] != nearest.x[whole]).any(axis=(1, 2, 3))
    assert changed.tolist() == (right & ~still_right).tolist()
    # Each of the three ends that there can be.
    assert {(True, True), (True, False), (False, False)} == set(zip(right, still_right, strict=True))


def test_fine_tuned_images_and_shares_of_the_way_have_the_classes_of_what_they_come_from(made: Made) -> None:
    record = made.read_record()
    for _, rows in record.groupby(["norm", "radius", "image"]):
        assert rows["classes"].nunique() == 1


def test_the_attack_knows_how_far_the_last_neighbours_of_calibration_images_lie(made: Made) -> None:
    for line, layer in zip(made.printed.splitlines(), LAYERS, strict=False):
        last = made.layers[layer][made.neighbours[layer][:, -1]].astype(np.float64)
        rows = made.calibration[layer].astype(np.float64)
        of_length_1 = (of / np.linalg.norm(of, axis=1, keepdims=True) for of in (rows, last))
        distance = np.linalg.norm(np.subtract(*of_length_1), axis=1).mean()
        found = re.fullmatch(f"{layer}: neighbours usually lie within ([0-9.]+)", line)
        assert found
        assert float(found[1]) == pytest.approx(distance, abs=1e-4)


def test_what_makes_no_attack_is_one_sentence_and_no_file(made: Made) -> None:
    for number, (sentence, said) in enumerate(zip(FAULTS, made.sentences, strict=True), start=1):
        assert re.fullmatch(f"{number} craft_adaptive.py: {sentence}", said)
    assert not (made.folder / "bad").exists()
