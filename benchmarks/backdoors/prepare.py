"""Write the configuration of audits of networks that the leaderboard has trained on poison, as a stranger's.

    PYTHONPATH=scripts python benchmarks/backdoors/prepare.py --output backdoors.yaml --files runs.txt

README.md of this folder says how to run it.
"""

from pathlib import Path
from typing import Any

import yaml

from layeraudit.cli import run
from layeraudit.files import atomic_write

EXPERIMENTS = {
    **dict.fromkeys(["mnist_none", "fashion_none"], "clean"),
    **dict.fromkeys(["mnist_flips_random_5", "mnist_flips_targeted_5", "mnist_secml_1x50"], "labels"),
    **dict.fromkeys(["mnist_badnets_1", "mnist_badnets_5", "mnist_badnets_all_to_all_10"], "backdoor"),
    **dict.fromkeys(["mnist_blended_5", "fashion_badnets_5"], "backdoor"),
    "mnist_transfer_collision": "clean labels",
}
"""Experiments of the leaderboard, and the family of their poison."""

RUNS = yaml.safe_load(Path(__file__).with_name("config.yaml").read_text())
SEEDS = RUNS["benches"]["poison"]["settings"]["mnist"]["seeds"]


def name_runs() -> dict[str, Path]:
    """Return the folder of each run, by the name of its audit."""
    return {
        f"{experiment}_seed{seed}": Path("results", RUNS["variant"], experiment, f"seed{seed}")
        for experiment in EXPERIMENTS
        for seed in SEEDS
    }


def prepare(*, output: Path, files: Path) -> None:
    """Write a data set, a network and an audit of each run.

    files : receives the files of the runs, a line each
    """
    arrays = {"method": "arrays", "classes": None, "layout": "nchw"}
    factory: dict[str, Any] = {
        **{"method": "factory", "factory": "layeraudit.networks.report_cnn:ReportCNN", "folder": None},
        **{"arguments": {"channels": 1, "n_classes": 10}, "train": None, "environment": None},
        "normalisation": None,
    }
    audit = {"layers": "auto", "pooling": "mean", "expected_accuracy": None, "inputs": None}
    runs = name_runs()
    settings = {
        "variant": "backdoors",
        "datasets": {
            name: arrays | {"train": f"{of}/data/train.npz", "held_out": f"{of}/data/test.npz"}
            for name, of in runs.items()
        },
        "networks": {name: factory | {"weights": f"{of}/model.pt"} for name, of in runs.items()},
        "audits": {name: audit | {"dataset": name, "network": name} for name in runs},
    }
    with atomic_write(files) as temporary:
        names = ("model.pt", "data/train.npz", "data/test.npz")
        temporary.write_text("".join(f"{of}/{name}\n" for of in runs.values() for name in names))
    with atomic_write(output) as temporary:
        temporary.write_text(yaml.safe_dump(settings, sort_keys=False))


if __name__ == "__main__":
    run(prepare)
