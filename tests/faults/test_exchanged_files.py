"""A file of a run that was damaged or exchanged ends in one sentence, never in a wrong table."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import run

RUN = Path("results/small/two_digits/seed1")
FAILURES = Path("results/small/failures.json")
TABLE = "results/table1.csv"

READ_BY = {
    "data/clean.npz": "merge_training_set",
    "data/train.npz": "score",
    "model.pt": "extract_layers",
    "layers/train/fc.npy": "search_neighbours",
    "index/relu2.npz": "search_neighbours",
    "neighbours/test/relu2.npy": "score",
    "logits/test.npy": "score",
    "calibration.npz": "score",
    "scores/test.parquet": "aggregate_table1",
}
"""A rule that reads each file."""


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zero_a_block(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64) if any(content[middle : middle + 64]) else b"\1" * 64
    path.write_bytes(content)


def take_another_seed(path: Path) -> None:
    shutil.copyfile(str(path).replace("seed1", "seed2"), path)


def take_another_seed_with_its_record(path: Path) -> None:
    recorded = path if (path.parent / f".{path.name}.sha256").exists() else path.parent
    record = recorded.with_name(f".{recorded.name}.sha256")
    take_another_seed(path)
    take_another_seed(record)


@pytest.fixture(scope="module")
def folder(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the finished run once: each test here puts back what it damaged."""
    target = tmp_path_factory.mktemp("damaged")
    return shutil.copytree(finished_run, target, dirs_exist_ok=True, symlinks=True)


@pytest.mark.parametrize("name", READ_BY)
@pytest.mark.parametrize(
    "damage", [flip_a_bit, zero_a_block, take_another_seed, take_another_seed_with_its_record]
)
def test_it_is_one_sentence(damage: Callable[[Path], None], name: str, folder: Path) -> None:
    path = folder / RUN / name
    before = (folder / TABLE).read_bytes()
    kept = {file: (file.read_bytes(), file.stat()) for file in (folder / RUN).rglob("*") if file.is_file()}
    damage(path)
    for file, (_, status) in kept.items():
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a failing disk would
    try:
        printed = run(folder, TABLE, "--forcerun", READ_BY[name], succeeds=False)
        said = re.findall(rf"^\w+\.py: .*{re.escape(str(RUN))}.*$", printed, re.MULTILINE)
        assert said, printed
        assert "Traceback" not in printed
        assert (folder / TABLE).read_bytes() == before
    finally:
        (folder / FAILURES).unlink()  # else the next run makes anew what is damaged for it
        for file, (content, status) in kept.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
