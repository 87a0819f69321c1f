"""Needs the scores of an attack on Deep k-nearest neighbours itself; makes its table, claims and plot."""


rule tabulate_adaptive:
    input:
        records=each_seed("clean", "adaptive.csv"),
        scores=each_seed("clean", "scores/adaptive.parquet"),
        test_scores=each_seed("clean", "scores/test.parquet"),
        calibration_scores=each_seed("clean", "scores/calibration.parquet"),
    output:
        table=table("adaptive", "Attacks that know the defence", "DkNN under attack"),
        claims=claims("adaptive"),
    log:
        log_of("tabulate_adaptive", "<results>"),
    benchmark:
        benchmark_of("tabulate_adaptive", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_adaptive",
            epsilons=constant(EXPERIMENTS["clean"]["adaptive"]["epsilons"]),
            as_published=constant("adaptive" in list_as_published(config)),
            run=run_of("clean"),
        ),
    shell:
        STEP


rule plot_adaptive:
    input:
        table="<results>/tables/adaptive.csv",
    output:
        **figure("adaptive", "Attacks that know the defence", "DkNN under attack"),
    log:
        log_of("plot_adaptive", "<results>"),
    benchmark:
        benchmark_of("plot_adaptive", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_adaptive"),
    shell:
        STEP
