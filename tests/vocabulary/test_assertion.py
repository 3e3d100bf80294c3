"""What is denied, doubted, a relative's or stopped, and what is not for all its denying words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.evidence import facts, load_sources
from ketasim.vocabulary import HistoryMatch, daily_mg, read_history, resolve_medicine

PRESENT = [
    "abdominal aortic aneurysm 4.2 cm, not repaired",
    "aneurysm, no rupture",
    "no growth of aneurysm since 2019",
    "no change in aneurysm size",
    "aneurysm without improvement",
    "not only aneurysm",
    "no other disease than aneurysm",
    "no stroke, but aneurysm",
    "denies chest pain; known aneurysm",
    "aneurysm (no stroke)",
    "no symptoms from his aneurysm",
    "declined aneurysm repair",
    "denies aneurysm repair",
    "aneurysm, mother died young",
    "mother of two with aneurysm",
    "stroke in mother, aneurysm",
    "mother has aneurysm as does patient",
    "aneurysm yes, stroke no",
    "stroke no, aneurysm yes",
    "aneurysm denied, but recorded by GP",
    "no contraindication: aneurysm",
    "no mania; aneurysm",
    "cannot rule out aneurysm",
    "?aneurysm",
    "aneurysm not excluded",
    "anuerysm",
    "nil of note except aneurysm",
    "no known drug allergies, aneurysm",
    "aneurysm MRI negative",
]
"""Entries in which an aneurysm is there, or may be."""

ABSENT = [
    "no aneurysm",
    "Aneurysm: none",
    "denies aneurysm",
    "no history of aneurysm",
    "never had an aneurysm",
    "aneurysm ruled out",
    "aneurysm negative",
    "aneurysm (-)",
    "no stroke, AVM or aneurysm",
    "neither stroke nor aneurysm",
    "no evidence of aneurysm on MRI",
    "FH: aneurysm",
    "mother had an aneurysm",
    "aneurysm (father)",
    "family history of aneurysm",
]
"""Entries in which it is not there, or a relative's."""

TAKEN = [
    "phenelzine 45 mg daily, not changed since 2019",
    "phenelzine 45 mg (off on session days)",
    "no phenelzine on session days",
    "phenelzine, none today",
    "no side effects on phenelzine",
    "phenelzine never stopped",
    "did not stop phenelzine",
    "denies missing phenelzine",
    "can't sleep without phenelzine",
    "phenelzine stopped 2019, restarted 2024",
    "refuses to stop phenelzine",
    "tapering off phenelzine",
    "phenelzine until the session",
    "phenelzine will be stopped next week",
    "no meds except phenelzine",
    "phenelzine, sertraline stopped",
    "unsure whether still on phenelzine",
]
"""Entries in which phenelzine is taken, or may be."""

NOT_TAKEN = [
    "no phenelzine",
    "phenelzine: no",
    "never took phenelzine",
    "not on phenelzine",
    "does not take phenelzine",
    "phenelzine stopped in 2017",
    "stopped phenelzine",
    "sertraline, not phenelzine",
    "allergic to phenelzine",
    "switched from phenelzine to sertraline",
    "father takes phenelzine",
]
"""Entries in which it is not taken, or was."""


@pytest.mark.parametrize("text", PRESENT)
def test_an_entry_counts_as_present_unless_all_of_it_is_a_denial(text: str) -> None:
    assert "aneurysm" in read_history(text).factors


@pytest.mark.parametrize("text", ABSENT)
def test_a_denial_or_a_relative_takes_it_away(text: str) -> None:
    assert "aneurysm" not in read_history(text).factors


@pytest.mark.parametrize("text", TAKEN)
def test_a_medicine_counts_as_taken_unless_clearly_denied(text: str) -> None:
    assert "phenelzine" in resolve_medicine(text).names


@pytest.mark.parametrize("text", NOT_TAKEN)
def test_a_medicine_that_is_not_taken(text: str) -> None:
    assert "phenelzine" not in resolve_medicine(text).names


