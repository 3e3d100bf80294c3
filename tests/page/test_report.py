"""Reports opened in chromium, and what stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from ketasim.evidence import load_card, load_sources, with_source_names
from ketasim.figures.panels import Line, Panel, svg
from ketasim.reports import calibration_report, simulation_report
from ketasim.reports.course_tables import course_tables
from ketasim.simulation import Simulation, simulate

pytestmark = pytest.mark.page

HOSTILE = "<script>alert(1)</script> & \"quotes\" <img src=x onerror=alert(2)> 'x'"
COURSES: dict[str, dict[str, Any]] = {
    "typical": {
        "title": HOSTILE,
        "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4",
        "patient": {"medicines": ["<b>sertraline</b>"], "weight": "70 kg"},
    },
    "population": {
        "title": "Population",
        "regimen": "esketamine 56 mg intranasal on day 0, then 84 mg on days 3 7",
        "patient": {"age": 40, "weight": "70 kg"},
        "population": {"n": 20, "seed": 1},
    },
    "no effect site": {
        "title": "Averylongtitlewithoutanyplacetobreakthelinewhichmustnotwidenthepage" * 3,
        "regimen": "esketamine 0.3 mg/kg iv over 40 min once",
        "pk_model": "otto2021",
    },
    "parent only": {
        "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
        "pk_model": "kamp2020",
        "horizon": "12 h",
    },
    "one patient": {
        "regimen": "ketamine 300 mg sublingual weekly x2",
        "population": {"n": 1, "seed": 1},
    },
}


@dataclass
class Opened:
    """What happened when a page was opened."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=list(COURSES))
def simulated(request: pytest.FixtureRequest) -> Simulation:
    return simulate(COURSES[request.param])


@pytest.fixture(scope="module")
def report(simulated: Simulation) -> str:
    return simulation_report(simulated, command="ketasim simulate course.yaml --out out")


def _open(browser: Any, html: str, folder: Path, width: int) -> Opened:
    path = folder / "report.html"
    path.write_text(html)
    page = browser.new_page(viewport={"width": width, "height": 900})
    opened = Opened(page)
    page.on("console", lambda message: opened.said.append(message.text))
    page.on("pageerror", lambda error: opened.said.append(str(error)))
    page.on("dialog", lambda dialog: opened.said.append(dialog.message))
    page.on("request", lambda request: opened.asked.append(request.url))
    page.goto(path.as_uri())
    return opened


def _is_sound(opened: Opened) -> None:
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    wide, view = opened.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= view
    # every chart has a place on the page, its words fit in it, and no two share an id
    charts = opened.page.evaluate(
        """[...document.querySelectorAll('figure svg[role=img]')]
           .filter(svg => svg.checkVisibility())
           .map(svg => [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height])"""
    )
    assert charts
    assert all(w > 150 and h > 80 for w, h in charts)
    small = opened.page.evaluate(
        """[...document.querySelectorAll('figure svg[role=img] text')]
           .filter(text => text.checkVisibility())
           .filter(text => text.getBoundingClientRect().height < 9 &&
                           text.getBoundingClientRect().width < 9 && text.textContent.length > 2)
           .length"""
    )
    assert small == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_report_opens_cleanly(browser: Any, report: str, tmp_path: Path, width: int) -> None:
    opened = _open(browser, report, tmp_path, width)
    _is_sound(opened)
    opened.page.close()


def test_figures_are_those_of_the_model(simulated: Simulation, report: str) -> None:
    figures = re.findall(r'<p class="figtitle">(Figure .*?)</p>', report)
    assert [int(title.split(".")[0].removeprefix("Figure ")) for title in figures] == list(
        range(1, len(figures) + 1)
    )
    told = " ".join(figures)
    assert ("NMDA receptor block" in told) == (("nmda_block", "effect") in simulated.values)
    assert ("Metabolites" in told) == ("norketamine" in simulated.model.analytes)
    assert ("whole course" in told) == (
        len(simulated.sessions) > 1 or simulated.course.horizon > 48.0
    )
    sites = {"arterial": "Arterial blood", "venous": "Venous blood", "effect": "Effect site"}
    for site, title in sites.items():
        assert (f">{title}<" in report) == (site in simulated.model.sites)


