"""Needs the training set of a run; makes its model, and the activations and logits of each split."""


def given_paths(wildcards):
    """The user's own files and folders of a network: its weights, and the code that builds it."""
    network = EXPERIMENTS[wildcards.experiment]["network"]
    return [*name_files("networks", network).values()] if network else []


def content_of_given(wildcards):
    """What is in them: what a network computes may change where its weights do not."""
    return [fingerprint_path(Path(path)) for path in given_paths(wildcards)]


rule train_model:
    input:
        train="<run>/data/train.npz",
        pretrained=pretrained_weights,
    output:
        output="<run>/model.pt",
    log:
        log_of("train_model"),
    benchmark:
        benchmark_of("train_model")
    priority: PRIORITIES["training"]
    conda:
        environment_of_network()
    params:
        **step(
            "train_model",
            NETWORK,
            network="experiment/network",
            epochs="experiment/epochs",
            batch_size="experiment/batch_size",
            learning_rate="training/learning_rate",
            seed="{seed}",
        ),
        content=content_of_given,
    shell:
        STEP


use rule train_model as pretrain_model with:
    input:
        train="<run>/data/pretraining.npz",
        pretrained=[],
    output:
        output="<run>/pretrained.pt",
    log:
        log_of("pretrain_model"),
    benchmark:
        benchmark_of("pretrain_model")


# Activations are large. Where they are not kept, a change of what reads them has them made anew.
kept_if_wanted = (
    directory if config["activations"]["keep"] else lambda path: temp(directory(path))
)


def table_of_layers(wildcards):
    """The table that says which layers of a network that is given are captured, and that it has them."""
    audit = EXPERIMENTS[wildcards.experiment]["audit"]
    return [f"<results>/{audit}/seed{{seed}}/layers.csv"] if audit else []


rule extract_layers:
    input:
        split="<run>/data/{split}.npz",
        weights="<run>/model.pt",
        table=table_of_layers,
    output:
        layers=kept_if_wanted("<run>/layers/{split}"),
        logits="<run>/logits/{split}.npy",
    log:
        log_of("extract_layers_{split}"),
    benchmark:
        benchmark_of("extract_layers_{split}")
    priority: PRIORITIES["capture"]
    conda:
        environment_of_network()
    params:
        **step(
            "extract_layers",
            NETWORK,
            network="experiment/network",
            names="experiment/layers",
            pooling="experiment/pooling",
            batch_size="activations/batch_size",
        ),
        content=content_of_given,
    shell:
        STEP
