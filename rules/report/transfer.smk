"""Needs the model of a run; makes attacks on other networks, and the tables of who is fooled and who notices."""

TRANSFER = config["transfer"]["experiments"]

TRANSFER_DATASETS = [
    EXPERIMENTS[name]["dataset"] for name in TRANSFER if EXPERIMENTS[name]["seeds"]
]

FILE_OF_SOURCE = method_of("networks", "networks/{source}/method")

OF_SOURCE = dict(
    source="{source}",
    network="networks/{source}",
    epsilons="transfer/experiments/{experiment}/epsilons",
    passes="transfer/passes",
    dataset="experiment/dataset",
    seed="{seed}",
    batch_size="transfer/batch_size",
)
"""Settings of every attack on a source."""


def each_source(file, *experiments):
    """A file of every seed and source of these experiments; one that all sources share is there for each."""
    return [
        path.replace("{source}", source)
        for name in experiments
        for path in each_seed(name, file)
        for source in TRANSFER[name]["sources"]
    ]


def list_networks(wildcards):
    """The settings of every network that attacks are shown to, by name.

    The audited one, all sources and targets, and where a source is named its twin, which has its architecture
    and other weights.
    """
    settings = TRANSFER[wildcards.experiment]
    networks = {"audited": EXPERIMENTS[wildcards.experiment]["network"]}
    for name in sorted({*settings["sources"], *settings["targets"]}):
        networks[name] = config["networks"][name]
    if source := wildcards.get("source"):
        networks[f"{source}_twin"] = config["networks"][source]
    return networks


def files_of_networks(wildcards):
    return [
        f"layeraudit/networks/{network['method']}.py"
        for network in list_networks(wildcards).values()
    ]


def weights_of_networks(wildcards):
    _, *names = list_networks(wildcards)
    return ["<run>/model.pt", *[f"<run>/networks/{name}.pt" for name in names]]


def seed_of_network(wildcards):
    """The run's seed, and of a twin another; of a number above 32 bits torch takes the lowest, so this is within."""
    return (int(wildcards.seed) + (2**31 if wildcards.twin else 0)) % 2**32


use rule train_model as train_network with:
    output:
        output="<run>/networks/{network}{twin}.pt",
    log:
        log_of("train_network_{network}{twin}"),
    benchmark:
        benchmark_of("train_network_{network}{twin}")
    conda:
        "../../envs/torch.yaml"
    params:
        **step(
            "train_model",
            method_of("networks", "networks/{network}/method"),
            network="networks/{network}",
            epochs="transfer/experiments/{experiment}/networks/epochs",
            batch_size="transfer/experiments/{experiment}/networks/batch_size",
            learning_rate="training/learning_rate",
            images="transfer/experiments/{experiment}/networks/train",
            seed=seed_of_network,
        ),


rule select_attack_set:
    input:
        split="<run>/data/test.npz",
        weights=weights_of_networks,
    output:
        output="<run>/data/attack_set.npz",
    log:
        log_of("select_attack_set"),
    benchmark:
        benchmark_of("select_attack_set")
    priority: PRIORITIES["attack"]
    conda:
        "../../envs/torch.yaml"
    params:
        **step(
            "report/select_attack_set",
            files_of_networks,
            networks=list_networks,
            images="transfer/experiments/{experiment}/images",
            batch_size="transfer/batch_size",
        ),
    shell:
        STEP


rule craft_transfer:
    input:
        images="<run>/data/attack_set.npz",
        weights="<run>/networks/{source}.pt",
    output:
        output="<run>/data/from_{source}.npz",
        record="<run>/from_{source}.csv",
    log:
        log_of("craft_transfer_{source}"),
    benchmark:
        benchmark_of("craft_transfer_{source}")
    priority: PRIORITIES["attack"]
    conda:
        "../../envs/foolbox.yaml"
    params:
        **step("report/craft_transfer", FILE_OF_SOURCE, **OF_SOURCE),
    shell:
        STEP


rule measure_disturbance:
    input:
        split="<run>/data/calibration.npz",
        weights="<run>/networks/{source}.pt",
    output:
        output="<run>/disturbance_{source}.csv",
    log:
        log_of("measure_disturbance_{source}"),
    benchmark:
        benchmark_of("measure_disturbance_{source}")
    priority: PRIORITIES["attack"]
    conda:
        "../../envs/foolbox.yaml"
    params:
        **step(
            "report/measure_disturbance",
            FILE_OF_SOURCE,
            **OF_SOURCE,
            images="transfer/validation",
        ),
    shell:
        STEP


rule predict_transferred:
    input:
        split="<run>/data/from_{source}.npz",
        weights=weights_of_networks,
    output:
        output="<run>/labels_from_{source}.npz",
    log:
        log_of("predict_transferred_{source}"),
    benchmark:
        benchmark_of("predict_transferred_{source}")
    priority: PRIORITIES["attack"]
    conda:
        "../../envs/foolbox.yaml"
    params:
        **step(
            "report/predict_transferred",
            files_of_networks,
            networks=list_networks,
            batch_size="transfer/batch_size",
        ),
    shell:
        STEP


rule measure_transfer:
    input:
        attack_sets=each_source("data/attack_set.npz", *TRANSFER),
        records=each_source("from_{source}.csv", *TRANSFER),
        predictions=each_source("labels_from_{source}.npz", *TRANSFER),
        disturbances=each_source("disturbance_{source}.csv", *TRANSFER),
    output:
        measures=measures("transfer"),
        layers=table(
            "transfer_layers", "Attacks that transfer", "layer chosen on the source"
        ),
    log:
        log_of("measure_transfer", "<results>"),
    benchmark:
        benchmark_of("measure_transfer", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/measure_transfer", run=run_of(*TRANSFER)),
    shell:
        STEP


rule measure_dknn_against_transfer:
    input:
        records=each_source("from_{source}.csv", "clean"),
        scores=each_source("scores/from_{source}.parquet", "clean"),
        disturbances=each_source("disturbance_{source}.csv", "clean"),
        calibration_scores=each_source("scores/calibration.parquet", "clean"),
    output:
        measures=measures("dknn_against_transfer"),
    log:
        log_of("measure_dknn_against_transfer", "<results>"),
    benchmark:
        benchmark_of("measure_dknn_against_transfer", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_dknn_against_transfer",
            layers=constant(EXPERIMENTS["clean"]["layers"]),
        ),
    shell:
        STEP


TABULATED["transfer"] = ("Attacks that transfer", "who is fooled", [*TRANSFER], False)
TABULATED["dknn_against_transfer"] = (
    "Attacks that transfer",
    "who notices",
    ["clean"],
    False,
)


rule plot_transfer:
    input:
        table="<results>/tables/transfer.csv",
    output:
        **figure(
            "transfer_{dataset}",
            "Attacks that transfer",
            "who is fooled, {dataset}",
            caption="transfer",
        ),
    log:
        log_of("plot_transfer_{dataset}", "<results>"),
    benchmark:
        benchmark_of("plot_transfer_{dataset}", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_transfer", dataset="{dataset}"),
    shell:
        STEP


rule plot_dknn_against_transfer:
    input:
        table="<results>/tables/dknn_against_transfer.csv",
    output:
        **figure("dknn_against_transfer", "Attacks that transfer", "who notices"),
    log:
        log_of("plot_dknn_against_transfer", "<results>"),
    benchmark:
        benchmark_of("plot_dknn_against_transfer", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_dknn_against_transfer"),
    shell:
        STEP
