"""Programs that cannot go on, for the disk or their input, say so in one sentence and leave nothing."""

import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import REPOSITORY

from layeraudit.files import write_arrays, write_matrix, write_split
from layeraudit.neighbours import build
from layeraudit.networks import ReportCNN
from layeraudit.splits import Split

N = 30


def run_program(name: str, *options: object, largest_file: int | None = None) -> str:
    """Run a program that is to fail, on a disk that holds no larger file; give its one line."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    ended = subprocess.run(
        # -B: on such a disk Python 3.11.2 keeps cut-off bytecode of what it imports, for all that follow.
        [sys.executable, "-B", REPOSITORY / "scripts" / name, *map(str, options)],
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


@pytest.fixture
def split(tmp_path: Path) -> Path:
    x = np.random.default_rng(0).random((N, 1, 28, 28), dtype=np.float32)
    y = np.arange(N) % 2
    write_split(tmp_path / "in/split.npz", Split(x, y, y, np.zeros(N, bool), np.arange(N)))
    return tmp_path / "in/split.npz"


TRAINING = ["--images", N, "--network", "report_cnn", "--epochs", 1, "--batch-size", 10, "--seed", 0]
FULL = "File too large"


def test_training_on_a_full_disk(split: Path, tmp_path: Path) -> None:
    output = tmp_path / "out/model.pt"
    options = ["--train", split, *TRAINING, "--learning-rate", 0.001, "--output", output]
    assert FULL in run_program("train_model.py", *options, largest_file=100_000)
    assert not list(output.parent.iterdir())


def test_a_rotation_by_an_angle_that_begins_with_a_dash(split: Path, tmp_path: Path) -> None:
    options = ["--split", split, "--images", N + 1, "--degrees=-1e-320", "--output", tmp_path / "out.npz"]
    assert "31 images are asked for, allowed are 1 to 30" in run_program("rotate_images.py", *options)


def test_a_folder_that_begins_with_a_dash_and_has_a_line_break(tmp_path: Path) -> None:
    options = ["--name", "mnist", "--folder=-my\ndata", "--output", tmp_path / "out.npz"]
    assert "-my data/train-images-idx3-ubyte does not exist" in run_program("fetch_dataset.py", *options)


def test_a_split_that_is_a_folder_or_asks_for_more_memory_than_there_is(split: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**15}, 1, 28, 28), }}".encode()
        start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
        for name in ("x", "y", "y_true", "is_poison", "source"):
            archive.writestr(f"{name}.npy", start + header)
    options = ["--images", N, "--degrees=45", "--output", tmp_path / "out.npz"]
    for name, sentence in [
        ("folder", "folder.npz cannot be read: Is a directory"),
        ("huge", "huge.npz is not a whole .npz file: Unable to allocate "),
    ]:
        printed = run_program("rotate_images.py", "--split", tmp_path / f"{name}.npz", *options)
        assert sentence in printed


def test_training_on_more_images_than_there_are(split: Path, tmp_path: Path) -> None:
    output = tmp_path / "out/model.pt"
    options = ["--train", split, *TRAINING, "--learning-rate", 0.001, "--output", output]
    assert "31 images are asked for, allowed are 1 to 30" in run_program(
        "train_model.py", *options, "--images", N + 1
    )
    assert not output.exists()


def test_training_that_diverges(split: Path, tmp_path: Path) -> None:
    output = tmp_path / "out/model.pt"
    options = ["--train", split, *TRAINING, "--learning-rate", 1e30, "--output", output]
    assert "training has diverged" in run_program("train_model.py", *options)
    assert not output.exists()


def test_extraction_on_a_full_disk(split: Path, tmp_path: Path) -> None:
    torch.save(ReportCNN().state_dict(), tmp_path / "in/model.pt")
    outputs = [tmp_path / f"out/{layer}.npy" for layer in ("relu1", "fc")]
    options = ["--network", "report_cnn", "--weights", tmp_path / "in/model.pt", "--batch-size", 7]
    printed = run_program(
        "extract_layers.py", "--split", split, *options, "--output", *outputs, largest_file=100_000
    )
    assert FULL in printed
    assert not list((tmp_path / "out").iterdir())


def test_an_index_on_a_full_disk(tmp_path: Path) -> None:
    write_matrix(tmp_path / "relu1.npy", np.ones((N, 5000), np.float32))
    options = [
        "--references",
        tmp_path / "relu1.npy",
        "--metric",
        "l2",
        "--engine",
        "exact",
        "--outputs",
        tmp_path / "out/relu1.npz",
    ]
    build(np.ones((N, 5000), np.float32), "l2")  # keeps what is compiled, which is a file too
    assert FULL in run_program("build_index.py", *options, largest_file=10_000)
    assert not list((tmp_path / "out").iterdir())


def test_logits_that_are_no_numbers(split: Path, tmp_path: Path) -> None:
    write_matrix(tmp_path / "fc.npy", np.full((N, 10), np.nan, np.float32))
    write_matrix(tmp_path / "relu1.npy", np.zeros((N, 3), np.int64))
    write_arrays(tmp_path / "calibration.npz", nonconformity=np.arange(5), mode=np.array("paper"))
    options = ["--train", split, "--split", split, "--neighbours", tmp_path / "relu1.npy"]
    options += ["--logits", tmp_path / "fc.npy", "--calibration", tmp_path / "calibration.npz"]
    assert "fc.npy holds NaN" in run_program("score.py", *options, "--output", tmp_path / "scores.parquet")


def test_scores_that_are_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    pd.DataFrame({"row": range(1000)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    options = ["--train", path, "--test", path, "--table", tmp_path / "table.csv", '--layers=["fc"]', "--k=5"]
    options += ["--as-reported=false", "--run=variant test"]
    assert "scores.parquet is not a whole .parquet file" in run_program(
        "report/aggregate_table1.py", *options
    )
