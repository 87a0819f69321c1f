"""Take a random sample of the official test part of a data set, and write it as a clean split.

The rows are drawn without replacement and are in ascending order.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_arrays, write_split
from layeraudit.splits import take_clean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--images", type=int, required=True, help="how many")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    x, y, n_train = read_arrays(arguments.dataset, "x", "y", "n_train")
    test = np.arange(n_train, len(y))
    if not 1 <= arguments.images <= len(test):
        raise InputError(
            f"--images is {arguments.images}, allowed are 1 to {len(test)}, "
            f"which the test part of {arguments.dataset} has"
        )
    generator = np.random.default_rng(arguments.seed)
    rows = np.sort(generator.choice(test, size=arguments.images, replace=False))
    write_split(arguments.output, take_clean(x, y, rows))
    print(f"{len(rows)} of the {len(test)} images of the test part")


if __name__ == "__main__":
    end_in_a_sentence(main)
