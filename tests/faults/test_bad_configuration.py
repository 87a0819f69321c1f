"""A configuration that cannot be run ends Snakemake before any job, in one sentence."""

import re
from pathlib import Path

import pytest
from conftest import run

from layeraudit.datasets import DATASETS


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("k: 10", "k: 10\n  shards: 107", "neighbours.shards is 107, allowed are 1 to 106 with the 106 rows"),
        ("k: 10", "k: 106", "neighbours.k is 106, allowed are 1 to 105 with the 106 rows of "),
        ("[4, 6]", "[4, 21]", "poison.test_points is 21, allowed are up to 20, the images of "),
        ("test_points:", "pionts:", "poison.pionts is no key of the configuration, allowed are digits, "),
        (
            "poison: 6\n    epochs: 5",
            "poison: 6\n    epochs: five",
            "experiments.two_digits.epochs is 'five', allowed is one integer ",
        ),
        ("k: 10", "", "neighbours is None, allowed is a mapping of keys"),
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
def test_one_sentence_and_no_job(old: str, new: str, sentence: str, fresh_copy: Path) -> None:
    path = fresh_copy / "config/small.yaml"
    path.write_text(path.read_text().replace(old, new))
    printed = run(fresh_copy, succeeds=False)
    assert f"The configuration cannot be run: {sentence}" in printed
    assert "Traceback" not in printed
    assert not re.search(r"line \d", printed)
    assert not (fresh_copy / "results").exists()


def test_what_begins_with_a_dash_is_handed_over_as_a_value(fresh_copy: Path) -> None:
    folder = fresh_copy / "-my data"
    folder.mkdir()
    for file in DATASETS["mnist"].checksums:
        (folder / file).touch()
    path = fresh_copy / "config/small.yaml"
    small = path.read_text().replace("rotated: {images: 50}", "rotated: {images: 50, degrees: -1.0e-320}")
    path.write_text(f"{small}\nfolders:\n  mnist: -my data\n")
    printed = run(fresh_copy, "all", "--dry-run", "--printshellcmds", "--until", "rotate_images")
    assert " --degrees=-1e-320 " in printed
    assert " '--folder=-my data' " in printed
