"""What several tests share: a copy of the repository to run in, one finished run, real environments."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from hypothesis import settings
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from snakemake.utils import update_config

from layeraudit.configuration import check, is_for
from layeraudit.detectors import Evidence
from layeraudit.errors import InputError
from layeraudit.experiments import ADAPTIVE, OPTIONS
from layeraudit.plugins import read_constants
from layeraudit.poisons import AttackerData
from layeraudit.splits import Split

REPOSITORY = Path(__file__).parents[1]
ENVIRONMENTS = REPOSITORY / ".snakemake" / "conda"
READ_BY_A_RUN = [
    "Snakefile",
    "README.md",
    "CITATION.cff",
    "config",
    "docs",
    "envs",
    "profiles",
    "report",
    "rules",
    "scripts",
]

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
"""Of tests that open a page; None where this machine has none."""

ORDER = ["test_lint.py", "unit", "workflow", "faults"]
"""The files and folders of this one, in the order in which their tests run: the quickest answers first."""

FIRST = "test_file_formats.py"
"""With this one of two workers begins, and so with the finished run; the other goes on with unit tests."""

LONG = {
    *("test_audit.py", "test_engines.py", "test_own_experiment.py", "test_replan.py", "test_rerun.py"),
    *("test_exchanged_files.py", "test_failed_rerun.py", "test_fetch_dataset.py", "test_set_up.py"),
    "test_ways_in.py",
}
"""Files of minutes: a worker takes a file at a time, and both are to end together."""

settings.register_profile("here", deadline=None)  # these machines are shared: no test asserts a time
settings.load_profile("here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put tests in order, and mark as slow those that start Snakemake.

    Unit tests that need an environment come last: while one worker makes it, the other has none to wait for.
    """
    fixtures = {item: {*getattr(item, "fixturenames", ())} for item in items}
    place = {item: item.path.relative_to(REPOSITORY / "tests").parts[0] for item in items}
    waiting = {item.path for item in items if "environment" in fixtures[item]}
    is_worker = hasattr(config, "workerinput")

    def rank(item: pytest.Item) -> tuple[bool, int, bool, bool]:
        is_first = is_worker and item.path.name == FIRST
        return not is_first, ORDER.index(place[item]), item.path in waiting, item.path.name not in LONG

    items.sort(key=rank)
    for item in items:
        if place[item] in ("workflow", "faults") or {"environment", "finished_run"} & fixtures[item]:
            item.add_marker(pytest.mark.slow)


def command(*options: str, over: Sequence[str] = ()) -> list[str]:
    """Return the command of a small run, in the environments of this checkout, which prints every job.

    `over` are files of settings that are laid over those of the small run.
    """
    start = ["snakemake", "--cores", "2", "--quiet", "host", "--conda-prefix", str(ENVIRONMENTS)]
    # Short runs are to end at once. The other scheduler takes longer to choose a job than most jobs take.
    quick = ["--max-jobs-per-timespan", "100/1s", "--scheduler", "greedy"]
    return [*start, *quick, *options, "--configfile", "config/small.yaml", *over]


