"""Needs a model and data that are given; makes the page of an audit, and what leads to it."""

from layeraudit.experiments import AUDIT_SEED, PLANTED

MODELS = [name for name, audit in config["audits"].items() if audit["network"]]
NO_MODELS = [name for name in config["audits"] if name not in MODELS]

CONTROLS = [name + PLANTED for name in MODELS if name + PLANTED in EXPERIMENTS]
"""Audits whose network can be trained again, on training rows with errors that we planted."""


def either(names):
    return "|".join(sorted(names)) or "(?!)"


def given_files(wildcards):
    """A folder of code is no input: Python's caches change its time, and `content` is what counts."""
    return [path for path in given_paths(wildcards) if not Path(path).is_dir()]


def dataset_of_split(wildcards):
    """The name of the data set that a split has its rows of."""
    if wildcards.split == "inputs":
        return config["audits"][wildcards.experiment]["inputs"]
    return EXPERIMENTS[wildcards.experiment]["dataset"]


def given_rows(wildcards):
    """The user's own folders of a data set that has no pictures."""
    settings = config["datasets"][dataset_of_split(wildcards)]
    return [*name_files("datasets", settings).values()]


rule import_weights:
    """The weights of a network that is given, as those that we train are."""
    input:
        given_files,
        split="<run>/data/train.npz",
    output:
        output="<run>/model.pt",
    log:
        log_of("import_weights"),
    benchmark:
        benchmark_of("import_weights")
    wildcard_constraints:
        experiment=either(MODELS),
    conda:
        environment_of_network()
    params:
        **step("import_weights", NETWORK, network="experiment/network"),
        content=content_of_given,
    shell:
        STEP


ruleorder: import_weights > train_model


rule import_activations:
    """The activations of a data set that has no pictures, as those that we capture are."""
    input:
        given_rows,
        split="<run>/data/{split}.npz",
        dataset=lambda wildcards: f"results/datasets/{dataset_of_split(wildcards)}.npz",
        usual=lambda wildcards: (
            ["<run>/layers/train"] if wildcards.split == "inputs" else []
        ),
    output:
        layers=kept_if_wanted("<run>/layers/{split}"),
        logits="<run>/logits/{split}.npy",
    log:
        log_of("import_activations_{split}"),
    benchmark:
        benchmark_of("import_activations_{split}")
    wildcard_constraints:
        experiment=either(NO_MODELS),
    priority: PRIORITIES["capture"]
    conda:
        "../envs/numpy.yaml"
    params:
        **step(
            "import_activations",
            settings=lambda wildcards: config["datasets"][dataset_of_split(wildcards)],
            names="experiment/layers",
            pooling="experiment/pooling",
        ),
    shell:
        STEP


ruleorder: import_activations > extract_layers


rule list_layers:
    """All layers of a network that is given, and which of them are captured."""
    input:
        split="<run>/data/train.npz",
        weights="<run>/model.pt",
    output:
        table="<run>/layers.csv",
    log:
        log_of("list_layers"),
    benchmark:
        benchmark_of("list_layers")
    conda:
        environment_of_network()
    params:
        **step(
            "list_layers",
            NETWORK,
            network="experiment/network",
            names="experiment/layers",
            pooling="experiment/pooling",
        ),
        content=content_of_given,
    shell:
        STEP


AUDITED, JUDGED = either(config["audits"]), either([*config["audits"], *CONTROLS])
SHOWN = [name for name, audit in config["audits"].items() if audit["inputs"]]
"""Audits, and those whose network is shown a data set to judge."""


def where_shown(file):
    """A file of the inputs, for an audit that has some; `{inputs}` is the name of their data set."""

    def files(wildcards):
        inputs = config["audits"].get(wildcards.experiment, {}).get("inputs")
        return [file.format(inputs=inputs)] if inputs else []

    return files


def evidence_of(split):
    """The files of a split that is judged, as named inputs."""
    return {
        split: f"<run>/data/{split}.npz",
        f"{split}_layers": f"<run>/layers/{split}",
        f"{split}_logits": f"<run>/logits/{split}.npy",
        f"{split}_neighbours": f"<run>/neighbours/{split}",
    }


EVIDENCE_OF_INPUTS = {
    name: where_shown(file) for name, file in evidence_of("inputs").items()
}


