"""A configuration that cannot be run ends Snakemake before any job, in sentences that say what to change."""

import re
from pathlib import Path

import pytest
from conftest import run

from layeraudit.plugins import read_constants


def change(copy: Path, old: str, new: str) -> None:
    path = copy / "config/small.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("k: 10", "k: 10\n  shards: 107", "neighbours.shards is 107, allowed are 1 to 106 with the 106 rows"),
        ("k: 10", "k: 106", "neighbours.k is 106, allowed are 1 to 105 with the 106 rows of "),
        ("secml: {points: 6", "secml: {points: 5", "poisons.secml_flips.points is 6, allowed is 5, as the r"),
        ("secml: {points", "secml: {pionts", "poisons.secml.pionts is no key of the configuration (did you"),
        ("secml: {points: 6", "secml: {points: none", "poisons.secml.points is 'none', allowed is one integ"),
        ("k: 10", "", "neighbours is None, allowed is a mapping of keys"),
        ("network: vgg11", "network: vgg12", "experiments.cifar10.network is 'vgg12' (did you mean vgg11?)"),
        ("bim: {images: 30", "bim: {pictures: 3", "experiments.clean.inputs.bim.pictures is no key of the "),
        ("deep_knn: {k: 8}", "deep_knn: {k: 11}", "detectors.deep_knn.k is 11, allowed are 1 to 10, which i"),
        (
            "k: 10",
            "k: 0x" + 6000 * "f",
            "neighbours.k is an integer of more than 40 digits, allowed are smaller ones (see ",
        ),
        (
            "neighbours:\n  k: 10",
            "neighbors:\n  k: 10\nactivations:\n  batch_size: 9223372036854775808",
            "neighbors is no key of the configuration (did you mean neighbours?), allowed are variant, ",
        ),
    ],
)  # fmt: skip
def test_one_message_and_no_job(old: str, new: str, sentence: str, fresh_copy: Path) -> None:
    change(fresh_copy, old, new)
    printed = run(fresh_copy, "all", succeeds=False)
    assert f"The configuration cannot be run: {sentence}" in printed
    assert "Traceback" not in printed
    assert not re.search(r"line \d", printed)
    assert not (fresh_copy / "results").exists()


@pytest.mark.parametrize(
    ("old", "new", "can_be_made", "cannot"),
    [
        (
            "deep_knn: {k: 8}",
            "deep_knn: {k: 11}",
            ["results/table1.csv", "results/small/mnist_none/detectors/poison/lid.parquet"],
            "results/small/mnist_badnets_5/detectors/poison/deep_knn.parquet",
        ),
        (
            "    seeds: [1]\n    test: 300",
            "    seeds: [1]\n    test: 9999",
            ["results/table1.csv", "results/small/leaderboard"],
            "results/small/cifar10/seed1/model.pt",
        ),
    ],
    ids=["detector", "experiment"],
)
def test_what_a_problem_does_not_concern_can_be_made(
    old: str, new: str, can_be_made: list[str], cannot: str, fresh_copy: Path
) -> None:
    change(fresh_copy, old, new)
    run(fresh_copy, *can_be_made, "--dry-run")
    assert "The configuration cannot be run: " in run(fresh_copy, cannot, "--dry-run", succeeds=False)


OWN = """experiments:
  mine:
    dataset: fashion_mnist
    network: lenet
    seeds: [3]
    train: 50
    calibration: 20
    test: 30
    attacker: {sources: 40}
    poison: badnets_5
    epochs: 1
    batch_size: 10
    inputs:
      tilted: {method: rotation, images: 10, degrees: -1.0e-320}
      digits: {method: other_data, images: 10, dataset: mnist}
"""


def test_an_experiment_of_ones_own_needs_nothing_but_its_settings(fresh_copy: Path) -> None:
    change(fresh_copy, "experiments:\n  clean:\n    <<", f"{OWN}  clean:\n    <<")
    targets = [
        *(f"results/small/mine/seed3/scores/{split}.parquet" for split in ("train", "tilted", "digits")),
        *(f"results/small/mine/detectors/{bench}/energy.parquet" for bench in ("poison", "evasion")),
    ]
    printed = run(fresh_copy, *targets, "--dry-run", "--printshellcmds")
    assert '"method": "rotation", "images": 10, "degrees": -1e-320' in printed


def test_what_begins_with_a_dash_is_handed_over_as_a_value(fresh_copy: Path) -> None:
    folder = fresh_copy / "-my data"
    folder.mkdir()
    for file in read_constants("datasets", "mnist")["CHECKSUMS"]:
        (folder / file).touch()
    path = fresh_copy / "config/small.yaml"
    path.write_text(f"{path.read_text()}\ndatasets:\n  mnist: {{folder: -my data}}\n")
    target = "results/datasets/mnist.npz"
    printed = run(fresh_copy, target, "--dry-run", "--printshellcmds")
    assert '"folder": "-my data"' in printed
