"""What a linter, a formatter or a type checker would say, said here."""

import subprocess

import pytest
from conftest import REPOSITORY

PYTHON = ["scripts", "tests", "tools", "benchmarks"]
SNAKEMAKE = ["Snakefile", "rules", "benchmarks/Snakefile", "tests/workflow/imports.smk"]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--quiet", *PYTHON],
        ["ruff", "format", "--check", "--quiet", *PYTHON],
        ["mypy"],
        ["snakefmt", "--check", *SNAKEMAKE],
        pytest.param(["snakemake", "--lint", "--workflow-profile", "none"], marks=pytest.mark.slow),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_nothing_is_found_fault_with(command: list[str]) -> None:
    found = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
