"""The page of an audit says what was found by the user's own names, and its tables say it to machines."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from audits import LAYERS, N_ERRORS, N_GROUP, Audit, K, write_audit
from conftest import run_programs
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from audit.check_audit import check_audit
from audit.make_audit import make_audit
from layeraudit.audit import shown
from layeraudit.audit.findings import COLUMNS, KEYS, find_clean, make_printable
from layeraudit.audit.page import name_detector
from layeraudit.audit.shown import LONGEST, N_NEIGHBOURS, SHORTEST, draw_picture
from layeraudit.checksums import digest_given
from layeraudit.errors import InputError
from layeraudit.files import read_array_rows, read_json, write_arrays

FILES = {"index.html", "images", "audit.json"} | {
    f"{name}.csv" for name in ("rows", "inputs", "leaks", "clean", "cleanlab")
}
HOSTILE = '<script>alert("1")</script>'


class Page(HTMLParser):
    """The tags of a page, and the texts of its sections, by their ids, and of the cards in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.cards: dict[str, list[str]] = {}
        self.here = ""
        self.ignored = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ignored = tag in ("script", "style")
        if tag == "section":
            self.here = str(attributes["id"])
        if tag == "article":
            self.cards.setdefault(self.here, []).append("")

        self.separate(tag)

    def handle_endtag(self, tag: str) -> None:
        self.ignored = False
        self.separate(tag)
        if tag == "section":
            self.here = ""

    def separate(self, tag: str) -> None:
        if tag not in ("a", "b", "code", "span"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        if not self.ignored:
            self.sections[self.here] = self.sections.get(self.here, "") + data
            if self.here in self.cards:
                self.cards[self.here][-1] += data

    def section(self, name: str) -> str:
        return " ".join(self.sections[name].split())

    def list_cards(self, name: str) -> list[str]:
        return [" ".join(text.split()) for text in self.cards.get(name, [])]

    @property
    def pictures(self) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == "img"]


def make(audit: Audit, output: Path, **changes: Any) -> Path:
    make_audit(**audit.files | audit.settings | changes, output=output)
    return output


def read_page(folder: Path) -> Page:
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values={"group": [""]})


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return write_audit(tmp_path_factory.mktemp("in"))


@pytest.fixture(scope="module")
def folder(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(audit, tmp_path_factory.mktemp("out") / "shapes")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return read_page(folder)


@pytest.fixture(scope="module")
def rows(audit: Audit) -> pd.DataFrame:
    return pd.read_parquet(audit.files["rows"])


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> int:
    """Limit pictures, of which most tests need few."""
    monkeypatch.setattr(shown, "MOST_PICTURES", 7)
    return 7


# Pictures


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1, 28, 28), (84, 84)),
        ((3, 32, 32), (96, 96)),
        ((1, 1, 1), (84, 84)),
        ((1, 10, 40), (120, 30)),
        ((3, 84, 20), (20, 84)),
        ((3, 83, 83), (160, 160)),
        ((3, 160, 100), (100, 160)),
        ((3, 320, 160), (80, 160)),
        ((3, 4000, 1), (1, 160)),
    ],
)
def test_the_longer_side_of_a_picture_is_within_bounds(
    shape: tuple[int, int, int], size: tuple[int, int]
) -> None:
    picture = draw_picture(np.zeros(shape, np.uint8))
    assert picture.size == size
    assert SHORTEST <= max(picture.size) <= LONGEST


def test_small_pictures_are_enlarged_pixel_by_pixel() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    enlarged = np.asarray(draw_picture(x))
    assert enlarged.shape == (60, 84, 3)
    np.testing.assert_array_equal(enlarged, np.repeat(np.repeat(np.moveaxis(x, 0, -1), 12, 0), 12, 1))


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_pictures_of_other_channels_are_grey(channels: int) -> None:
    x = np.full((channels, 84, 84), 10, np.uint8)
    x[0] = 10 + channels
    picture = draw_picture(x)
    assert picture.mode == "L"
    assert set(np.asarray(picture).ravel().tolist()) == {11}


# Rows of a file, one at a time


@given(st.lists(st.integers(0, 11), max_size=12).map(sorted))
def test_rows_of_an_array_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.npz"
    x = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 5), dtype=np.uint8)
    write_arrays(path, x=x, y=np.arange(12))
    found = list(read_array_rows(path, "x", rows))
    assert len(found) == len(rows)
    for row, of_file in zip(rows, found, strict=True):
        np.testing.assert_array_equal(of_file, x[row])
    assert [int(value) for value in read_array_rows(path, "y", rows)] == rows


