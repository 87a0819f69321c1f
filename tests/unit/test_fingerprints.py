"""Code counts, comments and docstrings do not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from layeraudit.fingerprints import _read, fingerprint, fingerprint_folder, fingerprint_path

PROGRAM = '''"""Says what it does."""
import tools.numbers
from tools import texts


def main():
    """Return a number."""
    return tools.numbers.ONE  # the first
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    for name, text in {
        "program": PROGRAM,
        "tools/__init__": "",
        "tools/numbers": "from tools.deep import TWO\nONE = TWO - 1\n",
        "tools/deep": 'TWO = 2\n"""A number."""\n',
        "tools/texts": "def shout(text):\n    import tools.late\n    return text.upper()\n",
        "tools/late": "LATE = True\n",
        "tools/unused": "UNUSED = 1\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("program", "the first", "the very first", False),
        ("program", "Says what", "Tells what", False),
        ("program", "Return a number", "Return the number", False),
        ("program", "\n\n\ndef", "\n# A comment.\n\n\n\ndef", False),
        ("program", "numbers.ONE", "numbers.TWO", True),
        ("tools/numbers", "- 1", "- 0", True),
        ("tools/deep", "A number", "One number", False),
        ("tools/deep", "TWO = 2", "TWO = 3", True),
        ("tools/late", "True", "False", True),
        ("tools/texts", "upper", "lower", True),
        ("tools/__init__", "", "import os\n", True),
        ("tools/unused", "1", "2", False),
    ],
)
def test_what_a_change_is_to_a_program(file: str, old: str, new: str, counts: bool, root: Path) -> None:
    before = fingerprint((root / "program.py",), root)
    change(root / f"{file}.py", old, new)
    for of in (fingerprint, _read):
        of.cache_clear()  # a run reads each file once
    assert (fingerprint((root / "program.py",), root) != before) == counts


def test_a_module_that_takes_another_name_counts(root: Path) -> None:
    before = fingerprint((root / "tools/deep.py",), root)
    (root / "tools/deep.py").rename(root / "tools/deeper.py")
    assert fingerprint((root / "tools/deeper.py",), root) != before


def test_the_order_of_programs_does_not_count(root: Path) -> None:
    files = (root / "tools/deep.py", root / "tools/late.py")
    assert fingerprint(files, root) == fingerprint(files[::-1], root)


@pytest.mark.parametrize(
    ("change_file", "counts"),
    [
        (lambda folder: (folder / "a/2.png").write_text("new"), True),
        (lambda folder: (folder / "a/1.png").write_text("longer"), True),
        (lambda folder: os.utime(folder / "a/1.png", (5, 5)), True),
        (lambda folder: (folder / "a/1.png").rename(folder / "b/1.png"), True),
        (lambda folder: (folder / "a/1.png").unlink(), True),
        (lambda folder: (folder / "linked/3.png").write_text("new"), True),
        (lambda folder: (folder / "a/.DS_Store").write_text("new"), False),
        (lambda folder: (folder / "a/1.png").read_text(), False),
        (
            lambda folder: (folder / "a/__pycache__").mkdir() or (folder / "a/__pycache__/b.pyc").touch(),
            False,
        ),
    ],
)
def test_what_a_change_is_to_a_folder(
    change_file: Callable[[Path], object], counts: bool, tmp_path: Path
) -> None:
    for name in ("data/a", "data/b", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/a/1.png").write_text("old")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/lost.png").symlink_to(tmp_path / "nowhere")
    before = fingerprint_folder(tmp_path / "data")
    change_file(tmp_path / "data")
    fingerprint_folder.cache_clear()
    assert (fingerprint_folder(tmp_path / "data") != before) == counts


def test_a_file_is_known_with_its_external_data(tmp_path: Path) -> None:
    file = tmp_path / "my.onnx"
    file.write_text("graph")
    digests = [fingerprint_path(file)]
    (tmp_path / "my.onnx.data").write_text("weights")
    digests.append(fingerprint_path(file))
    (tmp_path / "my.onnx.data").write_text("other weights")
    digests.append(fingerprint_path(file))
    assert len(set(digests)) == 3
    (tmp_path / "other.onnx").write_text("graph")
    assert fingerprint_path(file) == digests[-1]
    assert fingerprint_path(tmp_path) == fingerprint_folder(tmp_path)
