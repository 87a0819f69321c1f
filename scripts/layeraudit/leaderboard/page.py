"""The page of the leaderboard: the results of both benches, for readers who know nothing of the workflow."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layeraudit.errors import InputError
from layeraudit.experiments import CONTROLS, PERFECT
from layeraudit.leaderboard.benches import BENCHES, KIND, SHARED, Bench
from layeraudit.leaderboard.benches import EVASION as EVASION_BENCH
from layeraudit.leaderboard.benches import POISON as POISON_BENCH
from layeraudit.leaderboard.examples import Examples
from layeraudit.pages import MISSING, Cell, Column, Dot, Row, Table, duration, figure, number, render
from layeraudit.provenance import describe_today, is_small, list_runs
from layeraudit.statistics import SIGNIFICANCE_LEVEL
from layeraudit.titles import DETECTOR, INPUT, POISON, find_titles

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
    "names": ["kind", "id", "method", "title", "idea", "reference", "settings"],
}
"""The columns that the page reads of each table."""

FIGURES = {
    "critical_difference_poison": "Mean ranks in the poison bench; what a bar joins cannot be told apart.",
    "critical_difference_evasion": "Mean ranks in the evasion bench; what a bar joins cannot be told apart.",
    "poison_bench": "AUROC of each detector in each setting and poison, mean over seeds.",
    "evasion_bench": "AUROC of each detector in each setting and input, mean over seeds.",
    "remove_and_retrain": "What training again gains once a filter has removed its most suspicious images.",
}
"""The figures that the page shows, each with its caption."""

LOW_SUCCESS = 0.1
"""A poison fails whose attack succeeds by less than this more often than without the poison."""

DETECTION = {
    "auroc": Column("AUROC"),
    "average_precision": Column("average precision"),
    "fpr_at_95_tpr": Column("FPR at 95 % TPR", order="ascending"),
}
QUANTITIES = {
    POISON_BENCH: DETECTION
    | {
        "poison_removed": Column("poison removed"),
        "clean_removed": Column("clean removed", order="ascending"),
        "accuracy_before": Column("accuracy before"),
        "accuracy_after": Column("accuracy after"),
        "success_before": Column("attack success before"),
        "success_after": Column("attack success after", order="ascending"),
    },
    EVASION_BENCH: DETECTION | {"tpr_at_5_fpr": Column("TPR at 5 % FPR")},
}
"""The quantities that the page shows of each bench, in the order of their columns."""

_DETECTOR = Column("detector", "text", "ascending")
_COUNTED = [Column("images"), Column("to find"), Column("seeds"), Column("scores", "text", "ascending")]


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


def find_figures(paths: Iterable[Path]) -> list[Path]:
    """Return the paths of the figures that the page shows.

    Raises
    ------
    InputError
        Where one is missing.
    """
    found = {path.stem: path for path in paths}
    if missing := [name for name in FIGURES if name not in found]:
        raise InputError(
            f"the leaderboard lacks the figure {missing[0]}.svg, needed are {', '.join(FIGURES)}"
        )
    return [found[name] for name in FIGURES]


def find_scores(tables: Mapping[str, pd.DataFrame], paths: Iterable[Path]) -> dict[str, Path]:
    """Return the file of scores that each row of the page links to, by its name in the folder of the page.

    Parameters
    ----------
    paths : `{experiment}/detectors/{bench}/{detector}.parquet`

    Raises
    ------
    InputError
        Where a row has no file.
    """
    poison, evasion = tables["poison_bench"], tables["evasion_bench"]
    found = {_link_scores(path.parents[2].name, path.stem): path for path in paths}
    experiments = chain(poison["setting"] + "_" + poison["poison"], evasion["setting"])
    detectors = chain(poison["detector"], evasion["detector"])
    links = dict.fromkeys(map(_link_scores, experiments, detectors))
    if missing := [link for link in links if link not in found]:
        raise InputError(f"{missing[0]}, which a row of the leaderboard links to, is no file of scores")
    return {link: found[link] for link in links}


def _link_scores(experiment: str, detector: str) -> str:
    return f"scores/{experiment}/{detector}.parquet"


def read_citation(path: Path) -> dict[str, str]:
    """Read how the software is cited from its `CITATION.cff`: `title`, `version` and `authors`.

    Raises
    ------
    InputError
        Where one is missing.
    """
    text = path.read_text(encoding="utf-8")
    patterns = {"title": r"^title: (.+)$", "version": r"^version: (.+)$", "authors": r"^ +- name: (.+)$"}
    found = {key: ", ".join(re.findall(pattern, text, re.MULTILINE)) for key, pattern in patterns.items()}
    if missing := [key for key, value in found.items() if not value]:
        raise InputError(f"{path} lacks {missing[0]}, needed are {', '.join(patterns)}")
    return found


def render_leaderboard(
    tables: Mapping[str, pd.DataFrame], examples: Mapping[str, Examples], citation: Mapping[str, str]
) -> str:
    """Return the page as HTML, for a folder that holds the tables, figures, scores and examples.

    Parameters
    ----------
    tables : by name, with at least the columns that `TABLES` names
    examples : by experiment; those that are missing are not shown
    citation : as `read_citation` returns it

    Raises
    ------
    InputError
        Where a table, a column or a name is missing.
    """
    check_tables(tables)
    names = tables["names"].fillna("")
    poison, evasion, ranks = (tables[name] for name in ("poison_bench", "evasion_bench", "detector_ranks"))
    detectors = _title(names, DETECTOR, {*poison["detector"], *evasion["detector"], *ranks["detector"]})
    poisons, inputs = _title(names, POISON, {*poison["poison"]}), _title(names, INPUT, {*evasion["input"]})
    settings = {
        "poison": _title(names, "poison_setting", {*poison["setting"]}),
        "evasion": _title(names, "evasion_setting", {*evasion["setting"]}),
    }
    cards = list(_describe_poisons(poison, names, settings["poison"], examples))
    failing = {(card["id"], run["setting"]) for card in cards for run in card["runs"] if run["fails"]}
    runs = list_runs(tables.values())
    comparisons = tables["detector_comparisons"]
    return render(
        Path(__file__).with_name("page.html.j2"),
        title=f"{citation['title']} leaderboard",
        runs=runs,
        is_small=is_small(runs),
        date=describe_today(),
        citation=citation,
        facts=_count(poison, evasion, names),
        filters={
            "detector": _sort_names(detectors),
            "poison": _sort_names(poisons),
            "input": _sort_names(inputs),
            "setting": _sort_names({title: title for of in settings.values() for title in of.values()}),
        },
        overall=_lay_out_overall(ranks, detectors),
        findings=list(_compare_benches(ranks, detectors)),
        tests=list(_describe_tests(ranks)),
        methods=list(_describe_methods(names, detectors)),
        controls=", ".join(detectors[name] for name in CONTROLS if name in detectors),
        poisons=cards,
        failing=sorted({card["title"] for card in cards if any(run["fails"] for run in card["runs"])}),
        low_success=LOW_SUCCESS,
        inputs=[_describe(row) for row in _rows_of(names, INPUT) if row["id"] in inputs],
        poison_bench=_lay_out_bench(poison, POISON_BENCH, detectors, poisons, settings["poison"], failing),
        evasion_bench=_lay_out_bench(evasion, EVASION_BENCH, detectors, inputs, settings["evasion"]),
        opponents=_list_opponents(comparisons, detectors),
        pairs=_lay_out_pairs(comparisons, detectors),
        level=SIGNIFICANCE_LEVEL,
        costs=_lay_out_costs(tables["detector_cost"], detectors),
        figures=FIGURES,
        missing=MISSING,
    )


def _title(names: pd.DataFrame, kind: str, ids: Collection[str]) -> dict[str, str]:
    """Return the titles of ids, in the order of the configuration."""
    titles = find_titles(names, kind, sorted(ids))
    return {row["id"]: titles[row["id"]] for row in _rows_of(names, kind) if row["id"] in titles}


def _rows_of(names: pd.DataFrame, kind: str) -> list[dict[Any, Any]]:
    return names[names["kind"] == kind].to_dict("records")


def _describe(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what a card shows of a name: the paper's text and link apart."""
    text, _, link = row["reference"].rpartition(", ")
    return {key: row[key] for key in ("id", "title", "idea", "settings")} | {
        "paper": {"text": text, "link": link}
    }


