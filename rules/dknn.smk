"""Needs the neighbours of each split; makes a model's calibration, scores, and counts of occurrence."""


rule calibrate:
    input:
        train="<run>/data/train.npz",
        calibration="<run>/data/calibration.npz",
        neighbours="<run>/neighbours/calibration",
        logits="<run>/logits/calibration.npy",
    output:
        output="<run>/calibration.npz",
    log:
        log_of("calibrate"),
    benchmark:
        benchmark_of("calibrate")
    priority: PRIORITIES["score"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step("calibrate", mode="calibration/mode"),
    shell:
        STEP


rule score:
    input:
        train="<run>/data/train.npz",
        split="<run>/data/{split}.npz",
        neighbours="<run>/neighbours/{split}",
        logits="<run>/logits/{split}.npy",
        calibration="<run>/calibration.npz",
    output:
        output="<run>/scores/{split}.parquet",
    log:
        log_of("score_{split}"),
    benchmark:
        benchmark_of("score_{split}")
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("score"),
    shell:
        STEP


rule count_occurrences:
    input:
        train="<run>/data/train.npz",
        neighbours="<run>/neighbours/{split}",
    output:
        output="<run>/occurrences/{split}.parquet",
    log:
        log_of("count_occurrences_{split}"),
    benchmark:
        benchmark_of("count_occurrences_{split}")
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("count_occurrences"),
    shell:
        STEP
