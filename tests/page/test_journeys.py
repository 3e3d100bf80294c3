"""What two people do on the page, by keyboard alone, with script and without.

A psychiatrist of a clinic and a designer of trials, each from an empty tab to what they came for.
The mouse is never used: focus moves by Tab, links and buttons are pressed by Enter.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, expect

from ketasim.apps.web import Settings, create_app
from ketasim.apps.web.server import listen

pytestmark = pytest.mark.page

PATIENCE = 120_000  # ms; how long an answer takes is measured elsewhere


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    opened = listen("127.0.0.1", 0)
    settings = Settings(port=opened.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{settings.port}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        java_script_enabled=request.param, viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def reach(tab: Page, wanted: Locator) -> None:
    """Move the focus to something by Tab alone."""
    expect(wanted).to_be_visible(timeout=PATIENCE)
    for _ in range(250):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted}")


def write(tab: Page, field: Locator, text: str) -> None:
    reach(tab, field)
    tab.keyboard.press("ControlOrMeta+A")
    tab.keyboard.type(text)


def press(tab: Page, wanted: Locator) -> None:
    reach(tab, wanted)
    tab.keyboard.press("Enter")


def test_a_psychiatrist_sees_a_course_and_what_interacts(address: str, tab: Page) -> None:
    """A patient on lorazepam, with a blood pressure of 150/95 mmHg, is to get four infusions.

    1. Open the page: a course is there. Write the regimen as a sentence, and the medicine.
    2. Read the scores before and after, the pressure in the first session, and the finding on the
       benzodiazepine.
    3. Go to all findings, write the pressure there, and see it against the limits.
    4. Go to the session by the minute: the monitoring period and the timeline.
    5. Take one page for the chart along.
    """
    tab.goto(address)
    # without script a page that is still computed asks again, and forgets what was typed
    expect(tab.locator("#result dl.numbers")).to_be_visible(timeout=PATIENCE)
    regimen = tab.get_by_label("Sentence", exact=True)
    write(tab, regimen, "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10")
    if tab.get_by_label("Other medicines").is_hidden():
        press(tab, tab.get_by_text("Patient", exact=True))
    write(tab, tab.get_by_label("Other medicines"), "lorazepam 2 mg daily")
    press(tab, tab.get_by_role("button", name="Apply"))
    main = tab.get_by_role("main")
    scores = tab.locator("#result")
    expect(scores).to_contain_text("on days 0, 3, 7, 10", timeout=PATIENCE)
    expect(scores).to_contain_text("MADRS")
    expect(main).to_contain_text("Peak dissociation (CADSS), first session, at", timeout=PATIENCE)
    expect(main).to_contain_text("blood pressure")
    expect(main).to_contain_text(re.compile("lorazepam", re.IGNORECASE))
    assert "lorazepam" in tab.url

    press(tab, tab.get_by_role("link", name="all findings of the screening"))
    expect(tab.get_by_role("heading", name="Screening of a course")).to_be_visible()
    expect(main).to_contain_text(re.compile("lorazepam", re.IGNORECASE), timeout=PATIENCE)
    write(tab, tab.get_by_label("Systolic pressure"), "150 mmHg")
    write(tab, tab.get_by_label("Diastolic pressure"), "95 mmHg")
    press(tab, tab.get_by_role("button", name="Apply"))
    expect(main).to_contain_text("Blood pressure before the session: 150/95 mmHg")

    press(tab, tab.get_by_role("navigation").get_by_role("link", name="Session"))
    expect(tab.get_by_role("heading", name="A session, minute by minute")).to_be_visible()
    expect(main).to_contain_text("The monitoring period", timeout=PATIENCE)
    expect(main).to_contain_text("150/95 mmHg")
    expect(tab.get_by_role("heading", name="Timeline", exact=True)).to_be_visible()

    press(tab, tab.get_by_role("navigation").get_by_role("link", name="Course"))
    printed = tab.locator('a[href*="page.pdf"]').first
    reach(tab, printed)
    link = printed.get_attribute("href")
    assert link is not None
    taken = httpx.get(f"{address}{link}", timeout=120)
    assert taken.content.startswith(b"%PDF")


def test_a_designer_runs_a_trial_and_takes_it_along(address: str, tab: Page) -> None:
    """A trial of one infusion against midazolam: how far the arms are apart at this size.

    1. Go to the tab Trial: a design is there. Write a dose that cannot be read, and see it said at
       the field; write one that can, and more patients.
    2. Run it, follow it, and read first how far the arms are apart, with its interval.
    3. Take the tables along.
    4. Run a larger one, and cancel it.
    """
    tab.goto(f"{address}/evidence")
    press(tab, tab.get_by_role("navigation").get_by_role("link", name="Trial"))
    dose = tab.get_by_label("Dose").first
    write(tab, dose, "0.5 mgkg")
    tab.keyboard.press("Enter")
    expect(tab.locator("#e-f-arms-0-dose")).not_to_be_empty()
    expect(tab.locator("#f-arms-0-dose")).to_have_attribute("aria-invalid", "true")
    expect(tab.locator("#f-arms-0-dose")).to_have_value("0.5 mgkg")
    write(tab, tab.get_by_label("Dose").first, "0.75 mg/kg")
    write(tab, tab.locator("#f-arms-0-n"), "60")
    if tab.locator("#f-replicates").is_hidden():
        press(tab, tab.get_by_text("Simulation", exact=True))
    write(tab, tab.locator("#f-replicates"), "10")
    press(tab, tab.locator("#trial-form").get_by_role("button", name="Run the trial"))
    head = tab.locator("#run-head")
    expect(head).to_have_text("What the trial shows", timeout=PATIENCE)
    first = tab.locator("#run .tile").first
    expect(first).to_contain_text("ketamine 0.75 mg/kg IV vs midazolam")
    expect(first).to_contain_text("90 % of trials")
    for name in ("Report", "Summary (CSV)", "Design (YAML)"):
        link = tab.locator("#run").get_by_role("link", name=name)
        reach(tab, link)
        taken = httpx.get(f"{address}{link.get_attribute('href')}", timeout=60)
        assert taken.status_code == 200
        assert taken.content

    if tab.locator("#f-replicates").is_hidden():
        press(tab, tab.get_by_text("Simulation", exact=True))
    write(tab, tab.locator("#f-replicates"), "1000")
    write(tab, tab.locator("#f-arms-0-n"), "2500")
    press(tab, tab.locator("#trial-form").get_by_role("button", name="Run the trial"))
    expect(head).to_have_text(re.compile("Waiting to be run|Running"), timeout=PATIENCE)
    press(tab, tab.get_by_role("button", name="Cancel this run"))
    expect(head).to_have_text("This run was cancelled", timeout=PATIENCE)
    expect(tab.locator("#f-arms-0-n")).to_have_value("2500")
