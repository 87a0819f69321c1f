"""Make the report from nothing, or a part of it, and measure what it takes.

    python benchmarks/report.py                          all of it, with the configuration config.yaml
    python benchmarks/report.py --target=results/leaderboard

Removes `results/` but for the data sets, makes the environments of the rules where they are missing, and then
measures one run of Snakemake: its wall time, the sum of its jobs' times, the processor time of all its
processes, and the most that `results/` held at once. Writes `report.csv`, a row for each rule, and
`report.json` beside this program, or of a part files of its name.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from threading import Thread

import pandas as pd

from layeraudit.cli import run
from layeraudit.provenance import name_processor

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"


def tabulate_rules(results: Path) -> pd.DataFrame:
    """Tabulate jobs, seconds and memory of each rule, from Snakemake's extended benchmarks."""
    files = results.rglob("benchmarks/*.tsv")
    jobs = pd.concat([pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE) for path in files])
    table = jobs.groupby(jobs["rule_name"].rename("rule")).agg(
        jobs=("s", "size"), seconds=("s", "sum"), longest_s=("s", "max"), memory_mb=("max_rss", "max")
    )
    return table.sort_values("seconds", ascending=False).reset_index()


def measure_disk() -> float:
    """Return the gigabytes that the results take on the disk."""
    command = ["du", "--summarize", "--block-size=1", str(RESULTS)]
    # It fails where a file is renamed or removed meanwhile, but goes on.
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(said.stdout.split()[0]) / 1e9


def report(*, target: str = "all", cores: int = 4, configfile: str = "config/config.yaml") -> None:
    """Make a target, and write what it took."""
    options = ["--cores", str(cores), "--configfile", configfile, "--benchmark-extended"]
    snakemake = [sys.executable, "-m", "snakemake", *options]
    for path in RESULTS.iterdir() if RESULTS.exists() else []:
        if path.name != "datasets":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    datasets = [f"results/datasets/{name}.npz" for name in ("mnist", "fashion_mnist")]
    for first in ["--conda-create-envs-only", "--", "all"], ["--", *datasets]:
        subprocess.run([*snakemake, *first], cwd=ROOT, check=True)

    disk = [measure_disk()]

    def watch_disk() -> None:
        while True:
            time.sleep(5)
            disk.append(measure_disk())

    Thread(target=watch_disk, daemon=True).start()
    started = time.monotonic()
    process = subprocess.Popen([*snakemake, "--", target], cwd=ROOT)
    _, failed, usage = os.wait4(process.pid, 0)  # processor time of all its processes, and not of du
    wall = time.monotonic() - started
    if failed:
        sys.exit("Snakemake has failed: nothing is written")

    table, in_the_end = tabulate_rules(RESULTS), measure_disk()
    summary = {
        "wall_s": round(wall),
        "sum_of_jobs_s": round(table["seconds"].sum()),
        "cpu_s": round(usage.ru_utime + usage.ru_stime),
        "jobs": int(table["jobs"].sum()),
        "jobs_at_once": cores,
        "processor": name_processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "torch": re.findall(r"- torch==(\S+)", Path(ROOT, "envs/torch.yaml").read_text())[0],
        "disk_peak_gb": round(max([*disk, in_the_end]), 1),
        "disk_in_the_end_gb": round(in_the_end, 1),
        "date": date.today().isoformat(),
    }
    output = Path(__file__).with_name("report" if target == "all" else Path(target).stem)
    table.to_csv(output.with_suffix(".csv"), index=False, float_format="%.1f", lineterminator="\n")
    output.with_suffix(".json").write_text(json.dumps(summary, indent=2) + "\n")
    print(table.to_string(index=False), json.dumps(summary, indent=2), sep="\n")


if __name__ == "__main__":
    run(report)
