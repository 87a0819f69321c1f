"""Build the index of each layer's training activations, or of a shard, in which neighbours are sought."""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix
from layeraudit.neighbours import ENGINES, Metric, build, rows_of_shard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=Path, nargs="+", required=True, help="a file a layer")
    parser.add_argument("--metric", choices=get_args(Metric), required=True)
    parser.add_argument("--engine", choices=ENGINES, required=True)
    parser.add_argument("--shard", default="1-of-1", help="as 2-of-3, of rows that follow each other")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--outputs", type=Path, nargs="+", required=True, help="in the same order")
    arguments = parser.parse_args()

    for path, output in zip(arguments.references, arguments.outputs, strict=True):
        reference = open_matrix(path, np.float32)
        rows = rows_of_shard(len(reference), arguments.shard)
        index = build(
            reference[rows],
            arguments.metric,
            engine=arguments.engine,
            threads=arguments.threads,
            first_row=rows.start,
        )
        index.save(output)


if __name__ == "__main__":
    end_in_a_sentence(main)
