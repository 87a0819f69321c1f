"""How a program ends when its user, not its author, has made a mistake."""

import sys
from collections.abc import Callable
from pathlib import Path


class InputError(ValueError):
    """A mistake in what the user gave; its text is one sentence: what, where, what is allowed."""


def end_in_a_sentence(main: Callable[[], None]) -> None:
    """Run `main`; a mistake of the user's, or too small a disk or memory, ends in one sentence and exit 1.

    Every other exception is a fault of ours and keeps its traceback.
    """
    try:
        main()
    except (InputError, OSError, MemoryError) as error:
        # What a library says may have many lines.
        sentence = " ".join(str(error).split()) or "the memory does not suffice"
        sys.exit(f"{Path(sys.argv[0]).name}: {sentence}")
