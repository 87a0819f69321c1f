"""Needs a network, npm, apt or folders that hold the data sets; makes the splits of each run."""


def folder_of_dataset(wildcards):
    """The user's own files of a data set, where the configuration names them."""
    return config["datasets"][wildcards.dataset].get("folder") or []


def content_of_folder(wildcards):
    """What they are: a picture more in a folder of that folder, or another, is no change of its own time."""
    folder = folder_of_dataset(wildcards)
    return fingerprint_folder(Path(folder)) if folder else ""


rule fetch_dataset:
    input:
        folder_of_dataset,
    output:
        output="results/datasets/{dataset}.npz",
    log:
        "results/datasets/logs/{dataset}.log",
    conda:
        environment_of("datasets", "datasets/{dataset}/method")
    params:
        **step(
            "fetch_dataset",
            method_of("datasets", "datasets/{dataset}/method"),
            settings="datasets/{dataset}",
        ),
        content=content_of_folder,
    shell:
        STEP


def dataset_of_experiment(wildcards):
    return f"results/datasets/{EXPERIMENTS[wildcards.experiment]['dataset']}.npz"


rule draw_splits:
    input:
        dataset=dataset_of_experiment,
    output:
        sources="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
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
            classes="experiment/classes",
            attacker="experiment/attacker",
            clean_size="experiment/train",
            pretraining_size="experiment/pretraining",
            calibration_size="experiment/calibration",
            test_size="experiment/test",
            seed="{seed}",
        ),
    shell:
        STEP