@pytest.mark.parametrize(
    ("text", "days", "recent"),
    [
        ("phenelzine stopped 5 days ago", 5, True),
        ("stopped phenelzine yesterday", 1, True),
        ("phenelzine washed out last week", 14, True),
        ("phenelzine ceased 4/7 ago", 4, True),
        ("phenelzine stopped 3 weeks ago", 21, False),
        ("fluoxetine stopped 3 weeks ago", 21, True),
        ("stopped phenelzine", None, False),
    ],
)
def test_what_was_stopped_says_when(text: str, days: float | None, recent: bool) -> None:
    (one,) = resolve_medicine(text).stopped
    assert (one.days, one.recent) == (days, recent)


def test_each_finding_of_an_entry_has_its_own_status() -> None:
    found = read_history("FH: stroke; no psychosis, known AAA 4.2 cm, severe hypertension? OSA")
    said = {one.factor: (one.presence, one.measure) for one in found.findings}
    assert said["stroke"][0] == "family" and said["psychosis"][0] == "absent"
    assert said["aneurysm"] == ("present", "4.2 cm")
    assert said["uncontrolled hypertension"][0] == "uncertain"
    assert said["sleep apnoea"][0] == "present"


def test_severity_and_time_beside_a_factor_are_kept() -> None:
    (one,) = read_history("hypertension, poorly controlled, since 2011").findings
    assert one.factor == "uncontrolled hypertension"
    assert (one.severity, one.time) == ("poorly controlled", "since 2011")
    assert read_history("hypertension, not severe").factors == ("hypertension",)


def test_what_is_not_read_is_named_and_takes_nothing_away() -> None:
    found = read_history("aneurysm, xyzzol grumbling")
    assert found.factors == ("aneurysm",) and found.unread == ("xyzzol grumbling",)


@given(st.lists(st.sampled_from(["no", "not", "never", "stopped", "denies", "off"]), max_size=4))
def test_a_denial_of_something_else_takes_nothing_away(words: list[str]) -> None:
    found = read_history(f"aneurysm 4 cm, {' '.join(words)} xyzzol")
    assert found.factors == ("aneurysm",)


@given(st.text(max_size=80))
def test_any_entry_is_read_one_way(text: str) -> None:
    found = read_history(text)
    assert isinstance(found, HistoryMatch)
    assert found.status in ("recognised", "denied", "family", "unknown")
    assert bool(found.factors) == (found.status == "recognised")


def test_triggers_name_known_sources_kinds_and_directions() -> None:
    sources = load_sources()
    for row in facts("vocabulary/triggers"):
        assert row.source in sources, row.id
        assert row.get("direction") in ("", "forward", "backward", "both"), row.id
        assert row.get("about") in ("", "history", "medicine"), row.id
        assert row.listed("words") == tuple(dict.fromkeys(row.listed("words"))), row.id


@pytest.mark.parametrize(
    ("text", "mg"),
    [
        ("10 mg nocte", 10),
        ("0.5 mg qhs", 0.5),
        ("0,5 mg hs", 0.5),
        ("10mg mane", 10),
        ("5 mg od", 5),
        ("5 mg bd", 10),
        ("5 mg tds", 15),
        ("5 mg qds", 20),
        ("5 mg q6h", 20),
        ("5 mg q8h", 15),
        ("5 mg 1-0-1", 10),
        ("5 mg 1-0-½", 7.5),
        ("5 mg morning and 10 mg night", 15),
        ("5 mg mane, 10 mg nocte", 15),
        ("500 micrograms bd", 1),
        ("2 x 1 mg tds", 6),
        ("two 5 mg tablets nocte", 10),
        ("60 ml (1 mg/ml) daily", 60),
        ("previously 75 mg, now 150 mg", 150),
        ("10 mg at night (off on session days)", 10),
        ("half a tablet", None),
        ("10 mg half tablet", None),
        ("10 mg prn", None),
        ("max 10 mg daily", None),
        ("5-10 mg nocte", None),
        ("1,000 mg daily", None),
        ("1.000 mg daily", None),
        ("10 mg weekly", None),
        ("10 mg every other day", None),
        ("5 mg, 10 mg", None),
        ("8/2 mg daily", None),
        ("10", None),
    ],
)
def test_the_daily_dose_is_told_only_without_doubt(text: str, mg: float | None) -> None:
    assert daily_mg(text) == (None if mg is None else pytest.approx(mg))


