"""Where a reader meets a source, it has its name: no key stands in the text of a report."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from ketasim import simulate
from ketasim.apps.cli.application import run
from ketasim.evidence import load_sources, source_name, source_names, with_source_names
from ketasim.reports import simulation_report

# as many rules, findings and warnings as one course can bring
COURSE: dict[str, Any] = {
    "title": "Everything at once",
    "patient": {
        "weight": "80 kg",
        "age": 70,
        "sex": "female",
        "diagnosis": "trd",
        "baseline": {"scale": "QIDS", "score": 18},
        "kidney": "moderate",
        "liver": "moderate",
        "cyp2b6": "*6/*6",
        "history": ["cystitis", "hypertension", "alcohol use disorder"],
        "medicines": [
            "naltrexone 50 mg daily",
            "lorazepam 2 mg daily",
            "clarithromycin",
            "rifampicin",
            "tranylcypromine",
            "rapamycin",
        ],
    },
    "mood": {"switches": {"dissociation": "on", "serotonin": "on"}},
    "regimen": "ketamine 1.1 mg/kg iv over 40 min twice weekly x 2",
    "horizon": "14 d",
}
# keys that are words, or names of their own, may stand in a text
KEYS = {key for key in load_sources() if re.search(r"[\d_]", key)}


class Page(HTMLParser):
    """Visible text, ids and links within a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.links: set[str] = set()
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._hidden += tag in ("style", "script")
        self.ids += [found["id"] or ""] if "id" in found else []
        address = found.get("href") or ""
        self.links |= {address[1:]} if address.startswith("#") else set()

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        # an address is copied as it is
        if not self._hidden and not data.startswith("http"):
            self.texts.append(data)


def keys_in(text: str) -> set[str]:
    return KEYS.intersection(re.findall(r"[\w-]+", text))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(simulation_report(simulate(COURSE), costs=True))


def test_no_key_of_a_source_is_visible_in_a_report(page: Page) -> None:
    seen = {text.strip(): found for text in page.texts if (found := keys_in(text))}
    assert seen == {}
    words = " ".join(page.texts)
    for name in ("FDA label of Spravato, 2019", "Rao et al., 2016", "Read via 120ty.net"):
        assert name in words


def test_a_source_leads_to_its_entry_in_the_list(page: Page) -> None:
    cited = {link for link in page.links if link.startswith("ref-")}
    assert len(cited) > 20
    assert cited <= set(page.ids)
    entries = [one for one in page.ids if one.startswith("ref-")]
    assert len(entries) == len(set(entries))
    for one in entries:
        assert load_sources()[one.removeprefix("ref-")].primary is None


@pytest.mark.parametrize(
    "command",
    [
        ["harm", "iv_six_then_weekly"],
        ["session", "esketamine_label", "--all"],
        ["evidence", "condition", "pain"],
        ["evidence", "conflicts", "opioid"],
        ["screen", "screen_interactions"],
    ],
    ids=lambda words: " ".join(words[:2]) if words[0] == "evidence" else words[0],
)
def test_no_key_of_a_source_is_printed_by_a_command(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    # the screen lists its sources with their keys at the end, to look them up by
    text = capsys.readouterr().out.partition("\nSOURCES\n")[0]
    assert keys_in(" ".join(re.findall(r"[\[(;,] ?([\w-]+)", text))) == set()


def test_show_takes_a_key_and_prints_it_beside_the_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["evidence", "show", "jnjmed_dissoc"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"{source_name('jnjmed_dissoc')}  [jnjmed_dissoc]"
    assert run(["evidence", "show", "acute/psych:2"]) == 0
    assert f"[{source_name('chen_diss')}; chen_diss]" in capsys.readouterr().out


def test_tables_keep_the_key_beside_the_name() -> None:
    simulated = simulate(COURSE, mood=False)
    plan = simulated.session_plan().table()
    for row in plan.filter(pl.col("sources") != "").to_dicts():
        assert row["source_names"] == source_names(row["sources"].split("; "))
    for row in simulated.parameters().to_dicts():
        assert row["source_name"] == (source_name(row["source"]) if row["source"] else "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("as wang2019 saw (sigtermans2009).", "as {wang2019} saw ({sigtermans2009})."),
        ("prior 0.54 perezruixo2021 Table 3", "prior 0.54 {perezruixo2021} Table 3"),
        # ids, addresses, models of a file and words stay
        ("lii2023:lii_ket:MADRS", "lii2023:lii_ket:MADRS"),
        ("https://github.com/x/indand21/y", "https://github.com/x/indand21/y"),
        ("care/rules:3; opentiva; 9:00", "care/rules:3; opentiva; 9:00"),
    ],
)
def test_keys_in_a_text_become_names(text: str, told: str) -> None:
    names = {key: source_name(key) for key in KEYS}
    assert with_source_names(text) == told.format_map(names)
