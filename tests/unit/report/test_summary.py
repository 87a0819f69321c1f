"""The page of claims and short tables says what the tables say."""

import numpy as np
import pandas as pd
from markupsafe import escape

from layeraudit.provenance import BANNER
from layeraudit.report.summary import (
    LAYOUTS,
    TABLES,
    Section,
    summarise_claims,
    summarise_table,
    write_figure,
    write_markdown,
    write_page,
)

INTERVAL = {"ci95_low": 0.1, "ci95_high": 0.9, "n_points": 1200}


def test_a_figure_stands_with_the_interval_and_the_reported_one_that_it_has() -> None:
    figure = {"value": 4.944, "ci95_low": 4.46, "ci95_high": 5.41}
    assert write_figure(figure, digits=2) == "4.94 [4.46, 5.41]"
    assert write_figure(figure | {"reported": 29.04}, digits=1) == "4.9 [4.5, 5.4] (29.0)"
    assert write_figure(figure | {"ci95_low": np.nan, "reported": np.nan}, digits=2) == "4.94"
    assert write_figure(figure | {"value": np.nan}, digits=2) == "-"


def test_a_claim_is_a_row_and_a_primary_one_has_a_verdict() -> None:
    claim = {
        "claim": "poison_varies_less",
        "words": "it has very low variance",
        "source": "the report",
        "reported": "by eye",
        "measured": "share of it",
        "value": 0.5,
        "ci95_low": 0.25,
        "ci95_high": 0.75,
        "n_points": 1200,
        "n_seeds": 3,
        "verdict": "does not hold",
        "table": "x",
    }
    secondary = claim | {"reported": np.nan, "verdict": np.nan}
    section = summarise_claims(pd.DataFrame([claim, secondary]))
    *_, title, _, note, _, header, rule, row, other = write_markdown([section], []).splitlines()
    assert title == "## Claims"
    assert '"cannot tell"' in note
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row == (
        "| it has very low variance | the report | by eye | share of it | 0.500 [0.250, 0.750] "
        "| 1,200 / 3 | **does not hold** | tables/x.csv |"
    )
    assert other.endswith("|  | share of it | 0.500 [0.250, 0.750] | 1,200 / 3 |  | tables/x.csv |")
    page = write_page([section], [])
    assert f"<p>{escape(note)}</p>" in page
    assert "<td><b>does not hold</b></td><td>tables/x.csv</td></tr>" in page
    assert page.count("<tr>") == 3


def test_a_page_shows_what_a_cell_says_and_runs_none_of_it() -> None:
    section = Section("a & b", ["<i>"], [["<script>"], ["*report*"]])
    page = write_page([section], [])
    assert "<h2>a &amp; b</h2>" in page
    assert "<td>&lt;script&gt;</td>" in page
    assert "<td><i>report</i></td>" in page


def test_the_page_has_a_title_its_runs_and_a_banner_where_one_is_small() -> None:
    runs = ["SMALL RUN: variant small; k 10", "variant report; k 75"]
    section = Section("a", ["b"], [["c"]])
    markdown, page = write_markdown([section], runs), write_page([section], runs)
    lines = [line for line in markdown.splitlines() if line]
    assert lines[0] == f"# {BANNER}" and lines[1].startswith("# ")
    assert lines[2:4] == runs and lines[5] == "## a"
    assert all(f"<dd>{run}</dd>" in page for run in runs)
    assert f'<p class="banner"><b>{BANNER}.</b>' in page
    assert f"<h1>{lines[1].removeprefix('# ')}</h1>" in page
    assert BANNER not in write_markdown([section], runs[1:]) + write_page([section], runs[1:])


def test_a_row_has_the_figures_of_its_columns_and_their_number_of_points() -> None:
    quantities = ["median_credibility", "mean_credibility", "dknn_accuracy", "dnn_accuracy"]
    table = pd.DataFrame(
        [
            {"points": points, "group": group, "quantity": quantity, "value": number / 8, **INTERVAL}
            for points, group in [(0, "clean"), (15, "not_moved")]
            for number, quantity in enumerate(quantities, start=1)
        ]
    )
    section = summarise_table("experiment_1", table)
    figures = ["0.500 [0.100, 0.900]", "0.375 [0.100, 0.900]", "0.250 [0.100, 0.900]", "0.125 [0.100, 0.900]"]
    assert section.rows == [["0", "clean", "1,200", *figures], ["15", "not moved", "1,200", *figures]]
    assert section.header[:4] == ["points", "group", "points", "network right"]


def test_what_is_not_there_is_a_dash_and_a_row_without_figures_is_left_out() -> None:
    table = pd.DataFrame(
        [
            {"input": "fgsm", "quantity": "dnn_accuracy", "mode": None, "reported": 0.271, "value": 0.5},
            {"input": "fgsm", "quantity": "credibility", "mode": "paper", "reported": None, "value": 0.5},
            {"input": "bim", "quantity": "credibility", "mode": "conformal", "reported": None, "value": 0.5},
        ]
    ).assign(**INTERVAL)
    ours = "0.500 [0.100, 0.900]"
    rows = summarise_table("dknn_mnist", table).rows
    assert rows == [["fgsm", "1,200", f"{ours} (0.271)", "-", "-", ours, "-"]]


def test_table_1_is_a_row_a_group_and_a_column_a_layer() -> None:
    table = pd.DataFrame(
        [
            {"group": group, "layer": layer, "percent_poisoned_neighbours": number, **INTERVAL}
            | {"reported": 24.93 if group == "non_poisoned" else np.nan}
            for group in ("non_poisoned", "poisoned")
            for number, layer in enumerate(["relu1", "fc"], start=4)
        ]
    )
    section = summarise_table("table1", table)
    assert section.header == ["group", "points", "relu1", "fc"]
    assert section.rows[0] == [
        *("non poisoned", "1,200", "4.00 [0.10, 0.90] (24.93)", "5.00 [0.10, 0.90] (24.93)")
    ]
    assert section.rows[1][2] == "4.00 [0.10, 0.90]"


def test_every_layout_has_a_title() -> None:
    assert LAYOUTS.keys() <= TABLES.keys()
