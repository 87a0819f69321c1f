"""Pictures of your own that a csv or parquet table lists: their files, or the pictures themselves."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv, parquet

from layeraudit.datasets import Images
from layeraudit.datasets._parts import Part, arrange, name_parts, refuse_rows, write_ids, write_labels
from layeraudit.datasets._pictures import decode_picture, read_picture
from layeraudit.errors import InputError
from layeraudit.files import read_whole

TITLE = "Table"
REFERENCE = ""
ENVIRONMENT = "tables"
OPTIONS = {
    "train": {
        "description": "A .csv or .parquet file with a row a picture.",
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
    "label": {"description": "The column of labels.", "type": "string"},
    "path": {
        "description": "The column of pictures' files; null where pictures are in the table.",
        "type": ["string", "null"],
    },
    "root": {
        "description": "The folder that paths are relative to; null is that of the table.",
        "type": ["string", "null"],
        "format": "path",
    },
    "image": {
        "description": "The column of pictures' bytes; null where the table has paths.",
        "type": ["string", "null"],
    },
    "id": {
        "description": "The column of rows' names; null is the path, or else the number of the row.",
        "type": ["string", "null"],
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

ROWS = 64
"""Whose bytes are in memory at a time."""

MISSING = ["", "nan", "NaN"]
"""Cells of a csv that hold nothing."""


def read(
    _scratch: Path,
    *,
    train: str,
    held_out: str | float,
    classes: list[str] | None,
    label: str,
    path: str | None,
    root: str | None,
    image: str | None,
    id: str | None,
    channels: int,
    size: tuple[int, int],
) -> Images:
    """Return the pictures in the order of their rows, the training part first.

    Raises
    ------
    InputError
        Where a table or a picture cannot be read, or a row lacks a cell.
    """
    if (path is None) == (image is None):
        raise InputError(
            f"path is {path!r} and image is {image!r}, allowed is null for one of them, a column for one"
        )
    tables = name_parts(train, held_out)
    parts, paths = [], []
    for name, table in tables.items():
        columns = [column for column in dict.fromkeys((label, path, id)) if column is not None]
        cells = dict(zip(columns, _read_columns(table, columns), strict=True))
        labels = write_labels(cells[label], table)
        named = cells.get(id or path or "")
        parts.append(Part(labels, write_ids(named, len(labels), name, table)))
        paths.append([] if path is None else cells[path].astype(np.str_).tolist())
    rows = arrange(parts, held_out, classes)
    x = np.empty((len(rows.y), channels, *size), dtype=np.uint8)
    into = iter(np.argsort(rows.place))
    for table, files in zip(tables.values(), paths, strict=True):
        folder = table.parent if root is None else Path(root)
        if path is None:
            for row, content in enumerate(_read_bytes(table, str(image))):
                x[next(into)] = decode_picture(io.BytesIO(content), f"row {row} of {table}", channels, size)
        for row, file in enumerate(files):
            try:
                x[next(into)] = read_picture(folder / file, channels, size)
            except InputError as error:
                raise InputError(f"row {row} of {table}: {error}") from None
    return rows.show(x)


def _read_columns(table: Path, names: list[str]) -> list[NDArray[Any]]:
    """Read columns of a table, each texts or numbers [n]; those of a csv are texts."""
    with read_whole(table, table.suffix):
        if table.suffix.lower() == ".csv":
            types = dict.fromkeys(names, pa.string())
            convert = csv.ConvertOptions(column_types=types, null_values=MISSING, strings_can_be_null=True)
            parse = csv.ParseOptions(newlines_in_values=True)
            found = csv.read_csv(table, convert_options=convert, parse_options=parse)
            _check_columns(table, names, found.column_names)
        else:
            found = _open(table, names).read(columns=names)
        return [_unpack(found[name], name, table) for name in names]


def _open(table: Path, names: list[str]) -> parquet.ParquetFile:
    if table.suffix.lower() != ".parquet":
        raise InputError(f"{table} ends in {table.suffix!r}, allowed is .parquet, or .csv where it has paths")
    file = parquet.ParquetFile(table)
    _check_columns(table, names, file.schema_arrow.names)
    return file


def _check_columns(table: Path, names: list[str], found: list[str]) -> None:
    for name in names:
        if name not in found:
            raise InputError(f"{table} lacks a column {name!r}, allowed are {', '.join(found)[:300]}")


def _unpack(column: pa.ChunkedArray, name: str, table: Path) -> NDArray[Any]:
    """Return a column as numbers or texts [n]."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    refuse_rows(column.is_null(nan_is_null=True).to_numpy(), table, f"has nothing in the column {name!r}")
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    values: NDArray[Any] = np.array(column.to_pylist(), dtype=np.str_) if is_text else column.to_numpy()
    if values.dtype.kind not in "iubfU":
        raise InputError(f"the column {name!r} of {table} is {column.type}, allowed are texts and numbers")
    return values


def _read_bytes(table: Path, name: str) -> Iterator[bytes]:
    """Yield the bytes of each row's picture; of a struct, as Hugging Face has it, those of its `bytes`."""
    with read_whole(table, table.suffix):
        row = 0
        for batch in _open(table, [name]).iter_batches(ROWS, columns=[name]):
            cells = batch.column(0)
            if pa.types.is_struct(cells.type) and "bytes" in [field.name for field in cells.type]:
                cells = pc.struct_field(cells, "bytes")
            if not (pa.types.is_binary(cells.type) or pa.types.is_large_binary(cells.type)):
                of = f"the column {name!r} of {table}"
                raise InputError(f"{of} is {cells.type}, allowed are bytes, or a struct that has `bytes`")
            for content in cells.to_pylist():
                if not content:
                    raise InputError(
                        f"row {row} of {table} has no bytes in the column {name!r}, allowed are a picture's"
                    )
                yield content
                row += 1
