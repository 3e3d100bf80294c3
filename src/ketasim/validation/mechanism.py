"""The chain to mood against published time courses: synapses, glutamate, drive, effect sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ketasim.calibration.mood.mechanism import (
    DAY,
    END,
    MULTIPLES,
    PEOPLE,
    Typical,
    drive_and_mood,
    effect_sizes,
    typical_patient,
)
from ketasim.evidence import (
    Card,
    Fact,
    card_keys,
    fact,
    interval,
    load_card,
    number,
    source_name,
    with_source_names,
)
from ketasim.evidence import reading as read_cell
from ketasim.models import MOOD, names_in

Answer = Literal["yes", "no", "cannot tell"]

_GONE = 0.1  # part of the largest value below which something counts as gone; a reading, assumed
_WEEK = 168.0
_TABLE: Final = "mechanism/timecourse"


@dataclass(frozen=True)
class MechanismCheck:
    """One published observation beside what the chain predicts.

    **Arguments:**

    - `what`: what was observed. `species`: in whom, as the table says.
    - `published`, `predicted`: number or text; of the predicted one, and of a published number,
      the unit is `unit`.
    - `kind`: `size` where the published number can be compared in people, `shape` where only
      order, direction or time course can: rodents, other measures, sentences.
    - `agrees`: `yes`, `no` or `cannot tell`.
    - `source`, `locator`: of the published one; the locator names the row of the table.
    - `note`: how it was judged, what is assumed, and whether the source also set a parameter.
    """

    what: str
    species: str
    published: float | str
    predicted: float | str
    unit: str
    kind: Literal["size", "shape"]
    agrees: Answer
    source: str
    locator: str
    note: str


class _Maker:
    """Puts checks together: what a row of the table says, and what is assumed behind it."""

    def __init__(self, card: Card | None) -> None:
        self.card = load_card("mood") if card is None else card
        self.start = load_card("mood_prior") if "mood_prior" in card_keys() else self.card

    def check(
        self,
        row: str,
        what: str,
        predicted: float | str,
        unit: str,
        agrees: Answer,
        note: str,
        behind: str,
        *,
        kind: Literal["size", "shape"] = "shape",
        published: str = "",
    ) -> MechanismCheck:
        one = fact(row)
        value = number(one.get("value")) if not published else None
        told = [with_source_names(note)] if note else []
        symbols = behind.split()
        told += [f"The same source also set {s}." for s in symbols if self._set(s, one.source)]
        assumed = [s for s in symbols if self.card.entry(s).grade == "assumed"]
        told += [f"Assumed: {', '.join(assumed)}."] if assumed else []
        return MechanismCheck(
            what=what,
            species=one.get("species_strain") or one.get("population"),
            published=value if value is not None else (published or _words(one)),
            predicted=predicted,
            unit=unit,
            kind=kind,
            agrees=agrees,
            source=one.source,
            locator=f"{one.get('locator')}; {one.id}",
            note=" ".join(told),
        )

    def _set(self, symbol: str, key: str) -> bool:
        return any(key == card.entry(symbol).source for card in (self.card, self.start))


def _words(one: Fact) -> str:
    unit = one.get("unit")
    return one.get("value") if unit == "text" else f"{one.get('value')} {unit}"


def _yes(condition: bool) -> Answer:
    return "yes" if condition else "no"


def mechanism_checks(card: Card | None = None) -> tuple[MechanismCheck, ...]:
    """Compare the chain to mood with published time courses, from the receptor on.

    The typical patient gets 0.5 mg/kg over 40 minutes unless the check says otherwise. Rodent
    curves are compared in shape only and on the human clock: no dose and no time is translated,
    but for the one row that counts in half-lives. Where a source gives no size, what is below a
    tenth of its largest value counts as gone or unchanged.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.

    **Returns:** the checks, from the receptor to mood.
    """
    typical, make = typical_patient(card), _Maker(card)
    numbers = make.card.values()
    return (
        *_receptor_checks(typical, make),
        *_glutamate_checks(typical, make),
        *_drive_checks(typical, make),
        *_formation_checks(typical, make),
        *_synapse_checks(typical, make),
        *_stress_checks(make, numbers),
        *_mood_checks(typical, make, numbers),
    )


def _receptor_checks(typical: Typical, make: _Maker) -> list[MechanismCheck]:
    top = 60.0 * float(typical.times[typical.under_skin.argmax()])
    mouse, human = (read_cell(fact(f"{_TABLE}:{row}").get("value")).value for row in (4, 5))
    assert mouse is not None and human is not None
    lives = 60.0 / mouse
    later = typical.risen("nmda_block", lives * human, 0.0)
    trapped = typical.risen("nmda_block", DAY, 0.0)
    return [
        make.check(
            f"{_TABLE}:1",
            "occupancy of NMDA receptors is highest early",
            top,
            "min",
            _yes(top < 60.0),
            "Time of the largest block after 0.5 mg/kg under the skin. Counts as early within the "
            "first hour; subcutaneous absorption is taken from the muscle.",
            "",
            published="highest at 15 min",
        ),
        make.check(
            f"{_TABLE}:2",
            "occupancy is gone 1 h after the dose",
            100.0 * later,
            "% of the largest",
            _yes(later < _GONE),
            f"Counted in half-lives, here only: 1 h is {lives:.1f} half-lives of {mouse:g} min in "
            f"the mouse, and as many of {human:g} h are {lives * human:.0f} h in people (ma2023).",
            "",
        ),
        make.check(
            f"{_TABLE}:6",
            "block in the lateral habenula persists for a day",
            100.0 * trapped,
            "% of the largest",
            _yes(trapped >= _GONE),
            "The block is taken at equilibrium: drug trapped in closed channels is not in the "
            f"model. Conflicts with {source_name('lord2013')} and {source_name('zhou2021lhb')}.",
            "",
        ),
    ]


def _glutamate_checks(typical: Typical, make: _Maker) -> list[MechanismCheck]:
    at = typical.at
    glx, spread = fact(f"{_TABLE}:13"), number(fact(f"{_TABLE}:13").get("spread"))
    published = number(glx.get("value"))
    assert published is not None and spread is not None
    early = 100.0 * (at("glutamate", 26 / 60) - 1.0)
    late = 100.0 * (at("glutamate", 193 / 60) - 1.0)
    least = re.search(r"~([\d.]+)% Glu\b", fact(f"{_TABLE}:18").get("spread"))
    assert least is not None
    during = 100.0 * (typical.between(typical.infusion["glutamate"], 0.0, END) - 1.0)
    ends = typical.ends
    shown = ", ".join(f"{100 * end:+.0f} % at {m}x" for m, end in zip(MULTIPLES, ends, strict=True))
    bent = ends[0] > 0.0 and min(ends[1:]) < 0.0
    day = 100.0 * typical.risen("glutamate", DAY, 1.0)
    burst = "kG g_max B_opt k_used"
    return [
        make.check(
            glx.id,
            "Glx at 26 min",
            early,
            "% above rest",
            _yes(abs(early - published) <= spread),
            f"Within the ± {spread:g} of the source, which does not say what it is. Glx is a pool "
            "of the tissue, the model's glutamate a burst.",
            burst,
            kind="size",
        ),
        make.check(
            f"{_TABLE}:16",
            "cycling of glutamate during the infusion",
            during,
            "% above rest",
            _yes(during > 0.0),
            "Direction only: the flow into glutamine is another quantity than the level.",
            burst,
        ),
        make.check(
            f"{_TABLE}:18",
            "glutamate at 193 min",
            late,
            "% above rest",
            _yes(abs(late) < float(least[1])),
            f"The smallest detectable change of glutamate is about {least[1]} %. Posterior "
            "cingulate, healthy men; the model's is prefrontal.",
            burst,
            kind="size",
        ),
        make.check(
            f"{_TABLE}:10",
            "glutamate rises, then does not, then falls with the dose",
            shown,
            "end of infusion",
            _yes(bent),
            "In multiples of 0.5 mg/kg over 40 min; rat doses are not translated.",
            burst,
            published="increase at 10, 20, 30 mg/kg; no change at 50; decrease at 200",
        ),
        make.check(
            f"{_TABLE}:12",
            "glutamate cycling rises with every dose",
            shown,
            "end of infusion",
            _yes(min(ends) > 0.0),
            "Conflicts with moghaddam1997: an optimum and a steady rise cannot both be right.",
            burst,
            published="dose-dependent rise, transient, 1 to 80 mg/kg",
        ),
        make.check(
            f"{_TABLE}:52",
            "mGluR5 availability, a proxy of glutamate release, still low at 24 h",
            day,
            "% of the largest rise",
            "cannot tell",
            "The receptor may stay inside the cell after the burst is over; the model has no such "
            "state.",
            burst,
            published="-14 % during the infusion, persisting at 24 h",
        ),
    ]


def _drive_checks(typical: Typical, make: _Maker) -> list[MechanismCheck]:
    found: list[MechanismCheck] = []
    for hours in (8.0, DAY):
        left = typical.risen("bdnf", hours, 1.0)
        found.append(
            make.check(
                f"{_TABLE}:29",
                f"neurotrophic drive (eEF2, BDNF) at {hours:g} h",
                100.0 * left,
                "% of the largest rise",
                _yes(left < _GONE),
                "Transient in the mouse, which clears ketamine far faster than people do.",
                "kG kD",
                published=f"transient, absent at {hours:g} h",
            )
        )
    return found


def _formation_checks(typical: Typical, make: _Maker) -> list[MechanismCheck]:
    formed = typical.infusion["formation_rate"] - 1.0
    top = float(formed.max())
    early, late = (typical.between(formed, *window) for window in ((3.0, 6.0), (12.0, 24.0)))
    daily = typical.daily - 1.0
    first, fifth = (typical.between(daily, *window) for window in ((6.0, 24.0), (72.0, 132.0)))
    back = typical.at("restored", 3.0) / float(typical.infusion["restored"].max())
    behind = "kG kD kF s_gain kS"
    unit = "% above rest"
    return [
        make.check(
            f"{_TABLE}:107",
            "formation of synapses 3 to 6 h after the dose",
            100.0 * early,
            unit,
            _yes(early < _GONE * top),
            f"Mean over the window; the largest is {100 * top:.2g} %.",
            behind,
        ),
        make.check(
            f"{_TABLE}:108",
            "formation of synapses 12 to 24 h after the dose",
            100.0 * late,
            unit,
            _yes(late >= 0.5 * top),
            f"Mean over the window; agrees from half of the largest, which is {100 * top:.2g} %.",
            behind,
        ),
        make.check(
            f"{_TABLE}:106",
            "density of spines is better 3 h after R-ketamine",
            100.0 * back,
            "% of the largest gain",
            _yes(back >= _GONE),
            "Conflicts with the two rows above, which the model follows; simulated with the "
            "racemate.",
            behind,
        ),
        make.check(
            f"{_TABLE}:39",
            "formation 6 to 24 h after the first of five daily doses",
            100.0 * first,
            unit,
            _yes(first < _GONE * top),
            "Somatosensory cortex. Conflicts with rket3h, which the model follows.",
            behind,
            published="not changed",
        ),
        make.check(
            f"{_TABLE}:39",
            "formation 72 to 132 h after the first of five daily doses",
            100.0 * fifth,
            unit,
            _yes(fifth >= 0.5 * float(daily.max())),
            "Mean over the window; agrees from half of the largest.",
            behind,
        ),
    ]


def _synapse_checks(typical: Typical, make: _Maker) -> list[MechanismCheck]:
    restored, synapses = (typical.infusion[name] for name in ("restored", "synapses"))
    left = typical.at("restored", 2.0 * _WEEK) / float(restored.max())
    day = 100.0 * (typical.at("synapses", DAY) / synapses[0] - 1.0)
    top = 100.0 * (float(synapses.max()) / synapses[0] - 1.0)
    loss = next(state.loss for state in MOOD.states if state.name == "synapses")
    fixed = names_in(loss) <= {symbol.name for symbol in MOOD.parameters}
    behind = "kF s_gain kS stress"
    return [
        make.check(
            f"{_TABLE}:26",
            "density of spines is above the depressed level for 2 weeks",
            100.0 * left,
            "% of the largest gain, at 14 d",
            _yes(left >= _GONE),
            "The gain is over the level before treatment.",
            behind,
        ),
        make.check(
            f"{_TABLE}:26",
            "elimination of spines is unchanged",
            "the drug does not enter the loss" if fixed else "the drug enters the loss",
            "structure",
            _yes(fixed),
            f"The loss is `{loss}`.",
            "",
            published="driven by formation; elimination unchanged",
        ),
        make.check(
            f"{_TABLE}:19",
            "density of synapses (SV2A PET) at 24 h",
            day,
            "% above before",
            "cannot tell",
            f"At most {top:.2g} % in three weeks. No test-retest number of the tracer stands in "
            "the tables, so it is not known what could have been seen. How much is missing before "
            f"treatment, {100 * (1 - synapses[0]):.0f} %, follows from stress.",
            behind,
            kind="size",
        ),
    ]


def _stress_checks(make: _Maker, numbers: Mapping[str, float]) -> list[MechanismCheck]:
    row = "mechanism/stress_disease:54"
    more = 100.0 * numbers["stress"]
    return [
        make.check(
            row,
            "stress raises the elimination of spines",
            more,
            "% above without stress",
            _yes(more > 0.0),
            "Direction only; no number in people exists.",
            "stress",
            published="increased",
        ),
        make.check(
            row,
            "stress lowers the formation of spines",
            "the same with and without stress",
            "structure",
            "no",
            "Left out: fewer synapses come from the loss alone.",
            "",
            published="decreased",
        ),
    ]


def _mood_checks(
    typical: Typical, make: _Maker, numbers: Mapping[str, float]
) -> list[MechanismCheck]:
    def by_synapses(hours: float) -> float:
        fast = numbers["e_A"] * typical.at("fast_arm", hours)
        slow = numbers["e_S"] * typical.at("restored", hours)
        return slow / (fast + slow)

    early, late = by_synapses(4.0), by_synapses(_WEEK)
    effects = "e_A e_S kA kS"
    share = "% of the drug's effect by synapses"
    sizes = effect_sizes(numbers)
    correlation, gap = drive_and_mood(numbers)
    found = [
        make.check(
            f"{_TABLE}:109",
            "new spines are not needed for the onset",
            100.0 * early,
            f"{share}, 4 h",
            _yes(early < _GONE),
            "",
            effects,
        ),
        make.check(
            f"{_TABLE}:110",
            "new spines are needed for maintenance",
            100.0 * late,
            f"{share}, 7 d",
            _yes(late >= 0.5),
            "Agrees from half of the effect.",
            effects,
        ),
        make.check(
            f"{_TABLE}:40",
            "correlation of BDNF at 240 min with the MADRS at that time",
            correlation,
            "r",
            _yes(correlation < 0.0),
            f"Sign only, over {PEOPLE} virtual patients: the source measured plasma, the model's "
            "drive is in the brain and follows the concentrations, not the sensitivity.",
            "kG kD",
        ),
        make.check(
            f"{_TABLE}:44",
            "BDNF at 240 min in responders less that in others",
            gap,
            "% of the mean rise",
            _yes(gap > 0.0),
            f"Sign only; responders have lost half of their score at 24 h. {PEOPLE} virtual "
            "patients.",
            "kG kD",
        ),
    ]
    for row, when, size in zip((33, 34), ("40 min", "2 d"), sizes, strict=True):
        one = fact(f"{_TABLE}:{row}")
        ends = interval(one.get("spread"))
        assert ends is not None
        found.append(
            make.check(
                one.id,
                f"effect size on the MADRS at {when} against saline",
                size,
                "Cohen's d",
                _yes(ends[0] <= size <= ends[1]),
                f"Agrees within the 95 % interval, {ends[0]:g} to {ends[1]:g}. Not independent: "
                "the row is among those of the fit.",
                "e_A kA p_belief u_scale omega_sens sigma omega_F k_F",
                kind="size",
            )
        )
    return found


def mechanism_table(checks: Sequence[MechanismCheck]) -> str:
    """The checks as a table in Markdown.

    **Arguments:**

    - `checks`: as `mechanism_checks` returns them.
    """
    head = ["what", "in", "published", "predicted", "kind", "agrees", "source", "note"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for one in checks:
        agrees = one.agrees if one.agrees == "yes" else f"**{one.agrees}**"
        predicted = one.predicted
        if not isinstance(predicted, str):
            predicted = f"{_short(predicted)} {one.unit}".strip()
        published = one.published
        if not isinstance(published, str):
            published = f"{published:g} {one.unit}"
        cells = [one.what, one.species, published, predicted, one.kind, agrees]
        cells += [f"{source_name(one.source)}, {one.locator}", one.note]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _short(value: float) -> str:
    """Two digits, and whole numbers from ten on; what rounding leaves of nothing is nothing."""
    value = 0.0 if abs(value) < 1e-6 else value
    return f"{value:.0f}" if abs(value) >= 10 else f"{float(f'{value:.2g}'):g}"
