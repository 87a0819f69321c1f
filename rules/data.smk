"""Needs a network, npm, apt or folders that hold the data sets; makes the splits of each run."""


def files_of_dataset(wildcards):
    """The user's own files and folders of a data set, where the configuration names them."""
    named = name_files("datasets", config["datasets"][wildcards.dataset])
    return [*named.values()]


def content_of_folders(wildcards):
    """What is in them: a picture more in a folder of that folder, or another, is no change of its own time."""
    folders = [path for path in files_of_dataset(wildcards) if Path(path).is_dir()]
    return [fingerprint_folder(Path(folder)) for folder in folders]


rule fetch_dataset:
    input:
        files_of_dataset,
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
        content=content_of_folders,
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
