"""Pages that need nothing else: templates, a style and a script, filled with plain values.

What pages have in common lies in this folder, and the template of a page beside the module that fills it.
Templates escape whatever they print. Without JavaScript a page shows the same tables, in the order in which
they were written, and no control that would do nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

UNITS = {60.0: "min", 1.0: "s", 1e-3: "ms", 1e-6: "µs"}

FOLDER = Path(__file__).parent

_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Dot:
    """A figure and its interval, as a picture shows them; hollow, so that two are told apart."""

    value: float
    low: float
    high: float
    hollow: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text, detail : what it shows, and less loudly beside it
    value : what it is sorted by; last where it is empty
    note : shown below on narrow screens alone
    mark : a word that stands out
    href : where it leads
    share : length of the bar behind it, in [0, 1]
    dots : drawn in its place, with their numbers beside it for those who hear the page
    """

    text: str
    value: str = ""
    detail: str = ""
    note: str = ""
    mark: str = ""
    href: str = ""
    share: float | None = None
    strong: bool = False
    dots: Sequence[Dot] = ()


@dataclass(frozen=True)
class Column:
    """A column: its title, what it holds, its first sort order, and whether narrow screens show it."""

    title: str
    kind: Literal["number", "text", "text letters", "picture"] = "number"
    order: Literal["ascending", "descending"] = "descending"
    narrow: bool = True


@dataclass(frozen=True)
class Row:
    """A row: its cells, of which the first names it, and the names that filters look for."""

    cells: Sequence[Cell]
    names: Mapping[str, str] = field(default_factory=dict)
    is_control: bool = False


@dataclass(frozen=True)
class Table:
    """A table that the reader sorts and filters; controls stay last however it is sorted.

    Attributes
    ----------
    name : its id in the page
    caption : what it holds, for those who hear the page
    lowest : where the axis of its pictures begins; it ends at 1
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    lowest: float = 0.0

    @property
    def parts(self) -> list[list[Row]]:
        """The rows of detectors, then those of controls."""
        return [[row for row in self.rows if row.is_control == controls] for controls in (False, True)]

    @property
    def keys(self) -> list[str]:
        """The names that its rows have for filters."""
        return sorted({key for row in self.rows for key in row.names})


def render(template: Path, **values: Any) -> str:
    """Return a page: a template, which may use those of this folder, filled with values."""
    templates = _templates.overlay(loader=FileSystemLoader([template.parent, FOLDER]))
    return templates.get_template(template.name).render(values)


def number(value: float, text: str, **more: Any) -> Cell:
    """Return the cell of a number that shows as `text`; a dash where it is NaN."""
    if math.isnan(value):
        return Cell(MISSING)
    return Cell(text.replace("-", MINUS), f"{value:.9g}", **more)


def figure(value: float, low: float, high: float, *, has_bar: bool = False, **more: Any) -> Cell:
    """Return the cell of a figure with three digits and, where it has one, its interval.

    Parameters
    ----------
    has_bar : whether a bar behind the figure is as long as its share of 1
    """
    share = min(max(value, 0.0), 1.0) if has_bar and not math.isnan(value) else None
    detail = "" if math.isnan(low) else f"[{low:.3f}, {high:.3f}]".replace("-", MINUS)
    return number(value, f"{value:.3f}", detail=detail, share=share, **more)


def duration(seconds: float) -> str:
    """Return a duration in the largest unit that it fills, two digits: `25 µs`, `3.1 s`, `140 ms`."""
    if math.isnan(seconds):
        return MISSING
    unit = next((unit for unit in UNITS if seconds >= 0.9995 * unit), min(UNITS))
    scaled = seconds / unit
    return f"{scaled:.2g} {UNITS[unit]}" if scaled < 99.5 else f"{scaled:.0f} {UNITS[unit]}"


def follow_page(figure: str) -> str:
    """Return the SVG of a figure with a style by which it turns dark where its reader's page is dark."""
    style = _templates.get_template("dark.css").render()
    return figure.replace("</svg>", f"<style>{style}</style></svg>", 1)
