"""Programs that cannot go on, for the disk or their input, say so in one sentence and leave nothing."""

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import REPOSITORY
from numpy.typing import NDArray

from layeraudit.checksums import write_record
from layeraudit.cli import write_files, write_settings
from layeraudit.files import atomic_write_layers, write_arrays, write_matrix, write_split
from layeraudit.neighbours import build
from layeraudit.networks.report_cnn import ReportCNN
from layeraudit.splits import Split

N = 30
FULL = "File too large"
NETWORK = {"method": "report_cnn", "normalisation": None}


def run_program(
    name: str, files: dict[str, Path], settings: dict[str, Any], *, largest_file: int | None = None
) -> str:
    """Run a program that is to fail, on a disk that holds no larger file; return its one line."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    options = [*write_files((key, str(path)) for key, path in files.items()), *write_settings(settings)]
    ended = subprocess.run(
        # -B: on such a disk Python 3.11.2 keeps cut-off bytecode of what it imports, for all that follow.
        [sys.executable, "-B", REPOSITORY / "scripts" / name, *options],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "scripts")},
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith(f"{Path(name).name}: ")
    return ended.stderr


def write_layer(folder: Path, rows: NDArray[np.generic]) -> None:
    """Write a folder of one layer."""
    with atomic_write_layers(folder, ["relu1"]) as temporary:
        write_matrix(temporary / "relu1.npy", rows)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).random((N, 1, 28, 28), dtype=np.float32)
    y = np.arange(N) % 2
    write_split(tmp_path / "in/split.npz", Split(x, y, y, np.zeros(N, bool), np.arange(N), 10))
    return tmp_path / "in/split.npz"


@pytest.mark.parametrize(
    ("changes", "largest_file", "sentence"),
    [
        ({}, 100_000, FULL),
        ({"images": N + 1}, None, "31 images are asked for, allowed are 1 to 30"),
        ({"learning_rate": 1e30}, None, "training has diverged, lower training.learning_rate"),
        (
            {"network": {"method": "vgg11", "normalisation": None}},
            None,
            "vgg11 takes no images of [1, 28, 28]: ",
        ),
    ],
    ids=["full disk", "too few images", "diverges", "too small images"],
)
def test_training_that_fails(
    changes: dict[str, Any], largest_file: int | None, sentence: str, split: Path, tmp_path: Path
) -> None:
    files = {"train": split, "output": tmp_path / "out/model.pt"}
    settings = {"images": N, "network": NETWORK, "epochs": 1, "batch_size": 10, "learning_rate": 0.001}
    settings |= {"seed": 0, **changes}
    assert sentence in run_program("train_model.py", files, settings, largest_file=largest_file)
    assert not list(tmp_path.glob("out/*"))


def test_a_folder_that_begins_with_a_dash_and_has_a_line_break(tmp_path: Path) -> None:
    settings = {"settings": {"method": "mnist", "folder": "-my\ndata"}}
    printed = run_program("fetch_dataset.py", {"output": tmp_path / "out/mnist.npz"}, settings)
    assert "-my data/train-images-idx3-ubyte does not exist" in printed
    assert not list(tmp_path.glob("out/*"))


def test_a_split_that_is_a_folder_or_asks_for_more_memory_than_there_is(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**15}, 1, 28, 28), }}".encode()
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        for name in ("x", "y", "y_true", "is_poison", "source", "n_classes"):
            archive.writestr(f"{name}.npy", start + header)
    for name, sentence in [
        ("folder", "folder.npz cannot be read: Is a directory"),
        ("huge", "huge.npz is not a whole .npz file: Unable to allocate "),
    ]:
        files = {"clean": tmp_path / f"{name}.npz", "output": tmp_path / "out/train.npz"}
        assert sentence in run_program("merge_training_set.py", files | {"poison": files["clean"]}, {})
    assert not list(tmp_path.glob("out/*"))


def test_an_input_in_which_a_byte_has_changed_since_it_was_written(split: Path, tmp_path: Path) -> None:
    """The record notices it before the form of the file does."""
    write_record(split)
    content = bytearray(split.read_bytes())
    content[len(content) // 2] ^= 1
    split.write_bytes(content)
    files = {"clean": split, "poison": split, "output": tmp_path / "out/train.npz"}
    printed = run_program("merge_training_set.py", files, {})
    record = split.with_name(".split.npz.sha256")
    assert printed == (
        f"merge_training_set.py: {split} is not the file that was written there, as {record} has it: "
        f"delete {split}, and it is made again\n"
    )
    assert not list(tmp_path.glob("out/*"))


def test_extraction_on_a_full_disk(split: Path, tmp_path: Path) -> None:
    torch.save(ReportCNN(1, 10).state_dict(), tmp_path / "in/model.pt")
    files = {"split": split, "weights": tmp_path / "in/model.pt"}
    files |= {"layers": tmp_path / "out/layers", "logits": tmp_path / "out/logits.npy"}
    settings = {"network": NETWORK, "names": ["relu1", "fc"], "pooling": "none", "batch_size": 7}
    assert FULL in run_program("extract_layers.py", files, settings, largest_file=100_000)
    assert not list((tmp_path / "out").iterdir())


def test_an_index_on_a_full_disk(tmp_path: Path) -> None:
    rows = np.ones((N, 5000), np.float32)
    write_layer(tmp_path / "in", rows)
    build(rows, "l2")  # keeps what is compiled, which is a file too
    files = {"references": tmp_path / "in", "output": tmp_path / "out/index"}
    settings = {"metric": "l2", "engine": "exact"}
    assert FULL in run_program("build_index.py", files, settings, largest_file=10_000)
    assert not list((tmp_path / "out").iterdir())


def test_logits_that_are_no_numbers(split: Path, tmp_path: Path) -> None:
    write_matrix(tmp_path / "logits.npy", np.full((N, 10), np.nan, np.float32))
    write_layer(tmp_path / "neighbours", np.zeros((N, 3), np.int64))
    write_arrays(tmp_path / "calibration.npz", nonconformity=np.arange(5), mode=np.array("paper"))
    files = {"train": split, "split": split, "neighbours": tmp_path / "neighbours"}
    files |= {"logits": tmp_path / "logits.npy", "calibration": tmp_path / "calibration.npz"}
    files |= {"output": tmp_path / "out/scores.parquet"}
    assert "logits.npy holds NaN or infinity" in run_program("score.py", files, {})
    assert not list(tmp_path.glob("out/*"))


def test_scores_that_are_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pd.DataFrame({"row": range(1000)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    files = {"train": path, "test": path, "table": tmp_path / "out/table.csv"}
    settings = {"layers": ["fc"], "k": 5, "run": "variant test"}
    printed = run_program("report/aggregate_table1.py", files, settings)
    assert "scores.parquet is not a whole .parquet file" in printed
    assert not list(tmp_path.glob("out/*"))
