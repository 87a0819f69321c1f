import ast
import sys
from itertools import chain
from pathlib import Path

import yaml

# What the user's shell knows of Python must not reach into the environment of a rule.
shell.prefix("unset PYTHONPATH PYTHONHOME PYTHONSAFEPATH; export PYTHONNOUSERSITE=1; ")


def check_configuration():
    sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
    from layeraudit.configuration import check
    from layeraudit.errors import InputError

    schema = yaml.safe_load(Path(workflow.basedir, "config/schema.yaml").read_text())
    try:
        check(config, schema)
    except InputError as error:
        # Any other exception would print where in our files it was raised.
        sys.exit(f"The configuration cannot be run: {error} (see config/schema.yaml).")


def of_seeds(experiment, file):
    """A file of every seed of an experiment, in the order of the seeds."""
    return expand(
        "results/{experiment}/{variant}/seed{seed}/{file}",
        experiment=experiment,
        variant=config["variant"],
        seed=config["experiments"][experiment]["seeds"],
        file=file,
    )


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
    return [] if folder is None else ["--folder", folder]


def dataset_of_experiment(wildcards):
    """The file of the data set that an experiment is of."""
    return (
        f"results/datasets/{config['experiments'][wildcards.experiment]['dataset']}.npz"
    )


def poison_of_training(wildcards):
    """The poison that goes into a run's training set: none, or one file."""
    points = config["experiments"][wildcards.experiment]["poison"]
    return [f"<run>/data/poison_{points}.npz"] if points else []


def images_of_training(wildcards):
    """How many images the audited network is trained on, poison included: all."""
    experiment = config["experiments"][wildcards.experiment]
    return experiment["train"] + experiment["poison"]


def seed_of_network(wildcards):
    """The run's seed, and of a twin another; of a number above 32 bits torch takes the lowest, so this is within."""
    return (int(wildcards.seed) + (2**31 if wildcards.twin else 0)) % 2**32


def shown_networks(wildcards):
    """The networks that attacks are shown to by name, each with its architecture and the file of its weights.

    The audited one, all sources and targets, and where a source is named its twin, which has its architecture
    and other weights.
    """
    settings = config["transfer"]["experiments"][wildcards.experiment]
    audited = config["experiments"][wildcards.experiment]["network"]
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
        f"--{key.replace('_', '-')} {value}"
        for key, value in config["inputs"][wildcards.attack].items()
    ]


def settings_of_inputs():
    """How each input of the clean models is made, in words."""
    return [
        f"{name}=" + ", ".join(f"{key} {value}" for key, value in settings.items())
        for name, settings in config["inputs"].items()
    ]


def hidden_layers():
    """The layers whose activations are wide, and are removed when all that reads them is done."""
    return [layer for layer in config["activations"]["layers"] if layer != "fc"]


def keep_configuration():
    """Write the configuration beside the runs that it makes."""
    for experiment in config["experiments"]:
        path = Path("results", experiment, config["variant"], "config.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(".partial-config.yaml")
        temporary.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        temporary.replace(path)


def remove_what_is_made_again():
    """Remove the outputs of all jobs of this run before the first of them starts.

    Snakemake removes those of a job only when its turn comes. After a fault in between it would find the
    last results there, ask for nothing that is missing before them, and call them up to date. What is made
    last goes first, so that a kill in the middle of this does no such harm either.
    """
    if workflow.touch:  # which is to keep them
        return
    levels = list(workflow.dag.toposorted(set(workflow.dag.needrun_jobs())))
    for job in chain.from_iterable(reversed(levels)):
        for output in job.output:
            Path(output).unlink(missing_ok=True)


def modules_of(program):
    """The modules of the library that a program imports, directly or through others."""
    found, unread = set(), [Path(program)]
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
