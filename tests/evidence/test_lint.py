"""The shipped evidence has no error, and every check fires on a bad example."""

from __future__ import annotations

import dataclasses

import pytest

from ketasim._base import InputError
from ketasim.evidence import (
    Card,
    Entry,
    Evidence,
    Fact,
    Source,
    Spread,
    Uncertainty,
    Waiver,
    lint,
    read_sources,
    read_waivers,
    shipped,
    summary,
)
from ketasim.evidence.citing.names import SourceName
from ketasim.evidence.linting.linter import CHECKS
from ketasim.evidence.linting.units import is_unit

HEADER = "key,authors,year,title,venue,doi,pmid_or_pmcid,nct,url,kind,metadata_note\n"


def test_what_is_shipped_has_no_error() -> None:
    errors = [finding for finding in lint() if finding.severity == "error"]
    assert errors == []


def test_no_waiver_is_left_over() -> None:
    findings = lint()
    assert [finding for finding in findings if finding.check == "unused_waiver"] == []
    assert any(finding.waived for finding in findings)


def test_findings_come_worst_first_and_are_counted() -> None:
    findings = lint()
    order = [("error", "warning", "info").index(finding.severity) for finding in findings]
    assert order == sorted(order)
    assert sum(summary(findings).values()) == len(findings)


def _sources(rows: str = "a2020,Doe A,2020,,,,,,,article,\n") -> tuple[Source, ...]:
    return read_sources(HEADER + rows)


def _table(*rows: dict[str, str], name: str = "t") -> Evidence:
    facts = tuple(
        Fact(name, index, {"source": "a2020", **row}) for index, row in enumerate(rows, start=1)
    )
    return Evidence(tables={name: facts}, sources=_sources())


ENTRY = Entry("V", 10.0, "L", "estimated", "a2020", "Table 1")
OMEGA = Spread("omega2", 0.1, "estimated", "a2020", "Table 1")


def _card(*entries: Entry, **fields: object) -> Evidence:
    card = Card("c", "t", "m", "a2020", entries={entry.symbol: entry for entry in entries})
    return Evidence(sources=_sources(), cards={"c": card.replace(**fields)})


def _three_at_odds() -> Evidence:
    entries = [ENTRY.replace(symbol=symbol, iiv=OMEGA) for symbol in "ABC"]
    pairs = (("A", "B", 0.9), ("A", "C", 0.9), ("B", "C", -0.9))
    return _card(*entries, correlations=pairs)


def _singular_estimates() -> Evidence:
    entries = [ENTRY.replace(symbol=symbol) for symbol in "AB"]
    covariance = Uncertainty(("A", "B"), ("log", "log"), ((1.0, 1.0), (1.0, 1.0)))
    return _card(*entries, uncertainty=covariance)


def _called(*names: str, same_as: str = "") -> Evidence:
    rows = "".join(f"a202{year},,,,,,,,,label,\n" for year in range(len(names)))
    table = {f"a202{year}": SourceName(name, same_as=same_as) for year, name in enumerate(names)}
    return Evidence(sources=read_sources(HEADER + rows, table))


