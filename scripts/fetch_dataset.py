"""Fetch or read a data set, and write its images and labels to one file.

Writes what `layeraudit.datasets.Images` describes: `x`, `y`, `n_train`, `classes` and `ids`. The
method is a module of `layeraudit.datasets`; files of known data sets are
checked byte by byte.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layeraudit.cli import Output, run
from layeraudit.files import write_dataset
from layeraudit.plugins import load, split_settings


@contextmanager
def emptied_folder(path: Path) -> Iterator[Path]:
    """Yield a folder that is removed at the end, as is one that a killed process left."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def fetch_dataset(*, output: Output, settings: dict[str, Any]) -> None:
    """Write a data set.

    settings : `method`, and its options
    """
    method, options = split_settings(settings)
    with emptied_folder(output.with_name(f".partial-{output.stem}")) as scratch:
        images = load("datasets", method).read(scratch, **options)
    write_dataset(output, images)
    print(f"{len(images.x)} images of {len(images.classes)} classes are in {output}")


if __name__ == "__main__":
    run(fetch_dataset)
