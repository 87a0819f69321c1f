"""Calibrate Deep k-nearest neighbours: the nonconformity of held-out images to their true labels.

Writes `nonconformity` int64 [n_calibration], and the `mode` in which p-values are to be made of it.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.dknn import Mode, count_nonconformity_to
from layeraudit.files import open_layers, open_matrix, read_split, write_arrays


def calibrate(
    *,
    train: Input,
    calibration: Input,
    neighbours: Input,
    logits: Input,
    output: Output,
    mode: Mode,
) -> None:
    """Write the nonconformity of the calibration images to their true labels."""
    images = read_split(calibration)
    nonconformity = count_nonconformity_to(
        images.y_true,
        list(open_layers(neighbours, np.int64, rows=len(images)).values()),
        read_split(train).y,
        n_classes=open_matrix(logits, np.float32, rows=len(images)).shape[1],
    )
    write_arrays(output, nonconformity=nonconformity, mode=np.array(mode))
    print(f"nonconformity of {len(nonconformity)} images: {np.count_nonzero(nonconformity == 0)} are 0")


if __name__ == "__main__":
    run(calibrate)
