"""Measure what audits of known label errors have found, beside cleanlab on the same activations, in one run.

Of CIFAR-10N a label is wrong where it is not CIFAR-10's. Each ranking has its AUROC and average precision,
each set of flags its precision, recall and F1; intervals are the bootstrap's over rows. Of MNIST's test rows,
100 were judged by five people, and fewer than three of them voted for 15 labels: how many are among the first
100 of 10,000? MNIST's training rows have few errors: how many does the audit flag, and how many ART?
README.md of this folder says how to run it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from art.defences.detector.poison import ActivationDefence, SpectralSignatureDefense
from art.estimators.classification import PyTorchClassifier
from cleanlab import Datalab
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from layeraudit.cli import run
from layeraudit.provenance import name_processor
from layeraudit.statistics import interval_of_share
from layeraudit.tables import write_table

LABELS = ("label_disagreement", "self_confidence", "probe", "neighbours_and_probe")
FIGURES = {"auroc": roc_auc_score, "average_precision": average_precision_score}
OF_FLAGS = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
RESAMPLES, SEED, LENGTH, MAJORITY = 200, 1, 100, 3

Way = tuple[str, str, NDArray[np.float64] | None, NDArray[np.bool_] | None]
"""A way of finding wrong labels: the tool, its name, how wrong each label is, and which are flagged."""


def read_audit(results: Path, name: str) -> tuple[pd.DataFrame, dict[str, Any], Path]:
    """Return an audit's training rows in the order of the data set, its record, and the folder of its run."""
    audit = results / "audit" / name
    record = json.loads((audit / "audit.json").read_text())
    rows = pd.read_csv(audit / "rows.csv").sort_values("id", ignore_index=True)
    return rows, record, results / record["provenance"]["variant"] / name / "seed1"


def list_ours(rows: pd.DataFrame, layers: list[str]) -> Iterator[Way]:
    """Yield the detectors of an audit; the one that ranks has flags."""
    for name in (*LABELS, *(f"label_disagreement_{layer}" for layer in layers)):
        score = rows[name].to_numpy(np.float64)
        ranks = np.allclose(score, rows["label_score"])
        yield "Layeraudit", name, score, rows["label_flagged"].to_numpy(bool) if ranks else None
    yield "Layeraudit", "other label proposed", None, (rows["proposed"] != rows["label"]).to_numpy(bool)


