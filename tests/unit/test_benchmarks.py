"""The benchmarks: a tiny one from images to tables, and what is calculated and written of the stored ones."""

import csv
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, copy_repository
from snakemake.io import expand

from layeraudit.datasets import Images
from layeraudit.files import write_dataset
from layeraudit.neighbours.rows import Rows, worker_threads

BENCHMARKS = REPOSITORY / "benchmarks"
TINY = """
variant: tiny
experiments:
  mnist:
    dataset: mnist
    network: report_cnn
    layers: [fc]
    seeds: [1]
    train: 200
    calibration: 0
    test: 40
    epochs: 1
    batch_size: 50
neighbours: {engine: flat, k: 5}
searches:
  usual: {experiment: mnist, layer: [fc], rows_of: train, rows: 200, queries: 40, k: 5, turn: 1}
  compared:
    - {turn: [1, 2], engine: [faiss_flat, exact]}
    - {queries: 10, engine: faiss_hnsw}
  growth:
    - {rows: [100, 200], engine: exact}
    - {rows_of: mixed, rows: 400, engine: [faiss_flat, exact]}
"""
SNAKEMAKE = ["snakemake", "--snakefile", "benchmarks/Snakefile", "--workflow-profile", "none", "--cores", "2"]
TABLE = "benchmarks/neighbours.csv"


def load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


measure, page, report = map(load, ("measure_search", "render_readme", "report"))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def search(engine: str, seconds: float | None, **others: Any) -> dict[str, Any]:
    row = {"engine": engine, "dataset": "mnist", "layer": "fc", "rows": 60000, "queries": 10000, "k": 75}
    figures = {"build_seconds": 1, "peak_mb": 500, "recall": 1, "same_order": 1, "run": 1}
    return row | figures | {"search_seconds": seconds} | others


@pytest.mark.slow
def test_searches_are_measured_from_images_to_tables(tmp_path: Path) -> None:
    folder = copy_repository(tmp_path)
    shutil.copytree(BENCHMARKS, folder / "benchmarks")
    (folder / "benchmarks/config.yaml").write_text(TINY)
    for path in (folder / "benchmarks").glob("neighbours*"):
        path.unlink()
    generator = np.random.default_rng(0)
    x = generator.integers(256, size=(240, 1, 28, 28), dtype=np.uint8)
    images = Images(x, generator.integers(10, size=240), n_train=200, classes=(*"0123456789",))
    write_dataset(folder / "results/datasets/mnist.npz", images)
    subprocess.run([*SNAKEMAKE, "--benchmark-extended", TABLE], cwd=folder, check=True)

    rows = read(folder / TABLE)
    assert list(rows[0]) == list(read(REPOSITORY / TABLE)[0]) == list(measure.COLUMNS)
    by_turns = [("faiss_flat", "1"), ("exact", "1"), ("faiss_flat", "2"), ("exact", "2")]
    assert [(row["engine"], row["run"]) for row in rows] == [*by_turns, ("faiss_hnsw", "1")]
    assert {row["recall"] for row in rows if row["engine"] == "exact"} == {"1.0"}
    assert all(float(row["search_seconds"]) >= 0 and float(row["peak_mb"]) > 0 for row in rows)
    grown = read(folder / "benchmarks/neighbours_growth.csv")
    assert list(grown[0]) == list(read(BENCHMARKS / "neighbours_growth.csv")[0])
    assert [(row["dataset"], row["engine"], row["rows"]) for row in grown] == [
        ("mnist", "exact", "100"),
        ("mnist", "exact", "200"),
        ("mnist_mixed", "faiss_flat", "400"),
        ("mnist_mixed", "exact", "400"),
    ]
    measured = [*folder.glob("results/tiny/searches/*.csv")]
    measured.sort(key=lambda path: path.stat().st_mtime_ns)
    turns = [f"mnist-fc-train-200-40-5-{engine}-{turn}" for engine, turn in by_turns]
    assert [path.stem for path in measured if path.stem in turns] == turns
    assert "numpy" in (folder / "benchmarks/neighbours_machine.txt").read_text()

    jobs = report.tabulate_rules(folder / "results").set_index("rule")["jobs"]
    assert jobs["measure_search"] == len(measured) == 8
    assert jobs["extract_layers"] == 2
    assert jobs.sum() == len([*folder.glob("results/**/benchmarks/*.tsv")])

    again = subprocess.run([*SNAKEMAKE, "-n", TABLE], cwd=folder, capture_output=True, text=True, check=True)
    assert "Nothing to be done" in again.stdout + again.stderr


