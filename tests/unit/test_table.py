"""Pictures that a table lists: csv or parquet, files or bytes; what is missing is named by its row."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from layeraudit.datasets import Images
from layeraudit.datasets._pictures import read_picture
from layeraudit.datasets.table import ROWS, read
from layeraudit.errors import InputError

OPTIONS: dict[str, Any] = {
    **{"held_out": 0.5, "classes": None, "label": "label", "path": "file", "root": None},
    **{"image": None, "id": None, "channels": 1, "size": [1, 1]},
}
BYTES = {"path": None, "image": "image"}


def encode(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (1, 1), grey).save(file, "png")
    return file.getvalue()


def read_table(table: Path, **options: Any) -> Images:
    return read(table.parent, **{"train": str(table)} | OPTIONS | options)


def save_pictures(folder: Path, n: int = 4) -> list[str]:
    """Save pictures of one pixel, picture i of the grey i, and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03}.png" for number in range(n)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(encode(number))
    return names


def write_table(path: Path, **columns: Any) -> Path:
    frame = pd.DataFrame(columns)
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return path


def write_arrow(path: Path, **columns: Any) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def list_rows(images: Images) -> list[tuple[str, str, int]]:
    """List the rows of pictures of one pixel: id, class and grey."""
    names = [images.classes[label] for label in images.y]
    return list(zip(images.ids.tolist(), names, images.x.ravel().tolist(), strict=True))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_paths_is_read(ending: str, tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    table = write_table(tmp_path / f"t.{ending}", other=[9] * 4, file=names, label=["b", "a", "a", "b"])
    images = read_table(table)
    assert (images.classes, images.n_train) == (("a", "b"), 2)
    assert sorted(list_rows(images)) == [
        ("000.png", "b", 0),
        ("001.png", "a", 1),
        ("002.png", "a", 2),
        ("003.png", "b", 3),
    ]
    assert {name for _, name, _ in list_rows(images)[:2]} == {"a", "b"}


@pytest.mark.parametrize("kind", ["bytes", "struct", "large"])
def test_a_table_of_bytes_is_read_in_whatever_form_they_are(kind: str, tmp_path: Path) -> None:
    n = 2 * ROWS + 7
    content = [encode(row) for row in range(n)]
    column = {
        "bytes": pa.array(content, pa.binary()),
        "large": pa.array(content, pa.large_binary()),
        "struct": pa.array([{"bytes": value, "path": None} for value in content]),
    }[kind]
    labels = [row % 3 for row in range(n)]
    images = read_table(write_arrow(tmp_path / "t.parquet", image=column, label=labels), **BYTES)
    assert images.classes == ("0", "1", "2")
    rows = list_rows(images)
    assert sorted(grey for *_, grey in rows) == [*range(n)]
    assert all((name, label) == (str(grey), str(grey % 3)) for name, label, grey in rows)


def test_both_parts_keep_their_order_and_rows_of_two_tables_are_called_by_them(tmp_path: Path) -> None:
    for part, greys in (("train", [3, 1, 2]), ("test", [5, 4])):
        content = [encode(grey) for grey in greys]
        write_table(tmp_path / f"{part}.parquet", image=content, label=["a", "b", "a"][: len(greys)])
    images = read_table(tmp_path / "train.parquet", held_out=str(tmp_path / "test.parquet"), **BYTES)
    assert images.n_train == 3
    assert list_rows(images) == [
        ("train.parquet:0", "a", 3),
        ("train.parquet:1", "b", 1),
        ("train.parquet:2", "a", 2),
        ("test.parquet:0", "a", 5),
        ("test.parquet:1", "b", 4),
    ]


def test_rows_have_the_ids_of_a_column(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    table = write_table(tmp_path / "t.csv", file=names, label=[*"abab"], key=[7, 8, 9, 10])
    assert sorted(read_table(table, id="key").ids.tolist()) == ["10", "7", "8", "9"]
    table = write_table(tmp_path / "t.parquet", file=names, label=[*"abab"], key=[7, 8, 9, 10])
    assert sorted(read_table(table, id="key").ids.tolist()) == ["10", "7", "8", "9"]
    assert sorted(read_table(table, id="file").ids.tolist()) == names


def test_paths_are_of_the_tables_folder_or_of_another(tmp_path: Path) -> None:
    names = save_pictures(tmp_path / "pictures")
    (tmp_path / "tables").mkdir()
    inside = write_table(tmp_path / "t.csv", file=[f"pictures/{name}" for name in names], label=[*"abab"])
    assert sorted(grey for *_, grey in list_rows(read_table(inside))) == [0, 1, 2, 3]
    apart = write_table(tmp_path / "tables/t.csv", file=names, label=[*"abab"])
    found = read_table(apart, root=str(tmp_path / "pictures"))
    assert sorted(list_rows(found))[3] == ("003.png", "b", 3)
    absolute = write_table(
        tmp_path / "tables/a.csv", file=[tmp_path / "pictures" / name for name in names], label=[*"abab"]
    )
    assert sorted(grey for *_, grey in list_rows(read_table(absolute))) == [0, 1, 2, 3]


@pytest.mark.parametrize("labels", [[2, 10, 1, 0], ["2", "10", "1", "0"], [2.0, 10.0, 1.0, 0.0]])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_that_are_numbers_are_outputs_whatever_their_type(
    ending: str, labels: list[Any], tmp_path: Path
) -> None:
    names = save_pictures(tmp_path, 8)
    images = read_table(write_table(tmp_path / f"t.{ending}", file=names, label=labels * 2))
    assert len(images.classes) == 11
    expected = dict(zip(names, [2, 10, 1, 0] * 2, strict=True))
    assert dict(zip(images.ids.tolist(), images.y.tolist(), strict=True)) == expected


def test_labels_may_be_of_a_categorical_column_and_stand_for_their_names(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    labels = pd.Categorical(["b", "a", "b", "a"], categories=["b", "a", "c"])
    images = read_table(write_table(tmp_path / "t.parquet", file=names, label=labels))
    assert images.classes == ("a", "b")
    assert sorted(list_rows(images))[0] == ("000.png", "b", 0)


def test_a_csv_may_have_texts_of_any_kind(tmp_path: Path) -> None:
    """A mark of byte order, an empty line, a line break in a cell; NA and null are names like any other."""
    for number, name in enumerate(("a, b\nc.png", "ä.png", "c.png", "d.png")):
        (tmp_path / name).write_bytes(encode(number))
    text = '\ufefffile,label\n"a, b\nc.png",NA\n\nä.png,null\nc.png,"NA"\nd.png,null\n'
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert sorted(list_rows(read_table(tmp_path / "t.csv"))) == [
        ("a, b\nc.png", "NA", 0),
        ("c.png", "NA", 2),
        ("d.png", "null", 3),
        ("ä.png", "null", 1),
    ]


def test_a_picture_that_is_listed_twice_is_one_sentence(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    table = write_table(tmp_path / "t.csv", file=[*names, names[1]], label=[*"ababb"])
    with pytest.raises(
        InputError, match="^5 rows have 4 ids, '001.png' is that of 2, allowed is one id a row$"
    ):
        read_table(table)
    other = write_table(tmp_path / "u.csv", file=names[2:], label=[*"ab"])
    train = write_table(tmp_path / "t.csv", file=names, label=[*"abab"])
    with pytest.raises(
        InputError, match="^6 rows have 4 ids, '002.png' is that of 2, allowed is one id a row$"
    ):
        read_table(train, held_out=str(other))


def test_pictures_are_read_as_those_of_folders_are(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(noise).convert("CMYK").save(tmp_path / "b.jpg")
    Image.fromarray(noise[:, :, 0].astype(np.uint16) << 8).save(tmp_path / "c.png")
    Image.fromarray(noise).convert("P").save(tmp_path / "d.gif")
    names = ["a.png", "b.jpg", "c.png", "d.gif"]
    of_paths = write_table(tmp_path / "paths.csv", file=names, label=[*"abab"])
    content = [(tmp_path / name).read_bytes() for name in names]
    of_bytes = write_table(tmp_path / "bytes.parquet", image=content, label=[*"abab"], file=names)
    for channels in (1, 3):
        options = {"channels": channels, "size": [5, 6]}
        for images in (
            read_table(of_paths, **options),
            read_table(of_bytes, **options, **BYTES, id="file"),
        ):
            for name, x in zip(images.ids.tolist(), images.x, strict=True):
                np.testing.assert_array_equal(x, read_picture(tmp_path / name, channels, (5, 6)))


def test_a_path_that_leads_to_no_picture_is_named_with_its_row(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    (tmp_path / "cut.png").write_bytes(encode(3)[:40])
    for wrong, problem in (
        ("none.png", "cannot be read: No such file or directory"),
        (".", "cannot be read: Is a directory"),
        ("a\0b.png", "cannot be read: embedded null byte"),
        ("cut.png", "is no whole picture: "),
    ):
        table = write_table(tmp_path / "t.parquet", file=[*names[:3], wrong], label=[*"abab"])
        with pytest.raises(InputError) as caught:
            read_table(table)
        assert str(caught.value).startswith(f"row 3 of {table}: {tmp_path / wrong} {problem}")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("column", ["file", "label", "key"])
def test_an_empty_cell_is_named_with_its_row(column: str, ending: str, tmp_path: Path) -> None:
    cells: dict[str, list[Any]] = {
        "file": list(save_pictures(tmp_path)),
        "label": [*"abab"],
        "key": [*"wxyz"],
    }
    cells[column][2] = None
    table = write_table(tmp_path / f"t.{ending}", **cells)
    with pytest.raises(InputError) as caught:
        read_table(table, id="key")
    sentence = f"row 2 of {table} has nothing in the column {column!r}, allowed are files without such rows"
    assert str(caught.value) == sentence


def test_labels_that_are_nan_are_named_with_their_row(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    for ending in ("csv", "parquet"):
        table = write_table(tmp_path / f"t.{ending}", file=names, label=[0.0, np.nan, 1.0, 0.0])
        with pytest.raises(InputError, match="^row 1 of .* has nothing in the column 'label', allowed"):
            read_table(table)
    arrow = write_arrow(tmp_path / "t.parquet", file=names, label=pa.array([0.0, 1.0, float("nan"), 0.0]))
    with pytest.raises(InputError, match="^row 2 of .* has nothing in the column 'label', allowed"):
        read_table(arrow)


@pytest.mark.parametrize("wrong", [None, b"", {"bytes": None, "path": "a.png"}])
def test_bytes_that_are_missing_are_named_with_their_row(wrong: Any, tmp_path: Path) -> None:
    content: list[Any] = [encode(row) for row in range(ROWS + 5)]
    if isinstance(wrong, dict):
        content = [{"bytes": value, "path": "a.png"} for value in content]
    content[ROWS + 1] = wrong
    labels = [row % 2 for row in range(len(content))]
    table = write_arrow(tmp_path / "t.parquet", image=pa.array(content), label=labels)
    with pytest.raises(InputError) as caught:
        read_table(table, **BYTES)
    sentence = f"row {ROWS + 1} of {table} has no bytes in the column 'image', allowed are a picture's"
    assert str(caught.value) == sentence


def test_bytes_that_are_no_picture_are_named_with_their_row(tmp_path: Path) -> None:
    content = [encode(1), encode(2), encode(3)[:40], b"no picture"]
    table = write_table(tmp_path / "t.parquet", image=content, label=[*"abab"])
    with pytest.raises(InputError, match=r"^row 2 of .*t.parquet is no whole picture: "):
        read_table(table, **BYTES)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"label": "x"}, "{table} lacks a column 'x', allowed are file, label, weight"),
        ({"path": "x"}, "{table} lacks a column 'x', allowed are file, label, weight"),
        ({"id": "x"}, "{table} lacks a column 'x', allowed are file, label, weight"),
        (BYTES, "{table} lacks a column 'image', allowed are file, label, weight"),
        ({"image": "file"}, "path is 'file' and image is 'file', allowed is null for one of them"),
        ({"path": None}, "path is None and image is None, allowed is null for one of them"),
        (
            {"path": None, "image": "file"},
            "the column 'file' of {table} is large_string, allowed are bytes, or a struct that has `byt",
        ),
        ({"id": "weight"}, "the ids of {table} are float64 [4], allowed are integers or texts [4]"),
        ({"label": "weight"}, "row 0 of {table} has a label that is no whole number, allowed are files wi"),
    ],
)
def test_columns_that_do_not_suit_are_one_sentence(
    options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    names = save_pictures(tmp_path)
    table = write_table(tmp_path / "t.parquet", file=names, label=[*"abab"], weight=[0.5] * 4)
    with pytest.raises(InputError) as caught:
        read_table(table, **options)
    assert str(caught.value).startswith(sentence.format(table=table))


def test_a_csv_has_no_bytes(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.csv", image=["x"] * 4, label=[*"abab"])
    with pytest.raises(InputError, match="ends in '.csv', allowed is .parquet, or .csv where it has paths$"):
        read_table(table, **BYTES)


def test_a_column_of_another_type_is_one_sentence(tmp_path: Path) -> None:
    names = save_pictures(tmp_path)
    table = write_arrow(tmp_path / "t.parquet", file=names, label=[[0], [1], [0], [1]])
    with pytest.raises(
        InputError, match="the column 'label' of .* is list<.*, allowed are texts and numbers$"
    ):
        read_table(table)
    dates = write_arrow(tmp_path / "d.parquet", file=names, label=pd.date_range("2020-01-01", periods=4))
    with pytest.raises(InputError, match="the column 'label' of .* is timestamp"):
        read_table(dates)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"file,label\n1.png,a\n1.png,a,b\n"),
        ("t.csv", b"file,label\n1.png,\xff\n"),
        ("t.csv", b"file,label,label\n1.png,a,b\n"),
        ("t.parquet", b""),
        ("t.parquet", b"PAR1" * 10),
        ("t.tsv", b"file\tlabel\n"),
        ("t", b""),
    ],
)
def test_what_is_no_table_is_one_sentence_that_names_it(name: str, content: bytes, tmp_path: Path) -> None:
    table = tmp_path / name
    table.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(table)
    assert str(caught.value).startswith(str(table))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_without_rows_or_that_is_missing_is_one_sentence(ending: str, tmp_path: Path) -> None:
    empty = write_table(tmp_path / f"t.{ending}", file=np.array([], str), label=np.array([], str))
    with pytest.raises(InputError, match="^the training part has no rows, allowed are one or more$"):
        read_table(empty)
    with pytest.raises(InputError, match="none.* does not exist|none.* cannot be read"):
        read_table(tmp_path / f"none.{ending}")


def test_a_parquet_that_is_cut_is_one_sentence(tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.parquet", image=[encode(row) for row in range(40)], label=[0, 1] * 20)
    whole = table.read_bytes()
    for size in (10, len(whole) // 3, len(whole) - 5):
        table.write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"t.parquet is not a whole .parquet file: "):
            read_table(table, **BYTES)
    damaged = bytearray(whole)
    damaged[20:400] = bytes(380)
    table.write_bytes(damaged)
    with pytest.raises(InputError, match=r"t.parquet "):
        read_table(table, **BYTES)
