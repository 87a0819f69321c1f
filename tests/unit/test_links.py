"""The links of every page lead to a file and a heading that are there."""

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import REPOSITORY

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")
FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


def find_pages() -> list[Path]:
    """Return the Markdown files that are in the repository or are to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
        check=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).is_file()]


@cache
def find_anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    anchors: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?)[ #]*$", FENCED.sub("", page.read_text()), re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        anchors.add(
            next(
                name for number in range(99) if (name := anchor + f"-{number}" * (number > 0)) not in anchors
            )
        )
    return anchors


def find_links(page: Path) -> list[str]:
    """Return the targets of a page's links within the repository."""
    found = LINK.findall(CODE.sub("", FENCED.sub("", page.read_text())))
    return [unquote(target) for target in found if not ELSEWHERE.match(target)]


def resolve(page: Path, target: str) -> tuple[Path, str]:
    """Return the file and the anchor that a link leads to."""
    name, _, anchor = target.partition("#")
    return ((page.parent / name).resolve() if name else page), anchor


@pytest.mark.parametrize("page", find_pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page):
    broken = []
    for target in find_links(page):
        path, anchor = resolve(page, target)
        if not path.exists() or (anchor and anchor not in find_anchors(path)):
            broken.append(target)
    assert not broken


def test_pages_of_results_are_reached_from_their_index():
    docs = REPOSITORY / "docs"
    reached, waiting = set(), [docs / "results/index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [resolve(page, target)[0] for target in find_links(page)]
    expected = {
        *(docs / "results").glob("*.md"),
        *(docs / f"{name}.md" for name in ("student-report", "choices", "glossary")),
    }
    assert expected <= reached


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# Is it `x_y`, or *not*?\n```\n# no heading\n```\n## p-value: a [link](b.md)\n## Same\n## Same\n"
    )
    assert find_anchors(page) == {"is-it-x_y-or-not", "p-value-a-link", "same", "same-1"}
