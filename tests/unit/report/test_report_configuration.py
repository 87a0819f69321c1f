"""A configuration that lacks what the report's tables need, or cannot compare, ends in sentences."""

from typing import Any

import pytest
import yaml
from conftest import DEFAULT, REPOSITORY, check_all, merged, replaced, sentence_of


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("networks.a_twin", DEFAULT["networks"]["lenet"], "networks has 'a_twin', allowed are other names"),
        ("networks.audited", DEFAULT["networks"]["lenet"], "networks has 'audited', allowed are other names"),
        ("transfer.experiments.clean.sources", ["vgg"], "transfer.experiments.clean.sources[0] is 'vgg' (di"),
        (
            "transfer.experiments.clean.targets",
            ["report_cnn"],
            "transfer.experiments.clean.targets[0] is 'report_cnn', allowed are networks but the audited one",
        ),
        ("experiments.clean.seeds", [], "experiments.clean.seeds is [], allowed are one or more "),
        ("experiments.two_digits.seeds", [], "experiments.two_digits.seeds is [], allowed are one or more "),
        ("experiments.clean.poison", "secml", "experiments.clean.poison is 'secml', allowed is null, as t"),
        ("experiments.ten_digits.poison", None, "experiments.ten_digits.poison is None, allowed is secml, a"),
        (
            "experiments.two_digits_quarter_flips.poison",
            "secml",
            "experiments.two_digits_quarter_flips.poison is 'secml', allowed is secml_flips, as the report",
        ),
        ("experiments.ten_digits.poison", "collision", "experiments.ten_digits.poison is 'collision', allow"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence_and_nothing_can_be_run(path: str, value: Any, sentence: str) -> None:
    assert sentence_of(replaced(path, value)).startswith(sentence)


@pytest.mark.parametrize(
    ("path", "value", "concerned", "sentence"),
    ids=lambda value: value if isinstance(value, str) else "",
    argvalues=[
        ("poisons.secml_few.radius", 2, {"clean"}, "poisons.secml_few.radius is 2, allowed is 2.5, as the r"),
        ("poisons.secml_few.points", 50, {"clean"}, "poisons.secml_few.points is 50, allowed are fewer than"),
        ("poisons.secml_flips.points", 40, {"two_digits_quarter_flips"}, "poisons.secml_flips.points is 40,"),
        ("poisons.secml_flips.radius", 1, {"two_digits_quarter_flips"}, "poisons.secml_flips.radius is 1, a"),
        ("experiments.clean.attacker.sources", 49, {"clean"}, "poisons.secml.points is 50, allowed are up t"),
        (
            "experiments.clean.attacker.classes",
            [1, 2, 9],
            {"clean"},
            "experiments.clean.attacker.classes is [1, 2, 9], allowed are two, as poisons.secml_few.pairs is",
        ),
        (
            "experiments.two_digits_quarter.network",
            "lenet",
            {"two_digits_quarter", "two_digits_quarter_flips"},
            "experiments.two_digits_quarter.network is 'lenet', allowed is 'report_cnn', as in experiments.t",
        ),
        (
            "transfer.validation",
            751,
            {"clean", "fashion", "cifar10"},
            "transfer.validation is 751, allowed are up to 750, those of experiments.",
        ),
        (
            "transfer.experiments.fashion.networks.train",
            20001,
            {"fashion"},
            "transfer.experiments.fashion.networks.train is 20001, allowed are up to 20000, those of ",
        ),
        ("transfer.experiments.clean.images", 8651, {"clean"}, "transfer.experiments.clean.images is 8651,"),
        (
            "experiments.clean.inputs.adaptive.radii",
            [],
            {"clean"},
            "experiments.clean.inputs.adaptive.radii is [], allowed are one or more",
        ),
    ],
)  # fmt: skip
def test_what_concerns_one_experiment_stops_no_other(
    path: str, value: Any, concerned: set[str], sentence: str
) -> None:
    problems = check_all(replaced(path, value))
    assert set(problems) == concerned
    assert any(found.startswith(sentence) for found in "; ".join(problems.values()).split("; "))


def test_what_is_missing_is_named() -> None:
    configuration = replaced("experiments", {})
    sentence = sentence_of(configuration)
    assert "experiments lacks the key clean, which is required for the report's tables" in sentence
    assert "transfer.experiments has 'cifar10', allowed are those of experiments" in sentence
    del configuration["transfer"]
    assert "the configuration lacks the key transfer, which is required for the" in sentence_of(configuration)


CLAIMS = yaml.safe_load((REPOSITORY / "config/claims.yaml").read_text())["claims"]
CLAIM = CLAIMS["influence_grows_with_depth"]


def test_the_claims_that_we_ship_are_allowed() -> None:
    assert check_all(merged({"claims": CLAIMS})) == {}


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"a": CLAIM | {"held": {"above": 0}}}, "claims.a.held is no key of the configuration (did you "),
        ({"a": CLAIM | {"holds": {"over": 0}}}, "claims.a.holds is {'over': 0}, allowed is {above: a numb"),
        ({"a": CLAIM | {"holds": {"equals": 1}}}, "claims.a.holds is {'equals': 1}, allowed is {above: a n"),
        ({"a": CLAIM | {"figure": {"group": "b"}}}, "claims.a.figure lacks the key quantity, which is requi"),
        ({"a": CLAIM | {"less": {}}}, "claims.a.less is {}, allowed is "),
        (
            {f"claim_{number}": CLAIM for number in range(9)},
            "claims has 9 that say what holds, allowed are up to 8 primary ones",
        ),
    ],
)  # fmt: skip
def test_claims_that_cannot_be_judged_are_one_sentence(claims: dict[str, Any], sentence: str) -> None:
    assert sentence_of(merged({"claims": claims})).startswith(sentence)
