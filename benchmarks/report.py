"""Make the whole report from nothing, and measure what it takes.

    python benchmarks/report.py                          all of it, with the configuration config.yaml
    python benchmarks/report.py --configfile config/small.yaml

Removes `results/` but for the data sets, makes the environments of the rules where they are missing, and then
measures one run of `snakemake --cores 4`: its wall time, the sum of its jobs' times, and the most that
`results/` held at once. Writes `report.csv`, a row a rule, and `report.json` beside this program.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from threading import Event, Thread

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
HERE = Path(__file__).parent
GIGABYTE = 10**9
SECONDS_BETWEEN_LOOKS = 5


def used_by(folder: Path) -> int:
    """Give the bytes that a folder takes on the disk."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += 512 * Path(parent, name).lstat().st_blocks
            except FileNotFoundError:  # renamed or removed since
                continue
    return total


def watch(stopped: Event, seen: list[int]) -> None:
    """Look every few seconds how much the results take, until told to stop."""
    while not stopped.wait(SECONDS_BETWEEN_LOOKS):
        seen.append(used_by(RESULTS))


def rule_of(benchmark: Path, rules: list[str]) -> str:
    """Give the rule that a benchmark file's name begins with."""
    return max((rule for rule in rules if benchmark.stem.startswith(rule)), key=len)


def tabulate_rules() -> pd.DataFrame:
    """Tabulate jobs, seconds and memory of each rule, by the benchmarks that Snakemake has kept."""
    rules = [
        name
        for path in (ROOT / "rules").glob("*.smk")
        for name in re.findall(r"^(?:rule|use rule \w+ as) (\w+)", path.read_text(), re.MULTILINE)
    ]
    jobs = pd.concat(
        [
            pd.read_csv(path, sep="\t").assign(rule=rule_of(path, rules))
            for path in RESULTS.rglob("benchmarks/*.tsv")
        ]
    )
    table = jobs.groupby("rule").agg(
        jobs=("s", "size"),
        seconds=("s", "sum"),
        longest_s=("s", "max"),
        cpu_seconds=("cpu_time", "sum"),
        memory_mb=("max_rss", "max"),
    )
    return table.sort_values("seconds", ascending=False).reset_index()


def processor() -> str:
    """Give the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Make the report, and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--configfile", default="config/config.yaml")
    arguments = parser.parse_args()
    snakemake = [sys.executable, "-m", "snakemake", "--cores", str(arguments.cores)]
    given = ["--configfile", arguments.configfile]

    for path in RESULTS.iterdir() if RESULTS.exists() else []:
        if path.name != "datasets":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run([*snakemake, "--conda-create-envs-only", *given], cwd=ROOT, check=True)
    datasets = [f"results/datasets/{name}.npz" for name in ("mnist", "fashion_mnist")]
    subprocess.run([*snakemake, *datasets, *given], cwd=ROOT, check=True)

    stopped, seen = Event(), [used_by(RESULTS)]
    watcher = Thread(target=watch, args=(stopped, seen))
    watcher.start()
    started = time.monotonic()
    try:
        subprocess.run([*snakemake, "--quiet", "progress", *given], cwd=ROOT, check=True)
    finally:
        wall = time.monotonic() - started
        stopped.set()
        watcher.join()

    table = tabulate_rules()
    table.to_csv(HERE / "report.csv", index=False, float_format="%.1f", lineterminator="\n")
    jobs = float(table["seconds"].sum())
    summary = {
        "wall_s": round(wall),
        "sum_of_jobs_s": round(jobs),
        "cpu_s": round(float(table["cpu_seconds"].sum())),
        "jobs": int(table["jobs"].sum()),
        "jobs_at_once": arguments.cores,
        "processor": processor(),
        "cores": os.cpu_count(),
        "disk_peak_gb": round(max(seen) / GIGABYTE, 1),
        "disk_in_the_end_gb": round(used_by(RESULTS) / GIGABYTE, 1),
        "date": date.today().isoformat(),
    }
    (HERE / "report.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(table.to_string(index=False))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
