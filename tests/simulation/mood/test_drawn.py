"""Means under each parameter draw: those of all patients, around what the card gives."""

import numpy as np

from ketasim import simulate

COURSE = {
    "population": {"n": 300, "seed": 5},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 2",
    "horizon": "14 d",
}


def test_draws_are_of_all_patients_and_not_of_the_first() -> None:
    """The mean of a score over the first patients is off; that of the draws must not follow it."""
    few = simulate({**COURSE, "population": {"n": 100, "seed": 5}}, session=False).mood
    many = simulate(COURSE, session=False).mood
    assert few is not None
    assert many is not None
    assert few.drawn is not None
    assert many.drawn is not None
    moved = many.drawn.means["MADRS"] - few.drawn.means["MADRS"]
    wanted = (many.table["MADRS"] - few.table["MADRS"]).to_numpy()
    np.testing.assert_allclose(moved, np.broadcast_to(wanted, moved.shape), atol=0.02)
    assert many.drawn.days_well.shape == (len(moved),)
    share = many.drawn.means["response"]
    assert ((share >= 0.0) & (share <= 1.0)).all()
    inside = (many.table["response_p05"] <= many.table["response"]) & (
        many.table["response"] <= many.table["response_p95"]
    )
    assert inside.mean() > 0.9
