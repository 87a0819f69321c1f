"""The programs that judge an audit, from files to files, and what they say of wrong ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import find_nearest, run_programs
from numpy.typing import NDArray

from audit.check_accuracy import check_accuracy
from layeraudit.audit.controls import COLUMNS
from layeraudit.datasets import Images
from layeraudit.files import (
    atomic_write_layers,
    read_split,
    write_dataset,
    write_json,
    write_matrix,
    write_split,
)
from layeraudit.splits import take_clean, take_first

CLASSES, K, N_TRAIN, N_HELD_OUT = 3, 8, 150, 60
LAYERS = ("early", "late", "fc")
FLIPPED = [3, 77, 120]
SPLITS = ("train", "calibration", "test", "inputs")
WRITTEN = ("rows.parquet", "groups.csv", "leaks.csv", "errors.json", "probe.npz", "calibration_scores.npz")


def make_run(folder: Path, *, has_logits: bool = True, seed: int = 0) -> Path:
    """Write the files that a run has before it is judged.

    Three training rows have a wrong label, and one is another's copy. The first row of `inputs` is a training
    row, the last lies far off.
    """
    generator = np.random.default_rng(seed)
    sizes = dict(zip(SPLITS, (N_TRAIN, N_HELD_OUT, N_HELD_OUT, 20), strict=True))
    n = sum(sizes.values())
    y = np.arange(n) % CLASSES
    late = 6 * np.eye(CLASSES, 5)[y] + generator.normal(size=(n, 5))
    late[1] = late[0]
    y[1] = y[0]
    late[N_TRAIN + 2 * N_HELD_OUT] = late[2]
    late[-1] = 30 * generator.normal(size=5)
    all_rows = {"early": late @ generator.normal(size=(5, 7)), "late": late, "fc": late[:, :CLASSES]}
    x = generator.integers(0, 256, size=(n, 1, 2, 2), dtype=np.uint8)
    x[1] = x[0]
    ends = np.cumsum([0, *sizes.values()])
    train = {}
    for (split, size), start in zip(sizes.items(), ends, strict=False):
        rows = np.arange(start, start + size)
        labels = y.copy()
        if split == "train":
            labels[FLIPPED] = (y[FLIPPED] + 1) % CLASSES
        write_split(folder / f"data/{split}.npz", take_clean(x, labels, rows, CLASSES))
        layers = {name: of[rows].astype(np.float32) for name, of in all_rows.items()}
        train = train or layers
        for kind in ("layers", "neighbours"):
            with atomic_write_layers(folder / kind / split, LAYERS) as inside:
                for name, of in layers.items():
                    nearest = find_nearest(of, train[name], K, are_the_same=split == "train")
                    write_matrix(inside / f"{name}.npy", of if kind == "layers" else nearest)
        write_matrix(folder / f"logits/{split}.npy", layers["fc"] if has_logits else 0 * layers["fc"])
    return folder


def evidence(folder: Path, *splits: str) -> list[object]:
    words: list[object] = []
    for split in splits:
        words += [f"--{split}", folder / f"data/{split}.npz"]
        for kind, ending in (("layers", ""), ("logits", ".npy"), ("neighbours", "")):
            words += [f"--{split}-{kind}", folder / f"{kind}/{split}{ending}"]
    return words


def gate(folder: Path, *more: object) -> tuple[str, list[object]]:
    words: list[object] = []
    for split in SPLITS[:3]:
        words += [f"--{split}", folder / f"data/{split}.npz"]
        words += [f"--{split}-logits", folder / f"logits/{split}.npy"]
    return "audit/check_accuracy.py", [*words, "--output", folder / "gate.json", *more]


def judge(folder: Path, *, inputs: bool = True, into: str = "") -> list[tuple[str, list[object]]]:
    """Return the programs of an audit, each with its words."""
    splits = SPLITS if inputs else SPLITS[:3]
    known = [*evidence(folder, *splits), "--gate", folder / "gate.json"]
    outputs: list[object] = []
    for name in WRITTEN:
        outputs += [f"--{name.split('.')[0].replace('_', '-')}", folder / into / name]
    programs: list[tuple[str, list[object]]] = [gate(folder, "--expected-accuracy=0.9")]
    of_calibration = [
        *("--train", folder / "data/train.npz", "--calibration", folder / "data/calibration.npz"),
        *("--neighbours", folder / "neighbours/calibration", "--logits", folder / "logits/calibration.npy"),
        *("--output", folder / "calibration.npz", "--mode=conformal"),
    ]
    programs.append(("calibrate.py", of_calibration))
    scores: list[object] = []
    for split in splits[2:]:
        files = [
            *("--split", folder / f"data/{split}.npz", "--neighbours", folder / f"neighbours/{split}"),
            *("--logits", folder / f"logits/{split}.npy", "--calibration", folder / "calibration.npz"),
            *("--train", folder / "data/train.npz", "--output", folder / f"scores/{split}.parquet"),
        ]
        programs.append(("score.py", files))
        scores += [f"--{split}-scores", folder / f"scores/{split}.parquet"]
    of_controls = [
        *evidence(folder, "train"),
        *("--rows", folder / into / "rows.parquet", "--errors", folder / into / "errors.json"),
        *("--probe", folder / into / "probe.npz"),
        *("--calibration-scores", folder / into / "calibration_scores.npz"),
        *("--table", folder / into / "controls.csv", "--seed=1"),
    ]
    return [
        *programs,
        ("audit/judge_rows.py", [*known, *outputs, "--metric=l2", "--seed=1"]),
        (
            "audit/judge_inputs.py",
            [*known, *scores, "--table", folder / into / "inputs.parquet", "--metric=l2"],
        ),
        ("audit/plant_controls.py", of_controls),
    ]


def take(folder: Path, x: NDArray[np.uint8]) -> tuple[str, list[object]]:
    """Return the program that takes these pictures for inputs of a network that was trained on others."""
    n = len(x)
    write_dataset(folder / "other.npz", Images(x, np.arange(n) % 20, 1, tuple(map(str, range(20)))))
    train = take_clean(np.zeros((4, 1, 2, 3), np.uint8), np.array([0, 1, 2, 0]), np.arange(4), 7)
    write_split(folder / "train.npz", train)
    files = ["--dataset", folder / "other.npz", "--train", folder / "train.npz"]
    return "audit/take_inputs.py", [*files, "--output", folder / "inputs.npz"]


PICTURES = np.random.default_rng(0).integers(0, 256, (25, 1, 2, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Judge several audits in one process; return their folder, and what programs that failed said."""
    folder = tmp_path_factory.mktemp("audits")
    plain, silent, many, guessing = (
        make_run(folder / name, has_logits=name != "silent")
        for name in ("plain", "silent", "many", "guessing")
    )
    write_json(many / "gate.json", {"n_classes": 1000, "verdict": "as_expected"})
    for split in SPLITS[:3]:
        logits = np.load(guessing / f"logits/{split}.npy")
        write_matrix(guessing / f"logits/{split}.npy", np.roll(logits, 1, axis=1))
    of_many = judge(many, inputs=False)
    _, words = run_programs(
        gate(guessing, "--expected-accuracy=null"),
        take(folder / "others", PICTURES[:, [0, 0, 0]]),
        take(folder / "alike", PICTURES),
        *judge(plain),
        *judge(plain, into="again")[-3:],
        *judge(silent, inputs=False),
        *(of_many[-3], of_many[-1]),
    )
    return folder, words


