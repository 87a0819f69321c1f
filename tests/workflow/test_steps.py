"""Every rule gives its program what the signature of its function asks for, and nothing else."""

import importlib.util
import inspect
import re
import shlex
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, copy_repository, run

from layeraudit.cli import Input, Output, list_files, make_parser

JOB = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)(?:Shell command: )?(.*)\n", re.MULTILINE)
OF_OTHER_NAMES = {
    "pretrain_model": "train_model",
    "train_network": "train_model",
    "build_shard": "build_index",
    "plot_neighbour_sheet_clean": "plot_neighbour_sheet",
    "plot_neighbour_sheet_poisoned": "plot_neighbour_sheet",
}

ACTIVATIONS = {
    "datasets": {
        "activations": {
            "method": "activations",
            "train": "my_data/train",
            "held_out": "my_data/test",
            "classes": None,
        }
    },
    "networks": {"my_network": {"train": "my_code.model:train"}},
    "audits": {
        "my_audit": {"inputs": "pictures"},
        "of_activations": {
            "dataset": "activations",
            "network": None,
            "layers": "auto",
            "pooling": "none",
            "expected_accuracy": None,
            "inputs": None,
        },
    },
}
"""An audit without a model, beside that of `config/audit.yaml`, which has a training function."""

RUN_ELSEWHERE = {"search_shard", "merge_neighbours", "search_neighbours", "check_audit"}
"""Programs that one of the plans has no job of: those of shards, and the one that a user's CI runs."""


@cache
def load_step(program: str) -> Callable[..., None]:
    """Return the function of a program: the one of its name."""
    path = REPOSITORY / program
    specification = importlib.util.spec_from_file_location(f"step_{path.stem}", path)
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # where a dataclass of the program looks itself up
    specification.loader.exec_module(module)
    return getattr(module, path.stem)


@pytest.fixture(scope="module", params=[1, 2])
def jobs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[str, str, str]]:
    """Plan everything, with one shard and with two: name, files and command of each job."""
    folder = copy_repository(tmp_path_factory.mktemp("plan"))
    own = ACTIVATIONS | {"neighbours": {"shards": request.param}}
    (folder / "own.yaml").write_text(yaml.safe_dump(own))
    for name in ("my_data/train", "my_data/test", "my_project"):
        (folder / name).mkdir(parents=True)
    (folder / "my_data/weights.pt").touch()
    over = ["config/audit.yaml", "own.yaml"]
    planned = run(folder, "all", "audits", "--dry-run", "--printshellcmds", over=over)
    found = JOB.findall(planned)
    assert len(found) > 600
    return found


def list_printed(kind: str, files: str) -> set[str]:
    """List the files that Snakemake prints of a job, without their flags."""
    line = re.search(rf"^    {kind}: (.*)$", files, re.MULTILINE)
    return {re.sub(r" \(.*\)$", "", name) for name in line[1].split(", ")} if line else set()


def test_a_rule_gives_what_its_function_asks_for(jobs: list[tuple[str, str, str]]) -> None:
    programs = set()
    for rule, files, command in jobs:
        if not command.startswith("python scripts/"):
            continue
        line, _, log = command.partition(" > ")
        _, program, *words = shlex.split(line)
        assert log.split()[0] in list_printed("log", files)
        function = load_step(program)
        try:
            arguments = vars(make_parser(function).parse_args(words))
        except SystemExit:
            pytest.fail(f"{rule} does not suit the signature of {program}: {line}")
        for kind, annotation in [("input", Input), ("output", Output)]:
            given = {str(path) for path in list_files(function, arguments, annotation)}
            printed = list_printed(kind, files)
            assert given <= printed, f"{rule}: {sorted(given - printed)} is no {kind} of the rule"
            if kind == "output":
                assert given == printed, f"{rule}: {sorted(printed - given)} is written by nobody"
        stem = Path(program).stem
        if program == "scripts/report/tabulate.py":  # of every table, a rule each
            rule = re.sub(r"^tabulate_.*", "tabulate", rule)
        assert re.sub(r"_(memorised|quarter|quarter_flips)$", "", OF_OTHER_NAMES.get(rule, rule)) == stem
        programs.add(program)
    assert len(programs) > 40


def test_every_program_is_a_step(jobs: list[tuple[str, str, str]]) -> None:
    used = {command.split()[1] for _, _, command in jobs if command.startswith("python scripts/")}
    for path in REPOSITORY.glob("scripts/**/*.py"):
        if "layeraudit" in path.parts or path.stem == "sitecustomize":  # which is Python's own name
            continue
        function = load_step(str(path.relative_to(REPOSITORY)))
        assert inspect.getdoc(function), f"{path} has no docstring"
        make_parser(function)
        assert path.stem in RUN_ELSEWHERE or str(path.relative_to(REPOSITORY)) in used, f"no rule runs {path}"
