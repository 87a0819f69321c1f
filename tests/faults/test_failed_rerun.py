"""A run that fails while it makes results anew leaves no older result that passes for the new one."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import run, start

RUN = Path("results/small/two_digits/seed1")
TABLE = "results/table1.csv"
OWN_TABLE = "results/small/table1.csv"


def train_for_fewer_epochs(folder: Path) -> None:
    path = folder / "config/small.yaml"
    path.write_text(
        path.read_text().replace("attacker: *attacker\n    epochs: 5", "attacker: *attacker\n    epochs: 4")
    )


@pytest.mark.parametrize("keep", ["true", "false"])
def test_after_a_fault_all_that_follows_from_it_is_made_anew(keep: str, finished_copy: Path) -> None:
    configuration = finished_copy / "config/config.yaml"
    configuration.write_text(configuration.read_text().replace("keep: true", f"keep: {keep}"))
    run(finished_copy, TABLE)
    if keep == "false":
        run(finished_copy, TABLE, "--delete-temp-output")
        assert not (finished_copy / RUN / "layers/train").exists()
        assert "Nothing to be done" in run(finished_copy, TABLE)
    training = finished_copy / "scripts/layeraudit/training.py"
    right = training.read_text()
    older = (finished_copy / TABLE).read_bytes()
    train_for_fewer_epochs(finished_copy)
    training.write_text(right.replace("    losses = []\n", '    raise RuntimeError("a fault")\n'))
    assert "a fault" in run(finished_copy, TABLE, succeeds=False)
    for table in (OWN_TABLE, TABLE):
        assert (finished_copy / table).read_bytes() == older

    training.write_text(right)
    run(finished_copy, TABLE)
    assert (finished_copy / TABLE).read_bytes() != older
    if keep == "true":
        first_scores = (finished_copy / RUN / "scores/test.parquet").read_bytes()
        run(finished_copy, TABLE, "--forcerun", "train_model")
        assert (finished_copy / RUN / "scores/test.parquet").read_bytes() == first_scores


def test_a_table_stays_where_the_step_that_makes_it_fails(finished_copy: Path) -> None:
    statistics = finished_copy / "scripts/layeraudit/statistics.py"
    right, older = statistics.read_text(), (finished_copy / OWN_TABLE).read_bytes()
    statistics.write_text(right + '\nraise RuntimeError("a fault")\n')
    assert "a fault" in run(finished_copy, TABLE, succeeds=False)
    assert (finished_copy / OWN_TABLE).read_bytes() == older
    # Nothing has changed since; without the count of failures this is up to date for Snakemake.
    assert "aggregate_table1" in run(finished_copy, "--dry-run", TABLE)

    changed = right.replace("CONFIDENCE_LEVEL = 0.95", "CONFIDENCE_LEVEL = 0.5")
    statistics.write_text(changed)
    run(finished_copy, TABLE)
    assert (finished_copy / OWN_TABLE).read_bytes() == (finished_copy / TABLE).read_bytes() != older


def is_made_anew(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime >= since
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_signal_all_that_follows_is_planned_anew(number: signal.Signals, finished_copy: Path) -> None:
    train_for_fewer_epochs(finished_copy)
    started = time.time()
    stopped = start(finished_copy, TABLE)
    model = finished_copy / RUN / "model.pt"
    while not is_made_anew(model, started):
        assert stopped.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.05)
    os.killpg(stopped.pid, number)
    try:
        stopped.wait(timeout=20)
    except subprocess.TimeoutExpired:  # Snakemake may wait for ever for a job that the signal has ended
        os.killpg(stopped.pid, signal.SIGKILL)
        stopped.wait()
    run(finished_copy, "--unlock")
    lines = [line.split() for line in run(finished_copy, "--dry-run", TABLE).splitlines()]
    planned = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}
    # A job that began after the signal may have come to its end, and its model is a new one.
    models = [finished_copy / RUN.with_name(f"seed{seed}") / "model.pt" for seed in (1, 2)]
    untrained = sum(not is_made_anew(model, started) or not model.exists() for model in models)
    assert planned.get("train_model", 0) >= untrained
    assert (planned["search_neighbours"], planned["score"]) == (6, 4)
