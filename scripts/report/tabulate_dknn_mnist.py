"""Tabulate the results of the paper on Deep k-nearest neighbours on MNIST, beside its own figures.

Writes four tables: accuracy and credibility of each kind of input, reliability, validity of the p-values, and
the paper's claims with their tests. See `layeraudit.report.dknn_mnist` for the columns.
"""

from typing import Any

from layeraudit.cli import Input, Output, run
from layeraudit.files import read_arrays
from layeraudit.report.dknn_mnist import (
    make_claims,
    tabulate_inputs,
    tabulate_reliability,
    tabulate_validity,
)
from layeraudit.statistics import tabulate_claims
from layeraudit.tables import read_scores, write_table


def tabulate_dknn_mnist(
    *,
    test: list[Input],
    fgsm: list[Input],
    bim: list[Input],
    cw: list[Input],
    rotated: list[Input],
    other_data: list[Input],
    calibration: list[Input],
    inputs: Output,
    reliability: Output,
    validity: Output,
    claims: Output,
    settings: dict[str, Any],
    as_published: list[str],
    k: int,
    run: str,
) -> None:
    """Write the tables.

    test : scores of held-out images, a file a seed; those of other inputs likewise
    settings : how each input was made; other data are named by their data set
    as_published : inputs made as in the paper, whose figures then stand beside ours
    """
    scores = {
        name: read_scores(paths)
        for name, paths in {
            "test": test,
            "fgsm": fgsm,
            "bim": bim,
            "cw": cw,
            "rotated": rotated,
            "fashion_mnist": other_data,
        }.items()
    }
    calibrations: list[Any] = [read_arrays(path, "nonconformity")[0] for path in calibration]
    words = {
        of_input.get("dataset", name): ", ".join(
            f"{key} {value}" for key, value in of_input.items() if key not in ("method", "dataset")
        )
        for name, of_input in settings.items()
    }
    by_input = tabulate_inputs(scores, calibrations, words, as_published=as_published)
    write_table(inputs, by_input, run)
    write_table(reliability, tabulate_reliability(scores, calibrations, as_published=as_published), run)
    write_table(validity, tabulate_validity(scores["test"], calibrations, k), run)
    write_table(claims, tabulate_claims(make_claims(scores, calibrations, as_published=as_published)), run)


if __name__ == "__main__":
    run(tabulate_dknn_mnist)
