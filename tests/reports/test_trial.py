"""The report of a trial: its scheme, flow of patients, sessions, responders, relapse, patients."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from ketasim.dosing import load_trial
from ketasim.figures.trial.patients import bars_figure, relapse_figure, waterfall_figure
from ketasim.figures.trial.scheme import scheme_figure
from ketasim.reports import trial_report
from ketasim.trials import TrialResult, run_trial

RULE = {"while": "MADRS > 12", "every": "7 d", "else": "14 d"}
ESK: dict[str, Any] = {
    "id": "esk",
    "n": 60,
    "open": True,
    "drug": "esketamine",
    "route": "intranasal",
    "dose": "84 mg",
    "days": [0, 3, 7, 10],
    "dosing_rule": RULE,
    "withdrawal": {"after": "28 d", "entry": "response", "to": ["continue", "placebo_spray"]},
}
TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 34, "sd": 5}},
    "arms": [ESK],
    "assess": [
        {"scale": "MADRS", "at": ["28 d", "70 d"], "metrics": ["change", "response", "remission"]}
    ],
    "dropout": [{"share": "20 %", "by": "28 d", "pattern": "lack_of_effect"}],
    "remission_at_most": 12,
    "replicates": 3,
}


@pytest.fixture(scope="module")
def result() -> TrialResult:
    return run_trial(TRIAL)


def test_the_report_shows_who_does_what_and_what_becomes_of_them(result: TrialResult) -> None:
    page = trial_report(result)
    places = [f'id="{name}"' for name in ("figure-scheme", "figures", "flow", "sessions")]
    assert [page.index(one) for one in places] == sorted(page.index(one) for one in places)
    assert "from day 17 on a session every 7 days while MADRS &gt; 12" in page
    flow = page[page.index('id="flow"') : page.index('id="sessions"')]
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", flow))
    assert "60 patients enrolled" in text
    assert "randomised again" in text
    assert re.search(r"[0-9.]+ leave [0-9.]+ lack of effect", text)
    assert "Shorter interval at" in text
    sessions = page[page.index('id="sessions"') : page.index('id="arms"')]
    assert "CADSS above 4" in sessions
    assert "not assessed: the session model has no rates of a control" in sessions


def test_the_report_opens_with_its_answer_and_has_caveats_below_it(result: TrialResult) -> None:
    page = trial_report(result)
    places = ['class="tiles"', 'id="warnings"', 'class="contents"', 'id="design"', "<table"]
    assert [page.index(one) for one in places] == sorted(page.index(one) for one in places)
    box = page[page.index('id="warnings"') : page.index('class="contents"')]
    lines = re.findall("<li>(.*?)</li>", box)
    assert lines and len(lines) == len(result.warnings)
    assert max(map(len, lines)) < 160
    # what was typed is no caveat
    for text in ("Drop-out as given", "from day 17 on a session", "randomised again"):
        assert not any(text in line for line in result.warnings), text
        assert any(text in line for line in result.taken), text
        assert text in page[page.index('id="design"') : page.index('id="figures"')]
    # every chapter is there
    nav = page[page.index('class="contents"') : page.index("</nav>")]
    for name in re.findall('href="#(.*?)"', nav):
        assert f'<div class="content" id="{name}"' in page


def _width(svg: str) -> float:
    return float(ElementTree.fromstring(svg).attrib["viewBox"].split()[2])


def test_every_figure_is_sound_and_says_what_it_shows(result: TrialResult) -> None:
    figures = [
        scheme_figure(result.trial),
        bars_figure(result),
        relapse_figure(result),
        waterfall_figure(result),
    ]
    for figure in figures:
        assert figure is not None
        for drawing in figure.drawings:
            for text in filter(None, (drawing.svg, drawing.narrow)):
                root = ElementTree.fromstring(text)
                assert root.find("{http://www.w3.org/2000/svg}desc") is not None
    relapse = relapse_figure(result)
    assert relapse is not None
    assert "At risk" in relapse.drawings[0].svg
    # as wide as the text of a page, and of a telephone
    assert 800 < _width(relapse.drawings[0].svg) <= 860
    assert _width(relapse.drawings[0].narrow) <= 350
    assert "from day 28" in relapse.drawings[0].svg
    scheme = scheme_figure(result.trial)
    assert scheme.drawings[0].svg.count('name="day') == 0
    assert [entry.text for entry in scheme.legend][-1] == "randomised again"


def test_a_waterfall_counts_the_responders(result: TrialResult) -> None:
    figure = waterfall_figure(result)
    assert figure is not None
    last = result.patients().filter(replicate=0, arm="esk:continue", time_h=70 * 24.0)
    rated = last.drop_nulls("score")
    share = 100 * rated["response"].mean()  # type: ignore[operator]
    assert f"{share:.2g}" in figure.drawings[0].svg.replace("\u202f", " ")
    assert f"{len(rated)} rated on day 70" in figure.drawings[0].svg


def test_a_crossover_is_drawn_by_its_orders() -> None:
    arms = [{**ESK, "n": 10, "open": False}, {"id": "pbo", "n": 10, "control": "placebo_spray"}]
    for key in ("dosing_rule", "withdrawal"):
        arms[0].pop(key)
    keys = {
        "design": "crossover",
        "washout": "14 d",
        "arms": arms,
        "dropout": {"share": 0, "by": "7 d"},
    }
    figure = scheme_figure(load_trial(TRIAL | keys))
    assert "esketamine 84 mg nasal, then placebo spray: 1 of 2 patients" in figure.drawings[0].svg
    assert relapse_figure(run_trial(TRIAL | keys | {"replicates": 1})) is None