@pytest.mark.parametrize(
    ("name", "rows", "sentence"),
    [
        ("x", [0, 12], "has 12 rows of x, row 12 is none of them"),
        ("z", [0], "lacks an array: z"),
        ("f", [0], "is not a whole .npz file: f lies in memory column by column"),
    ],
)
def test_rows_that_are_not_there_are_an_input_error(
    name: str, rows: list[int], sentence: str, tmp_path: Path
) -> None:
    fortran = np.asfortranarray(np.arange(6).reshape(2, 3))
    write_arrays(tmp_path / "a.npz", x=np.zeros((12, 2), np.uint8), f=fortran)
    with pytest.raises(InputError, match=re.escape(sentence)):
        list(read_array_rows(tmp_path / "a.npz", name, rows))


def test_damaged_files_are_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="is not a whole .npz file"):
        list(read_array_rows(tmp_path / "a.npz", "x", [0]))
    with pytest.raises(InputError, match="does not exist"):
        list(read_array_rows(tmp_path / "b.npz", "x", [0]))
    for text in ("[1]", "{", ""):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(InputError, match=r"a\.json is not a whole \.json file"):
            read_json(tmp_path / "a.json")


# What is left if the suspects go


def of_rows(**columns: list[Any]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    default: dict[str, Any] = {"row": range(n), "label_flagged": False, "outlier_flagged": False}
    return pd.DataFrame(default | {"group": -1, "duplicate_of": -1} | columns, index=range(n))


@pytest.mark.parametrize(
    ("columns", "left"),
    [
        ({"label_flagged": [False] * 3}, [True, True, True]),
        ({"label_flagged": [True, False, False]}, [False, True, True]),
        ({"outlier_flagged": [False, True, False]}, [True, False, True]),
        ({"group": [-1, 0, 1]}, [True, False, False]),
        ({"duplicate_of": [-1, 0, 0]}, [True, False, False]),
        ({"duplicate_of": [0, 0, -1]}, [True, False, True]),  # the first may name itself
        ({"duplicate_of": [-1, 0, 0], "label_flagged": [True, False, False]}, [False, True, False]),
        ({"duplicate_of": [-1, 0, -1, 2], "group": [-1, -1, 0, 0]}, [True, False, False, False]),
    ],
)
def test_clean_rows(columns: dict[str, list[Any]], left: list[bool]) -> None:
    assert find_clean(of_rows(**columns)).tolist() == left


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3)), max_size=12))
def test_clean_rows_by_the_rule_word_for_word(drawn: list[tuple[bool, bool, bool, int]]) -> None:
    first: dict[int, int] = {}
    duplicates, expected, kept = [], [], set()
    for row, (label, outlier, grouped, cluster) in enumerate(drawn):
        original = first.setdefault(cluster, row)
        duplicates.append(-1 if original == row else original)
        stays = not (label or outlier or grouped) and cluster not in kept
        kept |= {cluster} if stays else set()
        expected.append(stays)
    if not drawn:
        return
    table = of_rows(
        label_flagged=[of[0] for of in drawn],
        outlier_flagged=[of[1] for of in drawn],
        group=[0 if of[2] else -1 for of in drawn],
        duplicate_of=duplicates,
    )
    assert find_clean(table).tolist() == expected


# Tables


def test_the_folder_has_all_files_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES | {"layers.csv"}
    assert (folder / "layers.csv").read_text().startswith("layer,class,chosen\n")


def test_rows_have_the_users_names_and_stand_by_rank(folder: Path, audit: Audit, rows: pd.DataFrame) -> None:
    table = read_csv(folder / "rows.csv")
    assert table.columns[:4].tolist() == ["id", "label", "proposed", "predicted"]
    assert set(rows.columns) - {"source"} < set(table.columns)
    assert table["label_rank"].tolist() == list(range(1, len(rows) + 1))
    by_name = table.set_index("id")
    classes = audit.images.classes
    for row in rows.itertuples():
        found = by_name.loc[audit.name(row.row)]
        assert found["row"] == row.row
        for column in ("label", "proposed", "predicted"):
            assert found[column] == classes[getattr(row, column)]
        assert found["label_score"] == pytest.approx(row.label_score, rel=1e-5)
        assert found["label_flagged"] == row.label_flagged
    assert audit.duplicate is not None
    first, later = audit.duplicate
    named = by_name[by_name["duplicate_of"] != ""]["duplicate_of"]
    assert named.to_dict() == {audit.name(later): audit.name(first)}
    assert set(by_name.index[by_name["group"] == 0]) == {audit.name(row) for row in audit.grouped}
    assert by_name["group"].notna().sum() == N_GROUP
    assert set(table["id"][:N_ERRORS]) == {audit.name(row) for row in audit.flipped}


