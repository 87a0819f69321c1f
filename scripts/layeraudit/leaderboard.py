"""The leaderboard: what the two benches found, on a page that is read without us."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import chain
from typing import Any

import pandas as pd

from layeraudit.errors import InputError
from layeraudit.experiments import CONTROLS
from layeraudit.pages import (
    MINUS,
    MISSING,
    Column,
    Row,
    draw_interval,
    frame_page,
    in_words,
    show_figure,
    with_three_digits,
    write_figure,
    write_name,
    write_number,
    write_sortable,
    write_spread,
    write_text,
)
from layeraudit.statistics import SIGNIFICANCE_LEVEL
from layeraudit.tables.benches import BENCHES

INTERVAL = ["value", "ci95_low", "ci95_high"]
_COUNTS = ["n_points", "n_positives", "n_seeds"]
TABLES = {
    "poison_bench": ["setting", "poison", "detector", "quantity", *INTERVAL, *_COUNTS],
    "evasion_bench": ["setting", "input", "detector", "quantity", *INTERVAL, *_COUNTS],
    "detector_ranks": [
        *("bench", "detector", "mean_rank", "auroc", "ci95_low", "ci95_high", "group"),
        *("n_blocks", "n_seeds", "friedman_p"),
    ],
    "detector_comparisons": ["bench", "first", "second", *INTERVAL, "p_conover_holm", "n_blocks", "n_seeds"],
    "detector_cost": ["bench", "detector", "quantity", "value", "lowest", "highest", "n"],
}
"""The columns that the page reads of each table."""

FIGURES = {
    "critical_difference_poison": "Mean ranks in the poison bench; what a bar joins cannot be told apart.",
    "critical_difference_evasion": "Mean ranks in the evasion bench; what a bar joins cannot be told apart.",
    "poison_bench": "AUROC of each detector in each setting and poison, mean over seeds.",
    "evasion_bench": "AUROC of each detector in each setting and input, mean over seeds.",
    "remove_and_retrain": "What training again gains once a filter has removed its most suspicious images.",
}
"""What the page says of each figure that it shows."""

COSTS = {
    "fit_seconds": "fit, s",
    "score_seconds": "score, s",
    "microseconds_a_row": "score, µs a row",
    "peak_mb": "peak, MB",
}


def check_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check that every table is there, with the columns that the page reads.

    Raises
    ------
    InputError
        Where one is not.
    """
    for name, columns in TABLES.items():
        if name not in tables:
            raise InputError(f"the leaderboard lacks the table {name}.csv, needed are {', '.join(TABLES)}")
        for column in columns:
            if column not in tables[name]:
                raise InputError(f"{name}.csv lacks the column {column}, needed are {', '.join(columns)}")


def file_of_scores(experiment: str, detector: str) -> str:
    """Give where the scores of a detector lie, seen from the folder of the experiments."""
    return f"{experiment}/detectors/{detector}.parquet"


