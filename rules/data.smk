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
        svm_train="<run>/data/svm_train.npz",
        svm_validation="<run>/data/svm_validation.npz",
        clean=temp("<run>/data/clean.npz"),
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
        digits=lookup(dpath="experiments/{experiment}/digits", within=config),
        svm_digits=lookup(dpath="poison/digits", within=config),
        svm_part=lookup(dpath="experiments/{experiment}/poison_part", within=config),
        svm_train=lookup(dpath="poison/train", within=config),
        svm_validation=lookup(dpath="poison/validation", within=config),
        clean=lookup(dpath="experiments/{experiment}/train", within=config),
        calibration=lookup(dpath="experiments/{experiment}/calibration", within=config),
        test=lookup(dpath="experiments/{experiment}/test", within=config),
    shell:
        "python {input.script}"
        " --dataset {input.dataset}"
        " --digits {params.digits}"
        " --svm-digits {params.svm_digits}"
        " --svm-part {params.svm_part}"
        " --svm-train-size {params.svm_train}"
        " --svm-train {output.svm_train}"
        " --svm-validation-size {params.svm_validation}"
        " --svm-validation {output.svm_validation}"
        " --clean-size {params.clean}"
        " --clean {output.clean}"
        " --calibration-size {params.calibration}"
        " --calibration {output.calibration}"
        " --test-size {params.test}"
        " --test {output.test}"
        " --seed {wildcards.seed}"
        " > {log} 2>&1"
