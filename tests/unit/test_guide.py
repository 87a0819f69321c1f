"""README and the guide pages: short, true to the command line and the configuration; their code runs."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, read_blocks
from snakemake.utils import update_config

from layeraudit.configuration import check

README = (REPOSITORY / "README.md").read_text()
COMMANDS = (REPOSITORY / "docs/commands.txt").read_text()
FOLDERS = "config|docs|scripts|tests|envs|benchmarks|tools|profiles|rules"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def rows_of(page: str, head: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this head."""
    table = page.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("name", ["README.md", "docs/templates/README.md.j2"])
def test_readme_is_short(name: str) -> None:
    assert len((REPOSITORY / name).read_text().splitlines()) <= 120


def test_readme_lists_what_make_help_lists() -> None:
    listed = dict(re.findall(r"^  (make \w+) .*?(?:  +(\d+ \w+))?$", COMMANDS, re.MULTILINE))
    shown = {row[0].strip("`"): row[2] for row in rows_of(README, "command")}
    assert shown == listed
    assert next(iter(shown)) == "make small"
    assert "make test" in shown


def test_time_of_the_leaderboard_is_the_measured_one() -> None:
    measured = json.loads((REPOSITORY / "benchmarks/leaderboard.json").read_text())
    assert f"{measured['wall_s'] / 60:.0f} min" in [row[2] for row in rows_of(README, "command")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_tells_to_type_is_there(page: Path) -> None:
    text = page.read_text()
    code = "\n".join(re.findall(r"`+([^`]+)`+", text))
    for target in set(re.findall(r"^make ([\w./-]+)", code, re.MULTILINE)):
        made = subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, check=False)
        assert made.returncode == 0, made.stderr
    files = [REPOSITORY / "Snakefile", *(REPOSITORY / "rules").rglob("*.smk")]
    rules = {name for file in files for name in re.findall(r"^rule (\w+):", file.read_text(), re.MULTILINE)}
    assert set(re.findall(r"snakemake (?:-\w+ )*([a-z]\w+)\b(?!/)", code)) <= rules
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", text)
    written_by_the_reader = re.findall(r"goes to `([^`]+)`", text)
    assert {name for name in named if not (REPOSITORY / name).exists()} == set(written_by_the_reader)


@pytest.mark.parametrize(("page", "examples"), [("README.md", 1), ("docs/configuration.md", 2)])
def test_examples_of_own_settings_can_be_run(
    page: str, examples: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    blocks = read_blocks(page, "yaml")
    assert len(blocks) == examples
    for block in blocks:
        config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text())
        own = yaml.safe_load(block)
        assert own["variant"] != config["variant"]
        update_config(config, own)
        problems = check(config, yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text()))
        own_pairs = {f"{name}/{of}" for name in own["experiments"] for of in own.get("detectors", {})}
        assert not problems.keys() & {*own["experiments"], *own.get("detectors", {}), *own_pairs}


def test_configuration_has_every_key() -> None:
    schema = yaml.safe_load((REPOSITORY / "config/schema.yaml").read_text())
    page = (REPOSITORY / "docs/configuration.md").read_text()
    keys = [row[0].strip("`") for row in rows_of(page.split("## All keys")[1], "key")]
    assert keys == list(schema["properties"])
    cells = [row[0] for row in rows_of(page, "key of an experiment")]
    experiment = schema["properties"]["experiments"]["additionalProperties"]
    assert re.findall(r"`(\w+)`", " ".join(cells)) == list(experiment["properties"])


def test_index_leads_to_every_page_beside_it() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", (REPOSITORY / "docs/index.md").read_text()))
    assert {page.name for page in (REPOSITORY / "docs").glob("*.md")} - {"index.md"} <= linked
