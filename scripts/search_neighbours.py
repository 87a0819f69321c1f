"""Search the k nearest training rows of each row of a split, in one layer.

Writes int64 [n, k], rows of the training split, nearest first, ties by row number. The training split's
own rows are not their own neighbours.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, write_matrix
from layeraudit.neighbours import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--exclude-self", action="store_true", help="the queries are the index's own rows")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    index = load(arguments.index)
    queries = open_matrix(arguments.queries, np.float32)
    write_matrix(arguments.output, index.search(queries, arguments.k, exclude_self=arguments.exclude_self))


if __name__ == "__main__":
    end_in_a_sentence(main)
