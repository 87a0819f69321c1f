"""Needs the finished results of a variant; makes copies under the names that every run is asked for by."""

PUBLISHED = ["results/table1.csv", "results/summary.md", "results/leaderboard"]


rule publish:
    input:
        "<results>/{name}",
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
        "cp {input} {output}.partial 2> {log} && mv {output}.partial {output} 2>> {log}"


rule publish_leaderboard:
    input:
        "<results>/leaderboard",
    output:
        directory("results/leaderboard"),
    log:
        "<results>/logs/publish_leaderboard.log",
    localrule: True
    conda:
        "../envs/numpy.yaml"
    shell:
        "rm -rf {output}.partial && cp -r {input} {output}.partial 2> {log} && mv {output}.partial {output} 2>> {log}"
