"""Measure an audit of activations alone as its rows grow: time, processor time and memory of each step.

Every step is a program of the workflow, or the library's own search, in a process of its own. Rows are drawn.
A search of all rows would take hours: it is measured on some, and the neighbours of the others are drawn too.
README.md of this folder says how to run it, and what the columns are.
"""

import importlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.cli import run, run_step
from layeraudit.errors import InputError
from layeraudit.files import (
    MatrixWriter,
    atomic_write,
    atomic_write_layers,
    open_array,
    read_rows,
    read_split,
    write_matrix,
)
from layeraudit.provenance import describe_today, name_processor

CLASSES, DIMENSIONS, LAYER, SEED = 1000, 512, "layer", 1
METRIC: Final = "cosine"

LATENT, DECAY, WITHIN, NOISE, BIAS = 32, 0.5, 0.6, 0.2, -0.3
"""Of drawn rows: dimensions of the subspace, how their variance falls, and the spread of a class."""

WRONG = 0.02
"""Share of the training rows whose label is drawn anew."""

SPLITS = ("train", "calibration", "test")
HELD_OUT = 20
"""For so many training rows one is held out."""

AT_ONCE = 20_000
"""Rows that are drawn together."""

SHARDS = [f"{number}-of-4" for number in range(1, 5)]
"""With so many, a search among a million rows keeps to the default `memory_mb`."""

ROOM = 300
"""MB beside what a refused step asks for: with just that, 256 queries are searched at a time."""

MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
"""What the rules of the workflow set: memory that a step frees stays its own."""

SAMPLED_EVERY = 0.05
"""Seconds between two looks at the memory of a process."""

SHORTEST = 0.05
"""Seconds below which a time has no exponent."""

MEASURED = ["seconds", "cpu_seconds", "peak_mb", "anonymous_mb"]
COLUMNS = ["step", "rows", "memory_mb", *MEASURED, "exponent", "run"]


class Lap(NamedTuple):
    """A part of what a process did.

    Attributes
    ----------
    peak_mb : the most memory (MB = 2**20 bytes) that the process has held until now, mapped files included
    refusal : the sentence that it ended in, or ""
    """

    step: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    refusal: str = ""


class Measured(NamedTuple):
    """What a process did, and the most memory in MB that it held beside mapped files."""

    laps: list[Lap]
    anonymous_mb: float


class Step(NamedTuple):
    """A program of the workflow, and the arguments that its rule gives it."""

    name: str
    program: str
    arguments: dict[str, Any]


