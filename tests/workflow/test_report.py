"""The report opens in a browser, and shows a person each figure with its caption."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import run
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium-driver)"
)

FIGURES = {
    "Benches": 5,
    "Deep k-nearest neighbours on MNIST": 2,
    "Experiment 1": 1,
    "Experiment 2.1": 4,
    "Experiment 2.2": 2,
    "Pictures": 3,
    "Section 4": 1,
}


@pytest.fixture(scope="module")
def report(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    run(finished_run, "all", "--report", str(path))
    return path


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


def test_it_opens_on_what_the_project_does_and_its_categories(page: webdriver.Chrome) -> None:
    wait_for(page, lambda page: "Layeraudit judges each input" in text_of(page))
    for category in ["Claims", *FIGURES]:
        assert page.find_elements(By.LINK_TEXT, category), category


@pytest.mark.parametrize("category", FIGURES)
def test_each_figure_is_shown_and_its_caption_says_n_or_seeds(category: str, page: webdriver.Chrome) -> None:
    assert len(open_category(page, category)) == FIGURES[category]
    for number in range(FIGURES[category]):
        see, read = open_category(page, category)[number]
        click(page, see)
        assert wait_for(page, shown_width) > 300
        click(page, read)
        wait_for(page, lambda page: "DESCRIPTION" in text_of(page))
        assert "seed" in text_of(page).partition("DESCRIPTION")[2]
