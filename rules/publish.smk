"""Needs the finished results of a variant; makes copies under the names that every run is asked for by."""

PUBLISHED += ["results/table1.csv", "results/summary.md", "results/leaderboard"]


rule keep_configuration:
    """The configuration beside the results that it made; a change is named before anything is made again."""
    output:
        update("<results>/config.yaml"),
    priority: 100
    localrule: True
    params:
        configuration=str(dict(config)),
    run:
        for change in results.keep_configuration(Path(output[0]), config):
            print(
                f"Variant {config['variant']}: {change}. What depends on it is made again, and its results "
                "are replaced; another name under `variant` keeps both.",
                file=sys.stderr,
            )


rule publish:
    input:
        ancient("<results>/config.yaml"),
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
        ancient("<results>/config.yaml"),
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
