"""The program that attacks Deep k-nearest neighbours: what it writes, and what it says where it cannot."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import run_programs
from numpy.typing import NDArray
from torch import Tensor, nn

from layeraudit.activations import capture
from layeraudit.attacks._adaptive import choose_guides
from layeraudit.attacks._conditions import ROUNDING
from layeraudit.files import atomic_write_layers, read_split, write_matrix, write_split
from layeraudit.neighbours import build
from layeraudit.networks.report_cnn import ReportCNN
from layeraudit.splits import Split

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


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


def write_layers(folder: Path, layers: Mapping[str, NDArray[np.generic]]) -> None:
    with atomic_write_layers(folder, layers) as temporary:
        for layer, rows in layers.items():
            write_matrix(temporary / f"{layer}.npy", rows)


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
        write_layers(folder / name, shown[name])
    neighbours = {
        layer: generator.permuted(np.tile(np.arange(TRAIN), (6, 1)), axis=1)[:, :K] for layer in LAYERS
    }
    write_layers(folder / "neighbours", neighbours)
    write_layers(folder / "few", {layer: rows[:5] for layer, rows in neighbours.items()})
    for layer in LAYERS:
        build(shown["train"][layer], "cosine").save(folder / "index" / f"{layer}.npz")
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
