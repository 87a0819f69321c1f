"""Needs the neighbours of each split; makes the calibration of a model, and the scores of each split."""


rule calibrate:
    input:
        train="<experiment>/seed{seed}/data/train.npz",
        calibration="<experiment>/seed{seed}/data/calibration.npz",
        neighbours=expand(
            "<experiment>/seed{seed}/neighbours/calibration/{layer}.npy",
            layer=config["activations"]["layers"],
            allow_missing=True,
        ),
        logits="<experiment>/seed{seed}/layers/calibration/fc.npy",
        script="scripts/calibrate.py",
        modules=modules_of("scripts/calibrate.py"),
    output:
        calibration="<experiment>/seed{seed}/calibration.npz",
    log:
        "<experiment>/seed{seed}/logs/calibrate.log",
    conda:
        "../envs/numpy.yaml"
    params:
        mode=lookup(dpath="calibration/mode", within=config),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --calibration {input.calibration}"
        " --neighbours {input.neighbours}"
        " --logits {input.logits}"
        " --mode {params.mode}"
        " --output {output.calibration}"
        " > {log} 2>&1"


rule score:
    input:
        train="<experiment>/seed{seed}/data/train.npz",
        split="<experiment>/seed{seed}/data/{split}.npz",
        neighbours=expand(
            "<experiment>/seed{seed}/neighbours/{split}/{layer}.npy",
            layer=config["activations"]["layers"],
            allow_missing=True,
        ),
        logits="<experiment>/seed{seed}/layers/{split}/fc.npy",
        calibration="<experiment>/seed{seed}/calibration.npz",
        script="scripts/score.py",
        modules=modules_of("scripts/score.py"),
    output:
        scores="<experiment>/seed{seed}/scores/{split}.parquet",
    log:
        "<experiment>/seed{seed}/logs/score_{split}.log",
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --split {input.split}"
        " --neighbours {input.neighbours}"
        " --logits {input.logits}"
        " --calibration {input.calibration}"
        " --output {output.scores}"
        " > {log} 2>&1"
