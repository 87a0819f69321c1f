"""Tabulate the names of detectors, poisons, inputs and settings, as figures and pages print them.

Writes the table of `layeraudit.titles.list_names`.
"""

from typing import Any

from layeraudit.cli import Output, run
from layeraudit.tables import write_table
from layeraudit.titles import list_names


def tabulate_names(
    *,
    table: Output,
    detectors: dict[str, Any],
    poisons: dict[str, Any],
    benches: dict[str, Any],
    layers: list[str],
) -> None:
    """Write what all that the configuration names is called."""
    write_table(table, list_names(detectors, poisons, benches, layers))


if __name__ == "__main__":
    run(tabulate_names)
