"""Pictures of your own: a folder of class folders, in each the pictures of a class."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from layeraudit.datasets import Images
from layeraudit.errors import InputError

TITLE = "Image folder"
REFERENCE = ""
ENVIRONMENT = "torch"
OPTIONS = {
    "folder": {"description": "Holds a folder a class, named for it.", "type": "string", "format": "path"},
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
        "minimum": 0.001,
        "maximum": 0.999,
    },
}

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

SEED = 0
"""Draws what is held out; the same folder gives the same parts."""


def read(_scratch: Path, *, folder: str, channels: int, size: tuple[int, int], held_out: float) -> Images:
    """Return the pictures, class after class in the order of their names, the training part first.

    Parameters
    ----------
    folder : holds a folder a class; hidden files are left out, and so is what is no picture by its ending
    channels : 1 or 3
    size : height and width that pictures are brought to, bilinearly

    Raises
    ------
    InputError
        Where there are fewer than two classes, a class has fewer than two pictures, or one cannot be read.
    """
    classes = [path for path in _list_visible(Path(folder)) if path.is_dir()]
    if len(classes) < 2:
        raise InputError(f"{folder} has {len(classes)} class folders, allowed are two or more")
    generator = np.random.default_rng(SEED)
    train: list[tuple[Path, int]] = []
    test: list[tuple[Path, int]] = []
    for label, of_class in enumerate(classes):
        files = _list_visible(of_class)
        paths = [path for path in files if path.suffix.lower() in ENDINGS]
        if len(paths) < 2:
            raise InputError(f"{of_class} has {len(paths)} pictures, allowed are two or more")
        if others := [path.name for path in files if path not in paths]:
            print(f"left out of {of_class}, since its ending is none of a picture: {', '.join(others)[:200]}")
        n_test = min(max(1, round(held_out * len(paths))), len(paths) - 1)
        drawn = set(generator.permutation(len(paths))[:n_test].tolist())
        for row, path in enumerate(paths):
            (test if row in drawn else train).append((path, label))
    rows = [*train, *test]
    x = np.empty((len(rows), channels, *size), dtype=np.uint8)
    for row, (path, _) in enumerate(tqdm(rows, desc="pictures", disable=None)):
        x[row] = read_picture(path, channels, size)
    y = np.array([label for _, label in rows], dtype=np.int64)
    ids = np.array([str(path.relative_to(folder)) for path, _ in rows])
    return Images(x, y, len(train), tuple(path.name for path in classes), ids)


def _list_visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None


def read_picture(path: Path, channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture, uint8 [channels, height, width], as a viewer shows it.

    It is turned upright as its camera has noted; what is transparent is white; of an animation it is the
    first picture, and of 16 bits the upper 8.

    Raises
    ------
    InputError
        Where it cannot be read, or has pixels of more than 16 bits.
    """
    height, width = size
    try:
        # Given its path, Pillow maps a TIFF into memory and turns it wrongly; once loaded, one is upright.
        with path.open("rb") as file, Image.open(file) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I;16"):  # which Pillow would clip
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            mode = picture.mode
            picture = picture.convert("L" if channels == 1 else "RGB")
            pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    except Exception as error:  # for damaged bytes Pillow raises nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} is no whole picture: {reason}") from None
    if mode in ("I", "F"):
        raise InputError(f"{path} has pixels of 32 bits, allowed are up to 16")
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
