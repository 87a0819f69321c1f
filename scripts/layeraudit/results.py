"""The folder of a variant's results: what is finished stays until its successor is there."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FINISHED = ("table1.csv", "tables", "figures", "claims", "summary.md", "summary.html", "leaderboard")
"""What a reader quotes; all else in the folder leads to it."""

KEPT = "config.yaml"
"""The configuration, beside the results that it made."""


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


def list_made(folder: Path, since: float) -> list[Path]:
    """Return the finished results of a variant that were written after a time (seconds since 1970)."""
    found = [folder / name for name in FINISHED]
    files = [path for path in found if path.is_file()]
    files += [path for part in found if part.is_dir() for path in part.rglob("[!.]*") if path.is_file()]
    return sorted(path for path in files if path.stat().st_mtime >= since)
