"""Finished results of a variant stay until their successors are there, and beyond that where they differ."""

from pathlib import Path

import pytest

from layeraudit.results import drop_equal, keep_configuration, list_changes, list_made, set_aside


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_first_configuration_changes_nothing_and_is_kept(tmp_path: Path) -> None:
    assert keep_configuration(tmp_path, {"neighbours": {"k": 75}}) == []
    assert keep_configuration(tmp_path, {"neighbours": {"k": 75}}) == []
    assert keep_configuration(tmp_path, {"neighbours": {"k": 50}}) == ["neighbours.k: 75, now 50"]
    assert keep_configuration(tmp_path, {"neighbours": {"k": 50}}) == []


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


def test_finished_results_move_aside_and_all_else_is_removed(tmp_path: Path) -> None:
    table, scores = write(tmp_path / "tables/a.csv", "old"), write(tmp_path / "clean/seed1/scores.parquet")
    page = write(tmp_path / "leaderboard/index.html").parent
    elsewhere = write(tmp_path.parent / "datasets/mnist.npz")
    aside = tmp_path / "replaced/now"
    set_aside([table, scores, page, elsewhere, tmp_path / "tables/missing.csv"], tmp_path, aside)
    assert not any(path.exists() for path in (table, scores, page, elsewhere))
    assert (aside / "tables/a.csv").read_text() == "old"
    assert (aside / "leaderboard/index.html").exists()
    assert len([path for path in aside.rglob("*") if path.is_file()]) == 2


def test_what_differs_from_its_successor_is_kept(tmp_path: Path) -> None:
    aside = tmp_path / "replaced/now"
    for name, old, new in [("same", "1", "1"), ("other", "1", "2"), ("gone", "1", None)]:
        write(aside / f"tables/{name}.csv", old)
        if new:
            write(tmp_path / f"tables/{name}.csv", new)
    assert [path.stem for path in drop_equal(aside, tmp_path)] == ["gone", "other"]
    assert not (aside / "tables/same.csv").exists()


def test_nothing_is_left_where_all_is_the_same(tmp_path: Path) -> None:
    write(tmp_path / "replaced/now/table1.csv")
    write(tmp_path / "table1.csv")
    assert drop_equal(tmp_path / "replaced/now", tmp_path) == []
    assert not (tmp_path / "replaced").exists()
    assert drop_equal(tmp_path / "replaced/never", tmp_path) == []


def test_only_finished_results_since_a_time_are_named(tmp_path: Path) -> None:
    made = write(tmp_path / "tables/a.csv")
    write(tmp_path / "clean/seed1/model.pt")
    write(tmp_path / "leaderboard/.snakemake_timestamp")
    assert list_made(tmp_path, made.stat().st_mtime) == [made]
    assert list_made(tmp_path, made.stat().st_mtime + 1) == []
