"""The tab Trial: designed, run, followed, cancelled and taken along, with script and without."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ketasim.apps.web.trial.design import Design, shipped_design
from ketasim.dosing import load_trial, parse_trial

SMALL = Design(
    {
        "trial": "small",
        "title": "A small trial",
        "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
        "arms": [
            {
                "id": "ket",
                "n": 12,
                "drug": "ketamine",
                "route": "iv",
                "dose": "0.5 mg/kg",
                "over": "40 min",
                "days": [0, 3],
            },
            {"id": "mdz", "n": 10, "control": "midazolam", "days": [0, 3]},
        ],
        "assess": [{"scale": "MADRS", "at": ["24 h", "7 d"], "metrics": ["change", "response"]}],
        "replicates": 5,
        "seed": 3,
    }
)
LARGE = Design(shipped_design("SUSTAIN2") | {"replicates": 1_000})


@pytest.fixture
def client(page: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page, timeout=120, follow_redirects=True) as opened:
        yield opened


def run(client: httpx.Client, design: Design) -> httpx.Response:
    return client.post("/trial/run", content=design.query())


def waited(client: httpx.Client, address: str) -> str:
    end = time.monotonic() + 150
    while 'http-equiv="refresh"' in (text := client.get(address).text):
        assert time.monotonic() < end
        time.sleep(0.1)
    return text


def test_the_tab_opens_with_a_design_that_can_be_run(client: httpx.Client) -> None:
    found = client.get("/trial")
    assert found.status_code == 200
    assert "arms.0.id=ket" in str(found.url)
    assert "Run the trial: 200 times" in found.text
    assert found.text.count("not medical advice") == 1
    assert " style=" not in found.text
    other = client.get("/trial?start=murrough2013")
    assert other.status_code == 200
    assert 'value="murrough2013"' in other.text


def test_a_design_is_run_shown_and_taken_along(client: httpx.Client) -> None:
    sent = run(client, SMALL)
    assert sent.status_code == 200
    text = waited(client, str(sent.url))
    found = unescape(text)
    assert "What the trial shows" in found
    # the comparison comes first
    first = re.search(r'<span class="name">([^<]*)</span>', found)
    assert first is not None
    said = first[1].replace("\u00a0", " ")
    assert said == "ketamine 0.5 mg/kg IV vs midazolam: MADRS, change from baseline, 7 days"
    assert "90 % of trials" in found
    links = dict.fromkeys(re.findall(r'href="(/trial/runs/[^"]+)"', text))
    assert len(links) == 7
    for link in links:
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.content
        if link.endswith("trial.yaml"):
            assert parse_trial(answer.text).to_dict() == load_trial(dict(SMALL.content)).to_dict()
        if link.endswith("report.html"):
            assert "sandbox" in answer.headers["content-security-policy"]


def test_what_cannot_be_read_is_answered_at_its_field(client: httpx.Client) -> None:
    query = SMALL.query().replace("0.5+mg/kg", "0.5+mgkg")
    for answer in (client.get(f"/trial?{query}"), client.post("/trial/run", content=query)):
        assert answer.status_code == 422
        error = re.search(r'id="e-f-arms-0-dose">([^<]*)<', answer.text)
        assert error is not None
        assert "'mgkg' after '0.5' is not a unit" in unescape(error[1])
        assert 'value="0.5 mgkg"' in answer.text
    pasted = client.post("/trial/yaml", data={"yaml": "trial: one\narms: 3"})
    assert pasted.status_code == 422
    assert "trial: one\narms: 3</textarea>" in pasted.text
    assert "Traceback" not in pasted.text
    for path in ("/trial/runs/nothing/summary.csv", "/trial/runs/nothing/events"):
        assert client.get(path).status_code == 404
    assert client.post("/trial/runs/nothing/cancel").status_code == 404
    gone = client.get(f"/trial?{SMALL.with_run('nothing').query()}")
    assert "This run is no longer kept" in gone.text


def test_yaml_is_taken_over(client: httpx.Client) -> None:
    answer = client.post("/trial/yaml", data={"yaml": SMALL.yaml()})
    assert answer.status_code == 200
    assert dict(Design.read(answer.url.query.decode()).content) == dict(SMALL.content)


def test_a_cancelled_run_says_so_and_keeps_nothing(client: httpx.Client) -> None:
    sent = run(client, LARGE)
    key = re.search(r"run=([\w-]+)", str(sent.url))
    assert key is not None
    answer = client.post(f"/trial/runs/{key[1]}/cancel")
    assert "This run was cancelled" in answer.text
    with client.stream("GET", f"/trial/runs/{key[1]}/events") as events:
        lines = [line for line in events.iter_lines() if line.startswith("data:")]
    assert len(lines) == 1
    assert '"state": "cancelled"' in lines[0]
    assert client.get(f"/trial/runs/{key[1]}/summary.csv").status_code == 404


def test_a_page_that_is_told_to_stop_leaves_no_process() -> None:
    served = subprocess.Popen(
        [sys.executable, "-m", "ketasim", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert served.stdout is not None
    found = re.search(r"http://\S+", served.stdout.readline())
    assert found is not None
    address = found[0].rstrip("/")
    with httpx.Client(base_url=address, timeout=60, follow_redirects=True) as client:
        sent = run(client, LARGE)
        key = re.search(r"run=([\w-]+)", str(sent.url))
        assert key is not None
        with client.stream("GET", f"/trial/runs/{key[1]}/events") as events:
            for line in events.iter_lines():
                if '"running"' in line:
                    break
            file = Path(f"/proc/{served.pid}/task/{served.pid}/children")
            children = [
                int(word)
                for task in file.parents[1].iterdir()
                for word in (task / "children").read_text(encoding="ascii").split()
            ]
            assert children
            served.send_signal(signal.SIGTERM)
            served.wait(30)
    served.stdout.close()
    end = time.monotonic() + 20
    left = children
    while left and time.monotonic() < end:
        left = [pid for pid in left if Path(f"/proc/{pid}").exists() and not _ended(pid)]
        time.sleep(0.05)
    assert not left


def _ended(pid: int) -> bool:
    """Whether a process has ended, though nobody has asked how."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


