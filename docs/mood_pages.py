"""Writes the pages on mood while the documentation is built, from the declaration and its cards.

`python docs/mood_pages.py` draws their figures again and writes the table of the validation page;
it is run after the card `mood` has changed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ketasim.calibration.mood import mechanism_curves
from ketasim.evidence import Card, Entry, load_card, source
from ketasim.figures.mechanism import mechanism_chart, mood_course_chart, save_figure
from ketasim.models import MOOD, MOOD_PARAMETERS, RECEPTOR
from ketasim.population import Situation
from ketasim.simulation.mood.inputs import published_baseline
from ketasim.validation import mechanism_checks, mechanism_table

DOCS = Path(__file__).parent
EQUATIONS = "explain/mood-equations.md"
TOLD = "explain/mood.md"
BEGIN, END = "<!-- mechanism: begin -->", "<!-- mechanism: end -->"
PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")

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
    ("Expectation, by what is given and where", "p_"),
    ("Older people", ["f_old"]),
    ("Between patients", ("omega_", "share_none", "rho")),
    ("Rating", ["sigma"]),
    ("Between trials", "tau_"),
    ("Drop-out", "stop_"),
)


# The page of equations


def equations_page() -> str:
    """Return the page of equations and numbers, Markdown."""
    mood, receptor = load_card("mood"), load_card("receptor")
    entries = [*mood.entries.values(), *receptor.entries.values()]
    assumed = sum(entry.grade == "assumed" for entry in entries)
    parts = [
        "# The equations of mood",
        (
            "Written from the declaration `ketasim.models.MOOD` and the cards `mood` and "
            "`receptor` while this page is built. [From dose to mood](mood.md) says what they "
            "mean."
        ),
        (
            "Time is in hours, concentrations are in ng/mL at the effect site. Before treatment "
            "every state is at its initial value."
        ),
        "## What is seen of the concentrations",
        *_equations((s.name, _sum(s.parts), s.unit, s.meaning) for s in MOOD.signals),
        (
            "`A_session` is raised by 1 at every session, with or without a drug, and fades at the "
            "rate `k_session`."
        ),
        "## Computed once a patient",
        *_equations((d.name, _plain(d.expression), d.unit, d.meaning) for d in MOOD.definitions),
        "## States",
        *_equations(
            (
                f"d {s.name} / dt",
                f"{_plain(s.production)} - {_bracketed(s.loss)} {s.name}",
                s.unit,
                f"{s.meaning}; {s.name}(0) = {_plain(s.initial)}",
            )
            for s in MOOD.states
        ),
        "## Computed at every moment",
        *_equations((q.name, _plain(q.expression), q.unit, q.meaning) for q in MOOD.quantities),
        "## How patients and trials differ",
        _PATIENTS,
        "## Notes of the declaration",
        " ".join(MOOD.notes),
        "## Numbers",
        (
            f"{len(entries)} numbers, {assumed} of them **assumed**: not measured, but chosen here "
            "or by the authors of another model; their source is what they lean on. "
            "[Grades](../evidence.md#grades) tells what the others are."
        ),
        *_numbers(mood),
        "### Receptor",
        _table(receptor, [s.name for s in RECEPTOR.parameters]),
    ]
    return "\n\n".join(parts) + "\n"


_PATIENTS = """```text
e_P  = f_old · (expectation of what is given + of the setting) · exp(omega_P · z)
sens = f_old · exp(omega_sens · z), or 0 in a part share_none of the patients
kS   = kS · exp(omega_kS · z),  z correlated with that of sens: -rho
e_O  = f_old · e_O · exp(omega_O · z), or 0 in a part share_none_O of the patients
e_N  = f_old · e_N + omega_N · z
```

