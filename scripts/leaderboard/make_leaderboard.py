"""Make the leaderboard: a folder with a page and all that it links to, which may be copied anywhere."""

import shutil

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write_folder, read_split
from layeraudit.leaderboard.examples import choose_examples, write_picture
from layeraudit.leaderboard.page import find_figures, find_scores, read_citation, render_leaderboard
from layeraudit.pages import follow_page
from layeraudit.tables import read_records


def make_leaderboard(
    *,
    tables: list[Input],
    figures: list[Input],
    scores: list[Input],
    poison: list[Input],
    sources: list[Input],
    citation: Input,
    output: Output,
) -> None:
    """Write the folder of the leaderboard, with its page in `index.html`.

    tables : as .csv, known by their names
    figures : as .svg, known by their names
    scores : EXPERIMENT/detectors/BENCH/DETECTOR.parquet
    poison : EXPERIMENT/SEED/data/poison_NAME.npz, for examples
    sources : the images that each of these was made of
    citation : CITATION.cff
    """
    found = {path.stem: table for path, table in zip(tables, read_records(tables), strict=True)}
    examples = {
        points.parents[2].name: choose_examples(read_split(points), read_split(clean))
        for points, clean in zip(poison, sources, strict=True)
    }
    page = render_leaderboard(found, examples, read_citation(citation))
    drawn, copied = find_figures(figures), find_scores(found, scores) | {path.name: path for path in tables}

    with atomic_write_folder(output) as folder:
        (folder / "index.html").write_text(page, encoding="utf-8")
        for path in drawn:
            (folder / path.name).write_text(follow_page(path.read_text(encoding="utf-8")), encoding="utf-8")
        for name, path in copied.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        for experiment, shown in examples.items():
            for name, picture in shown.pictures.items():
                write_picture(folder / "examples" / experiment / f"{name}.png", picture)


if __name__ == "__main__":
    run(make_leaderboard)
