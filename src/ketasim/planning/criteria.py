"""What options are compared by: names, units, and which way is better where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ketasim._base import InputError, near


@dataclass(frozen=True)
class Criterion:
    """Something of which every option has a number.

    **Arguments:**

    - `key`: as tables have it. `group`: exposure, session, course or burden; plan, of what only
      `plan` assesses.
    - `words`: what it is. `unit`: as tables have it; `fraction` is shown as percent.
    - `better`: `lower`, `higher`, or empty where neither is better by itself.
    - `weekly`: whether there is one a week; options cannot be ranked by it.
    - `least`: difference below which candidates of a plan are not told apart, however sure it is:
      half of a point, a mmHg or a day, a hundredth of a share. A choice of presentation.
    """

    key: str
    group: str
    words: str
    unit: str
    better: str
    weekly: bool = False
    least: float = 0.0

    @property
    def ranks(self) -> bool:
        """Whether options can be ranked by it."""
        return bool(self.better) and not self.weekly


_ALL: Final = (
    Criterion("cmax", "exposure", "Cmax, session 1", "ng/mL", ""),
    Criterion("auc", "exposure", "AUC, whole course", "ng*h/mL", ""),
    Criterion("CADSS_peak", "session", "Dissociation, CADSS, peak", "point", "lower", least=0.5),
    Criterion("CADSS_resolved", "session", "Dissociation resolved by", "min", "lower"),
    Criterion(
        "SBP_peak", "session", "Increase in systolic pressure, peak", "mmHg", "lower", least=0.5
    ),
    Criterion("sedation_peak", "session", "Sedated (MOAA/S 4 or less), peak", "fraction", "lower"),
    Criterion("MADRS_trough", "course", "MADRS before sessions", "point", "lower", weekly=True),
    Criterion("MADRS_peak", "course", "MADRS after sessions", "point", "lower", weekly=True),
    Criterion("response_trough", "course", "Response before", "fraction", "higher", weekly=True),
    Criterion("response_peak", "course", "Response after", "fraction", "higher", weekly=True),
    Criterion("remission_trough", "course", "Remission before", "fraction", "higher", weekly=True),
    Criterion("remission_peak", "course", "Remission after", "fraction", "higher", weekly=True),
    Criterion("MADRS_last", "course", "MADRS, a day after the last session", "point", "lower"),
    Criterion("MADRS_end", "course", "MADRS, at the end", "point", "lower", least=0.5),
    Criterion("response_last", "course", "Response, a day after the last", "fraction", "higher"),
    Criterion("response_end", "course", "Response, at the end", "fraction", "higher", least=0.01),
    Criterion("remission_last", "course", "Remission, a day after the last", "fraction", "higher"),
    Criterion("remission_end", "course", "Remission, at the end", "fraction", "higher", least=0.01),
    Criterion("days_well", "course", "Days with response", "d", "higher", least=0.5),
    Criterion("sessions", "burden", "Sessions", "count", "lower"),
    Criterion("hours", "burden", "Hours of sessions and monitoring", "h", "lower"),
    Criterion("dose", "burden", "Cumulative dose", "mg", "lower"),
    Criterion("cost", "burden", "Cost at a published price", "", "lower"),
    Criterion("relapse", "plan", "Relapse after response", "fraction", "lower", least=0.01),
    Criterion("certainty", "plan", "Distance from what was studied", "rank", "lower"),
)

CRITERIA: Final[Mapping[str, Criterion]] = MappingProxyType({one.key: one for one in _ALL})
"""Key to criterion, in the order of tables."""

COMPARED: Final = tuple(key for key, one in CRITERIA.items() if one.ranks and one.group != "plan")
"""Criteria by which the options of a comparison can be ranked."""

PLANNED: Final = (
    *("MADRS_end", "days_well", "response_end", "remission_end", "relapse"),
    *("CADSS_peak", "SBP_peak", "sessions", "hours", "dose", "cost", "certainty"),
)
"""Criteria of the candidates of a plan, in the order of its tables."""

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "score": "MADRS_end",
        "response": "response_end",
        "remission": "remission_end",
        "dissociation": "CADSS_peak",
        "pressure": "SBP_peak",
    }
)
"""Shorter names of criteria."""


def criterion(name: str, *, field: str = "rank_by", among: Sequence[str] = COMPARED) -> Criterion:
    """The criterion that options are to be ranked by.

    **Main arguments:**

    - `name`: as typed, in any case, `-` or a space for `_`, or one of `WORDS`.

    **Other arguments:**

    - `field`: what to call it in an error. `among`: keys of those that can be named.

    **Raises:** `InputError` when there is none of that name, or nothing of it is better.
    """
    typed = "_".join(name.replace("-", " ").split()).lower()
    known = {key.lower(): one for key, one in CRITERIA.items()}
    short = {word: key for word, key in WORDS.items() if key in among}
    found = known.get(short.get(typed, typed).lower())
    if found is not None and found.key in among:
        return found
    ranks = [*short, *(key for key in among if key not in short.values())]
    if found is None:
        raise InputError(field, f"there is no criterion '{name}'", near(typed, ranks))
    why = "neither more nor less of it is better"
    if found.weekly:
        why = "it has a value a week"
    elif found.better:
        why = "it is not assessed here"
    raise InputError(
        field, f"options cannot be ranked by '{name}': {why}", f"use one of: {', '.join(ranks)}"
    )
