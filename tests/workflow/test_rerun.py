"""What is changed is run again, with what follows from it, and nothing else."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY, run

TABLE = "results/table1.csv"
LEADERBOARD = "results/leaderboard"
RULE = r"^(?:local)?rule (\w+):"


def planned(folder: Path, target: str = TABLE) -> set[str]:
    """Give the rules that Snakemake would run."""
    output = run(folder, "--dry-run", target)
    stats = re.search(r"^Job stats:\n.*\n-.*\n((?:\w+ +\d+\n)+)", output, re.MULTILINE)
    rules = {line.split()[0] for line in stats.group(1).splitlines()} if stats else set()
    return rules - {"all", "total", "keep_configuration"}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


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


def test_a_second_run_does_nothing(finished_copy: Path) -> None:
    before = (finished_copy / TABLE).stat().st_mtime_ns
    assert "Nothing to be done" in run(finished_copy, "all")
    assert (finished_copy / TABLE).stat().st_mtime_ns == before


PUBLISH = {"aggregate_table1", "publish"}
SCORE = {"calibrate", "score"} | PUBLISH
SEARCH = {"search_neighbours"} | SCORE
SHARDS = {"build_shard", "search_shard", "merge_neighbours"} | SCORE
LAYERS = {"extract_layers", "build_index"} | SEARCH


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
        assert planned(shared_copy) == rules


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
        assert planned(shared_copy, "all") == set()


def test_results_can_be_declared_up_to_date(finished_copy: Path) -> None:
    before = (finished_copy / TABLE).read_bytes()
    training = finished_copy / "scripts/layeraudit/training.py"
    change(training, "    losses = []\n", "    losses: list[float] = []\n")
    assert "train_model" in planned(finished_copy)
    run(finished_copy, "all", "--touch")
    assert (finished_copy / TABLE).read_bytes() == before
    assert planned(finished_copy) == set()


def test_a_module_imported_through_another_counts_as_imported(shared_copy: Path) -> None:
    """The program of the table does not import `splits`; `files`, which it imports, does."""
    with changed(shared_copy / "scripts/layeraudit/splits.py", "dimensions = 4", "dimensions = 2 + 2"):
        assert "aggregate_table1" in planned(shared_copy)


def test_the_table_made_again_is_made_alone_and_differs(finished_copy: Path) -> None:
    path = finished_copy / TABLE
    before = path.read_text()
    change(
        finished_copy / "scripts/layeraudit/statistics.py",
        "CONFIDENCE_LEVEL = 0.95",
        "CONFIDENCE_LEVEL = 0.5",
    )
    output = run(finished_copy, TABLE)
    assert re.findall(RULE, output, re.MULTILINE) == ["aggregate_table1", "publish"]
    assert path.read_text() != before
    assert "Made: results/table1.csv" in output


def test_changed_settings_are_named_once(finished_copy: Path) -> None:
    change(finished_copy / "config/config.yaml", "mode: paper", "mode: conformal")
    assert "calibration.mode: paper, now conformal" in run(finished_copy, TABLE)
    kept = yaml.safe_load((finished_copy / "results/small/config.yaml").read_text())
    assert kept["calibration"] == {"mode": "conformal"}
    assert "now conformal" not in run(finished_copy, "all", "--forcerun", "judge_claims")


def test_another_variant_leaves_the_tables_of_the_first(finished_copy: Path) -> None:
    own = finished_copy / "results/small/table1.csv"
    before, published = own.read_bytes(), (finished_copy / TABLE).read_bytes()
    change(finished_copy / "config/small.yaml", "variant: small", "variant: other")
    training = finished_copy / "scripts/layeraudit/training.py"
    change(training, "    losses = []\n", '    raise RuntimeError("a fault")\n')
    run(finished_copy, TABLE, succeeds=False)
    assert own.read_bytes() == before
    assert (finished_copy / TABLE).read_bytes() == published


OF_A_NEW_DETECTOR = {
    *("score_detector", "tabulate_poison_bench", "tabulate_evasion_bench", "rank_detectors", "tabulate_cost"),
    *("plot_bench", "plot_critical_difference", "plot_remove_and_retrain"),
    *("tabulate_names", "make_leaderboard", "publish_leaderboard"),
}

OF_A_NEW_POISON = OF_A_NEW_DETECTOR - {"tabulate_evasion_bench"} | {
    *("draw_splits", "make_poison", "merge_training_set", "train_model", "evaluate_networks", "retrain"),
    *("extract_layers", "build_index", "search_neighbours"),
}


def blocks_of(page: str) -> tuple[str, str]:
    """Return the Python code and the line of the configuration that a guide shows."""
    text = (REPOSITORY / "docs" / page).read_text()
    code, line = (re.search(rf"```{name}\n(.*?)```", text, re.DOTALL) for name in ("python", "yaml"))
    return code.group(1), line.group(1)  # type: ignore[union-attr]


def test_a_new_detector_runs_itself_and_the_tables_and_nothing_else(finished_copy: Path) -> None:
    """The one that docs/add-a-detector.md writes, as it stands there."""
    code, line = blocks_of("add-a-detector.md")
    (finished_copy / "scripts/layeraudit/detectors/class_mean.py").write_text(code)
    change(finished_copy / "config/config.yaml", "detectors:\n", "detectors:\n" + line)
    assert planned(finished_copy, LEADERBOARD) == OF_A_NEW_DETECTOR
    output = run(finished_copy, LEADERBOARD)
    assert set(re.findall(RULE, output, re.MULTILINE)) - {"keep_configuration"} == OF_A_NEW_DETECTOR
    assert set(re.findall(r"detector=(\w+)", output)) == {"class_mean_relu3"}
    assert "class_mean_relu3" in (finished_copy / LEADERBOARD / "index.html").read_text()


def test_a_new_poison_runs_its_own_experiment_and_the_tables_and_nothing_else(finished_copy: Path) -> None:
    """The one that docs/add-a-poison.md writes, as it stands there."""
    code, line = blocks_of("add-a-poison.md")
    (finished_copy / "scripts/layeraudit/poisons/stripes.py").write_text(code)
    change(finished_copy / "config/config.yaml", "poisons:\n", "poisons:\n" + line)
    change(finished_copy / "config/small.yaml", "[none, badnets_5,", "[none, stripes_5, badnets_5,")
    assert planned(finished_copy, LEADERBOARD) == OF_A_NEW_POISON
    output = run(finished_copy, LEADERBOARD)
    assert set(re.findall(RULE, output, re.MULTILINE)) - {"keep_configuration"} == OF_A_NEW_POISON
    assert set(re.findall(r"experiment=(\w+)", output)) == {"mnist_stripes_5"}
    trained = pd.read_csv(finished_copy / "results/small/mnist_stripes_5/trained.csv")
    assert (trained["attack_success"] > 0.5).all()
    assert "Stripes" in (finished_copy / LEADERBOARD / "index.html").read_text()


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
        plan = planned(shared_copy, LEADERBOARD)
    assert rules <= plan
    order = ["make_poison", "train_model", "search_neighbours", "score_detector", "retrain"]
    first = min(order.index(rule) for rule in rules)
    assert not plan & set(order[:first])
    assert "make_leaderboard" in plan
