"""Activations of a user's own: read as a data set, imported as layers of splits, and searched and scored."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import import_activations as program
from audit.take_inputs import take_inputs
from build_index import build_index
from calibrate import calibrate
from draw_splits import draw_splits
from fetch_dataset import fetch_dataset
from import_activations import import_activations, pool, read_blocks
from layeraudit import activations
from layeraudit.datasets import Images
from layeraudit.datasets.activations import read
from layeraudit.errors import InputError
from layeraudit.experiments import list_audits
from layeraudit.files import LAYERS, open_layers, open_logits, read_arrays, read_calibration, read_split
from merge_training_set import merge_training_set
from score import score
from search_neighbours import search_neighbours

GENERATOR = np.random.default_rng(0)
N, N_CLASSES, K = 60, 3, 5
SPLITS = ("train", "calibration", "test")


def draw_arrays(n: int = N) -> dict[str, Any]:
    """Draw what a folder has: layers of every type and number of dimensions, labels and logits."""
    labels = np.arange(n) % N_CLASSES
    centres = np.eye(N_CLASSES)[labels]
    return {
        "labels": labels,
        "logits": (centres + GENERATOR.normal(0, 0.3, (n, N_CLASSES))).astype(np.float32),
        "a10": GENERATOR.normal(0, 1, (n, 4, 2, 3)),
        "a9": (np.repeat(centres[:, None], 5, axis=1) + GENERATOR.normal(0, 0.3, (n, 5, 3))).astype(
            np.float16
        ),
        "b.flat": (centres @ GENERATOR.normal(0, 1, (N_CLASSES, 7))).astype(np.float32),
        "norm": GENERATOR.normal(0, 1, n).astype(np.float32),
    }


def save(folder: Path, arrays: dict[str, Any], **texts: list[str]) -> Path:
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    for name, lines in texts.items():
        (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def take(arrays: dict[str, Any], rows: Any) -> dict[str, Any]:
    return {name: array[rows] for name, array in arrays.items()}


def read_folder(train: Path, held_out: str | float = 0.4, classes: list[str] | None = None) -> Images:
    return read(train.parent, train=str(train), held_out=held_out, classes=classes)


def settle(train: Path, held_out: str | float = 0.4, classes: list[str] | None = None) -> dict[str, Any]:
    return {"method": "activations", "train": str(train), "held_out": held_out, "classes": classes}


def make_splits(folder: Path, settings: dict[str, Any]) -> None:
    """Make the data set and the splits of an audit in a folder, as the rules do."""
    audit = {"dataset": "mine", "network": None, "layers": "auto", "pooling": "none"}
    experiment = list_audits({"audits": {"mine": audit}, "networks": {}})["mine"]
    fetch_dataset(output=folder / "mine.npz", settings=settings)
    drawn = ("sources", "validation", "clean", "pretraining", "calibration", "test")
    draw_splits(
        dataset=folder / "mine.npz",
        **{name: folder / f"data/{name}.npz" for name in drawn},  # type: ignore[arg-type]
        classes=experiment["classes"],
        attacker=dict(experiment["attacker"]),
        clean_size=experiment["train"],
        pretraining_size=experiment["pretraining"],
        calibration_size=experiment["calibration"],
        test_size=experiment["test"],
        seed=1,
    )
    merge_training_set(clean=folder / "data/clean.npz", poison=[], output=folder / "data/train.npz")


def import_split(
    folder: Path,
    settings: dict[str, Any],
    split: str = "test",
    names: tuple[str, ...] = (),
    pooling: program.Pooling = "mean",
    **options: Any,
) -> None:
    files = {
        "split": folder / f"data/{split}.npz",
        "dataset": folder / "mine.npz",
        "layers": folder / f"layers/{split}",
        "logits": folder / f"logits/{split}.npy",
    }
    import_activations(**files | options, settings=settings, names=[*names], pooling=pooling)


def test_a_folder_is_a_data_set_without_pixels(tmp_path: Path) -> None:
    arrays = draw_arrays()
    images = read_folder(save(tmp_path / "mine", arrays))
    assert images.x.shape == (N, 0, 0, 0)
    assert (images.n_train, images.classes) == (36, ("0", "1", "2"))
    assert [arrays["labels"][int(name)] for name in images.ids] == images.y.tolist()
    ids = [f"text {row}" for row in range(N)]
    named = read_folder(save(tmp_path / "named", arrays, ids=ids))
    assert named.ids.tolist() == [f"text {name}" for name in images.ids]
    numbered = read_folder(save(tmp_path / "numbered", arrays | {"ids": np.arange(N) + 1000}))
    assert numbered.ids.tolist() == [str(int(name) + 1000) for name in images.ids]


def test_rows_of_two_folders_are_called_by_them(tmp_path: Path) -> None:
    arrays = draw_arrays()
    train = save(tmp_path / "train", take(arrays, slice(40)))
    images = read_folder(train, str(save(tmp_path / "test", take(arrays, slice(40, N)))))
    assert images.ids.tolist() == [
        *(f"train:{row}" for row in range(40)),
        *(f"test:{row}" for row in range(20)),
    ]
    assert (images.y.tolist(), images.n_train) == (arrays["labels"].tolist(), 40)


@pytest.fixture(params=["share", "folders"])
def given_folders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield settings of a data set, and all arrays with ids that are the numbers of their rows."""
    arrays = draw_arrays() | {"ids": np.arange(N)}
    if request.param == "share":
        yield settle(save(tmp_path / "mine", arrays)), arrays
    else:
        train = save(tmp_path / "old/rows", take(arrays, slice(25)))
        yield settle(train, str(save(tmp_path / "new/rows", take(arrays, slice(25, N))))), arrays


