"""The pages that show how to add something: their files keep to the contract and do what the page says."""

import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_plugins as contract
import torch
import yaml
from conftest import (
    DATA,
    PAGES,
    REPOSITORY,
    SCHEMA,
    assert_suspects_come_first,
    draw_problem,
    draw_shapes,
    read_blocks,
    write_plugins_of_pages,
)
from snakemake.utils import update_config

from attack import attack
from draw_splits import draw_splits
from extract_layers import extract_layers
from fetch_dataset import fetch_dataset
from layeraudit import plugins
from layeraudit.configuration import check
from layeraudit.experiments import Experiment, list_experiments
from layeraudit.files import open_layers, read_arrays, read_split
from layeraudit.networks import predict, read_network
from layeraudit.plugins import Kind, load, read_constants, split_settings
from train_model import train_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Put the files of the pages into a copy of the library, in which plug-ins are then found."""
    folder = tmp_path_factory.mktemp("pages")
    ignored = shutil.ignore_patterns("__pycache__")
    copied = shutil.copytree(plugins.FOLDER.parent, folder / "scripts", ignore=ignored) / "layeraudit"
    names = write_plugins_of_pages(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "FOLDER", copied)
        for kind in names:
            package = import_module(f"layeraudit.{kind}")
            patch.setattr(package, "__path__", [*package.__path__, str(copied / kind)])
        yield names
    for kind, name in names.items():
        sys.modules.pop(f"layeraudit.{kind}.{name}", None)
    read_constants.cache_clear()


def configure(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the default configuration with settings laid over it, none of which is wrong."""
    configuration = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
    update_config(configuration, settings)
    own = {"mine", *settings.get("detectors", {})}
    assert not [name for name in check(configuration, SCHEMA) if own & {*name.split("/")}]
    return configuration


def read_settings(kind: str) -> dict[str, Any]:
    """Read the first settings of a page: whole ones, or some lines of a section."""
    settings = yaml.safe_load(read_blocks(PAGES[kind], "yaml")[0])
    return settings if "variant" in settings else {kind: settings}


