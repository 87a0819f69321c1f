"""Pictures of your own: a folder of class folders, in each the pictures of a class."""

from pathlib import Path

import numpy as np

from layeraudit.datasets import Images
from layeraudit.datasets._parts import NUMBER, Part, arrange, name_parts
from layeraudit.datasets._pictures import list_pictures, read_picture, write_name
from layeraudit.errors import InputError

TITLE = "Image folder"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "train": {"description": "Holds a folder a class, named for it.", "type": "string", "format": "path"},
    "held_out": {
        "title": "a path, or a share from 0.001 to 0.999",
        "description": "The same of rows that were not trained on, or the share of each class to draw.",
        "type": ["number", "string"],
        "format": "path",
        "minimum": 0.001,
        "maximum": 0.999,
    },
    "classes": {
        "description": "Names of the classes in the order of the network's outputs; null sorts them as text.",
        "type": ["array", "null"],
        "minItems": 2,
        "uniqueItems": True,
        "items": {"type": "string"},
    },
    "channels": {"description": "1 reads pictures as grey, 3 in colour.", "enum": [1, 3]},
    "size": {
        "description": "Height and width in pixels that every picture is brought to.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": 1, "maximum": 4096},
    },
}


def read(
    _scratch: Path,
    *,
    train: str,
    held_out: str | float,
    classes: list[str] | None,
    channels: int,
    size: tuple[int, int],
) -> Images:
    """Return the pictures, class after class in the order of their names, the training part first.

    Raises
    ------
    InputError
        Where there are fewer than two classes, a picture is of none of them, or one cannot be read.
    """
    folders = name_parts(train, held_out)
    found = {name: _list_classes(folder) for name, folder in folders.items()}
    if classes is None:
        classes = list(found[next(iter(found))])
        if len(classes) < 2:
            raise InputError(f"{train} has {len(classes)} class folders, allowed are two or more")
        if any(map(NUMBER.fullmatch, classes)):
            print("class folders sort as text, as those of torchvision's ImageFolder do: 1, 10, 2")
    parts, paths = [], []
    for name, of_class in found.items():
        files = [path for pictures in of_class.values() for path in pictures]
        labels = [label for label, pictures in of_class.items() for _ in pictures]
        ids = [write_name(Path(name, path.relative_to(folders[name]))) for path in files]
        parts.append(Part(np.array(labels, dtype=np.str_), np.array(ids, dtype=np.str_)))
        paths += files
    rows = arrange(parts, held_out, classes)
    x = np.empty((len(paths), channels, *size), dtype=np.uint8)
    for row, place in enumerate(rows.place):
        x[row] = read_picture(paths[place], channels, size)
    return rows.show(x)


def _list_classes(folder: Path) -> dict[str, list[Path]]:
    """List the pictures of each class folder, in the order of their names."""
    try:
        classes = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be read: {error.strerror}") from None
    return {write_name(of_class.name): list_pictures(of_class) for of_class in classes}
