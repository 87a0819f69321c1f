"""The program that writes the names of detectors, poisons and inputs."""

import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import DEFAULT, run_programs

from layeraudit.titles import COLUMNS, list_names


@pytest.mark.slow
def test_the_program_writes_the_names(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    settings = {key: DEFAULT[key] for key in ("detectors", "poisons", "benches")}
    settings["layers"] = ["relu1", "relu2", "relu3", "fc"]
    options = [f"--{name}={json.dumps(value)}" for name, value in settings.items()]
    _, errors = run_programs(("leaderboard/tabulate_names.py", [*options, "--table", path]))
    assert errors == []
    written = pd.read_csv(path).fillna("")
    expected = list_names(*settings.values())
    pd.testing.assert_frame_equal(written[list(COLUMNS)], expected, check_dtype=False)
