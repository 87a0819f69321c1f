"""The leaderboard opens from a disk: a reader sorts it, filters it and follows its links, light or dark."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select
from test_report import BROWSER, DRIVER

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium-driver)"
)

TABLES = ["overall-poison", "overall-evasion", "poison", "evasion", "pairs", "costs"]
FILTERS = {
    "poison": ["setting", "poison", "detector"],
    "evasion": ["setting", "input", "detector"],
    "pairs": ["bench", "first", "second"],
    "costs": ["bench", "detector"],
}

VALUES = """
const [table, column] = arguments;
return [...document.getElementById(table).tBodies[0].rows].map((row) => row.cells[column].dataset.value);
"""
NAMES = """
const [table, name] = arguments;
const rows = [...document.getElementById(table).tBodies[0].rows].filter((row) => row.offsetParent !== null);
return rows.map((row) => name === null || row.dataset[name]);
"""
COLOURS = """
return ["body", "tbody td", "thead th"].map((name) => {
  const style = getComputedStyle(document.querySelector(name));
  return [style.color, style.backgroundColor];
});
"""


@pytest.fixture(scope="module")
def leaderboard(finished_run: Path) -> Path:
    return finished_run / "results/leaderboard"


def open_browser(leaderboard: Path) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(option)
    browser = webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))
    browser.get((leaderboard / "index.html").as_uri())
    return browser


@pytest.fixture(scope="module")
def browser(leaderboard: Path) -> Iterator[webdriver.Chrome]:
    with open_browser(leaderboard) as browser:
        yield browser


@pytest.fixture
def page(browser: webdriver.Chrome) -> webdriver.Chrome:
    browser.refresh()
    return browser


def header(page: webdriver.Chrome, table: str, title: str) -> tuple[int, WebElement]:
    headers = page.find_elements(By.CSS_SELECTOR, f"#{table} thead th")
    titles = [str(cell.get_property("textContent")) for cell in headers]
    return titles.index(title), headers[titles.index(title)]


def values(page: webdriver.Chrome, table: str, column: int) -> list[str]:
    found: list[str] = page.execute_script(VALUES, table, column)
    return found


def numbers(texts: list[str]) -> list[float]:
    return [float(text) for text in texts if text]


def shown(page: webdriver.Chrome, table: str, name: str | None = None) -> list[str]:
    """Give what the rows of a table that are shown are named."""
    found: list[str] = page.execute_script(NAMES, table, name)
    return found


def test_every_table_is_there_with_rows_and_a_button_to_sort_by(page: webdriver.Chrome) -> None:
    found = page.find_elements(By.TAG_NAME, "table")
    assert [table.get_attribute("id") for table in found] == TABLES
    for table in found:
        assert shown(page, str(table.get_attribute("id")))
        assert table.find_elements(By.CSS_SELECTOR, "thead button")


def test_a_pressed_header_sorts_by_the_number_and_pressed_again_the_other_way(page: webdriver.Chrome) -> None:
    column, cell = header(page, "poison", "images")
    before = values(page, "poison", column)
    for order in ("descending", "ascending"):
        cell.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        after = values(page, "poison", column)
        assert cell.get_attribute("aria-sort") == order
        assert numbers(after) == sorted(numbers(before), reverse=order == "descending")
        assert len(after) == len(before)
    auroc, cell = header(page, "poison", "AUROC")
    cell.find_element(By.TAG_NAME, "button").click()
    after = values(page, "poison", auroc)
    assert numbers(after) == sorted(numbers(after), reverse=True)
    assert after[: len(numbers(after))] == [value for value in after if value]  # what is missing is last
    assert len(page.find_elements(By.CSS_SELECTOR, "#poison [aria-sort]")) == 1


def test_numbers_of_other_lengths_are_not_sorted_as_text(page: webdriver.Chrome) -> None:
    column, cell = header(page, "costs", "score, µs a row")
    cell.find_element(By.TAG_NAME, "button").click()
    after = numbers(values(page, "costs", column))
    assert after == sorted(after)
    assert cell.get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize("table", FILTERS)
def test_a_filter_leaves_the_rows_of_one_name_and_says_how_many(table: str, page: webdriver.Chrome) -> None:
    form = page.find_element(By.CSS_SELECTOR, f"form[data-table={table}]")
    boxes = form.find_elements(By.TAG_NAME, "select")
    assert [box.get_attribute("name") for box in boxes] == FILTERS[table]
    n = len(shown(page, table))
    for name, box in zip(FILTERS[table], boxes, strict=True):
        choices = [str(option.get_attribute("value")) for option in Select(box).options]
        assert choices[0] == ""
        Select(box).select_by_value(choices[-1])
        left = shown(page, table, name)
        assert set(left) == {choices[-1]}
        assert form.find_element(By.TAG_NAME, "output").text == f"{len(left)} of {n} rows"
        form.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
        page.execute_async_script("setTimeout(arguments[0])")
        assert len(shown(page, table)) == n


def test_every_link_leads_to_a_file_or_a_section_that_is_there(
    page: webdriver.Chrome, leaderboard: Path
) -> None:
    links = page.execute_script("return [...document.links].map((link) => link.href)")
    to_scores = set()
    for link in set(links):
        parts = urlsplit(link)
        assert parts.scheme == "file"
        path = Path(unquote(parts.path))
        assert path.is_file(), link
        assert not parts.fragment or page.find_elements(By.ID, parts.fragment), link
        to_scores |= {path} if path.suffix == ".parquet" else set()
    assert to_scores
    assert all(path.is_relative_to(leaderboard.parent) for path in to_scores)
    for table in ("poison", "evasion"):
        rows = page.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr")
        assert len(rows) == len(page.find_elements(By.CSS_SELECTOR, f"#{table} tbody a[href$='.parquet']"))


def test_every_figure_is_shown(page: webdriver.Chrome) -> None:
    pictures = page.find_elements(By.TAG_NAME, "img")
    assert len(pictures) == 5
    for picture in pictures:
        assert int(str(picture.get_property("naturalWidth"))) > 300, picture.get_attribute("src")
        assert picture.get_attribute("alt")


def test_dark_is_dark_and_light_is_light(page: webdriver.Chrome) -> None:
    found = {}
    for mode in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": mode}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        found[mode] = page.execute_script(COLOURS)
    brightness = {
        mode: [sum(int(part) for part in colour[4:-1].split(",")[:3]) for colour in colours[0]]
        for mode, colours in found.items()
    }
    ink, paper = brightness["light"]
    assert ink < 200 < 700 < paper
    ink, paper = brightness["dark"]
    assert paper < 200 < 600 < ink
    assert all(light != dark for light, dark in zip(found["light"], found["dark"], strict=True))


def test_on_a_phone_tables_scroll_in_their_boxes_and_the_page_does_not_sideways(
    page: webdriver.Chrome,
) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
        boxes = (
            "return [...document.querySelectorAll('.box')].map((box) => [box.scrollWidth, box.clientWidth])"
        )
        assert any(inside > box for inside, box in page.execute_script(boxes))
        assert all(box <= 390 for _, box in page.execute_script(boxes))
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_reads_without_javascript(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        assert not page.find_elements(By.CSS_SELECTOR, "thead button")
        assert not any(form.is_displayed() for form in page.find_elements(By.TAG_NAME, "form"))
        assert "detector" in page.find_element(By.CSS_SELECTOR, "#poison thead").text
        assert page.find_elements(By.CSS_SELECTOR, "#poison tbody tr")
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_it_asks_no_network_for_anything_and_ends_in_no_error(leaderboard: Path) -> None:
    with open_browser(leaderboard) as browser:
        browser.execute_script(
            "document.querySelectorAll('thead button').forEach((button) => button.click())"
        )
        assert browser.get_log("browser") == []
        messages = "".join(entry["message"] for entry in browser.get_log("performance"))
        assert "Network.requestWillBeSent" in messages
        assert "file://" in messages
        assert '"url":"http' not in messages
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert all(name.startswith(("file:", "data:")) for name in loaded), loaded