BAD: list[tuple[str, Evidence]] = [
    ("source_column", Evidence(tables={"t": (Fact("t", 1, {"value": "1"}),)})),
    ("source_key", _table({"source": "b2020"})),
    ("source_key", _table({"source": ""})),
    ("bibliography_key", Evidence(sources=_sources("a,,,,,,,,,x,\na,,,,,,,,,x,\n"))),
    ("bibliography_key", Evidence(sources=_sources("a b,,,,,,,,,x,\n"))),
    ("bibliography_field", Evidence(sources=_sources("a,,,,,doi:10/x,,,,x,\n"))),
    ("bibliography_field", Evidence(sources=_sources("a,,,,,,,NCT12,,x,\n"))),
    ("source_name", Evidence(sources=_sources("a2020,,2020,T,J,,,,,article,\n"))),
    ("source_name", _called("120ty.net, label of Spravato, 2019")),
    ("source_name", _called("www.example.com/label")),
    ("source_name", _called("mirror of the label of Spravato")),
    ("source_name", _called("a name too long for a cell " * 4)),
    ("source_name", _called("label of Spravato (a2020)")),
    ("source_name", _called("label of Spravato", "label of Spravato")),
    ("source_name", _called("label of Spravato", same_as="b2020")),
    ("cited_nowhere", Evidence(sources=_sources())),
    ("unit", _table({"value": "1", "unit": "ng/mlq"})),
    ("unit", _table({"dose_unit": "mg per kilo"})),
    ("count", _table({"n": "12.5"})),
    ("count", _table({"n_total": "-3"})),
    ("range", _table({"percent": "104"})),
    ("range", _table({"percent": "48-101"})),
    ("range", _table({"value": "1.2", "unit": "fraction"})),
    ("range", _table({"value": "-3", "unit": "L/h"})),
    ("range", _table({"value": "-3", "unit": "ng/mL"})),
    ("range", _table({"value": "140", "metric": "response_pct"})),
    ("range", _table({"rse_pct": "-1"})),
    ("interval_order", _table({"value": "2", "ci_low": "3", "ci_high": "1"})),
    ("interval_value", _table({"value": "5", "ci_low": "1", "ci_high": "3"})),
    ("interval_value", _table({"ratio": "5", "spread": "1-3", "spread_type": "95% CI"})),
    ("spread_type", _table({"value": "5", "spread": "2", "spread_type": ""})),
    ("spread_type", _table({"value": "5", "iiv_value": "2", "iiv_type": ""})),
    ("spread_type", _table({"value": "5", "spread": "2"})),
    ("duplicate_fact", _table({"value": "5"}, {"value": "5"})),
    ("conflicting_fact", _table({"metric": "F", "value": "5"}, {"metric": "F", "value": "6"})),
    (
        "conflicting_fact",
        _table({"outcome": "x", "effect": "5"}, {"outcome": "x", "effect": "6"}),
    ),
    (
        "trial_key",
        Evidence(
            tables={
                "mood/trials": (Fact("mood/trials", 1, {"trial_id": "x", "source": "a2020"}),),
                "mood/arms": (Fact("mood/arms", 1, {"trial_id": "y", "source": "a2020"}),),
            },
            sources=_sources(),
        ),
    ),
    (
        "row_reference",
        Evidence(choices={"pk/training": (Fact("pk/training", 1, {"row": "7"}),)}),
    ),
    (
        "choice_word",
        Evidence(
            choices={
                "mood/training": (Fact("mood/training", 1, {"outcome_row": "1", "rule": "x"}),),
                "mood/training_rules": (Fact("mood/training_rules", 1, {"code": "printed"}),),
            }
        ),
    ),
    (
        "fact_reference",
        Evidence(
            choices={"care/costs": (Fact("care/costs", 1, {"fact": "care/care:9999"}),)},
        ),
    ),
    ("grade", _table({"grade": "guessed"})),
    ("unparsable_number", _table({"value": "higher", "unit": "L"})),
    ("card_file", Evidence(unreadable={"c": "card.title: is missing"})),
    ("card_source_key", _card(ENTRY.replace(source="b2020"))),
    ("card_source_key", _card(ENTRY, source="b2020")),
    ("card_source_key", _card(ENTRY.replace(iiv=dataclasses.replace(OMEGA, source="b2020")))),
    ("card_spread_source", _card(ENTRY.replace(iiv=dataclasses.replace(OMEGA, source="")))),
    ("card_unit", _card(ENTRY.replace(unit="litr"))),
    ("card_value", _card(ENTRY.replace(unit="fraction", value=1.5))),
    ("card_value", _card(ENTRY.replace(value=-1.0))),
    ("card_value", _card(ENTRY.replace(unit="points", value=-1.0, iiv=OMEGA))),
    ("card_value", _card(ENTRY.replace(rse=-1.0))),
    (
        "card_value",
        _card(ENTRY.replace(iiv=Spread("logit_sd", 0.5, "estimated", "a2020", "Table 1"))),
    ),
    ("card_interval", _card(ENTRY.replace(low=11.0, high=12.0))),
    ("card_interval", _card(ENTRY.replace(high=9.0))),
    ("card_positive_definite", _three_at_odds()),
    ("card_positive_definite", _card(ENTRY, correlations=(("V", "W", 0.5),))),
    ("card_positive_definite", _singular_estimates()),
    ("card_assumption", _card(ENTRY.replace(grade="assumed", source=""))),
    (
        "card_assumption",
        _card(ENTRY.replace(iiv=dataclasses.replace(OMEGA, grade="assumed", source=""))),
    ),
    ("card_locator", _card(ENTRY.replace(locator=""))),
]


@pytest.mark.parametrize(("check", "evidence"), BAD)
def test_each_check_fires_on_a_bad_example(check: str, evidence: Evidence) -> None:
    assert check in {finding.check for finding in lint(evidence)}


def test_every_check_has_a_bad_example() -> None:
    assert {check for check, _ in BAD} == {check.name for check in CHECKS}


def test_a_sound_example_is_left_alone() -> None:
    rows = (
        {"metric": "CL", "value": "79", "unit": "L/h", "spread": "70-89", "spread_type": "95% CI"},
        {"metric": "F", "value": "0.5", "unit": "fraction", "spread": "", "spread_type": ""},
    )
    assert lint(_table(*rows)) == []
    assert lint(_card(ENTRY.replace(iiv=OMEGA, low=9.0, high=11.0))) == []
    named = lint(_called("FDA label of Spravato, 2019, section 5.1", "EU label of Spravato, 2020"))
    assert {finding.check for finding in named} == {"cited_nowhere"}


def test_a_waiver_keeps_the_finding_with_its_reason() -> None:
    bad = _table({"percent": "104"})
    waiver = Waiver("range", "t", 1, "printed so")
    (finding,) = lint(bad, [waiver])
    assert (finding.severity, finding.waived) == ("info", "printed so")
    assert [one.severity for one in lint(bad, [dataclasses.replace(waiver, row=2)])] == [
        "error",
        "warning",
    ]


def test_a_waiver_needs_a_check_and_a_reason() -> None:
    with pytest.raises(InputError, match="did you mean 'range'"):
        read_waivers('[[waiver]]\ncheck = "rang"\ntable = "t"\nreason = "x"\n')
    with pytest.raises(InputError, match="reason: is missing"):
        read_waivers('[[waiver]]\ncheck = "range"\ntable = "t"\n')


@pytest.mark.parametrize(
    "unit",
    ["L/h/70kg", "L/h/kg^0.75", "ng*h/mL", "1e6 M-1 s-1", "s-1", "% patients", "mg (HCl)", "mmHg"],
)
def test_units_of_the_tables_parse(unit: str) -> None:
    assert is_unit(unit)


@pytest.mark.parametrize(
    "unit", ["", "()", "L//h", "mgg", "mg per kilo", "L/", "%patients", "hours?"]
)
def test_what_is_no_unit_is_refused(unit: str) -> None:
    assert not is_unit(unit)


def test_the_shipped_evidence_is_what_lint_reads() -> None:
    evidence = shipped()
    assert evidence.unreadable == {}
    assert "pk/observed" in evidence.tables
    assert len(evidence.keys()) == len(evidence.sources)
