"""Take all rows of a data set, in their order, as inputs that a network is to judge.

Their labels mean nothing: all are 0.
"""

import numpy as np

from layeraudit.cli import Input, Output, run
from layeraudit.errors import InputError
from layeraudit.files import read_dataset, read_split, write_split
from layeraudit.splits import take_clean


def take_inputs(*, dataset: Input, train: Input, output: Output) -> None:
    """Write the split.

    train : rows that the network was trained on, whose form the others have to have
    """
    images, usual = read_dataset(dataset), read_split(train)
    if images.x.shape[1:] != usual.x.shape[1:]:
        raise InputError(
            f"{dataset} has images of {list(images.x.shape[1:])}, allowed are those of {train}, "
            f"{list(usual.x.shape[1:])}"
        )
    rows = np.arange(len(images.y))
    write_split(output, take_clean(images.x, np.zeros_like(images.y), rows, usual.n_classes))
    print(f"{len(rows)} inputs")


if __name__ == "__main__":
    run(take_inputs)
