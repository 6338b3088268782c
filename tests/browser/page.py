"""The page in a real browser: what it shows, by keyboard, without an error, and how fast.

These tests need Chromium with its driver, and run in a session of their own: `nox -s browser`. The file
is called so that pytest collects it only where it is named.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from async_contract.history.operation import Delivered, Operation
from async_contract.judge.verdict import Violation
from async_contract.report.html import render
from async_contract.report.model import Report
from tests.report.reports import COMMAND, broken, report, told
from tests.report.test_report_html import _hostile

Shown = Callable[[Report], webdriver.Chrome]

OPERATIONS = 100_000
READY = "return document.querySelector('.timeline') && document.querySelector('.timeline').dataset.drawn"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A browser without a window."""
    options = webdriver.ChromeOptions()
    for each in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Shown]:
    """Shows a report, and looks that nothing was complained of at the end."""

    def show(made: Report) -> webdriver.Chrome:
        path = tmp_path / "report.html"
        path.write_text(render(made), encoding="utf-8")
        browser.get(path.as_uri())
        return browser

    yield show
    logged: object = browser.get_log("browser")  # type: ignore[no-untyped-call]
    assert logged == []


def _timeline(browser: webdriver.Chrome) -> WebElement:
    box = browser.find_element(By.CSS_SELECTOR, ".timeline")
    browser.execute_script("arguments[0].scrollIntoView()", box)
    WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(READY))
    return box


def _details(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.CSS_SELECTOR, ".details").text


def test_the_answer_comes_first(shown: Shown) -> None:
    """Grade and counts, then the table, what is broken at its top, filtered and searched."""
    browser = shown(broken())
    assert browser.title == "mypkg.Store: broken"
    assert browser.find_element(By.CSS_SELECTOR, ".answer .grade").text == "broken"
    rows = browser.find_elements(By.CSS_SELECTOR, "#target-0 table tbody tr")
    assert rows[0].text.split()[:4] == ["lease/exclusive", "MUST", "broken", "5"]
    browser.find_element(By.ID, "search-0").send_keys("order fifo")
    assert [row.text.split()[0] for row in rows if row.is_displayed()] == ["lease/order"]
    assert "null" not in browser.find_element(By.ID, "page").text.split()


def test_a_timeline_by_keyboard(shown: Shown) -> None:
    """From call to call, to the witness, and nearer; what is chosen is said."""
    browser = shown(broken())
    box = _timeline(browser)
    assert _details(browser) == "4 calls, 2 workers, 1 jobs; 2 calls show what is broken."
    box.send_keys(Keys.ARROW_RIGHT)
    assert _details(browser).startswith("worker 0: enqueue(job-1) \u2192 ok\nfrom 0 ns to 1000 ns, ok")
    box.send_keys("w")
    assert "part of the witness" in _details(browser)
    assert "lease of job-1 until" in _details(browser)
    box.send_keys(Keys.END)
    assert _details(browser).startswith("worker 0: complete(job-1)")
    box.send_keys(Keys.ARROW_UP)
    assert _details(browser).startswith("worker 0: lease(1)")
    before = browser.execute_script("return document.querySelector('.room').clientWidth")
    box.send_keys("+")
    assert browser.execute_script("return document.querySelector('.room').clientWidth") > before
    assert COMMAND in browser.find_element(By.CSS_SELECTOR, "article").text


def test_hostile_text_runs_nothing(shown: Shown) -> None:
    """There are the page's own scripts and no other, and no dialogue is open."""
    browser = shown(_hostile())
    _timeline(browser)
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 3
    assert "</script><script>alert(1)</script>" in browser.find_element(By.CSS_SELECTOR, "#target-0 h2").text


def test_several_targets_stand_side_by_side(shown: Shown) -> None:
    """What differs comes first."""
    one, two = broken(), report({"lease/order": "known"}, target="other.Store")
    one.targets.extend(two.targets)
    browser = shown(one)
    rows = browser.find_elements(By.CSS_SELECTOR, "#side-by-side tbody tr")
    assert [row.text for row in rows[:2]] == ["lease/exclusive broken held", "lease/order held known"]
    assert rows[2].text == "lease/accepted held held"


def test_only_what_owes_the_same_clauses_is_compared(shown: Shown) -> None:
    """A runner has nothing in common with a store."""
    page = broken()
    (store,) = page.targets
    bounded = replace(store.clauses[0], id="runner/bounded")
    page.targets.append(replace(store, target="runner/mypkg.Worker", clauses=[bounded]))
    assert shown(page).find_elements(By.ID, "side-by-side") == []


def test_a_long_history_opens_at_once(shown: Shown) -> None:
    """A hundred thousand operations are there in less than two seconds, and scroll."""
    history = []
    for number in range(OPERATIONS // 4):
        job, at, worker = Delivered(f"job-{number}", "k"), number * 8000, number % 4
        lease = Operation("lease", worker, at + 2000, at + 3000, value=1, jobs=(job,))
        history += [
            Operation("enqueue", worker, at, at + 1000, job_id=job.id, jobs=(job,)),
            lease,
            Operation("inspect", worker, at + 4000, at + 5000, job_id=job.id),
            Operation("complete", worker, at + 6000, at + 7000, job_id=job.id),
        ]
    violation = Violation("lease/exclusive", "It was.", None, tuple(history[-3:-2]))
    made = report({"lease/exclusive": "broken"}, told(violation, history))
    browser = shown(made)
    opened = int(browser.find_element(By.ID, "page").get_attribute("data-drawn") or 0)
    assert 0 < opened < 2000
    script = """
    const [box, done] = arguments, begun = performance.now();
    box.scrollIntoView();
    const look = () => box.dataset.drawn ? done(performance.now() - begun) : requestAnimationFrame(look);
    look();
    """
    box = browser.find_element(By.CSS_SELECTOR, ".timeline")
    assert browser.execute_async_script(script, box) < 2000
    scroll = """
    const [box, done] = arguments, before = +box.dataset.drawn, begun = performance.now();
    box.scrollLeft = box.scrollWidth / 2;
    box.scrollTop = box.scrollHeight / 2;
    const look = () =>
      +box.dataset.drawn > before ? done(performance.now() - begun) : requestAnimationFrame(look);
    look();
    """
    assert browser.execute_async_script(scroll, box) < 500