def read_memory(process: int | str, name: str) -> float:
    """Return what the status of a process says of its memory, in MB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def time_lap(name: str, function: Callable[[], Any]) -> Lap:
    """Run a function, and return what it took."""
    started, cpu_started, refusal = time.perf_counter(), time.process_time(), ""
    try:
        function()
    except InputError as error:
        refusal = str(error)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return Lap(name, seconds, cpu_seconds, read_memory("self", "VmHWM"), refusal)


def time_step(step: Step) -> list[Lap]:
    """Run a step, with the checksums of its files."""
    function = getattr(importlib.import_module(step.program), step.program.rpartition(".")[2])
    return [time_lap(step.name, lambda: run_step(function, step.arguments))]


def time_search(
    name: str, index: Path, references: Path, queries: NDArray[np.int64], k: int, shard: str, memory_mb: int
) -> list[Lap]:
    """Seek the neighbours of some reference rows among those of a shard, after a few others as a warm-up.

    A row is its own nearest neighbour, so that k + 1 are sought, as `exclude_self` does.
    """
    from layeraudit.neighbours import Index, build, load, rows_of_shard

    matrix = open_array(references / f"{LAYER}.npy")
    sought, rows = read_rows(matrix, queries), rows_of_shard(len(matrix), shard)
    build(sought, METRIC, engine="exact").search(sought[:10], k + 1)
    loaded: list[Index] = []
    return [
        time_lap(f"load_{name}", lambda: loaded.append(load(index / f"{LAYER}.npz", matrix[rows]))),
        time_lap(f"search_{name}", lambda: loaded[0].search(sought, k + 1, memory_mb=memory_mb)),
    ]


def run_apart(function: Callable[..., Any], *arguments: Any) -> Measured:
    """Run a function that returns laps, or nothing, in a process of its own, and look at its memory."""
    highest = 0.0
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        process = executor.submit(os.getpid).result()
        running: Future[Any] = executor.submit(function, *arguments)
        while not running.done():
            with suppress(FileNotFoundError):
                highest = max(highest, read_memory(process, "RssAnon"))
            time.sleep(SAMPLED_EVERY)
        return Measured(running.result(), highest)


def draw_block(y: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.float32]:
    """Draw rows of classes: the ReLU of points in a subspace, each near its class's centre, and of noise.

    Dimension j of the subspace has a variance proportional to 1 / j.
    """
    fixed = np.random.default_rng(SEED)
    centres = fixed.standard_normal((CLASSES, LATENT), np.float32)
    scale = np.arange(1, LATENT + 1) ** -DECAY
    directions = fixed.standard_normal((LATENT, DIMENSIONS)) * (scale / np.linalg.norm(scale))[:, np.newaxis]
    points = centres[y] + np.float32(WITHIN) * generator.standard_normal((len(y), LATENT), np.float32)
    rows = points @ directions.astype(np.float32) + np.float32(BIAS)
    rows += np.float32(NOISE) * generator.standard_normal(rows.shape, np.float32)
    drawn: NDArray[np.float32] = np.maximum(rows, 0)
    return drawn


def draw_rows(folder: Path, n: int, part: int, wrong: float) -> None:
    """Write a user's folder of n rows, and beside it their true classes; a share of the labels differs."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng([SEED, part])
    true = generator.integers(CLASSES, size=n)
    with MatrixWriter(folder / f"{LAYER}.npy", np.float32, rows=n) as matrix:
        for start in range(0, n, AT_ONCE):
            matrix.append(draw_block(true[start : start + AT_ONCE], generator))
    others = generator.integers(CLASSES, size=n)
    write_matrix(folder / "labels.npy", np.where(generator.random(n) < wrong, others, true))
    write_matrix(folder.with_name(f"{folder.name}_true.npy"), true)


def read_classes(given: Path, split: Path) -> NDArray[np.int64]:
    """Return the true class of each row of a split."""
    true = np.concatenate([np.load(given / f"{part}_true.npy") for part in ("train", "held_out")])
    classes: NDArray[np.int64] = true[read_split(split).source]
    return classes


def draw_neighbours(given: Path, files: Path, split: str, k: int) -> None:
    """Write the neighbours that a search would find among the training rows of each row's true class."""
    of_train, of_split = (read_classes(given, files / f"data/{name}.npz") for name in ("train", split))
    train, asked = (np.load(files / f"layers/{of}/{LAYER}.npy", mmap_mode="r") for of in ("train", split))
    found = np.empty((len(of_split), k), np.int64)
    for label in range(CLASSES):
        own, asking = np.flatnonzero(of_train == label), np.flatnonzero(of_split == label)
        rows, queries = train[own], asked[asking]
        similar = queries @ rows.T / np.linalg.norm(rows, axis=1)
        if split == "train":
            np.fill_diagonal(similar, -1)
        found[asking] = own[np.argsort(-similar, axis=1, kind="stable")[:, :k]]
    with atomic_write_layers(files / f"neighbours/{split}", [LAYER]) as folder:
        write_matrix(folder / f"{LAYER}.npy", found)


def draw_found(given: Path, files: Path, k: int) -> None:
    """Write what shards could have found for all training rows: rows of the same class, where there are."""
    from layeraudit.neighbours import rows_of_shard

    classes = read_classes(given, files / "data/train.npz")
    for shard in SHARDS:
        rows = rows_of_shard(len(classes), shard)
        order = np.argsort(classes[rows], kind="stable")
        first = np.searchsorted(classes[rows][order], classes).clip(max=len(order) - k - 1)
        with (
            atomic_write_layers(files / f"shards/{shard}/neighbours/train", [LAYER]) as folder,
            MatrixWriter(folder / f"{LAYER}.npy", np.int64, rows=len(classes)) as matrix,
        ):
            for start in range(0, len(classes), AT_ONCE):
                some = first[start : start + AT_ONCE, np.newaxis] + np.arange(k + 1)
                matrix.append(rows.start + order[some])


