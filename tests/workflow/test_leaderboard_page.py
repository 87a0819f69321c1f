"""The leaderboard opens from a disk: a reader searches, sorts and filters it, and follows its links."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import BROWSER, DRIVER
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium-driver)"
)

TABLES = ["overall", "poison-rows", "evasion-rows", "pairs", "costs"]
FILTERS = {
    "detector": ["overall", "poison-rows", "evasion-rows", "costs"],
    "poison": ["poison-rows"],
    "input": ["evasion-rows"],
    "setting": ["poison-rows", "evasion-rows"],
}
"""The tables whose rows each select box filters."""

VALUES = """
const [table, column, body] = arguments;
return [...document.getElementById(table).tBodies[body].rows].map((row) => row.cells[column].dataset.value);
"""
NAMES = """
const [table, name] = arguments;
const rows = [...document.querySelectorAll(`#${table} tbody tr`)].filter((row) => row.offsetParent !== null);
return rows.map((row) => name === null || row.dataset[name]);
"""
COLOURS = """
return ["body", "tbody td", "thead th"].map((name) => {
  const style = getComputedStyle(document.querySelector(name));
  return [style.color, style.backgroundColor];
});
"""
SECOND_COLUMN = """
return [...document.querySelectorAll("table[data-keys]")].map((table) => {
  const box = table.parentElement.getBoundingClientRect();
  const row = [...table.querySelectorAll("tbody tr")].find((row) => row.offsetParent !== null);
  const shown = [...row.cells].filter((cell) => cell.offsetParent !== null);
  return [table.id, box.right - shown[1].getBoundingClientRect().right, shown[1].textContent];
});
"""


@pytest.fixture(scope="module")
def leaderboard(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the folder to another place, where nothing lies beside it."""
    copy = tmp_path_factory.mktemp("elsewhere") / "board"
    return Path(shutil.copytree(finished_run / "results/leaderboard", copy))


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
def page(browser: webdriver.Chrome, leaderboard: Path) -> webdriver.Chrome:
    follow(browser, leaderboard, "")
    return browser


def follow(page: webdriver.Chrome, leaderboard: Path, address: str) -> None:
    """Open the page anew, at an address within it."""
    page.get("about:blank")
    page.get((leaderboard / "index.html").as_uri() + address)


def header(page: webdriver.Chrome, table: str, title: str) -> tuple[int, WebElement]:
    headers = page.find_elements(By.CSS_SELECTOR, f"#{table} thead th")
    titles = [str(cell.get_property("textContent")) for cell in headers]
    return titles.index(title), headers[titles.index(title)]


def values(page: webdriver.Chrome, table: str, column: int, body: int = 0) -> list[str]:
    found: list[str] = page.execute_script(VALUES, table, column, body)
    return found


def numbers(texts: list[str]) -> list[float]:
    return [float(text) for text in texts if text]


def shown(page: webdriver.Chrome, table: str, name: str | None = None) -> list[str]:
    """Return what the rows of a table that are shown are named."""
    found: list[str] = page.execute_script(NAMES, table, name)
    return found


def select(page: webdriver.Chrome, name: str) -> Select:
    return Select(page.find_element(By.CSS_SELECTOR, f"select[name={name}]"))


def hash_of(page: webdriver.Chrome) -> str:
    return urlsplit(page.current_url).fragment


