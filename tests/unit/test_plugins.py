"""The contract of all plug-ins: what their files say of them, and which environment has what they import."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from inspect import getmodule
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import yaml
from conftest import REPOSITORY
from jsonschema import Draft202012Validator

from layeraudit import plugins
from layeraudit.experiments import ADAPTIVE, CONTROLS, OTHER_DATA
from layeraudit.fingerprints import _list_files, _list_imports
from layeraudit.plugins import (
    LITERALS,
    Kind,
    list_methods,
    load,
    read_constants,
    read_idea,
    split_settings,
)


class Contract(NamedTuple):
    """What a kind of plug-in has beside TITLE, REFERENCE, ENVIRONMENT and OPTIONS.

    Attributes
    ----------
    function : its name
    arguments : that are given by their place
    keywords : that are given by their name, and are no options
    program : which imports a plug-in; its own imports have to be in the same environment
    literals : of every plug-in
    """

    function: str
    arguments: int
    keywords: tuple[str, ...]
    program: str
    literals: tuple[str, ...] = ()


CONTRACTS: dict[Kind, Contract] = {
    "datasets": Contract("read", 1, (), "fetch_dataset"),
    "networks": Contract("build", 2, (), "train_model", ("LAYERS",)),
    "poisons": Contract("poison", 1, ("seed",), "make_poison"),
    "attacks": Contract("attack", 3, ("batch_size",), "attack", ()),
    "detectors": Contract("fit", 2, ("seed",), "score_detector", ("BENCHES",)),
}

OPTIONAL: dict[str, set[str]] = {"datasets": {"COUNTS", "CHECKSUMS"}, "detectors": {"VARIANT_OF"}}
"""Literals of data sets that are known before they are read, and of variants of another detector."""

WAYS_IN = {"activations", "arrays", "image_folder", "table", "unlabelled_folder"}
"""Data sets that are a user's own."""

TRAINED_BEFORE = {"hugging_face", "onnx"}
"""Networks that hold their weights; only audits take them."""

OF_ANY_LAYERS = {"factory", *TRAINED_BEFORE}
"""Networks whose options say what they are; the configuration names their layers."""

WITHOUT_PAPER = {*CONTROLS, *WAYS_IN, *OF_ANY_LAYERS, "label_flips", "none", "rotation"}

PLUGINS = [(kind, name) for kind in CONTRACTS for name in list_methods(kind)]
every_plugin = pytest.mark.parametrize(("kind", "name"), PLUGINS, ids=lambda value: value)


def read_function(kind: Kind, name: str) -> ast.FunctionDef:
    tree = ast.parse((plugins.FOLDER / kind / f"{name}.py").read_text())
    return next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == CONTRACTS[kind].function
    )


def list_distributions(environment: str) -> set[str]:
    """List what an environment has, and what its post-deploy script installs."""
    dependencies = yaml.safe_load((REPOSITORY / f"envs/{environment}.yaml").read_text())["dependencies"]
    pins = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    script = REPOSITORY / f"envs/{environment}.post-deploy.sh"
    text = "\n".join([*pins, script.read_text() if script.exists() else ""])
    return {name.lower().replace("_", "-") for name in re.findall(r"^.*?([\w.-]+)==", text, re.MULTILINE)}


def list_imports(*files: str) -> set[str]:
    """List the distributions that files, and all modules of ours that they import, need."""
    found: set[Path] = set()
    names: set[str] = set()
    scripts = plugins.FOLDER.parent
    unread = [scripts / file for file in files]
    while unread:
        if (path := unread.pop()) not in found:
            found.add(path)
            imported = list(_list_imports(ast.parse(path.read_text())))
            names |= {name.partition(".")[0] for name in imported}
            unread += [file for name in imported for file in _list_files(name, scripts)]
    names -= {"layeraudit", *sys.stdlib_module_names}
    distributions = packages_distributions()
    return {distributions.get(name, [name])[0].lower().replace("_", "-") for name in names}


def test_every_kind_has_a_contract() -> None:
    assert list(CONTRACTS) == list(get_args(Kind))
    assert all(len(list_methods(kind)) > 3 for kind in CONTRACTS)


@every_plugin
def test_what_a_file_says_in_capitals_is_a_literal_of_its_kind(kind: Kind, name: str) -> None:
    constants = read_constants(kind, name)
    expected = {"TITLE", "REFERENCE", "ENVIRONMENT", "OPTIONS", *CONTRACTS[kind].literals}
    assert expected <= constants.keys() <= expected | OPTIONAL.get(kind, set())
    title = constants["TITLE"]
    assert title == title.strip() != ""
    assert "," not in title  # what follows a comma are options
    assert constants.get("BENCHES", ["poison"]) in (["poison"], ["evasion"], ["poison", "evasion"])
    layers = constants.get("LAYERS", ["fc"])
    assert layers or name in OF_ANY_LAYERS
    assert len(set(layers)) == len(layers)


@pytest.mark.parametrize("kind", CONTRACTS)
def test_titles_are_of_one_plug_in(kind: Kind) -> None:
    titles = [read_constants(kind, name)["TITLE"] for name in list_methods(kind)]
    assert len(set(titles)) == len(titles)


@every_plugin
def test_the_first_line_is_an_idea_that_a_page_can_print(kind: Kind, name: str) -> None:
    idea = read_idea(kind, name)
    assert idea[0].isupper()
    assert idea.endswith(".")
    assert len(idea.split()) <= 25


