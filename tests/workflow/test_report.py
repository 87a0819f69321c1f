"""The report opens in a browser on verdicts and figures, and shows a person each figure with its caption."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import BROWSER, DRIVER, REPOSITORY, run
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

VERDICTS = ["holds", "does not hold", "cannot tell"]

FIGURES = {
    "Attacks that know the defence": 1,
    "Attacks that transfer": 4,
    "Deep k-nearest neighbours on MNIST": 2,
    "Experiment 1": 1,
    "Experiment 2.1": 3,
    "Experiment 2.2": 2,
    "Leaderboard": 5,
    "Pictures": 3,
    "Section 4": 1,
}


@pytest.fixture(scope="module")
def report(shared_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if BROWSER is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver (Debian: chromium-driver)")
    path = tmp_path_factory.mktemp("report") / "report.html"
    run(shared_copy, "all", "--report", str(path))
    return path


def test_a_variant_that_was_not_run_has_no_report(shared_copy: Path, tmp_path: Path) -> None:
    """README's command without the settings of the run: no caption stands under the figures of another."""
    path = tmp_path / "report.html"
    made = subprocess.run(
        ["snakemake", "all", "--report", str(path)], cwd=shared_copy, capture_output=True, check=False
    )
    assert made.returncode != 0
    assert not path.exists()


@pytest.fixture
def page(report: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(option)
    with webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER))) as browser:
        browser.get(report.as_uri())
        yield browser


def wait_for(page: webdriver.Chrome, condition: Callable[[webdriver.Chrome], Any]) -> Any:
    return WebDriverWait(page, 20).until(condition)


def click(page: webdriver.Chrome, element: WebElement) -> None:
    page.execute_script("arguments[0].click()", element)


def text_of(page: webdriver.Chrome) -> str:
    return page.find_element(By.TAG_NAME, "body").text


def open_category(page: webdriver.Chrome, category: str) -> list[list[WebElement]]:
    """Open the report at a category, and give the two links of each figure: to see it, and to read of it."""
    page.refresh()
    wait_for(page, lambda page: page.find_elements(By.LINK_TEXT, category))
    click(page, page.find_element(By.LINK_TEXT, category))
    wait_for(page, lambda page: page.find_elements(By.CSS_SELECTOR, "a[iconname=eye]"))
    return [
        links
        for row in page.find_elements(By.TAG_NAME, "tr")
        if (links := row.find_elements(By.CSS_SELECTOR, "a[iconname]"))
        and not str(links[0].get_attribute("href")).startswith("data:")
    ]


def shown_width(page: webdriver.Chrome) -> int:
    """Give the width of the picture that is shown, 0 where it is none or broken."""
    pictures = page.find_elements(By.CSS_SELECTOR, "img:not(.h-4)")
    return int(pictures[-1].get_property("naturalWidth") or 0) if pictures else 0  # type: ignore[call-overload]


def test_it_opens_on_the_verdicts_and_the_figures(page: webdriver.Chrome, finished_run: Path) -> None:
    wait_for(page, lambda page: page.find_elements(By.CSS_SELECTOR, ".document summary"))
    verdicts = pd.read_csv(finished_run / "results/small/tables/claims.csv")["verdict"].value_counts()
    counted = [element.text for element in page.find_elements(By.CSS_SELECTOR, ".document summary")]
    assert counted == [
        f"{verdict.capitalize()}: {verdicts.get(verdict, 0)} of {verdicts.sum()} primary claims"
        for verdict in VERDICTS
    ]
    figures = page.find_elements(By.CSS_SELECTOR, ".document > * svg, .document > svg")
    assert len(figures) == 6
    assert all(figure.rect["width"] > 800 for figure in figures)
    first = page.find_element(By.CSS_SELECTOR, ".document")
    assert first.rect["y"] < 100, "the top of the text cannot be scrolled to"
    link = page.find_element(By.LINK_TEXT, "leaderboard").get_attribute("href")
    assert str(link).endswith("results/leaderboard/index.html")


def test_verdicts_are_the_first_category_and_a_link_leads_to_a_table(page: webdriver.Chrome) -> None:
    wait_for(page, lambda page: page.find_elements(By.LINK_TEXT, "All claims"))
    names = ["All claims", *FIGURES]
    menu = [element.text for element in page.find_elements(By.CSS_SELECTOR, "nav li a")]
    assert [name for name in menu if name in names] == names
    click(page, page.find_element(By.LINK_TEXT, "claims.csv"))
    wait_for(page, lambda page: "DESCRIPTION" in text_of(page))


@pytest.mark.parametrize("category", FIGURES)
def test_each_figure_is_shown_with_its_caption(category: str, page: webdriver.Chrome) -> None:
    assert len(open_category(page, category)) == FIGURES[category]
    for number in range(FIGURES[category]):
        see, read = open_category(page, category)[number]
        click(page, see)
        assert wait_for(page, shown_width) > 300
        click(page, read)
        wait_for(page, lambda page: "DESCRIPTION" in text_of(page))


def test_a_part_of_the_report_has_no_error_in_it(shared_copy: Path, tmp_path: Path) -> None:
    said = run(shared_copy, "results/table1.csv", "--report", str(tmp_path / "part.html"))
    assert "ERROR" not in said


CAPTIONS = sorted(set((REPOSITORY / "report").glob("*.rst")) - {REPOSITORY / "report/workflow.rst"})


@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_a_caption_is_at_most_two_sentences_and_holds_no_value_of_the_configuration(caption: Path) -> None:
    text = caption.read_text().strip()
    assert "{" not in text
    sentences = re.split(r"(?<=[.]) (?=[A-Z*])", text)
    assert len(sentences) <= 2
    assert max(len(sentence.split()) for sentence in sentences) <= 25
