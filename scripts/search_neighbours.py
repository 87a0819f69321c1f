"""Search the k nearest training rows of each row of a split, in one layer.

Writes int64 [n, k], rows of the training split, nearest first, ties by row number, and a description: the
engine, and the recall that was measured on a sample of the rows where the engine is approximate. The training
split's own rows are not their own neighbours.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, write_json, write_matrix
from layeraudit.neighbours import MEMORY_MB, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True, help="the rows that the index is of")
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--exclude-self", action="store_true", help="the queries are the index's own rows")
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--description", type=Path, required=True)
    arguments = parser.parse_args()

    reference = open_matrix(arguments.reference, np.float32)
    index = load(arguments.index, reference, threads=arguments.threads)
    found = index.search(
        open_matrix(arguments.queries, np.float32),
        arguments.k,
        exclude_self=arguments.exclude_self,
        memory_mb=arguments.memory_mb,
        threads=arguments.threads,
    )
    description = index.describe()
    if index.recall:
        print("recall {:.4f}, measured on {} of the queries by brute force".format(*index.recall))
    write_matrix(arguments.output, found)
    write_json(arguments.description, description)


if __name__ == "__main__":
    end_in_a_sentence(main)
