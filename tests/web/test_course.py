"""The tab Course: works as links and forms, and quicker in a browser with script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ketasim.apps.web.courses import read_course, with_age_kept
from ketasim.apps.web.settings import Limits
from ketasim.apps.web.state import PageState

COURSE = "regimen=ketamine+0.5+mg/kg+im+every+2+days+x+3&patient.age=44&horizon=14+d"
PARTIAL = {"HX-Request": "true"}


def get(page: str, query: str, *, partial: bool = False, path: str = "/course") -> httpx.Response:
    address = f"{page}{path}?{query}" if query else f"{page}{path}"
    headers = PARTIAL if partial else {}
    return httpx.get(address, headers=headers, follow_redirects=True, timeout=60)


def waited(page: str, query: str) -> str:
    """The whole page with its result, as a reader without script gets it."""
    for _ in range(100):
        text = get(page, query).text
        if 'http-equiv="refresh"' not in text:
            return text
    raise AssertionError("the result never came")


def value(text: str, name: str) -> str:
    """What stands in an input of a page."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', text)
    assert found is not None, name
    return unescape(found[1])


def test_the_first_page_shows_an_example(page: str) -> None:
    answer = get(page, "")
    assert answer.status_code == 200
    assert dict(parse_qsl(answer.url.query.decode()))["title"] == "Six infusions"
    assert answer.text.count("not medical advice") == 1


def test_without_script_the_whole_page_comes(page: str) -> None:
    text = waited(page, COURSE)
    for said in ("Expected blood pressure", "Scores as a table", "Findings that matter"):
        assert said in text
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert "style=" not in text and "<script>" not in text and "onclick" not in text


def test_a_change_answers_with_its_part(page: str) -> None:
    answer = get(page, COURSE, partial=True)
    assert answer.status_code == 200
    assert "<html" not in answer.text and 'id="result"' in answer.text
    assert answer.headers["hx-replace-url"] == f"/course?{COURSE}"


def test_scores_come_first_and_the_session_in_their_place(page: str) -> None:
    query = f"{COURSE}&population.n=20&population.seed=3"
    quick = get(page, query, partial=True).text
    assert 'aria-busy="true"' in quick and "computing …" in quick
    assert 'id="first-course"' in quick and 'id="first-session"' not in quick
    whole = get(page, query, partial=True, path="/course/session").text
    assert whole.startswith('<div id="front">') and 'id="first-session"' in whole
    assert "mean resolved" in whole.lower() and "computing …" not in whole
    # of what is kept all is known at once
    again = get(page, query, partial=True).text
    assert whole in again


def test_page_and_report_open_alike(page: str) -> None:
    query = f"{COURSE}&population.n=20&population.seed=3"

    def opened(text: str) -> str:
        return re.sub(r"\s+", " ", text.partition('<dl class="numbers">')[2].partition("</dl>")[0])

    report = get(page, query, path="/download/course/report.html").text
    assert opened(report) == opened(waited(page, query)) != ""


@pytest.mark.parametrize(
    ("query", "field", "typed"),
    [
        ("patient.age=abc", "f-patient-age", "abc"),
        ("patient.weight=70+apples", "f-patient-weight", "apples"),
        (
            "patient.baseline.scale=MADRS&patient.baseline.score=99",
            "f-patient-baseline-scale",
            "99",
        ),
        ("patient.vitals.sbp=900+mmHg", "f-patient-vitals-sbp", "900 mmHg"),
        ("horizon=soon", "f-horizon", "soon"),
        ("population.n=many", "f-population-n", "many"),
    ],
)
def test_a_field_that_is_wrong_answers_at_the_field(
    page: str, query: str, field: str, typed: str
) -> None:
    for partial in (False, True):
        answer = get(page, f"regimen=ketamine+0.5+mg/kg+im+once&{query}", partial=partial)
        assert answer.status_code == 422
        found = re.search(rf'id="e-{field}"[^>]*>([^<]+)</p>', answer.text)
        assert found is not None, answer.text[-3000:]
        assert typed in unescape(answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "foo=1",
        "patient=1&patient.age=2",
        "regimen=",
        "doses.0.day=0",
        "move=x",
        "a..b=1",
    ],
)
def test_a_broken_address_says_what_is_wrong_and_a_way_back(page: str, query: str) -> None:
    answer = get(page, query)
    assert answer.status_code == 422
    assert 'class="problem"' in answer.text
    assert "Go to the field" in answer.text or "Start from an example" in answer.text
    assert "Traceback" not in answer.text


