"""Needs the splits of a seed; makes its poison, and the training set with the poison in it."""


rule generate_poison:
    input:
        train="<experiment>/seed{seed}/data/svm_train.npz",
        validation="<experiment>/seed{seed}/data/svm_validation.npz",
        script="scripts/generate_poison.py",
        modules=modules_of("scripts/generate_poison.py"),
    output:
        poison="<experiment>/seed{seed}/data/poison.npz",
        record="<experiment>/seed{seed}/poison.csv",
    log:
        "<experiment>/seed{seed}/logs/generate_poison.log",
    conda:
        "../envs/secml.yaml"
    params:
        points=lookup(dpath="poison/points", within=config),
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
        " --points {params.points}"
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


rule merge_training_set:
    input:
        clean="<experiment>/seed{seed}/data/clean.npz",
        poison="<experiment>/seed{seed}/data/poison.npz",
        script="scripts/merge_training_set.py",
        modules=modules_of("scripts/merge_training_set.py"),
    output:
        train="<experiment>/seed{seed}/data/train.npz",
    log:
        "<experiment>/seed{seed}/logs/merge_training_set.log",
    conda:
        "../envs/numpy.yaml"
    shell:
        "python {input.script}"
        " --clean {input.clean}"
        " --poison {input.poison}"
        " --output {output.train}"
        " > {log} 2>&1"
