"""Needs a model and its held-out images; makes other inputs that it is shown."""


def inputs_of(*methods):
    """The names of inputs of some methods, as a pattern."""
    inputs = [item for of in EXPERIMENTS.values() for item in of["inputs"].items()]
    names = {name for name, settings in inputs if settings["method"] in methods}
    return "|".join(sorted(names)) or "(?!)"


rule attack:
    input:
        split="<run>/data/test.npz",
        weights="<run>/model.pt",
    output:
        output="<run>/data/{input}.npz",
    log:
        log_of("attack_{input}"),
    benchmark:
        benchmark_of("attack_{input}")
    wildcard_constraints:
        input=inputs_of(*list_methods("attacks")),
    priority: PRIORITIES["attack"]
    conda:
        environment_of_network(
            environment_of("attacks", "experiment/inputs/{input}/method")
        )
    params:
        **step(
            "attack",
            NETWORK,
            method_of("attacks", "experiment/inputs/{input}/method"),
            settings="experiment/inputs/{input}",
            network="experiment/network",
            batch_size="activations/batch_size",
        ),
    shell:
        STEP


def other_dataset(wildcards):
    """The file of the data set whose images a network is shown that was trained on another."""
    shown = EXPERIMENTS[wildcards.experiment]["inputs"][wildcards.input]
    return f"results/datasets/{shown['dataset']}.npz"


rule sample_ood_images:
    input:
        dataset=other_dataset,
        split="<run>/data/test.npz",
    output:
        output="<run>/data/{input}.npz",
    log:
        log_of("sample_ood_images_{input}"),
    benchmark:
        benchmark_of("sample_ood_images_{input}")
    wildcard_constraints:
        input=inputs_of(OTHER_DATA),
    priority: PRIORITIES["attack"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "sample_ood_images",
            images="experiment/inputs/{input}/images",
            seed="{seed}",
        ),
    shell:
        STEP


rule craft_adaptive:
    input:
        split="<run>/data/test.npz",
        train="<run>/data/train.npz",
        weights="<run>/model.pt",
        layers="<run>/layers/train",
        calibration_layers="<run>/layers/calibration",
        calibration_neighbours="<run>/neighbours/calibration",
        index="<run>/index",
    output:
        output="<run>/data/adaptive.npz",
        record="<run>/adaptive.csv",
    log:
        log_of("craft_adaptive"),
    benchmark:
        benchmark_of("craft_adaptive")
    priority: PRIORITIES["attack"]
    conda:
        environment_of_network(constant("../envs/torch_faiss.yaml"))
    params:
        **step(
            "craft_adaptive",
            NETWORK,
            **SEARCH,
            network="experiment/network",
            metric="neighbours/metric",
            images="experiment/adaptive/images",
            epsilons="experiment/adaptive/epsilons",
            radii="experiment/adaptive/radii",
            guides="experiment/adaptive/guides",
            steepness="experiment/adaptive/steepness",
            steps="experiment/adaptive/steps",
            first_step="experiment/adaptive/first_step",
            intermediate_level="experiment/adaptive/intermediate_level",
            batch_size="activations/batch_size",
        ),
    shell:
        STEP


def splits_of_inputs(wildcards):
    """The splits of all that a network is shown, held-out images first."""
    names = ["test", *EXPERIMENTS[wildcards.experiment]["inputs"]]
    return expand("<run>/data/{split}.npz", split=names, allow_missing=True)


rule gather_inputs:
    input:
        splits=splits_of_inputs,
    output:
        split="<run>/data/evasion.npz",
        record="<run>/evasion.csv",
    log:
        log_of("gather_inputs"),
    benchmark:
        benchmark_of("gather_inputs")
    priority: PRIORITIES["attack"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "gather_inputs",
            inputs=lambda wildcards: [
                CLEAN,
                *EXPERIMENTS[wildcards.experiment]["inputs"],
            ],
        ),
    shell:
        STEP
