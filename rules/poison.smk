"""Needs the splits of a run; makes poison, and the training set with the poison in it."""


rule generate_poison:
    input:
        train="<run>/data/attack_sources.npz",
        validation="<run>/data/attack_validation.npz",
        script="scripts/generate_poison.py",
        modules=modules_of("scripts/generate_poison.py"),
    output:
        poison="<run>/data/poison_{points}.npz",
        record="<run>/poison_{points}.csv",
    log:
        "<run>/logs/generate_poison_{points}.log",
    benchmark:
        "<run>/benchmarks/generate_poison_{points}.tsv"
    priority: 5
    conda:
        "../envs/secml.yaml"
    params:
        radius=lookup(dpath="poison/radius", within=config),
        distance=lookup(dpath="poison/distance", within=config),
        bounds=lookup(dpath="poison/bounds", within=config),
        kernel=lookup(dpath="poison/kernel", within=config),
        regularization=lookup(dpath="poison/regularization", within=config),
        eta=lookup(dpath="poison/solver/eta", within=config),
        eta_min=lookup(dpath="poison/solver/eta_min", within=config),
        eta_max=lookup(dpath="poison/solver/eta_max", within=config),
        max_iterations=lookup(dpath="poison/solver/max_iterations", within=config),
        tolerance=lookup(dpath="poison/solver/tolerance", within=config),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --validation {input.validation}"
        " --points {wildcards.points}"
        " --radius {params.radius}"
        " --distance {params.distance}"
        " --bounds {params.bounds}"
        " --kernel {params.kernel}"
        " --regularization {params.regularization}"
        " --eta {params.eta}"
        " --eta-min {params.eta_min}"
        " --eta-max {params.eta_max}"
        " --max-iterations {params.max_iterations}"
        " --tolerance {params.tolerance}"
        " --seed {wildcards.seed}"
        " --output-poison {output.poison}"
        " --output-record {output.record}"
        " > {log} 2>&1"


rule flip_labels:
    input:
        sources="<run>/data/attack_sources.npz",
        poison="<run>/data/poison_{points}.npz",
        script="scripts/flip_labels.py",
        modules=modules_of("scripts/flip_labels.py"),
    output:
        flips="<run>/data/flips_{points}.npz",
        record="<run>/flips_{points}.csv",
    log:
        "<run>/logs/flip_labels_{points}.log",
    benchmark:
        "<run>/benchmarks/flip_labels_{points}.tsv"
    priority: 5
    conda:
        "../envs/numpy.yaml"
    shell:
        "python {input.script}"
        " --sources {input.sources}"
        " --poison {input.poison}"
        " --output-poison {output.flips}"
        " --output-record {output.record}"
        " > {log} 2>&1"


rule merge_training_set:
    input:
        clean="<run>/data/clean.npz",
        poison=poison_of_training,
        script="scripts/merge_training_set.py",
        modules=modules_of("scripts/merge_training_set.py"),
    output:
        train="<run>/data/train.npz",
    log:
        "<run>/logs/merge_training_set.log",
    benchmark:
        "<run>/benchmarks/merge_training_set.tsv"
    priority: 5
    conda:
        "../envs/numpy.yaml"
    shell:
        "python {input.script}"
        " --clean {input.clean}"
        " --poison {input.poison}"
        " --output {output.train}"
        " > {log} 2>&1"
