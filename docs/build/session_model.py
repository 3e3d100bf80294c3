"""The model of a session as its page tells it: equations, numbers, misses."""

from __future__ import annotations

from ketasim.calibration.session import SessionCompared, SessionFit
from ketasim.calibration.session.tables import little_known
from ketasim.evidence import Card, Entry, source, source_name, with_source_names
from ketasim.models import SESSION
from session_agreement import shown
from table import table

_GROUPS = (
    ("The drive", ("C50", "C100", "hill")),
    ("Scores and events", ("CADSS_", "left", "sessions_A", "omega", "between", "effect_")),
    ("Pressure and heart rate", ("SBP_", "DBP_", "HR_", "omega_g", "sigma_", "older_", "reading_")),
    ("Drug high and pain", ("Emax_high", "C50_high", "hill_high", "pain_")),
    ("When an effect counts as gone", ("few", "near_")),
    ("Between studies", ("tau_",)),
)
_EXACT = ("C50", "C100", "hill", "left", "sessions_A", "omega", "between", "omega_g", "few")


def equations() -> str:
    """Return the equations as the declaration writes them."""
    text = SESSION.describe()
    inside = text[text.index("\nEffect (") : text.index("\nEvents")].strip()
    return f"```text\n{inside}\n```\n"


def numbers(fit: SessionFit) -> str:
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
    head = ["symbol", "meaning", "value", "unit", "grade", "rests on", "95 % interval"]
    rows: list[list[str]] = []
    for name in names:
        entry = card.entry(name)
        grade = "**assumed**" if entry.grade == "assumed" else entry.grade
        ends = "" if entry.low is None else f"{entry.low:.3g} to {entry.high:.3g}"
        cells = [f"`{name}`", entry.meaning, f"{entry.value:.3g}", entry.unit, grade]
        rows.append([*cells, _rests_on(entry), ends])
    return table(head, rows)


def _rests_on(entry: Entry) -> str:
    if entry.source == "ketasim":
        parts = [entry.locator]
    elif entry.source:
        link = source(entry.source).link()
        name = source_name(entry.source)
        parts = [f"[{name}]({link})" if link else name, entry.locator]
    else:
        parts = []
    told = ", ".join(part for part in parts if part)
    return ". ".join(with_source_names(part).rstrip(".") for part in (told, entry.note) if part)


def misses(fit: SessionFit) -> str:
    """Return what the model misses, with the numbers of the fit."""

    def of(study: str, what: str, statistic: str) -> SessionCompared:
        found = [o for o in fit.compared if o.row.study == study and o.row.what == what]
        return next(o for o in found if o.row.statistic == statistic)

    def beside(study: str, what: str, statistic: str) -> str:
        one = of(study, what, statistic)
        unit = one.row.unit
        return f"{shown(unit, one.predicted)} against {shown(unit, one.row.value)}"

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
            f"{shown('fraction', of(timing, 'cadss_above_4', 'share_at_most').predicted)} of "
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
            f"{shown('mmHg', of('yale', 'SBP', 'mean_max').row.value)} at the peak, and does not "
            "say of what that is the mean."
        ),
    ]
    return "\n".join(lines) + "\n"
