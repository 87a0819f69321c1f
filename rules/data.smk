"""Needs a network, npm, apt or folders that hold the data sets; makes the splits of each run."""


rule fetch_dataset:
    output:
        output="results/datasets/{name}.npz",
    log:
        "results/datasets/logs/{name}.log",
    conda:
        "../envs/torch.yaml"
    params:
        **step("fetch_dataset", name="{name}", folder="folders/{name}"),
    shell:
        STEP


def dataset_of_experiment(wildcards):
    return f"results/datasets/{EXPERIMENTS[wildcards.experiment]['dataset']}.npz"


rule draw_splits:
    input:
        dataset=dataset_of_experiment,
    output:
        attack_sources="<run>/data/attack_sources.npz",
        attack_validation="<run>/data/attack_validation.npz",
        clean="<run>/data/clean.npz",
        pretraining="<run>/data/pretraining.npz",
        calibration="<run>/data/calibration.npz",
        test="<run>/data/test.npz",
    log:
        log_of("draw_splits"),
    benchmark:
        benchmark_of("draw_splits")
    priority: PRIORITIES["training"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "draw_splits",
            digits="experiment/digits",
            attack_digits="experiment/attack/digits",
            attack_part="experiment/attack/part",
            attack_sources_size="experiment/attack/sources",
            attack_validation_size="experiment/attack/validation",
            clean_size="experiment/train",
            pretraining_size="experiment/pretraining",
            calibration_size="experiment/calibration",
            test_size="experiment/test",
            seed="{seed}",
        ),
    shell:
        STEP
