"""The results on one page: what the README quotes."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.pages import render
from layeraudit.provenance import BANNER, describe_today, is_small
from layeraudit.report.adaptive import AFTER_ONE_CLASS
from layeraudit.report.dknn_mnist import INPUTS, NO_MODE
from layeraudit.report.radii import middle_radius
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


def write_page(sections: Iterable[Section], runs: Iterable[str]) -> str:
    """Write the page as HTML that needs nothing else, light or dark as the browser is."""
    runs = list(runs)
    described = {"title": TITLE, "runs": runs, "is_small": is_small(runs), "date": describe_today()}
    return render(Path(__file__).with_name("summary.html.j2"), sections=list(sections), **described)


def with_interval(value: float, low: float, high: float, *, digits: int) -> str:
    """Write a figure with its interval, where it has one, as `4.9 [4.5, 5.4]`; none at all as a dash."""
    if pd.isna(value):
        return "-"
    if pd.isna(low):
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _write_figures(rows: pd.DataFrame, quantities: Iterable[Hashable], *, digits: int = 3) -> list[str]:
    """Write some quantities of a group, a row each, with their intervals; one that is not there as a dash.

    A published figure follows in brackets, where there is one.
    """
    by_quantity: dict[Any, Any] = rows.drop_duplicates("quantity").set_index("quantity").to_dict("index")
    cells = []
    for quantity in quantities:
        row = by_quantity.get(quantity, {"value": np.nan, "ci95_low": np.nan, "ci95_high": np.nan})
        published = row.get("published")
        cell = with_interval(row["value"], row["ci95_low"], row["ci95_high"], digits=digits)
        cells.append(cell if pd.isna(published) else f"{cell} ({published:.3f})")
    return cells


def _count_points(rows: pd.DataFrame, quantities: Iterable[Hashable]) -> str:
    """Write the number of points of the first of some quantities that a table has; of none, 0.

    Other quantities of the same group can be of other points: a number of points is counted among a set.
    """
    n_points = rows.set_index("quantity")["n_points"].to_dict()
    return f"({next((int(n_points[quantity]) for quantity in quantities if quantity in n_points), 0):,})"


def _in_words(name: object) -> str:
    return str(name).replace("_", " ")


def _name_intervals(table: pd.DataFrame) -> str:
    """Write over what the intervals of a table are."""
    return f"{100 * CONFIDENCE_LEVEL:g} % intervals: {'; '.join(table['interval'].dropna().unique())}."


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


def summarise_groups(title: str, table: pd.DataFrame, set_by: str) -> Section:
    """Write accuracy and credibility of each group of points, and the set it is of (the column `set_by`)."""
    columns = {
        "network right": "dnn_accuracy",
        "DkNN right": "dknn_accuracy",
        "mean credibility": "mean_credibility",
        "median": "median_credibility",
    }
    rows = [
        [
            _in_words(name),
            f"{_in_words(group)} {_count_points(own, columns.values())}",
            *_write_figures(own, columns.values()),
        ]
        for (name, group), own in table.groupby([set_by, "group"], sort=False)
    ]
    return Section(title, [set_by, "group (points)", *columns], rows, _name_intervals(table))


def summarise_detectors(title: str, table: pd.DataFrame) -> Section:
    """Write how well each score tells poison from clean points, whatever the threshold."""
    columns = {"AUROC": "auroc", "average precision": "average_precision", "base rate": "base_rate"}
    rows = [
        [
            *(_in_words(score), _in_words(evaluated)),
            f"{among} {_count_points(own, columns.values())}",
            *_write_figures(own, columns.values(), digits=4),
        ]
        for (evaluated, among, score), own in table.groupby(["evaluated", "among", "score"], sort=False)
    ]
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
    by_mode = table.assign(
        quantity=pd.Series(zip(table["quantity"], table["mode"], strict=True), table.index)
    )
    rows = [
        [
            f"{INPUTS[str(name)]} {_count_points(own, columns.values())}",
            *_write_figures(own, columns.values()),
        ]
        for name, own in by_mode.groupby("input", sort=False)
    ]
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
                _write_figures(own[own["target"] == target], quantities)
                for target, quantities in [
                    (source, ["success"]),
                    (TWIN, ["success"]),
                    ("audited", ["success"]),
                    (OTHERS, ["success", *GAINS, "success_binarised", "l2"]),
                    (STEADY, ["success", "gain_over_i_fgsm"]),
                ]
            ]
            n = _count_points(own[own["target"] == source], ["success"])
            made_on = f"{str(dataset).replace('_', '-')} {epsilon:g}, {_in_words(source)} {n}"
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
            made_on = f"{_in_words(source)} {_count_points(alone, quantities)}"
            rows.append([made_on, name, *_write_figures(alone, quantities)])
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
        ball = "least of all" if radius == np.inf else f"{radius:g}"
        name = " ".join(filter(None, [_in_words(attack), str(layer)]))
        n = _count_points(own, ["dknn_accuracy", "fools_both"])
        rows.append([f"{name} {n}", f"{norm} {ball}", *_write_figures(own, columns.values())])
    return Section(title, ["attack (images)", "ball", *columns], rows)
