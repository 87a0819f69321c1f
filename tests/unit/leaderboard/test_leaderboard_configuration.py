"""A configuration without what the leaderboard compares ends in sentences."""

from typing import Any

import pytest
from conftest import DEFAULT, replaced, sentence_of


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("detectors.unfiltered", {"method": "random"}, "detectors has 'unfiltered', allowed are other names"),
        ("detectors.random", {"method": "perfect"}, "detectors.random is {'method': 'perfect'}, allowed is"),
        ("benches.poison.settings", {}, "benches.poison.settings has no seed of a poison, allowed are one "),
        ("benches.evasion.settings", {}, "benches.evasion.settings has no seed, allowed are one or more"),
        ("benches.poison.retrained", ["random", "x"], "benches.poison.retrained[1] is 'x', allowed are dete"),
        (
            "benches.poison.retrained",
            ["random", "perfekt"],
            "benches.poison.retrained[1] is 'perfekt' (did you mean perfect?), allowed are detectors of pois",
        ),
        (
            "benches.poison.retrained",
            ["random", "grey_pixels"],
            "benches.poison.retrained[1] is 'grey_pixels', allowed are detectors of poison: dknn_paper, ",
        ),
        ("benches.poison.retrained", ["dknn_paper"], "benches.poison.retrained is ['dknn_paper'], allowed "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence_and_nothing_can_be_run(path: str, value: Any, sentence: str) -> None:
    assert sentence_of(replaced(path, value)).startswith(sentence)


def test_benches_that_are_missing_are_named() -> None:
    configuration = {key: value for key, value in DEFAULT.items() if key != "benches"}
    assert sentence_of(configuration).startswith("the configuration lacks the key benches, which is required")
