"""Calibrate Deep k-nearest neighbours: the nonconformity of held-out images to their true labels.

Writes `nonconformity` int64 [n_calibration], and the `mode` in which p-values are to be made of it.
"""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np

from layeraudit.dknn import Mode, count_nonconformity
from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, read_split, write_arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--neighbours", type=Path, nargs="+", required=True, help="a file a layer")
    parser.add_argument("--logits", type=Path, required=True, help="of the calibration split")
    parser.add_argument("--mode", choices=get_args(Mode), required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    calibration = read_split(arguments.calibration)
    nonconformity = count_nonconformity(
        [open_matrix(path, np.int64, rows=len(calibration)) for path in arguments.neighbours],
        read_split(arguments.train).y,
        n_classes=open_matrix(arguments.logits, np.float32, rows=len(calibration)).shape[1],
    )[np.arange(len(calibration)), calibration.y_true]
    write_arrays(arguments.output, nonconformity=nonconformity, mode=np.array(arguments.mode))
    print(f"nonconformity of {len(nonconformity)} images: {np.count_nonzero(nonconformity == 0)} are 0")


if __name__ == "__main__":
    end_in_a_sentence(main)
