"""A parameter of a card, and a card, for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ketasim._base import InputError, near, words
from ketasim._base.numbers import number
from ketasim.evidence import (
    Card,
    Conflict,
    Entry,
    Spread,
    card_keys,
    conflicts,
    load_card,
)
from ketasim.evidence.card_entry import SPREAD_TYPES
from ketasim.models import MODELS, MOOD, RECEPTOR, SESSION, names_in

_PLAIN_UNITS: Final = ("-", "fraction", "ratio")
_PRIOR: Final = "_prior"
_QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "F_im": ("intramuscular_bioavailability",),
    **dict.fromkeys(("F_device", "theta_later", "F_spray"), ("nasal_bioavailability",)),
    "X_gut": ("oral_bioavailability", "gut_cyp3a"),
    **dict.fromkeys(("Vc", "V_fast", "V_slow", "V_deep"), ("volume",)),
    **dict.fromkeys(("Qh", "CLint"), ("clearance", "sex")),
    "theta_R": ("enantiomer_clearance",),
    "fm_2B6": ("main_enzyme", "cyp2b6_6"),
    "fm_3A": ("main_enzyme",),
    **dict.fromkeys(("f_arm", "k_arm", "k_vein"), ("sampling_site",)),
    "ke0": ("central_delay",),
    "CLn": ("noresketamine_auc",),
    **dict.fromkeys(("b_V", "b_CL"), ("weight",)),
    "fu_ketamine": ("protein_binding",),
    **dict.fromkeys(("Ki_s_ketamine", "Ki_r_ketamine"), ("enantiomer_affinity", "r_ketamine")),
    **dict.fromkeys(("g_max", "B_opt"), ("glutamate_dose",)),
    "kD": ("bdnf",),
    "kF": ("spine_timing",),
    "s_gain": ("synaptic_density",),
    "kS": ("rapamycin", "duration"),
    **dict.fromkeys(("k_keep", "e_K"), ("repeated_sessions",)),
    "e_A": ("control_arm",),
    "gate": ("naltrexone",),
    "w_HNK": ("hydroxynorketamine",),
    "w_5HT": ("serotonin",),
    "p_belief": ("masking",),
    **dict.fromkeys(("SBP_full", "DBP_full"), ("bp_rise",)),
    "near_BP": ("bp_duration",),
    **dict.fromkeys(("effect_dis_report", "effect_dis_form"), ("dissociation_definition",)),
    **dict.fromkeys(("effect_sed_moaas", "effect_sed_report"), ("sedation_definition",)),
    "C50": ("effect_shape", "r_ketamine_session"),
    "C100": ("s_norketamine",),
}  # symbol to names of conflicts


@dataclass(frozen=True)
class ParameterRow:
    """A parameter in a table: in words, with the grade and source of its entry.

    **Arguments:**

    - `card`: key. `entry`: as the card has it. `value`, `unit`, `interval`: in words.
    - `between`: between-patient variability, in words.
    """

    card: str
    entry: Entry
    value: str
    unit: str
    interval: str
    between: str


@dataclass(frozen=True)
class ParameterView:
    """Everything known of one parameter.

    **Arguments:**

    - `row`: the entry in words. `card`: of it.
    - `before`: what was known before the fit, where a card of that has it.
    - `others`: entries of the same symbol on other cards.
    - `equations`: of the models, in which it stands.
    - `conflicts`: questions on it with more than one published answer.
    - `sources`: keys.
    """

    row: ParameterRow
    card: Card
    before: ParameterRow | None
    others: tuple[ParameterRow, ...]
    equations: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    sources: tuple[str, ...]


def parameter_row(card: str, entry: Entry) -> ParameterRow:
    """A parameter in words.

    **Arguments:**

    - `card`: key of the card. `entry`: as it has it, or as a course uses it.
    """
    return ParameterRow(
        card=card,
        entry=entry,
        value=number(entry.value),
        unit="" if entry.unit in _PLAIN_UNITS else words.unit(entry.unit),
        interval=_interval(entry),
        between="" if entry.iiv is None else _spread(entry.iiv),
    )


def known_card(key: str) -> Card:
    """A card by its key.

    **Raises:** `InputError` when there is none.
    """
    if key not in card_keys():
        raise InputError("card", f"there is no card '{key}'", near(key, card_keys()))
    return load_card(key)


def parameter_view(key: str, symbol: str) -> ParameterView:
    """Everything known of a parameter.

    **Arguments:**

    - `key`: of the card. `symbol`: of the parameter.

    **Raises:** `InputError` when there is no such card or symbol.
    """
    card = known_card(key)
    entry = card.entry(symbol)
    prior = f"{key}{_PRIOR}"
    before = None
    if prior in card_keys() and symbol in load_card(prior).entries:
        before = parameter_row(prior, load_card(prior).entries[symbol])
    others = [
        parameter_row(name, other.entries[symbol])
        for name in card_keys()
        if name not in (key, prior) and not name.endswith(_PRIOR)
        for other in (load_card(name),)
        if symbol in other.entries and other.entries[symbol].meaning == entry.meaning
    ]
    rows = [entry, *([] if before is None else [before.entry]), *(one.entry for one in others)]
    keys = [one.source for one in rows]
    keys += [one.source for one in (entry.iiv, entry.iov) if one is not None]
    sources = tuple(dict.fromkeys(one for one in keys if one))
    return ParameterView(
        row=parameter_row(key, entry),
        card=card,
        before=before,
        others=tuple(others),
        equations=_equations(card.model, symbol),
        conflicts=disputed(symbol),
        sources=sources,
    )


def card_rows(card: Card) -> tuple[ParameterRow, ...]:
    """The parameters of a card, in its order.

    **Arguments:**

    - `card`: any.
    """
    return tuple(parameter_row(card.key, entry) for entry in card.entries.values())


def _interval(entry: Entry) -> str:
    if entry.low is not None and entry.high is not None:
        return f"{entry.interval or 'range'}: {number(entry.low)} to {number(entry.high)}"
    return "" if entry.rse is None else f"relative standard error {number(entry.rse)} %"


def _spread(spread: Spread) -> str:
    meaning = SPREAD_TYPES[spread.printed_type][2]
    return f"{number(spread.printed_value)} ({meaning})"


def _equations(model: str, symbol: str) -> tuple[str, ...]:
    """Lines of the models in which a symbol stands."""
    found: list[str] = []
    if model == MOOD.name:
        chain = (*MOOD.definitions, *MOOD.quantities)
        found += [f"{q.name} = {q.expression}" for q in chain if symbol in names_in(q.expression)]
        found += [
            f"d {s.name}/dt = {s.production} − ({s.loss})·{s.name}"
            for s in MOOD.states
            if symbol in names_in(s.production) | names_in(s.loss)
        ]
    elif model == RECEPTOR.name:
        found += [
            f"{d.name} = {d.expression}"
            for d in RECEPTOR.definitions
            if symbol in names_in(d.expression)
        ]
    elif model in MODELS:
        found += [
            f"{d.name} = {d.expression}"
            for d in MODELS[model].definitions
            if symbol in names_in(d.expression)
        ]
    elif model == SESSION.name:
        return ()
    return tuple(found)


def disputed(symbol: str) -> tuple[Conflict, ...]:
    """Questions on which the evidence on a parameter disagrees.

    **Arguments:**

    - `symbol`: of the parameter.
    """
    known = {one.name: one for one in conflicts()}
    return tuple(known[name] for name in _QUESTIONS.get(symbol, ()))