def list_steps_to_layers(given: Path, files: Path) -> Iterator[Step]:
    """Yield the steps from a user's folders to the gate, which is before the index."""
    settings = {
        "method": "activations",
        "train": str(given / "train"),
        "held_out": str(given / "held_out"),
        "classes": None,
    }
    dataset, data = files / "dataset.npz", files / "data"
    yield Step("fetch_dataset", "fetch_dataset", {"output": dataset, "settings": settings})
    names = ("sources", "validation", "clean", "pretraining", "calibration", "test")
    arguments: dict[str, Any] = {name: data / f"{name}.npz" for name in names}
    arguments |= {"clean_size": None, "pretraining_size": 0, "calibration_size": None, "test_size": None}
    arguments["attacker"] = {"classes": None, "part": "train", "sources": 0, "validation": 0}
    drawn = arguments | {"dataset": dataset, "classes": None, "seed": SEED}
    yield Step("draw_splits", "draw_splits", drawn)
    merged = {"clean": data / "clean.npz", "poison": [], "output": data / "train.npz"}
    yield Step("merge_training_set", "merge_training_set", merged)
    gate: dict[str, Any] = {"output": files / "gate.json", "expected_accuracy": None}
    for split in SPLITS:
        arguments = {"split": data / f"{split}.npz", "dataset": dataset, "usual": None, "settings": settings}
        arguments |= {"layers": files / f"layers/{split}", "logits": files / f"logits/{split}.npy"}
        arguments |= {"names": [], "pooling": "none"}
        yield Step(f"import_activations_{split}", "import_activations", arguments)
        gate |= {split: arguments["split"], f"{split}_logits": arguments["logits"]}
    yield Step("check_accuracy", "audit.check_accuracy", gate)


def list_steps_to_page(files: Path) -> Iterator[Step]:
    """Yield the steps from neighbours to the page of the audit."""
    evidence: dict[str, Any] = {}
    for split in SPLITS:
        evidence[split] = files / f"data/{split}.npz"
        evidence[f"{split}_layers"] = files / f"layers/{split}"
        evidence[f"{split}_logits"] = files / f"logits/{split}.npy"
        evidence[f"{split}_neighbours"] = files / f"neighbours/{split}"

    def of(split: str, *kinds: str) -> dict[str, Any]:
        return {kind: evidence[f"{split}_{kind}"] for kind in kinds} | {"train": evidence["train"]}

    calibration, scores = files / "calibration.npz", files / "scores/test.parquet"
    arguments = of("calibration", "neighbours", "logits") | {"calibration": evidence["calibration"]}
    yield Step("calibrate", "calibrate", arguments | {"output": calibration, "mode": "paper"})
    arguments = of("test", "neighbours", "logits") | {"split": evidence["test"], "calibration": calibration}
    yield Step("score_test", "score", arguments | {"output": scores})
    inputs = dict.fromkeys(("inputs", "inputs_layers", "inputs_logits", "inputs_neighbours"))
    judged = {"rows": "rows.parquet", "groups": "groups.csv", "leaks": "leaks.csv", "errors": "errors.json"}
    tables: dict[str, Any] = {name: files / file for name, file in judged.items()}
    fits = {name: files / f"{name}.npz" for name in ("probe", "calibration_scores")}
    common = {"gate": files / "gate.json", "metric": METRIC, **evidence, **inputs}
    yield Step("judge_rows", "audit.judge_rows", {**common, **tables, **fits, "seed": SEED})
    arguments = {"test_scores": scores, "inputs_scores": None, "table": files / "inputs.parquet"}
    yield Step("judge_inputs", "audit.judge_inputs", common | arguments)
    arguments = of("train", "layers", "logits", "neighbours")
    arguments = {f"train_{kind}": path for kind, path in arguments.items() if kind != "train"}
    arguments |= {"train": evidence["train"], "rows": tables["rows"], "errors": tables["errors"], **fits}
    planted = arguments | {"table": files / "controls.csv", "seed": SEED}
    yield Step("plant_controls", "audit.plant_controls", planted)
    page = {"dataset": files / "dataset.npz", "gate": files / "gate.json", **tables, "given": []}
    page |= {"controls": [planted["table"]], "inputs": files / "inputs.parquet", "metric": METRIC}
    page |= dict.fromkeys(("inputs_dataset", "inputs_neighbours", "layers"))
    page |= {name: evidence[name] for name in ("train_neighbours", "test_neighbours")}
    page |= {"name": "million", "variant": "million", "dataset_name": "drawn", "network_name": ""}
    yield Step("make_audit", "audit.make_audit", page | {"pooling": "none", "output": files / "page"})


