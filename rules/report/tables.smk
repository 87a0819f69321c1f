"""Needs what each experiment measures in every seed; makes its tables, and says which claims hold."""

for name, (category, result, experiments, compares) in TABULATED.items():

    rule:
        name:
            f"tabulate_{name}"
        input:
            **reported(name, compares),
            measures=f"<results>/measures/{name}.csv",
        output:
            table=table(name, category, result),
        log:
            log_of(f"tabulate_{name}", "<results>"),
        benchmark:
            benchmark_of(f"tabulate_{name}", "<results>")
        conda:
            "../../envs/tables.yaml"
        params:
            **step("report/tabulate", run=run_of(*experiments)),
        shell:
            STEP


def measures_of_claims(wildcards):
    """The measures that claims are of."""
    for name, claim in config["claims"].items():
        if claim["table"] not in TABULATED:
            allowed = ", ".join(TABULATED)
            refuse(f"claims.{name}.table is {claim['table']!r}, allowed are {allowed}")
    names = sorted({claim["table"] for claim in config["claims"].values()})
    return expand("<results>/measures/{table}.csv", table=names)


rule judge_claims:
    input:
        measures=measures_of_claims,
    output:
        table=table("claims", "All claims", "whether each holds"),
    log:
        log_of("judge_claims", "<results>"),
    benchmark:
        benchmark_of("judge_claims", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step(
            "report/judge_claims",
            claims="claims",
            as_reported=constant(
                [name for name, (*_, compares) in TABULATED.items() if compares]
            ),
            runs=lambda wildcards: {
                name: run_of(*experiments)(wildcards)
                for name, (_, _, experiments, _) in TABULATED.items()
            },
        ),
    shell:
        STEP


SHOWN = [
    *TABLES_1,
    *expand(
        "<results>/tables/{table}.csv",
        table=[
            "experiment_1",
            "experiment_2_1",
            "experiment_2_1_detector",
            "dknn_mnist",
            "adaptive",
        ],
    ),
]
"""Tables that are short enough to read on one page."""


rule summarise:
    input:
        claims="<results>/tables/claims.csv",
        tables=SHOWN,
    output:
        markdown=update("<results>/summary.md"),
        page=finished(
            "<results>/summary.html",
            "All claims",
            "claims, and the tables of each experiment",
            "page",
            "summary",
        ),
    log:
        log_of("summarise", "<results>"),
    benchmark:
        benchmark_of("summarise", "<results>")
    conda:
        "../../envs/tables.yaml"
    params:
        **step("report/summarise"),
    shell:
        STEP
