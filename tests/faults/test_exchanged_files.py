"""A file of a run that was damaged or exchanged ends in one sentence, never in a wrong table."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import run

FAILURES = Path("results/small/failures.json")

READ_BY = {
    "data/clean.npz": "data/train.npz",
    "data/train.npz": "scores/test.parquet",
    "model.pt": "layers/test",
    "layers/train/fc.npy": "neighbours/test",
    "index/relu2.npz": "neighbours/test",
    "neighbours/test/relu2.npy": "scores/test.parquet",
    "logits/test.npy": "scores/test.parquet",
    "calibration.npz": "scores/test.parquet",
    "scores/test.parquet": "",
}
"""Of each file another of the run that is made of it; none where it is the table."""


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


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "two_digits": (flip_a_bit, "table1.csv"),
    "two_digits_memorised": (zero_a_block, "tables/table1_memorised.csv"),
    "two_digits_quarter": (take_another_seed, "tables/table1_quarter.csv"),
    "two_digits_quarter_flips": (take_another_seed_with_its_record, "tables/table1_quarter_flips.csv"),
}
"""What is done to a file of the first seed of each experiment, and the table that is made of its runs."""


@pytest.mark.parametrize("name", READ_BY)
def test_it_is_one_sentence(name: str, shared_copy: Path) -> None:
    small = shared_copy / "results/small"
    runs = {experiment: small / experiment / "seed1" for experiment in DAMAGES}
    kept = {
        file: (file.read_bytes(), file.stat())
        for run_folder in runs.values()
        for file in run_folder.rglob("*")
        if file.is_file()
    }
    tables = {small / table: (small / table).read_bytes() for _, table in DAMAGES.values()}
    made = [
        runs[of] / READ_BY[name] if READ_BY[name] else small / table for of, (_, table) in DAMAGES.items()
    ]
    for experiment, (damage, _) in DAMAGES.items():
        damage(runs[experiment] / name)
    for file, (_, status) in kept.items():
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a failing disk would
    targets, forced = ([str(path.relative_to(shared_copy)) for path in paths] for paths in (tables, made))
    try:
        printed = run(shared_copy, *targets, "--keep-going", "--forcerun", *forced, succeeds=False)
        for experiment in DAMAGES:
            run_folder = re.escape(f"results/small/{experiment}/seed1/")
            assert re.search(rf"^\w+\.py: .*{run_folder}.*$", printed, re.MULTILINE), printed
        assert "Traceback" not in printed
        assert {table: table.read_bytes() for table in tables} == tables
    finally:
        (shared_copy / FAILURES).unlink()  # else the next run makes anew what is damaged for it
        for file, (content, status) in kept.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists() or file.read_bytes() != content:
                file.write_bytes(content)
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
