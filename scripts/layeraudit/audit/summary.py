"""The summary of an audit for machines, `audit.json`, as it is read without any other library."""

import json
from pathlib import Path
from typing import Any

from layeraudit.errors import InputError

FORMAT = 1
"""Another where a key changes its meaning."""


def read_summary(path: Path) -> dict[str, Any]:
    """Read a summary.

    Raises
    ------
    InputError
        Where it is missing, or is none of this format.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except ValueError:
        summary = None
    if not isinstance(summary, dict) or summary.get("format") != FORMAT:
        raise InputError(f"{path} is not the audit.json of an audit, allowed is one of the format {FORMAT}")
    return summary


def describe_flagged(summary: dict[str, Any]) -> str:
    """Return how many training rows are flagged, and why, in words."""
    counts = summary["counts"]
    return (
        f"{counts['flagged']} of {counts['training_rows']} training rows of the audit {summary['name']} are "
        f"flagged, {counts['label_errors_flagged']} with a wrong label and {counts['outliers_flagged']} as "
        "unlike anything"
    )
