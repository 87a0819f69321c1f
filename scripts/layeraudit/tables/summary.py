"""The results on one page of Markdown: what the README quotes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from layeraudit.tables.dknn_mnist import NO_MODE

GROUPS = {
    "non_poisoned": "clean held-out images",
    "misclassified": "misclassified, poison included",
    "misclassified_clean": "misclassified, clean only",
    "poisoned": "poison points",
}

INPUTS = {
    "test": "held-out digits",
    "fgsm": "FGSM",
    "bim": "BIM",
    "cw": "CW",
    "rotated": "rotated digits",
    "fashion_mnist": "Fashion-MNIST",
}


def write_markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_interval(value: float, low: float, high: float, *, digits: int) -> str:
    """Write a figure with its interval, as `4.9 [4.5, 5.4]`; a figure that is not there as a dash."""
    if pd.isna(value):
        return "-"
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def summarise_claims(claims: pd.DataFrame) -> str:
    """Write what was claimed, what we found, and the verdict."""
    rows = [
        [
            claim["claim"].replace("_", " "),
            "" if pd.isna(claim["reported"]) else str(claim["reported"]),
            with_interval(claim["value"], claim["ci95_low"], claim["ci95_high"], digits=3),
            f"{claim['n_points']:,} / {claim['n_seeds']}",
            f"**{claim['verdict']}**",
            f"`{claim['where']}`",
        ]
        for claim in claims.to_dict("records")
    ]
    header = ["claim", "reported", "ours, with its 95 % interval", "points / seeds", "verdict", "where"]
    return write_markdown(header, rows)


def summarise_table1(table: pd.DataFrame) -> str:
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
    return write_markdown(["group (points)", *layers], rows + reported)


def summarise_inputs(table: pd.DataFrame) -> str:
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
        cells = [f"{INPUTS[str(name)]} ({of_input['n_points'].iloc[0]:,})"]
        for column in columns.values():
            row = by_key.get(column, dict.fromkeys(["value", "ci95_low", "ci95_high", "published"], np.nan))
            published = "" if pd.isna(row["published"]) else f" ({row['published']:.3f})"
            figure = with_interval(row["value"], row["ci95_low"], row["ci95_high"], digits=3)
            cells.append(figure + published)
        rows.append(cells)
    return write_markdown(["input (images)", *columns], rows)