def emulate(page: webdriver.Chrome, mode: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": mode}]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def test_every_table_is_there_with_rows_and_a_button_to_sort_by(page: webdriver.Chrome) -> None:
    found = page.find_elements(By.CSS_SELECTOR, "table[id]")
    assert [table.get_attribute("id") for table in found] == TABLES
    for table in found:
        assert shown(page, str(table.get_attribute("id")))
        assert table.find_elements(By.CSS_SELECTOR, "thead button")


@pytest.mark.parametrize(("table", "title"), [("poison-rows", "images"), ("overall", "evasion, AUROC")])
def test_a_pressed_header_sorts_by_the_number_and_controls_stay_last(
    table: str, title: str, page: webdriver.Chrome
) -> None:
    column, cell = header(page, table, title)
    before, controls = (values(page, table, column, body) for body in (0, 1))
    for order in ("descending", "ascending"):
        cell.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
        after = values(page, table, column)
        assert cell.get_attribute("aria-sort") == order
        assert numbers(after) == sorted(numbers(before), reverse=order == "descending")
        assert after[: len(numbers(after))] == [value for value in after if value]  # what is missing is last
        assert len(after) == len(before)
        assert sorted(values(page, table, column, 1)) == sorted(controls)
    assert len(page.find_elements(By.CSS_SELECTOR, f"#{table} [aria-sort]")) == 1
    rows = page.find_elements(By.CSS_SELECTOR, f"#{table} tbody:last-of-type tr")
    assert all(row.get_attribute("class") == "control" for row in rows)


def test_times_of_other_units_are_not_sorted_as_text(page: webdriver.Chrome) -> None:
    column, cell = header(page, "costs", "score a row")
    cell.find_element(By.TAG_NAME, "button").click()
    after = numbers(values(page, "costs", column))
    assert after == sorted(after)
    assert cell.get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_the_rows_of_one_name_and_says_how_many(name: str, page: webdriver.Chrome) -> None:
    n = {table: len(shown(page, table)) for table in TABLES}
    box = select(page, name)
    chosen = str(box.options[-1].get_attribute("value"))
    assert box.options[0].get_attribute("value") == ""
    box.select_by_value(chosen)
    for table in TABLES:
        left = shown(page, table, name)
        if table in FILTERS[name]:
            assert set(left) <= {chosen, None}  # what detectors share has no name of one
            assert chosen in left or table != FILTERS[name][0]
            count = page.find_element(By.CSS_SELECTOR, f"output[data-table={table}]")
            total = len(page.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr"))
            assert count.get_property("textContent") == f"{len(left)} of {total} rows"
        else:
            assert len(left) == n[table] or name == "detector"
    page.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    page.execute_async_script("setTimeout(arguments[0])")
    assert {table: len(shown(page, table)) for table in TABLES} == n


def test_words_are_searched_in_rows_and_cards(page: webdriver.Chrome) -> None:
    page.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys("DISAGREEMENT relu2")
    assert set(shown(page, "overall", "detector")) == {"label_disagreement_relu2"}
    assert set(shown(page, "poison-rows", "detector")) == {"label_disagreement_relu2"}
    assert hash_of(page) == "search=DISAGREEMENT+relu2"
    page.find_element(By.CSS_SELECTOR, "input[type=search]").send_keys(" nothing like it")
    assert not any(shown(page, table) for table in TABLES if table != "costs")


def test_an_address_restores_search_and_filters_and_shows_their_table(
    page: webdriver.Chrome, leaderboard: Path
) -> None:
    follow(page, leaderboard, "#poison=badnets_5&setting=MNIST&search=relu3")
    assert set(shown(page, "poison-rows", "poison")) == {"badnets_5"}
    assert set(shown(page, "poison-rows", "setting")) == {"MNIST"}
    assert all(name != "softmax" for name in shown(page, "poison-rows", "detector"))
    assert select(page, "poison").first_selected_option.get_attribute("value") == "badnets_5"
    box = page.find_element(By.CSS_SELECTOR, "input[type=search]")
    assert box.get_property("value") == "relu3"
    top = "return document.getElementById('poison-bench').getBoundingClientRect().top"
    assert abs(page.execute_script(top)) < 150
    select(page, "setting").select_by_index(0)
    assert hash_of(page) == "search=relu3&poison=badnets_5"


def test_an_address_of_nothing_known_shows_all(page: webdriver.Chrome, leaderboard: Path) -> None:
    n = {table: len(shown(page, table)) for table in TABLES}
    follow(page, leaderboard, "#poison=no_such_poison&colour=red")
    assert {table: len(shown(page, table)) for table in TABLES} == n


def test_a_card_of_a_poison_leads_to_its_rows(page: webdriver.Chrome) -> None:
    link = page.find_element(By.CSS_SELECTOR, "a[href='#poison=badnets_5']")
    link.send_keys(Keys.ENTER)  # as a keyboard does
    # A browser says that an address changed after it has followed the link.
    WebDriverWait(page, 10).until(lambda page: set(shown(page, "poison-rows", "poison")) == {"badnets_5"})
    assert hash_of(page) == "poison=badnets_5"


def test_head_to_head_shows_one_detector_against_each_other(page: webdriver.Chrome) -> None:
    box = select(page, "first")
    assert set(shown(page, "pairs", "first")) == {box.first_selected_option.get_attribute("value")}
    box.select_by_value("lid")
    assert set(shown(page, "pairs", "first")) == {"lid"}
    against = shown(page, "pairs", "second")
    assert len(set(against)) == len(against) == len(box.options) - 1
    assert hash_of(page) == "first=lid"


def test_every_link_leads_to_a_file_of_the_folder_a_section_a_filter_or_a_paper(
    page: webdriver.Chrome, leaderboard: Path
) -> None:
    links = set(page.execute_script("return [...document.links].map((link) => link.href)"))
    scores = set()
    for link in links:
        parts = urlsplit(link)
        if parts.scheme == "https":
            assert parts.netloc in ("arxiv.org", "doi.org"), link
            continue
        path = Path(unquote(parts.path))
        assert path.is_file(), link
        assert path.is_relative_to(leaderboard), link
        is_filter = "=" in parts.fragment
        assert is_filter or not parts.fragment or page.find_elements(By.ID, parts.fragment), link
        scores |= {path} if path.suffix == ".parquet" else set()
    for table in ("poison-rows", "evasion-rows"):
        rows = page.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr")
        assert len(rows) == len(page.find_elements(By.CSS_SELECTOR, f"#{table} a[href$='.parquet']"))
    assert scores == set(leaderboard.glob("scores/*/*.parquet"))


def test_every_figure_and_example_is_shown(page: webdriver.Chrome, leaderboard: Path) -> None:
    figures = page.find_elements(By.CSS_SELECTOR, "figure img")
    assert len(figures) == 5
    examples = page.find_elements(By.CSS_SELECTOR, ".strip img")
    assert len(examples) == len(list(leaderboard.glob("examples/*/*.png"))) > 0
    for picture in [*figures, *examples]:
        assert int(str(picture.get_property("naturalWidth"))) >= 28, picture.get_attribute("src")
        assert picture.get_attribute("alt")


def test_a_small_run_says_so_first(page: webdriver.Chrome) -> None:
    banner = page.find_elements(By.CLASS_NAME, "banner")
    run = page.find_element(By.CSS_SELECTOR, "dl.run").text
    assert ("SMALL RUN" in run) == bool(banner)
    assert "how to cite" in run


def test_dark_is_dark_and_light_is_light(page: webdriver.Chrome) -> None:
    found = {}
    for mode in ("light", "dark"):
        emulate(page, mode)
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


def test_figures_follow_the_page_into_the_dark(page: webdriver.Chrome, leaderboard: Path) -> None:
    title = "return getComputedStyle(document.querySelector('text:not([style*=fill])')).fill"
    for name in ("poison_bench", "critical_difference_evasion", "remove_and_retrain"):
        page.get((leaderboard / f"{name}.svg").as_uri())
        inks = []
        for mode in ("light", "dark"):
            emulate(page, mode)
            inks.append(sum(map(int, page.execute_script(title)[4:-1].split(","))))
        assert inks[0] < 200 < 600 < inks[1]


def test_on_a_phone_each_table_shows_its_first_number_and_the_page_does_not_scroll_sideways(
    page: webdriver.Chrome, leaderboard: Path
) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        follow(page, leaderboard, "")
        assert page.execute_script("return document.documentElement.scrollWidth") == 390
        for table, room, text in page.execute_script(SECOND_COLUMN):
            assert room >= 0, table
            assert any(letter.isdigit() for letter in text), table
        boxes = "return [...document.querySelectorAll('.box')].map((box) => box.clientWidth)"
        assert all(width <= 390 for width in page.execute_script(boxes))
        assert "MNIST" in page.find_element(By.CSS_SELECTOR, "#poison-rows tbody th").text
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_reads_without_javascript(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        assert not page.find_elements(By.CSS_SELECTOR, "thead button")
        controls = page.find_elements(By.CSS_SELECTOR, "form, select, input")
        assert controls
        assert not any(control.is_displayed() for control in controls)
        assert "detector" in page.find_element(By.CSS_SELECTOR, "#poison-rows thead").text
        assert page.find_elements(By.CSS_SELECTOR, "#poison-rows tbody tr")
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
