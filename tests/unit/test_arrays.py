"""Images that are NumPy arrays: layouts, types, what floats become, and what does not fit together."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from layeraudit.datasets import Images
from layeraudit.datasets.arrays import ROWS, _convert, read
from layeraudit.errors import InputError

Arrays = dict[str, np.ndarray[Any, Any]]
X = np.arange(6 * 3 * 2 * 4, dtype=np.uint8).reshape(6, 3, 2, 4)
Y = np.array([0, 1, 2, 0, 1, 2])


def save(path: Path, **arrays: Any) -> Path:
    """Save arrays as a file or, where the path has no ending, as a folder."""
    if path.suffix:
        np.savez(path, **arrays)
    else:
        path.mkdir(parents=True)
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    return path


def read_arrays(path: Path, **options: Any) -> Images:
    given = {"train": str(path), "held_out": 0.5, "classes": None, "layout": "nchw"}
    return read(path.parent, **given | options)


@pytest.mark.parametrize("name", ["mine.npz", "mine"])
def test_a_file_and_a_folder_are_read_alike(name: str, tmp_path: Path) -> None:
    images = read_arrays(save(tmp_path / name, x=X, y=Y))
    assert (images.classes, images.n_train, len(images.y)) == (("0", "1", "2"), 3, 6)
    assert sorted(images.ids.tolist()) == [*"012345"]
    for row, x, y in zip(map(int, images.ids), images.x, images.y, strict=True):
        np.testing.assert_array_equal(x, X[row])
        assert y == Y[row]


@pytest.mark.parametrize(
    ("layout", "x"),
    [("nchw", X), ("nhwc", X.transpose(0, 2, 3, 1)), ("nhw", X[:, 0])],
    ids=["nchw", "nhwc", "nhw"],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_channels_come_first_whatever_the_layout(
    dtype: type, layout: str, x: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    given = x if dtype == np.uint8 else (x / 255).astype(dtype)
    images = read_arrays(save(tmp_path / "mine", x=given, y=Y), layout=layout)
    order = np.array([*map(int, images.ids)])
    np.testing.assert_array_equal(images.x, X[order] if layout != "nhw" else X[order][:, :1])


def test_two_parts_stay_in_their_order(tmp_path: Path) -> None:
    train = save(tmp_path / "train.npz", x=X[:4], y=Y[:4])
    images = read_arrays(train, held_out=str(save(tmp_path / "test.npz", x=X[4:], y=Y[4:])))
    np.testing.assert_array_equal(images.x, X)
    assert (images.y.tolist(), images.n_train) == (Y.tolist(), 4)
    assert images.ids.tolist() == [*(f"train.npz:{row}" for row in range(4)), "test.npz:0", "test.npz:1"]


@pytest.mark.parametrize("ids", [np.array([*"uvwxyz"]), np.arange(100, 106)])
@pytest.mark.parametrize("name", ["mine.npz", "mine"])
def test_rows_keep_the_ids_that_they_have(name: str, ids: np.ndarray[Any, Any], tmp_path: Path) -> None:
    images = read_arrays(save(tmp_path / name, x=X, y=Y, ids=ids))
    assert sorted(images.ids.tolist()) == sorted(map(str, ids))
    for name, y in zip(images.ids, images.y, strict=True):
        assert y == Y[ids.astype(str).tolist().index(name)]


def test_ids_that_are_alike_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^6 rows have 5 ids, 'b' is that of 2, allowed is one id a row$"):
        read_arrays(save(tmp_path / "mine.npz", x=X, y=Y, ids=np.array([*"abbcde"])))
    train = save(tmp_path / "train.npz", x=X, y=Y, ids=np.arange(6))
    test = save(tmp_path / "test.npz", x=X, y=Y, ids=np.arange(5, 11))
    with pytest.raises(InputError, match="^12 rows have 11 ids, '5' is that of 2, allowed is one id a row$"):
        read_arrays(train, held_out=str(test))


def test_labels_are_outputs_or_names(tmp_path: Path) -> None:
    texts = np.array(["cat", "ant", "owl"])[Y]
    assert read_arrays(save(tmp_path / "texts.npz", x=X, y=texts)).classes == ("ant", "cat", "owl")
    named = read_arrays(save(tmp_path / "mine.npz", x=X, y=Y), classes=["cat", "ant", "owl"])
    assert named.classes == ("cat", "ant", "owl")
    assert [named.classes[y] for y in named.y] == texts[[*map(int, named.ids)]].tolist()


@given(npst.arrays(np.uint8, (3, 1, 2, 2)), st.sampled_from([np.float16, np.float32, np.float64, ">f4"]))
def test_floats_that_were_bytes_are_these_bytes_again(x: np.ndarray[Any, Any], dtype: Any) -> None:
    if np.dtype(dtype) == np.float16:  # has a step of 1 / 2048 below 1
        np.testing.assert_array_equal(_convert((x / 255).astype(dtype), Path()), x)
    else:
        np.testing.assert_array_equal(_convert((x / np.float32(255)).astype(dtype), Path()), x)


def test_other_floats_are_rounded_and_the_largest_change_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.zeros((2 * ROWS + 1, 1, 1, 1))
    x[ROWS] = 100.25 / 255
    x[-1] = 0.75 / 255
    found = _convert(x, tmp_path)
    assert np.flatnonzero(found).tolist() == [ROWS, 2 * ROWS]
    assert found.ravel()[[ROWS, -1]].tolist() == [100, 1]
    assert re.search(r"rounded to 255ths, which changes them by up to 0\.00098\n", capsys.readouterr().out)


@pytest.mark.parametrize("wrong", [1.001, -0.001, np.nan, np.inf])
def test_a_float_beyond_the_white_is_named_with_its_row(wrong: float, tmp_path: Path) -> None:
    x = np.zeros((ROWS + 9, 1, 2, 2), np.float32)
    x[ROWS + 4, 0, 1, 1] = wrong
    path = save(tmp_path / "mine.npz", x=x, y=np.arange(len(x)) % 2)
    with pytest.raises(InputError, match=rf"^row {ROWS + 4} of x of {path} is not within \[0, 1\], allowed"):
        read_arrays(path)


@pytest.mark.parametrize(
    ("arrays", "options", "sentence"),
    [
        (
            {"x": X.astype(np.int64)},
            {},
            "x of {path} is int64 [6, 3, 2, 4], allowed are uint8 and floats of ",
        ),
        (
            {"x": X > 5},
            {},
            "x of {path} is bool [6, 3, 2, 4], allowed are uint8 and floats of the layout nchw",
        ),
        (
            {"x": X[:, 0]},
            {},
            "x of {path} is uint8 [6, 2, 4], allowed are uint8 and floats of the layout nchw",
        ),
        (
            {},
            {"layout": "nhw"},
            "x of {path} is uint8 [6, 3, 2, 4], allowed are uint8 and floats of the layo",
        ),
        (
            {"x": np.zeros((6, 3, 32, 32), np.uint8)},
            {"layout": "nhwc"},
            "x of {path} is uint8 [6, 3, 32, 32], 32 channels by the layout nhwc, allowed are images of",
        ),
        (
            {"x": X[:, :0]},
            {},
            "x of {path} is uint8 [6, 0, 2, 4], 0 channels by the layout nchw, allowed are ",
        ),
        (
            {"x": X[:, :, :0]},
            {},
            "x of {path} is uint8 [6, 3, 0, 4], 3 channels by the layout nchw, allowed ar",
        ),
        ({"y": Y[:5]}, {}, "y of {path} is [5], allowed is [6], as x is uint8 [6, 3, 2, 4]"),
        ({"y": Y[:, None]}, {}, "y of {path} is [6, 1], allowed is [6], as x is uint8 [6, 3, 2, 4]"),
        (
            {"y": Y / 2},
            {},
            "row 1 of {path} has a label that is no whole number, allowed are files without su",
        ),
        ({"ids": Y[:5]}, {}, "the ids of {path} are int64 [5], allowed are integers or texts [6]"),
        ({"x": X[:0], "y": Y[:0]}, {}, "the training part has no rows, allowed are one or more"),
    ],
)
@pytest.mark.parametrize("name", ["mine.npz", "mine"])
def test_arrays_that_do_not_suit_are_one_sentence(
    name: str, arrays: Arrays, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    path = save(tmp_path / name, **{"x": X, "y": Y} | arrays)
    with pytest.raises(InputError) as caught:
        read_arrays(path, **options)
    assert str(caught.value).startswith(sentence.format(path=path))


def test_parts_of_two_shapes_are_one_sentence(tmp_path: Path) -> None:
    train = save(tmp_path / "train.npz", x=X, y=Y)
    test = save(tmp_path / "test.npz", x=X[:, :1], y=Y)
    sentence = f"images of {train} and {test} are [(1, 2, 4), (3, 2, 4)], allowed is one shape"
    with pytest.raises(InputError, match=re.escape(sentence)):
        read_arrays(train, held_out=str(test))


@pytest.mark.parametrize("name", ["mine.npz", "mine"])
def test_objects_are_never_unpickled(name: str, tmp_path: Path) -> None:
    for arrays in ({"x": X, "y": Y.astype(object)}, {"x": X.astype(object), "y": Y}):
        path = save(tmp_path / f"{len([*tmp_path.iterdir()])}{name}", **arrays)
        with pytest.raises(InputError, match=r"is not a whole \.np[yz] file: "):
            read_arrays(path)


def test_a_missing_or_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "mine.npz", x=X, y=Y)
    whole = path.read_bytes()
    for content in (b"", whole[:200], whole[:-30], b"x" * 100, b"\x93NUMPY" + whole):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"^\S*mine.npz is not a whole .npz file: "):
            read_arrays(path)
    with pytest.raises(InputError, match=r"^\S*lacks.npz lacks an array: y$"):
        read_arrays(save(tmp_path / "lacks.npz", x=X))
    with pytest.raises(InputError, match=r"^\S*lacks/y.npy does not exist$"):
        read_arrays(save(tmp_path / "lacks", x=X))
    with pytest.raises(InputError, match=r"^\S*nothing.npz does not exist$"):
        read_arrays(tmp_path / "nothing.npz")
    folder = save(tmp_path / "cut", x=X, y=Y)
    (folder / "x.npy").write_bytes((folder / "x.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"^\S*x.npy is not a whole .npy file: "):
        read_arrays(folder)
    np.save(tmp_path / "alone.npy", X)
    with pytest.raises(InputError, match=r"^\S*alone.npy is not a whole .npz file: "):
        read_arrays(tmp_path / "alone.npy")
