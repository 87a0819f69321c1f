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
        credibility=report(
            update("<results>/tables/section_4_credibility.csv"),
            caption="../../report/section_4.rst",
            category="Section 4",
            labels={"result": "credibility of poison", "form": "table"},
        ),
        depth=report(
            update("<results>/tables/section_4_depth.csv"),
            caption="../../report/section_4_depth.rst",
            category="Section 4",
            labels={"result": "poison among neighbours by layer", "form": "table"},
        ),
        removal=report(
            update("<results>/tables/section_4_removal.csv"),
            caption="../../report/section_4_removal.rst",
            category="Section 4",
            labels={"result": "training again without the suspects", "form": "table"},
        ),
        claims=update("<results>/claims/section_4.csv"),
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
            poisons=constant([of["poison_name"] for of, _ in poisoned_runs()]),
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
        svg=report(
            update("<results>/figures/section_4.svg"),
            caption="../../report/section_4.rst",
            category="Section 4",
            labels={"result": "what the report leaves open", "form": "figure"},
        ),
        png=update("<results>/figures/section_4.png"),
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
