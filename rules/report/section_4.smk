"""Needs the poison bench; makes the answers to section 4 of the report, what it leaves to further experiments."""

OF_SECTION_4 = dict(
    secml=constant(
        [
            name
            for name, settings in config["poisons"].items()
            if settings["method"] == "secml_gradient"
        ]
    ),
    layers=constant(
        next(of["layers"] for of in EXPERIMENTS.values() if of["bench"] == "poison")
    ),
    k="neighbours/k",
)
"""Settings of both steps: the poisons that secml makes, and what the bench's networks are searched for."""


rule measure_section_4:
    input:
        scores=of_poisoned_runs("scores/train.parquet"),
        trained=trained_tables(),
        retrained=retrained_tables(),
    output:
        poison=measures("section_4"),
        removal=measures("section_4_removal"),
    log:
        log_of("measure_section_4", "<results>"),
    benchmark:
        benchmark_of("measure_section_4", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/measure_section_4",
            **OF_SECTION_4,
            settings=constant([of["setting"] for of, _ in poisoned_runs()]),
            poisons=constant([of["poison"] for of, _ in poisoned_runs()]),
            seeds=constant([seed for _, seed in poisoned_runs()]),
        ),
    shell:
        STEP


TABULATED |= {
    "section_4": (
        "Section 4",
        "credibility of poison, and its neighbours by layer",
        experiments_of("poison"),
        False,
    ),
    "section_4_removal": (
        "Section 4",
        "training again without the suspects",
        experiments_of("poison"),
        False,
    ),
}


rule plot_section_4:
    input:
        table="<results>/tables/section_4.csv",
        removal="<results>/tables/section_4_removal.csv",
        names="<results>/tables/names.csv",
    output:
        **figure("section_4", "Section 4", "what the report leaves open"),
    log:
        log_of("plot_section_4", "<results>"),
    benchmark:
        benchmark_of("plot_section_4", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/plot_section_4", **OF_SECTION_4),
    shell:
        STEP
