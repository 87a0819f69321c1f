"""The leaderboard says what the tables say, its rows lead to their files, its folder is whole or absent."""

import re
import runpy
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY, run_programs

from layeraudit.errors import InputError
from layeraudit.leaderboard import FIGURES, TABLES, linked_scores, write_leaderboard
from layeraudit.pages import (
    MINUS,
    MISSING,
    SCRIPT,
    STYLE,
    Column,
    Row,
    draw_interval,
    show_figure,
    with_three_digits,
    write_figure,
    write_name,
    write_number,
    write_sortable,
    write_text,
)

NONE = float("nan")
INTERVAL = {"ci95_low": 0.25, "ci95_high": 0.75}
COUNTS = {"n_points": 12000, "n_positives": 600, "n_seeds": 5}


def of_bench(names: dict[str, str], **figures: float) -> list[dict[str, object]]:
    return [
        names | {"quantity": quantity, "value": value} | INTERVAL | {"interval": "i"} | COUNTS
        for quantity, value in figures.items()
    ]


def in_ranks(bench: str, detector: str, mean_rank: float, auroc: float, group: str) -> dict[str, object]:
    names = {"bench": bench, "detector": detector, "mean_rank": mean_rank, "auroc": auroc, "group": group}
    return names | INTERVAL | {"n_blocks": 4, "n_seeds": 20, "friedman_p": 0.0004}


@pytest.fixture
def tables() -> dict[str, pd.DataFrame]:
    knn = {"setting": "mnist", "poison": "badnets_5", "detector": "knn_distance"}
    unpoisoned = {"setting": "mnist", "poison": "none"}
    poison = [
        *of_bench(unpoisoned | {"detector": "knn_distance"}, auroc=NONE, clean_removed=0.1),
        *of_bench(knn | {"detector": "random"}, auroc=0.5),
        *of_bench(knn, auroc=0.875, average_precision=0.5, accuracy_before=0.98, success_after=0.0625),
        *of_bench(knn | {"detector": "energy"}, auroc=0.25),
    ]
    evasion = of_bench(
        {"setting": "evasion_mnist", "input": "fgsm", "detector": "energy"}, auroc=0.75, tpr_at_5_fpr=0.5
    )
    ranks = [
        in_ranks("poison", "random", NONE, 0.5, ""),
        in_ranks("poison", "energy", 2.25, 0.25, "bc"),
        in_ranks("poison", "knn_distance", 1.5, 0.875, "ab"),
    ]
    pair = {"bench": "poison", "first": "knn_distance", "second": "energy", "value": 0.625}
    pair |= INTERVAL | {"p_conover_holm": 0.0002, "n_blocks": 4, "n_seeds": 20}
    cost = [
        {"bench": "poison", "detector": "energy", "quantity": quantity, "value": value}
        | {"lowest": value / 2, "highest": value * 2, "n": 20}
        for quantity, value in [("fit_seconds", 0.00123), ("microseconds_a_row", 1234.5), ("peak_mb", 0.0)]
    ]
    rows = {"poison_bench": poison, "evasion_bench": evasion, "detector_ranks": ranks}
    rows |= {"detector_comparisons": [pair], "detector_cost": cost}
    return {name: pd.DataFrame(records) for name, records in rows.items()}


