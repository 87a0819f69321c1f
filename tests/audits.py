"""What leads to the page of an audit: files of 300 drawn shapes with planted errors, for its tests."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from conftest import draw_shapes
from numpy.typing import NDArray
from PIL import Image

from layeraudit.datasets import Images
from layeraudit.files import atomic_write_layers, write_dataset

K = 10
N_ERRORS, N_GROUP, N_PLANTED = 15, 8, 12
LAYERS = ("conv1", "block.2", "head")


@dataclass
class Audit:
    """What `make_audit` takes, and what is true of it.

    Attributes
    ----------
    files : by the names of its parameters
    flipped, grouped : training rows with a wrong label; those of the group
    duplicate, outlier : (first, later) training rows that are alike; the row unlike anything
    """

    files: dict[str, Any]
    settings: dict[str, Any]
    images: Images
    source: NDArray[np.int64]
    flipped: list[int] = field(default_factory=list)
    grouped: list[int] = field(default_factory=list)
    duplicate: tuple[int, int] | None = None
    outlier: int | None = None

    def name(self, row: int) -> str:
        return str(self.images.ids[self.source[row]])


def write_audit(
    folder: Path,
    *,
    is_clean: bool = False,
    has_pixels: bool = True,
    has_inputs: bool = True,
    n_calibration: int = 400,
    classes: tuple[str, ...] = ("bar", "cross", "ring"),
    ids: NDArray[np.str_] | None = None,
) -> Audit:
    """Write what the judging programs write, in the forms that they have.

    Calibration rows are simulated, as many as are wanted.
    """
    generator = np.random.default_rng(1)
    drawn = _read_shapes()
    x, truth, n = drawn.x.copy(), drawn.y.copy(), drawn.n_train
    source = generator.permutation(n)
    held_out = n + generator.permutation(len(truth) - n)[:30]
    given = truth.copy()
    audit = Audit({}, {}, drawn, source)
    if not is_clean:
        audit.flipped = list(range(N_ERRORS))
        audit.grouped = [row for row in range(N_ERRORS, n) if truth[source[row]] == 0][:N_GROUP]
        audit.duplicate, audit.outlier = (n - 9, n - 2), n - 4
        given[source[audit.flipped]] = (truth[source[audit.flipped]] + 1) % 3
        given[source[audit.grouped]] = 2
        x[source[audit.grouped], :, :6, :6] = 255
        x[source[audit.duplicate[1]]] = x[source[audit.duplicate[0]]]
        given[source[audit.duplicate[1]]] = given[source[audit.duplicate[0]]]
        x[source[audit.outlier]] = 255 - x[source[audit.outlier]] // 4
        x[held_out[3]] = x[source[20]]
    audit.images = Images(
        x if has_pixels else np.empty((len(x), 0, 0, 0), np.uint8),
        given,
        n,
        classes,
        drawn.ids if ids is None else ids,
    )

    # Early layers see shapes, late ones the label that the network has learned: the group's is the given one.
    learned = truth.copy()
    learned[source[audit.grouped]] = 2
    noise = generator.normal(size=(len(x), 3))
    space = {
        LAYERS[0]: np.eye(3)[truth] + 0.35 * noise,
        LAYERS[1]: np.eye(3)[truth] + 0.25 * generator.normal(size=(len(x), 3)),
        LAYERS[2]: np.eye(3)[learned] + 0.1 * generator.normal(size=(len(x), 3)),
    }
    for activations in space.values():
        if audit.duplicate is not None and audit.outlier is not None:
            activations[source[audit.duplicate[1]]] = activations[source[audit.duplicate[0]]]
            activations[source[audit.outlier]] = 6
            activations[held_out[3]] = activations[source[20]]
    other = generator.normal(size=(40, 3)) + np.eye(3)[np.arange(40) % 3]

    def find(queries: NDArray[np.float64], layer: str, *, is_own: bool = False) -> NDArray[np.int64]:
        squares = ((queries[:, None] - space[layer][source]) ** 2).sum(axis=2)
        if is_own:
            np.fill_diagonal(squares, np.inf)
        return np.argsort(squares, axis=1, kind="stable")[:, :K]

    found = {
        "train": {layer: find(space[layer][source], layer, is_own=True) for layer in LAYERS},
        "test": {layer: find(space[layer][held_out], layer) for layer in LAYERS},
        "inputs": {layer: find(other, layer) for layer in LAYERS},
    }
    y = given[source]
    votes = np.concatenate(list(found["train"].values()), axis=1)
    by_layer = {layer: (y[near] != y[:, None]).mean(axis=1) for layer, near in found["train"].items()}
    disagreement = (y[votes] != y[:, None]).mean(axis=1)
    probe = np.clip((learned[source] != y) * 0.9 + generator.random(n) / 20, 0, 1)
    score = (disagreement + probe) / 2
    calibration = generator.random(n_calibration) * 0.3
    label_p, label_flagged = _flag(score, calibration)
    distance = 1 + generator.random(n) / 4
    if audit.outlier is not None:
        distance[audit.outlier] = 9.5
    outlier_p, outlier_flagged = _flag(distance, 1 + generator.random(20 * n) / 4)
    if audit.outlier is None:
        outlier_p, outlier_flagged = np.full(n, 0.4), np.zeros(n, bool)
    rows = pd.DataFrame(
        {
            "row": np.arange(n),
            "source": source,
            "label": y,
            "predicted": learned[source],
            "proposed": np.where(
                score < 0.3,
                y,
                np.array([np.bincount(given[source][of], minlength=3).argmax() for of in votes]),
            ),
            **{f"label_disagreement_{layer}": of for layer, of in by_layer.items()},
            "label_disagreement": disagreement,
            "self_confidence": probe * 0.9,
            "probe": probe,
            "neighbours_and_probe": score,
            "label_score": score,
            "label_rank": _rank(score),
            "label_p": label_p,
            "label_flagged": label_flagged,
            "outlier_score": distance,
            "outlier_rank": _rank(distance),
            "outlier_p": outlier_p,
            "outlier_flagged": outlier_flagged,
            "duplicate_of": -1,
            "duplicate_distance": np.nan,
            "leak": 0,
            "group": -1,
            "held_out_deficit": generator.random(n) / 2,
        }
    )
    if audit.duplicate is not None:
        rows.loc[audit.duplicate[1], ["duplicate_of", "duplicate_distance"]] = [audit.duplicate[0], 0.0]
        rows.loc[20, "leak"] = 1
        rows.loc[audit.grouped, ["group", "held_out_deficit"]] = [0, 0.9]
    rows = rows.astype({"duplicate_of": np.int64, "group": np.int64})
    group = {"group": 0, "n": N_GROUP, "layer": LAYERS[2], "label": 2, "label_share": 1.0, "other_label": 0}
    group |= {"share": N_GROUP / n, "held_out_share": 0.001}
    leak = {"split": "test", "row": 3, "source": held_out[3], "training_row": 20, "distance": 0.0001}
    flagged = int(label_flagged.sum())
    errors = {
        "n_rows": n,
        "n_calibration": n_calibration,
        "level": 0.05,
        "fewest_flaggable": -(-n * 20 // (n_calibration + 1)),
        "calibration_rows_to_flag_one": n * 20 - 1,
        "ranked_by": "neighbours_and_probe",
        "fewest_in_group": 24,
        "labels_not_held_out": [],
        "probe_layer": LAYERS[1],
        "no_probe": None,
        "flagged": flagged,
        "at_least_wrong": 0 if is_clean else max(3, flagged - 2),
        "outliers_flagged": int(outlier_flagged.sum()),
        "outliers_at_least": int(outlier_flagged.sum()),
    }
    inputs = [
        _judge("held_out", held_out, given[held_out], found["test"], y, generator, seen=truth[held_out]),
        _judge(
            "inputs", np.arange(40), np.full(40, -1), found["inputs"], y, generator, seen=np.arange(40) % 3
        ),
    ][: 1 + has_inputs]
    judged = pd.concat(inputs, ignore_index=True)
    judged["rank"] = judged["credibility"].rank(method="first").astype(np.int64)

    other_ids = np.array([f"camera/{number:04}.png" for number in range(40)])
    other_x = generator.integers(0, 256, (40, 1, 28, 28), dtype=np.uint8)
    if not has_pixels:
        other_x = np.empty((40, 0, 0, 0), np.uint8)
    write_dataset(folder / "dataset.npz", audit.images)
    write_dataset(
        folder / "inputs.npz", Images(other_x, np.zeros(40, np.int64), 40, ("unlabelled",), other_ids)
    )
    records = {"gate": _judge_gate(n), "errors": errors}
    for name, content in records.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    rows.to_parquet(folder / "rows.parquet")
    judged.to_parquet(folder / "inputs.parquet")
    tables = {
        "groups": pd.DataFrame([group] * (not is_clean), columns=list(group)),
        "leaks": pd.DataFrame([leak] * (not is_clean), columns=list(leak)),
        "controls": _tabulate_controls([*LAYERS], flagged=0.75 * (errors["fewest_flaggable"] <= N_PLANTED)),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "layers.csv").write_text(
        "layer,class,chosen\n" + "".join(f"{of},Conv2d,True\n" for of in LAYERS)
    )
    for name, of in found.items():
        with atomic_write_layers(folder / f"{name}_neighbours", LAYERS) as made:
            for layer, near in of.items():
                np.save(made / f"{layer}.npy", near)
    (folder / "weights.pt").write_bytes(b"weights")
    audit.files = {
        "dataset": folder / "dataset.npz",
        "inputs_dataset": folder / "inputs.npz" if has_inputs else None,
        **{name: folder / f"{name}.json" for name in ("gate", "errors")},
        **{name: folder / f"{name}.parquet" for name in ("rows", "inputs")},
        **{name: folder / f"{name}.csv" for name in ("groups", "leaks", "layers")},
        "controls": [folder / "controls.csv"],
        **{f"{name}_neighbours": folder / f"{name}_neighbours" for name in ("train", "test", "inputs")},
    }
    if not has_inputs:
        audit.files["inputs_neighbours"] = None
    audit.settings = {
        "name": "shapes",
        "variant": "mine",
        "dataset_name": "pictures",
        "network_name": "own_net",
        "pooling": "mean",
        "metric": "cosine",
        "given": [str(folder / "weights.pt")],
    }
    return audit


@cache
def _read_shapes() -> Images:
    """Draw shapes and read them, the first 80 of each class for training."""
    with TemporaryDirectory() as folder:
        shapes = draw_shapes(Path(folder) / "shapes")
        paths = sorted(shapes.glob("*/*.png"), key=lambda path: (int(path.stem) >= 80, path))
        return Images(
            x=np.stack([np.asarray(Image.open(path))[None] for path in paths]),
            y=np.array([["bar", "cross", "ring"].index(path.parent.name) for path in paths]),
            n_train=240,
            classes=("bar", "cross", "ring"),
            ids=np.array([str(path.relative_to(shapes)) for path in paths]),
        )


def _rank(score: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(np.argsort(-score, kind="stable"), kind="stable") + 1


def _flag(
    score: NDArray[np.float64], calibration: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return conformal p-values, and the rows that Benjamini and Hochberg flag at 5 %."""
    p = (1 + (calibration[None] >= score[:, None]).sum(axis=1)) / (1 + len(calibration))
    n = len(p)
    passing = [rank for rank, of in enumerate(sorted(p), 1) if of <= 0.05 * rank / n]
    return p, p <= (0.05 * max(passing) / n if passing else -1)


