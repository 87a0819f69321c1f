"""The public interface: neighbours by hand and by brute force, its page as it stands, and its sentences."""

import ast
import contextlib
import io
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, read_blocks
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.datasets import load_digits

import layeraudit
from layeraudit import DeepKNN, InputError, capture_layers

LINE = np.array([[0], [1], [2], [10], [11], [12.5]], np.float32)
"""Six rows on a line, three on either side."""

NAMES = np.array(["a", "a", "b", "b", "b", "a"])
"""Their labels: row 2 and row 5 have those of the other side."""


@pytest.fixture
def line() -> DeepKNN:
    return DeepKNN(k=2, metric="l2").fit({"line": LINE}, NAMES)


def test_neighbours_of_the_training_rows_are_others(line) -> None:
    assert line.kneighbors()["line"].tolist() == [[1, 2], [0, 2], [1, 0], [4, 5], [3, 5], [4, 3]]


def test_neighbours_of_other_rows_may_be_any(line) -> None:
    assert line.kneighbors({"line": LINE[:1]})["line"].tolist() == [[0, 1]]
    assert line.kneighbors({"line": np.float32([[6]])})["line"].tolist() == [[2, 3]]  # a tie: the smaller row


def test_label_disagreement_is_the_share_of_other_labels(line) -> None:
    assert line.label_disagreement().tolist() == [0.5, 0.5, 1, 0.5, 0.5, 1]
    rows = {"line": np.float32([[0.4], [0.4], [11.6]])}
    assert line.label_disagreement(rows, ["a", "b", "a"]).tolist() == [0, 1, 0.5]


def test_predictions_are_in_the_users_labels(line) -> None:
    assert line.classes_.tolist() == ["a", "b"]
    assert line.predict().tolist() == ["a", "a", "a", "a", "a", "b"]  # one each: the smaller label
    assert line.predict({"line": np.float32([[0.4], [10.4]])}).tolist() == ["a", "b"]


def test_credibility_compares_with_the_calibration_rows(line) -> None:
    line.calibrate({"line": np.float32([[0.4], [0.6], [10.4], [11.9]])}, ["a", "b", "b", "b"])
    assert line.nonconformity_.tolist() == [0, 2, 0, 1]
    found = line.predict_with_credibility({"line": np.float32([[0.3], [12]])})
    assert found.label.tolist() == ["a", "a"]
    assert found.nonconformity.tolist() == [0, 1]
    assert found.credibility.tolist() == [1, 0.5]
    assert found.confidence.tolist() == [0.75, 0.5]
    line.set_params(mode="conformal")
    assert line.predict_with_credibility({"line": np.float32([[0.3]])}).confidence.tolist() == [1 - 2 / 5]


def test_layers_count_alike_and_may_be_chosen() -> None:
    other = LINE[[0, 1, 3, 2, 4, 5]]  # here rows 2 and 3 lie on the sides that their labels belong to
    both = DeepKNN(k=2, metric="l2").fit({"line": LINE, "other": other}, NAMES)
    alone = [both.label_disagreement(names=[name]) for name in both.layers_]
    assert alone[0].tolist() == [0.5, 0.5, 1, 0.5, 0.5, 1]
    assert both.label_disagreement().tolist() == np.mean(alone, axis=0).tolist()
    swapped = both.kneighbors({"other": other, "line": LINE})
    assert list(swapped) == ["line", "other"]


def test_one_array_is_one_layer() -> None:
    found = DeepKNN(k=2, metric="l2").fit(LINE, NAMES)
    assert found.layers_ == ("x",)
    assert found.predict(LINE[:1]).tolist() == ["a"]


def find_by_brute_force(queries, rows, k, *, own, metric):
    """Return the k nearest rows of each query by a stable sort of distances in float64."""
    if metric == "cosine":  # scaled in float32, as `layeraudit.neighbours.rows` says
        queries, rows = (
            x
            * (1 / np.where((n := np.linalg.norm(np.float64(x), axis=1)) == 0, 1, n))[:, None].astype(
                np.float32
            )
            for x in (queries, rows)
        )
    distances = ((np.float64(queries)[:, None] - np.float64(rows)) ** 2).sum(axis=2)
    if own:
        np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