def run(folder: Path, *options: str, succeeds: bool = True, over: Sequence[str] = ()) -> str:
    """Run Snakemake on the small configuration in a folder, and give all that it prints."""
    ended = subprocess.run(
        command(*options, over=over),
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert (ended.returncode == 0) == succeeds, ended.stdout
    return ended.stdout


RULE = r"^(?:local)?rule (\w+):"


def list_planned(folder: Path, target: str = "results/table1.csv") -> set[str]:
    """List the rules that Snakemake would run."""
    planned = re.findall(RULE, run(folder, "--dry-run", target), re.MULTILINE)
    return {*planned} - {"all"}


def change(path: Path, old: str, new: str) -> None:
    """Replace the first of a text that a file has."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a small run that a test is to stop, as the leader of its own processes."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command(*options), cwd=folder, start_new_session=True, **quiet)


IN_ONE_PROCESS = """
import json, runpy, sys
for number, sys.argv in enumerate(json.loads(sys.argv[1])):
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        print(number, ended.code, file=sys.stderr)
"""


def run_programs(*programs: tuple[str, Sequence[object]]) -> tuple[str, list[str]]:
    """Run programs one after the other; give what they print, and their last words, each with its number.

    In one process, since to import what they import takes most of their time.
    """
    scripts = REPOSITORY / "scripts"
    lines = [[str(scripts / name), *map(str, options)] for name, options in programs]
    environment = os.environ | {"PYTHONPATH": str(scripts), "OMP_NUM_THREADS": "1"}  # as one_thread does
    ended = subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS, json.dumps(lines)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, ended.stderr.splitlines()


def draw_shapes(folder: Path, *, each: int = 100) -> Path:
    """Draw bars, crosses and rings in noise, 28 x 28 pixels, and save them in a folder a class."""
    generator = np.random.default_rng(0)
    for name in ("bar", "cross", "ring"):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            picture = Image.fromarray(generator.integers(0, 100, (28, 28), dtype=np.uint8))
            pen = ImageDraw.Draw(picture)
            left, top = generator.integers(3, 9, 2).tolist()
            if name == "ring":
                pen.ellipse((left, top, left + 16, top + 16), outline=255, width=3)
            else:
                pen.rectangle((left, top + 6, left + 16, top + 10), fill=255)
            if name == "cross":
                pen.rectangle((left + 6, top, left + 10, top + 16), fill=255)
            picture.save(folder / name / f"{number:03}.png")
    return folder


def find_nearest(
    rows: NDArray[np.float32], others: NDArray[np.float32], k: int, *, are_the_same: bool
) -> NDArray[np.int64]:
    """Find the k nearest by Euclidean distance, the slow way, ties by row number; a row is not its own."""
    differences = rows[:, np.newaxis].astype(np.float64) - others
    distances = np.square(differences).sum(axis=2)
    if are_the_same:
        np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1, kind="stable")[:, :k]


def gather_evidence(
    layers: dict[str, NDArray[np.float32]],
    y: Sequence[int] | NDArray[np.int64],
    *,
    k: int,
    training: Evidence | None = None,
    logits: NDArray[np.float32] | None = None,
    x: NDArray[np.float32] | None = None,
) -> Evidence:
    """Make evidence with Euclidean neighbours; without training rows these are the training rows."""
    others = layers if training is None else training.activations
    return Evidence(
        y=np.array(y, np.int64),
        activations=layers,
        neighbours={
            layer: find_nearest(rows, others[layer], k, are_the_same=training is None)
            for layer, rows in layers.items()
        },
        logits=np.zeros((len(y), 2), np.float32) if logits is None else logits,
        is_suspect=np.zeros(len(y), bool),
        x=np.zeros((len(y), 0, 0, 0), np.float32) if x is None else x,
    )


def read_blocks(page: str, language: str) -> list[str]:
    """Return the blocks of code of a page, such as `docs/library.md`, that are in a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (REPOSITORY / page).read_text(), re.DOTALL | re.MULTILINE
    )


PAGES = {
    "datasets": "docs/add-a-data-set.md",
    "networks": "docs/add-a-network.md",
    "poisons": "docs/add-a-poison.md",
    "attacks": "docs/add-an-attack.md",
    "detectors": "docs/add-a-detector.md",
}
"""For each kind of plug-in the page that shows how to add one."""


def write_plugins_of_pages(folder: Path) -> dict[str, str]:
    """Write the file of each page into a copy of the repository; return for each kind the plug-in's name."""
    names = {}
    for kind, page in PAGES.items():
        (path,) = re.findall(r"goes to `([^`]+)`", (REPOSITORY / page).read_text())
        (code,) = read_blocks(page, "python")
        (folder / path).write_text(code)
        names[kind] = Path(path).stem
    return names


DEFAULT = json.loads(json.dumps(yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())))
"""The configuration that we ship; what YAML's anchors share stands in each place of its own."""


SCHEMA = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())


