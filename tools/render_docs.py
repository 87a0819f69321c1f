"""Render README.md and pages of docs/ from templates, so that every figure in them comes from a table.

    python tools/render_docs.py                          render every page
    python tools/render_docs.py --check                  exit with 1 where a page is not what is rendered
    python tools/render_docs.py --take results/report    first copy the tables and figures that pages show

`docs/templates/results/table1.md.j2` is the template of `docs/results/table1.md`, and
`docs/templates/README.md.j2` that of `README.md`. Templates read `docs/tables/` and show `docs/figures/`,
a committed snapshot of a run. The methods of `Helpers` are what a template can call.
"""

import argparse
import csv
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

ROOT = Path(__file__).resolve().parents[1]

Row = dict[str, str]


class RenderError(Exception):
    """What a page shows is not there; the message is one sentence for the user."""


class Results:
    """Tables and figures by name, looked up in several folders; the first that has one wins.

    Attributes
    ----------
    used : where each file that was looked up lies, by its path in the snapshot
    shown : of each table the places of the rows that were looked up, by its path
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.used: dict[Path, Path] = {}
        self.shown: dict[Path, set[int]] = {}

    def find(self, name: Path) -> Path:
        """Return where a file such as `tables/table1.csv` lies; a run has some tables one folder higher."""
        for folder in self._folders:
            for path in [folder / name] + [folder / name.name] * (name.suffix == ".csv"):
                if path.is_file():
                    self.used[name] = path
                    return path
        folders = " and ".join(map(str, self._folders))
        raise RenderError(
            f"{name} is not in {folders}; --take copies it from the folder of a run that has it"
        )


@cache
def read_table(path: Path) -> tuple[Row, ...]:
    """Read a table, all of it as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


class Helpers:
    """What a template can call.

    `keys` choose the rows of a table by the values of columns: `detector="lid", quantity="auroc"`. Where one
    row is wanted and none is there, or its cell is empty, the text `missing` is returned, if it is given.
    """

    def __init__(self, results: Results, page: Path, docs: Path) -> None:
        self._results, self._page, self._docs = results, page, docs

    def rows(self, table: str, **keys: Any) -> list[Row]:
        """Return the rows of a table that the keys choose, in its order."""
        path = self._results.find(Path(f"tables/{table}.csv"))
        found = read_table(path)
        for column in keys:
            _check_column(table, found, column)
        chosen = {
            place: row
            for place, row in enumerate(found)
            if all(row[column] == str(value) for column, value in keys.items())
        }
        self._results.shown.setdefault(path, set()).update(chosen)
        return list(chosen.values())

    def text(self, table: str, *, of: str = "value", missing: str | None = None, **keys: Any) -> str:
        """Return what stands in the column `of` of one row."""
        found = self.rows(table, **keys)
        _check_column(table, found, of)
        if len(found) == 1 and found[0][of]:
            return found[0][of]
        if missing is not None and len(found) < 2:
            return missing
        chosen = ", ".join(f"{column} {value}" for column, value in keys.items())
        fault = f"{len(found)} rows" if len(found) != 1 else f"no {of}"
        raise RenderError(f"the table {table} has {fault} for {chosen or 'no key'}, needed is one row")

    def number(self, table: str, *, of: str = "value", scale: float = 1, **keys: Any) -> float:
        """Return the number in the column `of` of one row, times `scale`, to calculate with."""
        return scale * float(self.text(table, of=of, **keys))

    def value(
        self,
        table: str,
        digits: int,
        *,
        of: str = "value",
        scale: float = 1,
        missing: str | None = None,
        **keys: Any,
    ) -> str:
        """Return a number with so many decimals, as `0.905`."""
        found = self.text(table, of=of, missing=missing, **keys)
        return found if found == missing else write_number(scale * float(found), digits)

    def figure(
        self,
        table: str,
        digits: int,
        *,
        of: str = "value",
        scale: float = 1,
        missing: str | None = None,
        **keys: Any,
    ) -> str:
        """Return a number with its 95 % interval, as `0.905 [0.899, 0.912]`; alone where it has none."""
        found = self.value(table, digits, of=of, scale=scale, missing=missing, **keys)
        if found == missing:
            return found
        ends = [
            scale * float(self.text(table, of=end, missing="nan", **keys))
            for end in ("ci95_low", "ci95_high")
        ]
        if not all(map(math.isfinite, ends)):
            return found
        return f"{found} [{', '.join(write_number(end, digits) for end in ends)}]"

    def n(self, table: str, *, of: str = "n_points", **keys: Any) -> str:
        """Return a count, as `6,000`."""
        return self.value(table, 0, of=of, **keys)

    def run(self, table: str) -> str:
        """Return which run a table is of, from its column `run`; nothing where it has none."""
        path = self._results.find(Path(f"tables/{table}.csv"))
        firsts: dict[str, int] = {}
        for place, row in enumerate(read_table(path)):
            firsts.setdefault(row.get("run", ""), place)
        firsts.pop("", None)
        self._results.shown.setdefault(path, set()).update(firsts.values())
        return "; ".join(firsts)

    def markdown_table(
        self,
        table: str,
        digits: int,
        head: str,
        rows: Mapping[str, Mapping[str, Any]],
        columns: Mapping[str, Mapping[str, Any]],
        **keys: Any,
    ) -> str:
        """Return a Markdown table of figures.

        Parameters
        ----------
        head : above the names of the rows
        rows, columns : by name, the arguments of `figure` that choose them; a column's come last
        keys : arguments of `figure` for all of them
        """
        lines = [[head, *columns], ["---"] * (1 + len(columns))]
        for name, row in rows.items():
            arguments = ({"digits": digits} | keys | {**row} | {**column} for column in columns.values())
            lines.append([name, *(self.figure(table, **argument) for argument in arguments)])
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def picture(self, name: str, text: str) -> str:
        """Return the image of a figure of the run, and its text for those who do not see it."""
        figure = Path(f"figures/{name}.png")
        self._results.find(figure)
        return f"![{text}]({os.path.relpath(self._docs / figure, self._page.parent)})"


