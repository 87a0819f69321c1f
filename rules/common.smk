"""What rules are made of: paths, environments, and the params of a step."""

import sys
import time
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(str(workflow.current_basedir)).parent
SCRIPTS = ROOT / "scripts"
sys.path.insert(0, str(SCRIPTS))

from layeraudit.cli import write_files, write_settings
from layeraudit.configuration import check
from layeraudit.errors import InputError
from layeraudit.experiments import CLEAN, OTHER_DATA, list_audits, list_experiments
from layeraudit.fingerprints import fingerprint, fingerprint_folder, fingerprint_path
from layeraudit.plugins import list_methods, name_files, read_constants
from layeraudit.provenance import describe_commit
from layeraudit import results

# What the user's shell knows of Python must not reach into the environment of a rule. The commit is no
# parameter: a table is not made again for a change that does not concern it.
# Memory that a batch frees is kept for the next: fetched anew from the system, as glibc does with large blocks,
# it makes a network on large images take up to four times as long.
shell.prefix(
    "unset PYTHONHOME PYTHONSAFEPATH; export PYTHONNOUSERSITE=1"
    " MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184"
    f" PYTHONPATH='{SCRIPTS}' LAYERAUDIT_COMMIT='{describe_commit(ROOT)}'; "
)

STEP = "python scripts/{params.program}.py {params.files:q} {params.settings:q} > {log} 2>&1"
STEP_ON_THREADS = STEP.replace(" > ", " --threads={threads} > ")
"""The command of every step; how many threads it takes changes nothing that it writes."""

# The longest jobs run on one thread: begun late, they would keep the other cores waiting in the end. What is
# large and will not be read again for long is used up first.
PRIORITIES = dict(training=5, score=4, search=3, index=2, attack=2, capture=1)

STARTED = time.time()
RESULTS = Path("results", config.get("variant", ""))
FAILURES = results.read_counts(RESULTS)


def makes_results():
    """Whether this run makes anything of the variant; `help` does not."""
    files = [Path(file) for job in workflow.dag.needrun_jobs() for file in job.output]
    return any(file.is_relative_to(RESULTS) for file in files)


@cache
def read_yaml(name):
    return yaml.safe_load((ROOT / "config" / name).read_text())


def read_configuration():
    """The experiments of the configuration by their names, and why some, or some detectors, cannot be run."""
    try:
        problems = check(config, read_yaml("schema.yaml"))
    except InputError as error:
        refuse(error)
    return list_experiments(config) | list_audits(config), problems


def refuse(problem):
    # Any other exception would print where in our files it was raised.
    sys.exit(f"The configuration cannot be run: {problem} (see config/schema.yaml).")


def step(program, *plugins, **settings):
    """The params of a step, for `STEP`.

    Each setting of its function is given by where the configuration has it ("neighbours/k"), by a wildcard
    ("{seed}"), or by a function of the wildcards. Plug-ins are functions of the wildcards too, which return
    the files that the program runs beside its own.
    """

    def code(wildcards):
        files = [f"{program}.py", *(file for of in plugins for file in of(wildcards))]
        return fingerprint(tuple(SCRIPTS / file for file in files), SCRIPTS)

    def files(wildcards, input, output):
        return write_files([*input.items(), *output.items()])

    def values(wildcards):
        experiment, detector = wildcards.get("experiment"), wildcards.get("detector")
        for name in (experiment, detector, f"{experiment}/{detector}"):
            if name in PROBLEMS:  # of others no job is planned
                refuse(PROBLEMS[name])
        return write_settings(
            {name: find(value, wildcards) for name, value in settings.items()}
        )

    def failed(wildcards):
        run = (wildcards.get("experiment", ""), wildcards.get("seed", ""))
        return f"failures {FAILURES.get(results.name_job(program, *run), 0)}"

    return dict(program=program, code=code, files=files, settings=values, failed=failed)


def find(value, wildcards):
    """The value of a setting, as `step` takes it; `experiment/...` is of the job's own experiment."""
    if callable(value):
        return value(wildcards)
    if value.strip("{}") in wildcards.keys():
        return wildcards.get(value.strip("{}"))
    found = config | {"experiment": EXPERIMENTS.get(wildcards.get("experiment"))}
    for key in value.format(**dict(wildcards.items())).split("/"):
        found = found[key]
    return found


def constant(value):
    return lambda wildcards: value


def method_of(kind, key):
    """The file of a plug-in of a kind, named by the configuration under `key`, as `step` takes it."""
    return lambda wildcards: [f"layeraudit/{kind}/{find(key, wildcards)}.py"]


METHOD = "experiment/network/method"
NETWORK = method_of("networks", METHOD)
"""The network of the job's experiment."""


def environment_of(kind, key):
    """The environment that a plug-in's file asks for, as a function of the wildcards."""
    path = "../envs/{ENVIRONMENT}.yaml"
    return lambda wildcards: path.format(**read_constants(kind, find(key, wildcards)))


def environment_of_network(default=environment_of("networks", METHOD)):
    """The environment that the network of the job's experiment names, else the rule's own."""

    def path(wildcards):
        network = find("experiment/network", wildcards)
        own = network and network.get("environment")
        return str(Path(own).absolute()) if own else default(wildcards)

    return path


def log_of(name, folder="<run>"):
    return f"{folder}/logs/{name}.log"


def benchmark_of(name, folder="<run>"):
    return f"{folder}/benchmarks/{name}.tsv"