rule take_inputs:
    """All rows of a data set, without regard to their labels."""
    input:
        dataset=where_shown("results/datasets/{inputs}.npz"),
        train="<run>/data/train.npz",
    output:
        output="<run>/data/inputs.npz",
    log:
        log_of("take_inputs"),
    benchmark:
        benchmark_of("take_inputs")
    wildcard_constraints:
        experiment=either(SHOWN),
    conda:
        "../envs/numpy.yaml"
    params:
        **step("audit/take_inputs"),
    shell:
        STEP


rule check_accuracy:
    """Whether the network is right as often as it should be; near chance nothing follows."""
    input:
        train="<run>/data/train.npz",
        calibration="<run>/data/calibration.npz",
        test="<run>/data/test.npz",
        train_logits="<run>/logits/train.npy",
        calibration_logits="<run>/logits/calibration.npy",
        test_logits="<run>/logits/test.npy",
    output:
        output="<run>/gate.json",
    log:
        log_of("check_accuracy"),
    benchmark:
        benchmark_of("check_accuracy")
    wildcard_constraints:
        experiment=JUDGED,
    priority: PRIORITIES["training"]
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "audit/check_accuracy",
            expected_accuracy=lambda wildcards: config["audits"][
                EXPERIMENTS[wildcards.experiment]["audit"]
            ]["expected_accuracy"],
            trained_by=lambda wildcards: (
                find("experiment/network/train", wildcards)
                if wildcards.experiment in CONTROLS
                else None
            ),
        ),
    shell:
        STEP


rule judge_rows:
    """Training rows that are wrong, foreign, twice there, leaked, or grouped as poison is."""
    input:
        **evidence_of("train"),
        **evidence_of("calibration"),
        **evidence_of("test"),
        **EVIDENCE_OF_INPUTS,
        gate="<run>/gate.json",
    output:
        rows="<run>/rows.parquet",
        groups="<run>/groups.csv",
        leaks="<run>/leaks.csv",
        errors="<run>/errors.json",
        probe="<run>/probe.npz",
        calibration_scores="<run>/calibration_scores.npz",
    log:
        log_of("judge_rows"),
    benchmark:
        benchmark_of("judge_rows")
    wildcard_constraints:
        experiment=JUDGED,
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("audit/judge_rows", metric="neighbours/metric", seed="{seed}"),
    shell:
        STEP


rule judge_inputs:
    """How credible the network is on held-out rows and on inputs, and how far they lie."""
    input:
        **evidence_of("train"),
        **evidence_of("calibration"),
        **evidence_of("test"),
        **EVIDENCE_OF_INPUTS,
        gate="<run>/gate.json",
        test_scores="<run>/scores/test.parquet",
        inputs_scores=where_shown("<run>/scores/inputs.parquet"),
    output:
        table="<run>/inputs.parquet",
    log:
        log_of("judge_inputs"),
    benchmark:
        benchmark_of("judge_inputs")
    wildcard_constraints:
        experiment=AUDITED,
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("audit/judge_inputs", metric="neighbours/metric"),
    shell:
        STEP


rule plant_controls:
    """Known errors, planted in the training rows: how many of them are found."""
    input:
        **evidence_of("train"),
        rows="<run>/rows.parquet",
        errors="<run>/errors.json",
        probe="<run>/probe.npz",
        calibration_scores="<run>/calibration_scores.npz",
    output:
        table="<run>/controls.csv",
    log:
        log_of("plant_controls"),
    benchmark:
        benchmark_of("plant_controls")
    wildcard_constraints:
        experiment=AUDITED,
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("audit/plant_controls", seed="{seed}"),
    shell:
        STEP


