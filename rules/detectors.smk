"""Needs the activations and neighbours of an experiment's runs; makes the scores of a detector.

In the poison bench training rows are scored, in the evasion bench what a network is shown.
"""


def every_seed_of(bench, file):
    """A file of every seed of the job's experiment, if detectors of its bench read it."""
    return lambda wildcards: (
        every_seed(file)(wildcards) if wildcards.bench == bench else []
    )


rule score_detector:
    input:
        train=every_seed("data/train.npz"),
        train_layers=every_seed("layers/train"),
        train_logits=every_seed("logits/train.npy"),
        train_neighbours=every_seed_of("poison", "neighbours/train"),
        calibration=every_seed("data/calibration.npz"),
        calibration_layers=every_seed("layers/calibration"),
        calibration_logits=every_seed("logits/calibration.npy"),
        calibration_neighbours=every_seed("neighbours/calibration"),
        evasion=every_seed_of("evasion", "data/evasion.npz"),
        evasion_layers=every_seed_of("evasion", "layers/evasion"),
        evasion_logits=every_seed_of("evasion", "logits/evasion.npy"),
        evasion_neighbours=every_seed_of("evasion", "neighbours/evasion"),
        evasion_record=every_seed_of("evasion", "evasion.csv"),
    output:
        scores="<runs>/detectors/{bench}/{detector}.parquet",
        costs="<runs>/detectors/{bench}/{detector}.csv",
    log:
        log_of("score_detector_{bench}_{detector}", "<runs>"),
    benchmark:
        benchmark_of("score_detector_{bench}_{detector}", "<runs>")
    priority: PRIORITIES["attack"]
    conda:
        environment_of("detectors", "detectors/{detector}/method")
    params:
        **step(
            "score_detector",
            method_of("detectors", "detectors/{detector}/method"),
            bench="{bench}",
            setting=lambda wildcards: EXPERIMENTS[wildcards.experiment]["setting"]
            or wildcards.experiment,
            poison="experiment/poison",
            detector="{detector}",
            settings="detectors/{detector}",
            inputs="experiment/inputs",
            seeds="experiment/seeds",
        ),
    shell:
        STEP
