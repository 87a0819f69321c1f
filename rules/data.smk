"""Needs a network, npm, apt or folders that hold the data sets; makes the splits of each run."""


rule fetch_dataset:
    input:
        script="scripts/fetch_dataset.py",
        modules=modules_of("scripts/fetch_dataset.py"),
    output:
        dataset="results/datasets/{name}.npz",
    log:
        "results/datasets/logs/{name}.log",
    conda:
        "../envs/torch.yaml"
    params:
        folder=option_for_folder,
    shell:
        "python {input.script}"
        " --name {wildcards.name}"
        " {params.folder:q}"
        " --output {output.dataset}"
        " > {log} 2>&1"


rule draw_splits:
    input:
        dataset=dataset_of_experiment,
        script="scripts/draw_splits.py",
        modules=modules_of("scripts/draw_splits.py"),
    output:
        attack_sources="<run>/data/attack_sources.npz",
        attack_validation="<run>/data/attack_validation.npz",
        clean=temp("<run>/data/clean.npz"),
        pretraining=temp("<run>/data/pretraining.npz"),
        calibration="<run>/data/calibration.npz",
        test="<run>/data/test.npz",
    log:
        "<run>/logs/draw_splits.log",
    benchmark:
        "<run>/benchmarks/draw_splits.tsv"
    priority: 5
    conda:
        "../envs/numpy.yaml"
    params:
        digits=lookup(dpath="{experiment}/digits", within=EXPERIMENTS),
        attack_digits=lookup(dpath="{experiment}/attack/digits", within=EXPERIMENTS),
        attack_part=lookup(dpath="{experiment}/attack/part", within=EXPERIMENTS),
        attack_sources=lookup(dpath="{experiment}/attack/sources", within=EXPERIMENTS),
        attack_validation=lookup(
            dpath="{experiment}/attack/validation", within=EXPERIMENTS
        ),
        clean=lookup(dpath="{experiment}/train", within=EXPERIMENTS),
        pretraining=lookup(dpath="{experiment}/pretraining", within=EXPERIMENTS),
        calibration=lookup(dpath="{experiment}/calibration", within=EXPERIMENTS),
        test=lookup(dpath="{experiment}/test", within=EXPERIMENTS),
    shell:
        "python {input.script}"
        " --dataset {input.dataset}"
        " --digits {params.digits}"
        " --attack-digits {params.attack_digits}"
        " --attack-part {params.attack_part}"
        " --attack-sources-size {params.attack_sources}"
        " --attack-sources {output.attack_sources}"
        " --attack-validation-size {params.attack_validation}"
        " --attack-validation {output.attack_validation}"
        " --clean-size {params.clean}"
        " --clean {output.clean}"
        " --pretraining-size {params.pretraining}"
        " --pretraining {output.pretraining}"
        " --calibration-size {params.calibration}"
        " --calibration {output.calibration}"
        " --test-size {params.test}"
        " --test {output.test}"
        " --seed {wildcards.seed}"
        " > {log} 2>&1"
