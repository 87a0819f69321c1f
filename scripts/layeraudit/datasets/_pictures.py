"""Pictures of any form, as a viewer shows them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from layeraudit.errors import InputError

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures in a folder and all folders of it by their names, and print what is left out.

    Raises
    ------
    InputError
        Where a folder cannot be read.
    """
    files = sorted(_walk(folder))
    if others := [path.name for path in files if path.suffix.lower() not in ENDINGS]:
        left_out = write_name(", ".join(others)[:200])
        print(f"left out of {folder}, since its ending is none of a picture: {left_out}")
    return [path for path in files if path.suffix.lower() in ENDINGS]


def write_name(name: object) -> str:
    """Return a file's name as text that can be written, whatever bytes it has."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> NoReturn:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def read_picture(path: Path, channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the picture of a file, see `decode_picture`.

    Raises
    ------
    InputError
        Where there is no such file, and as `decode_picture` does.
    """
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:  # of a name that none can have, a ValueError
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    # Given its path, Pillow maps a TIFF into memory and turns it wrongly; once loaded, one is upright.
    with file:
        return decode_picture(file, str(path), channels, size)


def decode_picture(file: BinaryIO, name: str, channels: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture, uint8 [channels, height, width], as a viewer shows it.

    It is turned upright as its camera has noted; what is transparent is white; of an animation it is the
    first picture, and of 16 bits the upper 8.

    Parameters
    ----------
    name : what an error calls it
    size : height and width that it is brought to, bilinearly

    Raises
    ------
    InputError
        Where it cannot be read, or has pixels of more than 16 bits.
    """
    height, width = size
    try:
        with Image.open(file) as opened:
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
        raise InputError(f"{name} is no whole picture: {reason}") from None
    if mode in ("I", "F"):
        raise InputError(f"{name} has pixels of 32 bits, allowed are up to 16")
    return pixels.reshape(height, width, channels).transpose(2, 0, 1)