def _check_column(table: str, rows: Iterable[Row], column: str) -> None:
    for row in rows:
        if column not in row:
            raise RenderError(f"the table {table} has no column {column}, it has {', '.join(row)}")


def write_number(number: float, digits: int) -> str:
    """Return a number with so many decimals, thousands apart, and zero without a sign."""
    return f"{round(number, digits) + 0:,.{digits}f}"


def render(root: Path, run: Path | None = None) -> tuple[dict[Path, str], Results]:
    """Render every template of a repository.

    Parameters
    ----------
    run : folder of a run whose tables and figures come before those of the snapshot

    Returns
    -------
    - The text of each page, by its path
    - what was looked up for them

    Raises
    ------
    RenderError
        Where a template is faulty, or what it shows is not there.
    """
    docs = root / "docs"
    templates = docs / "templates"
    results = Results([docs] if run is None else [run, docs])
    environment = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages = {}
    for path in sorted(templates.rglob("*.md.j2")):
        name = path.relative_to(templates)
        page = (root if name.stem == "README.md" and len(name.parts) == 1 else docs) / name.with_suffix("")
        helpers = Helpers(results, page, docs)
        shown = {key: getattr(helpers, key) for key in dir(Helpers) if not key.startswith("_")}
        try:
            text = environment.get_template(name.as_posix()).render(shown)
        except (RenderError, TemplateError, TypeError, ValueError) as error:
            raise RenderError(f"{path.relative_to(root)} cannot be rendered: {error}") from error
        pages[page] = f"<!-- Rendered from {path.relative_to(root).as_posix()}; edit that. -->\n{text}"
    return pages, results


def take(results: Results, docs: Path) -> None:
    """Copy the rows and figures that pages show into the snapshot; a table names its run once."""
    for name, path in results.used.items():
        target = docs / name
        if path == target:
            print(f"{name} stays: the run does not have it")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix != ".csv":
            shutil.copyfile(path, target)
            continue
        rows, run = read_table(path), ""
        with target.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, rows[0] if rows else [], lineterminator="\n")
            table.writeheader()
            for place in sorted(results.shown.get(path, ())):
                repeated = "run" in rows[place] and rows[place]["run"] == run
                run = rows[place].get("run", "")
                table.writerow(rows[place] | {"run": ""} if repeated else rows[place])


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Render the pages of a repository, or check them; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="write nothing")
    choice.add_argument("--take", type=Path, metavar="FOLDER", help="of a variant's results")
    options = parser.parse_args(arguments)
    try:
        pages, results = render(root, options.take)
    except RenderError as error:
        print(error, file=sys.stderr)
        return 2
    if options.take:
        take(results, root / "docs")
    differing = [
        page for page, text in pages.items() if not page.is_file() or page.read_text(encoding="utf-8") != text
    ]
    for page in differing:
        print(page.relative_to(root), "differs from its template" if options.check else "rendered")
        if not options.check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(pages[page], encoding="utf-8")
    return 1 if options.check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