z is a standard normal number, another one for every patient and symbol; `f_old` counts from the
age of 65 and is 1 below. A rating adds an error with the SD `sigma`. How trials differ in
expectation, natural course and effect of the drug is told by the numbers that begin with `tau_`."""


def _equations(rows: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """Each equation below what it means."""
    return [
        f"{meaning} ({unit}):\n\n```text\n{name} = {text}\n```"
        for name, text, unit, meaning in rows
    ]


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


def _numbers(card: Card) -> list[str]:
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


def _table(card: Card, names: list[str]) -> str:
    lines = [
        "| symbol | meaning | value | unit | grade | source | 95 % interval | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        if name in card.entries:
            entry = card.entry(name)
            grade = "**assumed**" if entry.grade == "assumed" else entry.grade
            cells = [f"`{name}`", entry.meaning, f"{entry.value:.4g}", entry.unit, grade]
            cells += [_source(entry), _interval(entry), entry.note]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _source(entry: Entry) -> str:
    if not entry.source:
        return ""
    if entry.source == "ketasim":
        return ", ".join(text for text in ("this package", entry.locator) if text)
    link = source(entry.source).link()
    shown = f"[{entry.source}]({link})" if link else entry.source
    return f"{shown}, {entry.locator}" if entry.locator else shown


def _interval(entry: Entry) -> str:
    if entry.low is None or entry.high is None:
        return ""
    other = "" if not entry.interval or entry.interval.startswith("95") else f" ({entry.interval})"
    return f"{entry.low:.3g} to {entry.high:.3g}{other}"


# Numbers in the text


def numbers_told() -> dict[str, str]:
    """Return what the placeholders of the page in words stand for, from the card `mood`."""
    card = load_card("mood")
    n = card.values()
    baseline, trials, _ = published_baseline()
    at = np.array([0.0, 1.0, 7.0, 14.0, 28.0]) * 24.0
    one = "ketamine 0.5 mg/kg iv over 40 min once"
    six = "ketamine 0.5 mg/kg iv over 40 min on days 0, 2, 4, 7, 9, 11"
    score = mechanism_curves(
        [one, six],
        at,
        ("MADRS", "restored"),
        card,
        situation=Situation(open=True),
        baseline=baseline,
    )
    found = {
        "baseline": f"{baseline:.0f}",
        "trials": f"{trials}",
        "share_none": _percent(n["share_none"]),
        "share_none_O": _percent(n["share_none_O"]),
        "best_block": _percent(n["B_opt"]),
        "half_fast": _days(n["kA"]),
        "half_synapses": _days(n["kS"] * (1.0 + n["stress"])),
        "half_expectation": _days(n["k_fade"]),
        "missing": _percent(n["stress"] / (1.0 + n["stress"])),
        "old": f"{n['f_old']:.2g}",
        "old_range": _range(card.entry("f_old")),
        "course": _percent(1.0 - math.exp(-n["e_N"])),
        "new_drug": _percent(1.0 - math.exp(-n["e_O"] * (1.0 - math.exp(-n["kO"] * 672.0)))),
        "slow": _days(n["kS"] * (1.0 + n["stress"]) * math.exp(-n["omega_kS"])),
        "quick": _days(n["kS"] * (1.0 + n["stress"]) * math.exp(n["omega_kS"])),
        "sens_spread": f"{math.exp(n['omega_sens']):.1f}",
        "assumed": f"{sum(e.grade == 'assumed' for e in card.entries.values())}",
        "numbers": f"{len(card.entries)}",
    }
    for symbol in ("saline", "midazolam", "spray", "masked", "known"):
        found[f"p_{symbol}"] = _percent(1.0 - math.exp(-n[f"p_{symbol}"]))
    for row, name in enumerate(("one", "six")):
        for column, day in enumerate((0, 1, 7, 14, 28)):
            found[f"{name}_{day}"] = f"{score['MADRS'][row, column]:.0f}"
    return found


def _percent(part: float) -> str:
    return f"{100.0 * part:.0f} %"


def _days(rate: float) -> str:
    """Half-life of a rate in 1/h."""
    days = math.log(2.0) / rate / 24.0
    if days < 2.0:
        return f"{24.0 * days:.0f} hours"
    return f"{days:.1f} days" if days < 10.0 else f"{days:.0f} days"


def _range(entry: Entry) -> str:
    shown = _interval(entry)
    return f", with {shown} as its 95 % interval" if shown else ", without an interval"


# The table of the validation page


def mechanism_section() -> str:
    """Return what stands between the marks of the validation page."""
    checks = mechanism_checks()
    counts = [
        f"{sum(one.agrees == answer for one in checks)} {answer}"
        for answer in ("yes", "no", "cannot tell")
    ]
    head = f"{len(checks)} observations: {', '.join(counts)}.\n"
    return f"{BEGIN}\n{head}\n{mechanism_table(checks)}{END}"


def with_section(text: str, section: str) -> str:
    """Return the text of the validation page with another section between the marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return before + section + after


# Hooks of mkdocs


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of equations, which stands in no folder."""
    files.append(File.generated(config, EQUATIONS, content=equations_page()))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Put the numbers of the card into the page in words."""
    return told(markdown) if page.file.src_uri == TOLD else markdown


def told(markdown: str) -> str:
    """Return a text with numbers in place of placeholders such as `{{ share_none }}`."""
    numbers = numbers_told()
    return PLACE.sub(lambda hit: numbers[hit[1]], markdown)


def main() -> None:
    """Draw the figures and write the table of the validation page."""
    save_figure(mechanism_chart(), DOCS / "images" / "mechanism.png")
    save_figure(mood_course_chart(), DOCS / "images" / "mood-course.png")
    path = DOCS / "validation.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(with_section(text, mechanism_section()), encoding="utf-8")


if __name__ == "__main__":
    main()
