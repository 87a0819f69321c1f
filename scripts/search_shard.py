"""Search the nearest rows of a shard of the training split to each row of a split, in one layer.

Writes int64 [n, m], rows of the whole training split, nearest first: k of them, k + 1 where the split's own
rows are not to be their own neighbours, or all that the shard has.
"""

import argparse
from pathlib import Path

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, write_matrix
from layeraudit.neighbours import MEMORY_MB, load, rows_of_shard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True, help="of the shard")
    parser.add_argument("--reference", type=Path, required=True, help="the rows of all shards")
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--shard", required=True, help="as 2-of-3")
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument(
        "--exclude-self", action="store_true", help="the queries are the reference's own rows"
    )
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    reference = open_matrix(arguments.reference, np.float32)
    rows = rows_of_shard(len(reference), arguments.shard)
    index = load(arguments.index, reference[rows], threads=arguments.threads)
    found = index.search_shard(
        open_matrix(arguments.queries, np.float32),
        arguments.k,
        first_row=rows.start,
        exclude_self=arguments.exclude_self,
        memory_mb=arguments.memory_mb,
        threads=arguments.threads,
    )
    write_matrix(arguments.output, found)


if __name__ == "__main__":
    end_in_a_sentence(main)
