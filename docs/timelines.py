"""The pictures of timelines in the documentation: `python docs/timelines.py` draws them anew.

It takes what `nox -s browser` takes. Each shows what a store of the zoo breaks.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from async_contract.experiments.limits import Limits
from async_contract.experiments.verify import verify
from async_contract.experiments.ways import Explorations
from async_contract.harness.sandbox import Sandboxes
from async_contract.mutants.zoo import MUTANTS
from async_contract.report.grade import Results
from async_contract.report.html import render
from async_contract.report.model import report_of
from async_contract.report.row import Row
from async_contract.report.story import story

PICTURES = {
    "timeline-double-lease": "checks-then-acts",
    "timeline-lost-job": "pops-then-waits",
    "timeline-stale-completion": "stale-complete-works",
}
READY = "return document.querySelector('.timeline').dataset.drawn > 1"


def page(name: str) -> str:
    """The page of a store of the zoo, with its story alone."""
    (mutant,) = [each for each in MUTANTS if each.name == name]
    with Sandboxes() as boxes:
        found = verify(
            mutant.harness,
            mutant.clause,
            sandboxes=boxes,
            limits=Limits(effort="quick"),
            explorations=Explorations(),
        )
    verdict = found.verdict
    results = Results([name])
    results.promise(name, asdict(mutant.harness.capabilities))
    results.add(name, Row(verdict.clause, verdict.verdict.value, verdict.count, verdict.reason))
    results.tell(name, story(verdict.violations[0], found.history))
    return render(report_of(results, seeds=[0], environment=[]))


def main() -> None:
    """Draw them."""
    options = webdriver.ChromeOptions()
    for each in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=960,1400"):
        options.add_argument(each)
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    with tempfile.TemporaryDirectory() as directory:
        for picture, name in PICTURES.items():
            path = Path(directory, f"{name}.html")
            path.write_text(page(name), encoding="utf-8")
            browser.get(path.as_uri())
            article = browser.find_element(By.TAG_NAME, "article")
            browser.execute_script("arguments[0].scrollIntoView()", article)
            browser.execute_script("document.querySelector('.tools button:nth-child(4)').click()")
            WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(READY))
            article.screenshot(str(Path(__file__).parent / "reference" / f"{picture}.png"))
    browser.quit()


if __name__ == "__main__":
    main()
