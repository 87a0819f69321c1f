"""The page that the README quotes says what the tables say."""

import pandas as pd
from markupsafe import escape

from layeraudit.provenance import BANNER
from layeraudit.report.summary import (
    ATTACKS,
    GAINS,
    Section,
    summarise_adaptive,
    summarise_claims,
    summarise_detection,
    summarise_detectors,
    summarise_groups,
    summarise_inputs,
    summarise_table1,
    summarise_transfer,
    with_interval,
    write_markdown,
    write_page,
)


def test_a_figure_stands_with_the_interval_that_it_has_and_one_that_is_not_there_is_a_dash() -> None:
    assert with_interval(4.944, 4.46, 5.41, digits=2) == "4.94 [4.46, 5.41]"
    assert with_interval(4.944, float("nan"), float("nan"), digits=2) == "4.94"
    assert with_interval(float("nan"), 0, 1, digits=2) == "-"


def test_a_claim_is_a_row_with_its_verdict() -> None:
    claim = {
        "claim": "poison_varies_less",
        "words": "it has very low variance",
        "source": "the report",
        "reported": "by eye",
        "quantity": "share of it",
        "value": 0.5,
        "ci95_low": 0.25,
        "ci95_high": 0.75,
        "interval": "Wilson over points",
        "n_points": 1200,
        "n_seeds": 3,
        "verdict": "does not hold",
        "where": "tables/x.csv",
    }
    section = summarise_claims("Claims", pd.DataFrame([claim]))
    assert len(section.header) == len(section.rows[0])
    *_, title, _, note, _, header, rule, row = write_markdown([section], []).splitlines()
    assert title == "## Claims"
    assert '"cannot tell"' in note and "small run" in note
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row == (
        "| it has very low variance | the report | by eye | share of it | 0.500 [0.250, 0.750] "
        "| Wilson over points | 1,200 / 3 | **does not hold** | tables/x.csv |"
    )
    page = write_page([section], [])
    assert f"<p>{escape(note)}</p>" in page
    assert "<td><b>does not hold</b></td><td>tables/x.csv</td></tr>" in page
    assert page.count("<tr>") == 2


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


def test_a_group_stands_with_the_number_of_its_own_points() -> None:
    quantities = ["dnn_accuracy", "dknn_accuracy", "mean_credibility", "median_credibility"]
    counted = [(group, "number_of_points", 8) for group in ("moved", "not_moved")]
    rows = counted + [
        (group, name, n) for group, n in [("moved", 8), ("not_moved", 0)] for name in quantities
    ]
    table = pd.DataFrame(rows, columns=["group", "quantity", "n_points"])
    table = table.assign(points=4, value=0.5, ci95_low=None, ci95_high=None, interval="over seeds")
    table.loc[(table["group"] == "moved") & (table["quantity"] != "number_of_points"), "n_points"] = 7
    table.loc[table["n_points"] == 0, "value"] = None
    section = summarise_groups("Experiment 1", table, "points")
    assert section.rows == [["4", "moved (7)", *["0.500"] * 4], ["4", "not moved (0)", *["-"] * 4]]