def _judge(
    part: str,
    source: NDArray[np.int64],
    label: NDArray[np.int64],
    near: dict[str, NDArray[np.int64]],
    y: NDArray[np.int64],
    generator: np.random.Generator,
    *,
    seen: NDArray[np.int64],
) -> pd.DataFrame:
    votes = np.concatenate(list(near.values()), axis=1)
    dknn = np.array([np.bincount(y[of], minlength=3).argmax() for of in votes])
    nonconformity = (y[votes] != dknn[:, None]).sum(axis=1)
    return pd.DataFrame(
        {
            "part": part,
            "row": np.arange(len(source)),
            "source": source,
            "label": label,
            "predicted": seen,
            "dknn_label": dknn,
            "credibility": np.clip(1 - nonconformity / 12, 0.01, 1),
            "confidence": 0.9,
            "nonconformity": nonconformity,
            "outlier_score": 1 + generator.random(len(source)),
            "outlier_p": 0.5,
            "outlier_flagged": np.arange(len(source)) == (5 if part == "inputs" else -1),
        }
    )


def _judge_gate(n: int) -> dict[str, Any]:
    parts = {
        "train": {"n": n, "right": n - 6, "accuracy": 1 - 6 / n, "ci95_low": 0.947, "ci95_high": 0.989},
        "held_out": {"n": 60, "right": 58, "accuracy": 58 / 60, "ci95_low": 0.886, "ci95_high": 0.991},
    }
    return {
        "n_classes": 3,
        "majority_share": 1 / 3,
        "expected_accuracy": 0.95,
        "verdict": "as_expected",
        "parts": parts,
    }


def _tabulate_controls(layers: list[str], *, flagged: float) -> pd.DataFrame:
    strength = {
        "neighbours_and_probe": 0.9,
        "label_disagreement": 0.85,
        "probe": 0.95,
        "self_confidence": 0.7,
    }
    strength |= {f"label_disagreement_{layer}": 0.6 + number / 10 for number, layer in enumerate(layers)}
    rows = []
    for detector, recall in strength.items():
        for length in (6, 12, 24, 60):
            for quantity, value in (
                ("recall", min(1, recall * length / 12)),
                ("precision", recall * 12 / max(12, length)),
            ):
                rows.append((detector, length, quantity, value))
        rows.append((detector, np.nan, "auroc", 0.5 + recall / 2))
    rows.append(("neighbours_and_probe", np.nan, "flagged", flagged))
    table = pd.DataFrame(rows, columns=["detector", "length", "quantity", "value"])
    return table.assign(
        control="flips_after_training",
        planted=N_PLANTED,
        ci95_low=table["value"] - 0.05,
        ci95_high=(table["value"] + 0.05).clip(upper=1),
        n_repeats=20,
        learned=np.nan,
    )
