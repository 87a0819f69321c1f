"""Images of your own that are NumPy arrays: `x` and `y` of an `.npz` file, or `.npy` files in a folder."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layeraudit.datasets import Images
from layeraudit.datasets._parts import Part, arrange, name_parts, write_ids, write_labels
from layeraudit.errors import InputError
from layeraudit.files import list_arrays, open_array, read_arrays

TITLE = "Arrays"
REFERENCE = ""
ENVIRONMENT = "numpy"
OPTIONS = {
    "train": {
        "description": "An .npz with x, y and perhaps ids, or a folder with x.npy, y.npy and so on.",
        "type": "string",
        "format": "path",
    },
    "held_out": {
        "title": "a path, or a share from 0.001 to 0.999",
        "description": "The same of rows that were not trained on, or the share of each class to draw.",
        "type": ["number", "string"],
        "format": "path",
        "minimum": 0.001,
        "maximum": 0.999,
    },
    "classes": {
        "description": "Names of the classes in the order of the network's outputs; null sorts texts, and "
        "takes whole numbers for those of outputs.",
        "type": ["array", "null"],
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "string"},
    },
    "layout": {
        "description": "What the dimensions of x are: n images, c channels, h height, w width.",
        "enum": ["nchw", "nhwc", "nhw"],
    },
}

MOST_CHANNELS = 16
"""More are taken for a sign of another layout."""

ROWS = 1000
"""That are converted at a time."""


class Opened(NamedTuple):
    """Arrays of a part.

    Attributes
    ----------
    x : uint8 or floats [n, c, h, w]
    y, ids : [n] in the types of the file; ids may be none
    """

    x: NDArray[Any]
    y: NDArray[Any]
    ids: NDArray[Any] | None


def read(
    _scratch: Path, *, train: str, held_out: str | float, classes: list[str] | None, layout: str
) -> Images:
    """Return the images, the training part first.

    Floats from 0 to 1 are rounded to 255ths, and the largest change is printed.

    Raises
    ------
    InputError
        Where arrays do not fit together, or have another type or other values.
    """
    paths = name_parts(train, held_out)
    opened = {path: _open(path, layout) for path in paths.values()}
    parts = [
        Part(write_labels(found.y, path), write_ids(found.ids, len(found.y), name, path))
        for (name, path), found in zip(paths.items(), opened.values(), strict=True)
    ]
    shapes = {found.x.shape[1:] for found in opened.values()}
    if len(shapes) > 1:
        raise InputError(f"images of {train} and {held_out} are {sorted(shapes)}, allowed is one shape")
    rows = arrange(parts, held_out, classes)
    x = np.concatenate([_convert(found.x, path) for path, found in opened.items()])
    return rows.show(x[rows.place])


def _open(path: Path, layout: str) -> Opened:
    if path.is_dir():
        ids = path / "ids.npy"
        x, y = (open_array(path / f"{name}.npy") for name in ("x", "y"))
        found = Opened(x, y, open_array(ids) if ids.exists() else None)
    else:
        x, y, *more = read_arrays(path, "x", "y", *({"ids"} & {*list_arrays(path)}))
        found = Opened(x, y, more[0] if more else None)
    shape = f"{found.x.dtype} {list(found.x.shape)}"
    if found.x.ndim != len(layout) or (found.x.dtype != np.uint8 and found.x.dtype.kind != "f"):
        raise InputError(f"x of {path} is {shape}, allowed are uint8 and floats of the layout {layout}")
    if found.y.shape != found.x.shape[:1]:
        raise InputError(
            f"y of {path} is {list(found.y.shape)}, allowed is [{len(found.x)}], as x is {shape}"
        )
    x = found.x[:, None] if layout == "nhw" else found.x.transpose([layout.index(axis) for axis in "nchw"])
    if not 1 <= x.shape[1] <= MOST_CHANNELS or 0 in x.shape[1:]:
        raise InputError(
            f"x of {path} is {shape}, {x.shape[1]} channels by the layout {layout}, allowed are images of 1 "
            f"to {MOST_CHANNELS}"
        )
    return found._replace(x=x)


def _convert(x: NDArray[Any], path: Path) -> NDArray[np.uint8]:
    """Return images as uint8."""
    if x.dtype == np.uint8:
        return x
    converted = np.empty(x.shape, dtype=np.uint8)
    change = 0.0
    for start in range(0, len(x), ROWS):
        block = x[start : start + ROWS].astype(np.float64)
        outside = ~((block >= 0) & (block <= 1)).all(axis=(1, 2, 3))
        if outside.any():
            row = start + int(outside.argmax())
            raise InputError(f"row {row} of x of {path} is not within [0, 1], allowed are floats that are")
        rounded = np.rint(255 * block)
        converted[start : start + ROWS] = rounded
        change = max(change, float(np.abs(rounded / 255 - block).max()))
    print(f"floats of {path} are rounded to 255ths, which changes them by up to {change:.2g}")
    return converted