def test_inputs_have_the_names_of_their_own_data_set(folder: Path) -> None:
    table = read_csv(folder / "inputs.csv")
    assert table["rank"].tolist() == list(range(1, 71))
    parts = table.groupby("part")["id"].agg(set)
    assert parts["inputs"] == {f"camera/{number:04}.png" for number in range(40)}
    assert len(parts["held_out"]) == 30
    assert all(name.split("/")[0] in ("bar", "cross", "ring") for name in parts["held_out"])
    of_inputs = table[table["part"] == "inputs"]
    assert set(of_inputs["label"]) == {""}
    assert set(of_inputs["dknn_label"]) <= {"bar", "cross", "ring"}


def test_leaks_have_the_users_names_of_both_rows(audit: Audit, folder: Path, tmp_path: Path) -> None:
    (leak,) = pd.read_csv(audit.files["leaks"]).to_dict("records")
    expected = {"id": str(audit.images.ids[leak["source"]]), "part": "held_out"}
    expected |= {"training_id": audit.name(20), "distance": 0.0001}
    assert read_csv(folder / "leaks.csv").to_dict("records") == [expected]
    other = leak | {"split": "inputs", "row": 7, "source": 7, "training_row": 21, "distance": 0}
    pd.DataFrame([leak, other]).to_csv(tmp_path / "leaks.csv", index=False)
    made = make(audit, tmp_path / "out", leaks=tmp_path / "leaks.csv")
    of_input = {"id": "camera/0007.png", "part": "inputs", "training_id": audit.name(21), "distance": 0}
    assert read_csv(made / "leaks.csv").to_dict("records") == [of_input, expected]


def test_clean_csv_has_what_is_left_in_the_order_of_the_data_set(
    folder: Path, audit: Audit, rows: pd.DataFrame
) -> None:
    table = read_csv(folder / "clean.csv")
    assert audit.duplicate is not None
    gone = {*rows.index[rows["label_flagged"] | rows["outlier_flagged"]], *audit.grouped, audit.duplicate[1]}
    sources = sorted(rows.loc[~rows["row"].isin(gone), "source"])
    assert table["id"].tolist() == [str(audit.images.ids[source]) for source in sources]
    assert table["label"].tolist() == [audit.images.classes[audit.images.y[source]] for source in sources]


def test_cleanlab_scores_are_lower_the_worse(folder: Path, audit: Audit, rows: pd.DataFrame) -> None:
    table = read_csv(folder / "cleanlab.csv")
    assert table["id"].tolist() == audit.images.ids[: audit.images.n_train].tolist()
    ordered = rows.sort_values("source")
    assert table["is_label_issue"].tolist() == ordered["label_flagged"].tolist()
    assert table["is_outlier_issue"].tolist() == ordered["outlier_flagged"].tolist()
    np.testing.assert_allclose(table["label_score"], 1 - ordered["label_score"], atol=1e-6)
    np.testing.assert_allclose(table["outlier_score"], 1 / (1 + ordered["outlier_score"]), rtol=1e-5)
    assert audit.duplicate is not None
    both = [audit.name(row) for row in audit.duplicate]
    assert set(table["id"][table["is_near_duplicate_issue"]]) == set(both)
    score = table.set_index("id")["near_duplicate_score"]
    assert (score[both] == 0).all()
    assert (score.drop(both) == 1).all()
    for column in ("label_score", "outlier_score", "near_duplicate_score"):
        assert table[column].between(0, 1).all()


# The summary


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def test_the_summary_has_stable_keys_and_no_nan(folder: Path, audit: Audit, rows: pd.DataFrame) -> None:
    summary = json.loads((folder / "audit.json").read_text(), parse_constant=refuse)
    assert list(summary) == [
        *("format", "name", "verdict", "label_verdict", "gate", "counts", "errors", "controls", "groups"),
        *("worst", "clean_rule", "provenance"),
    ]
    assert (summary["format"], summary["name"], summary["verdict"]) == (1, "shapes", "found")
    flagged, outliers = int(rows["label_flagged"].sum()), int(rows["outlier_flagged"].sum())
    assert summary["counts"] == {
        "training_rows": 240,
        "held_out_rows": 60,
        "inputs": 40,
        "label_errors_flagged": flagged,
        "label_errors_at_least": flagged - 2,
        "suspects": int((rows["label_flagged"] | (rows["proposed"] != rows["label"])).sum()),
        "other_label_proposed": int((rows["proposed"] != rows["label"]).sum()),
        "near_duplicates": 1,
        "leaked_held_out_rows": 1,
        "leaked_inputs": 0,
        "outliers_flagged": outliers,
        "outliers_at_least": outliers,
        "groups": 1,
        "rows_in_groups": N_GROUP,
        "flagged": int((rows["label_flagged"] | rows["outlier_flagged"]).sum()),
        "clean_rows": len(read_csv(folder / "clean.csv")),
    }
    assert {record["length"] for record in summary["controls"]} == {6, 12, 24, 60, None}
    (group,) = summary["groups"]
    assert (group["label"], group["other_label"], group["n"]) == ("ring", "bar", N_GROUP)
    assert (group["layer"], group["held_out_share"]) == ("head", 0.001)
    provenance = summary["provenance"]
    assert (provenance["k"], provenance["layers"], provenance["pooling"]) == (K, [*LAYERS], "mean")
    assert provenance["dataset"] == {"name": "pictures", "sha256": digest_given(audit.files["dataset"])}
    (weights,) = audit.settings["given"]
    assert provenance["network"]["files"] == {weights: digest_given(Path(weights))}


