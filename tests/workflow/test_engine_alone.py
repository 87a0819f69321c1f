"""The engine without the studies: it plans an experiment, and all its modules and unit tests are found."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, draw_shapes, list_targets, run, write_plugins_of_pages, write_settings

STUDIES = ("leaderboard", "report")
OF_STUDIES = [
    *(f"rules/{name}" for name in ("leaderboard.smk", "publish.smk", "report.smk", "report")),
    *("config/claims.yaml", "config/reported"),
    *(f"{parent}/{study}" for parent in ("scripts", "scripts/layeraudit", "tests/unit") for study in STUDIES),
]
SECTIONS = ("benches", "transfer")
"""Of the configuration, those that a study alone needs."""

OF_THE_ENGINE = {
    *("fetch_dataset", "draw_splits", "make_poison", "merge_training_set", "train_model", "extract_layers"),
    *("build_index", "search_neighbours", "calibrate", "score"),
    *("attack", "sample_ood_images", "gather_inputs", "score_detector"),
}
"""Rules that an experiment with poison and other inputs takes to the scores of every detector."""

FIND_ALL = """
import importlib, pkgutil, sys, pytest, layeraudit

status = pytest.main(["--collect-only", "--quiet", "-p", "no:cacheprovider", "tests/unit"])
for module in pkgutil.walk_packages(layeraudit.__path__, "layeraudit."):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # of an environment of its own
        assert not error.name.startswith("layeraudit"), (module.name, error.name)
    print(module.name)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the repository without the studies, their captions, and their sections and experiments."""
    folder = tmp_path_factory.mktemp("engine") / "alone"
    shutil.copytree(REPOSITORY, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "results"))
    for name in OF_STUDIES:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for caption in set((folder / "report").iterdir()) - {folder / "report/workflow.rst"}:
        caption.unlink()
    snakefile = folder / "Snakefile"
    of_studies = rf'(include|configfile): "({"|".join(OF_STUDIES)})"\n'
    text, n = re.subn(of_studies, "", snakefile.read_text())
    assert n == 4
    snakefile.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)  # which finds the pages for a test
    return folder


def test_an_experiment_of_ones_own_is_planned(engine: Path) -> None:
    for name in ("config", "small"):
        path = engine / f"config/{name}.yaml"
        settings = yaml.safe_load(path.read_text()) | {"experiments": {}}
        path.write_text(yaml.safe_dump({key: settings[key] for key in settings if key not in SECTIONS}))
    write_plugins_of_pages(engine)
    draw_shapes(engine / "shapes")
    targets = [f"results/small/mine/{target}" for target in list_targets(write_settings(engine))]
    planned = run(engine, *targets, "--dry-run", over=["mine.yaml"])
    assert set(re.findall(r"^rule (\w+):", planned, re.MULTILINE)) == OF_THE_ENGINE


def test_every_module_is_imported_and_every_unit_test_is_found(engine: Path) -> None:
    shutil.copytree(REPOSITORY / "config", engine / "config", dirs_exist_ok=True)  # which unit tests read
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    ended = subprocess.run(
        [sys.executable, "-c", FIND_ALL],
        cwd=engine,
        env=environment | {"PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr
    assert {"layeraudit.configuration", "layeraudit.pages"} <= set(ended.stdout.splitlines())
    assert "test_configuration.py::" in ended.stdout
    assert not any(f"layeraudit.{study}" in ended.stdout for study in STUDIES)


def list_imported(path: Path) -> Iterator[str]:
    """Yield the studies whose modules a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield from (study for study in STUDIES if name.startswith(f"layeraudit.{study}."))


def test_no_module_imports_a_study_but_those_of_the_study_itself() -> None:
    for root in ("scripts", "tools", "benchmarks"):
        for path in (REPOSITORY / root).rglob("*.py"):
            own = set(path.relative_to(REPOSITORY).parts) & set(STUDIES)
            assert set(list_imported(path)) <= own, path


def test_no_rule_of_the_engine_names_a_file_of_a_study() -> None:
    rules = {f"rules/{path.name}" for path in (REPOSITORY / "rules").glob("*.smk")} - set(OF_STUDIES)
    assert "rules/common.smk" in rules
    for name in rules:
        text = re.sub(r"\breport/\S+\.rst", "", (REPOSITORY / name).read_text())  # Snakemake's captions
        assert not re.search(rf"layeraudit[./]({'|'.join(STUDIES)})|\b({'|'.join(STUDIES)})/", text), name
        assert not re.search(rf"/({'|'.join(STUDIES)})\b", text), name
