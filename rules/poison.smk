"""Needs the splits of a run; makes poison, and the training set with the poison in it."""


def pretrained_weights(wildcards):
    """The weights that training begins with, where the network was trained on other images before."""
    pretraining = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return ["<run>/pretrained.pt"] if pretraining else []


def pretrained_network(wildcards):
    """The network that poison is made on: one that was trained on other images before, or none."""
    is_pretrained = EXPERIMENTS[wildcards.experiment]["pretraining"]
    return EXPERIMENTS[wildcards.experiment]["network"] if is_pretrained else None


rule make_poison:
    input:
        sources="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
        test="<run>/data/test.npz",
        pretrained=pretrained_weights,
    output:
        poison="<run>/data/poison_{poison}.npz",
        probe="<run>/data/probe_{poison}.npz",
        record="<run>/poison_{poison}.csv",
    log:
        log_of("make_poison_{poison}"),
    benchmark:
        benchmark_of("make_poison_{poison}")
    priority: PRIORITIES["training"]
    conda:
        environment_of("poisons", "poisons/{poison}/method")
    params:
        **step(
            "make_poison",
            lambda wildcards: (
                NETWORK(wildcards) if pretrained_network(wildcards) else []
            ),
            method_of("poisons", "poisons/{poison}/method"),
            settings="poisons/{poison}",
            n_clean="experiment/train",
            network=pretrained_network,
            seed="{seed}",
        ),
    shell:
        STEP


def poison_of_training(wildcards):
    """The poison that goes into a run's training set: none, or one file."""
    poison = EXPERIMENTS[wildcards.experiment]["poison"]
    return [f"<run>/data/poison_{poison}.npz"] if poison else []


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
