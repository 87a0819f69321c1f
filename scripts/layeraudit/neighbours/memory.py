"""The memory of a search: how many queries are searched together, so that it keeps to what it may take."""

from layeraudit.errors import InputError
from layeraudit.neighbours.ordering import ROWS_AT_ONCE
from layeraudit.neighbours.pairs import COLUMNS_AT_ONCE
from layeraudit.neighbours.rows import READ_AT_ONCE

MEGABYTE = 2**20

MEMORY_MB = 1200
"""What a search is to take, where nothing else is said."""

PROGRAM_BYTES = 300 * MEGABYTE
"""What Python, its libraries, and the candidates that are held at once take."""

BYTES_BESIDE_A_QUERY = 14_000
"""Its point, its coordinates, its candidates."""

FEWEST_QUERIES = 256


def queries_at_once(memory_mb: int, index_bytes: int, dimensions: int, threads: int) -> int:
    """Count the queries that can be searched together.

    Raises
    ------
    InputError
        Where the memory does not suffice for a few.
    """
    fixed = PROGRAM_BYTES + index_bytes + threads * (2 * READ_AT_ONCE + 4 * ROWS_AT_ONCE * dimensions)
    of_query = 4 * dimensions + BYTES_BESIDE_A_QUERY + threads * 4 * COLUMNS_AT_ONCE
    needed = -(-(fixed + FEWEST_QUERIES * of_query) // MEGABYTE)
    if memory_mb < needed:
        raise InputError(f"memory_mb is {memory_mb}, allowed are {needed} and more for this index")
    return (memory_mb * MEGABYTE - fixed) // of_query
