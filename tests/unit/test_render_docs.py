"""Pages are rendered from tables: figures, tables and pictures, and what is said where one is missing."""

import importlib.util
from pathlib import Path

import pytest
from conftest import REPOSITORY

SPECIFICATION = importlib.util.spec_from_file_location("render_docs", REPOSITORY / "tools/render_docs.py")
render_docs = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(render_docs)

TABLE = """\
detector,layer,value,ci95_low,ci95_high,auroc,n_points,run
lid,relu1,0.90512,0.89949,0.91249,0.5,6000,variant report
lid,fc,-0.0001,-inf,inf,,7,variant report
vim,fc,0.5,,,,9,variant report
knn,relu1,0.25,0.2,0.3,0.75,8,variant report
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "docs/tables").mkdir(parents=True)
    (tmp_path / "docs/tables/ranks.csv").write_text(TABLE)
    return tmp_path


def render(root: Path, template: str, name: str = "results/page.md") -> str:
    """Render one template; return the page without its first line, which names the template."""
    path = root / f"docs/templates/{name}.j2"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template)
    [(page, text)] = render_docs.render(root)[0].items()
    path.unlink()
    assert page == root / ("README.md" if name == "README.md" else f"docs/{name}")
    assert name in text.splitlines()[0]
    return text.split("\n", 1)[1]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('figure("ranks", 3, detector="lid", layer="relu1")', "0.905 [0.899, 0.912]"),
        ('figure("ranks", 1, scale=100, detector="lid", layer="relu1")', "90.5 [89.9, 91.2]"),
        ('figure("ranks", 2, detector="lid", layer="fc")', "0.00"),
        ('figure("ranks", 2, detector="vim")', "0.50"),
        ('figure("ranks", 2, missing="-", detector="energy")', "-"),
        ('figure("ranks", 2, of="auroc", missing="-", detector="lid", layer="fc")', "-"),
        ('value("ranks", 1, of="auroc", detector="knn")', "0.8"),
        ('number("ranks", of="auroc", detector="knn") - 0.5', "0.25"),
        ('n("ranks", detector="lid", layer="relu1")', "6,000"),
        ('text("ranks", of="layer", detector="knn")', "relu1"),
        ('rows("ranks", layer="relu1") | map(attribute="detector") | join(" ")', "lid knn"),
        ('run("ranks")', "variant report"),
    ],
)
def test_a_template_shows_what_a_table_has(root, call, expected):
    assert render(root, f"{{{{ {call} }}}}") == expected


def test_a_table_of_figures_has_a_row_and_a_column_for_each_choice(root):
    template = """{{ markdown_table("ranks", 1, "detector",
        {"LID": {"detector": "lid"}, "k-NN": {"detector": "knn", "missing": "-"}},
        {"relu1": {"layer": "relu1"}, "fc": {"layer": "fc", "digits": 2}}) }}"""
    assert render(root, template).splitlines() == [
        "| detector | relu1 | fc |",
        "| --- | --- | --- |",
        "| LID | 0.9 [0.9, 0.9] | 0.00 |",
        "| k-NN | 0.2 [0.2, 0.3] | - |",
    ]


@pytest.mark.parametrize(
    ("name", "link"), [("README.md", "docs/figures/a.png"), ("results/b/page.md", "../../figures/a.png")]
)
def test_a_picture_is_linked_from_where_the_page_lies(root, name, link):
    (root / "docs/figures").mkdir()
    (root / "docs/figures/a.png").write_bytes(b"")
    assert render(root, '{{ picture("a", "What it shows") }}', name) == f"![What it shows]({link})"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ('figure("other", 2, detector="lid")', ["other.csv"]),
        ('figure("ranks", 2, detector="energy")', ["ranks", "detector energy", "0 rows"]),
        ('figure("ranks", 2, detector="lid")', ["ranks", "detector lid", "2 rows"]),
        ('figure("ranks", 2, of="auroc", detector="lid", layer="fc")', ["ranks", "no auroc", "layer fc"]),
        ('figure("ranks", 2, of="rank", detector="knn")', ["ranks", "no column rank"]),
        ('figure("ranks", 2, seed=1)', ["ranks", "no column seed"]),
        ('value("ranks", 2, of="layer", detector="knn")', ["relu1"]),
        ('picture("table1", "")', ["table1.png"]),
        ("unknown", ["unknown"]),
        ("figure(", ["page.md.j2"]),
    ],
)
def test_what_is_missing_ends_in_one_sentence(root, capsys, call, named):
    path = root / "docs/templates/page.md.j2"
    path.parent.mkdir()
    path.write_text(f"{{{{ {call} }}}}")
    assert render_docs.main([], root) == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert all(name in sentence for name in [*named, "docs/templates/page.md.j2"])


def test_a_check_fails_where_a_page_differs_and_writes_nothing(root, capsys):
    path, page = root / "docs/templates/page.md.j2", root / "docs/page.md"
    path.parent.mkdir()
    path.write_text("a\n")
    assert render_docs.main(["--check"], root) == 1
    assert not page.exists()
    assert render_docs.main([], root) == 0
    assert render_docs.main(["--check"], root) == 0
    page.write_text(page.read_text().replace("a\n", "b\n"))
    capsys.readouterr()
    assert render_docs.main(["--check"], root) == 1
    assert "docs/page.md" in capsys.readouterr().out
    assert page.read_text().endswith("b\n")


def test_what_templates_show_is_taken_from_a_run_and_nothing_else(root, capsys):
    path, run = root / "docs/templates/page.md.j2", root / "results/report"
    path.parent.mkdir()
    calls = (
        'value("new", 1, a="x")',
        'value("new", 1, a="y")',
        'value("top", 1)',
        'n("ranks", detector="knn")',
    )
    calls += 'run("ran")', 'picture("p", "")'
    path.write_text(" ".join(f"{{{{ {call} }}}}" for call in calls))
    (run / "tables").mkdir(parents=True)
    (run / "figures").mkdir()
    (run / "tables/new.csv").write_text("a,value,run\nx,1,r\ny,2,r\nz,3,s\n")
    (run / "tables/ran.csv").write_text("value,run\n1,r\n2,r\n3,s\n")
    (run / "tables/unused.csv").write_text("a\n")
    (run / "top.csv").write_text("value\n4\n")
    (run / "figures/p.png").write_bytes(b"picture")
    assert render_docs.main(["--take", str(run)], root) == 0
    assert (root / "docs/page.md").read_text().endswith("1.0 2.0 4.0 8 r; s ![](figures/p.png)")
    taken = {path.name: path.read_bytes() for path in (root / "docs/tables").iterdir()}
    assert taken == {
        "new.csv": b"a,value,run\nx,1,r\ny,2,\n",
        "ran.csv": b"value,run\n1,r\n3,s\n",
        "top.csv": b"value\n4\n",
        "ranks.csv": TABLE.encode(),
    }
    assert (root / "docs/figures/p.png").read_bytes() == b"picture"
    assert "tables/ranks.csv" in capsys.readouterr().out
    assert render_docs.main(["--check"], root) == 0


def test_the_pages_of_the_repository_are_what_their_templates_give():
    assert render_docs.main(["--check"]) == 0
