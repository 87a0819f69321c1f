"""Cells of pages, the contrast of their colours, and figures that follow a dark page."""

import re

import pytest
from conftest import REPOSITORY

from layeraudit.pages import MINUS, MISSING, Cell, duration, figure, follow_page, number

NONE = float("nan")
PAGES = REPOSITORY / "scripts/layeraudit/pages"


def test_figure_has_its_interval_and_sorts_by_number() -> None:
    assert figure(0.973, 0.951, 0.99) == Cell("0.973", "0.973", "[0.951, 0.990]")
    assert figure(-0.25, -0.5, 0) == Cell(f"{MINUS}0.250", "-0.25", f"[{MINUS}0.500, 0.000]")
    assert figure(0.5, NONE, NONE) == Cell("0.500", "0.5")
    assert figure(1.5, 0.4, 0.6, has_bar=True).share == 1


def test_missing_values_are_a_dash_that_sorts_last() -> None:
    assert figure(NONE, NONE, NONE, has_bar=True) == number(NONE, "nan") == Cell(MISSING, value="")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (0.0000248, "25 µs"),
        (0.000125, "125 µs"),
        (0.00099999, "1 ms"),
        (0.14, "140 ms"),
        (3.14, "3.1 s"),
        (59, "59 s"),
        (90, "1.5 min"),
        (NONE, MISSING),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted([luminance(one), luminance(other)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast_is_wcag_aa(mode: int) -> None:
    style = (PAGES / "style.css").read_text()
    colours = dict(re.findall(r"--(\w+): (#\w+);", style.split("@media")[mode]))
    for text in ("ink", "quiet", "accent", "warning"):
        for behind in ("paper", "raised", "hover", "bar"):
            if (text, behind) != ("accent", "bar"):
                assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    banner = re.search(r"\.banner \{.*?background: (#\w+); color: (#\w+)", style, re.DOTALL)
    assert banner
    assert contrast(banner[1], banner[2]) >= 4.5


def test_follow_page_adds_the_dark_style_once() -> None:
    drawn = '<svg><text style="font-size: 9px">Loss</text></svg>\n'
    dark = follow_page(drawn)
    assert dark.startswith(drawn[:-8])
    assert dark.count("<style>") == dark.count("prefers-color-scheme: dark") == 1
    assert dark.endswith("</style></svg>\n")
