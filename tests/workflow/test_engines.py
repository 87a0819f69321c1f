"""The same neighbours from every exact engine and from every number of shards, in real runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import run

LAYERS = ["relu1", "relu2", "relu3", "fc"]
SPLITS = ["train", "calibration", "test"]


def found_by(folder: Path, seed: int) -> list[np.ndarray]:
    root = folder / f"results/small/two_digits/seed{seed}/neighbours"
    return [np.load(root / split / f"{layer}.npy") for split in SPLITS for layer in LAYERS]


@pytest.mark.parametrize(("old", "new"), [("shards: 1", "shards: 3"), ("engine: exact", "engine: flat")])
def test_the_neighbours_and_the_table_are_the_same(old: str, new: str, finished_copy: Path) -> None:
    before = found_by(finished_copy, 1)
    table = (finished_copy / "results/table1.csv").read_bytes()
    path = finished_copy / "config/config.yaml"
    path.write_text(path.read_text().replace(old, new))
    run(finished_copy, "results/table1.csv")
    for one, other in zip(before, found_by(finished_copy, 1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (finished_copy / "results/table1.csv").read_bytes() == table


def test_an_approximate_engine_says_what_it_finds(finished_copy: Path) -> None:
    before = found_by(finished_copy, 2)
    path = finished_copy / "config/config.yaml"
    path.write_text(path.read_text().replace("engine: exact", "engine: hnsw"))
    run(finished_copy, "results/table1.csv")
    shares = [
        np.mean([np.isin(a, b).mean() for a, b in zip(one, other, strict=True)])
        for one, other in zip(before, found_by(finished_copy, 2), strict=True)
    ]
    root = finished_copy / "results/small/two_digits/seed2"
    described = [
        json.loads((root / f"neighbours/{split}/{layer}.json").read_text())
        for split in SPLITS
        for layer in LAYERS
    ]
    assert {one["engine"] for one in described} == {"hnsw"}
    # Splits of up to 100 rows are measured whole; in that of the training rows, a row finds itself too.
    for split_share, one in zip(shares[len(LAYERS) :], described[len(LAYERS) :], strict=True):
        assert one["recall"] == pytest.approx(split_share)
        assert one["recall_queries"] in (50, 60)
    log = (root / "logs/search_neighbours_test.log").read_text()
    assert "recall" in log
