"""What Snakemake imports of the library is there before any rule's environment: no NumPy, no pandas."""

import re
import subprocess
import sys

from conftest import REPOSITORY

WITHOUT = """
import sys
sys.modules |= dict.fromkeys(["numpy", "pandas", "scipy", "torch", "matplotlib", "sklearn", "statsmodels"])
sys.path.insert(0, "scripts")
"""


def test_the_modules_that_rules_import_need_no_library_of_a_rule() -> None:
    rules = [*(REPOSITORY / "rules").rglob("*.smk"), REPOSITORY / "Snakefile"]
    modules = {name for rule in rules for name in re.findall(r"from (layeraudit[\w.]*)", rule.read_text())}
    assert "layeraudit.configuration" in modules
    of_studies = (REPOSITORY / "scripts/layeraudit").glob("*/configuration.py")  # which that one imports
    modules |= {f"layeraudit.{path.parent.name}.configuration" for path in of_studies}
    code = WITHOUT + "".join(f"import {module}\n" for module in sorted(modules))
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
