"""The folder of a variant's results: what is finished stays until its successor is there."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FINISHED = ("table1.csv", "tables", "figures", "claims", "summary.md", "summary.html", "leaderboard")
"""What a reader quotes; all else in the folder leads to it."""

MOST_NAMED = 12
"""Finished results that a run names at its end."""


def keep_configuration(path: Path, configuration: Mapping[str, Any]) -> list[str]:
    """Write the configuration to a file, and return what changed: `neighbours.k: 75, now 50`."""
    older = yaml.safe_load(path.read_text()) if path.is_file() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{path.name}")
    temporary.write_text(yaml.safe_dump(dict(configuration), sort_keys=False))
    temporary.replace(path)
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
        and path.parent not in (folder / "claims", folder / "leaderboard")
    ][:MOST_NAMED]
    lines = [f"Made: {path}" for path in shown]
    return lines + [f"Made: {len(made)} files in all, in {folder}"] * (len(made) > len(shown))


def read_failures(run_logs: Iterable[str]) -> list[str]:
    """Return what each failed job has logged, by the run's own logs: Snakemake may be quiet about it."""
    text = "".join(Path(path).read_text(errors="replace") for path in run_logs)
    return [
        f"Failed; {path} says:\n{Path(path).read_text(errors='replace')}"
        for path in re.findall(r"> (\S+) 2>&1' returned non-zero exit status", text)
    ]
