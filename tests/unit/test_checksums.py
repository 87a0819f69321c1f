"""A file that was cut, flipped or exchanged is one sentence."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.checksums import check_record, name_record, write_record
from layeraudit.errors import InputError


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Two seeds with a file and a folder each, recorded."""
    for seed in (1, 2):
        folder = tmp_path / f"results/small/clean/seed{seed}"
        (folder / "layers").mkdir(parents=True)
        (folder / "model.pt").write_bytes(b"weights %d" % seed)
        for layer in ("relu1", "fc"):
            (folder / f"layers/{layer}.npy").write_bytes(b"%s %d" % (layer.encode(), seed))
        write_record(folder / "model.pt")
        write_record(folder / "layers")
    return tmp_path / "results/small/clean"


def test_what_was_written_passes(run_folder: Path) -> None:
    for name in ("model.pt", "layers"):
        check_record(run_folder / "seed1" / name)


def test_a_file_without_a_record_passes(tmp_path: Path) -> None:
    (tmp_path / "CITATION.cff").write_text("ours")
    check_record(tmp_path / "CITATION.cff")


def test_the_folder_of_results_may_be_moved(run_folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_record(Path("results/small/clean/seed1/model.pt"))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(tmp_path / "results", moved)
    check_record(moved / "results/small/clean/seed1/model.pt")


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def swap_with_record(path: Path) -> None:
    other = Path(str(path).replace("seed1", "seed2"))
    for source, target in [(other, path), (name_record(other), name_record(path))]:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.pt", damage),
        ("model.pt", lambda path: path.write_bytes(b"")),
        ("model.pt", Path.unlink),
        ("model.pt", lambda path: (path.unlink(), path.mkdir())),
        ("model.pt", lambda path: shutil.copy(str(path).replace("seed1", "seed2"), path)),
        ("model.pt", swap_with_record),
        ("model.pt", lambda path: name_record(path).write_text("")),
        ("model.pt", lambda path: name_record(path).write_bytes(b"\0" * 100)),
        ("layers", lambda path: damage(path / "fc.npy")),
        ("layers", lambda path: (path / "fc.npy").unlink()),
        ("layers", lambda path: shutil.copy(path / "fc.npy", path / "relu1.npy")),
        ("layers", swap_with_record),
        ("layers", lambda path: (shutil.rmtree(path), path.write_text("a file"))),
    ],
)
def test_what_was_not_written_there_is_named(name: str, change, run_folder: Path) -> None:
    path = run_folder / "seed1" / name
    change(path)
    with pytest.raises(InputError) as error:
        check_record(path)
    assert str(path) in str(error.value)
    check_record(run_folder / "seed2" / name)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_any_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, content: bytes, data) -> None:
    path = tmp_path_factory.mktemp("bits") / "file"
    path.write_bytes(content)
    write_record(path)
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    path.write_bytes(flipped)
    with pytest.raises(InputError):
        check_record(path)


def test_sha256sum_reads_the_records(run_folder: Path) -> None:
    folder = run_folder / "seed1"
    text = "".join(name_record(folder / name).read_text() for name in ("model.pt", "layers"))
    checked = subprocess.run(
        ["sha256sum", "--check"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0
    assert checked.stdout.count(": OK") == 3
