"""Draw the splits of one seed from a data set.

Writes one file for each split, with equally many images of every digit and no image in two of them: `clean`
(the clean training images), `svm_train` and `svm_validation` (what the poisoning attack sees) from the data
set's training part, `calibration` and `test` from its test part.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import read_arrays, write_split
from layeraudit.splits import draw_rows, take_clean

FROM_TRAINING_PART = ["clean", "svm_train", "svm_validation"]
FROM_TEST_PART = ["calibration", "test"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--digits", type=int, nargs="+", required=True)
    for name in FROM_TRAINING_PART + FROM_TEST_PART:
        option = name.replace("_", "-")
        parser.add_argument(f"--{option}-size", type=int, required=True, metavar="IMAGES")
        parser.add_argument(f"--{option}", type=Path, required=True, help="file to write")
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()

    x, y, n_train = read_arrays(arguments.dataset, "x", "y", "n_train")
    generator = np.random.default_rng(arguments.seed)
    for names, start, stop in [(FROM_TRAINING_PART, 0, n_train), (FROM_TEST_PART, n_train, len(y))]:
        sizes = {name: getattr(arguments, f"{name}_size") for name in names}
        drawn = draw_rows(y[start:stop], sizes, classes=arguments.digits, generator=generator)
        for name, rows in drawn.items():
            write_split(getattr(arguments, name), take_clean(x, y, start + rows))
            print(f"{name}: {len(rows)} images")


if __name__ == "__main__":
    end_in_a_sentence(main)