class Table:
    """The rows of the table, which is written again after each process; it goes on with one that is there."""

    def __init__(self, output: Path, description: str) -> None:
        self._output, self._description = output, description
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        if output.exists():
            for row in pd.read_csv(output).to_dict("records"):
                self._rows[row["step"], row["rows"]] = {str(name): value for name, value in row.items()}

    def add(self, rows: int, measured: Measured, memory_mb: int | None = None) -> None:
        """Add the laps of a process, and fit the exponents of processor time anew.

        memory_mb : the bound that it was given, if there is one
        """
        for lap in measured.laps:
            print(f"{rows} rows, {lap.step}: {lap.cpu_seconds:.1f} s, {lap.peak_mb:.0f} MB {lap.refusal}")
            step = lap.step + (", refused" if lap.refusal else "")
            of_process = {"memory_mb": memory_mb, "anonymous_mb": measured.anonymous_mb}
            of_row = {"step": step, "rows": rows, "run": self._description}
            self._rows[step, rows] = lap._asdict() | of_process | of_row
        table = pd.DataFrame([*self._rows.values()])
        table["exponent"] = np.nan
        for _, of_step in table.groupby("step"):
            if len(of_step) > 1 and of_step["cpu_seconds"].min() >= SHORTEST:
                fit = np.polyfit(np.log(of_step["rows"]), np.log(of_step["cpu_seconds"]), 1)
                table.loc[of_step.index, "exponent"] = round(float(fit[0]), 2)
        order = table["step"].map(list(dict.fromkeys(table["step"])).index)
        table = table.assign(order=order).sort_values(["order", "rows"])[COLUMNS]
        table[["peak_mb", "anonymous_mb"]] = table[["peak_mb", "anonymous_mb"]].round().astype("Int64")
        with atomic_write(self._output) as temporary:
            whole = table.astype({"memory_mb": "Int64"})
            whole.to_csv(temporary, index=False, float_format="%.4g", lineterminator="\n")

    def add_step(self, rows: int, step: Step) -> None:
        """Measure a step that no setting bounds.

        Raises
        ------
        InputError
            Where the step ends in a sentence.
        """
        measured = run_apart(time_step, step)
        if refusal := measured.laps[-1].refusal:
            raise InputError(f"{step.name}: {refusal}")
        self.add(rows, measured)

    def add_bounded(self, rows: int, memory_mb: int, measure: Callable[[int], Measured]) -> Measured:
        """Measure what takes `memory_mb`; where that is refused, with a little more than it asks for too."""
        measured = measure(memory_mb)
        self.add(rows, measured, memory_mb)
        if needed := re.search(r"allowed are (\d+) and more", measured.laps[-1].refusal):
            memory_mb = int(needed[1]) + ROOM
            measured = measure(memory_mb)
            self.add(rows, measured._replace(laps=measured.laps[-1:]), memory_mb)
        return measured

    def add_all_rows(self, rows: int, lap: Lap, queries: int) -> None:
        """Add what a search of all rows would take: as much a query as that of some."""
        times = rows / queries
        everything = Lap(f"{lap.step}, all rows", lap.seconds * times, lap.cpu_seconds * times, np.nan)
        self.add(rows, Measured([everything], np.nan))


