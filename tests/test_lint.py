"""What a linter, a formatter or a type checker would say, said here."""

import re
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
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_nothing_is_found_fault_with(command: list[str]) -> None:
    found = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_snakemake_finds_fault_with_nothing_but_functions_beside_their_rule() -> None:
    """A function that one rule file needs stands there; `help` has neither a program nor a log."""
    lint = ["snakemake", "--lint", "--workflow-profile", "none"]
    found = subprocess.run(lint, cwd=REPOSITORY, text=True, capture_output=True, check=False)
    parts = re.split(r"^Lints for (\w+ \S+) ?.*:$", found.stdout + found.stderr, flags=re.MULTILINE)[1:]
    lints = {
        of: re.findall(r"^    \* (.*?)\.?:$", text, re.M)
        for of, text in zip(parts[::2], parts[1::2], strict=True)
    }
    assert lints.pop("rule help")
    assert {title for titles in lints.values() for title in titles} == {
        "Mixed rules and functions in same snakefile"
    }
