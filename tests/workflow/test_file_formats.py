"""docs/file-formats.md describes what a run makes."""

import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY

PAGE = (REPOSITORY / "docs/file-formats.md").read_text()
LAYERS = "relu1|relu2|relu3|fc"


def test_every_column_is_described(finished_run: Path) -> None:
    described = set(re.findall(r"`([a-z0-9_{}]+)`", PAGE))
    tables = [
        path for kind in ("csv", "parquet") for path in (finished_run / "results/small").rglob(f"*.{kind}")
    ]
    assert len(tables) > 50
    missing = {}
    for path in tables:
        columns = pd.read_csv(path, nrows=0) if path.suffix == ".csv" else pd.read_parquet(path)
        names = {re.sub(rf"_({LAYERS})$", "_{layer}", name) for name in columns}
        if names - described:
            missing[path.name] = names - described
    assert missing == {}


def test_the_example_reads_a_run(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(finished_run)
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], {})  # type: ignore[index]
    assert re.search(r"^0\.\d+ of the neighbours in relu3 are poison$", capsys.readouterr().out, re.MULTILINE)
