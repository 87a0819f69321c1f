"""Needs a network, npm or a folder that holds the data set; makes the splits of each seed."""


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
        folder=branch(
            config["dataset"]["folder"] is None,
            then=[],
            otherwise=["--folder", config["dataset"]["folder"]],
        ),
    shell:
        "python {input.script}"
        " --name {wildcards.name}"
        " {params.folder:q}"
        " --output {output.dataset}"
        " > {log} 2>&1"


rule draw_splits:
    input:
        dataset=expand("results/datasets/{name}.npz", name=config["dataset"]["name"]),
        script="scripts/draw_splits.py",
        modules=modules_of("scripts/draw_splits.py"),
    output:
        clean="<experiment>/seed{seed}/data/clean.npz",
        svm_train="<experiment>/seed{seed}/data/svm_train.npz",
        svm_validation="<experiment>/seed{seed}/data/svm_validation.npz",
        calibration="<experiment>/seed{seed}/data/calibration.npz",
        test="<experiment>/seed{seed}/data/test.npz",
    log:
        "<experiment>/seed{seed}/logs/draw_splits.log",
    conda:
        "../envs/numpy.yaml"
    params:
        digits=lookup(dpath="splits/digits", within=config),
        clean=lookup(dpath="splits/train", within=config),
        svm_train=lookup(dpath="poison/train", within=config),
        svm_validation=lookup(dpath="poison/validation", within=config),
        calibration=lookup(dpath="splits/calibration", within=config),
        test=lookup(dpath="splits/test", within=config),
    shell:
        "python {input.script}"
        " --dataset {input.dataset}"
        " --digits {params.digits}"
        " --clean-size {params.clean}"
        " --clean {output.clean}"
        " --svm-train-size {params.svm_train}"
        " --svm-train {output.svm_train}"
        " --svm-validation-size {params.svm_validation}"
        " --svm-validation {output.svm_validation}"
        " --calibration-size {params.calibration}"
        " --calibration {output.calibration}"
        " --test-size {params.test}"
        " --test {output.test}"
        " --seed {wildcards.seed}"
        " > {log} 2>&1"