def test_an_attack_stands_with_the_number_of_the_images_that_its_first_figure_is_of() -> None:
    figure = {"value": 0.5, "ci95_low": 0.4, "ci95_high": 0.6, "guide": None, "layer": None}
    of_attack = figure | {"source": "lenet", "epsilon": 0.2, "attack": "fgsm"}
    transfer = pd.DataFrame(
        of_attack | {"dataset": "mnist", "target": target, "quantity": "success", "n_points": n}
        for target, n in [("twin", 1300), ("lenet", 1050), ("audited", 1050)]
    )
    assert ["mnist 0.2, lenet (1,050)", "FGSM"] in [row[:2] for row in summarise_transfer("t", transfer).rows]
    shown = ["success", "dknn_accuracy", "credibility", "flagged_of_successes", "evasive_success", "l2"]
    detection = pd.DataFrame(
        of_attack | {"quantity": quantity, "detector": detector, "against": against, "n_points": n}
        for quantity, detector, against, n in [
            ("auroc", "credibility", None, 1100),
            ("credibility_difference", None, "i_fgsm", 2000),
            *((quantity, None, None, 1050) for quantity in shown),
            ("auroc_of_successes", "credibility", None, 90),
        ]
    )
    assert [row[0] for row in summarise_detection("d", detection).rows] == ["lenet (1,050)"]
    adaptive = pd.DataFrame(
        figure | {"attack": attack, "norm": "l2", "radius": 1, "quantity": quantity, "n_points": n}
        for attack, quantity, n in [
            *[("adaptive", "l2_of_successes", 2000), ("adaptive", "dknn_accuracy", 1050)],
            *[("least_l2", "credibility_of_successes", 90), ("least_l2", "fools_both", 1050)],
        ]
    ).assign(published=None)
    names = [row[0] for row in summarise_adaptive("a", adaptive).rows]
    assert names == ["adaptive (1,050)", "least l2 (1,050)"]


def test_groups_and_detectors_are_a_row_each_with_the_figures_in_their_columns() -> None:
    interval = {"ci95_low": 0.1, "ci95_high": 0.9, "n_points": 1200, "interval": "over seeds"}
    quantities = [
        "number_of_points",
        "median_credibility",
        "mean_credibility",
        "dknn_accuracy",
        "dnn_accuracy",
    ]
    groups = pd.DataFrame(
        [
            {"points": points, "group": group, "quantity": quantity, "value": number / 8, **interval}
            for points, group in [(0, "clean"), (15, "not_moved")]
            for number, quantity in enumerate(quantities)
        ]
    )
    section = summarise_groups("Experiment 1", groups, "points")
    figures = ["0.500 [0.100, 0.900]", "0.375 [0.100, 0.900]", "0.250 [0.100, 0.900]", "0.125 [0.100, 0.900]"]
    assert section.rows == [["0", "clean (1,200)", *figures], ["15", "not moved (1,200)", *figures]]
    assert section.header[:3] == ["points", "group (points)", "network right"]
    assert "over seeds" in section.note

    detectors = pd.DataFrame(
        [
            {"evaluated": "held_out", "among": "all", "score": "credibility", "quantity": quantity, **values}
            for quantity, values in [
                ("base_rate", {"value": 0.0008, **interval}),
                ("auroc", {"value": 0.75, **interval}),
                ("average_precision", {"value": 0.25, **interval}),
            ]
        ]
    )
    [row] = summarise_detectors("Detectors", detectors).rows
    assert row[:3] == ["credibility", "held out", "all (1,200)"]
    assert [cell.split()[0] for cell in row[3:]] == ["0.7500", "0.2500", "0.0008"]


def test_table_1_is_a_row_a_group_and_the_reports_rows_below() -> None:
    groups = ["non_poisoned", "misclassified", "misclassified_clean", "poisoned"]
    table = pd.DataFrame(
        [
            {
                "group": group,
                "layer": layer,
                "percent_poisoned_neighbours": number,
                "ci95_low": number - 1,
                "ci95_high": number + 1,
                "n_points": 1000,
                "n_seeds": 5,
                "reported": 24.93 if group == "non_poisoned" else float("nan"),
            }
            for group in groups
            for number, layer in enumerate(["relu1", "fc"], start=4)
        ]
    )
    section = summarise_table1("Table 1", table)
    assert section.header == ["group (points)", "relu1", "fc"]
    assert section.rows[0] == ["clean held-out images (1,000)", "4.00 [3.00, 5.00]", "5.00 [4.00, 6.00]"]
    assert section.rows[-1] == ["*report: clean held-out images*", "*24.93*", "*24.93*"]
    assert len(section.rows) == len(groups) + 1


