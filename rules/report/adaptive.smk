"""Needs the scores of an attack on Deep k-nearest neighbours itself; makes its table and plot."""


rule measure_adaptive:
    input:
        records=each_seed("clean", "adaptive.csv"),
        scores=each_seed("clean", "scores/adaptive.parquet"),
        test_scores=each_seed("clean", "scores/test.parquet"),
        calibration_scores=each_seed("clean", "scores/calibration.parquet"),
    output:
        measures=measures("adaptive"),
    log:
        log_of("measure_adaptive", "<results>"),
    benchmark:
        benchmark_of("measure_adaptive", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/measure_adaptive", seeds=constant(EXPERIMENTS["clean"]["seeds"])),
    shell:
        STEP


TABULATED["adaptive"] = (
    "Attacks that know the defence",
    "DkNN under attack",
    ["clean"],
    "adaptive" in list_as_published(config),
)


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