def test_every_legend_names_the_spread(simulated: Simulation, report: str) -> None:
    spreads = ("between-patient", "parameter uncertainty", "between-trial")
    once = report[report.index("Figures, unless they say otherwise") :].partition("</p>")[0]
    assert all(name in once.lower() for name in spreads)
    assert ("90 % of patients" in once) != simulated.cohort.typical
    first = report[: report.index('<nav class="contents"')]
    legends = re.findall(r'<ul class="legend">(.*?)</ul>', first, re.DOTALL)
    assert len(legends) == first.count("<figure") > 0
    for legend in legends:
        for name in spreads:
            assert name in legend.lower()
        # a session is followed with patients such as this one, also of a typical patient
        # and a timeline has no band between patients
        drawn = not simulated.cohort.typical or "exposure and sensitivity" in legend
        drawn = drawn and "Diamond" not in legend
        if "Bands: parameter uncertainty" in legend:  # of probabilities: the patients make them
            assert "90 % uncertainty interval" in legend
        elif "Means over the virtual patients" in legend:  # of what contributes: areas, no bands
            assert "90 %" not in legend
        else:
            assert ("90 % of patients" in legend) == drawn


def test_what_acted_is_named(simulated: Simulation, report: str) -> None:
    for warning in simulated.warnings:
        assert str(escape(warning)) in report
    section = report[report.index('id="assumptions"') : report.index('id="limits"')]
    tables = course_tables(simulated)
    for assumption in simulated.assumptions:
        if assumption.what == "input":
            assert str(escape(assumption.meaning)) in section
        assert assumption.meaning in tables["assumptions"]["meaning"].to_list()
    assert f"Assumptions used: {len(simulated.assumptions)}" in section
    for row in simulated.parameters(6).to_dicts():
        assert str(escape(row["meaning"])) in report
    # every citation leads to an entry, and every source of the result is in its table
    listed = re.findall(r'<li id="ref-([^"]+)"', report)
    assert set(re.findall(r'href="#ref-([^"]+)"', report)) <= set(listed)
    known = load_sources()
    used = {known[key].document for key in simulated.sources() if key in known}
    assert used <= set(tables["sources"]["key"])
    for digest in simulated.metadata["cards"].values():
        assert digest in report
    for line in simulated.course.regimen.describe():
        assert line in report
    assert "not medical advice" in report


def test_an_assumed_field_is_marked_beside_its_value() -> None:
    regimen = {"regimen": "ketamine 0.5 mg/kg im once"}
    tag = '<span class="grade assumed">assumed</span>'
    for given, expected in (
        ({}, True),
        ({"patient": {"weight": "70 kg"}, "horizon": "7 d"}, False),
    ):
        report = simulation_report(simulate({**regimen, **given}))
        assert (f"weight 70 kg {tag}" in report) == expected
        assert (f"7 days from the start {tag}" in report) == expected


@pytest.mark.parametrize(
    ("model", "medicines", "acts"),
    [
        ("reference", ["ticlopidine"], True),
        ("reference", ["sertraline"], False),
        ("ashraf2018", ["ticlopidine"], True),
        ("ashraf2018", ["rifampicin"], False),
        ("ashraf2018", [], False),
    ],
)
def test_an_interaction_that_was_computed_is_named(
    model: str, medicines: list[str], acts: bool
) -> None:
    course = {
        "regimen": "esketamine 0.2 mg/kg oral once",
        "patient": {"weight": "70 kg", "medicines": medicines},
        "pk_model": model,
    }
    report = simulation_report(simulate(course))
    assert ("<dt>Interactions</dt>" in report) == acts
    assert all(f"{name}: computed through" in report for name in medicines if acts)


def test_small_numbers_of_an_axis_are_written_out() -> None:
    ends = (0.001, 1.0)
    lines = (Line("line", [0.0, 1.0], [0.002, 0.5]),)
    panel = Panel("Title", "x", "y", lines=lines, x_domain=(0, 1), y_domain=ends, y_log=True)
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", svg(panel, "a chart"))
    assert {"0.001", "0.01", "0.1", "1"} <= set(labels)