def test_what_is_typed_cannot_become_markup(page: str) -> None:
    text = waited(page, f"{COURSE}&title=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_the_calendar_is_links(page: str) -> None:
    text = waited(page, COURSE)
    add = re.search(r'href="([^"]+)" aria-label="Add a session on day 9"', text)
    assert add is not None
    answer = httpx.get(page + unescape(add[1]), follow_redirects=True, timeout=60)
    chosen = dict(parse_qsl(answer.url.query.decode()))
    assert chosen["regimen"] == "ketamine 0.5 mg/kg im on days 0 2 4 9"
    text = waited(page, answer.url.query.decode())
    undo = re.search(r'<a href="([^"]+)">Undo', text)
    assert undo is not None
    back = httpx.get(page + unescape(undo[1]), follow_redirects=True, timeout=60)
    assert dict(parse_qsl(back.url.query.decode()))["regimen"].endswith("every 2 days x 3")
    text = waited(page, f"{COURSE}&move=2")
    to = re.search(r'href="([^"]+)" aria-label="Move the session of day 2 to day 6"', text)
    assert to is not None
    moved = httpx.get(page + unescape(to[1]), follow_redirects=True, timeout=60)
    assert dict(parse_qsl(moved.url.query.decode()))["regimen"].endswith("on days 0 4 6")


def test_a_slider_writes_the_sentence(page: str) -> None:
    before = "ketamine+0.5+mg/kg+im+every+2+days+x+3"
    query = f"{COURSE}&s.base={before}&s.before=regimen%3D{before}&s.dose=0.4&s.every=7&s.count=4"
    chosen = dict(parse_qsl(get(page, query).url.query.decode()))
    assert chosen["regimen"] == "ketamine 0.4 mg/kg im weekly x 4"
    assert "s.dose" not in chosen and "every 2 days" in chosen["undo"]


def test_a_table_of_doses_is_a_form(page: str) -> None:
    text = waited(page, COURSE)
    table = re.search(r'href="([^"]+)">Write it as a table', text)
    assert table is not None
    text = waited(page, unescape(table[1]).partition("?")[2])
    assert value(text, "doses.1.day") == "2"
    assert value(text, "doses.3.day") == ""


def test_ages_of_ninety_and_more_are_kept_as_ninety(page: str) -> None:
    answer = get(page, "regimen=ketamine+0.5+mg/kg+im+once&patient.age=97&horizon=2+d")
    query = str(answer.url).partition("?")[2]  # the port may be any number
    assert "patient.age=90" in query and "97" not in query


@pytest.mark.parametrize("name", ["summary", "weekly", "exposure", "session", "parameters"])
def test_tables_are_downloaded(page: str, name: str) -> None:
    answer = get(page, COURSE, path=f"/download/course/{name}.csv")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    assert answer.text.count("\n") > 1


def test_the_report_and_the_course_are_downloaded(page: str) -> None:
    assert "<!DOCTYPE html>" in get(page, COURSE, path="/download/course/report.html").text
    assert get(page, COURSE, path="/download/course/page.pdf").content.startswith(b"%PDF")
    assert "age: 44" in get(page, COURSE, path="/download/course/course.yaml").text
    assert get(page, COURSE, path="/download/course/none.csv").status_code == 404
    assert get(page, "patient.age=x", path="/download/course/summary.csv").status_code == 422


def opened(browser: Browser, address: str, **options: Any) -> tuple[Page, list[str]]:
    """A page, and what it complains of or asks other machines for."""
    shown = browser.new_page(**options)
    said: list[str] = []
    shown.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    shown.on("pageerror", lambda one: said.append(str(one)))
    home = "/".join(address.split("/")[:3])
    shown.on(
        "request",
        lambda one: None if one.url.startswith((home, "data:")) else said.append(one.url),
    )
    shown.goto(address)
    expect(shown.locator("#first-session")).to_be_visible(timeout=60_000)
    return shown, said


@pytest.mark.page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: str, browser: Browser, scheme: Any) -> None:
    shown, said = opened(
        browser,
        f"{page}/course?{COURSE}",
        color_scheme=scheme,
        viewport={"width": 1280, "height": 900},
    )
    for one in shown.locator("details").all():
        one.evaluate("one => { one.open = true }")
    found = Axe().run(shown)
    assert found.violations_count == 0, found.generate_report()
    assert said == []
    shown.close()


