"""What is changed is run again, with what follows from it, and nothing else."""

import re
from pathlib import Path

import pandas as pd
import yaml
from conftest import REPOSITORY, RULE, change, list_planned, run

TABLE = "results/table1.csv"
LEADERBOARD = "results/leaderboard"


def test_a_second_run_does_nothing(finished_copy: Path) -> None:
    before = (finished_copy / TABLE).stat().st_mtime_ns
    assert "Nothing to be done" in run(finished_copy, "all")
    assert (finished_copy / TABLE).stat().st_mtime_ns == before


def test_results_can_be_declared_up_to_date(finished_copy: Path) -> None:
    before = (finished_copy / TABLE).read_bytes()
    training = finished_copy / "scripts/layeraudit/training.py"
    change(training, "    losses = []\n", "    losses: list[float] = []\n")
    assert "train_model" in list_planned(finished_copy)
    run(finished_copy, "all", "--touch")
    assert (finished_copy / TABLE).read_bytes() == before
    assert list_planned(finished_copy) == set()


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
    assert "now conformal" not in run(finished_copy, TABLE, "--forcerun", "aggregate_table1")


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
    assert list_planned(finished_copy, LEADERBOARD) == OF_A_NEW_DETECTOR
    output = run(finished_copy, LEADERBOARD)
    assert set(re.findall(RULE, output, re.MULTILINE)) == OF_A_NEW_DETECTOR
    assert set(re.findall(r"detector=(\w+)", output)) == {"class_mean_relu3"}
    assert "class_mean_relu3" in (finished_copy / LEADERBOARD / "index.html").read_text()


def test_a_new_poison_asks_for_its_own_experiment_and_the_tables_and_works(finished_copy: Path) -> None:
    """The one that docs/add-a-poison.md writes, as it stands there."""
    code, line = blocks_of("add-a-poison.md")
    (finished_copy / "scripts/layeraudit/poisons/stripes.py").write_text(code)
    change(finished_copy / "config/config.yaml", "poisons:\n", "poisons:\n" + line)
    change(finished_copy / "config/small.yaml", "[none, badnets_5,", "[none, stripes_5, badnets_5,")
    assert list_planned(finished_copy, LEADERBOARD) == OF_A_NEW_POISON
    trained = "results/small/mnist_stripes_5/trained.csv"
    output = run(finished_copy, trained)
    assert set(re.findall(r"experiment=(\w+)", output)) == {"mnist_stripes_5"}
    assert (pd.read_csv(finished_copy / trained)["attack_success"] > 0.5).all()