def test_the_worst_rows_have_the_names_of_their_neighbours(
    folder: Path, audit: Audit, rows: pd.DataFrame
) -> None:
    worst = read_json(folder / "audit.json")["worst"]
    assert [of["rank"] for of in worst] == [1, 2, 3]
    for of in worst:
        row = rows.loc[of["row"]]
        assert of["id"] == audit.name(of["row"])
        assert of["label"] == audit.images.classes[row["label"]]
        assert of["proposed"] == audit.images.classes[row["proposed"]]
        for layer in LAYERS:
            near = np.load(audit.files["train_neighbours"] / f"{layer}.npy")[of["row"], :N_NEIGHBOURS]
            assert of["neighbours"][layer] == [audit.name(other) for other in near]


@pytest.mark.usefixtures("few_pictures")
def test_the_weights_beside_an_onnx_file_have_a_digest_too(audit: Audit, tmp_path: Path) -> None:
    given_files = [tmp_path / name for name in ("[a].onnx", "[a].onnx.data", "weights.pt")]
    for file in [*given_files, tmp_path / "a.onnx.data", tmp_path / "weights.pt.old"]:
        file.write_text(file.name)
    folder = make(audit, tmp_path / "out", given=[str(given_files[0]), str(given_files[2])])
    found = read_json(folder / "audit.json")["provenance"]["network"]["files"]
    assert found == {str(file): digest_given(file) for file in given_files}


def test_a_folder_of_code_has_a_digest_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    digests = set()
    for name, text in [
        ("x.py", "1"),
        ("x.py", "2"),
        ("b/y.safetensors", "1"),
        ("b/z.pt", "1"),
        ("notes.txt", "1"),
    ]:
        (tmp_path / "a" / name).write_text(text)
        digests.add(digest_given(tmp_path / "a"))
    assert len(digests) == 4  # notes do not count
    (tmp_path / "a/x.py").rename(tmp_path / "a/z.py")
    assert digest_given(tmp_path / "a") not in digests


# The page


def test_the_first_screen_has_gate_counts_and_worst_rows(
    page: Page, audit: Audit, rows: pd.DataFrame
) -> None:
    assert [*page.sections][:3] == ["", "overview", "suspects"]
    assert "Pooling: mean over space or tokens." in page.section("trust")
    overview = page.section("overview")
    assert "training rows 97.5 % [94.7, 98.9] 234 of 240" in overview
    assert "held-out rows 96.7 % [88.6, 99.1] 58 of 60" in overview
    assert "expected, held-out 95.0 %" in overview
    flagged = int(rows["label_flagged"].sum())
    suspects = int((rows["label_flagged"] | (rows["proposed"] != rows["label"])).sum())
    assert f"{suspects} rows suspected of a wrong label of 240 training rows; {flagged} flagged" in overview
    assert "1 near duplicate of 240" in overview
    assert "1 leak of 60 held-out rows" in overview
    assert "1 row unlike anything" in overview
    assert f"1 poison-like group {N_GROUP} of 240" in overview
    (group,) = page.list_cards("groups")
    assert "3.3 % of the training rows; of the held-out rows 0.1 % are alike." in group
    assert "12 wrong labels were planted in your data, and the network has not learned them." in overview
    assert "The 12 rows that rank first held 90.0 %" in overview
    worst = page.list_cards("overview")
    ranked = rows.sort_values("label_rank").head(3)
    assert len(worst) == 3
    for text, row in zip(worst, ranked.itertuples(), strict=True):
        given_label, proposed = (audit.images.classes[label] for label in (row.label, row.proposed))
        assert text.startswith(
            f"{audit.name(row.row)} labelled {given_label}, looks like {proposed} flagged score"
        )


