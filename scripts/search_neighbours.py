"""Search the k nearest training rows of each row of a split, in each layer.

Writes for each int64 [n, k], rows of the training split, nearest first, ties by row number, and a
description: the engine, and the recall that was measured on a sample of the rows where the engine is
approximate. The training split's own rows are not their own neighbours.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, write_json, write_matrix
from layeraudit.neighbours import MEMORY_MB, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for_each = {"type": Path, "nargs": "+", "required": True}
    parser.add_argument("--indices", help="a file a layer", **for_each)
    parser.add_argument("--references", help="the rows that each index is of", **for_each)
    parser.add_argument("--queries", **for_each)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--exclude-self", action="store_true", help="the queries are the index's own rows")
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--outputs", **for_each)
    parser.add_argument("--descriptions", **for_each)
    arguments = parser.parse_args()

    for of_index, of_reference, of_queries, output, description in zip(
        arguments.indices,
        arguments.references,
        arguments.queries,
        arguments.outputs,
        arguments.descriptions,
        strict=True,
    ):
        reference = open_matrix(of_reference, np.float32)
        index = load(of_index, reference, threads=arguments.threads)
        found = index.search(
            open_matrix(of_queries, np.float32),
            arguments.k,
            exclude_self=arguments.exclude_self,
            memory_mb=arguments.memory_mb,
            threads=arguments.threads,
        )
        if index.recall:
            print("recall {:.4f}, measured on {} of the queries by brute force".format(*index.recall))
        write_matrix(output, found)
        write_json(description, index.describe())


if __name__ == "__main__":
    end_in_a_sentence(main)