@pytest.fixture(scope="module")
def audited(runs: tuple[Path, list[str]]) -> Path:
    return runs[0] / "plain"


@pytest.mark.slow
def test_no_program_fails_but_on_a_network_that_guesses_and_on_other_pictures(runs) -> None:
    folder, (guessing, shape) = runs
    assert "allowed is more than the share of the largest class" in guessing and "normalisation" in guessing
    assert not (folder / "guessing/gate.json").exists()
    assert "has images of [3, 2, 3], allowed are those of" in shape
    assert not (folder / "others/inputs.npz").exists()


def test_the_gate_passes(audited) -> None:
    found = json.loads((audited / "gate.json").read_text())
    assert found["verdict"] == "as_expected" and found["n_classes"] == 3
    assert found["parts"]["held_out"]["n"] == 120 and found["parts"]["train"]["right"] >= 140


@pytest.mark.parametrize(
    ("n_calibration", "limit"),
    [
        (60, "with 60 calibration rows, fewer than 50 wrong rows cannot be flagged, of 150 training rows\n"),
        (18, "with 18 calibration rows, no row can be flagged, of 150 training rows\n"),
    ],
)
def test_what_can_be_flagged_is_said_before_rows_are_judged(audited, n_calibration, limit, tmp_path, capsys):
    files = {}
    for split in SPLITS[:3]:
        n = n_calibration if split == "calibration" else None
        images = read_split(audited / f"data/{split}.npz")
        files |= {split: tmp_path / f"{split}.npz", f"{split}_logits": tmp_path / f"{split}.npy"}
        write_split(files[split], take_first(images, n or len(images)))
        write_matrix(files[f"{split}_logits"], np.load(audited / f"logits/{split}.npy")[:n])
    check_accuracy(**files, output=tmp_path / "gate.json", expected_accuracy=None)
    assert capsys.readouterr().out.endswith(limit)


