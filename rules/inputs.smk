"""Needs a model of clean digits and its held-out images; makes other inputs that it is shown."""


rule attack:
    input:
        split="<run>/data/test.npz",
        weights="<run>/model.pt",
        script="scripts/attack.py",
        modules=modules_of("scripts/attack.py"),
    output:
        attacked="<run>/data/{attack}.npz",
    log:
        "<run>/logs/attack_{attack}.log",
    benchmark:
        "<run>/benchmarks/attack_{attack}.tsv"
    priority: 2
    conda:
        "../envs/foolbox.yaml"
    params:
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
        batch_size=lookup(dpath="activations/batch_size", within=config),
        options=options_for_attack,
    shell:
        "python {input.script} {wildcards.attack}"
        " --split {input.split}"
        " --network {params.network}"
        " --weights {input.weights}"
        " --batch-size {params.batch_size}"
        " {params.options}"
        " --output {output.attacked}"
        " > {log} 2>&1"


rule rotate_images:
    input:
        split="<run>/data/test.npz",
        script="scripts/rotate_images.py",
        modules=modules_of("scripts/rotate_images.py"),
    output:
        rotated="<run>/data/rotated.npz",
    log:
        "<run>/logs/rotate_images.log",
    benchmark:
        "<run>/benchmarks/rotate_images.tsv"
    priority: 2
    conda:
        "../envs/torch.yaml"
    params:
        images=lookup(dpath="{experiment}/inputs/rotated/images", within=EXPERIMENTS),
        degrees=lookup(dpath="{experiment}/inputs/rotated/degrees", within=EXPERIMENTS),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --images {params.images}"
        " --degrees={params.degrees}"
        " --output {output.rotated}"
        " > {log} 2>&1"


rule take_images:
    input:
        dataset="results/datasets/fashion_mnist.npz",
        script="scripts/take_images.py",
        modules=modules_of("scripts/take_images.py"),
    output:
        images="<run>/data/fashion_mnist.npz",
    log:
        "<run>/logs/take_images.log",
    benchmark:
        "<run>/benchmarks/take_images.tsv"
    priority: 2
    conda:
        "../envs/numpy.yaml"
    params:
        images=lookup(
            dpath="{experiment}/inputs/fashion_mnist/images", within=EXPERIMENTS
        ),
    shell:
        "python {input.script}"
        " --dataset {input.dataset}"
        " --images {params.images}"
        " --seed {wildcards.seed}"
        " --output {output.images}"
        " > {log} 2>&1"


use rule take_images as take_other_data with:
    input:
        dataset=other_dataset,
        script="scripts/take_images.py",
        modules=modules_of("scripts/take_images.py"),
    output:
        images="<run>/data/other_data.npz",
    log:
        "<run>/logs/take_other_data.log",
    benchmark:
        "<run>/benchmarks/take_other_data.tsv"
    params:
        images=lookup(dpath="{experiment}/inputs/other_data/images", within=EXPERIMENTS),
