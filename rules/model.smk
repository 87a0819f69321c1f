"""Needs the training set of a seed; makes its model, and the activations of each split in each layer."""


rule train_model:
    input:
        train="<experiment>/seed{seed}/data/train.npz",
        script="scripts/train_model.py",
        modules=modules_of("scripts/train_model.py"),
    output:
        weights="<experiment>/seed{seed}/model.pt",
    log:
        "<experiment>/seed{seed}/logs/train_model.log",
    conda:
        "../envs/torch.yaml"
    params:
        network=lookup(dpath="training/network", within=config),
        epochs=lookup(dpath="training/epochs", within=config),
        batch_size=lookup(dpath="training/batch_size", within=config),
        learning_rate=lookup(dpath="training/learning_rate", within=config),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --network {params.network}"
        " --epochs {params.epochs}"
        " --batch-size {params.batch_size}"
        " --learning-rate {params.learning_rate}"
        " --seed {wildcards.seed}"
        " --output {output.weights}"
        " > {log} 2>&1"


rule extract_layers:
    input:
        split="<experiment>/seed{seed}/data/{split}.npz",
        weights="<experiment>/seed{seed}/model.pt",
        script="scripts/extract_layers.py",
        modules=modules_of("scripts/extract_layers.py"),
    output:
        layers=expand(
            "<experiment>/seed{seed}/layers/{split}/{layer}.npy",
            layer=config["activations"]["layers"],
            allow_missing=True,
        ),
    log:
        "<experiment>/seed{seed}/logs/extract_layers_{split}.log",
    conda:
        "../envs/torch.yaml"
    params:
        network=lookup(dpath="training/network", within=config),
        batch_size=lookup(dpath="activations/batch_size", within=config),
    shell:
        "python {input.script}"
        " --split {input.split}"
        " --network {params.network}"
        " --weights {input.weights}"
        " --batch-size {params.batch_size}"
        " --output {output.layers}"
        " > {log} 2>&1"