def test_rows_have_the_columns_that_are_agreed(audited) -> None:
    found = pd.read_parquet(audited / "rows.parquet")
    layers = [f"label_disagreement_{layer}" for layer in LAYERS]
    assert list(found) == [
        *("row", "source", "label", "predicted", "proposed", *layers, "label_disagreement"),
        *("self_confidence", "probe", "neighbours_and_probe"),
        *("label_score", "label_rank", "label_p", "label_flagged"),
        *("outlier_score", "outlier_rank", "outlier_p", "outlier_flagged"),
        *("duplicate_of", "duplicate_distance", "leak"),
        *("group", "held_out_deficit"),
    ]
    kinds = dict.fromkeys(("row", "source", "label", "predicted", "proposed", "label_rank"), "int64")
    kinds |= dict.fromkeys(("label_flagged", "outlier_flagged"), "bool")
    kinds |= dict.fromkeys(("outlier_rank", "duplicate_of", "leak", "group"), "int64")
    assert {name: str(found[name].dtype) for name in kinds} == kinds
    assert {str(found[name].dtype) for name in found if name not in kinds} == {"float64"}
    split = read_split(audited / "data/train.npz")
    assert (found["row"] == np.arange(N_TRAIN)).all()
    assert (found["source"] == split.source).all() and (found["label"] == split.y).all()
    assert not found.drop(columns="duplicate_distance").isna().any().any()


def test_wrong_labels_come_first(audited) -> None:
    found = pd.read_parquet(audited / "rows.parquet")
    assert sorted(found["label_rank"][FLIPPED]) == [1, 2, 3]
    true = (found["label"][FLIPPED] - 1) % CLASSES
    assert (found["proposed"][FLIPPED] == true).all() and (found["predicted"][FLIPPED] == true).all()
    others = found.drop(index=FLIPPED)
    assert (others["proposed"] == others["label"]).mean() > 0.98


def test_copies_and_leaks_are_named(audited) -> None:
    found = pd.read_parquet(audited / "rows.parquet")
    assert found["duplicate_of"][1] == 0 and (found["duplicate_of"].drop(index=1) == -1).all()
    leaks = pd.read_csv(audited / "leaks.csv")
    assert leaks.to_dict("list") == {
        "split": ["inputs"],
        "row": [0],
        "source": [N_TRAIN + 2 * N_HELD_OUT],
        "training_row": [2],
        "distance": [0],
    }
    assert not found["leak"].any()  # a copy that is shown to the network is no held-out row


def test_errors_say_what_can_be_flagged(audited) -> None:
    found = json.loads((audited / "errors.json").read_text())
    assert found == {
        "n_rows": 150,
        "n_calibration": 60,
        "level": 0.05,
        "fewest_flaggable": 50,
        "calibration_rows_to_flag_one": 2999,
        "flagged": 0,
        "at_least_wrong": 0,
        "flagged_at_least_wrong": 0,
        "outliers_flagged": 0,
        "outliers_at_least": 0,
        "ranked_by": "neighbours_and_probe",
        "probe_layer": "late",
        "probe_rows": 120,
        "no_probe": None,
        "labels_not_held_out": [],
        "fewest_in_group": 23,
    }
    assert len(pd.read_csv(audited / "groups.csv")) == 0