def linked_scores(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """List the files of scores that rows of the page link to, each once, seen from the same folder."""
    poison, evasion = tables["poison_bench"], tables["evasion_bench"]
    runs = zip(poison["setting"] + "_" + poison["poison"], poison["detector"], strict=True)
    inputs = zip(evasion["setting"], evasion["detector"], strict=True)
    return list(dict.fromkeys(file_of_scores(run, detector) for run, detector in chain(runs, inputs)))


def write_leaderboard(tables: Mapping[str, pd.DataFrame]) -> str:
    """Write the page, for a folder that stands beside the experiments and holds its tables and figures.

    Parameters
    ----------
    tables : by name, with at least the columns that `TABLES` names

    Returns
    -------
    HTML that loads no file but the figures

    Raises
    ------
    InputError
        Where a table or a column is missing.
    """
    check_tables(tables)
    sections = {
        "Overall": _write_overall(tables["detector_ranks"], tables["detector_cost"]),
        "Poison bench": _write_poison(tables["poison_bench"]),
        "Evasion bench": _write_evasion(tables["evasion_bench"]),
        "Remove and retrain": _write_retraining(),
        "Head to head": _write_comparisons(tables["detector_comparisons"]),
        "Cost": _write_costs(tables["detector_cost"]),
    }
    ids = {title: title.lower().replace(" ", "-") for title in sections}
    links = "".join(f'<a href="#{ids[title]}">{title}</a>' for title in sections)
    body = "".join(f'<h2 id="{ids[title]}">{title}</h2>\n{text}' for title, text in sections.items())
    title = "Detectors of poison and of adversarial inputs, compared"
    return frame_page(
        "Layeraudit leaderboard",
        f"<header><h1>{title}</h1>\n{_introduce(tables)}</header>\n<nav aria-label='Sections'>{links}</nav>\n"
        f"<main>\n{body}</main>\n",
    )


def _introduce(tables: Mapping[str, pd.DataFrame]) -> str:
    poison, evasion = tables["poison_bench"], tables["evasion_bench"]
    detectors = {*poison["detector"], *evasion["detector"]}
    seeds = sorted({*poison["n_seeds"], *evasion["n_seeds"]})
    facts = {
        "detectors": len(detectors.difference(CONTROLS)),
        "controls": len(detectors.intersection(CONTROLS)),
        "settings": len({*poison["setting"], *evasion["setting"]}),
        "kinds of poison": len({*poison["poison"]} - {"none"}),
        "kinds of input": len({*evasion["input"]}),
        "seeds of each": MISSING.join(f"{n:g}" for n in dict.fromkeys(seeds[:1] + seeds[-1:])),
    }
    written = "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in facts.items())
    return f"""<p class="lead">A detector gives each image a score, the larger the more suspicious: this
page shows how well such scores find poison in a training set (the poison bench) and inputs that a network
should not be trusted with (the evasion bench). All figures are written from the tables beside this page, and
each row of a bench leads to the scores that it was computed from.</p>
<dl class="facts">{written}</dl>
<h3>How to read it</h3>
<ul class="reading">
<li><b>AUROC</b> is the chance that an image to be found scores above one that is not: 1 finds all, 0.5 is a
guess, and below that the score points the wrong way.</li>
<li><b>[Brackets]</b> hold the 95 % interval, by a hierarchical bootstrap over seeds and the images of each;
where it is another, the table's column <code>interval</code> says so.</li>
<li><b>Controls</b>, in italics, show the range: <i>random</i> knows nothing, <i>perfect</i> knows which
images are to be found. They take no part in ranks and tests.</li>
<li><b>Mean rank</b> is over blocks, each a setting with one poison or input; 1 is best. Detectors whose
<b>group</b> has a letter in common cannot be told apart (Conover's test after Friedman's, Holm's correction,
5 %).</li>
<li><b>{MISSING}</b> is a figure that is not there: without poison there is none to find, and not every
detector was tried as a filter.</li>
</ul>
"""


def _source(name: str, text: str = "") -> str:
    return f'<p class="source">{text}Table: <a href="{name}.csv">{name}.csv</a>.</p>\n'


def _show(name: str, description: str) -> str:
    return show_figure(f"{name}.svg", description, FIGURES[name])


def _by_quantity(rows: pd.DataFrame) -> dict[Any, dict[Any, Any]]:
    return rows.set_index("quantity").to_dict("index")


def _write_overall(ranks: pd.DataFrame, costs: pd.DataFrame) -> str:
    columns = [
        Column("detector", numbers=False, order="ascending"),
        Column("mean rank", order="ascending"),
        Column("group", numbers=False, order="ascending"),
        Column("mean AUROC"),
        Column("0 to 1, line at 0.5", order=None),
        *(Column(COSTS[quantity], order="ascending") for quantity in _SHOWN_COSTS),
    ]
    parts = []
    for bench, of_bench in ranks.groupby("bench", sort=False):
        ranked = of_bench.sort_values(["mean_rank", "auroc"], ascending=[True, False], kind="stable")
        letters = "".join(dict.fromkeys("".join(ranked["group"].dropna().astype(str))))
        rows = []
        for row in ranked.to_dict("records"):
            of_detector = costs[(costs["bench"] == bench) & (costs["detector"] == row["detector"])]
            figure = [row["auroc"], row["ci95_low"], row["ci95_high"]]
            cells = [
                write_name(row["detector"], "detector_ranks.csv"),
                write_number(row["mean_rank"], f"{row['mean_rank']:.2f}"),
                _write_group(row["group"], letters),
                write_figure(*figure),
                draw_interval(*figure, lowest=0, middle=0.5),
                *_write_medians(_by_quantity(of_detector), _SHOWN_COSTS),
            ]
            rows.append(Row(cells, is_control=row["detector"] in CONTROLS))
        n_blocks, n_seeds, p = of_bench[["n_blocks", "n_seeds", "friedman_p"]].max()
        text = f"{n_blocks:.0f} blocks, {n_seeds:.0f} seeds. Times and memory are medians. "
        text += "" if pd.isna(p) else f"Friedman's test of whether all are alike: p {_with_sign(p)}. "
        parts += [
            f"<h3>{escape(in_words(str(bench)).capitalize())} bench</h3>\n",
            write_sortable(f"overall-{bench}", f"Ranks in the {bench} bench", columns, rows),
            _source("detector_ranks", escape(text)),
        ]
    for bench in BENCHES:
        parts.append(_show(f"critical_difference_{bench}", f"Critical differences, {bench} bench"))
    return "".join(parts)


_SHOWN_COSTS = ["fit_seconds", "microseconds_a_row", "peak_mb"]


def _write_group(group: object, letters: str) -> str:
    """Write the letters of a detector, each in its own place, so that the eye follows one down the table."""
    if not isinstance(group, str) or not group:
        return write_text("", MISSING)
    placed = "".join(letter if letter in group else " " for letter in letters)
    return write_text(group, placed.rstrip(), kind="text letters")


def _with_sign(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _write_medians(costs: Mapping[Any, Mapping[Any, Any]], quantities: Iterable[str]) -> list[str]:
    medians = [costs.get(quantity, {}).get("value", float("nan")) for quantity in quantities]
    return [write_number(median, with_three_digits(median)) for median in medians]


NO_FIGURE = dict.fromkeys(INTERVAL, float("nan"))


def _write_bench(
    table: pd.DataFrame, keys: Sequence[str], run_of: Sequence[str], quantities: Iterable[str]
) -> list[Row]:
    """Write a row for each detector in each block, the best AUROC of a block first, blocks without any last.

    Parameters
    ----------
    keys : columns whose values name a block
    run_of : those of them that name its experiment
    quantities : in the order of their columns
    """
    rows = []
    blocks = [(block, of_block) for block, of_block in table.groupby(list(keys), sort=False)]
    for block, of_block in sorted(blocks, key=lambda block: not _has_auroc(block[1])):
        names = dict(zip(keys, map(str, block), strict=True))
        experiment = "_".join(names[key] for key in run_of)
        auroc = of_block[of_block["quantity"] == "auroc"].set_index("detector")["value"]
        detectors = pd.Series(of_block["detector"].unique())
        best_first = detectors.iloc[(-detectors.map(auroc)).argsort(kind="stable")]
        for detector in best_first:
            figures = _by_quantity(of_block[of_block["detector"] == detector])
            counts = figures.get("auroc", next(iter(figures.values())))
            cells = [write_name(detector, f"../{file_of_scores(experiment, detector)}")]
            cells += map(write_text, names.values())
            for quantity in quantities:
                figure = figures.get(quantity, NO_FIGURE)
                cells.append(write_figure(*(figure[part] for part in INTERVAL), has_bar=quantity == "auroc"))
            cells += [write_number(counts[count], f"{counts[count]:,.0f}") for count in _COUNTS]
            rows.append(Row(cells, names | {"detector": detector}, detector in CONTROLS))
    return rows


def _has_auroc(rows: pd.DataFrame) -> bool:
    return bool(rows.loc[rows["quantity"] == "auroc", "value"].notna().any())


_COUNTED = [Column("images"), Column("to find"), Column("seeds")]


def _name_columns(*titles: str) -> list[Column]:
    return [Column(title, numbers=False, order="ascending") for title in titles]


def _write_poison(table: pd.DataFrame) -> str:
    shown = {
        "auroc": Column("AUROC"),
        "average_precision": Column("average precision"),
        "fpr_at_95_tpr": Column("FPR at 95 % TPR", order="ascending"),
        "poison_removed": Column("poison removed"),
        "clean_removed": Column("clean removed", order="ascending"),
        "accuracy_before": Column("accuracy before"),
        "accuracy_after": Column("accuracy after"),
        "success_before": Column("attack success before"),
        "success_after": Column("attack success after", order="ascending"),
    }
    keys = ["setting", "poison"]
    rows = _write_bench(table, keys, keys, shown)
    columns = [*_name_columns("detector", *keys), *shown.values(), *_COUNTED]
    filters = [*keys, "detector"]
    caption = "Poison bench: each detector in each setting and poison"
    return (
        "<p>Scores of training images, the poison among them. Removed are shares of the poison and of the "
        "clean images; before and after tell of the network trained on all, and again on what is left. "
        "Attack success is the share of the attacker's images that get the label that the attacker wants."
        "</p>\n"
        + write_sortable("poison", caption, columns, rows, filters=filters, is_dense=True)
        + _source("poison_bench")
        + _show("poison_bench", "Heat map of AUROC, detectors by settings and poisons")
    )


def _write_evasion(table: pd.DataFrame) -> str:
    shown = {
        "auroc": Column("AUROC"),
        "average_precision": Column("average precision"),
        "fpr_at_95_tpr": Column("FPR at 95 % TPR", order="ascending"),
        "tpr_at_5_fpr": Column("TPR at 5 % FPR"),
    }
    keys = ["setting", "input"]
    rows = _write_bench(table, keys, ["setting"], shown)
    columns = [*_name_columns("detector", *keys), *shown.values(), *_COUNTED]
    filters = [*keys, "detector"]
    caption = "Evasion bench: each detector in each setting and input"
    return (
        "<p>Scores of held-out images, clean ones against those of one kind: of an attack those that the "
        "network errs on, of rotated images and of another data set all.</p>\n"
        + write_sortable("evasion", caption, columns, rows, filters=filters)
        + _source("evasion_bench")
        + _show("evasion_bench", "Heat map of AUROC, detectors by settings and inputs")
    )


def _write_retraining() -> str:
    return (
        "<p>Every filter may remove the same number of images, those that it finds the most suspicious, and "
        "spares those that it suspects least; <i>perfect</i> removes poison alone, <i>random</i> draws lots. "
        "What is left trains the network anew.</p>\n"
        + _show("remove_and_retrain", "Accuracy and attack success before and after removal, by filter")
        + _source("poison_bench")
    )


def _write_comparisons(table: pd.DataFrame) -> str:
    columns = [
        *_name_columns("first", "second", "bench"),
        Column(f"first {MINUS} second, mean AUROC"),
        Column(f"{MINUS}1 to 1, line at 0", order=None),
        Column("p (Conover, Holm)", order="ascending"),
        Column("blocks"),
        Column("seeds"),
    ]
    rows = []
    for row in _turn_round(table).to_dict("records"):
        figure = [row[part] for part in INTERVAL]
        p = row["p_conover_holm"]
        cells = [
            write_name(row["first"]),
            *map(write_text, (row["second"], row["bench"])),
            write_figure(*figure),
            draw_interval(*figure, lowest=-1, middle=0),
            write_number(p, "< 0.001" if p < 0.001 else f"{p:.3f}", is_strong=p < SIGNIFICANCE_LEVEL),
            *(write_number(row[count], f"{row[count]:.0f}") for count in ("n_blocks", "n_seeds")),
        ]
        names = {name: row[name] for name in ("bench", "first", "second")}
        rows.append(Row(cells, names, not {row["first"], row["second"]}.isdisjoint(CONTROLS)))
    return (
        "<p>Each pair stands here both ways round: choose a first to see one detector against all others. "
        f"A difference above 0 speaks for the first; p below {SIGNIFICANCE_LEVEL} is bold. The interval is "
        "of both on the same resampled seeds and images, p is of their ranks over blocks.</p>\n"
        + write_sortable(
            "pairs", "Differences of two detectors", columns, rows, filters=["bench", "first", "second"]
        )
        + _source("detector_comparisons")
    )


def _turn_round(table: pd.DataFrame) -> pd.DataFrame:
    """Give each pair both ways round, the largest difference of a bench first."""
    signs = {"value": -table["value"], "ci95_low": -table["ci95_high"], "ci95_high": -table["ci95_low"]}
    turned = table.assign(first=table["second"], second=table["first"], **signs)
    both = pd.concat([table, turned]).drop_duplicates(["bench", "first", "second"])
    by_bench = both.groupby("bench", sort=False)["value"]
    return both.assign(place=by_bench.ngroup()).sort_values(
        ["place", "value"], ascending=[True, False], kind="stable"
    )


def _write_costs(table: pd.DataFrame) -> str:
    columns = [
        *_name_columns("detector", "bench"),
        *(Column(title, order="ascending") for title in COSTS.values()),
        Column("runs"),
    ]
    rows = []
    for keys, of_detector in table.groupby(["bench", "detector"], sort=False):
        bench, detector = map(str, keys)
        costs = _by_quantity(of_detector)
        cells = [write_name(detector), write_text(bench)]
        for quantity in COSTS:
            cost = costs.get(quantity, NO_COST)
            text = f"{with_three_digits(cost['lowest'])} {MISSING} {with_three_digits(cost['highest'])}"
            cells.append(write_spread(cost["value"], with_three_digits(cost["value"]), text))
        n = of_detector["n"].max()
        cells.append(write_number(n, f"{n:,.0f}"))
        rows.append(Row(cells, {"bench": bench, "detector": detector}, detector in CONTROLS))
    caption = "Time and memory of each detector"
    return (
        "<p>Medians over runs, each an experiment and a seed, with the lowest and the highest below.</p>\n"
        + write_sortable("costs", caption, columns, rows, filters=["bench", "detector"], is_dense=True)
        + _source("detector_cost")
    )


NO_COST = dict.fromkeys(["value", "lowest", "highest"], float("nan"))
