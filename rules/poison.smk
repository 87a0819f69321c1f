"""Needs the splits of a run; makes poison, and the training set with the poison in it."""


rule generate_poison:
    input:
        train="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
    output:
        poison="<run>/data/poison_{points}.npz",
        record="<run>/poison_{points}.csv",
    log:
        log_of("generate_poison_{points}"),
    benchmark:
        benchmark_of("generate_poison_{points}")
    priority: PRIORITIES["training"]
    conda:
        "../envs/secml.yaml"
    params:
        **step(
            "generate_poison",
            points="{points}",
            radius="poison/radius",
            distance="poison/distance",
            bounds="poison/bounds",
            kernel="poison/kernel",
            regularization="poison/regularization",
            eta="poison/solver/eta",
            eta_min="poison/solver/eta_min",
            eta_max="poison/solver/eta_max",
            max_iterations="poison/solver/max_iterations",
            tolerance="poison/solver/tolerance",
            seed="{seed}",
        ),
    shell:
        STEP


rule flip_labels:
    input:
        sources="<run>/data/attack_sources.npz",
        poison="<run>/data/poison_{points}.npz",
    output:
        flips="<run>/data/flips_{points}.npz",
        record="<run>/flips_{points}.csv",
    log:
        log_of("flip_labels_{points}"),
    benchmark:
        benchmark_of("flip_labels_{points}")
    priority: PRIORITIES["training"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step("flip_labels"),
    shell:
        STEP


def pretrained_weights(wildcards):
    """The weights that training begins with, where the network was trained on other images before."""
    pretraining = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return ["<run>/pretrained.pt"] if pretraining else []


rule make_poison:
    input:
        sources="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
        test="<run>/data/test.npz",
        pretrained=pretrained_weights,
    output:
        poison="<run>/data/poison.npz",
        probe="<run>/data/probe.npz",
    log:
        log_of("make_poison"),
    benchmark:
        benchmark_of("make_poison")
    priority: PRIORITIES["training"]
    conda:
        environment_of("poisons", "experiment/poison_settings/method")
    params:
        **step(
            "make_poison",
            NETWORK,
            method_of("poisons", "experiment/poison_settings/method"),
            settings="experiment/poison_settings",
            n_clean="experiment/train",
            network="experiment/network",
            seed="{seed}",
        ),
    shell:
        STEP


def poison_of_training(wildcards):
    """The poison that goes into a run's training set: none, or one file."""
    poison = EXPERIMENTS[wildcards.experiment]["poison"]
    return [f"<run>/data/{poison}.npz"] if poison else []


rule merge_training_set:
    input:
        clean="<run>/data/clean.npz",
        poison=poison_of_training,
    output:
        output="<run>/data/train.npz",
    log:
        log_of("merge_training_set"),
    benchmark:
        benchmark_of("merge_training_set")
    priority: PRIORITIES["training"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step("merge_training_set"),
    shell:
        STEP
