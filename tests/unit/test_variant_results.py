"""Which configuration a variant's results are of, what changed in it, and what a run has made."""

from pathlib import Path

import pytest
import yaml

from layeraudit.results import (
    MOST_NAMED,
    count_failures,
    keep_configuration,
    list_changes,
    list_made,
    name_job,
    name_made,
    read_counts,
)


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_first_configuration_changes_nothing_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine/config.yaml"
    assert keep_configuration(path, {"neighbours": {"k": 75}}) == []
    assert keep_configuration(path, {"neighbours": {"k": 75}}) == []
    assert keep_configuration(path, {"neighbours": {"k": 50}}) == ["neighbours.k: 75, now 50"]
    assert yaml.safe_load(path.read_text()) == {"neighbours": {"k": 50}}
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("older", "newer", "changes"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),  # an added detector overwrites nothing
        ({"a": 1, "b": 2}, {"a": 1}, []),
        ({"a": {"b": [1, 2], "c": 3}}, {"a": {"b": [1], "c": 3}}, ["a.b: [1, 2], now [1]"]),
        ({"a": {"b": 1}}, {"a": None}, ["a: {'b': 1}, now None"]),
    ],
)
def test_changes_are_of_values_that_both_have(older, newer, changes) -> None:
    assert list_changes(older, newer) == changes


def test_only_finished_results_since_a_time_are_named(tmp_path: Path) -> None:
    made = write(tmp_path / "tables/a.csv")
    write(tmp_path / "clean/seed1/model.pt")
    write(tmp_path / "leaderboard/.snakemake_timestamp")
    assert list_made(tmp_path, made.stat().st_mtime) == [made]
    assert list_made(tmp_path, made.stat().st_mtime + 1) == []


def test_what_a_run_has_made_is_named_the_published_first(tmp_path: Path) -> None:
    folder = tmp_path / "results/mine"
    published = [write(tmp_path / "results/table1.csv"), tmp_path / "results/missing.csv"]
    table, page = write(folder / "tables/a.csv"), write(folder / "summary.html")
    write(folder / "figures/a.png")
    write(folder / "measures/a.csv")
    lines = name_made(folder, published, published[0].stat().st_mtime - 1)
    assert lines == [
        *(f"Made: {path}" for path in (published[0], page, table)),
        f"Made: 5 files in all, in {folder}",
    ]
    assert name_made(folder, published, published[0].stat().st_mtime + 100) == []


def test_of_very_many_results_the_first_are_named(tmp_path: Path) -> None:
    for number in range(2 * MOST_NAMED):
        write(tmp_path / f"tables/{number:02}.csv")
    lines = name_made(tmp_path, [], 0)
    assert len(lines) == MOST_NAMED + 1
    assert lines[-1] == f"Made: {2 * MOST_NAMED} files in all, in {tmp_path}"


def test_a_run_that_makes_one_table_names_it_alone(tmp_path: Path) -> None:
    assert name_made(tmp_path, [], write(tmp_path / "table1.csv").stat().st_mtime) == [
        f"Made: {tmp_path / 'table1.csv'}"
    ]


LOG = """[Mon Nov 30 09:04:07 2026]
Error in rule train_model:
    message: None
    jobid: 13
    input: results/small/clean/seed2/data/train.npz
    output: results/small/clean/seed2/model.pt (update)
    shell:
        python scripts/train_model.py --train results/small/clean/seed2/data/train.npz > log 2>&1
        (command exited with non-zero exit code)
Error in rule measure_transfer:
    message: None
    output: results/small/measures/transfer.csv
    shell:
        python scripts/report/measure_transfer.py --records a > log 2>&1
Error in rule publish:
    output: results/table1.csv
    shell:
        cp a b
"""


def test_failures_are_counted_by_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/small")
    write(Path("run.log"), LOG)
    assert read_counts(folder) == {}
    count_failures(folder, ["clean", "fashion"], ["run.log"])
    counts = {name_job("train_model", "clean", "2"): 1, name_job("report/measure_transfer"): 1}
    assert read_counts(folder) == counts
    count_failures(folder, ["clean", "fashion"], ["run.log"])
    assert read_counts(folder) == dict.fromkeys(counts, 2)
    write(folder / "failures.json", "not whole")
    assert read_counts(folder) == {}