@pytest.fixture
def experiment(library: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Make the experiment of the page of data sets as far as its splits, and enter its folder."""
    monkeypatch.chdir(tmp_path)
    draw_shapes(tmp_path / "shapes")
    configuration = configure(read_settings("datasets"))
    fetch_dataset(output=Path("shapes.npz"), settings=configuration["datasets"]["shapes"])
    experiment = list_experiments(configuration)["mine"]
    names = ("sources", "validation", "clean", "pretraining", "calibration", "test")
    draw_splits(
        dataset=Path("shapes.npz"),
        **{name: Path(f"{name}.npz") for name in names},  # type: ignore[arg-type]
        classes=experiment["classes"],
        attacker=dict(experiment["attacker"]),
        clean_size=experiment["train"],
        pretraining_size=0,
        calibration_size=experiment["calibration"],
        test_size=experiment["test"],
        seed=1,
    )
    return experiment


def train(experiment: Experiment, network: dict[str, Any]) -> float:
    """Train a network on the splits, and return how often it is right on held-out images."""
    keys = ("epochs", "batch_size")
    options: dict[str, Any] = {key: experiment[key] for key in keys}  # type: ignore[literal-required]
    train_model(
        train=Path("clean.npz"),
        output=Path("model.pt"),
        network=network,
        learning_rate=0.001,
        seed=1,
        **options,
    )
    torch.use_deterministic_algorithms(False)
    test = read_split(Path("test.npz"))
    labels = predict(read_network(network, Path("model.pt"), test), torch.from_numpy(test.x), batch_size=50)
    return float((labels.numpy() == test.y).mean())


@pytest.mark.parametrize("kind", PAGES)
def test_the_file_of_a_page_keeps_to_the_contract(kind: Kind, library: dict[str, str]) -> None:
    name = library[kind]
    contract.test_what_a_file_says_in_capitals_is_a_literal_of_its_kind(kind, name)
    contract.test_the_first_line_is_an_idea_that_a_page_can_print(kind, name)
    contract.test_the_function_takes_exactly_its_options(kind, name)
    contract.test_every_option_has_a_schema_that_says_what_it_is(kind, name)
    contract.test_the_environment_has_what_the_plug_in_and_its_program_import(kind, name)
    contract.test_what_is_read_is_what_the_module_has(kind, name)


@pytest.mark.parametrize("kind", PAGES)
def test_the_page_is_short_and_its_table_names_all_that_a_file_has(
    kind: Kind, library: dict[str, str]
) -> None:
    page = (REPOSITORY / PAGES[kind]).read_text()
    assert len(page.splitlines()) <= 110
    for literal in read_constants(kind, library[kind]):
        assert f"`{literal}`" in page
    assert f"| `{contract.CONTRACTS[kind].function}(" in page


@pytest.mark.parametrize("kind", PAGES)
def test_the_lines_of_a_page_can_be_run(
    kind: str, library: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shapes").mkdir()
    (tmp_path / "pixels.csv").touch()
    monkeypatch.chdir(tmp_path)
    first, *others = map(yaml.safe_load, read_blocks(PAGES[kind], "yaml"))
    for settings in (read_settings(kind), *({kind: lines} for lines in others)):
        configure(settings)
    assert library[kind] in repr([first, *others])


def test_pictures_in_folders_need_no_code(experiment: Experiment) -> None:
    assert [len(read_split(Path(f"{name}.npz"))) for name in ("clean", "sources", "calibration", "test")] == [
        experiment["train"],
        experiment["attacker"]["sources"],
        experiment["calibration"],
        experiment["test"],
    ]
    split = read_split(Path("clean.npz"))
    assert (split.x.shape[1:], split.n_classes) == ((1, 28, 28), 3)
    assert len(read_blocks(PAGES["datasets"], "yaml")[0].splitlines()) <= 5
    assert train(experiment, experiment["network"]) > 0.9


def test_a_data_set_of_ones_own_is_read(
    library: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).integers(0, 256, (300, 1, 8, 8), dtype=np.uint8)
    rows = np.column_stack([np.arange(300) % 4, x.reshape(300, 64)])
    np.savetxt("pixels.csv", rows, fmt="%d", delimiter=",")
    lines = yaml.safe_load(read_blocks(PAGES["datasets"], "yaml")[1])
    fetch_dataset(output=Path("digits.npz"), settings=lines["digits"])
    found, y, n_train, classes = read_arrays(Path("digits.npz"), "x", "y", "n_train", "classes")
    np.testing.assert_array_equal(found, x)
    assert (y[:5].tolist(), int(n_train), classes.tolist()) == ([0, 1, 2, 3, 0], 180, ["0", "1", "2", "3"])


def test_a_network_of_ones_own_is_trained_and_looked_into(experiment: Experiment) -> None:
    network = read_settings("networks")["networks"]["small"]
    assert train(experiment, network) > 0.8
    names = read_constants("networks", network["method"])["LAYERS"]
    extract_layers(
        split=Path("test.npz"),
        weights=Path("model.pt"),
        layers=Path("layers"),
        logits=Path("logits.npy"),
        network=network,
        names=names,
        pooling="none",
        batch_size=50,
    )
    layers = open_layers(Path("layers"), np.float32, rows=experiment["test"])
    assert {name: matrix.shape[1] for name, matrix in layers.items()} == {
        "relu1": 32 * 14**2,
        "relu2": 64 * 7**2,
        "relu3": 64,
        "fc": 3,
    }


def test_an_attack_of_ones_own_is_in_its_ball_and_works(experiment: Experiment) -> None:
    network = experiment["network"]
    before = train(experiment, network)
    lines = read_settings("attacks")["experiments"]["mine"]["inputs"]["step"]
    settings = lines | {"images": 60}
    attack(
        split=Path("test.npz"),
        weights=Path("model.pt"),
        output=Path("step.npz"),
        settings=settings,
        network=network,
        batch_size=25,
    )
    torch.use_deterministic_algorithms(False)
    clean, attacked = (read_split(Path(f"{name}.npz")) for name in ("test", "step"))
    moved = np.linalg.norm((attacked.x - clean.x).reshape(60, -1), axis=1)
    assert 0 < moved.min() <= moved.max() <= settings["epsilon"] + 1e-4
    model = read_network(network, Path("model.pt"), clean)
    right = predict(model, torch.from_numpy(attacked.x), batch_size=50).numpy() == clean.y
    assert right.mean() < before - 0.3


def test_a_poison_of_ones_own_marks_images_and_shows_them(library: dict[str, str]) -> None:
    (lines,) = read_settings("poisons")["poisons"].values()
    method, options = split_settings(lines)
    found = load("poisons", method).poison(DATA, seed=1, **options)
    assert len(found.points) == round(0.05 * 180 / 0.95)
    for split, sources, first in ((found.points, DATA.sources, 100), (found.probe, DATA.test, 900)):
        assert set(split.y) == {options["target"]}
        change = split.x - sources.x[split.source - first]
        assert 0 < np.abs(change).max() <= options["contrast"] + 1e-6
        assert (split.y_true != options["target"]).all()


def test_a_detector_of_ones_own_finds_what_is_far_from_its_class(library: dict[str, str]) -> None:
    (lines,) = read_settings("detectors")["detectors"].values()
    method, options = split_settings(lines | {"layer": "relu"})
    training, calibration, judged = draw_problem(flipped=6)
    score = load("detectors", method).fit(training, calibration, seed=1, **options)
    assert_suspects_come_first(score(training), training.is_suspect)
    assert_suspects_come_first(score(judged), judged.is_suspect)
