"""The results on one page: claims, and the tables of each experiment that are short enough to read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from layeraudit.pages import render
from layeraudit.provenance import BANNER, describe_today, is_small
from layeraudit.report.claims import CANNOT_TELL
from layeraudit.statistics import SIGNIFICANCE_LEVEL

TITLE = "Layeraudit: claims, and the tables of each experiment"

VERDICTS = (
    "The first claims are the primary ones, named before the run. Each has a verdict where a p-value, for it "
    f"or against it, is below {SIGNIFICANCE_LEVEL:g} after Holm's correction for all of them, and else "
    f'"{CANNOT_TELL}". Of all other claims the interval stands alone.'
)

INTERVALS = "Means over seeds, with Student's t interval over them, 95 %; reported figures in brackets."

ACCURACY = {
    "network right": {"quantity": "dnn_accuracy"},
    "DkNN right": {"quantity": "dknn_accuracy"},
    "mean credibility": {"quantity": "mean_credibility"},
    "median": {"quantity": "median_credibility"},
}

TABLES = {
    "table1": "Table 1, trained as in the report",
    "table1_memorised": "Table 1, poison memorised",
    "table1_quarter": "Table 1, a quarter of poison",
    "table1_quarter_flips": "Table 1, a quarter of flipped labels",
    "experiment_1": "Experiment 1, a network of clean images",
    "experiment_2_1": "Experiment 2.1, poison in training",
    "experiment_2_1_detector": "Experiment 2.1, detectors of poison",
    "dknn_mnist": "Deep k-nearest neighbours on MNIST",
    "adaptive": "An attack that knows DkNN",
}
"""Title of each table that the page shows, in their order."""

LAYOUTS: dict[str, tuple[list[str], Mapping[str, Mapping[str, str]]]] = {
    "experiment_1": (["points", "group"], ACCURACY),
    "experiment_2_1": (["evaluated", "group"], ACCURACY),
    "experiment_2_1_detector": (
        ["evaluated", "among", "score"],
        {
            "AUROC": {"quantity": "auroc"},
            "average precision": {"quantity": "average_precision"},
            "base rate": {"quantity": "base_rate"},
        },
    ),
    "dknn_mnist": (
        ["input"],
        {
            "network right": {"quantity": "dnn_accuracy"},
            "DkNN right": {"quantity": "dknn_accuracy"},
            "softmax confidence": {"quantity": "softmax_confidence"},
            "credibility, paper": {"quantity": "credibility", "mode": "paper"},
            "credibility, cleverhans": {"quantity": "credibility", "mode": "cleverhans"},
        },
    ),
    "adaptive": (
        ["attack", "layer", "norm", "radius"],
        {
            "DkNN right": {"quantity": "dknn_accuracy"},
            "network right": {"quantity": "dnn_accuracy"},
            "credibility of successes": {"quantity": "credibility_of_successes"},
            "of them not flagged": {"quantity": "successes_not_flagged"},
            "fools both": {"quantity": "fools_both"},
            "L2 of successes": {"quantity": "l2_of_successes"},
        },
    ),
}
"""Of each table but Table 1 the columns that name a row, and by title what chooses the figure of a column."""


@dataclass(frozen=True)
class Section:
    """A table of the page: its title, cells that are written out, of a header and of each row, and a note.

    A cell between asterisks is emphasised.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def write_markdown(sections: Iterable[Section], runs: Iterable[str]) -> str:
    """Write the page as Markdown, under the runs that its tables are of."""
    runs = list(runs)
    small = [f"# {BANNER}\n"] * is_small(runs)
    parts = [*small, f"# {TITLE}\n", *(f"{run}\n" for run in runs), f"Written {describe_today()}.\n"]
    for section in sections:
        lines = [section.header, ["---"] * len(section.header), *section.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts += [f"## {section.title}\n", *([f"{section.note}\n"] if section.note else []), f"{table}\n"]
    return "\n".join(parts)


def write_page(sections: Iterable[Section], runs: Iterable[str]) -> str:
    """Write the page as HTML that needs nothing else, light or dark as the browser is."""
    runs = list(runs)
    described = {"title": TITLE, "runs": runs, "is_small": is_small(runs), "date": describe_today()}
    return render(Path(__file__).with_name("summary.html.j2"), sections=list(sections), **described)


def write_figure(row: Mapping[Any, Any], *, digits: int) -> str:
    """Write a figure as `4.9 [4.5, 5.4] (5.1)`: its interval and the reported one, where they are there."""
    if pd.isna(row["value"]):
        return "-"
    parts = [f"{row['value']:.{digits}f}"]
    if pd.notna(row["ci95_low"]):
        parts.append(f"[{row['ci95_low']:.{digits}f}, {row['ci95_high']:.{digits}f}]")
    if pd.notna(row.get("reported")):
        parts.append(f"({row['reported']:.{digits}f})")
    return " ".join(parts)


def summarise_claims(claims: pd.DataFrame) -> Section:
    """Write what was claimed, what we found, and the verdict."""
    columns = {"claim": "words", "source": "source", "reported": "reported", "measured": "measured"}
    claims = claims.fillna({"reported": "", "verdict": ""})
    rows = [
        [
            *(str(claim[name]) for name in columns.values()),
            write_figure(claim | {"reported": None}, digits=3),
            f"{claim['n_points']:,} / {claim['n_seeds']}",
            f"**{claim['verdict']}**" if claim["verdict"] else "",
            f"tables/{claim['table']}.csv",
        ]
        for claim in claims.to_dict("records")
    ]
    return Section(
        "Claims", [*columns, "ours, 95 % interval", "points / seeds", "verdict", "table"], rows, VERDICTS
    )


def summarise_table(name: str, table: pd.DataFrame) -> Section:
    """Write a table of `TABLES`: a row for what its layout names, with the number of points."""
    if name in LAYOUTS:
        by, columns = LAYOUTS[name]
        digits = 3
    else:
        by, columns = ["group"], {layer: {"layer": layer} for layer in dict.fromkeys(table["layer"])}
        table, digits = table.rename(columns={"percent_poisoned_neighbours": "value"}), 2
    table = table.fillna(dict.fromkeys(by, ""))
    rows = []
    for names, of_row in table.groupby(by, sort=False):
        found = [_find(of_row, keys) for keys in columns.values()]
        if not any(found):
            continue
        n_points = next(int(row["n_points"]) for row in found if row)
        figures = [write_figure(row, digits=digits) if row else "-" for row in found]
        rows.append([*(str(name).replace("_", " ") for name in names), f"{n_points:,}", *figures])
    return Section(TABLES[name], [*by, "points", *columns], rows, INTERVALS)


def _find(table: pd.DataFrame, keys: Mapping[str, str]) -> dict[Any, Any]:
    """Return the row that keys choose, with no threshold or mode that they do not name; or nothing."""
    for column in ("mode", "threshold"):
        if column in table and column not in keys:
            table = table[table[column].isna()]
    for column, value in keys.items():
        table = table[table[column] == value]
    return table.iloc[0].to_dict() if len(table) else {}
