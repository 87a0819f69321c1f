"""A configuration that cannot be run ends Snakemake before any job, in one sentence."""

import re
from pathlib import Path

import pytest
from conftest import run


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