def replaced(path: str | tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return the default configuration with another value under a key."""
    configuration = deepcopy(DEFAULT)
    *parents, last = path.split(".") if isinstance(path, str) else path
    reduce(getitem, parents, configuration)[last] = value
    return configuration


def merged(changes: dict[str, Any]) -> dict[str, Any]:
    """Lay a user's settings over the default ones, as Snakemake does."""
    configuration = deepcopy(DEFAULT)
    update_config(configuration, deepcopy(changes))
    return configuration


def sentence_of(configuration: Any) -> str:
    """Return the message of a configuration of which nothing can be run."""
    with pytest.raises(InputError) as error:
        check(configuration, SCHEMA)
    assert str(error.value).isprintable()
    return str(error.value)


def check_all(configuration: Any) -> dict[str, str]:
    """Return why an experiment or a detector cannot be run, but for detectors in one experiment alone."""
    return {name: problem for name, problem in check(configuration, SCHEMA).items() if "/" not in name}


def ends(path: str) -> list[float]:
    """Return the least and the greatest number of a key, or of a plug-in's option: `attacks.bim.step`."""
    kind, *rest = path.split(".")
    if kind in ("attacks", "poisons", "detectors"):
        schema = read_constants(kind, rest.pop(0))["OPTIONS"][rest.pop(0)]
    elif kind == ADAPTIVE and rest[0] in OPTIONS[ADAPTIVE]:
        schema = OPTIONS[ADAPTIVE][rest.pop(0)]
    else:
        schema = SCHEMA["properties"][kind]
    for key in rest:
        if key in schema.get("properties", {}):
            schema = schema["properties"][key]
        else:
            schema = schema["items"] if key == "items" else schema["additionalProperties"]
    return [schema["minimum"], schema["maximum"]]


IMAGES = {"step": 30, "tilted": 20, "strange": 20}
"""What the network is shown beside 60 held-out images."""


def write_settings(folder: Path) -> dict[str, Any]:
    """Write the settings of the pages as one experiment of the small run, and return all that is set."""
    data, network, attack = (
        yaml.safe_load(read_blocks(PAGES[kind], "yaml")[0]) for kind in ("datasets", "networks", "attacks")
    )
    step = attack["experiments"]["mine"]["inputs"]["step"]
    experiment = data["experiments"]["mine"] | {
        "network": network["experiments"]["mine"]["network"],
        "poison": "flips",
        "inputs": {
            "step": step | {"images": IMAGES["step"]},
            "tilted": {"method": "rotation", "images": IMAGES["tilted"], "degrees": 60},
            "strange": {"method": "other_data", "images": IMAGES["strange"], "dataset": "mnist"},
        },
    }
    own = {
        "datasets": data["datasets"],
        "networks": network["networks"],
        "poisons": {"flips": {"method": "label_flips", "rate": 0.1, "source": None, "target": None}},
        "experiments": {"mine": experiment},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(own))
    configuration: dict[str, Any] = {}
    for name in ("config/config.yaml", "config/small.yaml", "mine.yaml"):
        update_config(configuration, yaml.safe_load((folder / name).read_text()))
    return configuration


def list_targets(configuration: dict[str, Any]) -> list[str]:
    """List the scores of each split, and those of every detector, under `results/small/mine`."""
    scored = [f"seed1/scores/{split}.parquet" for split in ("test", "train", *IMAGES)]
    return scored + [
        f"detectors/{bench}/{detector}.parquet"
        for bench in ("poison", "evasion")
        for detector in configuration["detectors"]
        if is_for(bench, configuration, detector)
    ]


def make_split(n: int, *, seed: int, first_row: int, n_classes: int = 4, channels: int = 1) -> Split:
    """Make noise of 8 × 8, brighter in the quadrant that is its class's; row r has source `first_row` + r."""
    y = np.arange(n) % n_classes
    x = np.random.default_rng(seed).uniform(0.1, 0.5, size=(n, channels, 8, 8))
    for label in range(n_classes):
        top, left = 4 * (label // 2), 4 * (label % 2)
        x[y == label, :, top : top + 4, left : left + 4] += 0.3
    return Split(x.astype(np.float32), y, y, np.zeros(n, bool), first_row + np.arange(n))


def make_data(*, sources: int = 80, n_classes: int = 4, channels: int = 1) -> AttackerData:
    """Make what an attacker holds, each split with sources of its own."""
    common = {"n_classes": n_classes, "channels": channels}
    return AttackerData(
        sources=make_split(sources, seed=0, first_row=100, **common),
        validation=make_split(20, seed=1, first_row=500, **common),
        test=make_split(40, seed=2, first_row=900, **common),
        n_clean=180,
        n_classes=n_classes,
    )


DATA = make_data()
"""What the poisons of the library and of the pages are made of."""


N_CLASSES, DIMENSIONS, LENGTH = 3, 12, 8.0
WEIGHTS = np.eye(N_CLASSES, DIMENSIONS)
BIASES = np.array([0.5, -0.5, 0.0])
"""Of the made-up network of the tests of detectors: from `relu` its logits are affine."""


def find_neighbours(rows, others, *, are_the_same=False, k=15):
    """Find neighbours by cosine similarity, the slow way; a row is not its own."""
    units, other_units = (
        part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-30)
        for part in (rows.astype(np.float64), others.astype(np.float64))
    )
    distances = np.square(units[:, None] - other_units).sum(axis=2)
    if are_the_same:
        np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1, kind="stable")[:, :k]


