"""Make the report from nothing, or a part of it, and measure what it takes.

    python benchmarks/report.py                          all of it, with the configuration config.yaml
    python benchmarks/report.py results/leaderboard
    python benchmarks/report.py --configfile config/small.yaml

Removes `results/` but for the data sets, makes the environments of the rules where they are missing, and then
measures one run of `snakemake --cores 4 all`: its wall time, the sum of its jobs' times, the processor time
of all its processes and of Snakemake itself, and the most that `results/` held at once. Writes `report.csv`,
a row for each rule, and `report.json` beside this program, or of a part files of its name.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from threading import Event, Thread

import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
HERE = Path(__file__).parent
GIGABYTE = 10**9
SECONDS_BETWEEN_LOOKS = 5

NAMES_OF_RULES = r"(?:^rule |^use rule \w+ as |\bstep\(\s*\"(?:\w+/)?)(\w+)"
"""A rule that is made in a loop has the name of its step, and more."""


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


def watch(process: psutil.Process, stopped: Event, seen: dict[str, float]) -> None:
    """Look every few seconds how much the results and the process itself take, until told to stop."""
    while not stopped.wait(SECONDS_BETWEEN_LOOKS):
        seen["disk"] = max(seen["disk"], used_by(RESULTS))
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            times = process.cpu_times()
            seen["own_cpu"] = times.user + times.system


def rule_of(benchmark: Path, rules: list[str]) -> str:
    """Give the rule that a benchmark file's name begins with."""
    return max((rule for rule in rules if benchmark.stem.startswith(rule)), key=len)


def tabulate_rules() -> pd.DataFrame:
    """Tabulate jobs, seconds and memory of each rule, by the benchmarks that Snakemake has kept."""
    rules = [
        name
        for path in (ROOT / "rules").rglob("*.smk")
        for name in re.findall(NAMES_OF_RULES, path.read_text(), re.MULTILINE)
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
        memory_mb=("max_rss", "max"),
    )
    return table.sort_values("seconds", ascending=False).reset_index()


def processor() -> str:
    """Give the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def cpu_of_children() -> float:
    """Give the processor time of all processes that this one has waited for, and of theirs, in seconds."""
    # Snakemake's benchmarks have it too, as it was up to half a minute before a job ended.
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def pinned_torch() -> str:
    """Give the version of torch that the rules use."""
    found = re.search(r"- torch==(\S+)", (ROOT / "envs" / "torch.yaml").read_text())
    return found[1] if found else "unknown"


def main() -> None:
    """Make the report, and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", nargs="?", default="all")
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--configfile", default="config/config.yaml")
    arguments = parser.parse_args()
    snakemake = [sys.executable, "-m", "snakemake", "--cores", str(arguments.cores)]
    given = ["--configfile", arguments.configfile]
    name = "report" if arguments.target == "all" else Path(arguments.target).stem

    for path in RESULTS.iterdir() if RESULTS.exists() else []:
        if path.name != "datasets":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run([*snakemake, "all", "--conda-create-envs-only", *given], cwd=ROOT, check=True)
    datasets = [f"results/datasets/{name}.npz" for name in ("mnist", "fashion_mnist")]
    subprocess.run([*snakemake, *datasets, *given], cwd=ROOT, check=True)

    stopped, seen = Event(), {"disk": used_by(RESULTS), "own_cpu": 0.0}
    started, cpu_before = time.monotonic(), cpu_of_children()
    process = psutil.Popen([*snakemake, *given, "--", arguments.target], cwd=ROOT)
    watcher = Thread(target=watch, args=(process, stopped, seen))
    watcher.start()
    try:
        if process.wait():
            sys.exit("Snakemake has failed: nothing is written")
    finally:
        wall, cpu = time.monotonic() - started, cpu_of_children() - cpu_before
        stopped.set()
        watcher.join()

    table = tabulate_rules()
    table.to_csv(HERE / f"{name}.csv", index=False, float_format="%.1f", lineterminator="\n")
    jobs = float(table["seconds"].sum())
    summary = {
        "wall_s": round(wall),
        "sum_of_jobs_s": round(jobs),
        "cpu_s": round(cpu),
        "cpu_of_snakemake_itself_s": round(seen["own_cpu"]),
        "jobs": int(table["jobs"].sum()),
        "jobs_at_once": arguments.cores,
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "torch": pinned_torch(),
        "disk_peak_gb": round(seen["disk"] / GIGABYTE, 1),
        "disk_in_the_end_gb": round(used_by(RESULTS) / GIGABYTE, 1),
        "date": date.today().isoformat(),
    }
    (HERE / f"{name}.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(table.to_string(index=False))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
