"""The leaderboard says what the tables say, and its folder holds all that its page links to, or is absent."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY, run_programs
from PIL import Image

from layeraudit.errors import InputError
from layeraudit.files import write_split
from layeraudit.leaderboard.examples import FACTORS, N_EXAMPLES, choose_examples
from layeraudit.leaderboard.page import FIGURES, TABLES, read_citation, render_leaderboard
from layeraudit.pages import MINUS, MISSING
from layeraudit.splits import Split

NONE = float("nan")
INTERVAL = {"ci95_low": 0.25, "ci95_high": 0.75}
COUNTS = {"n_points": 12000, "n_positives": 600, "n_seeds": 5}
CITATION = {"title": "Layeraudit", "version": "0.1.0", "authors": "The authors"}
PAGES = REPOSITORY / "scripts/layeraudit/pages"
RUN = "variant report; k 75 (cosine); commit 5e6eab4 (2026-11-29), AMD EPYC, 2 cores"

NAMES = [
    ("detector", "knn_distance", "knn_distance", "k-NN distance, relu3", "Distance.", "Sun et al. 2022"),
    ("detector", "energy", "energy", "Energy", "Logits.", "Liu et al. 2020"),
    ("detector", "random", "random", "Random", "A control.", ""),
    ("detector", "grey_pixels", "grey_pixels", "Grey pixels", "A control.", ""),
    ("poison", "badnets_5", "badnets", "BadNets, 5 %", "A square.", "Gu et al. 2017"),
    ("poison", "badnets_10", "badnets", "BadNets, 10 %", "A square.", "Gu et al. 2017"),
    ("poison", "none", "none", "No poison", "Nothing.", ""),
    ("input", "fgsm", "fgsm", "FGSM", "A step.", "Goodfellow et al. 2015"),
    ("poison_setting", "mnist", "", "MNIST", "", ""),
    ("evasion_setting", "evasion_mnist", "", "MNIST", "", ""),
]


SCORES = [
    *(("mnist_none", "knn_distance"), ("mnist_badnets_5", "random"), ("mnist_badnets_5", "knn_distance")),
    *(("mnist_badnets_5", "energy"), ("evasion_mnist", "grey_pixels"), ("evasion_mnist", "energy")),
    ("evasion_mnist", "knn_distance"),
]
"""Experiment and detector of each row of the tables of both benches."""


def name_all() -> pd.DataFrame:
    names = pd.DataFrame(NAMES, columns=["kind", "id", "method", "title", "idea", "reference"])
    link = ", https://arxiv.org/abs/2204.06507"
    with_links = names["reference"].map(lambda paper: paper + link if paper else NONE)  # as read from a file
    return names.assign(reference=with_links, settings="k 50")


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
        *of_bench(knn, auroc=0.875, accuracy_before=0.98, success_before=0.9375, success_after=0.0625),
        *of_bench(knn | {"detector": "energy"}, auroc=0.25),
    ]
    evasion = [
        *of_bench({"setting": "evasion_mnist", "input": "fgsm", "detector": "grey_pixels"}, auroc=0.9),
        *of_bench({"setting": "evasion_mnist", "input": "fgsm", "detector": "energy"}, auroc=0.75),
        *of_bench({"setting": "evasion_mnist", "input": "fgsm", "detector": "knn_distance"}, auroc=0.5),
    ]
    ranks = [
        in_ranks("poison", "random", NONE, 0.5, ""),
        in_ranks("poison", "energy", 2.25, 0.25, "bc"),
        in_ranks("poison", "knn_distance", 1.5, 0.875, "ab"),
        in_ranks("evasion", "energy", 1.25, 0.75, "a"),
        in_ranks("evasion", "knn_distance", 1.75, 0.5, "b"),
        in_ranks("evasion", "grey_pixels", NONE, 0.9, ""),
    ]
    pair = {"bench": "poison", "first": "knn_distance", "second": "energy", "value": 0.625}
    pair |= INTERVAL | {"p_conover_holm": 0.0002, "n_blocks": 4, "n_seeds": 20}
    cost = [
        {"bench": "poison", "detector": detector, "quantity": quantity, "value": value}
        | {"lowest": value / 2, "highest": value * 2, "n": 20}
        for detector, quantity, value in [
            ("energy", "fit_seconds", 0.000025),
            ("energy", "microseconds_a_row", 1234.5),
            ("energy", "seconds", 0.5),
            ("energy", "peak_mb", 0.0),
            ("shared: capture", "seconds", 3.1),
        ]
    ]
    rows = {"poison_bench": poison, "evasion_bench": evasion, "detector_ranks": ranks}
    rows |= {"detector_comparisons": [pair], "detector_cost": cost}
    made = {name: pd.DataFrame(records).assign(run=RUN) for name, records in rows.items()}
    return made | {"names": name_all()}


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
            self.rows = self.tables.setdefault(str(attributes.get("id")), [])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell, self.value = [], attributes.get("data-value")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1].append((" ".join("".join(self.cell).split()), self.value))
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)


def write(tables: dict[str, pd.DataFrame], **examples: object) -> str:
    return render_leaderboard(tables, examples, CITATION)  # type: ignore[arg-type]


def read(tables: dict[str, pd.DataFrame]) -> Page:
    return Page(write(tables))


def texts(rows: list[list[tuple[str, str | None]]]) -> list[list[str]]:
    return [[text for text, _ in row] for row in rows]


def test_names_are_escaped(tables: dict[str, pd.DataFrame]) -> None:
    names = tables["names"]
    names[["title", "idea", "settings"]] = "<b onload='x'>\"&" + names[["title", "idea", "settings"]]
    for name in ("poison_bench", "names"):
        column = {"poison_bench": "poison", "names": "id"}[name]
        tables[name][column] = tables[name][column].replace("badnets_5", "<i>\"'")
    tables["poison_bench"]["run"] = "<u>run"
    page = write(tables)
    assert not re.search('<b onload|<i>"|<u>run', page)
    assert "&lt;b onload=" in page
    assert 'data-poison="&lt;i&gt;&#34;&#39;"' in page
    assert "&lt;u&gt;run" in page


def test_rows_have_as_many_cells_as_headers(tables: dict[str, pd.DataFrame]) -> None:
    found = read(tables).tables
    assert list(found) == ["overall", "poison-rows", "evasion-rows", "pairs", "costs"]
    for name, (header, *rows) in found.items():
        assert rows, name
        assert {len(row) for row in rows} == {len(header)}, name


def test_overall_is_sorted_by_rank_controls_last(tables: dict[str, pd.DataFrame]) -> None:
    header, *rows = texts(read(tables).tables["overall"])
    assert header[:3] == ["detector", "poison, AUROC", "evasion, AUROC"]
    interval = "[0.250, 0.750]"
    assert [row[:3] for row in rows] == [
        ["k-NN distance, relu3", f"0.875 best {interval}", f"0.500 worst {interval}"],
        ["Energy", f"0.250 worst {interval}", f"0.750 best {interval}"],
        ["Random", f"0.500 {interval}", MISSING],
        ["Grey pixels", MISSING, f"0.900 {interval}"],
    ]
    assert [row[4:] for row in rows] == [
        ["1.5", "ab", "1.8", "b"],
        ["2.2", "bc", "1.2", "a"],
        [MISSING] * 4,
        [MISSING] * 4,
    ]


def test_the_best_of_one_bench_has_a_place_in_the_other(tables: dict[str, pd.DataFrame]) -> None:
    page = re.sub(r"\s+", " ", write(tables))
    assert "<b>k-NN distance, relu3</b>, which is <b>number 2 of 2</b> in the evasion bench" in page
    assert "<b>Energy</b>, which is <b>number 2 of 2</b> in the poison bench" in page


def test_experiments_are_listed_best_first(
    tables: dict[str, pd.DataFrame],
) -> None:
    header, *rows = read(tables).tables["poison-rows"]
    assert [[row[0], *row[2:4]] for row in texts(rows)] == [
        ["k-NN distance, relu3 BadNets, 5 % · MNIST", "BadNets, 5 %", "MNIST"],
        ["Energy BadNets, 5 % · MNIST", "BadNets, 5 %", "MNIST"],
        ["k-NN distance, relu3 No poison · MNIST", "No poison", "MNIST"],
        ["Random BadNets, 5 % · MNIST", "BadNets, 5 %", "MNIST"],
    ]
    titles = [title for title, _ in header]
    assert titles[1] == "AUROC"  # what a narrow screen shows
    by_title = dict(zip(titles, rows[0], strict=True))
    assert by_title["AUROC"] == ("0.875 [0.250, 0.750]", "0.875")
    assert by_title["accuracy before"] == ("0.980 [0.250, 0.750]", "0.98")
    assert by_title["accuracy after"] == (MISSING, "")
    assert by_title["attack success after"] == ("0.062 [0.250, 0.750]", "0.0625")
    assert [by_title[title][0] for title in ("images", "to find", "seeds")] == ["12,000", "600", "5"]
    assert by_title["images"][1] == "12000"
    assert dict(zip(titles, rows[2], strict=True))["AUROC"] == (MISSING, "")


def test_pairs_stand_both_ways_round(tables: dict[str, pd.DataFrame]) -> None:
    pair = tables["detector_comparisons"]
    evasion = pair.assign(bench="evasion", value=-0.25, ci95_low=NONE, ci95_high=NONE, p_conover_holm=0.04)
    turned = evasion.assign(first=evasion["second"], second=evasion["first"], value=0.25)
    tables["detector_comparisons"] = pd.concat([pair, evasion, turned])
    _, *rows = texts(read(tables).tables["pairs"])
    assert rows == [
        ["Energy", "0.625 [0.250, 0.750]", "< 0.001", f"{MINUS}0.250", "0.040"],
        ["k-NN distance, relu3", f"{MINUS}0.625 [{MINUS}0.750, {MINUS}0.250]", "< 0.001", "0.250", "0.040"],
    ]


def test_shared_costs_come_first(tables: dict[str, pd.DataFrame]) -> None:
    _, *rows = texts(read(tables).tables["costs"])
    assert rows == [
        ["shared: capture poison", f"3.1 s 1.6 s {MISSING} 6.2 s", *[MISSING] * 4, "poison", "20"],
        [
            *("Energy poison", f"500 ms 250 ms {MISSING} 1 s", f"25 µs 13 µs {MISSING} 50 µs", MISSING),
            *(f"1.2 ms 617 µs {MISSING} 2.5 ms", "0 MB", "poison", "20"),
        ],
    ]


def test_links_lead_to_the_web_or_into_the_folder(tables: dict[str, pd.DataFrame]) -> None:
    page = read(tables)
    assert {link for link in page.links if link.endswith(".parquet")} == {
        f"scores/{experiment}/{detector}.parquet" for experiment, detector in SCORES
    }
    assert {link for link in page.links if link.endswith(".csv")} == {f"{name}.csv" for name in TABLES}
    assert {link for link in page.links if link.endswith(".svg")} == {f"{name}.svg" for name in FIGURES}
    assert not any(link.startswith(("..", "/")) for link in page.links)
    assert "https://arxiv.org/abs/2204.06507" in page.links
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    sections = {link[1:] for link in page.links if link.startswith("#") and "=" not in link}
    assert sections <= ids


def test_filters_are_links(tables: dict[str, pd.DataFrame]) -> None:
    page = read(tables)
    assert {link for link in page.links if "=" in link} == {
        *(f"#detector={name}&first={name}" for name in ("knn_distance", "energy", "random", "grey_pixels")),
        *("#poison=badnets_5", "#input=fgsm"),
    }
    chosen = [str(attributes["value"]) for tag, attributes in page.tags if tag == "option"]
    named = {
        str(value) for _, of in page.tags for key, value in of.items() if key in ("data-poison", "data-input")
    }
    assert {"badnets_5", "none", "fgsm"} == named
    assert named <= set(chosen)
    assert chosen.index("badnets_5") < chosen.index("none")


def test_facts_are_counted(tables: dict[str, pd.DataFrame]) -> None:
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", write(tables)))
    del facts["Run"], facts["Page"]
    assert facts == {
        "detectors of 2 methods": "2",
        "controls": "2",
        "settings": "2",
        "kinds of poison": "1",
        "kinds of input": "1",
        "seeds of each": "5",
    }
    tables["evasion_bench"]["n_seeds"] = 3
    assert f"<dd>3{MISSING}5</dd>" in write(tables)


def test_controls_are_marked(tables: dict[str, pd.DataFrame]) -> None:
    rows = re.findall(r"<tr.*?</tr>", write(tables), re.DOTALL)
    marked = [row for row in rows if " class=control" in row]
    assert len(marked) == 4  # both in the overall table, and each in its bench
    assert all(">Random<" in row or ">Grey pixels<" in row for row in marked)


def test_the_page_has_its_run_and_citation(tables: dict[str, pd.DataFrame]) -> None:
    page = write(tables)
    assert "<h1>Layeraudit leaderboard</h1>" in page
    assert f"<dd>{RUN}</dd>" in page
    cited = re.search(r"<blockquote>(.*?)</blockquote>", page, re.DOTALL)
    assert cited
    assert all(text in cited[1] for text in ("The authors", "version 0.1.0", RUN))
    assert 'class="banner"' not in page
    tables["evasion_bench"]["run"] = f"SMALL RUN: {RUN}"
    page = write(tables)
    assert page.index('class="banner"') < page.index("<h1>")
    assert f"<dd>SMALL RUN: {RUN}</dd>" in page
    del tables["evasion_bench"]["run"]
    assert f"<dd>{RUN}</dd>" in write(tables)


@pytest.mark.parametrize(
    ("before", "without", "fails"),
    [(0.9, 0.1, False), (0.12, 0.05, True), (0.05, None, True), (NONE, None, False)],
)
def test_failing_poisons_are_marked(
    before: float, without: float | None, fails: bool, tables: dict[str, pd.DataFrame]
) -> None:
    bench = tables["poison_bench"]
    bench.loc[bench["quantity"] == "success_before", "value"] = before
    bench = bench[bench["value"].notna() | (bench["quantity"] != "success_before")]
    names = {"setting": "mnist", "poison": "badnets_5", "detector": "perfect"}
    more = of_bench(names, success_after=without) if without is not None else []
    tables["poison_bench"] = pd.concat([bench, pd.DataFrame(more)])
    perfect = name_all().iloc[[2]].assign(id="perfect", method="perfect", title="Perfect")
    tables["names"] = pd.concat([tables["names"], perfect])
    page = write(tables)
    card = re.search(r'<article class="card" id="poison-badnets_5".*?</article>', page, re.DOTALL)
    assert card
    assert ("fails" in card[0]) == fails
    assert ("1 of 1 poisons fail (BadNets, 5 %)" in page) == fails
    assert ("BadNets, 5 % · MNIST (fails)" in page) == fails


def test_the_page_loads_pictures_alone(tables: dict[str, pd.DataFrame]) -> None:
    page = write(tables)
    assert "url(" not in page
    assert "@import" not in page
    tags = Page(page).tags
    assert [str(attributes["src"]) for _, attributes in tags if "src" in attributes] == [
        *("critical_difference_poison.svg", "critical_difference_evasion.svg"),
        *("poison_bench.svg", "evasion_bench.svg", "remove_and_retrain.svg"),
    ]
    assert [attributes["href"] for tag, attributes in tags if tag == "link"] == ["data:,"]


def test_benches_without_rows_have_empty_tables(tables: dict[str, pd.DataFrame]) -> None:
    names = tables["names"]
    page = read({name: table.iloc[:0] for name, table in tables.items()} | {"names": names})
    assert all(len(rows) == 1 for rows in page.tables.values())


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_table_or_column_is_an_input_error(name: str, tables: dict[str, pd.DataFrame]) -> None:
    column = TABLES[name][-1]
    lacking = tables | {name: tables[name].drop(columns=column)}
    with pytest.raises(
        InputError, match=rf"^{name}.csv lacks the column {column}, needed are (bench|setting|kind)"
    ):
        write(lacking)
    del tables[name]
    with pytest.raises(
        InputError, match=rf"^the leaderboard lacks the table {name}.csv, needed are poison_b"
    ):
        write(tables)


def test_a_detector_without_a_name_is_an_input_error(tables: dict[str, pd.DataFrame]) -> None:
    tables["names"] = tables["names"].iloc[1:]
    with pytest.raises(InputError, match=r"^'knn_distance' is no detector of names\.csv, which has energy, "):
        write(tables)


def test_read_citation(tmp_path: Path) -> None:
    found = read_citation(REPOSITORY / "CITATION.cff")
    assert found == {"title": "Layeraudit", "version": "0.1.0", "authors": "The Layeraudit authors"}
    (tmp_path / "CITATION.cff").write_text("title: Layeraudit\n")
    with pytest.raises(InputError, match=r"CITATION\.cff lacks version, needed are title, version, authors$"):
        read_citation(tmp_path / "CITATION.cff")


def make_split(x: np.ndarray, *, y: int, source: int) -> Split:
    n = len(x)
    labels = np.arange(n) % 10
    images = np.broadcast_to(np.asarray(x, dtype=np.float32)[:, None, None, None], (n, 1, 4, 3)).copy()
    return Split(images, np.full(n, y), labels, np.ones(n, bool), source + np.arange(n))


def test_examples_stand_beside_their_sources() -> None:
    sources = make_split(np.linspace(0, 0.5, 11), y=0, source=100)
    poison = make_split(np.linspace(0, 0.5, 11) + 0.06, y=7, source=100)
    poison.x[4:6] -= 0.1  # the sixth, which is shown, is darker than its source
    examples = choose_examples(poison, sources)
    assert [(point.y_true, point.y) for point in examples.points] == [(0, 7), (2, 7), (5, 7), (8, 7), (0, 7)]
    assert examples.factor == 10
    first, _, third, *_ = examples.points
    assert first.poisoned.tolist() == np.full((4, 3, 1), round(255 * 0.06)).tolist()
    assert first.clean is not None and not first.clean.any()
    for point, colour, change in [(first, (0xE0, 0x82, 0x14), 0.06), (third, (0x21, 0x66, 0xAC), 0.04)]:
        assert point.difference is not None
        *shown, opacity = point.difference[0, 0].tolist()
        assert tuple(shown) == colour
        assert opacity == pytest.approx(255 * 10 * change, abs=1)
    assert len(examples.pictures) == 3 * N_EXAMPLES


def test_few_large_changes_do_not_hide_the_others() -> None:
    sources = make_split(np.zeros(5), y=0, source=0)
    poison = make_split(np.full(5, 0.02), y=0, source=0)
    poison.x[:, 0, 0, 0] = 1  # one of twelve
    examples = choose_examples(poison, sources)
    assert examples.factor == 50
    assert examples.pictures["difference_0"][0, 0, 3] == 255


def test_examples_without_a_source() -> None:
    poison = make_split(np.array([0.2, 0.4]), y=7, source=5)
    examples = choose_examples(poison, make_split(np.zeros(3), y=0, source=100))
    assert list(examples.pictures) == ["poisoned_0", "poisoned_1"]
    nothing = make_split(np.zeros(0), y=0, source=0)
    assert choose_examples(nothing, nothing).points == []


def test_unchanged_images_have_an_empty_difference() -> None:
    split = make_split(np.array([0.2, 0.4]), y=7, source=5)
    examples = choose_examples(split, split)
    assert examples.factor == FACTORS[0]
    assert not examples.pictures["difference_0"][..., 3].any()


def test_cards_show_examples_with_labels(tables: dict[str, pd.DataFrame]) -> None:
    poison = make_split(np.array([0.2, 0.4]), y=1, source=5)
    page = write(tables, mnist_badnets_5=choose_examples(poison, poison))
    assert page.count('src="examples/mnist_badnets_5/') == 6
    assert 'src="examples/mnist_badnets_5/poisoned_1.png"' in page
    assert "<td>0 → 1</td>" in page
    assert "<td>1</td>" in page  # a label that is right
    assert "difference \N{MULTIPLICATION SIGN} 1" in page
    assert "Attack success <b>0.938</b> [0.250, 0.750]." in page


@pytest.fixture
def results(tables: dict[str, pd.DataFrame], tmp_path: Path) -> Path:
    folder = tmp_path / "results/small"
    for name in TABLES:
        path = folder / "tables" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        tables[name].to_csv(path, index=False)
    for name in FIGURES:
        path = folder / "figures" / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<svg>{name}</svg>")
    for experiment, detector in SCORES:
        path = folder / experiment / "detectors/any" / f"{detector}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{experiment} {detector}")
    data = folder / "mnist_badnets_5/seed1/data"
    data.mkdir(parents=True)
    write_split(data / "poison.npz", make_split(np.array([0.2, 0.4]), y=1, source=5))
    write_split(data / "attack_sources.npz", make_split(np.array([0.1, 0.3]), y=1, source=5))
    return folder


def making(results: Path) -> tuple[str, list[object]]:
    options = ["--tables", *sorted(results.glob("tables/*")), "--figures", *sorted(results.glob("figures/*"))]
    options += ["--scores", *sorted(results.glob("*/detectors/*/*"))]
    options += ["--poison", *results.glob("*/seed1/data/poison.npz")]
    options += ["--sources", *results.glob("*/seed1/data/attack_sources.npz")]
    return "leaderboard/make_leaderboard.py", [
        *options,
        *("--citation", REPOSITORY / "CITATION.cff", "--output", results / "leaderboard"),
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_the_folder_holds_all_that_its_page_links_to(results: Path, tmp_path: Path) -> None:
    (results / "leaderboard").mkdir()
    (results / "leaderboard/of_an_older_one.csv").touch()
    (results / ".partial-killed-leaderboard").mkdir()
    _, errors = run_programs(making(results), making(results))
    assert errors == []
    assert not list(results.glob(".partial-*"))
    made = contents(results / "leaderboard")
    assert "of_an_older_one.csv" not in made
    assert made["poison_bench.csv"] == (results / "tables/poison_bench.csv").read_bytes()
    assert made["scores/mnist_badnets_5/random.parquet"] == b"mnist_badnets_5 random"
    assert b"prefers-color-scheme" in made["poison_bench.svg"]
    elsewhere = (results / "leaderboard").rename(tmp_path / "elsewhere")
    page = Page(made["index.html"].decode())
    pictures = [str(attributes["src"]) for _, attributes in page.tags if "src" in attributes]
    linked = {*page.links, *pictures}
    linked = {link for link in linked if not link.startswith(("#", "https:"))}
    assert linked == set(made) - {"index.html"}
    assert all((elsewhere / link).is_file() for link in linked)
    with Image.open(elsewhere / "examples/mnist_badnets_5/poisoned_1.png") as picture:
        assert (picture.size, picture.mode, picture.getpixel((0, 0))) == ((3, 4), "L", 102)


@pytest.mark.slow
def test_missing_inputs_are_an_input_error_and_no_folder(results: Path) -> None:
    program, options = making(results)
    sentences = {
        "evasion_mnist/detectors/any/energy": "scores/evasion_mnist/energy.parquet, which a row",
        "detector_cost": "the leaderboard lacks the table detector_cost.csv",
        "evasion_bench.svg": "the leaderboard lacks the figure evasion_bench.svg",
    }
    _, errors = run_programs(
        *((program, [option for option in options if name not in str(option)]) for name in sentences)
    )
    assert len(errors) == 3
    assert all(sentence in error for sentence, error in zip(sentences.values(), errors, strict=True))
    assert not list(results.glob("*leaderboard*"))
