"""Each rule has what its program needs and no more, whatever the user's shell holds."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import yaml
from conftest import ENVIRONMENTS, REPOSITORY

NAMES = sorted(path.stem for path in (REPOSITORY / "envs").glob("*.yaml"))


def normalise(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def read_pins(name: str) -> dict[str, str]:
    """Give the version that the environment's file, and its post-deploy script, pin of each package."""
    dependencies = yaml.safe_load((REPOSITORY / "envs" / f"{name}.yaml").read_text())["dependencies"]
    pins = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    script = REPOSITORY / "envs" / f"{name}.post-deploy.sh"
    if script.exists():
        pins += re.findall(r"\S+==\S+", re.sub("#.*", "", script.read_text()))
    return {normalise(package): version for package, version in (pin.split("==") for pin in pins)}


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_holds_the_exact_pins_of_its_file_and_nothing_else(
    name: str, environment: Callable[[str], Path]
) -> None:
    listing = [environment(name), "-I", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    packages = json.loads(subprocess.check_output(listing, text=True))
    installed = {normalise(package["name"]): package["version"].partition("+")[0] for package in packages}
    of_conda = {"pip", "setuptools", "wheel"} - read_pins(name).keys()
    assert {key: value for key, value in installed.items() if key not in of_conda} == read_pins(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_pinned_package_is_imported_by_a_program_or_required_by_another(
    name: str, environment: Callable[[str], Path]
) -> None:
    metadata = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.name: [r for r in d.requires or [] if 'extra ==' not in r]"
        " for d in m.distributions()}))"
    )
    requirements = json.loads(subprocess.check_output([environment(name), "-I", "-c", metadata], text=True))
    required = {
        normalise(re.match(r"[\w.-]+", requirement).group())  # type: ignore[union-attr]
        for requirement in chain.from_iterable(requirements.values())
    }
    modules = {
        "adversarial-robustness-toolbox": "art",
        "faiss-cpu": "faiss",
        "python-dateutil": "dateutil",
        "pytorch-ood": "pytorch_ood",
        "scikit-learn": "sklearn",
        "scikit-posthocs": "scikit_posthocs",
    }
    unseen = {
        "packaging": "ART imports it and does not say so",
        "pyarrow": "pandas reads and writes parquet with it",
        "setuptools": "secml imports pkg_resources",
    }
    programs = "".join(path.read_text() for path in (REPOSITORY / "scripts").rglob("*.py"))
    for package in read_pins(name).keys() - required - unseen.keys():
        module = modules.get(package, package)
        assert re.search(rf"^\s*(from|import) {module}\b", programs, re.MULTILINE), package


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("numpy", "numpy", ["torch", "pandas", "secml", "snakemake", "yaml"]),
        ("torch", "torch", ["faiss", "pandas", "secml", "snakemake", "yaml"]),
        ("faiss", "faiss", ["torch", "pandas", "secml", "snakemake", "yaml"]),
        ("torch_faiss", "faiss", ["torchvision", "pandas", "secml", "snakemake", "yaml"]),
        ("foolbox", "foolbox", ["faiss", "pandas", "secml", "snakemake", "yaml"]),
        ("tables", "pandas", ["torch", "faiss", "secml", "snakemake", "yaml"]),
        ("detectors", "art", ["faiss", "foolbox", "secml", "snakemake", "yaml"]),
        ("secml", "secml", ["torch", "faiss", "pandas", "snakemake", "yaml"]),
    ],
)
def test_a_rule_cannot_import_packages_of_the_host_or_of_another_rule(
    name: str, present: str, absent: list[str], tmp_path: Path
) -> None:
    """Run a rule that imports, with packages laid in all places where Python would look on the host."""
    intruders = ["on_python_path", "of_the_user"]
    for intruder, folder in zip(intruders, ["path", "home/.local/lib/python3.11/site-packages"], strict=True):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / f"{intruder}.py").touch()
    hostile = {"PYTHONPATH": str(tmp_path / "path"), "PYTHONUSERBASE": str(tmp_path / "home/.local")}
    modules = [present, *absent, *intruders]
    subprocess.run(
        [
            *["snakemake", "--cores", "2", "--snakefile", REPOSITORY / "tests/workflow/imports.smk"],
            *["--workflow-profile", "none", "--sdm", "conda", "--conda-prefix", ENVIRONMENTS],
            *["--quiet", "--", *(f"{name}/{module}" for module in modules)],
        ],
        cwd=tmp_path,
        env=os.environ | hostile,
        check=True,
    )
    found = {module: (tmp_path / name / module).read_text().strip() for module in modules}
    assert found == {module: "found" if module == present else "missing" for module in modules}
