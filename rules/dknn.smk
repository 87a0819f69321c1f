"""Needs the neighbours of each split; makes a model's calibration, scores, and counts of occurrence."""


rule calibrate:
    input:
        train="<run>/data/train.npz",
        calibration="<run>/data/calibration.npz",
        neighbours=of_layers("<run>/neighbours/calibration/{layer}.npy"),
        logits="<run>/layers/calibration/fc.npy",
        script="scripts/calibrate.py",
        modules=modules_of("scripts/calibrate.py"),
    output:
        calibration="<run>/calibration.npz",
    log:
        "<run>/logs/calibrate.log",
    benchmark:
        "<run>/benchmarks/calibrate.tsv"
    priority: 4
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
        train="<run>/data/train.npz",
        split="<run>/data/{split}.npz",
        neighbours=of_layers("<run>/neighbours/{split}/{layer}.npy"),
        logits="<run>/layers/{split}/fc.npy",
        calibration="<run>/calibration.npz",
        script="scripts/score.py",
        modules=modules_of("scripts/score.py"),
    output:
        scores="<run>/scores/{split}.parquet",
    log:
        "<run>/logs/score_{split}.log",
    benchmark:
        "<run>/benchmarks/score_{split}.tsv"
    priority: 4
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


rule count_occurrences:
    input:
        train="<run>/data/train.npz",
        neighbours=of_layers("<run>/neighbours/{split}/{layer}.npy"),
        script="scripts/count_occurrences.py",
        modules=modules_of("scripts/count_occurrences.py"),
    output:
        occurrences="<run>/occurrences/{split}.parquet",
    log:
        "<run>/logs/count_occurrences_{split}.log",
    benchmark:
        "<run>/benchmarks/count_occurrences_{split}.tsv"
    priority: 4
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --neighbours {input.neighbours}"
        " --output {output.occurrences}"
        " > {log} 2>&1"
