"""Session, Screening, How it works and Evidence: what they show, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from ketasim._base.numbers import number
from ketasim.apps.web.state import PageState
from ketasim.evidence import card_keys, condition_names, conflicts, load_card
from ketasim.evidence.study_files import study_heads
from ketasim.reports.evidence.parameter import disputed
from ketasim.reports.mechanism import mechanism_steps
from ketasim.simulation import simulate
from ketasim.simulation.mood.chain import ARMS, course_chain

COURSE = (
    "regimen=ketamine+0.5+mg/kg+iv+over+40+min+on+days+0+2+4&patient.vitals.sbp=148+mmHg"
    "&patient.vitals.dbp=92+mmHg&patient.medicines=lorazepam+2+mg+daily%0Afoobarzine"
)


@pytest.fixture(scope="module")
def client(page: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page, timeout=60) as found:
        yield found


def _text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_session_shows_the_own_pressure_against_the_limits(client: httpx.Client) -> None:
    page = client.get(f"/session?{COURSE}")
    assert page.status_code == 200
    told = _text(page.text)
    assert "Blood pressure before the session: 148/92 mmHg." in told
    assert "Above 140/90 mmHg" in told
    assert "Session 1 of 3" in told
    # the minutes begin with the own pressure, and the plan stands between them
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page.text.split("with the plan between")[1], re.S)
    cells = re.findall(r'data-label="([^"]*)">([^<]*)<', rows[1])
    assert dict(cells)["Minute"] == "0"
    assert dict(cells)["Systolic, mmHg"] == "148" and dict(cells)["Diastolic, mmHg"] == "92"
    assert "0 min: Planned dose" in rows[2]
    assert "highest CADSS" in page.text and len(rows) < 40
    last = client.get(f"/session?{COURSE}&session=last")
    assert "Session 3 of 3" in _text(last.text)


def test_a_session_without_effects_says_why(client: httpx.Client) -> None:
    page = client.get("/session?regimen=arketamine+0.5+mg/kg+iv+over+40+min+once")
    assert page.status_code == 200
    assert "Session effects are not assessed" in _text(page.text)


@pytest.mark.parametrize("tab", ["session", "screening", "how"])
def test_bad_input_is_answered_at_its_field(client: httpx.Client, tab: str) -> None:
    page = client.get(f"/{tab}?regimen=ketamin+5+mg+iv+bolus+once&patient.age=42")
    assert page.status_code == 422
    error = re.search(r'id="e-f-regimen">([^<]*)<', page.text)
    assert error is not None
    assert "unknown drug 'ketamin'" in unescape(error[1])
    assert 'value="42"' in page.text
    assert "Traceback" not in page.text


@pytest.mark.parametrize("tab", ["session", "screening", "how"])
def test_only_the_result_is_sent_where_it_changes(client: httpx.Client, tab: str) -> None:
    page = client.get(f"/{tab}?{COURSE}", headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert "<html" not in page.text
    assert 'id="result"' in page.text


def test_screening_names_what_was_not_understood(client: httpx.Client) -> None:
    told = _text(client.get(f"/screening?{COURSE}").text)
    assert "not or not wholly assessed: foobarzine" in told
    assert "lorazepam" in told
    assert "Not stated, not assessed" in told


def test_sources_lead_to_their_pages(client: httpx.Client) -> None:
    page = client.get(f"/screening?{COURSE}").text
    links = sorted(set(re.findall(r'href="(/evidence/source/[^"]+)"', page)))
    assert links
    assert "#ref-" not in page
    assert client.get(links[0]).status_code == 200


def test_steps_are_the_numbers_of_the_simulation() -> None:
    course = {"regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4", "horizon": "28 d"}
    simulation = simulate(course)
    chain = course_chain(simulation.course, simulation.times)
    for name in ("MADRS", "by_drug", "by_expectation", "by_course"):
        ours, theirs = chain.curves[name], simulation.values[name, "patient"][:, 0]
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    # the arms add up to what the drug brings
    whole = sum(chain.curves[name] for name in ARMS)
    np.testing.assert_allclose(whole, chain.curves["by_drug"], atol=1e-9)
    steps = {step.name: step for step in mechanism_steps(simulation)}
    assert all(not step.missing and step.numbers for step in steps.values())
    used = {entry.symbol: entry for entry in simulation.mood.entries} if simulation.mood else {}
    shown = {one.entry.symbol for step in steps.values() for one in step.parameters}
    assert {s for s, entry in used.items() if entry.grade == "assumed"} <= shown
    block = simulation.values["nmda_block", "effect"].max()
    assert steps["block"].numbers[0].value.startswith(number(100 * block, 2))


def test_a_step_that_is_not_computed_says_why(client: httpx.Client) -> None:
    page = client.get(
        "/how?regimen=ketamine+0.5+mg/kg+iv+over+40+min+once&patient.diagnosis=healthy"
    )
    assert page.status_code == 200
    assert "not to healthy volunteers" in _text(page.text)


def test_every_question_of_a_parameter_is_recorded() -> None:
    known = {one.name for one in conflicts()}
    symbols = {symbol for key in card_keys() for symbol in load_card(key).entries}
    assert any(disputed(symbol) for symbol in symbols)
    assert {one.name for symbol in symbols for one in disputed(symbol)} <= known


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("murrough", "/evidence/trial/murrough2013"),
        ("post-traumatic", "/evidence/condition/ptsd"),
        ("k_fade", "/evidence/parameter/mood/k_fade"),
        ("otto2021", "/evidence/source/otto2021"),
        ("naltrexone", "/evidence/question/naltrexone"),
    ],
)
def test_search_finds_by_words(client: httpx.Client, words: str, path: str) -> None:
    page = client.get("/evidence", params={"q": words})
    assert f'href="{path}"' in page.text
    assert client.get(path).status_code == 200


def test_nothing_found_is_no_evidence_of_no_effect(client: httpx.Client) -> None:
    page = client.get("/evidence", params={"q": "<script>zzzz"})
    assert page.status_code == 200
    assert "no evidence of no effect" in page.text
    assert "<script>zzzz" not in page.text


@pytest.mark.parametrize("kind", ["source", "card", "condition", "question", "row", "trial"])
def test_what_is_not_there_is_said_in_one_line(client: httpx.Client, kind: str) -> None:
    page = client.get(f"/evidence/{kind}/nosuchthing")
    assert page.status_code == 404
    assert "nosuchthing" in page.text


def test_every_condition_question_and_card_has_its_page(client: httpx.Client) -> None:
    paths = [f"condition/{name}" for name in condition_names()]
    paths += [f"question/{one.name}" for one in conflicts()]
    paths += [f"card/{key}" for key in card_keys()]
    paths += [f"trial/{key}" for key in list(study_heads())[::8]]
    assert {client.get(f"/evidence/{path}").status_code for path in paths} == {200}


def test_forest_plot_has_its_table_and_says_what_is_left_out(client: httpx.Client) -> None:
    page = client.get("/evidence/forest", params={"drug": "esketamine", "at": "28 d"})
    told = _text(page.text)
    assert page.text.count('role="img"') == 2  # wide and narrow
    assert "Left out, and why" in told
    assert 'style="' not in page.text
    refused = client.get("/evidence/forest", params={"drug": "ketamin"})
    assert refused.status_code == 422
    assert "did you mean 'ketamine'?" in unescape(refused.text)


def test_published_stands_beside_predicted(client: httpx.Client) -> None:
    told = _text(client.get("/evidence/trial/TRANSFORM2").text)
    assert "Published beside predicted" in told
    assert "prediction interval of a trial of this design and size" in told


@pytest.mark.page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_clean_in_a_browser(page: str, browser: Any, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    pages = {
        "session": f"/session?{COURSE}",
        "screening": f"/screening?{COURSE}",
        "how": f"/how?{COURSE}",
        "forest": "/evidence/forest?drug=esketamine&at=28+d",
        "parameter": "/evidence/parameter/mood/kS",
    }
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme=scheme)
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    for name, path in pages.items():
        opened.goto(f"{page}{path}")
        opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        wide, view = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= view, name
        assert Axe().run(opened).response["violations"] == [], name
    opened.close()
    assert said == []


@pytest.mark.page
def test_typing_redraws_and_moves_the_address(page: str, browser: Any) -> None:
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.goto(f"{page}/screening?{COURSE}")
    opened.fill("#f-patient-medicines", "tranylcypromine 20 mg daily")
    opened.wait_for_selector("#result >> text=tranylcypromine")
    opened.wait_for_url("**tranylcypromine**")
    opened.fill("#f-patient-age", "old")
    opened.wait_for_selector("#e-f-patient-age:not(:empty)")
    opened.close()


@pytest.mark.parametrize("path", ["/course", "/session", "/screening", "/compare"])
def test_number_of_one_unit_is_written_with_it(client: httpx.Client, path: str) -> None:
    """What stands beside the box need not be typed; a seed without patients is not used."""
    query = "regimen=ketamine+0.5+mg/kg+iv+over+40+min+once&horizon=7&patient.weight=82"
    query += "&patient.vitals.sbp=130&population.seed=3"
    answer = client.get(f"{path}?{query}", follow_redirects=False)
    assert answer.status_code == 303
    state = PageState.read(urlsplit(answer.headers["location"]).query)
    assert state.course["patient"] == {"weight": "82 kg", "vitals": {"sbp": "130 mmHg"}}
    assert state.course["horizon"] == "7 d" and "population" not in state.course


def test_problem_has_the_name_of_the_form(client: httpx.Client) -> None:
    """What is wrong is told in words of the form, not of the file."""
    query = "regimen=ketamine+0.5+mg/kg+iv+over+40+min+once&patient.weight=82+stone"
    for path in ("/course", "/session", "/how"):
        answer = client.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert ">patient.weight" not in answer.text and "Weight" in answer.text
