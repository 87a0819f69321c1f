"""Merge the nearest rows found in each shard of the training split: the same as a search in all of it."""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np

from layeraudit.errors import end_in_a_sentence
from layeraudit.files import open_matrix, write_json, write_matrix
from layeraudit.neighbours import ENGINES, MEMORY_MB, Metric, merge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=Path, nargs="+", required=True, help="what was found in each")
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--metric", choices=get_args(Metric), required=True)
    parser.add_argument(
        "--engine", choices=ENGINES, required=True, help="which the shards were searched with"
    )
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument(
        "--exclude-self", action="store_true", help="the queries are the reference's own rows"
    )
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--description", type=Path, required=True)
    arguments = parser.parse_args()

    queries = open_matrix(arguments.queries, np.float32)
    found = merge(
        open_matrix(arguments.reference, np.float32),
        queries,
        [open_matrix(shard, np.int64, rows=len(queries)) for shard in arguments.shards],
        arguments.k,
        arguments.metric,
        exclude_self=arguments.exclude_self,
        memory_mb=arguments.memory_mb,
        threads=arguments.threads,
    )
    write_matrix(arguments.output, found)
    write_json(arguments.description, {"engine": arguments.engine, "recall": None, "recall_queries": None})


if __name__ == "__main__":
    end_in_a_sentence(main)
