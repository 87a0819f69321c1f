"""Activations of your own, without pictures or a network: a folder with an array a layer, and labels."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layeraudit.datasets import Images
from layeraudit.datasets._parts import Part, Rows, arrange, name_parts, write_ids, write_labels
from layeraudit.errors import InputError
from layeraudit.files import LAYERS as LIST
from layeraudit.files import open_array, read_whole

TITLE = "Activations"
REFERENCE = ""
ENVIRONMENT = "numpy"
OPTIONS = {
    "train": {
        "description": "Has labels.npy and an .npy a layer, perhaps logits.npy, ids.txt, layers.txt.",
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
}

NO_LAYERS = ("ids", "labels", "logits")
"""Arrays of a folder that are no layers."""

LAYER = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)


class Folder(NamedTuple):
    """Arrays of a part, mapped into memory.

    Attributes
    ----------
    layers : floats [n, ...] of each layer, from input to output
    logits : floats [n, classes], or None
    """

    path: Path
    part: Part
    layers: dict[str, NDArray[Any]]
    logits: NDArray[Any] | None


def read(_scratch: Path, *, train: str, held_out: str | float, classes: list[str] | None) -> Images:
    """Return the rows without pixels, x [n, 0, 0, 0]; `scripts/import_activations.py` reads the layers.

    Raises
    ------
    InputError
        Where arrays do not fit together.
    """
    rows, _ = open_folders(train=train, held_out=held_out, classes=classes)
    return rows.show(np.empty((len(rows.y), 0, 0, 0), dtype=np.uint8))


def open_folders(
    *, train: str, held_out: str | float, classes: list[str] | None
) -> tuple[Rows, list[Folder]]:
    """Return the rows of the data set, and the folder of each part; both have the same layers.

    Raises
    ------
    InputError
        Where an array is missing, or arrays do not fit together.
    """
    folders: list[Folder] = []
    for name, path in name_parts(train, held_out).items():
        folders.append(_open(path, name, list(folders[0].layers) if folders else _list_layers(path)))
    rows = arrange([folder.part for folder in folders], held_out, classes)
    first, last = folders[0], folders[-1]
    for layer, array in first.layers.items():
        if array.shape[1:] != last.layers[layer].shape[1:]:
            shapes = f"{list(array.shape)} and {list(last.layers[layer].shape)}"
            raise InputError(f"{layer} of {train} and {held_out} is {shapes}, allowed are rows of one shape")
    if (first.logits is None) != (last.logits is None):
        raise InputError(f"one of {train} and {held_out} has logits.npy, allowed are both or none")
    for folder in folders:
        if folder.logits is not None and folder.logits.shape[1:] != (len(rows.classes),):
            raise InputError(
                f"{folder.path}/logits.npy is {list(folder.logits.shape)}, allowed is a column for each of "
                f"the {len(rows.classes)} classes, or `classes` that names others"
            )
    return rows, folders


def _list_layers(folder: Path) -> list[str]:
    """List the layers from input to output, as `layers.txt` has them, or else sorted as text."""
    order = folder / LIST
    if order.exists():
        return [line for line in _read_lines(order) if line]
    layers = sorted(path.stem for path in folder.glob("[!.]*.npy") if path.stem not in NO_LAYERS)
    print(f"layers sort as text, since there is no {order}: {', '.join(layers)}")
    return layers


def _read_lines(path: Path) -> list[str]:
    with read_whole(path, "text"):
        return path.read_text("utf-8-sig").removesuffix("\n").split("\n")


def _open(folder: Path, name: str, layers: list[str]) -> Folder:
    labels = write_labels(open_array(folder / "labels.npy"), folder / "labels.npy")
    ids: NDArray[Any] | None = None
    if (texts := folder / "ids.txt").exists():
        ids = np.array(_read_lines(texts), dtype=np.str_)
    elif (array := folder / "ids.npy").exists():
        ids = open_array(array)
    if not layers:
        raise InputError(f"{folder} has no layers, allowed are one or more .npy beside labels.npy")
    for layer in layers:
        if not LAYER.fullmatch(layer):
            raise InputError(f"{folder} has a layer {layer!r}, allowed are letters, digits, _ and .")
    logits = folder / "logits.npy"
    return Folder(
        folder,
        Part(labels, write_ids(ids, len(labels), name, folder)),
        {layer: _open_floats(folder / f"{layer}.npy", len(labels)) for layer in layers},
        _open_floats(logits, len(labels)) if logits.exists() else None,
    )


def _open_floats(path: Path, rows: int) -> NDArray[Any]:
    array = open_array(path)
    if (
        array.dtype not in (np.float16, np.float32, np.float64)
        or array.shape[:1] != (rows,)
        or not array.size
    ):
        raise InputError(
            f"{path} is {array.dtype} {list(array.shape)}, allowed is float16, float32 or float64 of the "
            f"{rows} rows of labels.npy"
        )
    return array
