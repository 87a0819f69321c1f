"""Pictures of your own: a folder of class folders, in each the pictures of a class."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from layeraudit.datasets import Images
from layeraudit.errors import InputError

TITLE = "Image folder"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "folder": {"description": "Holds a folder a class, named for it.", "type": "string"},
    "channels": {"description": "1 reads pictures as grey, 3 in colour.", "enum": [1, 3]},
    "size": {
        "description": "Height and width in pixels that every picture is brought to.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": 1, "maximum": 4096},
    },
    "held_out": {
        "description": "Share of each class that is held out, drawn once: the part `test`.",
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 1,
    },
}

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

SEED = 0
"""Draws what is held out; the same folder gives the same parts."""


def read(_scratch: Path, *, folder: str, channels: int, size: tuple[int, int], held_out: float) -> Images:
    """Return the pictures, class after class in the order of their names, the training part first.

    Parameters
    ----------
    folder : holds a folder a class; hidden files and what is no picture by its ending are left out
    channels : 1 or 3
    size : height and width that pictures are brought to, bilinearly

    Raises
    ------
    InputError
        Where there are fewer than two classes, a class has fewer than two pictures, or one cannot be read.
    """
    classes = sorted(path for path in Path(folder).iterdir() if path.is_dir() and path.name[0] != ".")
    if len(classes) < 2:
        raise InputError(f"{folder} has {len(classes)} class folders, allowed are two or more")
    generator = np.random.default_rng(SEED)
    parts: dict[str, list[tuple[Path, int]]] = {"train": [], "test": []}
    for label, of_class in enumerate(classes):
        paths = sorted(
            path for path in of_class.iterdir() if path.suffix.lower() in ENDINGS and path.name[0] != "."
        )
        if len(paths) < 2:
            raise InputError(f"{of_class} has {len(paths)} pictures, allowed are two or more")
        n_test = min(max(1, round(held_out * len(paths))), len(paths) - 1)
        drawn = set(generator.permutation(len(paths))[:n_test].tolist())
        for row, path in enumerate(paths):
            parts["test" if row in drawn else "train"].append((path, label))
    rows = [*parts["train"], *parts["test"]]
    x = np.stack(
        [read_picture(path, channels, size) for path, _ in tqdm(rows, desc="pictures", disable=None)]
    )
    y = np.array([label for _, label in rows], dtype=np.int64)
    return Images(x, y, len(parts["train"]), tuple(path.name for path in classes))


def read_picture(path: Path, channels: int, size: tuple[int, int]) -> np.ndarray:
    """Return a picture, uint8 [channels, height, width].

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    try:
        with Image.open(path) as picture:
            height, width = size
            converted = picture.convert("L" if channels == 1 else "RGB").resize(
                (width, height), Image.Resampling.BILINEAR
            )
            pixels = np.asarray(converted)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} is no whole picture: {reason}") from None
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
