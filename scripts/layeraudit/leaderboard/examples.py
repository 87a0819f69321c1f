"""Examples of poison as small pictures: the clean image, the poisoned one, and what is different."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layeraudit.splits import Split

N_EXAMPLES = 5

FACTORS = (1, 2, 5, 10, 20, 50, 100)
"""What a difference may be multiplied by."""

VISIBLE = 0.9
"""Share of the changed pixels whose differences, multiplied, stay within the range of colours."""

BRIGHTER, DARKER = (0xE0, 0x82, 0x14), (0x21, 0x66, 0xAC)
"""Colours of a difference, as opaque as it is large, so that they stand on a light page and on a dark one."""

Picture = NDArray[np.uint8]
"""uint8 [height, width, channels]: grey, RGB or RGBA."""


@dataclass(frozen=True)
class Example:
    """One poison point.

    Attributes
    ----------
    clean, difference : None where the image that the point was made of is not known
    """

    y_true: int
    y: int
    poisoned: Picture
    clean: Picture | None
    difference: Picture | None


@dataclass(frozen=True)
class Examples:
    """Examples of one poison; their differences are shown `factor` times as large as they are."""

    points: Sequence[Example]
    factor: int

    @property
    def pictures(self) -> dict[str, Picture]:
        """All pictures, by the names of their files without the ending."""
        named = {
            f"{kind}_{number}": getattr(example, kind)
            for number, example in enumerate(self.points)
            for kind in ("clean", "poisoned", "difference")
        }
        return {name: picture for name, picture in named.items() if picture is not None}


def choose_examples(poison: Split, sources: Split) -> Examples:
    """Return poison points at even steps, each beside the image of `sources` that it was made of.

    A difference is orange where the poisoned image is brighter and blue where it is darker.
    """
    steps = np.linspace(0, len(poison) - 1, N_EXAMPLES if len(poison) else 0)
    rows = np.unique(steps.round().astype(int)).tolist()
    place = {int(source): row for row, source in enumerate(sources.source)}
    clean = {row: place.get(int(poison.source[row])) for row in rows}
    changes = {
        row: (poison.x[row].astype(np.float64) - sources.x[of]).mean(axis=0)
        for row, of in clean.items()
        if of is not None
    }
    sizes = np.abs(list(changes.values()))
    large = float(np.quantile(sizes[sizes > 0], VISIBLE)) if (sizes > 0).any() else 1.0
    factor = max((factor for factor in FACTORS if factor * large <= 1), default=1)
    return Examples(
        [
            Example(
                int(poison.y_true[row]),
                int(poison.y[row]),
                _to_picture(poison.x[row]),
                None if of is None else _to_picture(sources.x[of]),
                None if of is None else _colour(factor * changes[row]),
            )
            for row, of in clean.items()
        ],
        factor,
    )


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture as `.png`; the same picture has the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.squeeze()).save(path, optimize=True)


def _to_picture(x: NDArray[np.float32]) -> Picture:
    return np.round(255 * np.moveaxis(x, 0, -1)).astype(np.uint8)


def _colour(change: NDArray[np.float64]) -> Picture:
    colours = np.where(change[..., np.newaxis] > 0, BRIGHTER, DARKER)
    opacity = np.round(255 * np.minimum(np.abs(change), 1))[..., np.newaxis]
    return np.concatenate([colours, opacity], axis=-1).astype(np.uint8)
