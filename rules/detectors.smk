"""Needs the activations and neighbours of an experiment's runs; makes the scores of a detector."""


def scored_split(wildcards):
    """The split whose rows detectors score."""
    bench = EXPERIMENTS[wildcards.experiment]["bench"]
    return {"poison": "train", "evasion": "evasion"}[bench]


def of_scored(split, *files):
    """Files of every seed of the job's experiment that lie under the name of a split, if detectors read it."""

    def paths(wildcards):
        read = split in ("calibration", scored_split(wildcards))
        return (
            every_seed(*(file.format(split=split) for file in files))(wildcards)
            if read
            else []
        )

    return paths


rule score_detector:
    input:
        train=every_seed("data/train.npz"),
        train_layers=every_seed("layers/train"),
        train_logits=every_seed("logits/train.npy"),
        train_neighbours=of_scored("train", "neighbours/{split}"),
        calibration=every_seed("data/calibration.npz"),
        calibration_layers=every_seed("layers/calibration"),
        calibration_logits=every_seed("logits/calibration.npy"),
        calibration_neighbours=every_seed("neighbours/calibration"),
        evasion=of_scored("evasion", "data/{split}.npz"),
        evasion_layers=of_scored("evasion", "layers/{split}"),
        evasion_logits=of_scored("evasion", "logits/{split}.npy"),
        evasion_neighbours=of_scored("evasion", "neighbours/{split}"),
        evasion_record=of_scored("evasion", "{split}.csv"),
    output:
        scores="<runs>/detectors/{detector}.parquet",
        costs="<runs>/detectors/{detector}.csv",
    log:
        log_of("score_detector_{detector}", "<runs>"),
    benchmark:
        benchmark_of("score_detector_{detector}", "<runs>")
    priority: PRIORITIES["attack"]
    conda:
        environment_of("detectors", "detectors/{detector}/method")
    params:
        **step(
            "score_detector",
            method_of("detectors", "detectors/{detector}/method"),
            bench="experiment/bench",
            setting="experiment/setting",
            poison="experiment/poison_name",
            detector="{detector}",
            settings="detectors/{detector}",
            inputs="experiment/inputs",
            seeds="experiment/seeds",
            names="experiment/layers",
        ),
    shell:
        STEP
