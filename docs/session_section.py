"""Writes what the pages on the effects of a session say of the fit, from the shipped card.

`python docs/session_section.py` is run after the card `session` has changed: it writes the section of
the validation page, and equations, numbers and misses of the page that explains the model.
"""

from __future__ import annotations

from pathlib import Path

from ketasim.calibration.session import (
    SessionCompared,
    SessionFit,
    compare_session,
    session_dose_table,
)
from ketasim.calibration.session.tables import (
    GROUPS,
    effect_words,
    given_words,
    group_of,
    is_inside,
    is_met,
    little_known,
    missed_of,
    session_coverage,
    statistic_words,
)
from ketasim.evidence import Card, Entry, load_card, source
from ketasim.models import SESSION

DOCS = Path(__file__).parent
CHECKED, TOLD = DOCS / "validation.md", DOCS / "explain" / "session.md"
_GROUPS = (
    ("The drive", ("C50", "C100", "hill")),
    ("Scores and events", ("CADSS_", "left", "sessions_A", "omega", "between", "effect_")),
    ("Pressure and heart rate", ("SBP_", "DBP_", "HR_", "omega_g", "sigma_", "older_", "reading_")),
    ("Drug high and pain", ("Emax_high", "C50_high", "hill_high", "pain_")),
    ("When an effect counts as gone", ("few", "near_")),
    ("Between studies", ("tau_",)),
)
_EXACT = ("C50", "C100", "hill", "left", "sessions_A", "omega", "between", "omega_g", "few")


def mark(name: str) -> tuple[str, str]:
    """Return what stands before and after a written part of a page."""
    return f"<!-- session {name}: begin -->", f"<!-- session {name}: end -->"


# The validation page


def agreement_section(fit: SessionFit) -> str:
    """Return the tables of the validation page."""
    parts = [_coverage(fit), _doses(fit), _missed(fit), _rows(fit)]
    return "\n".join(parts)


def _coverage(fit: SessionFit) -> str:
    first, *groups = session_coverage(fit)
    told = "; ".join(f"{one.name} {one.inside} of {one.n}" for one in groups)
    return f"Inside their 90 % interval: {first.inside} of {first.n} fitted numbers. {told}.\n"