@pytest.mark.slow
@settings(max_examples=30)
@given(data=st.data(), metric=st.sampled_from(["cosine", "l2"]), mode=st.sampled_from(["paper", "conformal"]))
def test_agrees_with_brute_force(data, metric, mode) -> None:
    """Small integers make many ties, and rows of zeros, which have no direction."""
    cells = st.integers(0, 3).map(float)
    n, k = data.draw(st.integers(4, 9)), data.draw(st.integers(1, 3))
    train = {name: data.draw(arrays(np.float32, (n, 2), elements=cells)) for name in "ab"}
    held_out = {name: data.draw(arrays(np.float32, (5, 2), elements=cells)) for name in "ab"}
    y = np.array([3, 7, *data.draw(st.lists(st.sampled_from([3, 7, 8]), min_size=n - 2, max_size=n - 2))])
    y_held_out = data.draw(arrays(np.int64, 5, elements=st.sampled_from([3, 7])))

    found = DeepKNN(k=k, metric=metric, mode=mode).fit(train, y).calibrate(held_out, y_held_out)
    own = {name: find_by_brute_force(x, x, k, own=True, metric=metric) for name, x in train.items()}
    assert all((found.kneighbors()[name] == own[name]).all() for name in "ab")
    labels = np.concatenate([y[own[name]] for name in "ab"], axis=1)
    assert (found.label_disagreement() == (labels != y[:, None]).mean(axis=1)).all()

    near = {
        name: find_by_brute_force(held_out[name], train[name], k, own=False, metric=metric) for name in "ab"
    }
    labels = np.concatenate([y[near[name]] for name in "ab"], axis=1)
    alpha = np.array([[sum(row != j) for j in found.classes_] for row in labels])
    usual = alpha[np.arange(5), np.searchsorted(found.classes_, y_held_out)]
    extra = mode == "conformal"
    p = ((usual >= alpha[:, :, None]).sum(axis=2) + extra) / (5 + extra)
    judged = found.predict_with_credibility(held_out)
    assert (
        judged.label.tolist() == found.predict(held_out).tolist() == found.classes_[alpha.argmin(1)].tolist()
    )
    assert judged.credibility.tolist() == p.max(axis=1).tolist()
    assert judged.confidence.tolist() == (1 - np.sort(p, axis=1)[:, -2]).tolist()


@settings(max_examples=20)
@given(data=st.data())
def test_names_of_labels_and_order_of_rows_change_nothing(data) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, y = rng.normal(size=(30, 3)).astype(np.float32), rng.permutation(np.arange(30) % 3)
    order = rng.permutation(30)
    names = np.array(["lion", "newt", "owl"])[y]  # in the order of the numbers
    by_number = DeepKNN(k=5).fit(x, y)
    by_name = DeepKNN(k=5).fit(x[order], names[order])
    assert (by_number.label_disagreement()[order] == by_name.label_disagreement()).all()
    assert (np.array(["lion", "newt", "owl"])[by_number.predict()][order] == by_name.predict()).all()


@pytest.mark.parametrize(
    "labels", [[True, False] * 3, np.array([1, 2] * 3, np.uint8), np.array(["x", "y"] * 3, object)]
)
def test_labels_may_be_integers_booleans_or_texts(labels) -> None:
    found = DeepKNN(k=1, metric="l2").fit(LINE, labels)
    assert found.predict(LINE).tolist() == list(labels)


def test_a_layer_may_be_mapped_from_a_file(tmp_path) -> None:
    np.save(tmp_path / "line.npy", LINE)
    mapped = np.load(tmp_path / "line.npy", mmap_mode="r")
    assert DeepKNN(k=2, metric="l2").fit(mapped, NAMES).kneighbors()["x"][0].tolist() == [1, 2]


def test_parameters_follow_the_conventions_of_scikit_learn(line) -> None:
    assert line.get_params() == {"k": 2, "metric": "l2", "mode": "paper", "memory_mb": 1200, "threads": 1}
    other = clone(line)
    assert other.get_params() == line.get_params()
    assert not hasattr(other, "classes_")
    assert repr(other) == "DeepKNN(k=2, metric='l2', mode='paper', memory_mb=1200, threads=1)"
    assert other.set_params(k=3) is other
    assert other.k == 3


def test_k_and_the_calibration_are_those_of_the_last_fit(line) -> None:
    line.calibrate(LINE_LAYERS, NAMES).set_params(k=3)
    assert line.kneighbors()["line"].shape == (6, 2)
    assert line.fit(LINE_LAYERS, NAMES).kneighbors()["line"].shape == (6, 3)
    with pytest.raises(InputError, match="not calibrated"):
        line.predict_with_credibility()


def test_kept_neighbours_cannot_be_changed(line) -> None:
    with pytest.raises(ValueError, match="read-only"):
        line.kneighbors()["line"][0] = 0


