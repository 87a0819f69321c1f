"""Pictures without labels, in one folder: inputs that an audit has a network judge."""

from pathlib import Path

import numpy as np

from layeraudit.datasets import Images
from layeraudit.datasets._pictures import list_pictures, read_picture, write_name
from layeraudit.errors import InputError

TITLE = "Unlabelled folder"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "path": {"description": "A folder that holds the pictures.", "type": "string", "format": "path"},
    "channels": {"description": "1 reads pictures as grey, 3 in colour.", "enum": [1, 3]},
    "size": {
        "description": "Height and width in pixels that every picture is brought to.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": 1, "maximum": 4096},
    },
}


def read(_scratch: Path, *, path: str, channels: int, size: tuple[int, int]) -> Images:
    """Return the pictures in the order of their names.

    Raises
    ------
    InputError
        Where there are none, or one cannot be read.
    """
    paths = list_pictures(Path(path))
    if not paths:
        raise InputError(f"{path} has no pictures, allowed are one or more")
    x = np.empty((len(paths), channels, *size), dtype=np.uint8)
    for row, of_row in enumerate(paths):
        x[row] = read_picture(of_row, channels, size)
    ids = np.array([write_name(of_row.relative_to(path)) for of_row in paths], dtype=np.str_)
    return Images(x, np.zeros(len(paths), np.int64), len(paths), ("unlabelled",), ids)
