"""The results on one page: what the README quotes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.provenance import BANNER, describe_today, is_small
from layeraudit.radii import middle_radius
from layeraudit.report.adaptive import AFTER_ONE_CLASS
from layeraudit.report.dknn_mnist import INPUTS, NO_MODE
from layeraudit.report.transfer import CHOSEN, ORACLE, OTHERS, STEADY, TWIN
from layeraudit.statistics import CANNOT_TELL, CONFIDENCE_LEVEL, FOR_THESE_NETWORKS, SIGNIFICANCE_LEVEL

GROUPS = {
    "non_poisoned": "clean held-out images",
    "misclassified": "misclassified, poison included",
    "misclassified_clean": "misclassified, clean only",
    "poisoned": "poison points",
}


TITLE = "Layeraudit: claims, and the tables of each experiment"

VERDICTS = (
    f"A verdict needs a p-value, for or against, below {SIGNIFICANCE_LEVEL:g} once all are corrected. "
    f'"{CANNOT_TELL}" means that neither is at this number of seeds and points, as is to be expected of most '
    f'claims in a small run. "{FOR_THESE_NETWORKS.strip()}" means that the points decide where the interval '
    "over seeds does not: networks of other seeds may not show it."
)


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


STYLE = """
.small { color: #d6604d; font-size: 3em }
:root { color-scheme: light dark; font-family: sans-serif; font-size: 14px }
table { border-collapse: collapse; margin-bottom: 2em }
th, td { border-bottom: 1px solid #8886; padding: .3em .8em; text-align: left; vertical-align: top }
"""


def write_page(sections: Iterable[Section], runs: Iterable[str]) -> str:
    """Write the page as HTML that needs nothing else, light or dark as the browser is."""
    parts = [f"<!doctype html>\n<meta charset='utf-8'>\n<title>{TITLE}</title>\n<style>{STYLE}</style>"]
    runs = list(runs)
    parts += [f"<h1 class='small'>{BANNER}</h1>"] * is_small(runs)
    parts += [
        f"<h1>{TITLE}</h1>",
        *(f"<p>{escape(run)}</p>" for run in runs),
        f"<p>Written {describe_today()}.</p>",
    ]
    for section in sections:
        parts += [f"<h2>{escape(section.title)}</h2>", f"<p>{escape(section.note)}</p>" * bool(section.note)]
        parts += ["<table>", _row(section.header, "th"), *(_row(row, "td") for row in section.rows)]
        parts.append("</table>")
    return "\n".join(filter(None, parts)) + "\n"


def _row(cells: Sequence[str], kind: str) -> str:
    return "<tr>" + "".join(f"<{kind}>{_emphasise(cell)}</{kind}>" for cell in cells) + "</tr>"


def _emphasise(cell: str) -> str:
    text = escape(cell.strip("*"))
    if cell.startswith("**"):
        return f"<b>{text}</b>"
    return f"<i>{text}</i>" if cell.startswith("*") else text


def with_interval(value: float, low: float, high: float, *, digits: int) -> str:
    """Write a figure with its interval, where it has one, as `4.9 [4.5, 5.4]`; none at all as a dash."""
    if pd.isna(value):
        return "-"
    if pd.isna(low):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


NOTHING = dict.fromkeys(["value", "ci95_low", "ci95_high", "published"], np.nan)
"""A figure that is not there."""


def _with_published(row: Mapping[Any, Any]) -> str:
    """Write a figure with its interval, and the published one in brackets, where there is one."""
    published = "" if pd.isna(row["published"]) else f" ({row['published']:.3f})"
    return with_interval(row["value"], row["ci95_low"], row["ci95_high"], digits=3) + published


def summarise_claims(title: str, claims: pd.DataFrame) -> Section:
    """Write what was claimed, what we found, and the verdict."""
    rows = [
        [
            str(claim["words"]),
            str(claim["source"]),
            "" if pd.isna(claim["reported"]) else str(claim["reported"]),
            str(claim["quantity"]),
            with_interval(claim["value"], claim["ci95_low"], claim["ci95_high"], digits=3),
            str(claim["interval"]),
            f"{claim['n_points']:,} / {claim['n_seeds']}",
            f"**{claim['verdict']}**",
            str(claim["where"]),
        ]
        for claim in claims.to_dict("records")
    ]
    ours = ["measured", "ours, 95 % interval", "interval", "points / seeds"]
    header = ["claim", "source", "reported", *ours, "verdict", "where"]
    return Section(title, header, rows, VERDICTS)


def summarise_table1(title: str, table: pd.DataFrame) -> Section:
    """Write Table 1: percent of poison among the neighbours, by group and layer, the report's below."""
    layers = list(dict.fromkeys(table["layer"]))
    rows, reported = [], []
    for group, label in GROUPS.items():
        of_group = table[table["group"] == group].set_index("layer").loc[layers]
        n = of_group["n_points"].iloc[0]
        figures = of_group[["percent_poisoned_neighbours", "ci95_low", "ci95_high"]].to_numpy()
        rows.append([f"{label} ({n:,})", *(with_interval(*figure, digits=2) for figure in figures)])
        if of_group["reported"].notna().all():
            reported.append([f"*report: {label}*", *(f"*{figure}*" for figure in of_group["reported"])])
    return Section(title, ["group (points)", *layers], rows + reported)


def _name_intervals(table: pd.DataFrame) -> str:
    """Write over what the intervals of a table are."""
    return f"{100 * CONFIDENCE_LEVEL:g} % intervals: {'; '.join(table['interval'].dropna().unique())}."


def _count_points(rows: pd.DataFrame, quantities: Iterable[str]) -> int:
    """Count the points of the first of some quantities that a table has; of none, 0.

    Other quantities of the same group can be of other points: a number of points is counted among a set.
    """
    n_points = rows.set_index("quantity")["n_points"]
    return next((int(n_points[quantity]) for quantity in quantities if quantity in n_points), 0)


def _write_quantities(rows: pd.DataFrame, quantities: Iterable[str], *, digits: int) -> list[str]:
    """Write some of the quantities of a table that has a row for each, with their intervals."""
    if rows.empty:
        return ["-" for _ in quantities]
    figures = rows.set_index("quantity")[["value", "ci95_low", "ci95_high"]]
    return [with_interval(*figures.loc[quantity], digits=digits) for quantity in quantities]


def summarise_groups(title: str, table: pd.DataFrame, set_by: str) -> Section:
    """Write accuracy and credibility of each group of points, and the set it is of (the column `set_by`)."""
    columns = {
        "network right": "dnn_accuracy",
        "DkNN right": "dknn_accuracy",
        "mean credibility": "mean_credibility",
        "median": "median_credibility",
    }
    rows = []
    for (name, group), of_group in table.groupby([set_by, "group"], sort=False):
        cells = _write_quantities(of_group, columns.values(), digits=3)
        n = _count_points(of_group, columns.values())
        rows.append([str(name).replace("_", " "), f"{str(group).replace('_', ' ')} ({n:,})", *cells])
    return Section(title, [set_by, "group (points)", *columns], rows, _name_intervals(table))


def summarise_detectors(title: str, table: pd.DataFrame) -> Section:
    """Write how well each score tells poison from clean points, whatever the threshold."""
    columns = {"AUROC": "auroc", "average precision": "average_precision", "base rate": "base_rate"}
    rows = []
    for (evaluated, among, score), of_score in table.groupby(["evaluated", "among", "score"], sort=False):
        cells = _write_quantities(of_score, columns.values(), digits=4)
        n = _count_points(of_score, columns.values())
        names = (str(name).replace("_", " ") for name in (score, evaluated))
        rows.append([*names, f"{among} ({n:,})", *cells])
    header = ["score", "evaluated", "among (points)", *columns]
    return Section(title, header, rows, _name_intervals(table))


def summarise_inputs(title: str, table: pd.DataFrame) -> Section:
    """Write accuracy and credibility of each kind of input, the paper's figures in brackets."""
    columns = {
        "network right": ("dnn_accuracy", NO_MODE),
        "DkNN right": ("dknn_accuracy", NO_MODE),
        "softmax confidence": ("softmax_confidence", NO_MODE),
        "credibility, paper": ("credibility", "paper"),
        "credibility, cleverhans": ("credibility", "cleverhans"),
    }
    rows = []
    for name, of_input in table.groupby("input", sort=False):
        by_key = of_input.set_index(["quantity", "mode"]).to_dict("index")
        n = _count_points(of_input, (quantity for quantity, _ in columns.values()))
        cells = [f"{INPUTS[str(name)]} ({n:,})"]
        rows.append(cells + [_with_published(by_key.get(column, NOTHING)) for column in columns.values()])
    return Section(title, ["input (images)", *columns], rows, _name_intervals(table))


ATTACKS = {
    ("none", "", ""): "none",
    ("noise", "", ""): "noise",
    ("fgsm", "", ""): "FGSM",
    ("i_fgsm", "", ""): "I-FGSM",
    ("i_fgsm_ila_step", "", ""): "I-FGSM, ILA's step",
    ("mi_fgsm", "", ""): "MI-FGSM",
    ("ilap", "fgsm", CHOSEN): "ILAP after FGSM, layer chosen on the source",
    ("ilap", "fgsm", ORACLE): "*ILAP after FGSM, best layer by hindsight*",
    ("ilap", "i_fgsm", CHOSEN): "ILAP after I-FGSM, layer chosen on the source",
    ("ilap", "i_fgsm", ORACLE): "*ILAP after I-FGSM, best layer by hindsight*",
    ("ilap", "mi_fgsm", CHOSEN): "ILAP after MI-FGSM, layer chosen on the source",
    ("ilap", "mi_fgsm", ORACLE): "*ILAP after MI-FGSM, best layer by hindsight*",
}


GAINS = ["gain_over_i_fgsm", "gain_over_i_fgsm_ila_step", "gain_over_mi_fgsm", "gain_at_equal_l2"]


def summarise_transfer(title: str, table: pd.DataFrame) -> Section:
    """Write how often attacks on a source fool it, the audited network and others, at the middle radius."""
    table = table.fillna({"guide": "", "layer": ""})
    rows = []
    for (dataset, source), of_source in table.groupby(["dataset", "source"], sort=False):
        epsilon = middle_radius(of_source.loc[of_source["epsilon"] > 0, "epsilon"])
        for recipe, name in ATTACKS.items():
            own = of_source[of_source["epsilon"] == (0 if name == "none" else epsilon)]
            own = own[(own[["attack", "guide", "layer"]] == list(recipe)).all(axis=1)]
            cells = [
                _write_quantities(own[own["target"] == target], quantities, digits=3)
                for target, quantities in [
                    (source, ["success"]),
                    (TWIN, ["success"]),
                    ("audited", ["success"]),
                    (OTHERS, ["success", *GAINS, "success_binarised", "l2"]),
                    (STEADY, ["success", "gain_over_i_fgsm"]),
                ]
            ]
            n = _count_points(own[own["target"] == source], ["success"])
            made_on = f"{str(dataset).replace('_', '-')} {epsilon:g}, {str(source).replace('_', ' ')} ({n:,})"
            rows.append([made_on, name, *chain.from_iterable(cells)])
    gains = ["gain over I-FGSM", "over it with ILA's step", "over MI-FGSM", "at equal L2"]
    figures = ["white box", "its twin, where it is right", "audited CNN", "mean of others", *gains]
    figures += ["binarised", "L2", "mean of those steady under noise", "gain over I-FGSM"]
    return Section(title, ["data, radius, source (images)", "attack", *figures], rows)


def summarise_detection(title: str, table: pd.DataFrame) -> Section:
    """Write what DkNN makes of attacks on another network, at the middle radius."""
    table = table.fillna({"guide": "", "layer": "", "detector": "", "against": ""})
    epsilon = middle_radius(table.loc[table["epsilon"] > 0, "epsilon"])
    rows = []
    for source, of_source in table[table["epsilon"] == epsilon].groupby("source", sort=False):
        for recipe, name in ATTACKS.items():
            own = of_source[(of_source[["attack", "guide", "layer"]] == list(recipe)).all(axis=1)]
            if own.empty:
                continue
            alone = own[(own["against"] == "") & own["detector"].isin(["", "credibility"])]
            quantities = ["success", "dknn_accuracy", "credibility", "auroc_of_successes"]
            quantities += ["flagged_of_successes", "evasive_success", "l2"]
            cells = _write_quantities(alone, quantities, digits=3)
            n = _count_points(alone, quantities)
            rows.append([f"{str(source).replace('_', ' ')} ({n:,})", name, *cells])
    figures = ["fools the CNN", "DkNN right", "credibility", "AUROC of successes", "flagged of successes"]
    figures += ["fools the CNN and passes", "L2"]
    return Section(title, ["source (images)", "attack", *figures], rows)


def summarise_adaptive(title: str, table: pd.DataFrame) -> Section:
    """Write how DkNN fares under an attack that knows it, the published figures in brackets."""
    columns = {
        "DkNN right": "dknn_accuracy",
        "after one class": AFTER_ONE_CLASS,
        "network right": "dnn_accuracy",
        "credibility of successes": "credibility_of_successes",
        "of them above 0.1": "successes_above_0.1",
        "of them not flagged": "successes_not_flagged",
        "fools both": "fools_both",
        "L2 of successes": "l2_of_successes",
    }
    rows = []
    by_attack = table.fillna({"layer": ""}).groupby(["attack", "layer", "norm", "radius"], sort=False)
    for (attack, layer, norm, radius), own in by_attack:
        by_quantity = own.set_index("quantity").to_dict("index")
        cells = [_with_published(by_quantity.get(column, NOTHING)) for column in columns.values()]
        ball = "least of all" if radius == np.inf else f"{radius:g}"
        name = " ".join(filter(None, [str(attack).replace("_", " "), str(layer)]))
        n = _count_points(own, ["dknn_accuracy", "fools_both"])
        rows.append([f"{name} ({n:,})", f"{norm} {ball}", *cells])
    return Section(title, ["attack (images)", "ball", *columns], rows)
