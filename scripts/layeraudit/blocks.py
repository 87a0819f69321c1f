"""Blocks of rows: what is computed of each row takes memory for a few of them at once."""

from collections.abc import Iterator

BYTES_AT_ONCE = 2**25
"""Bytes that a block may take."""


def split_rows(n: int, bytes_of_row: int) -> Iterator[slice]:
    """Yield slices that together are the rows 0 to n - 1, each of one row or more.

    Parameters
    ----------
    bytes_of_row : memory that is needed for each row
    """
    step = max(1, BYTES_AT_ONCE // max(1, bytes_of_row))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