def _sort_names(titles: Mapping[str, str]) -> dict[str, str]:
    """Sort names as a reader would, 5 % before 10 %."""

    def parts(name: str) -> list[tuple[str, int]]:
        found = re.findall(r"(\D*)(\d*)", titles[name])
        return [(text, int(number or 0)) for text, number in found]

    return {name: titles[name] for name in sorted(titles, key=parts)}


def _count(poison: pd.DataFrame, evasion: pd.DataFrame, names: pd.DataFrame) -> dict[str, str]:
    shown = {*poison["detector"], *evasion["detector"]}
    detectors = shown.difference(CONTROLS)
    methods = names[(names["kind"] == DETECTOR) & names["id"].isin(detectors)]["method"].nunique()
    seeds = sorted({*poison["n_seeds"], *evasion["n_seeds"]})
    return {
        f"detectors of {methods} methods": str(len(detectors)),
        "controls": str(len(shown & {*CONTROLS})),
        "kinds of poison": str(len({*poison["poison"]} - {"none"})),
        "kinds of input": str(evasion["input"].nunique()),
        "settings": str(len({*poison["setting"], *evasion["setting"]})),
        "seeds of each": MISSING.join(f"{n:g}" for n in dict.fromkeys(seeds[:1] + seeds[-1:])),
    }