def test_each_suspect_opens_its_neighbours_with_their_labels(
    page: Page, audit: Audit, rows: pd.DataFrame
) -> None:
    suspects = rows[rows["label_flagged"] | (rows["proposed"] != rows["label"])].sort_values("label_rank")
    cards = page.list_cards("suspects")
    assert len(cards) == len(suspects)
    classes, y = audit.images.classes, rows["label"].to_numpy()
    assert "flagged. All rows are in rows.csv." in page.section("suspects")
    for text, row in zip(cards, suspects.itertuples(), strict=True):
        assert text.startswith(f"{row.label_rank}. {audit.name(row.row)} ")
        expected = "Nearest training rows"
        for layer in LAYERS:
            near = np.load(audit.files["train_neighbours"] / f"{layer}.npy")[row.row]
            expected += f" {layer} {(y[near] != row.label).sum()} of {K} differ "
            expected += " ".join(classes[label] for label in y[near[:N_NEIGHBOURS]])
        assert text.endswith(expected)
    assert sum(tag == "details" for tag, _ in page.tags) == len(cards) + len(page.list_cards("inputs"))


def test_class_by_class_counts_suspects(folder: Path, rows: pd.DataFrame) -> None:
    matrix = re.search(r'<table class="matrix">.*?</table>', (folder / "index.html").read_text(), re.DOTALL)
    assert matrix
    cells = [re.findall(r"<td[^>]*>(\d*)</td>", line) for line in matrix[0].split("<tr>")[2:]]
    disputed = rows[rows["proposed"] != rows["label"]]
    for label in range(3):
        for proposed in range(3):
            n = ((disputed["label"] == label) & (disputed["proposed"] == proposed)).sum()
            assert int(cells[label][proposed] or 0) == n


@pytest.mark.usefixtures("few_pictures")
def test_more_than_twenty_classes_are_shortened(tmp_path: Path) -> None:
    names = tuple(f"class {number}" for number in range(40))
    folder = make(write_audit(tmp_path, classes=names), tmp_path / "out")
    section = read_page(folder).section("classes")
    assert "shown are the 20 of 40 classes" in section
    assert all(f"class {number}" in section for number in range(3))
    assert "class 39" not in section


def test_every_picture_is_there_and_described(page: Page, folder: Path, audit: Audit) -> None:
    assert page.pictures
    names = {*audit.images.ids.tolist(), *(f"camera/{number:04}.png" for number in range(40))}
    for picture in page.pictures:
        assert Image.open(folder / str(picture["src"])).size == (84, 84)
        assert str(picture["alt"]).split(",")[0] in names
    shown_files = {str(picture["src"]) for picture in page.pictures}
    assert shown_files == {f"images/{path.name}" for path in (folder / "images").iterdir()}


def test_pictures_are_of_the_rows_that_they_are_named_for(folder: Path, audit: Audit) -> None:
    for path in (folder / "images").glob("train_*.png"):
        row = int(path.stem.split("_")[1])
        pixels = np.asarray(Image.open(path))[1::3, 1::3]
        np.testing.assert_array_equal(pixels, audit.images.x[audit.source[row], 0])


def test_links_lead_into_the_folder_and_the_page(page: Page, folder: Path) -> None:
    ids = {str(attributes["id"]) for _, attributes in page.tags if "id" in attributes}
    links = [str(attributes["href"]) for tag, attributes in page.tags if tag == "a"]
    assert len(links) > 15
    for link in links:
        assert link[1:] in ids if link.startswith("#") else (folder / link).is_file(), link
    text = (folder / "index.html").read_text()
    assert not re.search(r"https?://|url\(|@import", text)


def test_controls_are_a_table_with_the_ranking_detector_first(folder: Path) -> None:
    table = re.search(
        r'<table id="flips-after-training".*?</table>', (folder / "index.html").read_text(), re.S
    )
    assert table
    names = re.findall(r"<th scope=row[^>]*>([^<]+)", table[0])
    assert [name.strip() for name in names] == [
        *("Neighbours and probe", "Probe", "Label disagreement, all layers", "Label disagreement, head"),
        *("Self-confidence", "Label disagreement, block.2", "Label disagreement, conv1"),
    ]
    titles = re.findall(r"<th scope=\"col\"[^>]*>([^<]+)", table[0])
    assert titles[:4] == ["detector", "AUROC", "recall, first 6", "precision, first 6"]
    trust = Page((folder / "index.html").read_text()).section("trust")
    found = Page((folder / "index.html").read_text()).section("controls")
    assert "At a false discovery rate of 5 %, 75.0 % [70.0, 80.0] of them are flagged." in found
    assert "AUROC is 0.950 [0.900, 1.000], number 2 of 7 detectors. The best is Probe, 0.975." in trust


NOTHING = (
    "Nothing found in 240 training rows: no wrong label, no near duplicate, no leak, no row unlike anything"
)
CANNOT_TELL = "Cannot tell whether labels are wrong. {} suspected, of 240 training rows, and none is flagged."


