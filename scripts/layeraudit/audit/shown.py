"""What a page shows of an audit: which rows, in which order, and their pictures."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from layeraudit.audit.findings import SPLIT_OF_PART, TRAIN, Findings, Place, list_suspects, sort_by_rank

N_WORST, N_SUSPECTS, N_AT_LEAST, N_NEIGHBOURS = 3, 60, 20, 5
N_PAIRS = N_OUTLIERS = N_INPUTS = 24
N_GROUPS, N_OF_GROUP = 12, 10
N_FARTHEST = 6
"""Rows that lie farthest, shown where none is flagged."""

MOST_PICTURES = 1000

SHORTEST, LONGEST = 84, 160
"""The least and greatest length of a picture's longer side, in pixels."""

Neighbours = Mapping[str, Mapping[str, NDArray[np.int64]]]
"""For each split and layer the nearest training rows of each row, int64 [n, k]."""


def choose_suspects(findings: Findings) -> pd.DataFrame:
    """Return the rows of the contact sheet: suspects, and where they are few the next of the ranking."""
    ranked, suspects = sort_by_rank(findings.rows), list_suspects(findings.rows)
    others = ranked[~ranked["row"].isin(suspects["row"])].head(max(0, N_AT_LEAST - len(suspects)))
    return pd.concat([suspects.head(N_SUSPECTS), others])


def choose_worst(findings: Findings) -> pd.DataFrame:
    """Return the worst rows: the first of the contact sheet."""
    return choose_suspects(findings).head(N_WORST)


def choose_outliers(findings: Findings) -> pd.DataFrame:
    """Return flagged rows that are unlike anything, or the few that lie farthest where none is flagged."""
    ranked = findings.rows.sort_values("outlier_rank", kind="stable")
    flagged = ranked[ranked["outlier_flagged"]]
    return flagged.head(N_OUTLIERS) if len(flagged) else ranked.head(N_FARTHEST)


def choose_inputs(findings: Findings) -> pd.DataFrame:
    """Return the inputs that are to be trusted the least."""
    return findings.inputs.sort_values("rank", kind="stable").head(N_INPUTS)


def choose_duplicates(findings: Findings) -> list[tuple[Place, Place, float]]:
    """Return pairs of training rows that are near duplicates, with their distance, the nearest first."""
    rows = findings.rows
    later = rows[(rows["duplicate_of"] >= 0) & (rows["duplicate_of"] != rows["row"])]
    nearest = later.sort_values("duplicate_distance", kind="stable").head(N_PAIRS)
    return [
        (findings.find_training_row(first), findings.find_training_row(row), float(distance))
        for row, first, distance in zip(
            nearest["row"], nearest["duplicate_of"], nearest["duplicate_distance"], strict=True
        )
    ]


def choose_leaks(findings: Findings) -> list[tuple[Place, Place, float]]:
    """Return pairs of a training row and a row of another split that repeats it, with their distance."""
    nearest = findings.leaks.sort_values("distance", kind="stable").head(N_PAIRS)
    return [
        (
            findings.find_training_row(int(leak["training_row"])),
            find_place(leak["split"], leak),
            leak["distance"],
        )
        for leak in nearest.to_dict("records")
    ]


def choose_groups(findings: Findings) -> Iterator[tuple[dict[Any, Any], pd.DataFrame]]:
    """Yield the groups that are like poison, the largest first, each with some of its rows."""
    largest = findings.groups.sort_values("n", ascending=False, kind="stable").head(N_GROUPS)
    for group in largest.to_dict("records"):
        yield group, findings.rows[findings.rows["group"] == group["group"]].head(N_OF_GROUP)


def choose_deficient(findings: Findings) -> pd.DataFrame:
    """Return the rows with the fewest held-out rows around them."""
    ranked = findings.rows.sort_values("held_out_deficit", ascending=False, kind="stable")
    return ranked.head(N_OF_GROUP)


def find_place(split: str, record: Mapping[Any, Any]) -> Place:
    """Return the place of a record that names its row and source."""
    return Place(split, int(record["row"]), int(record["source"]))


def find_places(split: str, rows: pd.DataFrame) -> list[Place]:
    """Return the places of rows of a split."""
    return [find_place(split, record) for record in rows.to_dict("records")]


def find_input_places(inputs: pd.DataFrame) -> list[Place]:
    """Return the places of rows of `inputs.parquet`."""
    return [find_place(SPLIT_OF_PART[record["part"]], record) for record in inputs.to_dict("records")]


def choose_pictures(findings: Findings, neighbours: Neighbours) -> list[Place]:
    """Return the rows that a picture is made of: those on the page, then neighbours."""
    opened = [
        *find_places(TRAIN, choose_worst(findings)),
        *find_places(TRAIN, choose_suspects(findings)),
        *find_input_places(choose_inputs(findings)),
    ]
    others = [
        *find_places(TRAIN, choose_outliers(findings)),
        *chain.from_iterable(pair[:2] for pair in choose_duplicates(findings)),
        *chain.from_iterable(pair[:2] for pair in choose_leaks(findings)),
        *chain.from_iterable(find_places(TRAIN, some) for _, some in choose_groups(findings)),
        *find_places(TRAIN, choose_deficient(findings)),
    ]
    around = chain.from_iterable(
        find_neighbours(findings, place, of_layer)
        for place in opened
        for of_layer in neighbours[place.split].values()
    )
    return list(islice(dict.fromkeys(chain(opened, others, around)), MOST_PICTURES))


def find_neighbours(findings: Findings, place: Place, of_layer: NDArray[np.int64]) -> list[Place]:
    """Return the places of the nearest training rows of a row in one layer, int64 [n, k]."""
    return [findings.find_training_row(row) for row in of_layer[place.row, :N_NEIGHBOURS].tolist()]


def name_picture(place: Place) -> str:
    """Return the file of a row's picture in the folder of the page."""
    return f"images/{place.split}_{place.row}.png"


def draw_picture(x: NDArray[np.uint8]) -> Image.Image:
    """Draw a row, uint8 [c, h, w]: in colour where it has three channels, else grey.

    Small pictures are enlarged by a whole number, so that their pixels stay what they are.
    """
    pixels = np.moveaxis(x, 0, -1) if len(x) == 3 else x.mean(axis=0).round().astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    factor = -(-SHORTEST // max(picture.size))
    if factor > 1:
        width, height = picture.size
        picture = picture.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    return picture
