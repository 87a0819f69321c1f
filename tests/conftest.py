"""What several tests share: a copy of the repository to run in, one finished run, real environments."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from layeraudit.detectors import Evidence

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

ORDER = ["test_lint.py", "unit", "workflow", "faults"]
"""The files and folders of this one, in the order in which their tests run: the quickest answers first."""

settings.register_profile("here", deadline=None)  # these machines are shared: no test asserts a time
settings.load_profile("here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests in order, and mark as slow those that start Snakemake."""
    place = {item: item.path.relative_to(REPOSITORY / "tests").parts[0] for item in items}
    items.sort(key=lambda item: ORDER.index(place[item]))
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if place[item] in ("workflow", "faults") or {"environment", "finished_run"} & set(fixtures):
            item.add_marker(pytest.mark.slow)


def command(*options: str, over: Sequence[str] = ()) -> list[str]:
    """Return the command of a small run, in the environments of this checkout, which prints every job.

    `over` are files of settings that are laid over those of the small run.
    """
    start = ["snakemake", "--cores", "2", "--quiet", "host", "--conda-prefix", str(ENVIRONMENTS)]
    span = ["--max-jobs-per-timespan", "100/1s"]  # short runs are to end at once
    return [*start, *span, *options, "--configfile", "config/small.yaml", *over]


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


def make_evidence(
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


@pytest.fixture
def fresh_copy(tmp_path: Path) -> Path:
    return copy_repository(tmp_path)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the small configuration once, from nothing; what is in this folder is not to be changed."""
    folder = copy_repository(tmp_path_factory.mktemp("finished_run"))
    run(folder, "all", "--max-jobs-per-timespan", "1000/10s")
    return folder


@pytest.fixture
def finished_copy(finished_run: Path, tmp_path: Path) -> Path:
    """Copy the finished run, times of change and Snakemake's records included, for a test to change."""
    return shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True, symlinks=True)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make every environment of the rules that is not there yet; give the interpreter of one by its name."""
    folder = copy_repository(tmp_path_factory.mktemp("environments"))
    run(folder, "all", "--conda-create-envs-only")
    table = [line.split("\t") for line in run(folder, "all", "--list-conda-envs").splitlines()]
    prefixes = {Path(line[0]).stem: folder / line[2] for line in table if line[0].startswith("envs/")}
    return lambda name: prefixes[name] / "bin" / "python"