@pytest.mark.slow
@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(
    ("n_calibration", "suspects", "verdict", "sentences"),
    [
        (4799, 0, "nothing_found", [NOTHING]),
        (
            4799,
            1,
            "nothing_found",
            [NOTHING, "1 row looks like another class, but no more so than calibration"],
        ),
        (
            4798,
            0,
            "nothing_found",
            [
                *(NOTHING, "With 4,798 calibration rows, fewer than 2 wrong rows cannot be flagged."),
                "To flag a single one takes 4,799 calibration rows.",
            ],
        ),
        (
            30,
            3,
            "cannot_tell",
            [
                CANNOT_TELL.format("3 labels are"),
                "With 30 calibration rows, fewer than 155 wrong rows cannot be flagged.",
                "To flag 3 wrong rows takes 1,599 calibration rows, a single one takes 4,799 calibration",
            ],
        ),
        (
            18,
            1,
            "cannot_tell",
            [
                CANNOT_TELL.format("1 label is"),
                "With 18 calibration rows, no row can be flagged, however wrong.",
                "To flag a single one takes 4,799 calibration rows.",
            ],
        ),
        (
            3000,
            3,
            "nothing_found",
            [
                "3 rows look like another class, but no more so than calibration rows do.",
                "fewer than 2 wrong rows cannot be flagged. To flag a single one takes 4,799",
            ],
        ),
    ],
)
def test_of_clean_labels_the_page_says_what_the_calibration_rows_allow(
    n_calibration: int, suspects: int, verdict: str, sentences: list[str], tmp_path: Path
) -> None:
    audit = write_audit(tmp_path, is_clean=True, n_calibration=n_calibration)
    rows = pd.read_parquet(audit.files["rows"])
    rows.loc[: suspects - 1, "proposed"] = (rows.loc[: suspects - 1, "label"] + 1) % 3
    rows.to_parquet(audit.files["rows"])
    folder = make(audit, tmp_path / "out")
    page, summary = read_page(folder), read_json(folder / "audit.json")
    assert (summary["verdict"], summary["label_verdict"]) == (verdict, verdict)
    assert (summary["counts"]["suspects"], summary["counts"]["clean_rows"]) == (suspects, 240)
    for sentence in sentences:
        assert sentence in page.section("")
    is_blind = n_calibration < 4799
    assert (
        "cannot be flagged" in page.section("") or "no row can be flagged" in page.section("")
    ) == is_blind
    overview = page.section("overview")
    for text in ("no near duplicates", "no leaks", "no rows unlike", "no poison-like"):
        assert text in overview
    assert ("no rows suspected" in overview) == ("none is suspected" in overview) == (not suspects)
    assert len(page.list_cards("overview")) == 3
    assert len(page.list_cards("suspects")) == 20  # the first of the ranking, few as are suspected


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(("flagged", "verdict"), [(0.5, "nothing_found"), (0.4, "cannot_tell")])
def test_where_planted_errors_are_not_flagged_no_flag_is_no_finding(
    flagged: float, verdict: str, tmp_path: Path
) -> None:
    audit = write_audit(tmp_path, is_clean=True, n_calibration=4799)
    rows, (controls,) = pd.read_parquet(audit.files["rows"]), audit.files["controls"]
    rows.loc[0, "proposed"] = (rows.loc[0, "label"] + 1) % 3
    rows.to_parquet(audit.files["rows"])
    table = pd.read_csv(controls)
    share, width = table["quantity"] == "flagged", [flagged, flagged - 0.05, flagged + 0.05]
    table.loc[share, ["value", "ci95_low", "ci95_high"]] = width
    table.to_csv(controls, index=False)
    folder = make(audit, tmp_path / "out")
    head, summary = read_page(folder).section(""), read_json(folder / "audit.json")
    assert (summary["verdict"], summary["label_verdict"]) == (verdict, verdict)
    said = "Neither are most errors that were planted: of these 40.0 % [35.0, 45.0] are." in head
    assert said == (verdict == "cannot_tell")
    assert "cannot be flagged" not in head and "To flag" not in head


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize(("n_calibration", "label_verdict"), [(400, "found"), (30, "cannot_tell")])
def test_of_planted_errors_the_page_says_how_many_are_certain(
    n_calibration: int, label_verdict: str, tmp_path: Path
) -> None:
    folder = make(write_audit(tmp_path, n_calibration=n_calibration), tmp_path / "out")
    summary, head = read_json(folder / "audit.json"), read_page(folder).section("")
    assert (summary["verdict"], summary["label_verdict"]) == ("found", label_verdict)
    counts = summary["counts"]
    assert counts["suspects"] >= N_ERRORS
    rows = counts["outliers_flagged"]
    unlike = f"{rows} {'row' if rows == 1 else 'rows'} unlike anything"
    others = f"1 near duplicate, 1 leak into the held-out rows, {unlike} and 1 poison-like group."
    if label_verdict == "found":
        least, flagged = counts["label_errors_at_least"], counts["label_errors_flagged"]
        assert f"At least {least} labels are wrong, of 240 training rows, with 95 % confidence." in head
        assert f"{flagged} are flagged. Also found: {others}" in head
        assert "cannot be flagged" not in head
    else:
        assert counts["label_errors_flagged"] == 0
        assert CANNOT_TELL.format(f"{counts['suspects']} labels are") in head
        assert f"How far to trust it Found: {others}" in head


