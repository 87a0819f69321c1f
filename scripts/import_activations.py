"""Import the activations and logits of a split from a user's own arrays.

Writes what `extract_layers` does: a folder with a `{layer}.npy` for each layer, float32 [n, d], flattened or
pooled; row i is row i of the split. Logits are float32 [n, classes]; all are 0 where the user has none. Rows
are read in blocks, so that memory does not grow with them.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from layeraudit.cli import Input, Output, run
from layeraudit.datasets.activations import open_folders
from layeraudit.errors import InputError
from layeraudit.files import (
    MatrixWriter,
    atomic_write,
    atomic_write_layers,
    open_layers,
    read_dataset,
    read_rows,
    read_split,
)
from layeraudit.plugins import split_settings

BLOCK = 2**25
"""Bytes of an array that are in memory at a time."""

LOGITS = ""
"""Stands for them among the names of layers."""

Pooling = Literal["none", "mean"]
"""As `layeraudit.activations` has it, which needs PyTorch."""


def import_activations(
    *,
    split: Input,
    dataset: Input,
    usual: Input | None = None,
    layers: Output,
    logits: Output,
    settings: dict[str, Any],
    names: list[str],
    pooling: Pooling,
) -> None:
    """Write the activations of each layer, and the logits.

    usual : layers of the training rows, where the split is of another data set, that has to have them too
    settings : `method`, and the options of the data set
    names : the layers, from input to output; none is all that there are
    pooling : what is kept of them
    """
    rows, folders = open_folders(**split_settings(settings)[1])
    images = read_dataset(dataset)
    if not (np.array_equal(rows.ids, images.ids) and np.array_equal(rows.y, images.y)):
        raise InputError(
            f"{dataset} has other rows than {folders[0].path}, allowed are the same: make it again"
        )
    known = list(folders[0].layers)
    names = list(open_layers(usual, np.float32)) if usual else names or known
    if unknown := [name for name in names if name not in known]:
        raise InputError(f"{folders[0].path} has no layer {unknown[0]!r}, allowed are {', '.join(known)}")
    drawn = read_split(split)
    if drawn.n_classes != len(rows.classes):
        raise InputError(
            f"{dataset} has {len(rows.classes)} classes, allowed are the {drawn.n_classes} of the training "
            "rows, which `classes` can name"
        )
    none = np.broadcast_to(np.float32(0), (len(rows.y), drawn.n_classes))
    with ExitStack() as files:
        folder = files.enter_context(atomic_write_layers(layers, names))
        paths = {name: folder / f"{name}.npy" for name in names}
        paths[LOGITS] = files.enter_context(atomic_write(logits))
        for name, path in paths.items():
            arrays = [of.layers.get(name, of.logits) for of in folders]
            given = [array for array in arrays if array is not None] or [none]
            matrix = files.enter_context(MatrixWriter(path, np.float32, rows=len(drawn)))
            for block, of_block in read_blocks(given, rows.place[drawn.source]):
                pooled = pool(block, pooling)
                if not (finite := np.isfinite(pooled).all(axis=1)).all():
                    row = rows.ids[drawn.source[of_block][finite.argmin()]]
                    raise InputError(
                        f"{name or 'logits'} of the row {row} holds NaN, infinity or numbers beyond float32, "
                        "allowed are finite ones"
                    )
                matrix.append(pooled)
            print(f"{name or 'logits'}: {list(matrix.shape or [])}")


def read_blocks(
    arrays: Sequence[NDArray[Any]], place: NDArray[np.int64]
) -> Iterator[tuple[NDArray[Any], slice]]:
    """Yield rows of arrays, one after the other, in blocks, each with which rows it is of those wanted.

    Parameters
    ----------
    arrays : floats [rows, ...] of one shape but for the rows
    place : int64 [n], the rows that are wanted, counted on from one array to the next
    """
    dtype = np.result_type(np.float32, *(array.dtype for array in arrays))
    columns = arrays[0].shape[1:]
    step = max(1, BLOCK // (dtype.itemsize * math.prod(columns)))
    for start in range(0, len(place), step):
        wanted = place[start : start + step]
        block = np.empty((len(wanted), *columns), dtype=dtype)
        first = 0
        for array in arrays:
            inside = (first <= wanted) & (wanted < first + len(array))
            block[inside] = read_rows(array, wanted[inside] - first)
            first += len(array)
        yield block, slice(start, start + step)


def pool(output: NDArray[Any], pooling: Pooling) -> NDArray[np.float32]:
    """Return what is kept of a layer's output, float32 [n, d], as `layeraudit.activations.pool` does.

    Parameters
    ----------
    output : float32 or float64 [n], [n, d], [n, channels, ...] or [n, tokens, d]
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the sum of what is too large is infinite
        if pooling == "mean" and output.ndim > 2:
            over = 1 if output.ndim == 3 else tuple(range(2, output.ndim))
            output = output.mean(axis=over)
        return output.reshape(len(output), -1).astype(np.float32)


if __name__ == "__main__":
    run(import_activations)
