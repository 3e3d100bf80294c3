"""The equations and numbers of mood, from the declaration and its cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ketasim.evidence import Card, Entry, load_card, source, source_name, with_source_names
from ketasim.models import MOOD, MOOD_PARAMETERS, RECEPTOR
from table import table

_OFTEN = {
    "s_ketamine": "S-ketamine",
    "r_ketamine": "R-ketamine",
    "s_norketamine": "S-norketamine",
    "r_norketamine": "R-norketamine",
    "hnk": "hydroxynorketamine, both enantiomers",
    "ketamine": "ketamine, both enantiomers",
}
_GROUPS = (
    ("The chain", [s.name for s in MOOD_PARAMETERS]),
    ("Sessions", ["k_session"]),
    ("Expectation, by what is believed, felt, and where", ("p_", "u_")),
    ("Older people", ["f_old"]),
    ("Between patients", ("omega_", "share_none", "rho")),
    ("Within patients", ["sigma", "omega_F", "k_F"]),
    ("Between trials", "tau_"),
    ("Drop-out", "stop_"),
)


def signals() -> str:
    """Return what is seen of the concentrations."""
    return _equations((s.name, _sum(s.parts), s.unit, s.meaning) for s in MOOD.signals)


def definitions() -> str:
    """Return what is computed once a patient."""
    return _equations((d.name, _plain(d.expression), d.unit, d.meaning) for d in MOOD.definitions)


def states() -> str:
    """Return the differential equations."""
    return _equations(
        (
            f"d {s.name} / dt",
            f"{_plain(s.production)} - {_bracketed(s.loss)} {s.name}",
            s.unit,
            f"{s.meaning}; {s.name}(0) = {_plain(s.initial)}",
        )
        for s in MOOD.states
    )


def quantities() -> str:
    """Return what is computed at every moment."""
    return _equations((q.name, _plain(q.expression), q.unit, q.meaning) for q in MOOD.quantities)


def notes() -> str:
    """Return the notes of the declaration."""
    return " ".join(MOOD.notes)


def numbers() -> str:
    """Return how many numbers there are, and all of them with grade and source."""
    mood, receptor = load_card("mood"), load_card("receptor")
    entries = [*mood.entries.values(), *receptor.entries.values()]
    assumed = sum(entry.grade == "assumed" for entry in entries)
    parts = [
        (
            f"{len(entries)} numbers, {assumed} of them **assumed**: not measured, but chosen here "
            "or by the authors of another model; their source is what they lean on. "
            "[Grades](../evidence.md#grades) tells what the others are."
        ),
        *_grouped(mood),
        "### Receptor",
        _table(receptor, [s.name for s in RECEPTOR.parameters]),
    ]
    return "\n\n".join(parts)


def _equations(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """Each equation below what it means."""
    return "\n\n".join(
        f"{meaning} ({unit}):\n\n```text\n{name} = {text}\n```"
        for name, text, unit, meaning in rows
    )


def _sum(parts: Any) -> str:
    terms = []
    for (quantity, site), weight in parts.items():
        what = quantity if site == "amount" else f"C[{_OFTEN.get(quantity, quantity)}]"
        terms.append(what if weight == "1" else f"{_plain(weight)} · {what}")
    return "\n    + ".join(terms)


def _bracketed(loss: str) -> str:
    """A loss as a factor."""
    text = _plain(loss)
    return f"{text} ·" if "+" not in text else f"[{text}] ·"


def _plain(expression: str) -> str:
    """An expression as people write it."""
    text = expression.replace("**2", "²").replace("**", "^").replace("*", " · ")
    return text.replace("maximum(", "max(").replace("minimum(", "min(")


def _grouped(card: Card) -> list[str]:
    lines: list[str] = []
    left = dict.fromkeys(card.entries)
    for title, chosen in _GROUPS:
        if isinstance(chosen, list):
            names = [name for name in chosen if name in left]
        else:
            names = [name for name in left if name.startswith(chosen)]
        if names:
            lines += [f"### {title}", _table(card, names)]
        for name in names:
            del left[name]
    if left:
        lines += ["### Others", _table(card, list(left))]
    return lines


def _table(card: Card, symbols: list[str]) -> str:
    head = ["symbol", "meaning", "value", "unit", "grade", "source", "95 % interval", "note"]
    return table(head, [_cells(card.entry(name)) for name in symbols if name in card.entries])


def _cells(entry: Entry) -> list[str]:
    grade = "**assumed**" if entry.grade == "assumed" else entry.grade
    cells = [f"`{entry.symbol}`", entry.meaning, f"{entry.value:.4g}", entry.unit, grade]
    return [*cells, _source(entry), interval(entry), with_source_names(entry.note)]


def _source(entry: Entry) -> str:
    if not entry.source:
        return ""
    if entry.source == "ketasim":
        return ", ".join(text for text in ("this package", entry.locator) if text)
    link = source(entry.source).link()
    name = source_name(entry.source)
    shown = f"[{name}]({link})" if link else name
    return f"{shown}, {with_source_names(entry.locator)}" if entry.locator else shown


def interval(entry: Entry) -> str:
    """Return the interval of a number, nothing where there is none."""
    if entry.low is None or entry.high is None:
        return ""
    other = "" if not entry.interval or entry.interval.startswith("95") else f" ({entry.interval})"
    return f"{entry.low:.3g} to {entry.high:.3g}{other}"
