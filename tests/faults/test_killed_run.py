"""A run that is killed in the middle loses no finished stage, and ends with the same bytes."""

import os
import signal
import time
from pathlib import Path

from conftest import run, start

RUN = Path("results/small/two_digits/seed1")
TABLE = "results/table1.csv"


def test_a_killed_run_is_taken_up_again(fresh_copy: Path, finished_run: Path) -> None:
    model = fresh_copy / RUN / "model.pt"
    killed = start(fresh_copy, TABLE)
    # What is made of the model shows that Snakemake has taken note of it.
    while not list((fresh_copy / RUN).glob("layers/*/*.npy")):
        assert killed.poll() is None, "the run ended before it could be killed"
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    trained_at = model.stat().st_mtime_ns
    assert not (fresh_copy / TABLE).exists()

    run(fresh_copy, "--unlock")
    run(fresh_copy, TABLE)

    assert model.stat().st_mtime_ns == trained_at
    assert not list((fresh_copy / "results").rglob(".partial-*"))
    assert (fresh_copy / TABLE).read_bytes() == (finished_run / TABLE).read_bytes()
    for seed in (1, 2):
        for split in ("train", "test"):
            name = f"results/small/two_digits/seed{seed}/scores/{split}.parquet"
            assert (fresh_copy / name).read_bytes() == (finished_run / name).read_bytes()
