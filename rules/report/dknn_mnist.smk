"""Needs the scores of clean models; makes the paper's table on MNIST, reliability, and its claims' tests."""


rule tabulate_dknn_mnist:
    input:
        test=of_seeds("clean", "scores/test.parquet"),
        fgsm=of_seeds("clean", "scores/fgsm.parquet"),
        bim=of_seeds("clean", "scores/bim.parquet"),
        cw=of_seeds("clean", "scores/cw.parquet"),
        rotated=of_seeds("clean", "scores/rotated.parquet"),
        fashion_mnist=of_seeds("clean", "scores/fashion_mnist.parquet"),
        calibration=of_seeds("clean", "calibration.npz"),
        script="scripts/tabulate_dknn_mnist.py",
        modules=modules_of("scripts/tabulate_dknn_mnist.py"),
    output:
        inputs=report(
            "<results>/tables/dknn_mnist.csv",
            caption="../report/dknn_mnist.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "accuracy and credibility by input", "form": "table"},
        ),
        reliability=report(
            "<results>/tables/reliability.csv",
            caption="../report/reliability.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "reliability", "form": "table"},
        ),
        validity=report(
            "<results>/tables/validity.csv",
            caption="../report/validity.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "validity of the p-values", "form": "table"},
        ),
        claims="<results>/claims/dknn_mnist.csv",
    log:
        "<results>/logs/tabulate_dknn_mnist.log",
    benchmark:
        "<results>/benchmarks/tabulate_dknn_mnist.tsv"
    conda:
        "../envs/tables.yaml"
    params:
        run=run_of("clean"),
        as_published=as_published(),
        settings=settings_of_inputs(),
        k=lookup(dpath="neighbours/k", within=config),
    shell:
        "python {input.script}"
        " --as-published {params.as_published}"
        " --test {input.test}"
        " --fgsm {input.fgsm}"
        " --bim {input.bim}"
        " --cw {input.cw}"
        " --rotated {input.rotated}"
        " --fashion-mnist {input.fashion_mnist}"
        " --calibration {input.calibration}"
        " --settings {params.settings:q}"
        " --k {params.k}"
        " --inputs-table {output.inputs}"
        " --reliability-table {output.reliability}"
        " --validity-table {output.validity}"
        " --claims {output.claims}"
        " --run {params.run:q}"
        " > {log} 2>&1"


rule plot_dknn_mnist:
    input:
        inputs="<results>/tables/dknn_mnist.csv",
        reliability="<results>/tables/reliability.csv",
        script="scripts/plot_dknn_mnist.py",
        modules=modules_of("scripts/plot_dknn_mnist.py"),
    output:
        inputs_svg=report(
            "<results>/figures/dknn_mnist.svg",
            caption="../report/dknn_mnist.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "accuracy and credibility by input", "form": "figure"},
        ),
        inputs_png="<results>/figures/dknn_mnist.png",
        reliability_svg=report(
            "<results>/figures/reliability.svg",
            caption="../report/reliability.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "reliability", "form": "figure"},
        ),
        reliability_png="<results>/figures/reliability.png",
    log:
        "<results>/logs/plot_dknn_mnist.log",
    benchmark:
        "<results>/benchmarks/plot_dknn_mnist.tsv"
    conda:
        "../envs/tables.yaml"
    shell:
        "python {input.script}"
        " --inputs-table {input.inputs}"
        " --reliability-table {input.reliability}"
        " --inputs-figure {output.inputs_svg} {output.inputs_png}"
        " --reliability-figure {output.reliability_svg} {output.reliability_png}"
        " > {log} 2>&1"
