"""The folder of a variant's results: what is finished stays until its successor is there."""

import filecmp
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FINISHED = ("table1.csv", "tables", "figures", "claims", "summary.md", "summary.html", "leaderboard")
"""What a reader quotes; all else in the folder leads to it."""

KEPT = "config.yaml"
"""The configuration, beside the results that it made."""

REPLACED = "replaced"
"""Holds, by the time of the run that made them again, finished results that differ from their successors."""


def keep_configuration(folder: Path, configuration: Mapping[str, Any]) -> list[str]:
    """Write the configuration beside its results, and return what changed: `neighbours.k: 75, now 50`."""
    path = folder / KEPT
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


def set_aside(outputs: Iterable[Path], folder: Path, aside: Path) -> None:
    """Remove outputs that are to be made again; finished results among them are moved to `aside` instead."""
    for output in outputs:
        inside = output.relative_to(folder) if output.is_relative_to(folder) else None
        if inside and inside.parts[0] in FINISHED and output.exists():
            (aside / inside).parent.mkdir(parents=True, exist_ok=True)
            output.rename(aside / inside)
        elif output.is_dir() and not output.is_symlink():
            shutil.rmtree(output)
        else:
            output.unlink(missing_ok=True)


def drop_equal(aside: Path, folder: Path) -> list[Path]:
    """Remove what lies aside and equals its successor; return the files that are left."""
    files = [path for path in aside.rglob("*") if path.is_file()]
    for path in files:
        successor = folder / path.relative_to(aside)
        if successor.is_file() and filecmp.cmp(path, successor, shallow=False):
            path.unlink()
    left = [path for path in files if path.exists()]
    if not left:
        shutil.rmtree(aside, ignore_errors=True)
        if aside.parent.is_dir() and not any(aside.parent.iterdir()):
            aside.parent.rmdir()
    return sorted(left)


def list_made(folder: Path, since: float) -> list[Path]:
    """Return the finished results of a variant that were written after a time (seconds since 1970)."""
    found = [folder / name for name in FINISHED]
    files = [path for path in found if path.is_file()]
    files += [path for part in found if part.is_dir() for path in part.rglob("[!.]*") if path.is_file()]
    return sorted(path for path in files if path.stat().st_mtime >= since)
