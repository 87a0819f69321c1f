"""Make the page of an audit: a folder with all that it links to, which may be copied anywhere.

Beside `index.html` and its pictures it has `rows.csv`, `inputs.csv`, `leaks.csv`, `clean.csv`,
`cleanlab.csv`, `audit.json` and, where there is a network, `layers.csv`.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layeraudit.audit.exports import (
    summarise,
    tabulate_clean,
    tabulate_cleanlab,
    tabulate_inputs,
    tabulate_leaks,
    tabulate_rows,
)
from layeraudit.audit.findings import INPUTS, TEST, TRAIN, Findings, Place
from layeraudit.audit.page import render_audit
from layeraudit.audit.shown import Neighbours, choose_pictures, draw_picture, name_picture
from layeraudit.checksums import digest_given, list_given
from layeraudit.cli import Input, Output, run
from layeraudit.files import (
    atomic_write_folder,
    open_layers,
    read_array_rows,
    read_arrays,
    read_json,
    write_json,
)
from layeraudit.provenance import describe_today, name_commit
from layeraudit.tables import read_parquet, read_table


def make_audit(
    *,
    dataset: Input,
    inputs_dataset: Input | None = None,
    gate: Input,
    rows: Input,
    groups: Input,
    leaks: Input,
    controls: list[Input],
    errors: Input,
    inputs: Input,
    layers: Input | None = None,
    train_neighbours: Input,
    test_neighbours: Input,
    inputs_neighbours: Input | None = None,
    output: Output,
    name: str,
    variant: str,
    dataset_name: str,
    network_name: str,
    pooling: str,
    metric: str,
    given: list[str],
) -> None:
    """Write the folder of the audit.

    dataset : of the training and held-out rows
    inputs_dataset : that the inputs are rows of, where there are any
    controls : tables of what was found of planted errors
    layers : all layers of the network, where there is one
    network_name : "" where there is none
    given : paths of the user's own files and folders of the network
    """
    classes, y, ids = read_arrays(dataset, "classes", "y", "ids")
    findings = Findings(
        name=name,
        gate=read_json(gate),
        errors=read_json(errors),
        rows=read_parquet(rows),
        inputs=read_parquet(inputs),
        groups=read_table(groups),
        leaks=read_table(leaks),
        controls=pd.concat(map(read_table, controls), ignore_index=True),
        classes=tuple(map(str, classes)),
        y=y.astype(np.int64),
        ids=ids.astype(np.str_),
        input_ids=_read_ids(inputs_dataset),
    )
    neighbours = _open_neighbours(
        findings, {TRAIN: train_neighbours, TEST: test_neighbours, INPUTS: inputs_neighbours}
    )
    provenance = {
        "variant": variant,
        "commit": name_commit(),
        "date": describe_today(),
        "dataset": {"name": dataset_name, "sha256": digest_given(dataset)},
        "network": {
            "name": network_name or None,
            "files": {str(file): digest_given(file) for path in given for file in list_given(Path(path))},
        },
        "layers": list(neighbours[TRAIN]),
        "pooling": pooling,
        "k": next(iter(neighbours[TRAIN].values())).shape[1],
        "metric": metric,
    }
    with atomic_write_folder(output) as folder:
        chosen = choose_pictures(findings, neighbours)
        drawn = {
            place
            for place, x in _read_rows(chosen, dataset, inputs_dataset)
            if _write_picture(folder / name_picture(place), x)
        }
        page = render_audit(findings, neighbours, drawn, provenance)
        (folder / "index.html").write_text(page, encoding="utf-8")
        for file, table in [
            ("rows.csv", tabulate_rows(findings)),
            ("inputs.csv", tabulate_inputs(findings)),
            ("clean.csv", tabulate_clean(findings)),
            ("leaks.csv", tabulate_leaks(findings)),
            ("cleanlab.csv", tabulate_cleanlab(findings)),
        ]:
            table.to_csv(
                folder / file, index=False, float_format="%.6g", lineterminator="\n", encoding="utf-8"
            )
        write_json(folder / "audit.json", summarise(findings, neighbours, provenance))
        if layers:
            shutil.copyfile(layers, folder / "layers.csv")
    print(f"{len(findings.rows)} training rows, {len(findings.inputs)} inputs, {len(drawn)} pictures")


def _read_ids(dataset: Path | None) -> NDArray[np.str_]:
    """Read the user's names of the rows of a data set."""
    return read_arrays(dataset, "ids")[0].astype(np.str_) if dataset else np.empty(0, np.str_)


def _open_neighbours(findings: Findings, folders: dict[str, Path | None]) -> Neighbours:
    """Open the neighbours of each split, as many as it has rows."""
    parts = findings.inputs["part"]
    n = {
        TRAIN: len(findings.rows),
        TEST: int((parts == "held_out").sum()),
        INPUTS: int((parts == INPUTS).sum()),
    }
    return {
        split: open_layers(folder, np.int64, rows=n[split]) for split, folder in folders.items() if folder
    }


def _read_rows(
    places: Iterable[Place], dataset: Path, inputs_dataset: Path | None
) -> Iterator[tuple[Place, NDArray[np.uint8]]]:
    """Yield what each place holds, uint8 [c, h, w]."""
    for is_input, path in ((False, dataset), (True, inputs_dataset)):
        own = sorted(
            (place for place in places if (place.split == INPUTS) == is_input), key=lambda of: of.source
        )
        if own and path:
            yield from zip(own, read_array_rows(path, "x", [place.source for place in own]), strict=True)


def _write_picture(path: Path, x: NDArray[Any]) -> bool:
    """Write the picture of a row, if it has pixels; return whether it has."""
    if x.size:
        path.parent.mkdir(exist_ok=True)
        draw_picture(x).save(path)
    return bool(x.size)


if __name__ == "__main__":
    run(make_audit)