def list_cleanlab(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Iterator[Way]:
    """Yield cleanlab's ways: on a probe's probabilities across five folds, and on the features alone."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    probabilities = cross_val_predict(model, features, labels, cv=5, method="predict_proba")
    flags = find_label_issues(labels, probabilities)
    for method in ("self_confidence", "normalized_margin"):
        quality = get_label_quality_scores(labels, probabilities, method=method)
        yield "cleanlab", f"find_label_issues, {method}", 1 - quality, flags
    for name, given in {
        "features": {"features": features},
        "features and probe": {"features": features, "pred_probs": probabilities},
    }.items():
        lab = Datalab({"label": labels}, label_name="label", task="classification", verbosity=0)
        lab.find_issues(**given, issue_types={"label": {}})
        found = lab.get_issues("label")
        yield (
            "cleanlab",
            f"Datalab, {name}",
            1 - found["label_score"].to_numpy(),
            found["is_label_issue"].to_numpy(),
        )


def measure(wrong: NDArray[np.bool_], values: NDArray[Any], of: Callable[..., float]) -> dict[str, float]:
    """Return a figure with its 95 % interval by the bootstrap over rows."""
    generator, n = np.random.default_rng(SEED), len(wrong)
    drawn = [of(wrong[rows], values[rows]) for rows in generator.integers(n, size=(RESAMPLES, n))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": of(wrong, values), "ci95_low": low, "ci95_high": high}


def measure_cifar10n(results: Path, people: Path, noise: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each way of finding the wrong labels of CIFAR-10N and each figure of it."""
    rows, record, folder = read_audit(results, f"cifar10n_{noise}")
    labels = np.load(people)
    given = labels[f"{noise}_label"].astype(np.int64)
    wrong = given != labels["clean_label"]
    layers = record["provenance"]["layers"]
    features = np.load(folder / "layers/train" / f"{layers[-2]}.npy")[rows["row"]]
    named = {"case": f"CIFAR-10N, {noise}", "n": len(wrong), "n_wrong": int(wrong.sum())}
    ways = [*list_ours(rows, layers), *list_cleanlab(features, given)]
    for tool, name, score, flags in tqdm(ways, desc=noise, disable=None):
        for values, figures in ((score, FIGURES), (flags, OF_FLAGS)):
            for figure, of in figures.items() if values is not None else ():
                yield named | {"tool": tool, "detector": name, "figure": figure} | measure(wrong, values, of)
    yield named | {
        "tool": "Layeraudit",
        "detector": "closed testing",
        "figure": "wrong at least",
        "value": record["counts"]["label_errors_at_least"],
    }


def measure_mnist(results: Path, mturk: Path) -> Iterator[dict[str, Any]]:
    """Yield how many of MNIST's known label errors are among the first rows, by each detector."""
    rows, record, _ = read_audit(results, "mnist_test")
    judged = json.loads(mturk.read_text())
    wrong = [row["id"] for row in judged if row["mturk"]["given"] < MAJORITY]
    for tool, name, score, _ in list_ours(rows, record["provenance"]["layers"]):
        if score is None:
            continue
        first = rows["id"].to_numpy()[np.argsort(-score, kind="stable")[:LENGTH]]
        count = int(np.isin(wrong, first).sum())
        low, high = interval_of_share(count, len(wrong))
        yield {
            **{"case": "MNIST, test rows", "n": len(rows), "n_wrong": len(wrong), "tool": tool},
            **{"detector": name, "figure": f"found in the first {LENGTH}", "value": count},
            **{"ci95_low": low * len(wrong), "ci95_high": high * len(wrong)},
        }


def count_flagged(results: Path, prepared: Path) -> Iterator[dict[str, Any]]:
    """Yield how many of MNIST's training rows are flagged, by the audit and by ART's defaults."""
    rows, record, _ = read_audit(results, "mnist_train")
    sys.path.insert(0, str(prepared / "code"))
    from network import make_digits

    network = make_digits()
    network.load_state_dict(torch.load(prepared / "mnist.pt", weights_only=True))
    data = np.load(prepared / "mnist_train.npz")
    x, y = data["x"].astype(np.float32) / 255, np.eye(10)[data["y"]]
    classifier = PyTorchClassifier(
        network, loss=torch.nn.CrossEntropyLoss(), input_shape=x.shape[1:], nb_classes=10, clip_values=(0, 1)
    )
    _, clustering = ActivationDefence(classifier, x, y).detect_poison()
    _, spectral = SpectralSignatureDefense(classifier, x, y).detect_poison()
    counts = {
        ("Layeraudit", "wrong label"): record["counts"]["label_errors_flagged"],
        ("Layeraudit", "wrong at least"): record["counts"]["label_errors_at_least"],
        ("Layeraudit", "rows in poison-like groups"): record["counts"]["rows_in_groups"],
        ("ART", "activation clustering, defaults"): sum(1 - of for of in clustering),
        ("ART", "spectral signatures, defaults"): sum(1 - of for of in spectral),
    }
    for (tool, name), count in counts.items():
        yield {
            **{"case": "MNIST, training rows", "n": len(rows), "tool": tool, "detector": name},
            **{"figure": "flagged", "value": int(count)},
        }


def compare(*, cifar10n: Path, mnist: Path, prepared: Path, results: Path, output: Path) -> None:
    """Write the table.

    cifar10n, mnist : the labels and the verdicts of people
    prepared : what `prepare.py` wrote
    """
    table = [
        *count_flagged(results, prepared),
        *measure_mnist(results, mnist),
        *measure_cifar10n(results, cifar10n, "aggre"),
        *measure_cifar10n(results, cifar10n, "worse"),
    ]
    of = read_audit(results, "cifar10n_aggre")[1]["provenance"]
    machine = f"{name_processor()}, {os.cpu_count()} cores"
    described = f"{of['date']}, {of['commit']}, {machine}, one seed, k = {of['k']}, {of['metric']}"
    write_table(output, pd.DataFrame(table).assign(run=described))


if __name__ == "__main__":
    run(compare)