def test_page_is_rendered_from_the_stored_tables(tmp_path: Path) -> None:
    tables = {
        name: BENCHMARKS / f"neighbours_{name}" for name in ("growth.csv", "profile.csv", "machine.txt")
    }
    page.render_readme(
        searches=BENCHMARKS / "neighbours.csv",
        **{name.split(".")[0]: path for name, path in tables.items()},
        template=BENCHMARKS / "README.md.j2",
        output=tmp_path / "README.md",
    )
    assert (tmp_path / "README.md").read_text() == (BENCHMARKS / "README.md").read_text()


def test_stored_searches_are_those_that_would_be_measured() -> None:
    configured = yaml.safe_load((BENCHMARKS / "config.yaml").read_text())["searches"]
    columns = ["engine", "layer", "rows", "queries", "k", "run"]
    for table, name in [("compared", "neighbours.csv"), ("growth", "neighbours_growth.csv")]:
        wanted = [
            line.split()
            for some in configured[table]
            for line in expand(
                "{experiment}{mixed} {engine} {layer} {rows} {queries} {k} {turn}",
                mixed="_mixed" * (some.get("rows_of") == "mixed"),
                **configured["usual"] | some,
            )
        ]
        stored = [[row["dataset"], *map(row.get, columns)] for row in read(BENCHMARKS / name)]
        assert sorted(stored) == sorted(wanted)


def test_ratios_are_of_runs_made_by_turns_and_of_all_layers_together() -> None:
    rows = [
        search(engine, seconds, layer=layer, run=number)
        for layer in ("relu3", "fc")
        for engine, times in {"faiss_flat": [10, 10, 20, 9], "exact": [5, 4, 4, None]}.items()
        for number, seconds in enumerate(times, start=1)
    ]
    together = page.compare_by_turns(pd.DataFrame(rows)).xs("together", level="layer")
    assert together["search", "exact"].tolist() == [10, 8, 8]
    assert page.spread(together["search", "ratio"], 3) == "0.400 [0.200, 0.500]"
    assert page.spread(together["both", "ratio"], 3) == "0.455 [0.238, 0.545]"


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_growth_is_fitted_along_one_size_at_a_time(exponent: float) -> None:
    rows = [search("exact", 3 * n**exponent, rows=n, build_seconds=n) for n in (7500, 15000, 30000, 60000)]
    fewer = search("exact", 0.3 * 60000**exponent, queries=1000)
    by_rows, by_queries = page.fit_growth(pd.DataFrame([*rows, fewer]), k=75)
    assert (by_rows["size"], by_queries["size"]) == ("rows", "queries")
    assert by_rows["search"] == pytest.approx(exponent, abs=1e-9)
    assert (by_rows["build"], by_queries["search"]) == (pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize("shape", [(9, 4), (3000, 2)])
def test_rows_are_scaled_as_the_library_scales_them(tmp_path: Path, shape: tuple[int, int]) -> None:
    rows = np.random.default_rng(0).random(shape, np.float32)
    rows[3] = 0
    np.save(tmp_path / "rows.npy", rows)
    with worker_threads(1) as executor:
        expected = Rows(rows, "cosine", executor).take(slice(2, len(rows)))
    found = measure.read_scaled(np.load(tmp_path / "rows.npy", mmap_mode="r"), slice(2, len(rows)))
    assert np.array_equal(found, expected)


def test_recall_counts_neighbours_and_same_order_whole_lists() -> None:
    true = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    found = np.array([[0, 1], [3, 2], [4, 9], [8, 9]])
    assert measure.compare(found, true) == {"recall": 0.625, "same_order": 0.25}


def test_a_search_that_is_stopped_leaves_its_row_without_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        np.save(tmp_path / split / "fc.npy", np.ones((9, 2), np.float32))

    def stop(_task: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(measure.ENGINES, "exact", stop)
    with pytest.raises(KeyboardInterrupt):
        measure.measure_search(
            train=tmp_path / "train",
            test=tmp_path / "test",
            output=tmp_path / "row.csv",
            dataset="mnist",
            layer="fc",
            engine="exact",
            rows=8,
            queries=4,
            k=3,
            turn=1,
            mixed=False,
        )
    [row] = read(tmp_path / "row.csv")
    assert [row[key] for key in ("rows", "dimensions", "search_seconds", "run")] == ["8", "2", "", "1"]


@pytest.mark.parametrize("name", ["leaderboard", "report"])
def test_summary_of_a_run_is_that_of_its_rules(name: str) -> None:
    summary = json.loads((BENCHMARKS / f"{name}.json").read_text())
    rules = read(BENCHMARKS / f"{name}.csv")
    assert sum(int(row["jobs"]) for row in rules) == summary["jobs"]
    assert sum(float(row["seconds"]) for row in rules) == pytest.approx(summary["sum_of_jobs_s"], abs=2)