def make_evidence(features, y, is_suspect, training=None):
    """Let the network see features, float32 [n, 12]; without training rows these are the training rows."""
    early = features @ np.random.default_rng(5).normal(size=(DIMENSIONS, 20)).astype(np.float32)
    logits = (features @ WEIGHTS.T + BIASES).astype(np.float32)
    activations = {"early": early, "relu": features, "fc": logits}
    others = activations if training is None else training.activations
    neighbours = {
        layer: find_neighbours(rows, others[layer], are_the_same=training is None)
        for layer, rows in activations.items()
    }
    for array in [*activations.values(), *neighbours.values()]:
        array.setflags(write=False)
    if y is None:
        y = logits.argmax(axis=1)
    x = np.random.default_rng(6).random(size=(len(features), 1, 4, 3), dtype=np.float32)
    return Evidence(y, activations, neighbours, logits, np.asarray(is_suspect, dtype=bool), x)


def draw(generator, axes, spread=1.0):
    """Draw features round the axes of these numbers, an axis a row."""
    centres = LENGTH * np.eye(DIMENSIONS)[axes]
    return (centres + spread * generator.normal(size=centres.shape)).astype(np.float32)


def draw_problem(*, flipped=0, seed=0):
    """Draw training rows, calibration rows, and others of which the last ten are round an axis of no class.

    Of class 0 so many training rows are labelled 1.
    """
    generator = np.random.default_rng(seed)
    classes = np.repeat(np.arange(N_CLASSES), 50)
    y = classes.copy()
    y[:flipped] = 1
    training = make_evidence(draw(generator, classes), y, y != classes)
    of_calibration = np.arange(60) % N_CLASSES
    calibration = make_evidence(draw(generator, of_calibration), of_calibration, np.zeros(60), training)
    axes = np.r_[np.arange(60) % N_CLASSES, np.full(10, 7)]
    judged = make_evidence(draw(generator, axes), None, axes == 7, training)
    return training, calibration, judged


def assert_suspects_come_first(scores, is_suspect) -> None:
    """Check that every suspect has a higher score than every other row."""
    assert scores[is_suspect].min() > scores[~is_suspect].max()


METRICS = ["l2", "cosine"]
"""By which neighbours are found."""


def scale(matrix, metric):
    """Scale rows to length 1 as `rows` describes."""
    if metric == "l2":
        return matrix
    lengths = np.sqrt(np.square(matrix, dtype=np.float64).sum(axis=1, keepdims=True))
    factors = 1 / np.where(lengths == 0, 1, lengths)
    moderate = (factors >= 2.0**-100) & (factors <= 2.0**100)
    with np.errstate(over="ignore", invalid="ignore"):  # of what is not chosen
        return np.where(moderate, matrix * factors.astype(np.float32), matrix * factors).astype(np.float32)


def measure(reference, queries, metric, *, exclude_self=False):
    """Square the distances in float64: [q, n]; that of a row to itself is infinite where it is excluded."""
    reference = scale(reference, metric).astype(np.float64)
    squares = np.stack([np.square(reference - query).sum(axis=1) for query in scale(queries, metric)])
    if exclude_self:
        np.fill_diagonal(squares, np.inf)
    return squares