@pytest.fixture
def opened(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    errors: list[str] = []
    tab = context.new_page()
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield tab
    context.close()
    # a field that cannot be used is answered with status 422, which a browser notes
    assert [one for one in errors if "422" not in one] == []


@pytest.mark.page
def test_what_is_analysed_is_filled_in_and_run(page: str, opened: Page) -> None:
    """The primary contrast, its sizes and the causes of drop-out, without a word of YAML."""
    opened.goto(f"{page}{SMALL.link}")
    form = opened.locator("#trial-form")
    form.get_by_text("Primary contrast, analysis, power").click()
    form.get_by_label("Scale of the contrast").select_option("MADRS")
    form.get_by_label("Visit", exact=True).fill("14 d")
    form.get_by_label("Arms", exact=True).fill("ket, mdz")
    expect(opened.locator("#e-f-primary-at")).to_contain_text("not assessed at 14 d")
    form.get_by_label("Visit", exact=True).fill("7 d")
    expect(opened.locator("#e-f-primary-at")).to_be_empty()
    form.get_by_label("Further analyses").fill("mmrm, responder")
    form.get_by_label("Sizes").fill("10, 30")
    expect(opened.locator("#checked")).to_contain_text("ketamine 0.5 mg/kg IV vs midazolam, MADRS")
    expect(opened.locator("#checked")).to_contain_text("with 10, 30 in ketamine")
    form.get_by_role("button", name="Add a cause of drop-out").click()
    expect(opened.get_by_label("Patients who leave", exact=True)).to_have_value("10 %")
    form = opened.locator("#trial-form")
    form.get_by_label("Patients who leave", exact=True).fill("100 %")
    expect(opened.locator("#e-f-dropout-0-share")).not_to_be_empty()
    form.get_by_label("Patients who leave", exact=True).fill("20 %")
    form.get_by_label("Cause", exact=True).select_option("lack_of_effect")
    expect(opened.locator("#checked")).to_contain_text("20 % of all patients have left by day 28")
    opened.locator("#checked").get_by_role("button", name=re.compile("Run the trial")).click()
    head = opened.locator("#run-head")
    expect(head).to_have_text("What the trial shows", timeout=150_000)
    run_part = opened.locator("#run")
    expect(run_part.get_by_role("heading", name="Power and size")).to_be_visible()
    expect(run_part.get_by_role("heading", name="Flow of patients")).to_be_visible()
    expect(run_part).to_contain_text("lack of effect")


@pytest.mark.page
def test_a_change_is_read_at_once_and_a_run_is_followed(page: str, opened: Page) -> None:
    opened.goto(f"{page}{SMALL.link}")
    opened.get_by_label("Dose").first.fill("0.7 mgkg")
    expect(opened.locator("#e-f-arms-0-dose")).to_contain_text("'mgkg' after '0.7'")
    expect(opened.locator("#f-arms-0-dose")).to_have_attribute("aria-invalid", "true")
    opened.get_by_label("Dose").first.fill("0.7 mg/kg")
    expect(opened.locator("#checked table").first).to_contain_text("ketamine 0.7 mg/kg IV")
    expect(opened.locator("#e-f-arms-0-dose")).to_be_empty()
    assert "0.7+mg/kg" in opened.url
    opened.get_by_role("button", name="Add an arm").click()
    expect(opened.get_by_label("Short name")).to_have_count(4)
    opened.get_by_role("button", name="Remove arm 3").click()
    opened.locator("#checked").get_by_role("button", name=re.compile("Run the trial")).click()
    expect(opened.locator("#run-head")).to_have_text(
        re.compile("Waiting|Running|What the trial shows")
    )
    expect(opened.locator("#run-head")).to_have_text("What the trial shows", timeout=150_000)
    expect(opened.locator("#run")).to_be_focused()
    with opened.expect_download() as taken:
        opened.get_by_role("link", name="Summary (CSV)").click()
    assert Path(taken.value.path()).read_text(encoding="utf-8").startswith("arm,scale,")


@pytest.mark.page
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_cut(page: str, browser: Browser, scheme: str) -> None:
    with httpx.Client(base_url=page, timeout=60, follow_redirects=True) as client:
        done = str(run(client, SMALL).url)
        waited(client, done)
    known = cast("Literal['light', 'dark']", scheme)
    context = browser.new_context(color_scheme=known, viewport={"width": 360, "height": 800})
    tab = context.new_page()
    for width in (360, 768, 1440, 3840):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(done)
        wide: Any = tab.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide == 0, width
        if width in (360, 1440):
            found = Axe().run(tab)
            assert found.violations_count == 0, found.generate_report()
    context.close()


def test_a_run_is_not_shown_under_another_design(client: httpx.Client) -> None:
    sent = run(client, SMALL)
    job = str(sent.url.params["run"])
    changed = Design({**SMALL.content, "replicates": 6}).with_run(job)
    text = client.get(changed.link).text
    assert "This run is of another design" in text
    assert unescape(text).count(SMALL.with_run(job).link) == 1
    assert f"/trial/runs/{job}/" not in text
    assert "of another design" not in client.get(SMALL.with_run(job).link).text
    client.post(f"/trial/runs/{job}/cancel")


def test_what_is_no_name_of_a_run_is_answered_at_once(page: str) -> None:
    for run in ("a%20b", "a%0d%0aset-cookie:%20x=1", "%C3%A9"):
        answer = httpx.get(f"{page}/trial?start=SUSTAIN2&run={run}", timeout=60)
        assert answer.status_code == 422
        assert "is not the name of a run" in answer.text
