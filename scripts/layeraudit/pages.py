"""Pages that need nothing else: the reader sorts and filters their tables, light or dark as the browser is.

Every function takes plain text and gives HTML in which it is escaped. Without JavaScript a page shows the
same tables, in the order in which they were written, and no control that would do nothing.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from layeraudit.tables.summary import with_interval

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

MANY = 40
"""Rows above which a table scrolls by itself."""


@dataclass(frozen=True)
class Column:
    """A column: its title, whether it holds numbers, and in which order the first press of its header sorts.

    A column with `order` None holds pictures and is not sorted.
    """

    title: str
    numbers: bool = True
    order: str | None = "descending"


@dataclass(frozen=True)
class Row:
    """A row: the HTML of its cells, the names that filters look for, and whether it is a control."""

    cells: Sequence[str]
    names: Mapping[str, str] = field(default_factory=dict)
    is_control: bool = False


def in_words(name: str) -> str:
    """Write a name as it is read."""
    return name.replace("_", " ")


def write_name(name: str, link: str | None = None) -> str:
    """Write the cell that names its row, with a link to a file where there is one."""
    text = escape(in_words(name))
    if link is not None:
        text = f'<a href="{escape(quote(link))}">{text}</a>'
    return f'<th scope="row" data-value="{escape(name)}">{text}</th>'


def write_text(text: str, shown: str | None = None, *, kind: str = "text") -> str:
    """Write a cell of text that is sorted by `text`, and shows `shown` where it is another."""
    shown = in_words(text) if shown is None else shown
    return f'<td class="{kind}" data-value="{escape(text)}">{escape(shown)}</td>'


def write_number(value: float, text: str, *, is_strong: bool = False) -> str:
    """Write a number that shows as `text`, and as a dash where it is NaN."""
    if math.isnan(value):
        return f'<td data-value="">{MISSING}</td>'
    text = escape(text.replace("-", MINUS))
    return f'<td data-value="{value:.9g}">{f"<b>{text}</b>" if is_strong else text}</td>'


def write_figure(value: float, low: float, high: float, *, has_bar: bool = False) -> str:
    """Write a figure with three digits and its interval, where it has one, as `0.973 [0.951, 0.990]`.

    Parameters
    ----------
    has_bar : whether a bar behind the figure is as long as its share of 1
    """
    text = f"{value:.3f}" if math.isnan(low) else with_interval(value, low, high, digits=3)
    figure, _, interval = text.partition(" ")
    return write_spread(value, figure, interval, has_bar=has_bar)


def write_spread(value: float, text: str, spread: str, *, has_bar: bool = False) -> str:
    """Write a number that shows as `text`, and less loudly what it spreads over; a dash where it is NaN."""
    if math.isnan(value):
        return write_number(value, "")
    text, spread = (part.replace("-", MINUS) for part in (text, spread))
    bar = f' class="bar" style="--share:{min(max(value, 0), 1):.3f}"' if has_bar else ""
    spread = f' <span class="interval">{escape(spread)}</span>' if spread else ""
    return f'<td data-value="{value:.9g}"{bar}>{escape(text)}{spread}</td>'


def with_three_digits(value: float) -> str:
    """Write a number with three significant digits and no exponent, as `0.00123`, `12.3` or `1,230`."""
    if math.isnan(value):
        return MISSING
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def draw_interval(value: float, low: float, high: float, *, lowest: float, middle: float) -> str:
    """Draw a figure and its interval from `lowest` to 1, with a line at `middle`, as a cell.

    The numbers stand beside it, so that those who hear the page miss nothing.
    """
    if math.isnan(value):
        return "<td></td>"

    def across(at: float) -> str:
        return f"{6 + 188 * (min(max(at, lowest), 1) - lowest) / (1 - lowest):.1f}"

    whisker = "" if math.isnan(low) else f'<path class="whisker" d="M{across(low)} 9H{across(high)}"/>'
    return (
        '<td class="drawn"><svg width="200" height="18" aria-hidden="true">'
        f'<path class="axis" d="M6 9H194M{across(middle)} 2V16"/>{whisker}'
        f'<path class="mark" d="M{across(value)} 3V15"/></svg></td>'
    )


def write_sortable(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    filters: Iterable[str] = (),
    is_dense: bool = False,
) -> str:
    """Write a table that scrolls inside its box, and a select box for each name that filters it.

    Parameters
    ----------
    name : its id in the page
    caption : what it holds, for those who hear the page
    filters : keys of `Row.names`
    is_dense : whether an interval stands below its figure
    """
    head = "".join(map(_write_header, columns))
    body = "\n".join(map(_write_row, rows))
    box = "box long" if len(rows) > MANY else "box"
    return (
        f"{_write_filters(name, rows, list(filters))}"
        f'<div class="{box}" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table id="{escape(name)}"{" class=dense" if is_dense else ""}>'
        f"<caption>{escape(caption)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>\n"
    )


def _write_header(column: Column) -> str:
    kind = "" if column.numbers else ' class="text"'
    order = "" if column.order is None else f' data-order="{column.order}"'
    return f'<th scope="col"{kind}{order}>{escape(column.title)}</th>'


def _write_row(row: Row) -> str:
    names = "".join(f' data-{key}="{escape(name)}"' for key, name in row.names.items())
    return f"<tr{names}{' class=control' if row.is_control else ''}>{''.join(row.cells)}</tr>"


def _write_filters(name: str, rows: Sequence[Row], filters: Sequence[str]) -> str:
    if not filters:
        return ""
    boxes = []
    for key in filters:
        options = "".join(
            f'<option value="{escape(found)}">{escape(in_words(found))}</option>'
            for found in sorted({row.names[key] for row in rows}, key=_as_read)
        )
        boxes.append(
            f'<label>{escape(key)} <select name="{key}">'
            f'<option value="">all</option>{options}</select></label>'
        )
    return (
        f'<form hidden data-table="{escape(name)}">{"".join(boxes)}'
        '<button type="reset">Show all</button> <output></output></form>\n'
    )


def _as_read(name: str) -> list[tuple[str, int]]:
    """Sort names as a reader would, `badnets_5` before `badnets_10`."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def show_figure(file: str, description: str, caption: str) -> str:
    """Show a picture with its caption; a press opens it alone, at its own size."""
    link = escape(quote(file))
    return (
        f'<figure><div class="box picture" tabindex="0" role="region" aria-label="{escape(description)}">'
        f'<a href="{link}"><img src="{link}" alt="{escape(description)}"></a></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def frame_page(title: str, body: str) -> str:
    """Frame the HTML of a body as a page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fff; --raised: #f5f6f8; --ink: #1b1f24; --quiet: #59636e; --line: #d5dae0;
  --accent: #1f5fa8; --bar: #d6e6f7; --hover: #eef3f9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --raised: #1d2127; --ink: #e6e9ed; --quiet: #a2adb9; --line: #353c45;
    --accent: #7db4f0; --bar: #21405f; --hover: #232932;
  }
}
* { box-sizing: border-box }
[hidden] { display: none !important }
html { scroll-padding-top: 3.5rem; -webkit-text-size-adjust: 100% }
body {
  margin: 0 auto; padding: 0 1.25rem 4rem; max-width: 84rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 {
  margin: 2.2rem 0 .6rem; font-size: 2.1rem; line-height: 1.15; letter-spacing: -.02em; text-wrap: balance;
}
h2 { margin: 3.2rem 0 .6rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.5rem }
main > h2:first-child { margin-top: 1rem; border-top: 0 }
h3 { margin: 2rem 0 .5rem; font-size: 1.1rem }
p { max-width: 46rem }
p { margin: .5rem 0 .9rem }
p.lead { max-width: 56rem; font-size: 1.1rem }
p.source, figcaption { color: var(--quiet); font-size: .875rem }
a { color: var(--accent); text-underline-offset: .15em; text-decoration-thickness: 1px }
nav {
  position: sticky; top: 0; z-index: 4; display: flex; gap: .1rem 1.2rem;
  overflow-x: auto; scrollbar-width: none;
  margin: 0 -1.25rem; padding: .6rem 1.25rem; background: var(--paper); border-bottom: 1px solid var(--line);
}
nav a { white-space: nowrap; text-decoration: none; font-size: .9375rem }
nav a:hover { text-decoration: underline }
dl.facts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.4rem 0 }
dl.facts div {
  display: flex; flex-direction: column-reverse; flex: 1 1 7rem; padding: .7rem 1rem;
  background: var(--raised); border: 1px solid var(--line); border-radius: .6rem;
}
dl.facts dt { color: var(--quiet); font-size: .875rem; line-height: 1.3 }
dl.facts dd { margin: 0; font-size: 1.7rem; font-weight: 600; line-height: 1.25 }
ul.reading { columns: 2 24rem; column-gap: 3rem; padding-left: 1.2rem; margin: .5rem 0 1.5rem }
ul.reading li { margin: 0 0 .45rem; break-inside: avoid }
form {
  display: flex; flex-wrap: wrap; align-items: end; gap: .6rem .9rem; margin: .9rem 0 .7rem;
  font-size: .875rem;
}
label { display: grid; gap: .15rem; color: var(--quiet) }
select, button[type=reset] {
  min-height: 2.3rem; padding: .25rem .6rem; font: inherit; color: var(--ink); background: var(--raised);
  border: 1px solid var(--line); border-radius: .4rem; max-width: 100%;
}
select { min-width: 9.5rem }
button { cursor: pointer }
output { padding: .45rem 0; color: var(--quiet); font-variant-numeric: tabular-nums }
.long { max-height: min(85vh, 54rem) }
.box { overflow: auto; border: 1px solid var(--line); border-radius: .6rem }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .875rem; line-height: 1.25rem }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
th, td {
  padding: .375rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap;
  font-weight: 400; font-variant-numeric: tabular-nums;
}
tbody tr:last-child > * { border-bottom: 0 }
.text, th[scope=row], th:first-child { text-align: left }
thead th {
  position: sticky; top: 0; z-index: 2; vertical-align: bottom; white-space: normal; min-width: 4rem;
  background: var(--raised); font-weight: 600; line-height: 1.125rem;
}
th:first-child {
  position: sticky; left: 0; z-index: 1; background: var(--paper); border-right: 1px solid var(--line);
}
thead th:first-child { z-index: 3; background: var(--raised) }
thead button {
  all: unset; display: inline-flex; align-items: end; justify-content: end; gap: .3em; width: 100%;
  box-sizing: border-box; border-radius: .2rem; cursor: pointer;
}
thead .text button, thead th:first-child button { justify-content: start }
thead button:hover { color: var(--accent) }
thead button:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px }
thead button::after { content: "↕"; color: var(--quiet); font-weight: 400; opacity: .6 }
[aria-sort=ascending] button::after { content: "↑"; color: var(--accent); opacity: 1 }
[aria-sort=descending] button::after { content: "↓"; color: var(--accent); opacity: 1 }
tbody tr:hover > * { background-color: var(--hover) }
tr.control > * { font-style: italic; color: var(--quiet) }
.interval { color: var(--quiet); font-size: .8125rem }
.dense th, .dense td { padding-inline: .5rem }
.dense th:first-child { min-width: 9rem; white-space: normal }
.dense .interval { display: block; font-size: .75rem; line-height: 1rem }
.bar { background-image: linear-gradient(to right, var(--bar) calc(100% * var(--share)), transparent 0) }
.letters { white-space: pre; font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace }
.drawn { padding-block: 0; width: 14rem }
svg { display: block; fill: none; margin-left: auto }
svg .axis { stroke: var(--line) }
svg .whisker { stroke: var(--accent); stroke-width: 8; opacity: .4 }
svg .mark { stroke: var(--accent); stroke-width: 2 }
.control svg .mark, .control svg .whisker { stroke: var(--quiet) }
figure { margin: 1.5rem 0 }
.picture { width: fit-content; max-width: 100%; background: #fff; padding: .75rem }
.picture img { display: block; max-width: 100%; height: auto; margin: 0 auto }
figcaption { margin-top: .5rem; max-width: 46rem }
@media (max-width: 40rem) {
  body { padding-inline: 1rem }
  nav { margin-inline: -1rem; padding-inline: 1rem }
  h1 { font-size: 1.65rem }
  label { flex: 1 1 8rem }
  select { width: 100%; min-width: 0 }
  dl.facts div { flex-basis: 6.2rem; padding: .5rem .75rem }
  th:first-child { min-width: 8.5rem; white-space: normal; overflow-wrap: break-word }
  .picture img { max-width: none; width: max(100%, 44rem) }
}
@media print { .box { max-height: none; overflow: visible } nav, form { display: none } }
"""

SCRIPT = """
"use strict";
const opposite = { ascending: "descending", descending: "ascending" };

function sort(header) {
  const body = header.closest("table").tBodies[0];
  const order = opposite[header.getAttribute("aria-sort")] ?? header.dataset.order;
  const sign = order === "ascending" ? 1 : -1;
  const isText = header.classList.contains("text");
  const keyed = [...body.rows].map((row) => [row.cells[header.cellIndex].dataset.value, row]);
  keyed.sort(([one], [other]) => {
    if (one === "" || other === "") return (one === "") - (other === "");  // what is missing stays last
    return sign * (isText ? one.localeCompare(other, "en", { numeric: true }) : one - other);
  });
  for (const cell of header.parentNode.cells) cell.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  body.append(...keyed.map(([, row]) => row));
}

for (const header of document.querySelectorAll("th[data-order]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header));
  header.append(button);
}

for (const form of document.querySelectorAll("form[data-table]")) {
  const rows = [...document.getElementById(form.dataset.table).tBodies[0].rows];
  const show = () => {
    const chosen = [...form.querySelectorAll("select")].filter((box) => box.value !== "");
    for (const row of rows) row.hidden = !chosen.every((box) => row.dataset[box.name] === box.value);
    const shown = rows.filter((row) => !row.hidden).length;
    form.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
  };
  form.addEventListener("change", show);
  form.addEventListener("reset", () => setTimeout(show));  // the boxes are set back after this event
  form.hidden = false;
  show();
}
"""