def nearest(reference, queries, k, metric, *, exclude_self=False):
    """Sort all rows by their distance to a query, and by row number."""
    squares = measure(reference, queries, metric, exclude_self=exclude_self)
    return np.argsort(squares, axis=1, kind="stable")[:, :k]


def normal(*shape, seed=0):
    """Draw float32 from the normal distribution."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(autouse=True)
def no_figure_stays() -> Iterator[None]:
    # The program that draws one ends after it; pyplot warns of those that stay open.
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    # Tensors as small as a test's gain nothing by a second, which waits long where the cores are busy.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def copy_repository(folder: Path) -> Path:
    """Copy what a run reads, and nothing that one has made."""
    for name in READ_BY_A_RUN:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    return folder


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a copy of the repository in which one worker makes something for all; the others wait for it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            assert not folder.exists(), f"another worker has failed to make {folder}"
            folder.mkdir()
            make(copy_repository(folder))
            made.touch()
    return folder


@pytest.fixture
def fresh_copy(tmp_path: Path) -> Path:
    return copy_repository(tmp_path)


GIVEN: dict[str, Any] = {
    "datasets": {
        "pictures": {
            **{"method": "image_folder", "train": "given/of_the_user", "held_out": 0.2, "classes": None},
            **{"channels": 1, "size": [28, 28]},
        }
    },
    "networks": {
        "onnx": {"method": "onnx", "file": "given/mine.onnx", "output": None, "normalisation": None},
        "hugging_face": {
            **{"method": "hugging_face", "folder": "given/of_the_user"},
            **{"environment": None, "normalisation": None},
        },
    },
    "audits": {
        name: {
            **{"dataset": "pictures", "network": name, "layers": "auto", "pooling": "mean"},
            **{"expected_accuracy": None, "inputs": None},
        }
        for name in ("onnx", "hugging_face")
    },
}
"""Audits whose networks have environments that the report and the leaderboard do not need."""


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make every environment of the rules that is not there yet; return the folder of each by its name."""

    def make(folder: Path) -> None:
        (folder / "given/of_the_user").mkdir(parents=True)
        (folder / "given/mine.onnx").touch()
        (folder / "given.yaml").write_text(yaml.safe_dump(GIVEN))
        targets = ["all", "audits"]
        run(folder, *targets, "--conda-create-envs-only", over=["given.yaml"])
        (folder / "listed.tsv").write_text(run(folder, *targets, "--list-conda-envs", over=["given.yaml"]))

    folder = make_once(tmp_path_factory, "environments", make)
    table = [line.split("\t") for line in (folder / "listed.tsv").read_text().splitlines()]
    return {Path(line[0]).stem: folder / line[2] for line in table if line[0].startswith("envs/")}


@pytest.fixture(scope="session")
def environment(environments: dict[str, Path]) -> Callable[[str], Path]:
    """Give the interpreter of an environment by its name."""
    return lambda name: environments[name] / "bin" / "python"


@pytest.fixture(scope="session")
def finished_run(environments: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the small configuration once, from nothing; what is in this folder is not to be changed."""
    # Between two looks for free cores Snakemake waits so long, and at the end of the run; more of them take a
    # third of a core, see the profile.
    span = ["--max-jobs-per-timespan", "1000/30s"]
    return make_once(tmp_path_factory, "finished_run", lambda folder: run(folder, "all", *span))


def copy_run(finished: Path, folder: Path) -> Path:
    """Copy a run, times of change and Snakemake's records included."""
    return shutil.copytree(finished, folder, dirs_exist_ok=True, symlinks=True)


@pytest.fixture
def finished_copy(finished_run: Path, tmp_path: Path) -> Path:
    """Copy the finished run for a test to change."""
    return copy_run(finished_run, tmp_path)


@pytest.fixture(scope="module")
def shared_copy(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copy the finished run for the tests of a file, each of which puts back what it changes."""
    folder = copy_run(finished_run, tmp_path_factory.mktemp("shared"))
    yield folder
    shutil.rmtree(folder)
