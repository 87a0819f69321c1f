"""Build the index of a layer's training activations, in which neighbours are then sought."""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix
from layeraudit.neighbours import Metric, build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--metric", choices=get_args(Metric), required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    build(open_matrix(arguments.reference, np.float32), arguments.metric).save(arguments.output)


if __name__ == "__main__":
    end_in_a_sentence(main)
