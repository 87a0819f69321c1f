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


rule tabulate_section_4:
    input:
        scores=of_poisoned_runs("scores/train.parquet"),
        trained=trained_tables(),
        retrained=retrained_tables(),
    output:
        credibility=table(
            "section_4_credibility",
            "Section 4",
            "credibility of poison",
            caption="section_4",
        ),
        depth=table("section_4_depth", "Section 4", "poison among neighbours by layer"),
        removal=table(
            "section_4_removal", "Section 4", "training again without the suspects"
        ),
        claims=claims("section_4"),
    log:
        log_of("tabulate_section_4", "<results>"),
    benchmark:
        benchmark_of("tabulate_section_4", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/tabulate_section_4",
            **OF_SECTION_4,
            settings=constant([of["setting"] for of, _ in poisoned_runs()]),
            poisons=constant([of["poison"] for of, _ in poisoned_runs()]),
            seeds=constant([seed for _, seed in poisoned_runs()]),
            run=run_of(*experiments_of("poison")),
        ),
    shell:
        STEP


rule plot_section_4:
    input:
        credibility="<results>/tables/section_4_credibility.csv",
        depth="<results>/tables/section_4_depth.csv",
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
