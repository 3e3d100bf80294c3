"""Sessions that are followed afterwards are those that are followed at once."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim import simulate
from ketasim.simulation import with_profiles

COURSE: dict[str, Any] = {
    "patient": {"weight": "78 kg", "age": 44},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7",
    "horizon": "14 d",
}


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ({}, {}),
        ({"population": {"n": 12, "seed": 2}}, {}),
        ({"population": {"n": 12, "seed": 2}}, {"uncertainty": True}),
        ({"regimen": "esketamine 84 mg intranasal on days 0 3 7"}, {}),
    ],
)
def test_the_result_is_the_same(more: dict[str, Any], options: dict[str, Any]) -> None:
    whole = simulate(COURSE | more, **options)
    quick = simulate(COURSE | more, profiles=False, **options)
    assert quick.session_effects is None
    screened = quick.screening
    found = with_profiles(quick)
    assert found.session_effects is not None and whole.session_effects is not None
    assert found.screening is screened
    assert found.warnings == whole.warnings
    assert found.session_effects.table.equals(whole.session_effects.table)
    assert found.session_effects.pressure.equals(whole.session_effects.pressure)
    assert found.summary().equals(whole.summary())
    assert with_profiles(found) is found


def test_without_sessions_nothing_is_added() -> None:
    quick = simulate(COURSE, profiles=False, session=False)
    assert with_profiles(quick) is quick