@every_plugin
def test_all_but_controls_name_their_paper_with_year_and_link(kind: Kind, name: str) -> None:
    reference = read_constants(kind, name)["REFERENCE"]
    if name in WITHOUT_PAPER:
        assert reference == ""
    else:
        link = r"https://(arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\..+|www\.cs\.toronto\.edu/.+)"
        paper = re.fullmatch(rf"[A-Z].+ (\d{{4}}), {link}", reference)
        assert paper
        assert 1980 < int(paper[1]) < 2030


@every_plugin
def test_the_function_takes_exactly_its_options(kind: Kind, name: str) -> None:
    contract, options = CONTRACTS[kind], set(read_constants(kind, name)["OPTIONS"])
    arguments = read_function(kind, name).args
    assert len(arguments.posonlyargs + arguments.args) == contract.arguments
    assert arguments.vararg is None
    keywords = {argument.arg for argument in arguments.kwonlyargs}
    if name == "secml_gradient":  # hands most of them on
        assert keywords < options | {"seed"}
    else:
        assert arguments.kwarg is None
        assert keywords == options | {*contract.keywords}
    assert not options & {"method", "images", "normalisation", *contract.keywords}


def is_limited(schema: dict[str, Any]) -> bool:
    """Return whether a schema allows no number without end, whatever its values are in."""
    types = schema.get("type", [])
    if not {"minimum", "maximum"} <= schema.keys() and ("integer" in types or "number" in types):
        return False
    inner = [schema["items"]] if "items" in schema else schema.get("properties", {}).values()
    return all(map(is_limited, inner))


@every_plugin
def test_every_option_has_a_schema_that_says_what_it_is(kind: Kind, name: str) -> None:
    for option, schema in read_constants(kind, name)["OPTIONS"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["description"].endswith("."), option
        assert "enum" in schema or is_limited(schema), option


@pytest.mark.slow
@every_plugin
def test_the_environment_has_what_the_plug_in_and_its_program_import(kind: Kind, name: str) -> None:
    environment = read_constants(kind, name)["ENVIRONMENT"]
    files = [f"layeraudit/{kind}/{name}.py", f"{CONTRACTS[kind].program}.py"]
    assert list_imports(*files) <= list_distributions(environment)


def test_every_environment_in_which_networks_run_has_what_they_import() -> None:
    """Attacks, poisons and the attack on DkNN build networks in environments of their own."""
    names = {*list_methods("networks")} - TRAINED_BEFORE
    needed = list_imports(*(f"layeraudit/networks/{name}.py" for name in names))
    attacks = {read_constants("attacks", name)["ENVIRONMENT"] for name in list_methods("attacks")}
    for environment in {"torch", "torch_faiss", *attacks}:
        assert needed <= list_distributions(environment), environment


@every_plugin
def test_what_is_read_is_what_the_module_has(kind: Kind, name: str) -> None:
    if name == "secml_gradient":
        pytest.skip("secml needs an older NumPy, in an environment of its own")
    module = load(kind, name)
    assert read_constants(kind, name) == {
        literal: getattr(module, literal) for literal in LITERALS if hasattr(module, literal)
    }
    assert read_idea(kind, name) == str(module.__doc__).splitlines()[0]
    assert getmodule(getattr(module, CONTRACTS[kind].function)) is module


def test_the_controls_are_there() -> None:
    assert set(CONTROLS) <= set(list_methods("detectors"))
    assert "none" in list_methods("poisons")


def test_the_imports_of_a_file_are_those_of_all_modules_behind_it() -> None:
    assert list_imports("layeraudit/attacks/rotation.py") == {"torch", "torchvision"}
    assert list_imports("layeraudit/poisons/label_flips.py") == {"numpy"}
    assert {"numpy", "pandas", "scikit-learn"} <= list_distributions("detectors")
    assert {"numpy", "secml"} <= list_distributions("secml")


def test_a_network_names_its_layers_once_and_a_detector_known_benches() -> None:
    for name in list_methods("networks"):
        layers = read_constants("networks", name)["LAYERS"]
        assert len(set(layers)) == len(layers), name
        assert (len(layers) > 1) == (name not in OF_ANY_LAYERS), name
    for name in list_methods("detectors"):
        benches = read_constants("detectors", name)["BENCHES"]
        assert benches and set(benches) <= {"poison", "evasion"}, name
        original = read_constants("detectors", name).get("VARIANT_OF")
        assert original is None or "VARIANT_OF" not in read_constants("detectors", original), name


def test_a_data_set_whose_files_are_known_has_counts_of_both_parts() -> None:
    for name in list_methods("datasets"):
        constants = read_constants("datasets", name)
        assert ("COUNTS" in constants) == ("CHECKSUMS" in constants) == (name not in WAYS_IN)
        assert ("folder" in constants["OPTIONS"]) == ("CHECKSUMS" in constants)
        if counts := constants.get("COUNTS"):
            assert set(counts) == {"train", "test"}
            assert len(counts["train"]) == len(counts["test"])


def test_what_has_rules_of_its_own_is_no_plug_in() -> None:
    assert not {ADAPTIVE, OTHER_DATA} & set(list_methods("attacks"))


def test_settings_are_a_method_and_its_options() -> None:
    settings = {"method": "fgsm", "images": 5, "epsilon": 0.1}
    assert split_settings(settings) == ("fgsm", {"images": 5, "epsilon": 0.1})
    assert split_settings(settings, "images") == ("fgsm", {"epsilon": 0.1})
