"""Cards of published models hold the printed numbers, in the units of their structures."""

from __future__ import annotations

import pytest

from ketasim._base import InputError
from ketasim.evidence import facts, grade_row, load_card, load_sources
from ketasim.models import MODELS
from ketasim.validation import replay, replay_all

PUBLISHED = sorted(set(MODELS) - {"reference"})
HOURLY = {"1/min": 60.0, "L/min": 60.0, "min": 1 / 60, "%": 0.01, "% per h": 0.01}


@pytest.mark.parametrize("key", PUBLISHED)
def test_a_card_has_every_parameter_of_its_structure_in_its_unit(key: str) -> None:
    card, model = load_card(key), MODELS[key]
    assert card.model == key
    for symbol in model.parameters:
        assert card.entry(symbol.name).unit == symbol.unit
    residual = set(card.entries) - {symbol.name for symbol in model.parameters}
    assert all(name.startswith("sigma_") for name in residual)


# printed symbols that are not the structure's own: key of the card to (analyte, printed) to symbol
RENAMED = {
    "perezruixo2021": {
        ("noresketamine", "Vcn/F"): "Vcn",
        ("noresketamine", "CLn/F"): "CLn",
        ("noresketamine", "Vpn/F"): "Vpn",
        ("noresketamine", "Q3/F"): "Q3",
    },
    "simons2022": {
        ("S-norketamine", "MTT_K-NK"): "MTT_NK",
        ("S-hydroxynorketamine", "MTT_NK-HNK"): "MTT_HNK",
    },
    "otto2021": {
        ("S-norketamine", "V"): "Vn",
        ("S-norketamine", "CL"): "CLn",
        ("S-norketamine", "Vp"): "Vnp",
        ("S-norketamine", "Q"): "Qn",
    },
    "ashraf2018": {
        ("S-ketamine", "CLint,H"): "CLint_H",
        ("S-ketamine", "CLint,GW"): "CLint_GW",
        ("S-ketamine", "fu,SK"): "fu_SK",
        ("S-ketamine", "BP"): "BP_SK",
        ("S-norketamine", "Vc"): "Vcn",
        ("S-norketamine", "Q1"): "Qn",
        ("S-norketamine", "Vp1"): "Vpn",
        ("S-norketamine", "CLint,H"): "CLint_HN",
        ("S-norketamine", "CLint,GW"): "CLint_GWN",
        ("S-norketamine", "fu,NK"): "fu_NK",
        ("S-norketamine", "BP"): "BP_NK",
        ("ticlopidine", "ka"): "ka_TIC",
        ("ticlopidine", "fu,TIC"): "fu_TIC",
        ("ticlopidine", "Vc"): "",  # ticlopidine's own disposition is not in the structure
        ("ticlopidine", "Q1"): "",
        ("ticlopidine", "Vp1"): "",
        ("ticlopidine", "CLint,H"): "",
        ("physiology", "QH"): "QH_coefficient",
        ("interaction", "ki"): "ki_TIC",
        ("interaction", "KI"): "KI_TIC",
        ("interaction", "kinact"): "kinact_TIC",
        ("interaction", "fm2B6"): "fm_2B6",
    },
    "flint2017": {("S-norketamine", "CLnk/Fm"): "CLnk", ("S-norketamine", "Vnk/Fm"): "Vnk"},
    "kamp2020": {
        ("ketamine", "v1"): "V1",
        ("ketamine", "v2"): "V2",
        ("ketamine", "v3"): "V3",
        ("ketamine", "cl1"): "CL",
        ("ketamine", "cl2"): "Q2",
        ("ketamine", "cl3"): "Q3",
    },
}
PART = {"kamp2020": "Klamp", "domino1982": "Domino", "clements1981": "Clements250"}
NOT_PRINTED = {
    "WT_ref",
    "b_V",
    "b_CL",
    "b_QH",
    "age_turn",
    "Qh_typical",
    "MW_K",
    "MW_NK",
    "MW_HNK",
    "kdeg_2B6",  # the table holds the printed value, the card that of the control stream
}


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_parameter_is_the_number_of_the_table(key: str) -> None:
    """Units brought to hours and fractions; nothing in the card is left uncompared."""
    card, renamed = load_card(key), RENAMED.get(key, {})
    found: set[str] = set()
    for fact in facts("pk/models"):
        if fact.source != card.source or fact.get("locator") == "abstract":
            continue
        if not fact.get("structure_note").startswith(PART.get(key, "")):
            continue
        printed = fact.get("symbol")
        symbol = renamed.get((fact.get("analyte"), printed), printed)
        if symbol not in card.entries:
            continue
        entry = card.entry(symbol)
        value = float(fact.get("value")) * HOURLY.get(fact.get("unit"), 1.0)
        assert entry.value == pytest.approx(value, rel=1e-5), fact.get("parameter")
        if fact.get("rse_pct"):
            assert entry.rse == pytest.approx(float(fact.get("rse_pct")), abs=0.06)
        found.add(symbol)
    expected = {symbol.name for symbol in MODELS[key].parameters} - NOT_PRINTED
    assert expected <= found


