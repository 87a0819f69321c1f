"""Render the page of the neighbours' benchmark from its template, so that every figure comes from a table.

The template has the tables, and what is calculated of them here: searches by turns, and how times grow.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from layeraudit.cli import Input, run
from layeraudit.files import atomic_write

BY_TURNS = ("exact", "faiss_flat")
SEARCHED = ["engine", "dataset", "layer"]


def compare_by_turns(searches: pd.DataFrame) -> pd.DataFrame:
    """Tabulate each run of both engines that were measured by turns, in each layer and in all together.

    Returns
    -------
    By `dataset`, `layer` and `run`: of each engine the seconds of `search`, and of `both` search and build,
    and the worst of the other figures; and the `ratio` of the seconds, ours to theirs
    """
    pairs = searches[searches["engine"].isin(BY_TURNS)]
    pairs = pd.concat([pairs, pairs.assign(layer="together")])
    pairs["both"] = pairs["build_seconds"] + pairs["search_seconds"]

    def add(seconds: pd.Series) -> float:
        return float(seconds.sum(skipna=False))  # where a search was stopped there is no sum

    runs: Any = (
        pairs.groupby(["dataset", "layer", "run", "engine"], sort=False)
        .agg(
            search=("search_seconds", add),
            both=("both", add),
            peak_mb=("peak_mb", "max"),
            recall=("recall", "min"),
            same_order=("same_order", "min"),
        )
        .unstack("engine", sort=False)
        .dropna()
        .sort_index(level="dataset", ascending=False, sort_remaining=False, kind="stable")
    )
    for key in ("search", "both"):
        runs[key, "ratio"] = runs[key, "exact"] / runs[key, "faiss_flat"]
    return runs  # type: ignore[no-any-return]


def fit_growth(searches: pd.DataFrame, k: int) -> Iterator[dict[str, Any]]:
    """Fit the exponent b of seconds = a size^b, by rows, queries and k, with the others as they usually are.

    Yields
    ------
    `engine`, `dataset`, `layer`, `size`, the `searches` from the least size, and the exponents of `search`
    and `build`
    """
    measured = searches.dropna(subset="search_seconds")
    for names, here in measured.groupby(SEARCHED, sort=False):
        usual = {"rows": here["rows"].max(), "queries": here["queries"].max(), "k": k}
        for size in usual:
            others = pd.Series(usual).drop(size)
            along = here[(here[others.index] == others).all(axis=1)].sort_values(size)
            if len(along) > 1:
                exponents = {
                    key: np.polyfit(np.log(along[size]), np.log(along[f"{key}_seconds"]), 1)[0]
                    for key in ("search", "build")
                }
                yield dict(zip(SEARCHED, names, strict=True)) | exponents | {"size": size, "searches": along}


def number(value: float, digits: int = 0) -> str:
    """Return a number with so many decimals, and thousands apart."""
    return f"{value:,.{digits}f}"


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median and the range of some numbers, as `2.6 [2.3, 3.0]`; one alone where there is one."""
    middle, *ends = (number(value, digits) for value in (np.median(values), min(values), max(values)))
    return f"{middle} [{', '.join(ends)}]" if len(values) > 1 else middle


def render_readme(
    *, searches: Input, growth: Input, profile: Input, machine: Input, template: Input, output: Path
) -> None:
    """Write the page.

    searches : a row for each engine, layer and run
    growth : searches of other sizes
    """
    measured = pd.read_csv(searches)
    first = measured[measured["run"] == 1].sort_values(
        ["dataset", "dimensions", "engine"],
        ascending=[False, False, True],
        key=lambda values: values != BY_TURNS[0] if values.name == "engine" else values,
    )
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    environment.filters["number"] = number
    page = environment.from_string(template.read_text()).render(
        number=number,
        spread=spread,
        measured=measured,
        first=first.set_index(SEARCHED),
        runs=compare_by_turns(measured),
        growth=list(fit_growth(pd.read_csv(growth), measured["k"][0])),
        profile=pd.read_csv(profile),
        machine=machine.read_text().strip(),
    )
    with atomic_write(output) as temporary:
        temporary.write_text(page)


if __name__ == "__main__":
    run(render_readme)
