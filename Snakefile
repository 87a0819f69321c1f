from snakemake.utils import min_version

min_version("9.27.1")


configfile: "config/config.yaml"
configfile: "config/claims.yaml"


report: "report/workflow.rst"


include: "rules/common.smk"


EXPERIMENTS, PROBLEMS = read_configuration()


pathvars:
    results=f"results/{config['variant']}",
    runs=f"results/{config['variant']}/{{experiment}}",
    run=f"results/{config['variant']}/{{experiment}}/seed{{seed}}",


rule help:
    """What can be asked for."""
    default_target: True
    localrule: True
    shell:
        "cat docs/commands.txt"


include: "rules/results.smk"
include: "rules/data.smk"
include: "rules/poison.smk"
include: "rules/model.smk"
include: "rules/neighbours.smk"
include: "rules/dknn.smk"
include: "rules/inputs.smk"
include: "rules/detectors.smk"
include: "rules/audit.smk"
include: "rules/leaderboard.smk"
include: "rules/report.smk"
include: "rules/publish.smk"


wildcard_constraints:
    experiment="[a-z0-9_]+",
    seed="[0-9]+",
    split="[a-z0-9_]+",
    poison="|".join(config["poisons"]),
    bench="poison|evasion",
    detector="[a-z0-9_]+",
    network="[a-z0-9_]+(?<!_twin)",
    twin="(_twin)?",
    source="[a-z0-9_]+",
    dataset="[a-z0-9_]+",


onstart:
    if makes_results():
        for change in results.keep_configuration(RESULTS / "config.yaml", config):
            print(
                f"Variant {config['variant']}: {change}. What depends on it is made again, and its results "
                "are replaced; another name under `variant` keeps both.",
                file=sys.stderr,
            )


onsuccess:
    made = results.name_made(RESULTS, map(Path, [*PUBLISHED, *AUDITS]), STARTED)
    print(*made, sep="\n", file=sys.stderr)


onerror:
    print(*results.read_failures(log), sep="\n", file=sys.stderr)
    results.count_failures(RESULTS, EXPERIMENTS, log)