def _link(detector: str) -> str:
    return f"#detector-{detector}"


def _name(detector: str, detectors: Mapping[str, str], **more: Any) -> Cell:
    title = detectors[detector]
    return Cell(title, title, href=_link(detector), **more)


def _lay_out_overall(ranks: pd.DataFrame, detectors: Mapping[str, str]) -> Table:
    """Lay out both benches side by side, the best mean rank in the poison bench first, controls last."""
    by_bench = {bench: _index(ranks[ranks["bench"] == bench], "detector") for bench in BENCHES}
    letters = {
        bench: "".join(sorted({letter for of in found.values() if _has_group(of) for letter in of["group"]}))
        for bench, found in by_bench.items()
    }
    marks = {bench: _mark_extremes(ranks[ranks["bench"] == bench]) for bench in BENCHES}

    def order(detector: str) -> tuple[bool, list[float]]:
        found = [by_bench[bench].get(detector, {}).get("mean_rank", np.nan) for bench in BENCHES]
        return detector in CONTROLS, [np.inf if np.isnan(rank) else rank for rank in found]

    rows = []
    for detector in sorted(dict.fromkeys(ranks["detector"]), key=order):
        found = [by_bench[bench].get(detector) for bench in BENCHES]
        figures = [[of["auroc"], of["ci95_low"], of["ci95_high"]] if of else [np.nan] * 3 for of in found]
        dots = [
            Dot(of[0], of[1], of[2], bench != BENCHES[0])
            for bench, of in zip(BENCHES, figures, strict=True)
            if not np.isnan(of[0])
        ]
        cells = [_name(detector, detectors)]
        cells += [
            figure(*of, has_bar=True, mark=marks[bench].get(detector, ""))
            for bench, of in zip(BENCHES, figures, strict=True)
        ]
        cells.append(Cell("", dots=dots))
        for bench, of in zip(BENCHES, found, strict=True):
            rank = of["mean_rank"] if of else np.nan
            cells.append(number(rank, f"{rank:.1f}"))
            cells.append(_group(of, letters[bench]))
        rows.append(Row(cells, {"detector": detector}, detector in CONTROLS))
    columns = [
        _DETECTOR,
        Column("poison, AUROC"),
        Column("evasion, AUROC"),
        Column("● poison, ○ evasion, line at 0.5", "picture"),
        Column("poison, mean rank", order="ascending"),
        Column("group", "text letters", "ascending"),
        Column("evasion, mean rank", order="ascending"),
        Column("group", "text letters", "ascending"),
    ]
    return Table("overall", "Detectors of both benches", columns, rows)


