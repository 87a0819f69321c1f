"""Needs a model and data that are given; makes the page of an audit, and what leads to it."""

from layeraudit.experiments import AUDIT_SEED

MODELS = [name for name, audit in config["audits"].items() if audit["network"]]
NO_MODELS = [name for name in config["audits"] if name not in MODELS]


def either(names):
    return "|".join(sorted(names)) or "(?!)"


def given_files(wildcards):
    """The user's own files of a network: its weights, and the code that builds it."""
    named = name_files("networks", EXPERIMENTS[wildcards.experiment]["network"])
    return [*named.values()]


def dataset_settings(wildcards):
    return config["datasets"][EXPERIMENTS[wildcards.experiment]["dataset"]]


rule import_weights:
    """The weights of a network that is given, as those that we train are."""
    input:
        given_files,
        split="<run>/data/train.npz",
    output:
        output="<run>/model.pt",
    log:
        log_of("import_weights"),
    benchmark:
        benchmark_of("import_weights")
    wildcard_constraints:
        experiment=either(MODELS),
    conda:
        "../envs/torch.yaml"
    params:
        **step("import_weights", NETWORK, network="experiment/network"),
        content=lambda wildcards: [
            fingerprint_folder(Path(path))
            for path in given_files(wildcards)
            if Path(path).is_dir()
        ],
    shell:
        STEP


ruleorder: import_weights > train_model


rule import_activations:
    """The activations of a data set that has no pictures, as those that we capture are."""
    input:
        lambda wildcards: [
            *name_files("datasets", dataset_settings(wildcards)).values()
        ],
        split="<run>/data/{split}.npz",
        dataset=dataset_of_experiment,
    output:
        layers=directory("<run>/layers/{split}"),
        logits="<run>/logits/{split}.npy",
    log:
        log_of("import_activations_{split}"),
    benchmark:
        benchmark_of("import_activations_{split}")
    wildcard_constraints:
        experiment=either(NO_MODELS),
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "import_activations",
            settings=dataset_settings,
            names="experiment/layers",
            pooling="experiment/pooling",
        ),
    shell:
        STEP


ruleorder: import_activations > extract_layers


rule list_layers:
    """All layers of a network that is given, and which of them are looked into."""
    input:
        split="<run>/data/train.npz",
        weights="<run>/model.pt",
    output:
        table="<run>/layers.csv",
    log:
        log_of("list_layers"),
    benchmark:
        benchmark_of("list_layers")
    conda:
        "../envs/torch.yaml"
    params:
        **step(
            "list_layers",
            NETWORK,
            network="experiment/network",
            names="experiment/layers",
            pooling="experiment/pooling",
        ),
    shell:
        STEP


RUN_OF_AUDIT = f"<runs>/seed{AUDIT_SEED}"
"""The one run of an audit, as files of all seeds name it."""

AUDITS = [f"results/audit/{name}" for name in config["audits"]]


def for_inputs(file):
    """A file of an audit whose network is shown a data set to judge."""
    return lambda wildcards: (
        [file.format(inputs=inputs)]
        if (inputs := config["audits"][wildcards.experiment]["inputs"])
        else []
    )


def for_network(file):
    """A file of an audit that has a network."""
    return lambda wildcards: [file] if wildcards.experiment in MODELS else []


def paths_of_network(wildcards):
    """The user's own files and folders of a network, by which it is known on the page."""
    network = EXPERIMENTS[wildcards.experiment]["network"]
    return [*name_files("networks", network).values()] if network else []


rule make_audit:
    """What an audit gives: a folder with a page, its pictures and its tables."""
    input:
        sorted(Path("scripts/layeraudit/pages").glob("*.[!p]*")),
        ancient("<results>/config.yaml"),
        dataset=dataset_of_experiment,
        inputs_dataset=for_inputs("results/datasets/{inputs}.npz"),
        gate=f"{RUN_OF_AUDIT}/gate.json",
        rows=f"{RUN_OF_AUDIT}/rows.parquet",
        groups=f"{RUN_OF_AUDIT}/groups.csv",
        leaks=f"{RUN_OF_AUDIT}/leaks.csv",
        controls=f"{RUN_OF_AUDIT}/controls.csv",
        errors=f"{RUN_OF_AUDIT}/errors.json",
        inputs=f"{RUN_OF_AUDIT}/inputs.parquet",
        layers=for_network(f"{RUN_OF_AUDIT}/layers.csv"),
        train_neighbours=f"{RUN_OF_AUDIT}/neighbours/train",
        test_neighbours=f"{RUN_OF_AUDIT}/neighbours/test",
        inputs_neighbours=for_inputs(f"{RUN_OF_AUDIT}/neighbours/inputs"),
    output:
        output=update(directory("results/audit/{experiment}")),
    log:
        log_of("make_audit", "<runs>"),
    benchmark:
        benchmark_of("make_audit", "<runs>")
    wildcard_constraints:
        experiment=either(config["audits"]),
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "audit/make_audit",
            name="{experiment}",
            variant="variant",
            dataset_name="experiment/dataset",
            network_name=lambda wildcards: EXPERIMENTS[wildcards.experiment][
                "network_name"
            ]
            or "",
            pooling="experiment/pooling",
            metric="neighbours/metric",
            given=paths_of_network,
        ),
    shell:
        STEP


rule audit_layers:
    """All layers of an audit's network, before anything else is made: the dry run."""
    input:
        ancient("<results>/config.yaml"),
        table=f"{RUN_OF_AUDIT}/layers.csv",
    output:
        "results/audit/{experiment}/layers.csv",
    log:
        log_of("audit_layers", "<runs>"),
    wildcard_constraints:
        experiment=either(MODELS),
    localrule: True
    conda:
        "../envs/numpy.yaml"
    shell:
        "cp {input.table} {output}.partial 2> {log} && mv {output}.partial {output} 2>> {log}"


def audits_of_configuration(wildcards):
    if not AUDITS:
        refuse("audits is {}, allowed are one or more, as config/audit.yaml has them")
    return AUDITS


rule audits:
    """The page of every audit of the configuration: results/audit/NAME/index.html."""
    input:
        audits_of_configuration,
