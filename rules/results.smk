"""What a reader quotes: tables, figures and claims, of every seed of a run, and which run they are of.

They stay until their successors are written.
"""

from layeraudit.provenance import describe_run

PUBLISHED = []
"""Results under names that no variant is part of; a study adds its own."""


def finished(path, category, result, form, caption):
    """A finished result, with its place and caption in Snakemake's report."""
    return report(
        update(path),
        caption=str(ROOT / f"report/{caption}.rst"),
        category=category,
        labels={"result": result, "form": form},
    )


def table(name, category, result, caption=None):
    path = f"<results>/tables/{name}.csv"
    return finished(path, category, result, "table", caption or name)


def figure(name, category, result, caption=None):
    """Both forms of a figure, by the names that its program gives them."""
    path = f"<results>/figures/{name}"
    svg = finished(f"{path}.svg", category, result, "figure", caption or name)
    return {"svg": svg, "png": update(f"{path}.png")}


def claims(study):
    return update(f"<results>/claims/{study}.csv")


def each_seed(experiment, file):
    """A file of every seed of an experiment, in their order; `{poison}` stands for the experiment's."""
    folder = f"results/{config['variant']}/{experiment}"
    file = file.replace("{poison}", EXPERIMENTS[experiment]["poison"])
    return [f"{folder}/seed{seed}/{file}" for seed in EXPERIMENTS[experiment]["seeds"]]


def every_seed(file):
    """The same for a job of all seeds of the experiment that its wildcards name."""
    return lambda wildcards: each_seed(wildcards.experiment, file)


def run_of(*names):
    """Which run a result of these experiments is of, in one line, as a setting."""
    own = {name: EXPERIMENTS[name] for name in names if EXPERIMENTS[name]["seeds"]}
    more = config["neighbours"], list_experiments(read_yaml("config.yaml"))
    return constant(describe_run(config["variant"], own, *more))
