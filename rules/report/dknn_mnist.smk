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
        inputs=table(
            "dknn_mnist",
            "Deep k-nearest neighbours on MNIST",
            "accuracy and credibility by input",
        ),
        reliability=table(
            "reliability", "Deep k-nearest neighbours on MNIST", "reliability"
        ),
        validity=table(
            "validity",
            "Deep k-nearest neighbours on MNIST",
            "validity of the p-values",
        ),
        claims=claims("dknn_mnist"),
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
            *figure(
                "dknn_mnist",
                "Deep k-nearest neighbours on MNIST",
                "accuracy and credibility by input",
            ).values()
        ],
        reliability=[
            *figure(
                "reliability", "Deep k-nearest neighbours on MNIST", "reliability"
            ).values()
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