class Page(HTMLParser):
    """The tables of a page by their ids, rows of (text, data-value) of each cell; all links; all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, str | None]]]] = {}
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.links += [str(attributes["href"])] if tag == "a" else []
        if tag == "table":
            self.rows = self.tables.setdefault(str(attributes["id"]), [])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell, self.value = [], attributes.get("data-value")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1].append(("".join(self.cell), self.value))
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)


def texts(rows: list[list[tuple[str, str | None]]]) -> list[list[str]]:
    return [[text for text, _ in row] for row in rows]


def test_a_figure_stands_with_its_interval_and_is_sorted_by_its_number() -> None:
    assert write_figure(0.973, 0.951, 0.99, has_bar=False) == (
        '<td data-value="0.973">0.973 <span class="interval">[0.951, 0.990]</span></td>'
    )
    assert write_figure(-0.25, -0.5, 0, has_bar=False) == (
        f'<td data-value="-0.25">{MINUS}0.250 <span class="interval">[{MINUS}0.500, 0.000]</span></td>'
    )
    assert write_figure(0.5, NONE, NONE) == '<td data-value="0.5">0.500</td>'
    assert 'style="--share:0.500"' in write_figure(0.5, 0.4, 0.6, has_bar=True)


def test_what_is_missing_is_a_dash_that_sorts_last() -> None:
    missing = f'<td data-value="">{MISSING}</td>'
    assert write_figure(NONE, NONE, NONE, has_bar=True) == missing
    assert write_number(NONE, "nan") == missing
    assert draw_interval(NONE, NONE, NONE, lowest=0, middle=0.5) == "<td></td>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.001234, "0.00123"),
        (0.9996, "1.000"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (1234.5, "1,230"),
    ],
)
def test_times_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert with_three_digits(value) == text


def test_an_interval_is_drawn_where_its_numbers_are() -> None:
    drawn = draw_interval(0.5, 0.25, 1, lowest=0, middle=0.5)
    assert 'd="M53.0 9H194.0"' in drawn
    assert 'd="M100.0 3V15"' in drawn
    assert 'd="M100.0 3V15"' in draw_interval(0, -1, 1, lowest=-1, middle=0)


def test_names_are_shown_and_none_of_them_is_run() -> None:
    name = '<script>"&'
    assert write_name(name, f"../{name}") == (
        '<th scope="row" data-value="&lt;script&gt;&quot;&amp;">'
        '<a href="../%3Cscript%3E%22%26">&lt;script&gt;&quot;&amp;</a></th>'
    )
    assert "<script>" not in write_text(name) + write_number(0, name) + show_figure(name, name, name)
    table = write_sortable(name, name, [Column(name)], [Row([], {"poison": name})], filters=["poison"])
    assert "<script>" not in table
    assert 'data-poison="&lt;script&gt;&quot;&amp;"' in table


def test_a_name_in_a_table_is_escaped_wherever_it_stands(tables: dict[str, pd.DataFrame]) -> None:
    columns = ["setting", "poison", "input", "detector", "bench", "first", "second", "group"]
    for table in tables.values():
        for column in set(columns) & set(table):
            table[column] = table[column].map(lambda name: f"<b onload='x'>\"&{name}")
    page = write_leaderboard(tables, "<b>")
    assert "<b onload" not in page
    assert "&lt;b onload=" in page


def test_every_table_has_as_many_cells_in_each_row_as_headers(tables: dict[str, pd.DataFrame]) -> None:
    found = Page(write_leaderboard(tables)).tables
    assert list(found) == ["overall-poison", "poison", "evasion", "pairs", "costs"]
    for name, (header, *rows) in found.items():
        assert rows, name
        assert {len(row) for row in rows} == {len(header)}, name


def test_overall_lists_detectors_by_rank_with_their_groups_and_costs(
    tables: dict[str, pd.DataFrame],
) -> None:
    _, *rows = texts(Page(write_leaderboard(tables)).tables["overall-poison"])
    figure = "[0.250, 0.750]"
    assert rows == [
        ["knn distance", "1.50", "ab", f"0.875 {figure}", "", MISSING, MISSING, MISSING],
        ["energy", "2.25", " bc", f"0.250 {figure}", "", "0.00123", "1,230", "0"],
        ["random", MISSING, MISSING, f"0.500 {figure}", "", MISSING, MISSING, MISSING],
    ]


def test_a_block_is_listed_best_first_and_one_without_poison_last(tables: dict[str, pd.DataFrame]) -> None:
    header, *rows = Page(write_leaderboard(tables)).tables["poison"]
    assert [row[:3] for row in texts(rows)] == [
        ["knn distance", "mnist", "badnets 5"],
        ["random", "mnist", "badnets 5"],
        ["energy", "mnist", "badnets 5"],
        ["knn distance", "mnist", "none"],
    ]
    by_title = dict(zip((title for title, _ in header), rows[0], strict=True))
    assert by_title["AUROC"] == ("0.875 [0.250, 0.750]", "0.875")
    assert by_title["accuracy before"] == ("0.980 [0.250, 0.750]", "0.98")
    assert by_title["accuracy after"] == (MISSING, "")
    assert by_title["attack success after"] == ("0.062 [0.250, 0.750]", "0.0625")
    assert [by_title[title][0] for title in ("images", "to find", "seeds")] == ["12,000", "600", "5"]
    assert by_title["images"][1] == "12000"
    assert dict(zip((title for title, _ in header), rows[-1], strict=True))["AUROC"] == (MISSING, "")


def test_a_pair_stands_both_ways_round(tables: dict[str, pd.DataFrame]) -> None:
    _, *rows = texts(Page(write_leaderboard(tables)).tables["pairs"])
    assert [row[:4] for row in rows] == [
        ["knn distance", "energy", "poison", "0.625 [0.250, 0.750]"],
        ["energy", "knn distance", "poison", f"{MINUS}0.625 [{MINUS}0.750, {MINUS}0.250]"],
    ]
    assert {row[5] for row in rows} == {"< 0.001"}


def test_a_pair_that_stands_both_ways_round_already_is_not_doubled(tables: dict[str, pd.DataFrame]) -> None:
    pair = tables["detector_comparisons"]
    turned = pair.assign(first=pair["second"], second=pair["first"], value=-pair["value"])
    tables["detector_comparisons"] = pd.concat([pair, turned])
    assert len(Page(write_leaderboard(tables)).tables["pairs"]) == 3


def test_rows_lead_to_the_scores_that_they_are_computed_from(tables: dict[str, pd.DataFrame]) -> None:
    links = Page(write_leaderboard(tables)).links
    scores = linked_scores(tables)
    assert scores == [
        "mnist_none/detectors/knn_distance.parquet",
        "mnist_badnets_5/detectors/random.parquet",
        "mnist_badnets_5/detectors/knn_distance.parquet",
        "mnist_badnets_5/detectors/energy.parquet",
        "evasion_mnist/detectors/energy.parquet",
    ]
    assert {link for link in links if link.startswith("../")} == {f"../{file}" for file in scores}
    assert {link for link in links if link.endswith(".csv")} == {f"{name}.csv" for name in TABLES}
    assert {link for link in links if link.endswith(".svg")} == {f"{name}.svg" for name in FIGURES}


def test_facts_are_counted_in_the_tables(tables: dict[str, pd.DataFrame]) -> None:
    page = write_leaderboard(tables)
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert facts == {
        "detectors": "2",
        "controls": "1",
        "settings": "2",
        "kinds of poison": "1",
        "kinds of input": "1",
        "seeds of each": "5",
    }
    tables["evasion_bench"]["n_seeds"] = 3
    assert f"<dd>3{MISSING}5</dd>" in write_leaderboard(tables)


def test_controls_are_marked(tables: dict[str, pd.DataFrame]) -> None:
    rows = re.findall(r"<tr.*?</tr>", write_leaderboard(tables))
    marked = [row for row in rows if "class=control" in row]
    assert len(marked) == 2  # overall and in the bench
    assert all(">random<" in row for row in marked)


def test_the_page_loads_nothing_but_its_figures(tables: dict[str, pd.DataFrame]) -> None:
    page = write_leaderboard(tables)
    assert "http:" not in page
    assert "https:" not in page
    assert "url(" not in page
    assert "@import" not in page
    loaded = [str(attributes["src"]) for _, attributes in Page(page).tags if "src" in attributes]
    assert loaded == [f"{name}.svg" for name in FIGURES]
    assert len(SCRIPT.strip().splitlines()) <= 60


def test_a_bench_without_rows_gives_an_empty_table(tables: dict[str, pd.DataFrame]) -> None:
    page = Page(write_leaderboard({name: table.iloc[:0] for name, table in tables.items()}))
    assert all(len(rows) == 1 for rows in page.tables.values())


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_table_or_column_is_one_sentence(name: str, tables: dict[str, pd.DataFrame]) -> None:
    column = TABLES[name][-1]
    lacking = tables | {name: tables[name].drop(columns=column)}
    with pytest.raises(InputError, match=rf"^{name}.csv lacks the column {column}, needed are bench|setting"):
        write_leaderboard(lacking)
    del tables[name]
    with pytest.raises(
        InputError, match=rf"^the leaderboard lacks the table {name}.csv, needed are poison_b"
    ):
        write_leaderboard(tables)


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_all_that_lies_behind_it_by_wcag_aa(mode: int) -> None:
    colours = dict(re.findall(r"--(\w+): (#\w+);", STYLE.split("@media")[mode]))
    for text in ("ink", "quiet", "accent"):
        for behind in ("paper", "raised", "hover", *(["bar"] if text != "accent" else [])):
            bright, dark = sorted([luminance(colours[text]), luminance(colours[behind])], reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, behind)


@pytest.fixture
def results(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Path:
    for name in TABLES:
        path = tmp_path / "results/small/tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        tables[name].to_csv(path, index=False)
    for name in FIGURES:
        path = tmp_path / "results/small/figures" / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<svg>{name}</svg>")
    for scores in linked_scores(tables):
        path = tmp_path / "results" / scores
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "results"


def making(results: Path) -> tuple[str, list[object]]:
    options = ["--tables", *sorted(results.glob("tables/*")), "--figures", *sorted(results.glob("figures/*"))]
    return "make_leaderboard.py", [*options, "--output", results / "leaderboard"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_folder_holds_the_page_its_tables_and_its_figures(results: Path) -> None:
    (results / "leaderboard").mkdir()
    (results / "leaderboard/of_an_older_one.csv").touch()
    (results / ".partial-killed-leaderboard").mkdir()
    _, errors = run_programs(making(results), making(results))
    assert errors == []
    made = contents(results / "leaderboard")
    assert set(made) == {
        "index.html",
        *(f"{name}.csv" for name in TABLES),
        *(f"{name}.svg" for name in FIGURES),
    }
    assert made["poison_bench.csv"] == (results / "tables/poison_bench.csv").read_bytes()
    assert b"badnets 5" in made["index.html"]
    assert not list(results.glob(".partial-*"))
    for link in Page(made["index.html"].decode()).links:
        if not link.startswith("#"):
            assert (results / "leaderboard" / link).is_file(), link


def test_what_is_missing_is_one_sentence_and_no_folder(results: Path) -> None:
    whole = making(results)
    lacking_table = (whole[0], [option for option in whole[1] if "detector_cost" not in str(option)])
    lacking_figure = (whole[0], [option for option in whole[1] if "evasion_bench.svg" not in str(option)])
    (results / "evasion_mnist/detectors/energy.parquet").unlink()
    _, errors = run_programs(whole, lacking_table, lacking_figure)
    assert len(errors) == 3
    assert "evasion_mnist/detectors/energy.parquet, which a row of the leaderboard links to" in errors[0]
    assert "the leaderboard lacks the table detector_cost.csv" in errors[1]
    assert "the leaderboard lacks the figure evasion_bench.svg" in errors[2]
    assert not list(results.glob("*leaderboard*"))


def test_a_fault_in_the_middle_leaves_the_older_folder_as_it_was(tmp_path: Path) -> None:
    program = runpy.run_path(str(REPOSITORY / "scripts/make_leaderboard.py"), run_name="program")
    (tmp_path / "board").mkdir()
    (tmp_path / "board/index.html").write_text("older")
    with pytest.raises(OSError, match="full"), program["folder_written_whole"](tmp_path / "board") as folder:
        (folder / "index.html").write_text("newer")
        raise OSError("the disk is full")
    assert contents(tmp_path / "board") == {"index.html": b"older"}
    assert [path.name for path in tmp_path.iterdir()] == ["board"]
