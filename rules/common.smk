import ast
import json
import re
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))


def describe_commit():
    """The commit of the code with its date, as tables and figures print it; empty outside of git."""
    command = ["git", "-C", workflow.basedir]
    try:
        top, shown, changed = (
            subprocess.run(
                [*command, *words], capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (
                ["rev-parse", "--show-toplevel"],
                ["show", "--no-patch", "--format=%h (%cs)", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no"],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    if not Path(top).samefile(workflow.basedir):  # an archive within another repository
        return ""
    return f"commit {shown}" + (" with changes" if changed else "")


# What the user's shell knows of Python must not reach into the environment of a rule. The commit is no
# parameter: a table is not made again for a change that does not concern it.
shell.prefix(
    "unset PYTHONPATH PYTHONHOME PYTHONSAFEPATH; export PYTHONNOUSERSITE=1"
    f" LAYERAUDIT_COMMIT='{describe_commit()}'; "
)


def check_configuration():
    from layeraudit.configuration import check
    from layeraudit.errors import InputError

    schema = yaml.safe_load(Path(workflow.basedir, "config/schema.yaml").read_text())
    try:
        check(config, schema)
    except InputError as error:
        # Any other exception would print where in our files it was raised.
        sys.exit(f"The configuration cannot be run: {error} (see config/schema.yaml).")


def all_experiments():
    """What the configuration says of each experiment, those of the benches included, by its name."""
    from layeraudit.experiments import list_experiments

    return list_experiments(config)


def run_of(*names):
    """Which run a result of these experiments is of, in one line."""
    from layeraudit.experiments import list_experiments
    from layeraudit.provenance import describe_run

    default = yaml.safe_load(Path(workflow.basedir, "config/config.yaml").read_text())
    return describe_run(
        config["variant"],
        {name: EXPERIMENTS[name] for name in names if EXPERIMENTS[name]["seeds"]},
        config["neighbours"],
        list_experiments(default),
    )


def of_seeds(experiment, file):
    """A file of every seed of an experiment, in the order of the seeds."""
    return expand(
        "results/{variant}/{experiment}/seed{seed}/{file}",
        experiment=experiment,
        variant=config["variant"],
        seed=EXPERIMENTS[experiment]["seeds"],
        file=file,
    )


def of_experiments_named(names, file):
    """A file of every seed of each of these experiments, experiment by experiment."""
    return [path for name in names for path in of_seeds(name, file)]


def of_sources(file, experiment="clean"):
    """A file for every seed of an experiment and each source of attacks; one of the run is there for each."""
    return [
        path.replace("{source}", source)
        for path in of_seeds(experiment, file)
        for source in config["transfer"]["experiments"][experiment]["sources"]
    ]


def of_transfer(file):
    """The same of all experiments whose images are attacked."""
    return list(
        chain.from_iterable(
            of_sources(file, name) for name in config["transfer"]["experiments"]
        )
    )


def datasets_of_transfer():
    """The data sets whose images are attacked."""
    return [
        config["experiments"][name]["dataset"]
        for name in config["transfer"]["experiments"]
        if config["experiments"][name]["seeds"]
    ]


def option_for_folder(wildcards):
    """Where the user's own files of a data set lie, as an option of fetch_dataset."""
    folder = config["folders"][wildcards.name]
    # With =, since what begins with a dash would be taken for another option.
    return [] if folder is None else [f"--folder={folder}"]


def dataset_of_experiment(wildcards):
    """The file of the data set that an experiment is of."""
    return f"results/datasets/{EXPERIMENTS[wildcards.experiment]['dataset']}.npz"


def other_dataset(wildcards):
    """The file of the data set whose images a model is shown that was trained on another."""
    inputs = EXPERIMENTS[wildcards.experiment]["inputs"]
    return f"results/datasets/{inputs['other_data']['dataset']}.npz"


def poison_of_training(wildcards):
    """The poison that goes into a run's training set: none, or one file."""
    poison = EXPERIMENTS[wildcards.experiment]["poison"]
    return [f"<run>/data/{poison}.npz"] if poison else []


def pretrained_network(wildcards):
    """The weights that training begins with, where the network was trained on other images before."""
    pretrained = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return ["<run>/pretrained.pt"] if pretrained else []


def images_of_network(wildcards):
    """How many of the run's training images a source or target of transfer sees, as an option."""
    networks = config["transfer"]["experiments"][wildcards.experiment]["networks"]
    return ["--images", networks["train"]]


def seed_of_network(wildcards):
    """The run's seed, and of a twin another; of a number above 32 bits torch takes the lowest, so this is within."""
    return (int(wildcards.seed) + (2**31 if wildcards.twin else 0)) % 2**32


def shown_networks(wildcards):
    """The networks that attacks are shown to by name, each with its architecture and the file of its weights.

    The audited one, all sources and targets, and where a source is named its twin, which has its architecture
    and other weights.
    """
    settings = config["transfer"]["experiments"][wildcards.experiment]
    audited = EXPERIMENTS[wildcards.experiment]["network"]
    source = wildcards.get("source")
    return {
        "audited": (audited, "<run>/model.pt"),
        **{
            name: (name, f"<run>/networks/{name}.pt")
            for name in sorted({*settings["sources"], *settings["targets"]})
        },
        **(
            {f"{source}_twin": (source, f"<run>/networks/{source}_twin.pt")}
            if source
            else {}
        ),
    }


def names_of_networks(wildcards):
    return list(shown_networks(wildcards))


def architectures_of_networks(wildcards):
    return [architecture for architecture, _ in shown_networks(wildcards).values()]


def weights_of_networks(wildcards):
    return [weights for _, weights in shown_networks(wildcards).values()]


def options_for_attack(wildcards):
    """The settings of an attack, as options of its program."""
    return [
        f"--{key.replace('_', '-')}={value}"
        for key, value in EXPERIMENTS[wildcards.experiment]["inputs"][
            wildcards.attack
        ].items()
    ]


def settings_of_inputs():
    """How each input of the clean models is made, in words."""
    return [
        f"{name}=" + ", ".join(f"{key} {value}" for key, value in settings.items())
        for name, settings in config["inputs"].items()
    ]


def option_as_reported(experiment):
    """The option that sets the report's figures beside ours, where the experiment is the report's."""
    from layeraudit.experiments import is_as_reported

    return ["--as-reported"] if is_as_reported(config, experiment) else []


def as_published():
    """What the models of clean digits are shown as in the papers, whose figures then stand beside ours."""
    from layeraudit.experiments import list_as_published

    return list_as_published(config)


def of_layers(file):
    """A file of every layer, in the network's order."""
    return expand(file, layer=config["activations"]["layers"], allow_missing=True)


def hidden_layers():
    """The layers whose activations are wide, and are removed when all that reads them is done."""
    return [layer for layer in config["activations"]["layers"] if layer != "fc"]


STARTED = time.time()


def folder_of_variant():
    return Path("results", config["variant"])


def folder_of_replaced():
    """Where this run keeps finished results that are made again."""
    from layeraudit.results import REPLACED

    started = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(STARTED))
    return folder_of_variant() / REPLACED / started


def start_run():
    """Keep the configuration beside its results, and clear the way for what is made again."""
    from layeraudit.results import keep_configuration

    if {job.rule.name for job in workflow.dag.needrun_jobs()} == {"help"}:
        print(Path(workflow.basedir, "docs/commands.txt").read_text())
        return
    for change in keep_configuration(folder_of_variant(), config):
        print(
            f"Variant {config['variant']}: {change}. What depends on it is made again; "
            f"finished results that differ are kept in {folder_of_replaced().parent}.",
            file=sys.stderr,
        )
    remove_what_is_made_again()
    lift_limit_of_starts()


def end_run():
    """Name what was made, and where older results are that differ from it."""
    from layeraudit.results import drop_equal, list_made

    results, replaced = folder_of_variant(), folder_of_replaced()
    made = [path for path in map(Path, PUBLISHED) if path.exists()]
    made = [path for path in made if path.stat().st_mtime >= STARTED]
    made += list_made(results, STARTED)
    shown = [
        str(path)
        for path in made
        if path.suffix in {".csv", ".html", ".md", ""}
        and path.parent not in (results / "claims", results / "leaderboard")
    ]
    for path in shown[:12]:
        print(f"Made: {path}", file=sys.stderr)
    if len(made) > len(shown[:12]):
        print(f"Made: {len(made)} files in all, in {results}", file=sys.stderr)
    for aside in sorted(replaced.parent.glob("*")):
        left = drop_equal(aside, results)
        if left and aside == replaced:
            print(
                f"Replaced: {len(left)} older files that differ are kept in {replaced}",
                file=sys.stderr,
            )


def show_failures(run_logs):
    """Print what each failed job has logged, which Snakemake leaves out where it is quiet about rules."""
    run_log = "".join(Path(path).read_text(errors="replace") for path in run_logs)
    for path in re.findall(r"> (\S+) 2>&1' returned non-zero exit status", run_log):
        said = Path(path).read_text(errors="replace")
        print(f"Failed; {path} says:\n{said}", file=sys.stderr)
    if folder_of_replaced().exists():
        print(
            f"Finished results that were to be made again are kept in {folder_of_replaced()}",
            file=sys.stderr,
        )


def remove_what_is_made_again():
    """Remove the outputs of all jobs of this run before the first of them starts; keep what is finished aside.

    Snakemake removes those of a job only when its turn comes. After a fault in between it would find the
    last results there, ask for nothing that is missing before them, and call them up to date. What is made
    last goes first, so that a kill in the middle of this does no such harm either. Published copies stay
    until their successors are there: what they are copies of is missing, and so asked for.
    """
    from layeraudit.results import set_aside

    if workflow.touch:  # which is to keep them
        return
    levels = list(workflow.dag.toposorted(set(workflow.dag.needrun_jobs())))
    outputs = [
        output for job in chain.from_iterable(reversed(levels)) for output in job.output
    ]
    set_aside(
        (Path(output) for output in outputs if output not in PUBLISHED),
        folder_of_variant(),
        folder_of_replaced(),
    )


def lift_limit_of_starts():
    """Let Snakemake start as many jobs of this machine in a span of time as there are cores for.

    It has no option for that, and keeps to a limit by looking for free cores once a span for every job that
    has ended, until all have: after a thousand jobs that takes a quarter of a core.
    """
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def inputs_of_bench():
    """The inputs of the evasion bench, clean images first, and the splits that hold them."""
    from layeraudit.experiments import CLEAN, INPUTS

    return {CLEAN: "test"} | {name: name for name in INPUTS}


def experiments_of(bench):
    """The names of the experiments of a bench that have a seed."""
    return [
        name
        for name, experiment in EXPERIMENTS.items()
        if experiment["bench"] == bench and experiment["seeds"]
    ]


def detectors_of(bench):
    """The names of the detectors that a bench compares."""
    from layeraudit.configuration import is_for

    return [name for name in config["detectors"] if is_for(bench, config, name)]


def of_detectors(bench, suffix):
    """A file of every detector and each experiment of a bench."""
    return expand(
        "results/{variant}/{experiment}/detectors/{detector}.{suffix}",
        experiment=experiments_of(bench),
        variant=config["variant"],
        detector=detectors_of(bench),
        suffix=suffix,
    )


def of_bench(bench, step):
    """The benchmark of every job that captures activations for a bench, or that searches them for neighbours."""
    judged = {"poison": "train", "evasion": "evasion"}[bench]
    shards = config["neighbours"]["shards"]
    if step == "capture":
        jobs = expand(
            "extract_layers_{split}",
            split=dict.fromkeys(["train", "calibration", judged]),
        )
    elif shards == 1:
        jobs = expand("search_neighbours_{split}", split=["calibration", judged])
        jobs += ["build_index"]
    else:
        jobs = expand(
            [
                "build_shard_{layer}_{shard}",
                "search_shard_{split}_{layer}_{shard}",
                "merge_neighbours_{split}_{layer}",
            ],
            split=["calibration", judged],
            layer=config["activations"]["layers"],
            shard=[f"{number + 1}-of-{shards}" for number in range(shards)],
        )
    return [
        path
        for experiment in experiments_of(bench)
        for job in dict.fromkeys(jobs)
        for path in of_seeds(experiment, f"benchmarks/{job}.tsv")
    ]


def of_first_seeds(file):
    """A file of the first run of each experiment of the poison bench that has poison."""
    return [
        of_seeds(name, file)[0]
        for name in experiments_of("poison")
        if EXPERIMENTS[name]["method"] != "none"
    ]


def of_runs(*files):
    """Give an input function for jobs that are of all seeds of an experiment, for these files of every run."""

    def of_experiment(wildcards):
        return [path for file in files for path in of_seeds(wildcards.experiment, file)]

    return of_experiment


def of_experiments(bench, file):
    """A file of every experiment of a bench."""
    return expand(
        "results/{variant}/{experiment}/{file}",
        experiment=experiments_of(bench),
        variant=config["variant"],
        file=file,
    )


def of_retrained():
    """What came of training again, for every experiment of the poison bench and each detector."""
    files = [
        f"retrained/{name}.csv" for name in config["benches"]["poison"]["retrained"]
    ]
    return [path for file in files for path in of_experiments("poison", file)]


def poisoned_runs():
    """What the configuration says of each run of the poison bench that has poison, and its seed."""
    return [
        (EXPERIMENTS[name], seed)
        for name in experiments_of("poison")
        for seed in EXPERIMENTS[name]["seeds"]
        if EXPERIMENTS[name]["method"] != "none"
    ]


def of_poisoned_runs(file):
    """A file of each of these runs."""
    return [
        path
        for name in experiments_of("poison")
        for path in of_seeds(name, file)
        if EXPERIMENTS[name]["method"] != "none"
    ]


def poisons_of_secml():
    """The names of the poisons that secml makes."""
    return [
        name
        for name, settings in config["poisons"].items()
        if settings["method"] == "secml_gradient"
    ]


def pretrained_networks(wildcards):
    """The same of every seed of an experiment."""
    pretrained = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return of_seeds(wildcards.experiment, "pretrained.pt") if pretrained else []


def classes_of_experiment(wildcards):
    """How many classes an experiment's network tells apart."""
    return len(EXPERIMENTS[wildcards.experiment]["digits"])


def names_of_benches():
    """The names of all experiments of benches, as a pattern."""
    return "|".join(name for name, of in EXPERIMENTS.items() if of["bench"])


def names_of_experiment(wildcards):
    """What an experiment of a bench is of, as options."""
    experiment = EXPERIMENTS[wildcards.experiment]
    names = ["--bench", experiment["bench"], "--setting", experiment["setting"]]
    return names + (["--poison", experiment["name"]] if "name" in experiment else [])


def _judged(wildcards):
    """The split that detectors judge."""
    bench = EXPERIMENTS[wildcards.experiment]["bench"]
    return {"poison": "train", "evasion": "evasion"}[bench]


def layers_of_bench(wildcards):
    """The activations that detectors see."""
    return [
        path
        for split in dict.fromkeys(["train", "calibration", _judged(wildcards)])
        for layer in config["activations"]["layers"]
        for path in of_seeds(wildcards.experiment, f"layers/{split}/{layer}.npy")
    ]


def neighbours_of_bench(wildcards):
    """The neighbours that detectors see."""
    return [
        path
        for split in ["calibration", _judged(wildcards)]
        for layer in config["activations"]["layers"]
        for path in of_seeds(wildcards.experiment, f"neighbours/{split}/{layer}.npy")
    ]


def judged_of_bench(wildcards):
    """What is judged beside the training rows, and what each row of it is."""
    if _judged(wildcards) == "train":
        return []
    return [
        path
        for file in ["data/evasion.npz", "evasion.csv"]
        for path in of_seeds(wildcards.experiment, file)
    ]


def folders_of_runs(wildcards):
    """The folders of an experiment's runs, in the order of the seeds."""
    return [
        str(Path(path).parent)
        for path in of_seeds(wildcards.experiment, "calibration.npz")
    ]


def environment_of_method(kind, method):
    """The environment that a method's file asks for."""
    from layeraudit.methods import read_constants

    return f"../envs/{read_constants(kind, method)['ENVIRONMENT']}.yaml"


def file_of_poison(wildcards):
    method = EXPERIMENTS[wildcards.experiment]["method"]
    return f"scripts/layeraudit/poisons/{method}.py"


def modules_of_poison(wildcards):
    return modules_of("scripts/make_poison.py", file_of_poison(wildcards))


def environment_of_poison(wildcards):
    return environment_of_method("poisons", EXPERIMENTS[wildcards.experiment]["method"])


def options_of_poison(wildcards):
    return json.dumps(EXPERIMENTS[wildcards.experiment]["options"])


def files_of_methods():
    """The files of all methods that the configuration has."""
    return sorted(
        {
            f"scripts/layeraudit/{kind}/{settings['method']}.py"
            for kind in ("poisons", "detectors")
            for settings in config[kind].values()
        }
    )


def settings_with_names():
    """What the configuration says of all that has a name, as JSON."""
    keys = ("activations", "benches", "detectors", "poisons")
    return json.dumps({key: config[key] for key in keys})


def file_of_detector(wildcards):
    method = config["detectors"][wildcards.detector]["method"]
    return f"scripts/layeraudit/detectors/{method}.py"


def modules_of_detector(wildcards):
    return modules_of("scripts/score_detector.py", file_of_detector(wildcards))


def environment_of_detector(wildcards):
    return environment_of_method(
        "detectors", config["detectors"][wildcards.detector]["method"]
    )


def options_of_detector(wildcards):
    options = dict(config["detectors"][wildcards.detector])
    options.pop("method")
    return json.dumps(options)


def modules_of(*programs):
    """The modules of the library that programs import, directly or through others."""
    found, unread = set(), [Path(program) for program in programs]
    while unread:
        for node in ast.walk(ast.parse(unread.pop().read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                new = set(_modules_along(name)) - found
                found |= new
                unread += new
    return sorted(map(str, found))


def _modules_along(name):
    """The files that importing a dotted name runs: each package on the way, and the module."""
    path = Path("scripts")
    for part in name.split("."):
        path = path / part
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if part and file.is_file() and file.parent != Path("scripts"):
                yield file
