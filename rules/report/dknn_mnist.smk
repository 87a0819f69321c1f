"""Needs the scores of clean models; makes the paper's table on MNIST, reliability, and its claims' tests."""


rule tabulate_dknn_mnist:
    input:
        test=each_seed("clean", "scores/test.parquet"),
        fgsm=each_seed("clean", "scores/fgsm.parquet"),
        bim=each_seed("clean", "scores/bim.parquet"),
        cw=each_seed("clean", "scores/cw.parquet"),
        rotated=each_seed("clean", "scores/rotated.parquet"),
        other_data=each_seed("clean", "scores/other_data.parquet"),
        calibration=each_seed("clean", "calibration.npz"),
    output:
        inputs=report(
            update("<results>/tables/dknn_mnist.csv"),
            caption="../../report/dknn_mnist.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "accuracy and credibility by input", "form": "table"},
        ),
        reliability=report(
            update("<results>/tables/reliability.csv"),
            caption="../../report/reliability.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "reliability", "form": "table"},
        ),
        validity=report(
            update("<results>/tables/validity.csv"),
            caption="../../report/validity.rst",
            category="Deep k-nearest neighbours on MNIST",
            labels={"result": "validity of the p-values", "form": "table"},
        ),
        claims=update("<results>/claims/dknn_mnist.csv"),
    log:
        log_of("tabulate_dknn_mnist", "<results>"),
    benchmark:
        benchmark_of("tabulate_dknn_mnist", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_dknn_mnist",
            settings=constant(EXPERIMENTS["clean"]["inputs"]),
            as_published=constant(list_as_published(config)),
            k="neighbours/k",
            run=run_of("clean"),
        ),
    shell:
        STEP


rule plot_dknn_mnist:
    input:
        inputs_table="<results>/tables/dknn_mnist.csv",
        reliability_table="<results>/tables/reliability.csv",
    output:
        inputs=[
            report(
                update("<results>/figures/dknn_mnist.svg"),
                caption="../../report/dknn_mnist.rst",
                category="Deep k-nearest neighbours on MNIST",
                labels={
                    "result": "accuracy and credibility by input",
                    "form": "figure",
                },
            ),
            update("<results>/figures/dknn_mnist.png"),
        ],
        reliability=[
            report(
                update("<results>/figures/reliability.svg"),
                caption="../../report/reliability.rst",
                category="Deep k-nearest neighbours on MNIST",
                labels={"result": "reliability", "form": "figure"},
            ),
            update("<results>/figures/reliability.png"),
        ],
    log:
        log_of("plot_dknn_mnist", "<results>"),
    benchmark:
        benchmark_of("plot_dknn_mnist", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_dknn_mnist"),
    shell:
        STEP
