"""A simulation whose patients were simulated elsewhere."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NoReturn

from ketasim._base import KetasimError
from ketasim.simulation.result import Simulation
from ketasim.simulation.shards.part import Part
from ketasim.simulation.simulate import Prepared


class Gathered(Simulation):
    """A simulation of many patients, of whom only the first were simulated here.

    What is told of all together is that of all. Curves are those of the first patients.
    """

    @classmethod
    def of(cls, first: Simulation, asked: Prepared, whole: Part) -> Gathered:
        """Put together.

        **Arguments:**

        - `first`: of the first patients. `asked`: the course, with all of them.
        - `whole`: what is told of all.
        """
        own: dict[str, Any] = {one.name: getattr(first, one.name) for one in fields(first)}
        own["cohort"] = asked.cohort
        found = cls(**own)
        vars(found).update(_statistics=whole.summary, _exposure_statistics=whole.exposure)
        return found

    def patient_exposure(self) -> NoReturn:
        """Refused: single patients are not gathered."""
        raise KetasimError(_SINGLE)

    def exposed(self, key: tuple[str, str], session: str, metric: str) -> NoReturn:
        """Refused: single patients are not gathered."""
        del key, session, metric
        raise KetasimError(_SINGLE)


_SINGLE = "of a gathered simulation single patients are not known; simulate it in one process"
