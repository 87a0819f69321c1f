"""What is changed is planned again, with what follows from it, and nothing else."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import change, list_planned

LEADERBOARD = "results/leaderboard"

PUBLISH = {"aggregate_table1", "publish"}
SCORE = {"calibrate", "score"} | PUBLISH
SEARCH = {"search_neighbours"} | SCORE
SHARDS = {"build_shard", "search_shard", "merge_neighbours"} | SCORE
LAYERS = {"extract_layers", "build_index"} | SEARCH


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a file of a copy that is shared by tests which plan and make nothing."""
    text, status = path.read_text(), path.stat()
    change(path, old, new)
    try:
        yield
    finally:
        path.write_text(text)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("config/small.yaml", "k: 10", "k: 9", SEARCH),
        (
            "config/small.yaml",
            "attacker: *attacker\n    epochs: 5",
            "attacker: *attacker\n    epochs: 4",
            {"train_model"} | LAYERS,
        ),
        ("config/small.yaml", "secml_few: {points: 4}", "secml_few: {points: 5}", set()),
        ("config/config.yaml", "mode: paper", "mode: conformal", SCORE),
        ("config/config.yaml", "metric: cosine", "metric: l2", {"build_index"} | SEARCH),
        ("config/config.yaml", "engine: exact", "engine: flat", {"build_index"} | SEARCH),
        ("config/config.yaml", "shards: 1", "shards: 2", SHARDS),
        ("config/config.yaml", "keep: true", "keep: false", set()),
        ("scripts/layeraudit/statistics.py", "CONFIDENCE_LEVEL = 0.95", "CONFIDENCE_LEVEL = 0.9", PUBLISH),
        ("scripts/layeraudit/figures.py", 'CLEAN = "#2166ac"', 'CLEAN = "#2166ad"', set()),
        ("scripts/calibrate.py", "write_arrays(output", "print(1)\n    write_arrays(output", SCORE),
        (
            "scripts/layeraudit/networks/report_cnn.py",
            "nn.Conv2d(64, 128",
            "nn.Conv2d(64, 64 + 64",
            {"train_model"} | LAYERS,
        ),
        ("scripts/layeraudit/networks/lenet.py", "kernel_size=5", "kernel_size=3 + 2", set()),
        ("scripts/layeraudit/configuration.py", "LONGEST = 1500", "LONGEST = 1400", set()),
    ],
)
def test_a_change_runs_again_what_follows_from_it(
    file: str, old: str, new: str, rules: set[str], shared_copy: Path
) -> None:
    with changed(shared_copy / file, old, new):
        assert list_planned(shared_copy) == rules


def test_comments_docstrings_and_the_readme_run_nothing_again(shared_copy: Path) -> None:
    with ExitStack() as stack:
        for file, old, new in [
            ("scripts/layeraudit/errors.py", '"""A mistake', '# A comment.\n"""Another mistake'),
            ("scripts/layeraudit/files.py", '"""Write a split', '"""Write the split'),
            (
                "scripts/layeraudit/networks/report_cnn.py",
                "        x = self.relu1",
                "        # a comment\n        x = self.relu1",
            ),
            ("scripts/calibrate.py", '    """Write the nonconformity', '    """Write a nonconformity'),
            ("README.md", "\n", "\nAnother line.\n"),
        ]:
            stack.enter_context(changed(shared_copy / file, old, new))
        assert list_planned(shared_copy, "all") == set()


def test_a_module_imported_through_another_counts_as_imported(shared_copy: Path) -> None:
    """The program of the table does not import `splits`; `files`, which it imports, does."""
    with changed(shared_copy / "scripts/layeraudit/splits.py", "dimensions = 4", "dimensions = 2 + 2"):
        assert "aggregate_table1" in list_planned(shared_copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("config/config.yaml", "removed: 0.1", "removed: 0.2", {"retrain"}),
        ("config/small.yaml", "knn_distance: {k: 9}", "knn_distance: {k: 8}", {"score_detector"}),
        (
            "scripts/layeraudit/detectors/knn_distance.py",
            "def fit(",
            "CONSTANT = 1\n\n\ndef fit(",
            {"score_detector"},
        ),
        ("config/small.yaml", "badnets_5: {rate: 0.1}", "badnets_5: {rate: 0.2}", {"make_poison"}),
    ],
)
def test_a_change_of_a_bench_starts_where_it_is_made(
    file: str, old: str, new: str, rules: set[str], shared_copy: Path
) -> None:
    with changed(shared_copy / file, old, new):
        plan = list_planned(shared_copy, LEADERBOARD)
    assert rules <= plan
    order = ["make_poison", "train_model", "search_neighbours", "score_detector", "retrain"]
    first = min(order.index(rule) for rule in rules)
    assert not plan & set(order[:first])
    assert "make_leaderboard" in plan