LINE_LAYERS = {"line": LINE}
NAN = np.where(LINE == 2, np.nan, LINE).astype(np.float32)


@pytest.mark.parametrize(
    ("parameters", "layers", "y", "sentence"),
    [
        ({"k": 6}, LINE_LAYERS, NAMES, "k is 6, allowed are 1 to 5, one less than there are training rows"),
        ({"k": 0}, LINE_LAYERS, NAMES, "k is 0, allowed are integers from 1"),
        ({"k": 2.0}, LINE_LAYERS, NAMES, "k is 2.0, allowed are integers from 1"),
        ({"threads": True}, LINE_LAYERS, NAMES, "threads is True, allowed are integers from 1"),
        ({"metric": "dot"}, LINE_LAYERS, NAMES, "metric is 'dot', allowed are cosine, l2"),
        ({"mode": "exact"}, LINE_LAYERS, NAMES, "mode is 'exact', allowed are paper, cleverhans, conformal"),
        ({}, {}, NAMES, "there are 0 layers, allowed is one or more"),
        (
            {},
            {"line": LINE.astype(float)},
            NAMES,
            "layer 'line' is float64 [6, 1], allowed is float32 [rows, co",
        ),
        (
            {},
            {"line": LINE[..., None]},
            NAMES,
            "layer 'line' is float32 [6, 1, 1], allowed is float32 [rows, co",
        ),
        ({}, {"line": NAN}, NAMES, "layer 'line': row 2 holds NaN or infinity, allowed are finite numbers"),
        (
            {},
            {"a": LINE, "b": LINE[:5]},
            NAMES,
            "the layers have {'a': 6, 'b': 5} rows, allowed is one number",
        ),
        ({}, LINE_LAYERS, NAMES[:5], "the labels are [5], allowed is [6], a label for each row"),
        ({}, LINE_LAYERS, LINE, "the labels are float32, allowed are integers, booleans or texts"),
        ({}, LINE_LAYERS, ["a", None] * 3, "the labels are object, allowed are integers, booleans or texts"),
        ({}, LINE_LAYERS, ["a"] * 6, "all labels are ['a'], allowed are two classes or more"),
    ],
)
def test_what_cannot_be_fitted_is_one_sentence(parameters, layers, y, sentence) -> None:
    with pytest.raises(InputError, match="^" + re.escape(sentence)):
        DeepKNN(**{"k": 2, **parameters}).fit(layers, y)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda line: line.predict({"other": LINE}), "the layers are other, allowed are those of fit: line"),
        (
            lambda line: line.predict({"line": LINE[:, [0, 0]]}),
            "layer 'line': the queries are [6, 2], allowed",
        ),
        (lambda line: line.predict({"line": NAN}), "layer 'line': row 2 holds NaN or infinity"),
        (
            lambda line: line.calibrate({"line": LINE[:1]}, ["c"]),
            "the label of row 0 is 'c', allowed are those",
        ),
        (
            lambda line: line.calibrate({"line": LINE[:1]}, [1]),
            "the labels are int64, allowed are those of fit",
        ),
        (lambda line: line.calibrate({"line": LINE[:0]}, np.array([], str)), "there are 0 calibration rows"),
        (lambda line: line.label_disagreement(LINE_LAYERS), "layers or y is given alone"),
        (
            lambda line: line.label_disagreement(names=["conv"]),
            "names is ['conv'], allowed is a list of line",
        ),
        (lambda line: line.label_disagreement(names="line"), "names is 'line', allowed is a list of line"),
        (lambda line: line.predict_with_credibility(), "DeepKNN is not calibrated: call calibrate first"),
        (
            lambda line: line.set_params(k=2, n_neighbors=3),
            "there is no parameter 'n_neighbors', allowed are k",
        ),
        (lambda line: line.set_params(memory_mb=1).predict(), "layer 'line': memory_mb is 1, allowed are "),
        (lambda _: DeepKNN().predict(LINE_LAYERS), "DeepKNN is not fitted: call fit first"),
        (lambda _: DeepKNN().label_disagreement(), "DeepKNN is not fitted: call fit first"),
        (lambda _: capture_layers(torch.nn.ReLU(), LINE, ["fc"]), "the network has no layer 'fc'"),
        (lambda _: capture_layers(torch.nn.ReLU(), LINE, [""], batch_size=0), "batch_size is 0 for 6 rows"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(line, call, sentence) -> None:
    with pytest.raises(InputError, match="^" + re.escape(sentence)):
        call(line)


@pytest.mark.parametrize("batch_size", [1, 4, 256])
def test_captured_layers_are_what_the_modules_return(batch_size) -> None:
    model = torch.nn.Sequential(
        torch.nn.Linear(1, 2, bias=False), torch.nn.ReLU(), torch.nn.Unflatten(1, (1, 2))
    )
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
    found = capture_layers(model, LINE - 2, ["0", "1", ""], batch_size=batch_size)
    assert found["0"].tolist() == np.hstack([LINE - 2, 2 - LINE]).tolist()
    assert found["1"].tolist() == found[""].tolist() == np.maximum(found["0"], 0).tolist()
    assert {matrix.dtype for matrix in found.values()} == {np.dtype(np.float32)}


def test_a_model_that_works_in_place_changes_no_input(tmp_path) -> None:
    np.save(tmp_path / "x.npy", LINE - 2)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = torch.nn.Sequential(torch.nn.ReLU(inplace=True))
    for x in (mapped, LINE - 2, torch.from_numpy(LINE - 2)):
        assert capture_layers(model, x, [""])[""].tolist() == np.maximum(LINE - 2, 0).tolist()
        assert np.asarray(x).tolist() == (LINE - 2).tolist()


def plant_label_errors(folder, wrong=18):
    """Write 1,797 real digits as the page reads them, and give some of the first third a wrong label."""
    digits = load_digits()
    rng = np.random.default_rng(0)
    rows = rng.choice(len(digits.target) // 3, wrong, replace=False)
    labels = digits.target.copy()
    labels[rows] = (labels[rows] + rng.integers(1, 10, wrong)) % 10
    np.save(folder / "pixels.npy", digits.data.astype(np.float32))
    np.save(folder / "labels.npy", labels)
    return set(rows.tolist()), digits.target


def test_the_page_finds_planted_label_errors(tmp_path, monkeypatch) -> None:
    planted, true = plant_label_errors(tmp_path)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    first, *others = read_blocks("docs/library.md", "python")
    assert len(first.split("\n\n", 1)[1].splitlines()) + 2 <= 10  # from `import` to the list
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(first, names)
    suspects = set(names["suspects"].tolist())
    assert len(suspects & planted) >= 17
    assert (
        len(re.findall(r"^row \d+: given \d, its neighbours say \d \(\d+%\)$", printed.getvalue(), re.M))
        == 20
    )
    assert (names["audit"].predict()[sorted(planted)] == true[sorted(planted)]).mean() > 0.8

    with contextlib.redirect_stdout(printed):
        for block in others:
            exec(block, names)
    assert len(set(np.argsort(-names["disagreement"])[:18].tolist()) & planted) >= 16
    found, truth = names["found"], np.array_split(true, 3)[2]
    right = found.label == truth
    assert right.mean() > 0.85
    assert found.credibility[right].mean() > 2 * found.credibility[~right].mean()


def test_the_page_names_every_parameter_and_method() -> None:
    page = (REPOSITORY / "docs/library.md").read_text()
    parameters = ", ".join(f"{name}={value!r}" for name, value in DeepKNN().get_params().items())
    assert f"DeepKNN({parameters})".replace("'", '"') in page
    for name in [name for name in vars(DeepKNN) if not name.startswith("_")]:
        assert name in page
    assert all(name in page for name in layeraudit.__all__)


def test_the_package_imports_nothing_before_a_name_is_used() -> None:
    code = "import layeraudit, sys; print({'numpy', 'torch', 'faiss'} & {*sys.modules}, dir(layeraudit))"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY / "scripts", capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("set()")
    assert all(name in shown for name in layeraudit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'DeepNN'"):
        _ = layeraudit.DeepNN


PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_the_version_is_that_of_the_citation() -> None:
    assert f"\nversion: {PROJECT['version']}\n" in (REPOSITORY / "CITATION.cff").read_text()


def test_what_the_library_imports_is_installed_by_an_extra() -> None:
    extras = [name for extra in PROJECT["optional-dependencies"].values() for name in extra]
    declared = {re.split(r"[>\[]", name)[0].lower() for name in PROJECT["dependencies"] + extras}
    imported = set()
    for path in (REPOSITORY / "scripts/layeraudit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    imported -= {
        *sys.stdlib_module_names,
        "secml",
    }  # secml needs an older NumPy, in an environment of its own
    distributions = packages_distributions()
    needed = {distributions.get(name, [name])[0].lower() for name in imported}
    assert declared == needed | {"pyarrow"}  # by which pandas reads tables