def _doses(fit: SessionFit) -> str:
    rows = {_key(one): one.row for one in reversed(fit.compared)}
    lines = [
        "Label percentages for 56 and 84 mg apart; published, and in the fit, half and half:\n",
        (
            "| effect | published, 56-84 mg | predicted | 90 % interval | 56 mg | 84 mg | placebo, "
            "published | placebo, predicted | source |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cells in session_dose_table(fit).to_dicts():
        unit = cells["unit"]
        row = rows[cells["what"], cells["statistic"], cells["source"]]
        published = _value(unit, cells["published"])
        if cells["published_low"] is not None:
            ends = [_value(unit, cells[name]) for name in ("published_low", "published_high")]
            published += f" ({' to '.join(ends)})"
        added = cells["predicted_placebo"] is None and row.comparator is not None
        line = [
            f"{effect_words(row)}, {statistic_words(row)}",
            published,
            _value(unit, cells["predicted"]),
            f"{_value(unit, cells['low'])} to {_value(unit, cells['high'])}",
            _value(unit, cells["predicted_56"]),
            _value(unit, cells["predicted_84"]),
            _value(unit, cells["published_placebo"]),
            "added" if added else _value(unit, cells["predicted_placebo"]),
            f"{cells['source']}; {cells['facts']}",
        ]
        lines.append(_line(line))
    return "\n".join(lines) + "\n"


def _missed(fit: SessionFit) -> str:
    lines = [
        "Outside their 90 % interval:\n",
        "| effect | given | published | predicted | z | use | why, as far as the tables tell |",
        "|---|---|---|---|---|---|---|",
    ]
    for one, why in missed_of(fit):
        row = one.row
        use = "in the fit" if row.use == "fit" else "compared"
        values = [_value(row.unit, row.value), _value(row.unit, one.predicted), f"{one.z:+.1f}"]
        what = f"{effect_words(row)}, {statistic_words(row)}"
        lines.append(_line([what, f"{given_words(row)} ({row.source})", *values, use, why]))
    return "\n".join(lines) + "\n"


def _rows(fit: SessionFit) -> str:
    lines = [
        "All rows:\n",
        "| effect | given | published | predicted | 90 % interval | source |",
        "|---|---|---|---|---|---|",
    ]
    for name, title in GROUPS.items():
        lines.append(_line([f"*{title}*", "", "", "", "", ""]))
        for one in fit.compared:
            if group_of(one.row) == name:
                lines.append(_row(one))
    return "\n".join(lines) + "\n"


def _row(one: SessionCompared) -> str:
    row = one.row
    ends = " to ".join(_value(row.unit, end) for end in (one.low, one.high))
    predicted = _value(row.unit, one.predicted)
    return _line(
        [
            f"{effect_words(row)}, {statistic_words(row)}",
            given_words(row),
            _value(row.unit, row.value),
            predicted if is_inside(one) else f"**{predicted}**",
            f"{ends}; bound kept" if is_met(one) else ends,
            f"{row.source}; {', '.join(row.facts)}",
        ]
    )


def _key(one: SessionCompared) -> tuple[str, str, str]:
    return one.row.what, one.row.statistic, one.row.source


def _value(unit: str, value: float | None) -> str:
    if value is None:
        return ""
    if unit != "fraction":
        return f"{value:.3g} {unit}"
    return f"{100 * value:.1f} %" if value > 0.02 else f"{100 * value:.2g} %"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


# The page that explains the model


def equations_section() -> str:
    """Return the equations as the declaration writes them."""
    text = SESSION.describe()
    inside = text[text.index("\nEffect (") : text.index("\nEvents")].strip()
    return f"```text\n{inside}\n```\n"


def numbers_section(fit: SessionFit) -> str:
    """Return the numbers of the card with grade, source and interval, and what is little known."""
    card = fit.card
    left = list(card.entries)
    parts: list[str] = []
    for title, names in _GROUPS:
        chosen = [s for s in left if any(_is_named(s, name) for name in names)]
        left = [s for s in left if s not in chosen]
        parts.append(f"**{title}**\n\n{_numbers(card, chosen)}\n")
    assert not left, left
    assumed = sum(entry.grade == "assumed" for entry in card.entries.values())
    known = "; ".join(f"`{symbol}` {100 * part:.0f} %" for symbol, part in little_known(fit))
    return (
        f"{len(card.entries)} numbers, {assumed} of them **assumed**. Free numbers that keep at "
        f"least half of the spread of their prior: {known}.\n\n" + "\n".join(parts)
    )


def _is_named(symbol: str, name: str) -> bool:
    return symbol == name if name in _EXACT or not name.endswith("_") else symbol.startswith(name)


def _numbers(card: Card, names: list[str]) -> str:
    lines = [
        "| symbol | meaning | value | unit | grade | rests on | 95 % interval |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        entry = card.entry(name)
        grade = "**assumed**" if entry.grade == "assumed" else entry.grade
        ends = "" if entry.low is None else f"{entry.low:.3g} to {entry.high:.3g}"
        cells = [f"`{name}`", entry.meaning, f"{entry.value:.3g}", entry.unit, grade]
        lines.append(_line([*cells, _rests_on(entry), ends]))
    return "\n".join(lines)


def _rests_on(entry: Entry) -> str:
    if entry.source == "ketasim":
        parts = [entry.locator]
    elif entry.source:
        link = source(entry.source).link()
        parts = [f"[{entry.source}]({link})" if link else entry.source, entry.locator]
    else:
        parts = []
    told = ", ".join(part for part in parts if part)
    return ". ".join(part.rstrip(".") for part in (told, entry.note) if part)


def misses_section(fit: SessionFit) -> str:
    """Return what the model misses, with the numbers of the fit."""

    def of(study: str, what: str, statistic: str) -> SessionCompared:
        found = [o for o in fit.compared if o.row.study == study and o.row.what == what]
        return next(o for o in found if o.row.statistic == statistic)

    def beside(study: str, what: str, statistic: str) -> str:
        one = of(study, what, statistic)
        unit = one.row.unit
        return f"{_value(unit, one.predicted)} against {_value(unit, one.row.value)}"

    def side(study: str, what: str, statistic: str, below: str, above: str) -> str:
        one = of(study, what, statistic)
        return below if one.predicted < one.row.value else above

    timing, other = "label_timing", "Predicted against published, here and below:"
    peak = side(timing, "cadss", "peak_time", "early", "late")
    gone = side(timing, "sedation_moaas", "back_time", "early", "late")
    often = side("sustain", "dissociation_report", "ever", "too rarely", "too often")
    lines = [
        (
            f"- **The peak comes {peak}.** {other} {beside(timing, 'cadss', 'peak_time')}. The "
            "trials look at 40 minutes first, so that an earlier peak was not to be seen."
        ),
        (
            f"- **Effects leave {gone}.** Sedation by MOAA/S counts as gone at "
            f"{beside(timing, 'sedation_moaas', 'back_time')}; at two hours "
            f"{_value('fraction', of(timing, 'cadss_above_4', 'share_at_most').predicted)} of "
            "patients have a CADSS above 4, where the source says that it resolves by 1.5 hours. "
            "The spread of sensitivity that the published shares ask for leaves some patients "
            "affected for long."
        ),
        (
            "- **One trial reports more of everything.** In China and the US "
            f"dizziness {beside('china', 'dizziness', 'ever')}, dissociation "
            f"{beside('china', 'dissociation_report', 'ever')}. Reporting differs between trials; "
            "the model has a spread for it and no reason."
        ),
        (
            "- **Dizziness in an infusion** is predicted less often than seen: "
            f"{beside('dbpia', 'dizziness', 'ever')} recorded during it, "
            f"{beside('rodrigues', 'dizziness', 'ever')} in a clinic."
        ),
        (
            f"- **The first weeks of long trials** are predicted {often}: dissociation "
            f"{beside('sustain', 'dissociation_report', 'ever')}. Part of these people had been "
            "treated before."
        ),
        (
            "- **Two cohorts of one infusion** differ by more than the model can say: a largest "
            f"mean rise of {beside('rivaposse', 'SBP', 'mean_change')} in one, "
            f"{beside('cvrepeat', 'SBP', 'mean_change')} in the other. A third reports "
            f"{_value('mmHg', of('yale', 'SBP', 'mean_max').row.value)} at the peak, and does not "
            "say of what that is the mean."
        ),
    ]
    return "\n".join(lines) + "\n"


# Writing


def with_part(text: str, name: str, part: str) -> str:
    """Return a page with another part between its marks."""
    begin, end = mark(name)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if not after:
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n{part}{end}{after}"


def pages(fit: SessionFit) -> dict[Path, str]:
    """Return the pages as they should stand, by their path."""
    told = TOLD.read_text(encoding="utf-8")
    told = with_part(told, "equations", equations_section())
    told = with_part(told, "numbers", numbers_section(fit))
    told = with_part(told, "misses", misses_section(fit))
    checked = CHECKED.read_text(encoding="utf-8")
    return {TOLD: told, CHECKED: with_part(checked, "agreement", agreement_section(fit))}


def main() -> None:
    """Write the parts of both pages."""
    for path, text in pages(compare_session(load_card("session"))).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
