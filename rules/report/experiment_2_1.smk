"""Needs the scores of ten digits with poison in the training; makes the results of experiment 2.1."""


rule tabulate_experiment_2_1:
    input:
        train=of_seeds("ten_digits", "scores/train.parquet"),
        test=of_seeds("ten_digits", "scores/test.parquet"),
        script="scripts/tabulate_experiment_2_1.py",
        modules=modules_of("scripts/tabulate_experiment_2_1.py"),
    output:
        table=report(
            "<results>/tables/experiment_2_1.csv",
            caption="../report/experiment_2_1.rst",
            category="Experiment 2.1",
            labels={"result": "credibility and accuracy", "form": "table"},
        ),
        recovered=report(
            "<results>/tables/experiment_2_1_recovered.csv",
            caption="../report/experiment_2_1_recovered.rst",
            category="Experiment 2.1",
            labels={"result": "points set right and spoiled", "form": "table"},
        ),
        accuracy=report(
            "<results>/tables/experiment_2_1_accuracy.csv",
            caption="../report/experiment_2_1_accuracy.rst",
            category="Experiment 2.1",
            labels={"result": "accuracy by credibility", "form": "table"},
        ),
        matched=report(
            "<results>/tables/experiment_2_1_matched.csv",
            caption="../report/experiment_2_1_matched.rst",
            category="Experiment 2.1",
            labels={"result": "poison against matched samples", "form": "table"},
        ),
        samples="<results>/tables/experiment_2_1_samples.parquet",
        detector=report(
            "<results>/tables/experiment_2_1_detector.csv",
            caption="../report/experiment_2_1_detector.rst",
            category="Experiment 2.1",
            labels={"result": "a threshold as a detector", "form": "table"},
        ),
        claims="<results>/claims/experiment_2_1.csv",
    log:
        "<results>/logs/tabulate_experiment_2_1.log",
    benchmark:
        "<results>/benchmarks/tabulate_experiment_2_1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("ten_digits"),
        as_reported=option_as_reported("ten_digits"),
        seeds=lookup(dpath="experiments/ten_digits/seeds", within=config),
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script} {params.as_reported}"
        " --train {input.train}"
        " --test {input.test}"
        " --seeds {params.seeds}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output {output.table}"
        " --output-recovered {output.recovered}"
        " --output-accuracy {output.accuracy}"
        " --output-matched {output.matched}"
        " --output-samples {output.samples}"
        " --output-detector {output.detector}"
        " --output-claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_experiment_2_1:
    input:
        train=of_seeds("ten_digits", "scores/train.parquet"),
        test=of_seeds("ten_digits", "scores/test.parquet"),
        accuracy="<results>/tables/experiment_2_1_accuracy.csv",
        matched="<results>/tables/experiment_2_1_matched.csv",
        samples="<results>/tables/experiment_2_1_samples.parquet",
        script="scripts/plot_experiment_2_1.py",
        modules=modules_of("scripts/plot_experiment_2_1.py"),
    output:
        credibility_svg=report(
            "<results>/figures/experiment_2_1_credibility.svg",
            caption="../report/experiment_2_1.rst",
            category="Experiment 2.1",
            labels={"result": "credibility and accuracy", "form": "figure"},
        ),
        credibility_png="<results>/figures/experiment_2_1_credibility.png",
        accuracy_svg=report(
            "<results>/figures/experiment_2_1_accuracy.svg",
            caption="../report/experiment_2_1_accuracy.rst",
            category="Experiment 2.1",
            labels={"result": "accuracy by credibility", "form": "figure"},
        ),
        accuracy_png="<results>/figures/experiment_2_1_accuracy.png",
        detector_svg=report(
            "<results>/figures/experiment_2_1_detector.svg",
            caption="../report/experiment_2_1_detector.rst",
            category="Experiment 2.1",
            labels={"result": "a threshold as a detector", "form": "figure"},
        ),
        detector_png="<results>/figures/experiment_2_1_detector.png",
        matched_svg=report(
            "<results>/figures/experiment_2_1_matched.svg",
            caption="../report/experiment_2_1_matched.rst",
            category="Experiment 2.1",
            labels={"result": "poison against matched samples", "form": "figure"},
        ),
        matched_png="<results>/figures/experiment_2_1_matched.png",
    log:
        "<results>/logs/plot_experiment_2_1.log",
    benchmark:
        "<results>/benchmarks/plot_experiment_2_1.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        layers=lookup(dpath="activations/layers", within=config),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script}"
        " --train {input.train}"
        " --test {input.test}"
        " --accuracy {input.accuracy}"
        " --matched {input.matched}"
        " --samples {input.samples}"
        " --layers {params.layers}"
        " --k {params.k}"
        " --output-credibility {output.credibility_svg} {output.credibility_png}"
        " --output-accuracy {output.accuracy_svg} {output.accuracy_png}"
        " --output-detector {output.detector_svg} {output.detector_png}"
        " --output-matched {output.matched_svg} {output.matched_png}"
        " > {log} 2>&1"
