"""Rates of a model of one's own that change with time or amounts: solved, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import ketasim
from ketasim._base import InputError
from ketasim.models import pk

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")


def _timed(rate: str, table: dict[str, list[float]], **numbers: float) -> list[float]:
    model = pk.CompartmentModel(
        "timed",
        tuple(pk.Parameter(name, value) for name, value in numbers.items()),
        (pk.Compartment("body"),),
        (pk.Flow("body", None, rate),),
        (pk.Output("A", "body"),),
    )
    return ketasim.predict(model, table).table()["A"].to_list()


LATE: dict[str, list[float]] = {
    "ID": [1] * 4,
    "TIME": [0, 50, 100.5, 200],
    "AMT": [100, 0, 0, 0],
    "EVID": [1, 0, 0, 0],
}


@quiet
@pytest.mark.parametrize(
    ("rate", "gone"),
    [
        ("where((t>100)*(t<100.5), 20, 0.0001)", [0.005, 0.01 + 10, 10 + 0.01995]),
        ("0.0001 + 20*(2*t - ON > 100)*(t/2 <= 50.25)", [0.005, 0.01005 + 10, 10 + 0.02]),
        ("min(max(t - 100, 0), 0.5)*4", [0, 0.5, 0.5 + 2 * 99.5]),
        ("0.001 + 20*exp(-((t - 75)/0.5)**2)", [0.05, 0.1005 + 10 * np.sqrt(np.pi), 0]),
    ],
)
def test_a_short_change_of_a_rate_is_not_stepped_over(rate: str, gone: list[float]) -> None:
    found = _timed(rate, LATE, ON=100.0)[1:3]
    assert found == pytest.approx([100 * np.exp(-one) for one in gone[:2]], rel=1e-7)
    if gone[2]:
        assert _timed(rate, LATE, ON=100.0)[3] == pytest.approx(100 * np.exp(-gone[2]), rel=1e-7)


@pytest.mark.parametrize(
    ("rate", "extra", "said"),
    [
        (
            "where(t**2 > 100, 2, 1)",
            {},
            r"flow 1, rate: 't \*\* 2 > 100' compares the time so that",
        ),
        ("where(body > t, 2, 1)", {}, "'body > t' compares the time"),
        ("1 + (t == 7)", {}, "'t == 7' compares the time"),
        ("0.1 + 0.05*t", {"SS": [1, 0, 0, 0], "II": [5, 0, 0, 0]}, "SS in row 1: the rates of the"),
        ("body - 120", {}, r"flow 1, rate: 'body - 120' is -20 at 0 h, before row 2"),
        ("log(body/200)", {}, r"flow 1, rate: 'log\(body/200\)' is -.* before row 2"),
        ("0.1 - 0.001*t", {}, r"flow 1, rate: '0.1 - 0.001\*t' is -.*, before row 3"),
    ],
)
def test_a_rate_that_has_no_meaning_is_refused(
    rate: str, extra: dict[str, list[float]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        _timed(rate, LATE | extra)


@quiet
def test_noise_around_a_rate_of_0_is_none() -> None:
    assert _timed("log(body/50)", LATE)[1:] == pytest.approx([50] * 3, rel=1e-6)


@pytest.mark.parametrize(
    ("rate", "output", "said"),
    [
        ("0.1*(-8)**(1/3)", "body", r"'0.1\*\(-8\)\*\*\(1/3\)' is nan in row 1"),
        ("0.1", "body*(-8)**0.5", "has no finite value in row 1"),
        ("0.1", "body*((-8)**0.5 > 1)**0.5*(-1)**0.5", "has no finite value in row 1"),
    ],
)
def test_a_root_of_a_negative_number_is_no_number(rate: str, output: str, said: str) -> None:
    model = pk.CompartmentModel(
        "root",
        (),
        (pk.Compartment("body"),),
        (pk.Flow("body", None, rate),),
        (pk.Output("A", output),),
    )
    with pytest.raises(InputError, match=said):
        ketasim.predict(model, LATE)
