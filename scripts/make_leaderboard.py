"""Make the leaderboard: a folder with a page, the tables that it is written from, and its figures."""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from uuid import uuid4

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.leaderboard import FIGURES, linked_scores, write_leaderboard
from layeraudit.tables import read_records


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path` to write to, and rename it to `path` at the end.

    Where the block raises, the temporary folder is removed and an older `path` stays as it was. What a
    killed process left is removed by the next that writes `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".partial-*-{escape(path.name)}"):
        shutil.rmtree(left)
    temporary, older = (path.with_name(f".partial-{uuid4().hex}-{path.name}") for _ in range(2))
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():  # no folder is renamed to one that holds files
            path.rename(older)
        temporary.rename(path)
    finally:
        for folder in (temporary, older):
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="as .csv, known by their names")
    parser.add_argument(
        "--figures", type=Path, nargs="+", required=True, help="as .svg, known by their names"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder, in that of the experiments")
    arguments = parser.parse_args()

    figures = {path.name: path for path in arguments.figures}
    for name in FIGURES:
        if not (path := figures.get(f"{name}.svg", Path(f"{name}.svg"))).is_file():
            raise InputError(f"the leaderboard lacks the figure {path}, needed are {', '.join(FIGURES)}")
    tables = {
        path.stem: table for path, table in zip(arguments.tables, read_records(arguments.tables), strict=True)
    }
    page = write_leaderboard(tables)
    for scores in linked_scores(tables):
        if not (path := arguments.output.parent / scores).is_file():
            raise InputError(f"{path}, which a row of the leaderboard links to, does not exist")

    with folder_written_whole(arguments.output) as folder:
        (folder / "index.html").write_text(page, encoding="utf-8")
        for path in [*arguments.tables, *(figures[f"{name}.svg"] for name in FIGURES)]:
            shutil.copyfile(path, folder / path.name)


if __name__ == "__main__":
    end_in_a_sentence(main)