@pytest.mark.parametrize("pooling", get_args(program.Pooling))
@pytest.mark.parametrize("block", [1, 100, 2**26])
def test_every_row_of_a_split_has_the_activations_of_its_own(
    given_folders: tuple[dict[str, Any], Any],
    pooling: program.Pooling,
    block: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, arrays = given_folders
    monkeypatch.setattr(program, "BLOCK", block)
    make_splits(tmp_path, settings)
    (ids,) = read_arrays(tmp_path / "mine.npz", "ids")
    seen = []
    for split in SPLITS:
        import_split(tmp_path, settings, split, pooling=pooling)
        images = read_split(tmp_path / f"data/{split}.npz")
        rows = ids[images.source].astype(int)
        seen += rows.tolist()
        assert images.y.tolist() == arrays["labels"][rows].tolist()
        layers = open_layers(tmp_path / f"layers/{split}", np.float32, rows=len(images))
        assert [*layers] == ["a10", "a9", "b.flat", "norm"]
        for name, found in layers.items():
            whole = torch.from_numpy(arrays[name][rows].astype(np.float64))
            if whole.ndim == 1:
                whole = whole[:, None]
            expected = activations.pool(whole, pooling).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        logits = open_logits(tmp_path / f"logits/{split}.npy", rows=len(images))
        np.testing.assert_array_equal(logits, arrays["logits"][rows])
    assert sorted(seen) == [*range(N)]


def test_what_is_known_of_pooling_is_what_pytorch_does() -> None:
    assert get_args(program.Pooling) == get_args(activations.Pooling)


@given(
    npst.arrays(
        st.sampled_from([np.float32, np.float64]),
        npst.array_shapes(min_dims=2, max_dims=5, max_side=4),
        elements=st.floats(-1000, 1000, width=32),
    ),
    st.sampled_from(get_args(program.Pooling)),
)
def test_pooling_is_that_of_pytorch(output: np.ndarray[Any, Any], pooling: program.Pooling) -> None:
    expected = activations.pool(torch.from_numpy(output), pooling).numpy()
    found = pool(output, pooling)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.data(),
    st.integers(1, 200),
)
def test_blocks_are_the_rows_that_are_wanted(lengths: list[int], data: st.DataObject, size: int) -> None:
    total = sum(lengths)
    whole = np.arange(3 * total, dtype=np.float32).reshape(total, 3)
    arrays = np.split(whole, np.cumsum(lengths)[:-1])
    place = np.array(data.draw(st.lists(st.integers(0, total - 1), min_size=1, max_size=20)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "BLOCK", size)
        blocks = list(read_blocks(arrays, place))
    np.testing.assert_array_equal(np.concatenate([block for block, _ in blocks]), whole[place])
    assert [row for _, rows in blocks for row in range(len(place))[rows]] == [*range(len(place))]
    assert all(len(block) <= max(1, size // 12) for block, _ in blocks)


def test_layers_are_in_the_order_of_the_users_list_or_of_the_configuration(tmp_path: Path) -> None:
    arrays = draw_arrays()
    settings = settle(save(tmp_path / "mine", arrays, layers=["b.flat", "a9", "a10"]))
    make_splits(tmp_path, settings)
    for names, expected in (((), ["b.flat", "a9", "a10"]), (("a10", "b.flat"), ["a10", "b.flat"])):
        import_split(tmp_path, settings, names=names)
        assert (tmp_path / "layers/test" / LAYERS).read_text().split() == expected
        found = {path.stem for path in (tmp_path / "layers/test").glob("*.npy")}
        assert found == {*expected}


def test_logits_are_nought_where_there_are_none(tmp_path: Path) -> None:
    arrays = draw_arrays()
    del arrays["logits"]
    settings = settle(save(tmp_path / "mine", arrays), classes=["a", "b", "c", "d"])
    make_splits(tmp_path, settings)
    import_split(tmp_path, settings)
    logits = open_logits(tmp_path / "logits/test.npy", rows=12)
    assert (logits.shape, np.abs(logits).max()) == ((12, 4), 0)


def find_nearest(queries: Any, references: Any, *, own: bool) -> list[list[int]]:
    """Find the nearest rows by cosine, one pair after the other."""
    found = []
    for row, query in enumerate(queries.astype(np.float64)):
        distances = []
        for place, reference in enumerate(references.astype(np.float64)):
            cosine = query @ reference / math.sqrt((query @ query) * (reference @ reference))
            if not (own and place == row):
                distances.append((1 - cosine, place))
        found.append([place for _, place in sorted(distances)[:K]])
    return found


def test_activations_alone_are_searched_calibrated_and_scored(tmp_path: Path) -> None:
    arrays = draw_arrays()
    labels = arrays["labels"].copy()
    labels[[3, 31]] = (labels[[3, 31]] + 1) % N_CLASSES  # two labels are wrong
    settings = settle(save(tmp_path / "mine", arrays | {"labels": labels}))
    make_splits(tmp_path, settings)
    names = ("a9", "b.flat")
    for split in SPLITS:
        import_split(tmp_path, settings, split, names)
    references = tmp_path / "layers/train"
    build_index(references=references, output=tmp_path / "index", metric="cosine", engine="exact")
    for split in SPLITS:
        search_neighbours(
            index=tmp_path / "index",
            references=references,
            queries=tmp_path / f"layers/{split}",
            output=tmp_path / f"neighbours/{split}",
            k=K,
            exclude_self=split == "train",
            memory_mb=1200,
        )
    matrix = np.load(references / "a9.npy")
    for split in SPLITS:
        queries = np.load(tmp_path / f"layers/{split}/a9.npy")
        found = np.load(tmp_path / f"neighbours/{split}/a9.npy")
        assert found.tolist() == find_nearest(queries, matrix, own=split == "train")
    inputs = {
        "train": tmp_path / "data/train.npz",
        "logits": tmp_path / "logits/calibration.npy",
        "neighbours": tmp_path / "neighbours/calibration",
        "calibration": tmp_path / "data/calibration.npz",
    }
    calibrate(**inputs, output=tmp_path / "calibration.npz", mode="conformal")
    nonconformity, mode = read_calibration(tmp_path / "calibration.npz")
    assert (len(nonconformity), mode) == (12, "conformal")
    tables = {}
    for split in SPLITS:
        score(
            train=inputs["train"],
            split=tmp_path / f"data/{split}.npz",
            neighbours=tmp_path / f"neighbours/{split}",
            logits=tmp_path / f"logits/{split}.npy",
            calibration=tmp_path / "calibration.npz",
            output=tmp_path / f"{split}.parquet",
        )
        tables[split] = pd.read_parquet(tmp_path / f"{split}.parquet")
        images = read_split(tmp_path / f"data/{split}.npz")
        assert tables[split]["y"].tolist() == images.y.tolist()
    (ids,) = read_arrays(tmp_path / "mine.npz", "ids")
    scored = pd.concat(tables.values())
    rows = ids[np.concatenate([read_split(tmp_path / f"data/{split}.npz").source for split in SPLITS])]
    wrong = scored["dknn_label"].to_numpy() != scored["y"].to_numpy()
    assert sorted(rows[wrong].astype(int).tolist()) == [3, 31]
    right = scored["dnn_label"].to_numpy() == arrays["logits"].argmax(1)[rows.astype(int)]
    assert right.all()


def test_inputs_of_another_data_set_have_the_layers_of_the_training_rows(tmp_path: Path) -> None:
    arrays = draw_arrays()
    settings = settle(save(tmp_path / "mine", arrays, layers=["b.flat", "a9"]))
    make_splits(tmp_path, settings)
    import_split(tmp_path, settings, "train")
    others = draw_arrays() | {"z": np.zeros((N, 2))}
    shown = settle(save(tmp_path / "shown", others))
    fetch_dataset(output=tmp_path / "shown.npz", settings=shown)
    take_inputs(
        dataset=tmp_path / "shown.npz",
        train=tmp_path / "data/train.npz",
        output=tmp_path / "data/inputs.npz",
    )
    options = {"dataset": tmp_path / "shown.npz", "usual": tmp_path / "layers/train"}
    import_split(tmp_path, shown, "inputs", **options)
    (ids,) = read_arrays(tmp_path / "shown.npz", "ids")
    layers = open_layers(tmp_path / "layers/inputs", np.float32, rows=N)
    assert [*layers] == ["b.flat", "a9"]
    np.testing.assert_array_equal(layers["b.flat"], others["b.flat"][ids.astype(int)])
    fewer = settle(
        save(tmp_path / "fewer", others | {"labels": np.arange(N) % 2, "logits": np.zeros((N, 2))})
    )
    fetch_dataset(output=tmp_path / "shown.npz", settings=fewer)
    with pytest.raises(InputError, match="shown.npz has 2 classes, allowed are the 3 of the training rows"):
        import_split(tmp_path, fewer, "inputs", **options)
    del others["a9"]
    lacking = settle(save(tmp_path / "lacking", others))
    fetch_dataset(output=tmp_path / "shown.npz", settings=lacking)
    with pytest.raises(InputError, match="lacking has no layer 'a9', allowed are a10, b.flat, norm, z$"):
        import_split(tmp_path, lacking, "inputs", **options)


FAULTS: list[tuple[dict[str, Any], dict[str, list[str]], str]] = [
    ({"labels": None}, {}, "{folder}/labels.npy does not exist"),
    (
        {"labels": np.zeros((N, 2))},
        {},
        "the labels of {folder}/labels.npy are float64 [60, 2], allowed are inte",
    ),
    (
        {"labels": np.full(N, np.nan)},
        {},
        "row 0 of {folder}/labels.npy has no label, allowed are files without",
    ),
    ({"labels": np.array(["a", None] * 30, object)}, {}, "{folder}/labels.npy is not a whole .npy file: "),
    (
        {"labels": np.arange(59) % 2},
        {},
        "{folder}/a10.npy is float64 [60, 4, 2, 3], allowed is float16, float3",
    ),
    (
        {"a9": np.zeros((59, 2))},
        {},
        "{folder}/a9.npy is float64 [59, 2], allowed is float16, float32 or float6",
    ),
    (
        {"a9": np.zeros((N, 2), int)},
        {},
        "{folder}/a9.npy is int64 [60, 2], allowed is float16, float32 or flo",
    ),
    (
        {"a9": np.zeros((N, 2), complex)},
        {},
        "{folder}/a9.npy is complex128 [60, 2], allowed is float16, float",
    ),
    (
        {"a9": np.zeros((N, 0, 2))},
        {},
        "{folder}/a9.npy is float64 [60, 0, 2], allowed is float16, float32 or ",
    ),
    (
        {"a9": np.float32(3)},
        {},
        "{folder}/a9.npy is float32 [], allowed is float16, float32 or float64 of the ",
    ),
    ({"a b": np.zeros((N, 2))}, {}, "{folder} has a layer 'a b', allowed are letters, digits, _ and ."),
    (
        {"logits": np.zeros((N, 4))},
        {},
        "{folder}/logits.npy is [60, 4], allowed is a column for each of the 3 c",
    ),
    (
        {"logits": np.zeros(N)},
        {},
        "{folder}/logits.npy is [60], allowed is a column for each of the 3 classes, ",
    ),
    (
        {"logits": np.zeros((59, 3))},
        {},
        "{folder}/logits.npy is float64 [59, 3], allowed is float16, float32 o",
    ),
    (
        dict.fromkeys(["a10", "a9", "b.flat", "norm"]),
        {},
        "{folder} has no layers, allowed are one or more .npy ",
    ),
    ({}, {"layers": ["a9", "c"]}, "{folder}/c.npy does not exist"),
    ({}, {"layers": ["../a9"]}, "{folder} has a layer '../a9', allowed are letters, digits, _ and ."),
    ({}, {"ids": ["x"] * 59}, "the ids of {folder} are <U1 [59], allowed are integers or texts [60]"),
    ({}, {"ids": ["x", *[""] * 59]}, "row 1 of {folder} has no id, allowed are files without such rows"),
    ({}, {"ids": ["x"] * N}, "60 rows have 1 ids, 'x' is that of 60, allowed is one id a row"),
]


@pytest.mark.parametrize(("changes", "texts", "sentence"), FAULTS)
def test_a_folder_that_does_not_suit_is_one_sentence(
    changes: dict[str, Any], texts: dict[str, list[str]], sentence: str, tmp_path: Path
) -> None:
    arrays = {name: array for name, array in (draw_arrays() | changes).items() if array is not None}
    folder = save(tmp_path / "mine", arrays, **texts)
    with pytest.raises(InputError) as caught:
        read_folder(folder)
    assert str(caught.value).startswith(sentence.format(folder=folder))
    assert str(caught.value).isprintable()


def test_folders_that_do_not_suit_each_other_are_one_sentence(tmp_path: Path) -> None:
    arrays = draw_arrays()
    train = save(tmp_path / "train", arrays)
    lacking = {name: array for name, array in arrays.items() if name != "a9"}
    with pytest.raises(InputError, match=r"^\S*lacking/a9.npy does not exist$"):
        read_folder(train, str(save(tmp_path / "lacking", lacking)))
    wider = arrays | {"a9": np.zeros((N, 5, 4))}
    with pytest.raises(
        InputError, match=r"^a9 of .* is \[60, 5, 3\] and \[60, 5, 4\], allowed are rows of one"
    ):
        read_folder(train, str(save(tmp_path / "wider", wider)))
    del arrays["logits"]
    with pytest.raises(InputError, match=r"^one of .* has logits.npy, allowed are both or none$"):
        read_folder(train, str(save(tmp_path / "without", arrays)))
    other = arrays | {"labels": np.array([*"abc"] * 20)}
    with pytest.raises(
        InputError, match="^other:0 has the label 'a', allowed are the classes 0, 1, 2, or other"
    ):
        texts = arrays | {"labels": np.array([*"012"] * 20)}
        read_folder(save(tmp_path / "texts", texts), str(save(tmp_path / "other", other)))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("name", ["a10", "logits"])
@pytest.mark.parametrize("pooling", get_args(program.Pooling))
def test_what_is_not_finite_is_named_with_its_row_and_nothing_is_written(
    wrong: float, name: str, pooling: program.Pooling, tmp_path: Path
) -> None:
    arrays = draw_arrays() | {"ids": np.arange(N) + 100}
    settings = settle(save(tmp_path / "mine", arrays))
    make_splits(tmp_path, settings)
    (ids,) = read_arrays(tmp_path / "mine.npz", "ids")
    row = int(ids[read_split(tmp_path / "data/test.npz").source[7]]) - 100  # type: ignore[call-overload]
    arrays[name] = arrays[name].astype(np.float64)
    arrays[name][row].flat[-1] = wrong
    np.save(tmp_path / f"mine/{name}.npy", arrays[name])
    import_split(tmp_path, settings, "train", pooling=pooling)  # has other rows
    with pytest.raises(InputError) as caught:
        import_split(tmp_path, settings, pooling=pooling)
    sentence = (
        f"{name} of the row {row + 100} holds NaN, infinity or numbers beyond float32, allowed are finite"
    )
    assert str(caught.value).startswith(sentence)
    assert not (tmp_path / "layers/test").exists()
    assert not (tmp_path / "logits/test.npy").exists()
    assert not list(tmp_path.rglob(".partial-*"))


def test_an_unknown_layer_and_a_data_set_of_other_rows_are_one_sentence(tmp_path: Path) -> None:
    arrays = draw_arrays()
    settings = settle(save(tmp_path / "mine", arrays))
    make_splits(tmp_path, settings)
    with pytest.raises(InputError, match="mine has no layer 'a1', allowed are a10, a9, b.flat, norm$"):
        import_split(tmp_path, settings, names=("a9", "a1"))
    shutil.rmtree(tmp_path / "mine")
    save(tmp_path / "mine", arrays | {"labels": arrays["labels"][::-1]})
    with pytest.raises(
        InputError, match="mine.npz has other rows than .*mine, allowed are the same: make it ag"
    ):
        import_split(tmp_path, settings)
