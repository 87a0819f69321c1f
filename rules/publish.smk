"""Needs the finished results of a variant; makes copies under the names that every run is asked for by."""

PUBLISHED += ["results/table1.csv", "results/summary.md", "results/leaderboard"]


rule publish:
    input:
        result="<results>/{name}",
    output:
        "results/{name}",
    log:
        "<results>/logs/publish_{name}.log",
    wildcard_constraints:
        name="table1.csv|summary.md",
    localrule: True
    conda:
        "../envs/numpy.yaml"
    shell:
        "cp {input.result} {output}.partial 2> {log} && mv {output}.partial {output} 2>> {log}"


rule publish_leaderboard:
    input:
        page="<results>/leaderboard",
    output:
        directory("results/leaderboard"),
    log:
        "<results>/logs/publish_leaderboard.log",
    localrule: True
    conda:
        "../envs/numpy.yaml"
    shell:
        "rm -rf {output}.partial && cp -r {input.page} {output}.partial 2> {log}"
        " && mv {output}.partial {output} 2>> {log}"


rule table1:
    """Table 1 of the student report: results/table1.csv."""
    input:
        "results/table1.csv",


rule leaderboard:
    """Detectors of poison and of inputs, compared: results/leaderboard/index.html."""
    input:
        "results/leaderboard",


rule summary:
    """Claims, and the tables of each experiment: results/summary.md."""
    input:
        "results/summary.md",


rule all:
    """Every table, figure and page."""
    input:
        PUBLISHED,
        REPORT_TABLES,
        REPORT_FIGURES,