def test_everyday_medicines_are_known() -> None:
    for text in ("Eltroxin", "xyzzol"):
        assert resolve_medicine(text).status == "unknown"
    for text in ("SJW", "hypericum", "CBD oil", "omeprazole 20 mg od", "the contraceptive pill"):
        assert resolve_medicine(text).status == "recognised", text


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("lives with mother, stroke", "stroke"),
        ("looked after by his mother and a nurse, stroke", "stroke"),
        ("wife and two children, stroke", "stroke"),
        ("daughter present, stroke", "stroke"),
        ("divorced, no children, stroke", "stroke"),
        ("estranged from family, stroke", "stroke"),
        ("family physician follows his stroke", "stroke"),
        ("brother worried about his stroke", "stroke"),
        ("mother aware of stroke", "stroke"),
        ("death of father precipitated psychosis", "psychosis"),
        ("drinks with his father", "alcohol"),
        ("neither hypertension nor stroke is treated", "stroke"),
        ("neither hypertension nor stroke is treated", "hypertension"),
        ("no sign that psychosis has resolved", "psychosis"),
        ("no proof that it was not a stroke", "stroke"),
        ("hardly ever without suicidal thoughts", "suicidal ideation"),
        ("rarely free of psychosis", "psychosis"),
        ("never stable bipolar", "bipolar disorder"),
        ("not the cause of the stroke", "stroke"),
        ("pregnancy normal", "pregnancy"),
        ("no pregnancy test done", "pregnancy"),
        ("kein Alkohol seit 2 Wochen", "alcohol"),
        ("keine Therapie der Hypertonie", "hypertension"),
        ("keine Angaben zu Schlaganfall", "stroke"),
        ("non-STEMI in May", "myocardial infarction"),
        ("no psychotic symptoms on clozapine", "psychosis"),
        ("never drinks alone", "alcohol"),
        ("never controlled hypertension", "hypertension"),
        ("none of his doctors treats the hypertension", "hypertension"),
        ("no doctor treats hypertension", "hypertension"),
        ("no current treatment psychosis", "psychosis"),
        ("family declined dialysis", "dialysis"),
        ("nil since stroke", "stroke"),
        ("other than stroke nil", "stroke"),
        ("no allergies except latex", "allergy"),
        ("instead of treatment he drinks", "alcohol"),
        ("stroke - denies symptoms", "stroke"),
        ("suicidal ideation denied today", "suicidal ideation"),
        ("unable to get his blood pressure under control", "uncontrolled hypertension"),
    ],
)
def test_words_that_belong_to_something_else_take_no_finding_away(text: str, factor: str) -> None:
    assert factor in read_history(text).factors


@pytest.mark.parametrize(
    "text",
    [
        "brother with stroke",
        "mother, stroke",
        "older brother has severe stroke",
        "step-father had his stroke treated",
        "father died of stroke",
        "lives with his father, who has stroke",
        "family: stroke",
    ],
)
def test_what_a_relative_has_stays_his(text: str) -> None:
    assert read_history(text).factors == ()


@pytest.mark.parametrize(
    "text",
    [
        "no stroke seen on MRI",
        "no stroke on last CT",
        "neither stroke nor MI",
        "kein Hinweis auf Apoplex",
    ],
)
def test_a_denial_of_the_finding_itself_stays_one(text: str) -> None:
    assert read_history(text).factors == ()


@pytest.mark.parametrize(
    "text",
    [
        "did not come off lithium",
        "has not been able to come off lithium",
        "trying to come off lithium",
        "needs to be weaned off lithium",
        "lithium should be stopped",
        "lithium wird abgesetzt",
        "relapsed when lithium stopped",
        "unsure whether he stopped lithium",
        "claims to have stopped lithium",
        "stopped lithium, wife says he still takes it",
        "lithium stopped in May, pharmacy: still dispensed",
        "previously 400 mg lithium, now 800 mg",
        "mother supervises lithium",
        "husband reminds her to take lithium",
        "lives with mother, lithium",
        "on and off lithium",
        "refused to give up lithium",
    ],
)
def test_a_stop_that_is_not_done_or_contradicted_counts_as_taken(text: str) -> None:
    assert resolve_medicine(text).names == ("lithium",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("came off lithium in 2019", ()),
        ("lithium stopped 2019, still on sertraline", ("sertraline",)),
        ("mother takes lithium", ()),
        ("has been weaned off lithium", ()),
    ],
)
def test_a_stop_that_is_done_stays_one(text: str, names: tuple[str, ...]) -> None:
    assert resolve_medicine(text).names == names