def test_an_input_is_a_row_with_the_papers_figure_in_brackets() -> None:
    figure = {"value": 0.5, "ci95_low": 0.4, "ci95_high": 0.6, "n_points": 300, "interval": "over seeds"}
    table = pd.DataFrame(
        [
            {"input": "fgsm", "quantity": "dnn_accuracy", "mode": "none", "published": 0.271} | figure,
            {"input": "fgsm", "quantity": "credibility", "mode": "paper", "published": None} | figure,
        ]
    )
    ours = "0.500 [0.400, 0.600]"
    assert summarise_inputs("Inputs", table).rows == [["FGSM (300)", f"{ours} (0.271)", "-", "-", ours, "-"]]


def test_attacks_that_transfer_are_a_row_each_at_the_middle_radius() -> None:
    interval = {"ci95_low": 0.1, "ci95_high": 0.9, "n_points": 1050}
    of_run = {"dataset": "mnist", "source": "lenet", "guide": None, "layer": None}
    table = pd.DataFrame(
        of_run | interval | {"epsilon": epsilon, "attack": attack, "guide": guide, "layer": layer}
        | {"target": target, "quantity": quantity, "value": epsilon}
        for attack, guide, layer in ATTACKS
        for epsilon in ([0.1, 0.2] if attack != "none" else [0.0])
        for target in ("lenet", "twin", "audited", "mean_of_others")
        for quantity in ("success", *GAINS, "success_binarised", "l2")
    )  # fmt: skip
    section = summarise_transfer("t", table.replace("", None))
    assert len(section.rows) == len(ATTACKS)
    assert section.rows[2][:3] == ["mnist 0.2, lenet (1,050)", "FGSM", "0.200 [0.100, 0.900]"]
    assert all(len(row) == len(section.header) for row in section.rows)
    assert section.rows[2][-2:] == ["-", "-"]  # where noise fools every network none is steady


def test_dknn_against_transfer_shows_the_attacks_that_its_table_has() -> None:
    interval = {"ci95_low": 0.1, "ci95_high": 0.9, "n_points": 1050, "source": "lenet", "epsilon": 0.2}
    plain = ["success", "dknn_accuracy", "credibility", "flagged_of_successes", "evasive_success", "l2"]
    kinds = [(quantity, None, None) for quantity in plain]
    kinds += [("auroc_of_successes", detector, None) for detector in ("credibility", "softmax")]
    kinds += [("credibility_difference", None, "i_fgsm")]
    table = pd.DataFrame(
        interval | {"attack": "fgsm", "guide": None, "layer": None, "value": number / 10}
        | {"quantity": quantity, "detector": detector, "against": against}
        for number, (quantity, detector, against) in enumerate(kinds)
    )  # fmt: skip
    section = summarise_detection("d", table)
    assert [row[:2] for row in section.rows] == [["lenet (1,050)", "FGSM"]]
    figures = [cell.split()[0] for cell in section.rows[0][2:]]
    assert figures == ["0.000", "0.100", "0.200", "0.600", "0.300", "0.400", "0.500"]
    assert len(section.header) == len(section.rows[0])


def test_the_attack_that_knows_dknn_stands_beside_published_figures() -> None:
    interval = {"ci95_low": 0.1, "ci95_high": 0.2, "n_points": 1050, "layer": None, "value": 0.15}
    ball = {"attack": "adaptive", "norm": "linf", "radius": 0.2, "published": 0.174}
    least = {"attack": "least_l2", "norm": "l2", "radius": float("inf"), "published": 0.95}
    table = pd.DataFrame(
        [interval | ball | {"quantity": "dknn_accuracy"}, interval | least | {"quantity": "fools_both"}]
    )
    first, second = summarise_adaptive("a", table).rows
    assert first[:4] == ["adaptive (1,050)", "linf 0.2", "0.150 [0.100, 0.200] (0.174)", "-"]
    assert second[:2] == ["least l2 (1,050)", "l2 least of all"]
    assert second[-2] == "0.150 [0.100, 0.200] (0.950)"