def test_inputs_that_lie_far_off_are_not_credible(audited) -> None:
    found = pd.read_parquet(audited / "inputs.parquet")
    assert list(found) == [
        *("part", "row", "source", "label", "predicted", "dknn_label", "credibility", "confidence"),
        *("nonconformity", "outlier_score", "outlier_p", "outlier_flagged", "rank"),
    ]
    assert found["part"].tolist() == ["held_out"] * N_HELD_OUT + ["inputs"] * 20
    assert sorted(found["rank"]) == list(range(1, N_HELD_OUT + 21))
    of_inputs = found[found["part"] == "inputs"]
    assert (of_inputs["label"] == -1).all() and of_inputs["row"].tolist() == list(range(20))
    assert of_inputs["outlier_score"].idxmax() == of_inputs.index[-1]
    assert of_inputs["outlier_p"].iloc[-1] == 1 / 61
    held_out = found[found["part"] == "held_out"]
    split, scores = read_split(audited / "data/test.npz"), pd.read_parquet(audited / "scores/test.parquet")
    assert (held_out["label"] == split.y).all() and (held_out["source"] == split.source).all()
    assert (held_out["predicted"] == scores["dnn_label"]).all()
    for name in ("dknn_label", "credibility", "confidence", "nonconformity"):
        assert held_out[name].tolist() == scores[name].tolist()
    assert not held_out["outlier_flagged"].any()
    ordered = found.sort_values("rank")
    assert ordered["credibility"].is_monotonic_increasing


def test_controls_find_what_was_planted(audited) -> None:
    found = pd.read_csv(audited / "controls.csv")
    assert list(found) == COLUMNS
    assert found["learned"].isna().all()
    best = found[(found["detector"] == "neighbours_and_probe") & (found["quantity"] == "auroc")]
    assert best["value"].item() > 0.99 and np.isnan(best["length"].item())
    assert set(found["detector"]) == {
        *(f"label_disagreement_{layer}" for layer in LAYERS),
        *("label_disagreement", "self_confidence", "probe", "neighbours_and_probe"),
    }


def test_the_bytes_are_the_same_each_time(audited) -> None:
    for name in (*WRITTEN, "inputs.parquet", "controls.csv"):
        assert (audited / name).read_bytes() == (audited / "again" / name).read_bytes(), name


def test_without_logits_neighbours_judge_and_the_probe(runs) -> None:
    folder = runs[0] / "silent"
    assert json.loads((folder / "gate.json").read_text())["verdict"] == "no_logits"
    found = pd.read_parquet(folder / "rows.parquet")
    assert (found["predicted"] == -1).all() and found["self_confidence"].isna().all()
    assert sorted(found["label_rank"][FLIPPED]) == [1, 2, 3]
    inputs = pd.read_parquet(folder / "inputs.parquet")
    assert set(inputs["part"]) == {"held_out"} and (inputs["predicted"] == -1).all()
    assert "self_confidence" not in set(pd.read_csv(folder / "controls.csv")["detector"])
    assert json.loads((folder / "errors.json").read_text())["probe_layer"] == "fc"


def test_of_many_classes_neighbours_judge_alone(runs) -> None:
    folder = runs[0] / "many"
    found = pd.read_parquet(folder / "rows.parquet")
    assert found["probe"].isna().all() and found["neighbours_and_probe"].isna().all()
    assert (found["label_score"] == found["label_disagreement"]).all()
    errors = json.loads((folder / "errors.json").read_text())
    assert errors["ranked_by"] == "label_disagreement" and errors["no_probe"] == "more than 100 classes"
    assert errors["probe_layer"] is None and errors["probe_rows"] == 0
    assert not {"probe", "neighbours_and_probe"} & set(pd.read_csv(folder / "controls.csv")["detector"])


def test_inputs_are_all_rows_in_their_order_without_labels(runs) -> None:
    split = read_split(runs[0] / "alike/inputs.npz")
    assert (np.round(split.x * 255) == PICTURES).all() and split.source.tolist() == list(range(25))
    assert not split.y.any() and split.n_classes == 7
