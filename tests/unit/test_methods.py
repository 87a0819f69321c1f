"""Poisons and detectors are found by the names of their files, and read without being run."""

import pytest
from conftest import REPOSITORY

from layeraudit.methods import Kind, list_methods, load, read_constants

KINDS: list[Kind] = ["poisons", "detectors"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_a_method_and_says_what_it_needs(kind: Kind) -> None:
    environments = {path.stem for path in (REPOSITORY / "envs").glob("*.yaml")}
    assert len(list_methods(kind)) > 4
    for name in list_methods(kind):
        constants = read_constants(kind, name)
        assert constants["ENVIRONMENT"] in environments, name
        for option, schema in constants["SCHEMA"].items():
            assert "description" in schema, (name, option)
            assert option != "method"
        if kind == "detectors":
            assert constants["BENCHES"], name
            assert set(constants["BENCHES"]) <= {"poison", "evasion"}, name


def test_what_is_read_is_what_the_module_has() -> None:
    for name in ("random", "dknn"):
        module = load("detectors", name)
        assert read_constants("detectors", name) == {
            key: getattr(module, key) for key in ("BENCHES", "ENVIRONMENT", "SCHEMA")
        }


def test_the_two_controls_are_there() -> None:
    assert {"random", "perfect"} <= set(list_methods("detectors"))
    assert "none" in list_methods("poisons")
