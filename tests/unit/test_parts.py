"""The two parts of a user's own data: what is held out, which class is which output, what rows are called."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layeraudit.datasets import _parts
from layeraudit.datasets._parts import (
    Part,
    arrange,
    draw,
    encode,
    name_parts,
    refuse_rows,
    write_ids,
    write_labels,
)
from layeraudit.errors import InputError
from layeraudit.plugins import list_methods, read_constants

FILE = Path("labels.npy")


def write(*texts: str) -> np.ndarray[Any, Any]:
    return np.array(texts, dtype=np.str_)


def make_part(*labels: str, name: str = "") -> Part:
    return Part(write(*labels), write(*(f"{name}{row}" for row in range(len(labels)))))


def encode_texts(
    *labels: str, classes: list[str] | None = None, n_train: int | None = None
) -> tuple[list[int], tuple[str, ...]]:
    n_train = len(labels) if n_train is None else n_train
    y, names = encode(write(*labels), write(*(f"r{row}" for row in range(len(labels)))), n_train, classes)
    assert y.dtype == np.int64
    return y.tolist(), names


@pytest.mark.parametrize(
    ("labels", "classes", "y", "names"),
    [
        (["cat", "ant", "cat"], None, [1, 0, 1], ("ant", "cat")),
        (["b", "B", "a"], None, [2, 0, 1], ("B", "a", "b")),
        (["cat", "ant"], ["cat", "ant"], [0, 1], ("cat", "ant")),
        (["cat", "ant"], ["cat", "bee", "ant"], [0, 2], ("cat", "bee", "ant")),
        (["2", "10", "1"], None, [2, 10, 1], tuple(map(str, range(11)))),
        (["0", "3"], None, [0, 3], ("0", "1", "2", "3")),
        (["1", "0", "1"], ["cat", "ant"], [1, 0, 1], ("cat", "ant")),
        (["1", "2", "10"], ["1", "2", "10"], [0, 1, 2], ("1", "2", "10")),
        (["1", "0"], ["1", "0"], [0, 1], ("1", "0")),
        (["-1", "1"], ["-1", "1"], [0, 1], ("-1", "1")),
        (["01", "10", "02"], None, [0, 2, 1], ("01", "02", "10")),
        (["1", "10", "2", "x"], None, [0, 1, 2, 3], ("1", "10", "2", "x")),
    ],
)
def test_a_label_is_the_name_of_a_class_or_the_number_of_an_output(
    labels: list[str], classes: list[str] | None, y: list[int], names: tuple[str, ...]
) -> None:
    assert encode_texts(*labels, classes=classes) == (y, names)


@pytest.mark.parametrize(
    ("labels", "classes", "n_train", "sentence"),
    [
        (
            ["a", "b", "c"],
            ["a", "b"],
            3,
            "r2 has the label 'c', allowed are the classes a, b, or others that",
        ),
        (["a", "b", "c"], None, 2, "r2 has the label 'c', allowed are the classes a, b, or others that"),
        (["0", "b"], ["a", "b"], 2, "r0 has the label '0', allowed are the classes a, b, or others that"),
        (["0", "2", "1"], ["a", "b"], 3, "r1 has the label '2', allowed are 0 to 1, the numbers of outputs"),
        (["0", "1"], ["1", "2"], 2, "r0 has the label '0', allowed are the classes 1, 2, or others that"),
        (["0", "-1"], None, 2, "r1 has the label '-1', allowed are 0 to 999999, the numbers of outputs"),
        (["0", "1" * 30], None, 2, f"r1 has the label '{'1' * 30}', allowed are 0 to 999999, the numbers of"),
        (["0", "1000000"], None, 2, "r1 has the label '1000000', allowed are 0 to 999999, the numbers of "),
    ],
)
def test_a_label_of_no_class_is_one_sentence_that_names_its_row(
    labels: list[str], classes: list[str] | None, n_train: int, sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        encode_texts(*labels, classes=classes, n_train=n_train)
    assert str(caught.value).startswith(sentence)


def test_a_number_that_only_held_out_rows_have_is_an_output_too() -> None:
    assert encode_texts("0", "1", "3", n_train=2) == ([0, 1, 3], ("0", "1", "2", "3"))


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=4, max_size=60),
    st.floats(0.001, 0.999),
)
def test_a_drawn_part_has_its_share_of_each_class_and_rows_keep_their_names(
    labels: list[str], share: float
) -> None:
    if max(Counter(labels).values()) < 2 or len(set(labels)) < 2:
        return
    rows = arrange([make_part(*labels)], share, None)
    assert sorted(rows.place.tolist()) == [*range(len(labels))]
    for place, y, name in zip(rows.place.tolist(), rows.y.tolist(), rows.ids.tolist(), strict=True):
        assert (rows.classes[y], name) == (labels[place], str(place))
    train, held_out = np.split(rows.place, [rows.n_train])
    assert train.tolist() == sorted(train.tolist())
    assert held_out.tolist() == sorted(held_out.tolist())
    drawn = Counter(labels[place] for place in held_out.tolist())
    for name, n in Counter(labels).items():
        assert drawn[name] == (0 if n == 1 else min(max(1, round(share * n)), n - 1))


def test_every_row_of_a_class_is_drawn_as_often_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.array([0, 1] * 10)
    counts = np.zeros(20)
    for seed in range(2000):
        monkeypatch.setattr(_parts, "SEED", seed)
        counts += draw(y, 0.3)
    assert np.abs(counts / 2000 - 0.3).max() < 0.05  # five standard deviations


def test_two_parts_stay_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    parts = [make_part("b", "a", "c", name="x"), make_part("c", "b", name="y")]
    rows = arrange(parts, "held_out", None)
    assert (rows.place.tolist(), rows.y.tolist(), rows.n_train) == ([0, 1, 2, 3, 4], [1, 0, 2, 2, 1], 3)
    assert rows.ids.tolist() == ["x0", "x1", "x2", "y0", "y1"]
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        "3 classes in the order of the network's outputs: a, b, c",
        "no row of the held-out part has one of these 1 labels: a",
    ]


@pytest.mark.parametrize(
    ("parts", "held_out", "sentence"),
    [
        ([make_part()], 0.5, "the training part has no rows, allowed are one or more"),
        ([make_part(), make_part("a")], "x", "the training part has no rows, allowed are one or more"),
        (
            [make_part("a", "b"), make_part()],
            "x",
            "no rows are held out, since the held-out part is empty, allowed are one or more",
        ),
        ([make_part("a", "b")], 0.5, "no rows are held out, since no class has two, allowed are one or more"),
        ([make_part("a", "a")], 0.5, "all labels are 'a', allowed are two or more different ones"),
    ],
)
def test_too_few_rows_are_one_sentence(parts: list[Part], held_out: str | float, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        arrange(parts, held_out, None)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("train", "held_out", "names"),
    [
        ("a", 0.5, [""]),
        ("a", "b", ["a", "b"]),
        ("x/a", "x/b", ["a", "b"]),
        ("x/a.npz", "y/a.npz", ["x/a.npz", "y/a.npz"]),
        ("x/../a", "x/./b", ["a", "x/b"]),
        ("train", "train2", ["train", "train2"]),
    ],
)
def test_parts_are_named_by_what_tells_them_apart(
    train: str, held_out: str | float, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert [*name_parts(train, held_out)] == names
    given = [train, held_out] if isinstance(held_out, str) else [train]
    assert [*name_parts(train, held_out).values()] == [Path(path) for path in given]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array([3, 0], np.uint8), ["3", "0"]),
        (np.array([-1, 10**12]), ["-1", "1000000000000"]),
        (np.array([3.0, 10.0]), ["3", "10"]),
        (np.array([3.0], np.float16), ["3"]),
        (np.array([True, False]), ["True", "False"]),
        (write("ant", "Bee"), ["ant", "Bee"]),
        (write("3.0", "10.", "7"), ["3", "10", "7"]),
        (write("3.0", "x"), ["3.0", "x"]),
        (write("1.0", "1.5"), ["1.0", "1.5"]),
        (write("007", "1.0"), ["007", "1.0"]),
    ],
)
def test_labels_are_texts_and_whole_numbers_have_no_point(
    values: np.ndarray[Any, Any], texts: list[str]
) -> None:
    assert write_labels(values, FILE).tolist() == texts


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.array([0, np.nan]), "row 1 of labels.npy has no label, allowed are files without such rows"),
        (np.array([np.inf, 1]), "row 0 of labels.npy has no label, allowed are files without such rows"),
        (write("a", ""), "row 1 of labels.npy has no label, allowed are files without such rows"),
        (np.array([0, 0.5]), "row 1 of labels.npy has a label that is no whole number, allowed are files wi"),
        (
            np.zeros((3, 1), int),
            "the labels of labels.npy are int64 [3, 1], allowed are integers or texts [n]",
        ),
        (np.array([b"a"]), "the labels of labels.npy are |S1 [1], allowed are integers or texts [n]"),
        (np.array([1j]), "the labels of labels.npy are complex128 [1], allowed are integers or texts [n]"),
    ],
)
def test_what_is_no_label_is_one_sentence(values: np.ndarray[Any, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        write_labels(values, FILE)
    assert str(caught.value).startswith(sentence)


def test_rows_without_ids_are_numbered_and_others_keep_theirs() -> None:
    assert write_ids(None, 3, "", FILE).tolist() == ["0", "1", "2"]
    assert write_ids(None, 2, "test", FILE).tolist() == ["test:0", "test:1"]
    assert write_ids(np.array([7, -7]), 2, "test", FILE).tolist() == ["7", "-7"]
    assert write_ids(write("x", "y y"), 2, "test", FILE).tolist() == ["x", "y y"]
    for values, n in ((np.array([0.5]), 1), (write("a"), 2), (write("a", ""), 2), (np.array([[1]]), 1)):
        with pytest.raises(InputError, match="of labels.npy"):
            write_ids(values, n, "", FILE)


def test_the_first_of_the_wrong_rows_is_named() -> None:
    refuse_rows(np.zeros(3, bool), FILE, "is wrong")
    refuse_rows(np.zeros(0, bool), FILE, "is wrong")
    with pytest.raises(InputError, match="^row 1 of labels.npy is wrong, allowed are "):
        refuse_rows(np.array([False, True, True]), FILE, "is wrong")


def test_the_ways_in_share_two_options() -> None:
    """A part is a path, of which a rule knows; or the held-out one a share."""
    for name in ("image_folder", "table", "arrays", "activations"):
        assert name in list_methods("datasets")
        options = read_constants("datasets", name)["OPTIONS"]
        assert list(options)[:3] == ["train", "held_out", "classes"]
        first = read_constants("datasets", "image_folder")["OPTIONS"]
        assert options["train"]["format"] == options["held_out"]["format"] == "path"
        assert options["held_out"] == first["held_out"]
        assert options["classes"] | {"description": ""} == first["classes"] | {"description": ""}
