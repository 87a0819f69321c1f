"""Poisons and detectors are found by the names of their files, and read without being run."""

import re

import pytest
from conftest import REPOSITORY

from layeraudit.experiments import CONTROLS
from layeraudit.plugins import LITERALS, Kind, list_methods, load, read_constants, read_idea

KINDS: list[Kind] = ["poisons", "detectors"]

WITHOUT_PAPER = {*CONTROLS, "label_flips", "none"}


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


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_has_a_title_of_its_own_and_an_idea_that_a_page_can_print(kind: Kind) -> None:
    titles = [read_constants(kind, name)["TITLE"] for name in list_methods(kind)]
    assert len(set(titles)) == len(titles)
    for name, title in zip(list_methods(kind), titles, strict=True):
        assert title == title.strip() != ""
        assert "," not in title, name  # what follows a comma are options
        idea = read_idea(kind, name)
        assert idea[0].isupper() and idea.endswith("."), name
        assert len(idea.split()) <= 25, name


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_but_controls_names_its_paper_with_year_and_link(kind: Kind) -> None:
    for name in list_methods(kind):
        reference = read_constants(kind, name)["REFERENCE"]
        if name in WITHOUT_PAPER:
            assert reference == "", name
        else:
            paper = re.fullmatch(
                r"[A-Z].+ (\d{4}), https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\..+)", reference
            )
            assert paper, name
            assert 1990 < int(paper[1]) < 2030, name


def test_what_is_read_is_what_the_module_has() -> None:
    for name in ("random", "dknn"):
        module = load("detectors", name)
        assert read_constants("detectors", name) == {key: getattr(module, key) for key in LITERALS}
        assert read_idea("detectors", name) == str(module.__doc__).splitlines()[0]


def test_the_controls_are_there() -> None:
    assert set(CONTROLS) <= set(list_methods("detectors"))
    assert "none" in list_methods("poisons")
