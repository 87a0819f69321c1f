"""The folder of a variant's results: what is finished stays until its successor is there."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FINISHED = ("table1.csv", "tables", "figures", "measures", "summary.md", "summary.html", "leaderboard")
"""What a reader quotes; all else in the folder leads to it."""

FAILURES = "failures.json"
"""How often each job has failed."""

MOST_NAMED = 12
"""Finished results that a run names at its end."""


def keep_configuration(path: Path, configuration: Mapping[str, Any]) -> list[str]:
    """Write the configuration to a file, and return what changed: `neighbours.k: 75, now 50`."""
    older = yaml.safe_load(path.read_text()) if path.is_file() else None
    _write_text(path, yaml.safe_dump(dict(configuration), sort_keys=False))
    return [] if older is None else list_changes(older, configuration)


def list_changes(older: Mapping[str, Any], newer: Mapping[str, Any], within: str = "") -> list[str]:
    """Return the values of keys in both configurations that differ, a line each."""
    changes = []
    for key in older.keys() & newer.keys():
        before, now, name = older[key], newer[key], f"{within}{key}"
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            changes += list_changes(before, now, f"{name}.")
        elif before != now:
            changes.append(f"{name}: {before}, now {now}")
    return sorted(changes)


def list_made(folder: Path, since: float) -> list[Path]:
    """Return the finished results of a variant that were written after a time (seconds since 1970)."""
    found = [folder / name for name in FINISHED]
    files = [path for path in found if path.is_file()]
    files += [path for part in found if part.is_dir() for path in part.rglob("[!.]*") if path.is_file()]
    return sorted(path for path in files if path.stat().st_mtime >= since)


def name_made(folder: Path, published: Iterable[Path], since: float) -> list[str]:
    """Return lines that name the finished results of a variant, published ones first, made after a time."""
    made = [path for path in published if path.exists() and path.stat().st_mtime >= since]
    made += list_made(folder, since)
    shown = [
        path
        for path in made
        if path.suffix in {".csv", ".html", ".md", ""}
        and path.parent not in (folder / "measures", folder / "leaderboard")
    ][:MOST_NAMED]
    lines = [f"Made: {path}" for path in shown]
    return lines + [f"Made: {len(made)} files in all, in {folder}"] * (len(made) > len(shown))


def read_failures(run_logs: Iterable[str]) -> list[str]:
    """Return what each failed job has logged, by the run's own logs: Snakemake may be quiet about it."""
    text = _read_logs(run_logs)
    return [
        f"Failed; {path} says:\n{Path(path).read_text(errors='replace')}"
        for path in re.findall(r"> (\S+) 2>&1' returned non-zero exit status", text)
    ]


def name_job(program: str, experiment: str = "", seed: str = "") -> str:
    """Return the name under which the failures of a job are counted."""
    return "/".join([program, experiment, f"seed{seed}" if seed else ""]).rstrip("/")


def read_counts(folder: Path) -> dict[str, int]:
    """Return how often each job of a variant has failed, by `name_job`."""
    path = folder / FAILURES
    try:
        counts: dict[str, int] = json.loads(path.read_text())
    except (OSError, ValueError):
        counts = {}
    return counts


def count_failures(folder: Path, experiments: Collection[str], run_logs: Iterable[str]) -> None:
    """Count the failed jobs of a run, by its own logs, so that the next run plans them, and what follows.

    Snakemake notes the settings of a failed job as those of its outputs. Where results that follow from it
    are there of an earlier run, the next run would call them up to date. Every step has this count among its
    settings, and so differs from what was noted.
    """
    counts = read_counts(folder)
    text = _read_logs(run_logs)
    for job in re.findall(r"^Error in rule .*:\n((?:    .*\n)+)", text, re.MULTILINE):
        program = re.search(r"python scripts/(\S+)\.py ", job)
        place = re.search(rf"^    output: {re.escape(str(folder))}/(\w+)/(?:seed(\d+)/)?", job, re.MULTILINE)
        of_run = [part or "" for part in place.groups()] if place and place[1] in experiments else []
        if program:
            name = name_job(program[1], *of_run)
            counts[name] = counts.get(name, 0) + 1
    if counts:
        _write_text(folder / FAILURES, json.dumps(counts, indent=2) + "\n")


def _write_text(path: Path, text: str) -> None:
    """Write a file whole; `layeraudit.files` cannot be imported where there is no NumPy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{path.name}")
    temporary.write_text(text)
    temporary.replace(path)


def _read_logs(paths: Iterable[str]) -> str:
    return "".join(Path(path).read_text(errors="replace") for path in paths)