@pytest.mark.page
@pytest.mark.parametrize("width", [360, 768, 1440, 3840])
def test_the_page_is_never_wider_than_its_window(page: str, browser: Browser, width: int) -> None:
    shown, said = opened(
        browser, f"{page}/course?{COURSE}", viewport={"width": width, "height": 900}
    )
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    shown.close()


@pytest.mark.page
def test_figures_follow_the_keyboard(page: str, browser: Browser) -> None:
    shown, said = opened(browser, f"{page}/course?{COURSE}")
    before = shown.locator("#first-course svg").first.inner_html()
    shown.locator("#s-dose").focus()
    shown.keyboard.press("ArrowLeft")
    sentence = shown.locator("#f-regimen")
    expect(sentence).to_have_value(re.compile(r"^ketamine 0\.45 mg/kg im"), timeout=30_000)
    expect(shown).to_have_url(re.compile(r"regimen=ketamine\+0\.45"))
    assert shown.locator("#first-course svg").first.inner_html() != before
    expect(shown.locator("#tab-2")).to_have_attribute("href", re.compile(r"0\.45"))
    shown.locator("#f-patient-age").fill("abc")
    expect(shown.locator("#e-f-patient-age")).to_contain_text("'abc'", timeout=30_000)
    expect(shown.locator("#f-patient-age")).to_have_attribute("aria-invalid", "true")
    shown.locator("#f-patient-age").fill("50")
    expect(shown.locator("#problem")).to_be_empty(timeout=30_000)
    expect(shown).to_have_url(re.compile(r"patient\.age=50"))
    assert [one for one in said if "422" not in one] == []
    shown.close()


@pytest.mark.page
def test_without_script_a_form_is_sent(page: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    shown = context.new_page()
    shown.goto(f"{page}/course?{COURSE}")
    shown.locator("#f-patient-age").fill("61")
    shown.get_by_role("button", name="Apply").click()
    expect(shown).to_have_url(re.compile(r"patient\.age=61"))
    expect(shown.locator("#first-course")).to_be_visible(timeout=60_000)
    context.close()


def test_a_rare_age_is_kept_wherever_a_course_is_read() -> None:
    for typed in ("97", "90.5"):
        state = PageState.read(f"regimen=ketamine+50+mg+im+once&patient.age={typed}")
        read = read_course(state, Limits())
        assert read.patient.age == 90
        assert "age: 90" in with_age_kept(state, read).yaml()
    young = PageState.read("regimen=ketamine+50+mg+im+once&patient.age=89.5")
    assert with_age_kept(young, read_course(young, Limits())) == young


def test_uncertainty_without_virtual_patients_says_what_to_choose(page: str) -> None:
    text = get(page, f"{COURSE}&uncertainty=true").text
    assert "choose a number of virtual patients" in text
    assert "--n" not in text


@pytest.mark.parametrize(
    ("click", "told"),
    [
        ("add=true", "'true' is not a day to add a session on"),
        ("add=9999", "there is no day 9999 to add a session on"),
        ("move=0&to=20000", "there is no day 20000 to move a session to"),
        ("move=true&to=3", "'true' is not a day to move the session of"),
    ],
)
def test_a_click_on_no_day_of_the_calendar_is_told_with_the_day(
    page: str, click: str, told: str
) -> None:
    answer = get(page, f"{COURSE}&{click}")
    assert answer.status_code == 422
    assert f"<strong>calendar</strong>: {told}" in unescape(answer.text)