@pytest.mark.usefixtures("few_pictures")
def test_a_network_below_what_is_expected_is_said(audit: Audit, tmp_path: Path) -> None:
    gate = read_json(audit.files["gate"]) | {"verdict": "below_expectation"}
    (tmp_path / "gate.json").write_text(json.dumps(gate))
    folder = make(audit, tmp_path / "out", gate=tmp_path / "gate.json")
    assert "below what was expected. Look at normalisation" in read_page(folder).section("overview")


def test_activations_alone_give_the_same_page_without_pictures(tmp_path: Path) -> None:
    audit = write_audit(tmp_path, has_pixels=False, has_inputs=False)
    gate = read_json(audit.files["gate"])
    nothing = dict.fromkeys(("right", "accuracy", "ci95_low", "ci95_high"))
    gate |= {"verdict": "no_logits", "parts": {name: of | nothing for name, of in gate["parts"].items()}}
    audit.files["gate"].write_text(json.dumps(gate))
    rows = pd.read_parquet(audit.files["rows"])
    rows[["predicted", "self_confidence"]] = [-1, np.nan]
    rows["predicted"] = rows["predicted"].astype(np.int64)
    rows.to_parquet(audit.files["rows"])
    folder = make(audit, tmp_path / "out", layers=None, network_name="", given=[])
    page = read_page(folder)
    assert not page.pictures
    assert {path.name for path in folder.iterdir()} == FILES - {"images"}
    assert "not measured, since no logits were given" in page.section("overview")
    assert "none: activations were given" in page.section("run")
    first = rows.sort_values("label_rank").iloc[0]
    near = np.load(audit.files["train_neighbours"] / f"{LAYERS[0]}.npy")[first["row"], 0]
    assert audit.name(near) in page.list_cards("overview")[0]
    assert set(read_csv(folder / "rows.csv")["predicted"]) == {""}


def test_pictures_are_limited_in_number(audit: Audit, tmp_path: Path, few_pictures: int) -> None:
    folder = make(audit, tmp_path / "out")
    assert len(list((folder / "images").iterdir())) == few_pictures
    page = read_page(folder)
    assert len({picture["src"] for picture in page.pictures}) == few_pictures
    assert any("blank" in str(attributes.get("class")) for _, attributes in page.tags)


@pytest.mark.usefixtures("few_pictures")
def test_however_much_is_found_the_page_shows_the_first_of_it(tmp_path: Path) -> None:
    audit = write_audit(tmp_path)
    rows, leaks, groups = (
        pd.read_parquet(audit.files["rows"]),
        *map(pd.read_csv, (audit.files["leaks"], audit.files["groups"])),
    )
    rows[["label_flagged", "outlier_flagged"]] = True
    rows["group"] = rows["row"] // 6
    rows.loc[1:, ["duplicate_of", "duplicate_distance"]] = [0, 0.01]
    rows.astype({"duplicate_of": np.int64}).to_parquet(audit.files["rows"])
    pd.concat([leaks] * 200).to_csv(audit.files["leaks"], index=False)
    pd.concat([groups.assign(group=number, n=6) for number in range(40)]).to_csv(
        audit.files["groups"], index=False
    )
    folder = make(audit, tmp_path / "out")
    page, counts = read_page(folder), read_json(folder / "audit.json")["counts"]
    assert (counts["flagged"], counts["near_duplicates"], counts["groups"]) == (240, 239, 40)
    cards = {name: len(page.list_cards(name)) for name in ("suspects", "duplicates", "groups", "inputs")}
    assert cards == {"suspects": 60, "duplicates": 24 + 24, "groups": 12, "inputs": 24}
    assert page.section("outliers").count("distance") == 24
    assert (folder / "index.html").stat().st_size < 1e6


