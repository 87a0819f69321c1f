"""Needs the scores of clean models; makes the paper's table on MNIST, reliability, and validity."""

from layeraudit.report import published


rule measure_dknn_mnist:
    input:
        test=each_seed("clean", "scores/test.parquet"),
        fgsm=each_seed("clean", "scores/fgsm.parquet"),
        bim=each_seed("clean", "scores/bim.parquet"),
        cw=each_seed("clean", "scores/cw.parquet"),
        rotated=each_seed("clean", "scores/rotated.parquet"),
        other_data=each_seed("clean", "scores/other_data.parquet"),
        calibration=each_seed("clean", "calibration.npz"),
    output:
        inputs=measures("dknn_mnist"),
        reliability=measures("reliability"),
        validity=measures("validity"),
    log:
        log_of("measure_dknn_mnist", "<results>"),
    benchmark:
        benchmark_of("measure_dknn_mnist", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_dknn_mnist",
            seeds=constant(EXPERIMENTS["clean"]["seeds"]),
            k="neighbours/k",
        ),
    shell:
        STEP


for name, result in {
    "dknn_mnist": "accuracy and credibility by input",
    "reliability": "reliability",
    "validity": "validity of the p-values",
}.items():
    TABULATED[name] = (
        "Deep k-nearest neighbours on MNIST",
        result,
        ["clean"],
        {*published.PUBLISHED} - {"adaptive"} <= {*list_as_published(config)},
    )


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
