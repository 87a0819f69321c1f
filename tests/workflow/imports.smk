"""Says of a module whether a rule in an environment can import it; test_environments.py asks."""


include: "../../rules/common.smk"


rule find_module:
    output:
        "{environment}/{module}",
    conda:
        "../../envs/{environment}.yaml"
    shell:
        "if python -c 'import {wildcards.module}'; then echo found; else echo missing; fi > {output}"