@pytest.mark.usefixtures("few_pictures")
def test_names_are_escaped(tmp_path: Path) -> None:
    ids = np.array([f'{HOSTILE}" onload="x/{number}' for number in range(300)])
    ids[5] = "\udcff\udc80.png"  # a file name that is no UTF-8
    audit = write_audit(tmp_path, classes=(HOSTILE, "a,b", "NA"), ids=ids)
    folder = make(audit, tmp_path / "out", name="shapes", dataset_name=HOSTILE)
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert text.count("<script>") == 1  # ours
    assert "&lt;script&gt;alert" in text
    assert not [of for _, of in Page(text).tags if "onload" in of]
    table = read_csv(folder / "rows.csv")
    assert set(table["id"]) == {make_printable(name) for name in ids[:240]}
    assert set(table["label"]) == {HOSTILE, "a,b", "NA"}
    assert "\\udcff\\udc80.png" in set(table["id"])


def take_file(audit: Audit, name: str) -> Path:
    """Return an input of the page, of several the first."""
    return audit.files[name][0] if name == "controls" else audit.files[name]


@pytest.mark.usefixtures("few_pictures")
def test_empty_tables_are_no_hindrance(tmp_path: Path) -> None:
    audit = write_audit(tmp_path, is_clean=True, has_inputs=False)
    for name in ("controls", "leaks", "groups"):
        take_file(audit, name).write_text(",".join(COLUMNS[f"{name}.csv"]) + "\n")
    page = read_page(make(audit, tmp_path / "out"))
    assert "No control was planted" in page.section("controls")
    assert "planted" not in page.section("overview")


# Faults


@pytest.mark.parametrize("file", [*COLUMNS, *KEYS])
def test_a_missing_column_or_key_is_an_input_error(file: str, audit: Audit, tmp_path: Path) -> None:
    name, ending = file.split(".")
    path = tmp_path / file
    missing = (COLUMNS | KEYS)[file][-1]
    if ending == "json":
        content = read_json(take_file(audit, name))
        del content[missing]
        path.write_text(json.dumps(content))
    elif ending == "csv":
        pd.read_csv(take_file(audit, name)).drop(columns=missing).to_csv(path, index=False)
    else:
        pd.read_parquet(audit.files[name]).drop(columns=missing).to_parquet(path)
    with pytest.raises(InputError, match=rf"^{file} lacks the (column|key) {missing}, needed are "):
        make(audit, tmp_path / "out", **{name: [path] if name == "controls" else path})
    assert not (tmp_path / "out").exists()


def test_rows_out_of_order_are_an_input_error(audit: Audit, rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.iloc[::-1].to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"rows\.parquet are not 0, 1, \.\.\. in order"):
        make(audit, tmp_path / "out", rows=tmp_path / "rows.parquet")


@pytest.mark.usefixtures("few_pictures")
def test_a_fault_leaves_the_older_page(audit: Audit, rows: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/index.html").write_text("older")
    outside = rows.assign(source=rows["source"] + 300)
    outside.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises((InputError, IndexError)):
        make(audit, tmp_path / "out", rows=tmp_path / "rows.parquet")
    assert (tmp_path / "out/index.html").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "rows.parquet"]


def test_neighbours_of_another_number_of_rows_are_an_input_error(audit: Audit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"allowed is int64 \[30, columns\]"):
        make(audit, tmp_path / "out", test_neighbours=audit.files["inputs_neighbours"])


# Continuous integration


def test_an_audit_is_checked_by_how_many_rows_are_flagged(folder: Path, tmp_path: Path) -> None:
    path = folder / "audit.json"
    flagged = read_json(path)["counts"]["flagged"]
    check_audit(audit=path, most=flagged)
    with pytest.raises(InputError, match=rf"^{flagged} of 240 .*, allowed are up to {flagged - 1}$"):
        check_audit(audit=path, most=flagged - 1)
    for text in ('{"format": 2}', "[]", "{"):
        (tmp_path / "audit.json").write_text(text)
        with pytest.raises(InputError, match=r"is not the audit\.json of an audit"):
            check_audit(audit=tmp_path / "audit.json", most=1)
    with pytest.raises(InputError, match=r"b\.json does not exist"):
        check_audit(audit=tmp_path / "b.json", most=1)


def test_the_program_ends_in_one_sentence(folder: Path) -> None:
    words = ["--audit", folder / "audit.json", "--most"]
    printed, ended = run_programs(*(("audit/check_audit.py", [*words, most]) for most in (3, 240)))
    assert len(ended) == 1
    assert ended[0].startswith("0 check_audit.py: ")
    assert ended[0].endswith("allowed are up to 3")
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("label_disagreement", "Label disagreement, all layers"),
        ("label_disagreement_layer1.0.conv_2", "Label disagreement, layer1.0.conv_2"),
        ("some_other", "some other"),
    ],
)
def test_detectors_have_names(name: str, title: str) -> None:
    assert name_detector(name) == title
