"""Gather all inputs that a model is shown into one split, and record which input each row is.

Writes the split, and a table with the columns `row` and `input`.
"""

from functools import reduce

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_split, write_rows, write_split
from layeraudit.splits import merge


def gather_inputs(*, splits: list[Input], split: Output, record: Output, inputs: list[str]) -> None:
    """Write the split of all inputs and its record.

    inputs : the name of each split's input
    """
    parts = [read_split(path) for path in splits]
    write_split(split, reduce(merge, parts))
    names = [name for name, part in zip(inputs, parts, strict=True) for _ in range(len(part))]
    write_rows(record, ["row", "input"], ({"row": row, "input": name} for row, name in enumerate(names)))


if __name__ == "__main__":
    run(gather_inputs)
