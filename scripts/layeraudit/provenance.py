"""Provenance: which run a table, a figure or a page is of, in words that its reader sees.

Settings come from the configuration and travel with the data: a table has them in its column `run`, and what
is drawn from the table takes them from there. Commit and machine are those of the program that writes.
"""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # Snakemake imports this module where there is no pandas
    import pandas as pd

COMMIT = "LAYERAUDIT_COMMIT"
"""Environment variable that holds the commit of the code; a rule's environment may have no git."""

SMALL = "SMALL RUN"
"""Opens the description of a run on fewer images, epochs or seeds than the default configuration has."""


BANNER = f"{SMALL}: no result"


def is_small(runs: Iterable[str]) -> bool:
    """Return whether one of the runs is small."""
    return any(run.startswith(SMALL) for run in runs)


def describe_run(
    variant: str,
    experiments: Mapping[str, Mapping[str, Any]],
    neighbours: Mapping[str, Any],
    default: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the settings of a run in one line: variant, data, network, k, epochs and seeds.

    Parameters
    ----------
    experiments : those that the result is of, each with the keys of `layeraudit.experiments.Experiment`
    neighbours : `k` and `metric`
    default : the experiments of the default configuration, with which a small run is compared
    """
    settings = dict.fromkeys(_describe(experiment) for experiment in experiments.values())
    names = (variant, f"k {neighbours['k']} ({neighbours['metric']})", *settings)
    small = any(_is_smaller(of, default[name]) for name, of in experiments.items() if name in default)
    return (f"{SMALL}: " if small else "") + "variant " + "; ".join(names)


def _describe(experiment: Mapping[str, Any]) -> str:
    classes = experiment["classes"]
    of = f" classes {', '.join(map(str, classes))}," if classes else ""
    return (
        f"{experiment['dataset']},{of} {experiment['train']} training images"
        f"{_describe_poison(experiment)}, {experiment['network_name']}, "
        f"{experiment['epochs']} epochs of {experiment['batch_size']}, "
        f"seeds {_join_seeds(experiment['seeds'])}"
    )


def _describe_poison(experiment: Mapping[str, Any]) -> str:
    """Return the poison, unless it is a bench's, which tables name in a column of its own."""
    if experiment["bench"] or not experiment["poison"]:
        return ""
    points = experiment["poison_settings"].get("points")
    return f" + poison {experiment['poison']}" + (f" (points {points})" if points else "")


def _join_seeds(seeds: Sequence[int]) -> str:
    consecutive = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{seeds[0]} to {seeds[-1]}" if consecutive else ", ".join(map(str, seeds))


def _is_smaller(experiment: Mapping[str, Any], default: Mapping[str, Any]) -> bool:
    inputs, default_inputs = experiment.get("inputs", {}), default.get("inputs", {})
    return (
        any(experiment[key] < default[key] for key in ("train", "test", "epochs"))
        or len(experiment["seeds"]) < len(default["seeds"])
        or any(
            inputs[name]["images"] < default_inputs[name]["images"]
            for name in inputs
            if name in default_inputs
        )
    )


def describe_commit(repository: Path) -> str:
    """Return the commit of a repository, as `commit 5e6eab4 (2026-11-29)`; "" outside of git."""
    shown = []
    for words in (
        ["rev-parse", "--show-toplevel"],
        ["show", "--no-patch", "--format=%h (%cs)", "HEAD"],
        ["status", "--porcelain", "--untracked-files=no"],
    ):
        try:
            command = ["git", "-C", str(repository), *words]
            shown.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
        except (OSError, subprocess.CalledProcessError):
            return ""
    top, commit, changed = shown
    if not Path(top).samefile(repository):  # an archive within another repository
        return ""
    return f"commit {commit}" + (" with changes" if changed else "")


def name_commit() -> str:
    """Return the commit of the code that runs, as `describe_commit` writes it."""
    return os.environ.get(COMMIT) or "no commit"


def describe_machine() -> str:
    """Return the commit of the code and the machine, as `commit 5e6eab4 (2026-11-29), AMD EPYC, 2 cores`."""
    return f"{name_commit()}, {name_processor()}, {os.cpu_count()} cores"


def name_processor() -> str:
    """Return the name of the processor."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def describe_result(run: str) -> str:
    """Return what a result names: the settings of its run, the commit and the machine."""
    return f"{run}; {describe_machine()}"


def label(table: "pd.DataFrame", run: str) -> "pd.DataFrame":
    """Return a table with `describe_result` in its last column, `run`."""
    return table.assign(run=describe_result(run))


def list_runs(tables: Iterable["pd.DataFrame"]) -> list[str]:
    """Return the different runs that tables are of, from their columns `run`, in order."""
    return list(dict.fromkeys(run for table in tables if "run" in table for run in table["run"].dropna()))


def describe_today() -> str:
    """Return the date in UTC, as `2026-11-29`."""
    return datetime.now(UTC).date().isoformat()
