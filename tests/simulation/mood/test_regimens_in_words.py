"""Many regimens in one call: what may be given, and what is refused."""

import numpy as np
import pytest

from ketasim import load_course
from ketasim._base import InputError
from ketasim.simulation import compare_regimens

COURSE = {
    "population": {"n": 5, "seed": 1},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x2",
    "horizon": "14 d",
}
OTHER = "ketamine 1 mg/kg iv over 40 min weekly x2"


def test_sentences_are_regimens_and_a_mapping_is_a_course() -> None:
    course = load_course(COURSE)
    other = load_course({**COURSE, "regimen": OTHER}).regimen
    found = compare_regimens(COURSE, [COURSE["regimen"], OTHER])
    same = compare_regimens(course, [course.regimen, other])
    np.testing.assert_array_equal(found.madrs, same.madrs)
    assert len(repr(found)) < 100
    assert (found.madrs[1] != found.madrs[0]).any()


def test_a_healthy_volunteer_has_no_score() -> None:
    with pytest.raises(InputError, match="healthy volunteer"):
        compare_regimens({**COURSE, "patient": {"diagnosis": "healthy"}}, [OTHER])


def test_times_left_out_are_around_the_sessions_of_every_regimen() -> None:
    course = {**COURSE, "population": None}
    late = "ketamine 0.5 mg/kg iv over 40 min on days 1.5 8.25"
    found = compare_regimens(course, [COURSE["regimen"], late])
    for day in (*range(15), 1.5, 2.5, 8.25, 9.25):
        assert (found.times == 24.0 * day).any(), day
    assert found.times[-1] == 14 * 24.0
