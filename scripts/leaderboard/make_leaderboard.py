"""Make the leaderboard: a folder with a page and all that it links to, which may be copied anywhere."""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from uuid import uuid4

from layeraudit.errors import InputError, end_in_a_sentence
from layeraudit.files import read_split
from layeraudit.leaderboard.page import FIGURES, list_scores, read_citation, write_leaderboard
from layeraudit.pages import follow_page
from layeraudit.leaderboard.examples import choose_examples, write_picture
from layeraudit.tables import read_records


@contextmanager
def atomic_write_folder(path: Path) -> Iterator[Path]:
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
    parser.add_argument(
        "--scores", type=Path, nargs="+", required=True, help="EXPERIMENT/detectors/DETECTOR.parquet"
    )
    parser.add_argument(
        "--poison", type=Path, nargs="*", default=[], help="EXPERIMENT/SEED/data/poison.npz, for examples"
    )
    parser.add_argument("--sources", type=Path, nargs="*", default=[], help="what each was made of")
    parser.add_argument("--citation", type=Path, required=True, help="CITATION.cff")
    parser.add_argument("--output", type=Path, required=True, help="folder")
    arguments = parser.parse_args()

    figures = {path.name: path for path in arguments.figures}
    for name in FIGURES:
        if not (path := figures.get(f"{name}.svg", Path(f"{name}.svg"))).is_file():
            raise InputError(f"the leaderboard lacks the figure {path}, needed are {', '.join(FIGURES)}")
    tables = {
        path.stem: table for path, table in zip(arguments.tables, read_records(arguments.tables), strict=True)
    }
    examples = {
        poison.parents[2].name: choose_examples(read_split(poison), read_split(sources))
        for poison, sources in zip(arguments.poison, arguments.sources, strict=True)
    }
    page = write_leaderboard(tables, examples, read_citation(arguments.citation))
    scores = {(path.parents[1].name, path.stem): path for path in arguments.scores}
    for experiment, detector in list_scores(tables):
        if not (
            path := scores.get((experiment, detector), Path(experiment, f"{detector}.parquet"))
        ).is_file():
            raise InputError(f"{path}, which a row of the leaderboard links to, does not exist")

    with atomic_write_folder(arguments.output) as folder:
        (folder / "index.html").write_text(page, encoding="utf-8")
        for path in arguments.tables:
            shutil.copyfile(path, folder / path.name)
        for name in FIGURES:
            figure = figures[f"{name}.svg"].read_text(encoding="utf-8")
            (folder / f"{name}.svg").write_text(follow_page(figure), encoding="utf-8")
        for experiment, detector in list_scores(tables):
            copy = folder / "scores" / experiment / f"{detector}.parquet"
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(scores[experiment, detector], copy)
        for experiment, of_experiment in examples.items():
            for name, picture in of_experiment.pictures.items():
                path = folder / "examples" / experiment / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_picture(path, picture)


if __name__ == "__main__":
    end_in_a_sentence(main)
