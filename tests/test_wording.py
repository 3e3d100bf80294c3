"""Texts for users are plain English in the field's own words; numbers and ranges have one form."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Final

import pytest

from ketasim._base.numbers import percent, span
from ketasim.apps.cli.application import run
from ketasim.reports import simulation_report, trial_report
from ketasim.simulation import simulate
from ketasim.trials import run_trial

ROOT: Final = Path(__file__).parents[1]
EXAMPLES: Final = ROOT / "src" / "ketasim" / "dosing" / "examples"

BANNED: Final = (
    (r"nine in ten (patients|sets|trials|people)", "90 % of …; 90 % uncertainty interval"),
    (r"sets? of numbers", "90 % uncertainty interval (parameter uncertainty); parameter draw"),
    (r"spreads? between (the )?(patients|people|trials|studies|occasions)", "… variability"),
    (r"uncertainty of the (parameters|numbers)", "parameter uncertainty"),
    (r"numbers of the chain", "parameters of the mood model"),
    (r"(assumptions|numbers?|entries) that acted", "assumptions used; parameters used"),
    (r"what brings the improvement", "contributions to the improvement"),
    (r"when (each effect|it) is back|back means|counts? as back", "time to return to baseline"),
    (r"by the model not yet|not yet back|time it is back", "not resolved by; time to resolution"),
    (r"the end of its band|its band ends", "upper end of the range"),
    (r"\b(a|the) watch of|the watch (ends|goes|may)|what to watch", "monitoring period"),
    (r"rises? of (the )?(blood |systolic |diastolic )?pressure", "increase in blood pressure"),
    (r"how much is not printed|\bis not printed", "effect size not reported"),
    (r"no limit of (the )?(blood|heart)", "no heart-rate limit in the sources"),
    (r"lower onset of the benefit", "smaller benefit on day 1"),
    (r"beside (a |other )?(medicine|benzodiazepine|propofol|methadone)", "with; together with"),
    (r"on whose word|orders nothing", "Decision support for professionals; not medical advice"),
    (r"numbers? carried|evidence carried|carries the chain", "in the evidence; contains"),
    (r"missed and come back", "intermittent missing visits"),
    (r"nobody can tell|can be told from", "treatment is indistinguishable; distinguishable"),
    (r"into a vein|under the tongue|into a muscle", "intravenous; sublingual; intramuscular"),
)
"""What reads as translated, as a regular expression without case, and what to write instead."""

_TABLES: Final = (
    "conflicts",
    "acute/event_pooling",
    "acute/session_training",
    "care/condition_names",
    "care/harms",
    "care/interactions",
    "care/screening_rules",
    "care/session_rules",
    "mood/benefit_modifiers",
    "mood/pooling_rules",
    "mood/training",
    "mood/training_rules",
)
"""Tables whose notes and statements are the package's own, not a source's words."""


def _texts() -> Iterator[tuple[str, str]]:
    """Place and text of what a user may read: strings, templates, cards, tables, documentation."""
    package = ROOT / "src" / "ketasim"
    for path in sorted(package.rglob("*.py")):
        place = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (one.value for one in node.values if isinstance(one, ast.Constant))
                yield f"{place}:{node.lineno}", "".join(str(one) for one in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{place}:{node.lineno}", node.value
    for pattern in ("reports/templates/*.html", "evidence/cards/*.toml"):
        for path in sorted(package.glob(pattern)):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for name in _TABLES:
        path = package / "evidence" / "data" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                yield f"{name}.csv:{number}", " | ".join(row)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("pattern", "instead"), BANNED)
def test_no_text_reads_as_translated(pattern: str, instead: str) -> None:
    """Each phrase has one the field uses."""
    banned = re.compile(pattern.replace(" ", r"\s+"), re.I)
    found = [
        f"{place}: {' '.join(hit[0].split())}"
        for place, text in _TEXTS
        for hit in banned.finditer(text)
    ]
    assert not found, f"write '{instead}': {found}"


_TEXTS: Final = tuple(_texts())
_RANGE: Final = re.compile(r"(?<![\d.,–-])(\d[\d.]*)(?: ?%)? ?(?:-|–|to) ?(\d[\d.]*)(?![\d.–-])")


def _shown(page: str) -> str:
    """Text of a page, without its style, its drawings and what reproduces it."""
    page = re.sub(r"<(style|svg|pre)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).replace("\u202f", " ").split())


def _check_numbers(text: str) -> None:
    assert "× 10^" not in text
    tiny = re.findall(r"(?<![\d.,<])(?<!< )0\.0\d* ?%", text)
    assert not tiny, f"write '< 0.1 %': {tiny}"
    same = [hit[0] for hit in _RANGE.finditer(text) if hit[1] == hit[2]]
    assert not same, f"one number, not a range: {same}"
    assert not re.search(r"(?<!AUC)\d ?– ?\d", text), "ranges are written with a hyphen"


def test_a_course_writes_numbers_in_one_form() -> None:
    """The report of a course with sessions, mood and a population."""
    course = {
        "regimen": "ketamine 0.5 mg/kg iv over 40 min twice weekly for 2 weeks",
        "patient": {"weight": "80 kg", "age": "45 year"},
        "population": {"n": 20, "seed": 1},
        "horizon": "14 d",
    }
    _check_numbers(_shown(simulation_report(simulate(course))))


def test_a_trial_writes_numbers_in_one_form() -> None:
    """The report of a small trial."""
    trial = EXAMPLES / "trials" / "ketamine_midazolam.yaml"
    _check_numbers(_shown(trial_report(run_trial(trial, replicates=4))))


@pytest.mark.parametrize("command", ["session", "screen"])
def test_the_terminal_writes_numbers_in_one_form(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the commands print for one course."""
    assert run([command, str(EXAMPLES / "spray_twice_weekly.yaml")]) == 0
    _check_numbers(capsys.readouterr().out.replace("\u202f", " "))


def test_small_percentages_and_ranges_have_one_form() -> None:
    """Fractions below a thousandth only say that they are small; a range of one number is one."""
    thin = "\u202f"
    assert percent(1.8e-7) == f"<{thin}0.1{thin}%"
    assert percent(0.0) == f"0{thin}%"
    assert span("40.0", "40.0") == "40.0"
    assert span(percent(0.61, 2), percent(0.84, 2)) == f"61-84{thin}%"
    assert span("30 min", "40 min") == "30-40 min"
    assert span("−3", "5") == "−3 to 5"
    assert span("–", "5") == ""