def _has_group(of: Mapping[Any, Any]) -> bool:
    return isinstance(of["group"], str) and bool(of["group"])


def _group(of: Mapping[Any, Any] | None, letters: str) -> Cell:
    """Return the letters of a detector, each in its own place, so that the eye follows one down the table."""
    if of is None or not _has_group(of):
        return Cell(MISSING)
    placed = "".join(letter if letter in of["group"] else "\N{NO-BREAK SPACE}" for letter in letters)
    return Cell(placed.rstrip(), of["group"])


def _mark_extremes(ranks: pd.DataFrame) -> dict[str, str]:
    auroc = ranks[~ranks["detector"].isin(CONTROLS)].set_index("detector")["auroc"].dropna()
    return {str(auroc.idxmin()): "worst", str(auroc.idxmax()): "best"} if len(auroc) > 1 else {}


def _compare_benches(ranks: pd.DataFrame, detectors: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield, for each bench, its best detector and the place that this has in the other bench."""
    places = {}
    for bench in BENCHES:
        own = ranks[(ranks["bench"] == bench) & ~ranks["detector"].isin(CONTROLS)]
        places[bench] = own.set_index("detector")["auroc"].dropna().rank(ascending=False, method="min")
    for bench, other in zip(BENCHES, reversed(BENCHES), strict=True):
        if len(places[bench]):
            best = str(places[bench].idxmin())
            yield {
                "bench": bench,
                "other": other,
                "best": detectors[best],
                "place": int(places[other][best]) if best in places[other] else None,
                "of": len(places[other]),
            }


def _describe_tests(ranks: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for bench in BENCHES:
        own = ranks[ranks["bench"] == bench]
        if len(own):
            n_blocks, n_seeds, p = own[["n_blocks", "n_seeds", "friedman_p"]].max()
            yield {
                "bench": bench,
                "n_blocks": int(n_blocks),
                "n_seeds": int(n_seeds),
                "p": "" if np.isnan(p) else _p(p),
            }


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _describe_methods(names: pd.DataFrame, detectors: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield a card for each method, with its uses; controls last."""
    rows = [row for row in _rows_of(names, DETECTOR) if row["id"] in detectors]
    rows.sort(key=lambda row: row["id"] in CONTROLS)
    for method in dict.fromkeys(row["method"] for row in rows):
        uses = [_describe(row) for row in rows if row["method"] == method]
        yield uses[0] | {
            "title": uses[0]["title"].partition(",")[0],
            "uses": uses,
            "is_control": uses[0]["id"] in CONTROLS,
        }


def _describe_poisons(
    table: pd.DataFrame,
    names: pd.DataFrame,
    settings: Mapping[str, str],
    examples: Mapping[str, Examples],
) -> Iterator[dict[str, Any]]:
    """Yield a card for each poison: what it is, and for each setting examples and what it achieves."""
    shown = table[table["poison"] != "none"]
    for row in _rows_of(names, POISON):
        own = shown[shown["poison"] == row["id"]]
        if own.empty:
            continue
        runs = [
            {
                "setting": settings[setting],
                "experiment": f"{setting}_{row['id']}",
                "examples": examples.get(f"{setting}_{row['id']}"),
            }
            | _describe_attack(of_setting)
            for setting, of_setting in own.groupby("setting", sort=False)
        ]
        yield _describe(row) | {"runs": runs}


def _describe_attack(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the share that is poison, and what the attack achieves with it and without it."""

    def pick(quantity: str, detector: str | None = None) -> dict[Any, Any] | None:
        found = rows[rows["quantity"] == quantity]
        found = found if detector is None else found[found["detector"] == detector]
        return None if found.empty else found.iloc[0].to_dict()

    counted, before, without = pick("auroc"), pick("success_before"), pick("success_after", PERFECT)
    gain = before["value"] - (without["value"] if without else 0) if before else np.nan
    return {
        "rate": counted["n_positives"] / counted["n_points"] if counted else None,
        "success": before and figure(*(before[part] for part in INTERVAL)),
        "without": without and figure(*(without[part] for part in INTERVAL)),
        "fails": bool(gain < LOW_SUCCESS),
    } | {
        f"accuracy{name}": found and figure(*(found[part] for part in INTERVAL))
        for name, found in [
            ("", pick("accuracy_before")),
            ("_without", pick("accuracy_after", PERFECT)),
        ]
    }


NO_FIGURE = dict.fromkeys(INTERVAL, float("nan"))


def _lay_out_bench(
    table: pd.DataFrame,
    bench: Bench,
    detectors: Mapping[str, str],
    kinds: Mapping[str, str],
    settings: Mapping[str, str],
    failing: Collection[tuple[str, str]] = (),
) -> Table:
    """Lay out a row for each detector in each experiment, the best AUROC first, those without any last.

    Parameters
    ----------
    failing : poisons and settings that are marked
    """
    kind_of, quantities = KIND[bench], QUANTITIES[bench]
    rows = []
    experiments = dict(iter(table.groupby(["setting", kind_of], sort=False)))
    order = [key for key in product(settings, kinds) if key in experiments]
    for setting, kind in sorted(order, key=lambda key: not _has_auroc(experiments[key])):
        own = experiments[setting, kind]
        experiment = f"{setting}_{kind}" if bench == POISON_BENCH else setting
        mark = "fails" if (kind, settings[setting]) in failing else ""
        auroc = own[own["quantity"] == "auroc"].set_index("detector")["value"]
        found = pd.Series(own["detector"].unique())
        for detector in found.iloc[(-found.map(auroc)).argsort(kind="stable")]:
            figures = _index(own[own["detector"] == detector], "quantity")
            counts = figures.get("auroc", next(iter(figures.values())))
            note = f"{kinds[kind]} · {settings[setting]}" + (f" ({mark})" if mark else "")
            shown = [
                figure(*(figures.get(quantity, NO_FIGURE)[part] for part in INTERVAL), has_bar=not place)
                for place, quantity in enumerate(quantities)
            ]
            cells = [
                _name(detector, detectors, note=note),
                shown[0],
                Cell(kinds[kind], kinds[kind], mark=mark),
                Cell(settings[setting], settings[setting]),
                *shown[1:],
                *(number(counts[count], f"{counts[count]:,.0f}") for count in _COUNTS),
                Cell("file", detector, href=_link_scores(experiment, detector)),
            ]
            named = {"detector": detector, kind_of: kind, "setting": settings[setting]}
            rows.append(Row(cells, named, detector in CONTROLS))
    first, *others = quantities.values()
    names = [Column(name, "text", "ascending", narrow=False) for name in (kind_of, "setting")]
    caption = f"{bench.capitalize()} bench: each detector in each setting and {kind_of}"
    return Table(f"{bench}-rows", caption, [_DETECTOR, first, *names, *others, *_COUNTED], rows)


def _index(rows: pd.DataFrame, *keys: str) -> dict[Any, dict[Any, Any]]:
    """Return the rows as dictionaries, by the value of a column or the values of several."""
    return rows.set_index(list(keys) if len(keys) > 1 else keys[0]).to_dict("index")


def _has_auroc(rows: pd.DataFrame) -> bool:
    return bool(rows.loc[rows["quantity"] == "auroc", "value"].notna().any())


def _turn_round(table: pd.DataFrame) -> pd.DataFrame:
    """Return each pair both ways round."""
    signs = {"value": -table["value"], "ci95_low": -table["ci95_high"], "ci95_high": -table["ci95_low"]}
    turned = table.assign(first=table["second"], second=table["first"], **signs)
    return pd.concat([table, turned]).drop_duplicates(["bench", "first", "second"])


def _list_opponents(comparisons: pd.DataFrame, detectors: Mapping[str, str]) -> dict[str, str]:
    """List the detectors that are compared, the best of the poison bench first."""
    both = _turn_round(comparisons)
    wins = both.groupby(["bench", "first"], sort=False)["value"].mean()
    order = sorted(wins.index, key=lambda key: (BENCHES.index(key[0]), -wins[key]))
    return {first: detectors[first] for first in dict.fromkeys(first for _, first in order)}


def _lay_out_pairs(comparisons: pd.DataFrame, detectors: Mapping[str, str]) -> Table:
    """Lay out each pair both ways round, both benches in a row."""
    both = _turn_round(comparisons)
    found = {bench: _index(both[both["bench"] == bench], "first", "second") for bench in BENCHES}
    rows = []
    for first, second in dict.fromkeys(chain.from_iterable(found.values())):
        cells = [_name(second, detectors)]
        for bench in BENCHES:
            of = found[bench].get((first, second), NO_FIGURE | {"p_conover_holm": float("nan")})
            p = of["p_conover_holm"]
            cells.append(figure(*(of[part] for part in INTERVAL)))
            cells.append(number(p, _p(p), strong=p < SIGNIFICANCE_LEVEL))
        rows.append(Row(cells, {"first": first, "second": second}))
    columns = [
        Column("against", "text", "ascending"),
        *chain.from_iterable(
            (Column(f"{bench}, difference of AUROC"), Column(f"{bench}, p", order="ascending"))
            for bench in BENCHES
        ),
    ]
    return Table("pairs", "Difference of the chosen detector from each other", columns, rows, lowest=-1)


COSTS = {
    "seconds": "a run",
    "fit_seconds": "fit",
    "score_seconds": "score",
    "microseconds_a_row": "score a row",
}


def _lay_out_costs(table: pd.DataFrame, detectors: Mapping[str, str]) -> Table:
    """Lay out the steps that detectors share, then each detector in each bench, the cheapest first."""
    rows = []
    shared = list(SHARED.values())
    groups: list[tuple[Any, dict[Any, dict[Any, Any]]]] = [
        (keys, _index(of, "quantity")) for keys, of in table.groupby(["bench", "detector"], sort=False)
    ]

    def order(group: tuple[Any, dict[Any, dict[Any, Any]]]) -> tuple[int, float]:
        (_, detector), costs = group
        place = shared.index(detector) if detector in shared else len(shared)
        return place, costs.get("seconds", NO_COST)["value"]

    for (bench, detector), costs in sorted(groups, key=order):
        is_shared = detector in shared
        name = Cell(detector, detector, note=bench) if is_shared else _name(detector, detectors, note=bench)
        cells = [name]
        cells += [
            _spread(costs.get(quantity, NO_COST), 1e-6 if quantity == "microseconds_a_row" else 1)
            for quantity in COSTS
        ]
        peak = costs.get("peak_mb", NO_COST)
        cells.append(number(peak["value"], f"{peak['value']:,.0f} MB"))
        cells.append(Cell(bench, bench))
        n = max(of["n"] for of in costs.values())
        cells.append(number(n, f"{n:,.0f}"))
        rows.append(Row(cells, {} if is_shared else {"detector": detector}, detector in CONTROLS))
    columns = [
        Column("detector or step", "text", "ascending"),
        *(Column(title, order="ascending") for title in COSTS.values()),
        Column("memory", order="ascending"),
        Column("bench", "text", "ascending", narrow=False),
        Column("runs"),
    ]
    return Table("costs", "Time and memory of each detector", columns, rows)


NO_COST = dict.fromkeys(["value", "lowest", "highest"], float("nan"))


def _spread(cost: Mapping[Any, Any], unit: float) -> Cell:
    value, lowest, highest = (cost[part] * unit for part in ("value", "lowest", "highest"))
    return number(value, duration(value), detail=f"{duration(lowest)} {MISSING} {duration(highest)}")
