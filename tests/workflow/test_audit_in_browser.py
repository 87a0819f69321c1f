"""The page of an audit opens from a disk: on a screen and a phone, light and dark, without JavaScript."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from audits import LAYERS, write_audit
from conftest import BROWSER, DRIVER
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from test_leaderboard_page import emulate, open_browser

from audit.make_audit import make_audit
from layeraudit.audit.shown import N_NEIGHBOURS

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium-driver)"
)

SCREEN = {"width": 1400, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

READABLE = 4.5
"""The least contrast of text by WCAG 2.2, level AA."""

COLOURS = """
const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
const context = canvas.getContext("2d", {willReadFrequently: true});
const blend = (colours) => {
  for (const colour of ["#fff", ...colours]) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1) }
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const found = {};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
  if (!text || !element.checkVisibility()) continue;
  const below = [];
  for (let of = element; of; of = of.parentElement) {
    const style = getComputedStyle(of);
    if (style.backgroundImage !== "none") below.unshift(style.getPropertyValue("--bar"));
    below.unshift(style.backgroundColor);
  }
  const pair = [blend([...below, getComputedStyle(element).color]), blend(below)];
  found[JSON.stringify(pair)] = [...pair, text];
}
return Object.values(found);
"""
"""The colour of each text on the page, and of what lies below it."""

LOADED = """
return [...arguments[0].querySelectorAll("img")].map((of) => of.complete && of.naturalWidth > 0);
"""


@pytest.fixture(scope="module", params=["pictures", "activations", "clean"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a page with pictures, one without, and one on which nothing is found."""
    kind = request.param
    audit = write_audit(
        tmp_path_factory.mktemp("in"),
        is_clean=kind == "clean",
        has_pixels=kind != "activations",
        n_calibration=4799 if kind == "clean" else 400,
    )
    output = tmp_path_factory.mktemp("out") / kind
    make_audit(**audit.files, **audit.settings, output=output)
    return output


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[webdriver.Chrome]:
    with open_browser(folder) as browser:
        yield browser


@pytest.fixture
def page(browser: webdriver.Chrome, folder: Path) -> webdriver.Chrome:
    return show(browser, folder, SCREEN)


def show(browser: webdriver.Chrome, folder: Path, screen: dict[str, object]) -> webdriver.Chrome:
    """Open the page anew on a screen of a size."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get((folder / "index.html").as_uri())
    return browser


def select(page: webdriver.Chrome, selector: str) -> list[WebElement]:
    return page.find_elements(By.CSS_SELECTOR, selector)


def open_all(page: webdriver.Chrome) -> None:
    page.execute_script("for (const row of document.querySelectorAll('details')) row.open = true")


def measure_contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast of two colours, of red, green and blue from 0 to 255, by WCAG 2.2."""
    lighter, darker = sorted((measure_luminance(one), measure_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def measure_luminance(colour: list[int]) -> float:
    parts = [of / 255 for of in colour]
    linear = [of / 12.92 if of <= 0.04045 else ((of + 0.055) / 1.055) ** 2.4 for of in parts]
    return sum(weight * of for weight, of in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_first_screen_has_the_verdict_the_gate_the_counts_and_the_worst_rows(
    page: webdriver.Chrome, folder: Path
) -> None:
    is_clean = folder.name == "clean"
    (first, *_) = select(page, "p.lead")
    assert first.text.startswith("Nothing found" if is_clean else "At least ")
    cards = select(page, ".worst .card")
    assert len(cards) == 3
    on_screen = [first, *select(page, "#overview table, .found li"), *cards]
    assert len(on_screen) == 1 + 1 + 5 + 3
    for element in on_screen:
        assert element.is_displayed()
        assert element.rect["y"] + element.rect["height"] <= SCREEN["height"], element.text
    for card in cards:
        loaded = page.execute_script(LOADED, card)
        assert loaded == ([] if folder.name == "activations" else [True] * (1 + N_NEIGHBOURS * len(LAYERS)))


def test_a_suspect_opens_its_neighbours_in_each_layer_by_a_key(page: webdriver.Chrome) -> None:
    row, *others = select(page, "#suspects details")
    assert len(others) + 1 >= 20  # of the ranking, few as are suspected
    layers, near = (row.find_elements(By.CSS_SELECTOR, of) for of in ("dt", "dd li"))
    assert not any(one.is_displayed() for one in (*layers, *near))
    row.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert all(one.is_displayed() for one in (*layers, *near))
    assert [layer.text.split()[0] for layer in layers] == [*LAYERS]
    assert len(near) == N_NEIGHBOURS * len(LAYERS)


def test_rows_open_without_javascript_and_nothing_that_needs_it_is_there(page: webdriver.Chrome) -> None:
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.refresh()
        (row, *_) = select(page, "#inputs details")
        row.find_element(By.TAG_NAME, "summary").click()
        assert row.find_element(By.CSS_SELECTOR, "dd li").is_displayed()
        assert not select(page, "thead button")
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_a_phone_scrolls_down_and_never_sideways(browser: webdriver.Chrome, folder: Path) -> None:
    page = show(browser, folder, PHONE)
    open_all(page)
    assert page.execute_script("return document.documentElement.scrollWidth") == PHONE["width"]


@pytest.mark.parametrize(("mode", "is_dark"), [("light", False), ("dark", True)])
def test_all_text_is_readable(mode: str, is_dark: bool, page: webdriver.Chrome) -> None:
    emulate(page, mode)
    open_all(page)
    found = page.execute_script(COLOURS)
    assert len(found) > 5
    faint = {text: contrast for *pair, text in found if (contrast := measure_contrast(*pair)) < READABLE}
    assert not faint
    assert {measure_luminance(paper) < 0.2 for _, paper, _ in found} == {is_dark}


def test_nothing_is_fetched_from_elsewhere_and_no_error_is_logged(folder: Path) -> None:
    with open_browser(folder) as browser:
        open_all(browser)
        browser.execute_script("for (const picture of document.images) picture.loading = 'eager'")
        loaded = browser.execute_async_script(
            "const [end] = arguments; Promise.allSettled([...document.images].map((of) => of.decode()))"
            ".then((all) => end(all.map((of) => of.status)))"
        )
        assert {*loaded} == (set() if folder.name == "activations" else {"fulfilled"})
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        asked = [
            urlsplit(of["params"]["request"]["url"])
            for of in messages
            if of["method"] == "Network.requestWillBeSent"
        ]
        assert {address.scheme for address in asked} <= {"file", "data"}
        own = [Path(address.path) for address in asked if address.scheme == "file"]
        assert own and all(path.is_relative_to(folder) for path in own)
        assert not browser.get_log("browser")
