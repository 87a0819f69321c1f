"""Data sets: images with labels, in two parts.

There is a data set a module, found by its name in the configuration. The first line of its docstring says
what it is. A module has

    TITLE : its name, as tables, figures and pages print it
    REFERENCE : authors, year and link of its paper; "" where it has none
    ENVIRONMENT : the file of `envs/`, without its ending, that has what it imports
    OPTIONS : its options, a JSON Schema for each name; all are required
    COUNTS : images of each class in the parts `train` and `test`, where they are known before they are read
    read(scratch, **options) : takes an empty folder, which is removed afterwards, and returns `Images`

All but the function are literals, since the configuration is checked where the libraries are not installed.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from layeraudit.errors import InputError


@dataclass(frozen=True)
class Images:
    """A data set.

    Attributes
    ----------
    x : uint8 [n, c, h, w]; 0 is black, 255 white or the full colour; of rows without pictures [n, 0, 0, 0]
    y : int64 [n], a row of `classes`
    n_train : rows of the training part, which come first; the others are held out, one or more unless all
        rows are of one class
    classes : names of the classes
    ids : texts [n], all different, the user's own name of each row, such as the path of a picture; by default
        its number

    Raises
    ------
    InputError
        Where a shape, a type or a value is another.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    n_train: int
    classes: tuple[str, ...]
    ids: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))

    def __post_init__(self) -> None:
        if not len(self.ids):
            object.__setattr__(self, "ids", np.arange(len(self.y)).astype(np.str_))
        if self.ids.dtype.kind != "U" or self.ids.shape != self.y.shape:
            raise InputError(
                f"ids is {self.ids.dtype} {list(self.ids.shape)}, allowed are texts, [{len(self.y)}]"
            )
        if len(different := set(self.ids.tolist())) < len(self.ids):
            texts, counts = np.unique(self.ids, return_counts=True)
            raise InputError(
                f"{len(self.ids)} rows have {len(different)} ids, {str(texts[counts.argmax()])!r} is that of "
                f"{counts.max()}, allowed is one id a row"
            )
        if self.x.dtype != np.uint8 or self.x.ndim != 4:
            raise InputError(f"x is {self.x.dtype} {list(self.x.shape)}, allowed is uint8 [n, c, h, w]")
        if self.y.dtype != np.int64 or self.y.shape != self.x.shape[:1]:
            raise InputError(f"y is {self.y.dtype} {list(self.y.shape)}, allowed is int64 [{len(self.x)}]")
        outside = (self.y < 0) | (self.y >= len(self.classes))
        if outside.any():
            row = int(outside.argmax())
            raise InputError(f"y is {self.y[row]} in row {row}, allowed are 0 to {len(self.classes) - 1}")
        most = len(self.y) - (len(self.classes) > 1)
        if not 0 < self.n_train <= most:
            raise InputError(f"n_train is {self.n_train}, allowed are 1 to {most}")
