"""Sessions that patients miss: a share of their own, or a published pattern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from ketasim._base import one_of
from ketasim.dosing.fields import refuse, shortened
from ketasim.dosing.people import share
from ketasim.evidence import load_table

_LABEL: Final = 8
"""Sessions of the four weeks of induction by the label (spravato_pi_2019)."""

_PUBLISHED: Final = {
    "clarivate273": ("Clarivate TRD", "induction completed per label (8 in 28 days)"),
}
"""Pattern to the study and the measure of its row in `mood/adherence`."""


@dataclass(frozen=True)
class Adherence:
    """How surely a patient comes to a session.

    **Arguments:**

    - `attend`: chance to come to a session after the first one.
    - `source`: key of the source of a published pattern; empty for a share of one's own.
    - `told`: what was published, in a sentence.
    """

    attend: float
    source: str = ""
    told: str = ""

    def form(self) -> str | float:
        """Normal form."""
        return self.source or self.attend


@cache
def patterns() -> Mapping[str, Adherence]:
    """Published patterns by the key of their source."""
    table = load_table("mood/adherence")
    found: dict[str, Adherence] = {}
    for name, (study, measure) in _PUBLISHED.items():
        row = table.filter((table["study"] == study) & (table["measure"] == measure)).row(
            0, named=True
        )
        completed = float(row["value"]) / 100.0
        found[name] = Adherence(
            attend=completed ** (1.0 / (_LABEL - 1)),
            source=name,
            told=(
                f"{100 * completed:g} % of {row['n']} patients had the {_LABEL} sessions of the "
                f"first four weeks on time"
            ),
        )
    return found


def _adherence(value: object) -> Adherence:
    if isinstance(value, Adherence):
        return value
    if isinstance(value, str) and value.strip().lower() in patterns():
        return patterns()[value.strip().lower()]
    # a share begins with a digit; the key of a source ends with some
    if isinstance(value, str) and value.strip()[:1].isalpha():
        raise refuse(
            f"unknown pattern '{shortened(value)}'",
            f"give the share of sessions attended, such as '90 %', or {one_of(tuple(patterns()))}",
        )
    found: Any = share(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0.0 < found <= 1.0:
        raise refuse(
            f"'{shortened(value)}' is no share of sessions",
            "give the share attended, such as '90 %' or 0.9",
        )
    return Adherence(float(found))


AdherenceItem = Annotated[Any, BeforeValidator(_adherence, json_schema_input_type=float | str)]
"""The key `adherence` of a trial."""
