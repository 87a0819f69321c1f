"""The parts of the neighbours' benchmark that measure nothing: truth, exponents, tables."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "neighbours.py"


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("benchmark_neighbours", PROGRAM)
    module = importlib.util.module_from_spec(specification)
    path = sys.path.copy()
    specification.loader.exec_module(module)
    sys.path[:] = path
    return module


def measurement(benchmark, engine, run, search, *, layer="fc", build=1.0, **others):
    whole = {"dataset": "mnist", "rows": 60000, "dimensions": 10, "queries": 10000, "k": 75, **others}
    figures = {"peak_mb": 500.0, "recall": 1.0, "same_order": 1.0}
    if search is None:
        build, figures = None, {}
    return benchmark.Measurement(
        engine, layer=layer, run=run, build_seconds=build, search_seconds=search, **whole, **figures
    )


def test_scaled_rows_are_those_that_the_library_describes(benchmark):
    rows = np.random.default_rng(0).random((50, 7), np.float32)
    rows[3] = 0
    lengths = np.sqrt(np.square(rows.astype(np.float64)).sum(axis=1))
    lengths[3] = 1
    expected = rows * (1 / lengths).astype(np.float32)[:, None]
    assert np.array_equal(benchmark.scale(rows.copy()), expected)


@pytest.mark.parametrize("shape", [(9, 4), (3000, 2)])
def test_rows_are_read_from_where_they_lie_in_the_file(benchmark, tmp_path, shape):
    rows = benchmark.scale(np.random.default_rng(0).random(shape, np.float32))
    np.save(tmp_path / "rows.npy", rows)
    np.testing.assert_allclose(benchmark.read_scaled(tmp_path / "rows.npy", 2, 99999), rows[2:], rtol=1e-6)


def test_candidates_are_put_in_the_order_of_float64_with_ties_by_row(benchmark):
    reference = np.array([[3.0], [1 + 2.0**-20], [1.0], [-1.0], [50.0]], np.float32)
    candidates = np.array([[1, 3, 2, 0]])
    distances = np.array([[1, 1, 1, 9]], np.float32)
    nearest, compared_with_all = benchmark.order_exactly(
        reference, np.zeros((1, 1), np.float32), candidates, distances, 3
    )
    assert (nearest.tolist(), compared_with_all) == ([[2, 3, 1]], 0)


def test_a_query_whose_candidates_may_not_suffice_is_compared_with_all_rows(benchmark):
    reference = np.array([[2.0], [1.0], [-1.0], [0.5]], np.float32)
    nearest, compared_with_all = benchmark.order_exactly(
        reference, np.zeros((1, 1), np.float32), np.array([[1, 2]]), np.array([[1, 1]], np.float32), 2
    )
    assert (nearest.tolist(), compared_with_all) == ([[3, 1]], 1)


def test_recall_counts_neighbours_and_same_order_whole_lists(benchmark):
    true = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    found = np.array([[0, 1], [3, 2], [4, 9], [8, 9]])
    assert benchmark.compare(found, true) == (0.625, 0.25)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(benchmark, exponent):
    sizes = [7500, 15000, 30000, 60000]
    assert benchmark.fit_exponent(sizes, [3 * n**exponent for n in sizes]) == pytest.approx(exponent)


def test_a_table_that_is_written_is_read_again_with_its_empty_figures(benchmark, tmp_path):
    some = [measurement(benchmark, "exact", 1, 2.5), measurement(benchmark, "pynndescent", 1, None)]
    path = tmp_path / "neighbours.csv"
    benchmark.write_table(path, some, benchmark.Measurement._fields)
    assert path.read_text().splitlines()[0] == (
        "engine,dataset,layer,rows,dimensions,queries,k,build_seconds,search_seconds,peak_mb,recall,same_order,run"
    )
    assert benchmark.read_table(path) == some
    assert [file.name for file in tmp_path.iterdir()] == ["neighbours.csv"]


def test_ratios_are_of_runs_made_by_turns_and_of_all_layers_together(benchmark):
    some = [
        measurement(benchmark, engine, run, seconds, layer=layer)
        for layer in benchmark.LAYERS
        for engine, times in {"faiss_flat": [10, 10, 20], "exact": [5, 4, 4]}.items()
        for run, seconds in enumerate(times, start=1)
    ]
    lines = benchmark.tabulate_ratios(some).splitlines()
    cells = [cell.strip() for cell in lines[-1].split("|")]
    assert cells[1:4] == ["mnist", "together", "3"]
    assert cells[6:8] == ["0.400 [0.200, 0.500]", "0.455 [0.238, 0.545]"]
    assert len(lines) == 2 + 5


def test_an_engine_that_was_stopped_is_in_the_table_and_in_the_text(benchmark, tmp_path):
    some = [measurement(benchmark, "exact", 1, 2.5), measurement(benchmark, "pynndescent", 1, None)]
    benchmark.write_page(tmp_path, tmp_path, {"neighbours.csv": some, "neighbours_growth.csv": []})
    page = (tmp_path / "README.md").read_text()
    assert "| `pynndescent` | 10,000 | stopped |" in page
    assert "Where `pynndescent` has no figures" in page


def test_findings_stay_when_the_page_is_written_again(benchmark, tmp_path):
    tables = {"neighbours.csv": [], "neighbours_growth.csv": []}
    benchmark.write_page(tmp_path, tmp_path, tables)
    page = tmp_path / "README.md"
    page.write_text(page.read_text().replace(benchmark.FINDINGS, benchmark.FINDINGS + "\nIt is fast."))
    benchmark.write_page(tmp_path, tmp_path, tables)
    assert page.read_text().count("\nIt is fast.\n") == 1


def test_growth_is_fitted_along_one_size_at_a_time(benchmark):
    rows = [
        measurement(benchmark, "exact", 1, n / 6000, build=(n / 6000) ** 2, rows=n)
        for n in (7500, 15000, 30000, 60000)
    ]
    fewer = measurement(benchmark, "exact", 1, 1.0, queries=1000)
    lines = benchmark.tabulate_growth([*rows, fewer]).splitlines()[2:]
    assert ["| rows |" in line and "| 1.00 | 2.00 |" in line for line in lines] == [True, False]
    assert "| queries | 1,000: 1.0, 10,000: 10.0 | 1.00 |" in lines[1]