def test_every_published_model_is_replayed_and_every_number_cited() -> None:
    rows = replay_all()
    assert {row.study for row in rows} == set(PUBLISHED)
    assert {row.source for row in rows} <= set(load_sources())
    assert all(row.locator and row.unit and row.published > 0 for row in rows)


def test_an_unknown_replay_suggests_the_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'simons2022'"):
        replay("simons202")


@pytest.mark.parametrize("key", PUBLISHED)
def test_the_spread_between_patients_is_a_covariance(key: str) -> None:
    symbols, omega = load_card(key).omega()
    assert len(symbols) == len(omega)


def test_printed_covariances_survive() -> None:
    symbols, omega = load_card("otto2021").omega()
    at = {name: i for i, name in enumerate(symbols)}
    assert omega[at["V1"], at["CL"]] == pytest.approx(0.02261)
    assert omega[at["Vn"], at["CLn"]] == pytest.approx(0.04456)
    assert load_card("flint2017").correlations == (("CL", "CLnk", 0.506),)


def test_what_authors_fixed_is_assumed_and_says_so() -> None:
    for key in PUBLISHED:
        for symbol, entry in load_card(key).entries.items():
            if symbol == "WT_ref" or symbol.startswith("b_"):
                assert entry.grade == "assumed", (key, symbol)
                assert entry.source == load_card(key).source or key in ("fanta2015", "simons2022")
            if "ixed by the authors, not estimated" in entry.note:
                assert entry.grade == "assumed", (key, symbol)
                assert entry.source, (key, symbol)


def test_numbers_fixed_in_the_table_are_no_estimates() -> None:
    assert {load_card("simons2022").entry(s).grade for s in ("fm_NK", "fm_HNK")} == {"assumed"}
    assert load_card("flint2017").entry("Vnk").grade == "assumed"


def test_receptor_numbers_have_the_grade_of_their_row_and_name_their_system() -> None:
    card = load_card("receptor")
    rows = {
        "IC50": ("ketamine", "IC50"),
        "hill": ("ketamine", "Hill"),
        "kon": ("ketamine", "kon"),
        "koff": ("ketamine", "koff"),
        "Ki_s_ketamine": ("S-ketamine", "Ki"),
        "Ki_r_ketamine": ("R-ketamine", "Ki"),
        "Ki_s_norketamine": ("S-norketamine", "Ki"),
        "Ki_r_norketamine": ("R-norketamine", "Ki"),
    }
    for symbol, wanted in rows.items():
        entry = card.entry(symbol)
        (row,) = (
            one
            for one in facts("mechanism/receptor")
            if one.source == entry.source and next(iter(one.cells.values())) == wanted[0]
            if wanted[1] in one.cells.values()
        )
        graded = grade_row(row)
        assert entry.grade == graded.grade
        assert graded.species != ("human",)
        assert "not in people" in entry.note
        assert ("rat cortex" if "rat" in graded.species else "recombinant") in entry.locator
