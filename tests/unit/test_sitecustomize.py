"""A package that an environment lacks is one sentence; every other exception keeps its traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        (
            "import layeraudit, nowhere.inner\n",
            "program.py: the environment lacks nowhere, allowed is one that",
        ),
        ("1 / 0\n", "Traceback (most recent call last):\n"),
    ],
)
def test_a_missing_package_is_one_sentence(code: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(code)
    ended = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        env={"PYTHONPATH": str(REPOSITORY / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(printed)
    assert ended.stderr.count("\n") == 1 or "ZeroDivisionError" in ended.stderr