rule plant_errors:
    """The training rows of an audit's controls: label flips and a trigger, for the network to learn."""
    input:
        split="<run>/data/clean.npz",
    output:
        output="<run>/data/train.npz",
    log:
        log_of("plant_errors"),
    benchmark:
        benchmark_of("plant_errors")
    wildcard_constraints:
        experiment=either(CONTROLS),
    priority: PRIORITIES["training"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("audit/plant_errors", seed="{seed}"),
    shell:
        STEP


ruleorder: plant_errors > merge_training_set


def gate_of_audit(wildcards):
    """The gate of an audit, which its network passes before it is trained again."""
    audit = EXPERIMENTS[wildcards.experiment]["audit"]
    return f"<results>/{audit}/seed{AUDIT_SEED}/gate.json"


rule train_again:
    """The network of an audit's controls, trained by the user's own function."""
    input:
        given_files,
        gate_of_audit,
        split="<run>/data/train.npz",
    output:
        output="<run>/model.pt",
    log:
        log_of("train_again"),
    benchmark:
        benchmark_of("train_again")
    wildcard_constraints:
        experiment=either(CONTROLS),
    priority: PRIORITIES["training"]
    conda:
        environment_of_network()
    params:
        **step(
            "audit/train_again",
            NETWORK,
            network="experiment/network",
            seed="{seed}",
        ),
        content=content_of_given,
    shell:
        STEP


ruleorder: train_again > train_model


rule measure_planted:
    """How many of the errors that the network was trained on are found."""
    input:
        split="<run>/data/train.npz",
        rows="<run>/rows.parquet",
    output:
        table="<run>/planted.csv",
    log:
        log_of("measure_planted"),
    benchmark:
        benchmark_of("measure_planted")
    wildcard_constraints:
        experiment=either(CONTROLS),
    priority: PRIORITIES["score"]
    conda:
        "../envs/tables.yaml"
    params:
        **step("audit/measure_planted", seed="{seed}"),
    shell:
        STEP


RUN_OF_AUDIT = f"<runs>/seed{AUDIT_SEED}"
"""The one run of an audit, as files of all seeds name it."""

AUDITS = [f"results/audit/{name}" for name in config["audits"]]


def for_network(file):
    """A file of an audit that has a network."""
    return lambda wildcards: [file] if wildcards.experiment in MODELS else []


def controls_of_audit(wildcards):
    """What was found of planted errors: first of those that the network has learned, the harder ones."""
    learned = f"<results>/{{experiment}}{PLANTED}/seed{AUDIT_SEED}/planted.csv"
    is_trained_again = wildcards.experiment + PLANTED in CONTROLS
    return [learned] * is_trained_again + [f"{RUN_OF_AUDIT}/controls.csv"]


rule make_audit:
    """What an audit gives: a folder with a page, its pictures and its tables."""
    input:
        sorted(Path("scripts/layeraudit/pages").glob("*.[!p]*")),
        "scripts/layeraudit/audit/page.html.j2",
        dataset=dataset_of_experiment,
        inputs_dataset=where_shown("results/datasets/{inputs}.npz"),
        gate=f"{RUN_OF_AUDIT}/gate.json",
        rows=f"{RUN_OF_AUDIT}/rows.parquet",
        groups=f"{RUN_OF_AUDIT}/groups.csv",
        leaks=f"{RUN_OF_AUDIT}/leaks.csv",
        controls=controls_of_audit,
        errors=f"{RUN_OF_AUDIT}/errors.json",
        inputs=f"{RUN_OF_AUDIT}/inputs.parquet",
        layers=for_network(f"{RUN_OF_AUDIT}/layers.csv"),
        train_neighbours=f"{RUN_OF_AUDIT}/neighbours/train",
        test_neighbours=f"{RUN_OF_AUDIT}/neighbours/test",
        inputs_neighbours=where_shown(f"{RUN_OF_AUDIT}/neighbours/inputs"),
    output:
        output=update(directory("results/audit/{experiment}")),
    log:
        log_of("make_audit", "<runs>"),
    benchmark:
        benchmark_of("make_audit", "<runs>")
    wildcard_constraints:
        experiment=AUDITED,
    conda:
        "../envs/tables.yaml"
    params:
        **step(
            "audit/make_audit",
            name="{experiment}",
            variant="variant",
            dataset_name="experiment/dataset",
            network_name=lambda wildcards: EXPERIMENTS[wildcards.experiment][
                "network_name"
            ]
            or "",
            pooling="experiment/pooling",
            metric="neighbours/metric",
            given=given_paths,
        ),
    shell:
        STEP


rule audit_layers:
    """All layers of an audit's network, before anything else is made: the dry run."""
    input:
        table=f"{RUN_OF_AUDIT}/layers.csv",
    output:
        "results/audit/{experiment}.layers.csv",
    log:
        log_of("audit_layers", "<runs>"),
    wildcard_constraints:
        experiment=either(MODELS),
    localrule: True
    conda:
        "../envs/numpy.yaml"
    shell:
        "cp {input.table} {output}.partial 2> {log} && mv {output}.partial {output} 2>> {log}"


def audits_of_configuration(wildcards):
    if not AUDITS:
        refuse("audits is {}, allowed are one or more, as config/audit.yaml has them")
    return AUDITS


rule audits:
    """The page of every audit of the configuration: results/audit/NAME/index.html."""
    input:
        audits_of_configuration,