def add_searches(table: Table, n: int, files: Path, queries: int, k: int, memory_mb: int) -> None:
    """Measure an index of all training rows, and indices of shards, with a search of some rows in each."""
    layers = files / "layers/train"
    asked = np.sort(np.random.default_rng(SEED).permutation(n)[:queries])
    build = {"references": layers, "metric": METRIC, "engine": "exact"}
    table.add_step(n, Step("build_index", "build_index", build | {"output": files / "index"}))
    search = partial(run_apart, time_search, "index", files / "index", layers, asked, k, "1-of-1")
    table.add_all_rows(n, table.add_bounded(n, memory_mb, search).laps[-1], queries)

    parts, highest = [], [0.0, 0.0]
    for shard in SHARDS:
        index = files / f"shards/{shard}/index"
        built = run_apart(
            time_step, Step("build_shards", "build_index", build | {"output": index, "shard": shard})
        )
        found = run_apart(time_search, "shards", index, layers, asked, k, shard, memory_mb)
        parts.append(built.laps + found.laps)
        highest = [max(pair) for pair in zip(highest, (built.anonymous_mb, found.anonymous_mb), strict=True)]
    together = []
    for laps in zip(*parts, strict=True):
        names, seconds, cpu_seconds, peaks, refusals = zip(*laps, strict=True)
        together.append(Lap(names[0], sum(seconds), sum(cpu_seconds), max(peaks), max(refusals)))
    table.add(n, Measured(together[:1], highest[0]))
    table.add(n, Measured(together[1:], highest[1]), memory_mb)
    table.add_all_rows(n, together[-1], queries)


def add_merge(table: Table, n: int, files: Path, k: int, memory_mb: int) -> None:
    """Measure the merge of what shards have found for all training rows."""
    layers = files / "layers/train"
    shards = [files / f"shards/{shard}/neighbours/train" for shard in SHARDS]
    arguments = {"shards": shards, "references": layers, "queries": layers, "output": files / "merged"}
    arguments |= {"metric": METRIC, "engine": "exact", "k": k, "exclude_self": True}

    def merge(allowed: int) -> Measured:
        step = Step("merge_neighbours", "merge_neighbours", arguments | {"memory_mb": allowed})
        return run_apart(time_step, step)

    table.add_bounded(n, memory_mb, merge)


def measure(
    *,
    folder: Path,
    output: Path,
    rows: list[int],
    queries: int = 2000,
    k: int = 50,
    memory_mb: int = 1200,
) -> None:
    """Write the table.

    folder : of what is made, up to 12 GB for a million rows; emptied before and removed afterwards
    rows : numbers of training rows, such as [125000,250000,500000,1000000]
    queries : training rows whose neighbours are sought
    memory_mb : as the configuration has it
    """
    os.environ.update(MALLOC)
    given, files = folder / "given", folder / "run"
    machine = f"{name_processor()}, {os.cpu_count()} cores, one thread"
    of_rows = f"drawn rows of {DIMENSIONS} columns, {CLASSES} classes, seed {SEED}"
    table = Table(
        output, f"{describe_today()}, {machine}, {of_rows}, k = {k}, {METRIC}, {queries} rows searched"
    )
    for n in rows:
        shutil.rmtree(folder, ignore_errors=True)
        run_apart(draw_rows, given / "train", n, 0, WRONG)
        run_apart(draw_rows, given / "held_out", n // HELD_OUT, 1, 0.0)
        for step in list_steps_to_layers(given, files):
            table.add_step(n, step)
        add_searches(table, n, files, queries, k, memory_mb)
        run_apart(draw_found, given, files, k)
        add_merge(table, n, files, k, memory_mb)
        for made in ("shards", "merged"):
            shutil.rmtree(files / made)
        for split in SPLITS:
            run_apart(draw_neighbours, given, files, split, k)
        for step in list_steps_to_page(files):
            table.add_step(n, step)
    shutil.rmtree(folder)


if __name__ == "__main__":
    run(measure)
