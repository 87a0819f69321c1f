"""Needs a model and data that are given; makes the page of an audit, and what leads to it."""

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
