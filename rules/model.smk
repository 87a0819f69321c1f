"""Needs the training set of a run; makes its model, and the activations of each split in each layer."""


rule train_model:
    input:
        train="<run>/data/train.npz",
        pretrained=pretrained_network,
        script="scripts/train_model.py",
        modules=modules_of("scripts/train_model.py"),
    output:
        weights="<run>/model.pt",
    log:
        "<run>/logs/train_model.log",
    benchmark:
        "<run>/benchmarks/train_model.tsv"
    # The longest job, on one thread: begun late, it would keep the other cores waiting in the end. What it
    # waits for is as urgent.
    priority: 5
    conda:
        "../envs/torch.yaml"
    params:
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
        epochs=lookup(dpath="{experiment}/epochs", within=EXPERIMENTS),
        batch_size=lookup(dpath="{experiment}/batch_size", within=EXPERIMENTS),
        learning_rate=lookup(dpath="training/learning_rate", within=config),
        images="",
        seed="{seed}",
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --network {params.network}"
        " --epochs {params.epochs}"
        " --batch-size {params.batch_size}"
        " --learning-rate {params.learning_rate}"
        " {params.images}"
        " --pretrained {input.pretrained}"
        " --seed {params.seed}"
        " --output {output.weights}"
        " > {log} 2>&1"


use rule train_model as pretrain_model with:
    input:
        train="<run>/data/pretraining.npz",
        pretrained=[],
        script="scripts/train_model.py",
        modules=modules_of("scripts/train_model.py"),
    output:
        weights="<run>/pretrained.pt",
    log:
        "<run>/logs/pretrain_model.log",
    benchmark:
        "<run>/benchmarks/pretrain_model.tsv"


use rule train_model as train_network with:
    output:
        weights="<run>/networks/{network}{twin}.pt",
    log:
        "<run>/logs/train_network_{network}{twin}.log",
    benchmark:
        "<run>/benchmarks/train_network_{network}{twin}.tsv"
    params:
        network="{network}",
        epochs=lookup(
            dpath="transfer/experiments/{experiment}/networks/epochs", within=config
        ),
        batch_size=lookup(
            dpath="transfer/experiments/{experiment}/networks/batch_size",
            within=config,
        ),
        learning_rate=lookup(dpath="training/learning_rate", within=config),
        images=images_of_network,
        seed=seed_of_network,


rule extract_layers:
    input:
        split="<run>/data/{split}.npz",
        weights="<run>/model.pt",
        script="scripts/extract_layers.py",
        modules=modules_of("scripts/extract_layers.py"),
    output:
        hidden=temp(
            expand(
                "<run>/layers/{split}/{layer}.npy",
                layer=hidden_layers(),
                allow_missing=True,
            )
        ),
        logits="<run>/layers/{split}/fc.npy",
    log:
        "<run>/logs/extract_layers_{split}.log",
    benchmark:
        "<run>/benchmarks/extract_layers_{split}.tsv"
    priority: 1
    conda:
        "../envs/torch.yaml"
    params:
        network=lookup(dpath="{experiment}/network", within=EXPERIMENTS),
        batch_size=lookup(dpath="activations/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --network {params.network}"
        " --weights {input.weights}"
        " --batch-size {params.batch_size}"
        " --output {output}"
        " > {log} 2>&1"
