"""What Python itself runs before every program: one sentence where the environment lacks a package.

Only an environment of the user's own can; what a program imports comes before it can catch anything.
"""

import sys
from pathlib import Path
from types import TracebackType


def print_what_is_missing(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Print one sentence for a package that is missing, and the traceback of any other exception."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        program, package = Path(sys.argv[0]).name, error.name.partition(".")[0]
        print(f"{program}: the environment lacks {package}, allowed is one that has it", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = print_what_is_missing
