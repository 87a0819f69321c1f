"""What `snakemake` prints by its profile: what can be asked for, little else, and why a job failed."""

from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, run

QUIET = ["--quiet", *yaml.safe_load((REPOSITORY / "profiles/default/config.yaml").read_text())["quiet"]]


def test_snakemake_alone_lists_what_can_be_asked_for_and_makes_nothing(fresh_copy: Path) -> None:
    assert (REPOSITORY / "docs/commands.txt").read_text() in run(fresh_copy, *QUIET)
    assert not (fresh_copy / "results").exists()


def test_a_dry_run_fits_on_a_page_or_two(fresh_copy: Path) -> None:
    assert len(run(fresh_copy, "--dry-run", "table1", *QUIET).splitlines()) < 60


def test_a_claim_on_a_table_that_there_is_not_ends_before_any_work(fresh_copy: Path) -> None:
    claim = yaml.safe_load((fresh_copy / "config/claims.yaml").read_text())["claims"]["attack_on_dknn"]
    (fresh_copy / "mine.yaml").write_text(yaml.safe_dump({"claims": {"mine": claim | {"table": "table_1"}}}))
    target = "results/small/tables/claims.csv"
    printed = run(fresh_copy, target, *QUIET, over=["mine.yaml"], succeeds=False)
    assert "claims.mine.table is 'table_1', allowed are experiment_1, " in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("environments")
def test_the_log_of_a_failed_job_is_printed_last(fresh_copy: Path) -> None:
    parts = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    for name in parts:
        (fresh_copy / name).write_text("no images")
    config = fresh_copy / "config/small.yaml"
    config.write_text(config.read_text() + "\ndatasets: {mnist: {folder: .}}\n")
    printed = run(fresh_copy, "results/datasets/mnist.npz", *QUIET, succeeds=False)
    end = printed.split("Failed; results/datasets/logs/mnist.log says:\n")[1]
    assert "train-images-idx3-ubyte is cut short or another file" in end
    assert end.count("mnist.log") == 0
