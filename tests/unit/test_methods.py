"""Plug-ins are found by their files' names, read without being run, and take the options that they name."""

import ast
import re
from typing import get_args

import pytest
from conftest import REPOSITORY

from layeraudit.experiments import ADAPTIVE, CONTROLS, OTHER_DATA
from layeraudit.plugins import FOLDER, Kind, list_methods, load, read_constants, read_idea, split_settings

KINDS: tuple[Kind, ...] = get_args(Kind)

FUNCTIONS: dict[Kind, str] = {
    "datasets": "read",
    "networks": "build",
    "poisons": "poison",
    "attacks": "attack",
    "detectors": "fit",
}
GIVEN: dict[Kind, set[str]] = {
    "datasets": set(),
    "networks": {"shape", "n_classes"},
    "poisons": {"seed"},
    "attacks": {"batch_size"},
    "detectors": {"seed"},
}
"""Arguments by name that are no options."""

LITERALS: dict[Kind, set[str]] = {
    "datasets": set(),
    "networks": {"LAYERS"},
    "poisons": set(),
    "attacks": {"IS_ATTACK"},
    "detectors": {"BENCHES"},
}
"""What a method's file says beside its title, reference, environment and options."""

WITHOUT_PAPER = {*CONTROLS, "label_flips", "none", "rotation", "image_folder"}

EACH = [pytest.param(kind, name, id=f"{kind}-{name}") for kind in KINDS for name in list_methods(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_methods_are_found_by_the_names_of_their_files(kind: Kind) -> None:
    found = list_methods(kind)
    assert len(found) > 3
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in found)
    titles = [read_constants(kind, name)["TITLE"] for name in found]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_method_says_what_it_needs(kind: Kind, name: str) -> None:
    constants = read_constants(kind, name)
    assert (REPOSITORY / f"envs/{constants['ENVIRONMENT']}.yaml").is_file()
    for option, schema in constants["OPTIONS"].items():
        assert "description" in schema, option
        assert option not in ("method", "images", "normalisation")
    optional = {"COUNTS", "CHECKSUMS"} if kind == "datasets" else set()
    required = {"TITLE", "REFERENCE", "ENVIRONMENT", "OPTIONS", *LITERALS[kind]}
    assert required <= constants.keys() <= required | optional


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_method_has_a_title_and_an_idea_that_a_page_can_print(kind: Kind, name: str) -> None:
    title, idea = read_constants(kind, name)["TITLE"], read_idea(kind, name)
    assert title == title.strip() != ""
    assert "," not in title  # what follows a comma are options
    assert idea[0].isupper()
    assert idea.endswith(".")
    assert len(idea.split()) <= 25


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_method_but_controls_names_its_paper_with_year_and_link(kind: Kind, name: str) -> None:
    reference = read_constants(kind, name)["REFERENCE"]
    if name in WITHOUT_PAPER:
        assert reference == ""
    else:
        link = r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\..+|www\.cs\.toronto\.edu/~kriz/.+)"
        paper = re.fullmatch(rf"[A-Z].+ (\d{{4}}), {link}", reference)
        assert paper
        assert 1990 < int(paper[1]) < 2030


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_method_takes_its_options_by_name(kind: Kind, name: str) -> None:
    module = ast.parse((FOLDER / kind / f"{name}.py").read_text())
    (function,) = (of for of in module.body if getattr(of, "name", "") == FUNCTIONS[kind])
    assert isinstance(function, ast.FunctionDef)
    by_name = function.args.kwonlyargs + (function.args.args if kind == "networks" else [])
    named, taken = {of.arg for of in by_name}, GIVEN[kind] | read_constants(kind, name)["OPTIONS"].keys()
    assert named == taken or (function.args.kwarg and named < taken)
    assert not function.args.kw_defaults or set(function.args.kw_defaults) == {None}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("datasets", "mnist"), ("networks", "lenet"), ("poisons", "badnets"), ("attacks", "ila")],
)
def test_what_is_read_is_what_the_module_has(kind: Kind, name: str) -> None:
    module, constants = load(kind, name), read_constants(kind, name)
    assert {literal: getattr(module, literal) for literal in constants} == constants
    assert read_idea(kind, name) == str(module.__doc__).splitlines()[0]


def test_a_network_names_its_layers_once_and_a_detector_known_benches() -> None:
    for name in list_methods("networks"):
        layers = read_constants("networks", name)["LAYERS"]
        assert len(set(layers)) == len(layers) > 1, name
    for name in list_methods("detectors"):
        benches = read_constants("detectors", name)["BENCHES"]
        assert benches and set(benches) <= {"poison", "evasion"}, name


def test_a_data_set_whose_files_are_known_has_counts_of_both_parts() -> None:
    for name in list_methods("datasets"):
        constants = read_constants("datasets", name)
        assert ("COUNTS" in constants) == ("CHECKSUMS" in constants) == (
            "folder" in constants["OPTIONS"]
        ) or (name == "image_folder")
        if counts := constants.get("COUNTS"):
            assert set(counts) == {"train", "test"}
            assert len(counts["train"]) == len(counts["test"])


def test_the_controls_are_there() -> None:
    assert set(CONTROLS) <= set(list_methods("detectors"))
    assert "none" in list_methods("poisons")


def test_what_has_rules_of_its_own_is_no_plug_in() -> None:
    assert not {ADAPTIVE, OTHER_DATA} & set(list_methods("attacks"))


def test_settings_are_a_method_and_its_options() -> None:
    settings = {"method": "fgsm", "images": 5, "epsilon": 0.1}
    assert split_settings(settings) == ("fgsm", {"images": 5, "epsilon": 0.1})
    assert split_settings(settings, "images") == ("fgsm", {"epsilon": 0.1})