def test_report_is_light(report: str) -> None:
    assert len(report.encode()) < 2_000_000


def test_words_of_the_user_are_only_words(browser: Any, tmp_path: Path) -> None:
    opened = _open(browser, simulation_report(simulate(COURSES["typical"])), tmp_path, 1280)
    assert opened.said == []
    assert opened.page.locator("h1").inner_text() == HOSTILE
    assert opened.page.title().startswith(HOSTILE)
    assert opened.page.locator("script, img, b").count() == 0
    opened.page.close()


def test_report_prints_on_a4(browser: Any, report: str, tmp_path: Path) -> None:
    opened = _open(browser, report, tmp_path, 1280)
    pdf = opened.page.pdf(format="A4", prefer_css_page_size=True)
    opened.page.close()
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf)
    assert boxes
    # points; A4 is 210 by 297 mm
    assert all(abs(float(w) - 595) < 1.5 and abs(float(h) - 842) < 1.5 for w, h in boxes)


CHAPTERS = ("session", "course", "concentrations", "screening", "nearest", "parameters")
MOST_WORDS = 3_600  # with every chapter open, without the labels in drawings
PAPER = (184.0, 280.0)  # mm that a first page of A4 has within its margins


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shipped") / "report.html"
    path.write_text(simulation_report(simulate("six_infusions"), command="ketasim simulate x"))
    return path


def test_chapters_are_closed_and_a_link_opens_them(browser: Any, shipped: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    for name in CHAPTERS:
        page.goto(shipped.as_uri())
        assert page.locator("details.chapter[open]").count() == 0
        page.locator(f'.contents a[href="#{name}"]').click()
        assert page.locator(f"#{name}").is_visible()
        assert page.locator("details.chapter[open]").count() == 1
    page.close()


def test_report_is_brief(browser: Any, shipped: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(shipped.as_uri())
    words = page.evaluate(
        """() => { document.querySelectorAll('details').forEach(one => one.open = true);
                   document.querySelectorAll('svg').forEach(one => one.remove());
                   return document.body.innerText.split(/\\s+/).length; }"""
    )
    page.close()
    assert words <= MOST_WORDS


def test_first_page_fits_on_a4_and_chapters_print_open(browser: Any, shipped: Path) -> None:
    wide, high = (round(one / 25.4 * 96) for one in PAPER)
    page = browser.new_page(viewport={"width": wide, "height": high})
    page.goto(shipped.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelector('.first').getBoundingClientRect().bottom") <= high
    for part in (
        ".numbers",
        "#warnings",
        "#first-session .chart",
        "#first-course .chart",
        ".rests",
    ):
        assert page.locator(f".first {part}").is_visible()
    hidden = page.evaluate(
        """[...document.querySelectorAll('details .content')]
           .filter(one => !one.checkVisibility({contentVisibilityAuto: true})).length"""
    )
    assert hidden == 0
    page.close()


def test_same_simulation_same_page() -> None:
    first, second = (simulation_report(simulate(COURSES["one patient"])) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("width", [390, 1280])
def test_calibration_report_opens_cleanly(
    browser: Any, calibration: str, tmp_path: Path, width: int
) -> None:
    opened = _open(browser, calibration, tmp_path, width)
    _is_sound(opened)
    assert opened.page.locator("figure").count() == 4
    opened.page.close()


@pytest.fixture(scope="module")
def calibration() -> str:
    from ketasim.calibration.pk import compare_pk

    fit = compare_pk(load_card("reference"))
    return calibration_report(replace(fit, cost_before=1.0, cost_after=1.0))


def test_calibration_report_hides_nothing(calibration: str) -> None:
    from ketasim.calibration.pk import load_interactions, load_training

    for row in (*load_training(), *load_interactions()):
        if row.use != "out":
            assert f">{row.fact}<" in calibration
        elif row.reason:
            assert str(escape(with_source_names(row.reason))) in calibration
    for symbol in load_card("reference").entries:
        assert symbol in calibration
