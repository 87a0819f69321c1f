"""The tables that a reader can quote: each figure with its interval, n and number of seeds."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from layeraudit.errors import InputError
from layeraudit.files import atomic_write
from layeraudit.provenance import label


def read_scores(paths: Sequence[Path], seeds: Iterable[int] | None = None) -> pd.DataFrame:
    """Read the scores of a split, a file a seed, one below the other, with the column `seed`.

    Parameters
    ----------
    seeds : of the files; without them 0, 1, ...

    Raises
    ------
    InputError
        Where one is no whole `.parquet` file.
    """
    return pd.concat(
        [
            read_parquet(path).assign(seed=seed)
            for seed, path in zip(range(len(paths)) if seeds is None else seeds, paths, strict=True)
        ],
        ignore_index=True,
    )


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a `.parquet`.

    Raises
    ------
    InputError
        Where it is missing or damaged.
    """
    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except ValueError as error:
        raise InputError(f"{path} is not a whole .parquet file: {error}") from None


def read_records(paths: Iterable[Path]) -> list[pd.DataFrame]:
    """Read what attacks and their measurements wrote as `.csv`, a table a file, as `read_table` does."""
    return [read_table(path) for path in paths]


def read_table(path: Path) -> pd.DataFrame:
    """Read a `.csv`.

    Raises
    ------
    InputError
        Where it is missing, or is no table.
    """
    try:
        return pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except ValueError as error:
        raise InputError(f"{path} is no table: {error}") from None


def write_table(path: Path, table: pd.DataFrame, run: str | None = None, *, numbers: str = "%.6g") -> None:
    """Write a table as `.csv`, and print it.

    Parameters
    ----------
    run : settings of the run, for the last column, `run`; None where the rows have it already
    numbers : form of numbers that are no integers
    """
    labelled = table if run is None else label(table, run)
    with atomic_write(path) as temporary:
        labelled.to_csv(temporary, index=False, float_format=numbers, lineterminator="\n")
    print(table.to_string(index=False, float_format="%.4g"))
