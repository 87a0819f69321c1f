"""`pip install .` in an environment of its own: the first example of its page runs there, without torch."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from conftest import REPOSITORY
from sklearn.datasets import load_digits


def list_package(root: Path) -> set[str]:
    """Return the files of the package that are to be installed."""
    files = (path for path in (root / "layeraudit").rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in files if "__pycache__" not in path.parts}


def test_an_installed_library_finds_wrong_labels_without_torch(tmp_path: Path) -> None:
    source, python = tmp_path / "source", tmp_path / "venv/bin/python"
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):  # a copy, since pip builds in the folder it is given
        source.mkdir(exist_ok=True)
        shutil.copy2(REPOSITORY / name, source)
    shutil.copytree(REPOSITORY / "scripts", source / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    interpreter = Path(sys.executable).resolve()
    subprocess.run([interpreter, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "--quiet", "--no-input", "install", source], check=True)
    assert list_package(next(tmp_path.glob("venv/lib/*/site-packages"))) == list_package(
        REPOSITORY / "scripts"
    )

    digits = load_digits()
    labels = digits.target.copy()
    labels[:5] = (labels[:5] + 1) % 10
    np.save(tmp_path / "pixels.npy", digits.data.astype(np.float32))
    np.save(tmp_path / "labels.npy", labels)
    example = re.search(r"^```python\n(.*?)^```", (REPOSITORY / "docs/library.md").read_text(), re.M | re.S)
    assert example is not None

    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    ended = run(example[1])
    assert ended.returncode == 0, ended.stderr
    assert {f"row {row}" for row in range(5)} <= {line.split(":")[0] for line in ended.stdout.splitlines()}
    assert "No module named 'torch'" in run("import torch").stderr
    last = run("import layeraudit; layeraudit.capture_layers(None, None, [])").stderr.splitlines()[-1]
    assert last == "ImportError: capture_layers needs torch: pip install 'layeraudit[torch]'"
