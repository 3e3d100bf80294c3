"""A trial file as it is written: its keys, and what no single one of them shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, Field

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, quantity, shortened, word
from ketasim.dosing.patient import scales
from ketasim.dosing.trial.adherence import AdherenceItem
from ketasim.dosing.trial.analyses import (
    Analyses,
    Dropouts,
    Estimands,
    Power,
    Primary,
    Scenario,
)
from ketasim.dosing.trial.analyses import Points as Shift
from ketasim.dosing.trial.arm import (
    Arm,
    ArmItem,
    TrialPopulation,
)
from ketasim.dosing.trial.assessment import (
    RESPONSE,
    Assessment,
    AssessmentItem,
    Fraction,
    Points,
)
from ketasim.dosing.trial.looks import LooksKey
from ketasim.dosing.trial.phase import Key
from ketasim.dosing.trial.rule import Rescue
from ketasim.dosing.trial.strata import Randomisation
from ketasim.evidence import load_sources

DESIGNS: Final = ("parallel", "crossover")
"""Designs of a trial. In a crossover every patient receives every arm."""

REPLICATES: Final = 200
"""How often a trial is simulated when it does not say it."""

MOST_REPLICATES: Final = 100_000
"""Most replicates of a trial: a limit against slips of the pen."""


_RANDOMISATION: Final = "write it as 'randomisation', such as {strata: [sex], block: 4}"


class TrialFile(BaseModel):
    """What a trial file may say; its JSON schema is the schema of the file.

    **Arguments:**

    - `trial`: key of the trial.
    - `title`: text.
    - `source`: key of a source of the evidence.
    - `note`: text, such as what was assumed of the design.
    - `design`: one of `DESIGNS`; left out, `parallel`.
    - `washout`: of a crossover, between its periods, such as `14 d`.
    - `population`: who is in it.
    - `arms`, `assess`: lists; see `Arm` and `Assessment`.
    - `remission_at_most`: points on the scale of the baseline.
    - `response_at_least`: improvement from baseline, a fraction; left out, 0.5.
    - `replicates`: how often the trial is simulated.
    - `seed`: of the random numbers.
    - `horizon`: such as `84 d`; left out, the last assessment.
    - `primary`, `analysis`, `estimands`, `delta`, `power`, `looks`: how replicates are analysed;
      see `Primary`.
    - `dropout`, `scenario`: see `Dropout` and `Scenario`.
    - `randomisation`: the strata of it; left out, arms are filled without any.
    - `adherence`: share of sessions attended, or a published pattern. `rescue`: see `Rescue`.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("name", "id"), "write it as 'trial', a short name"),
        **dict.fromkeys(
            ("visits", "assessments", "endpoints", "outcomes"),
            "write it as 'assess', a list with scale, metrics and at",
        ),
        **dict.fromkeys(("groups", "treatments"), "write it as 'arms'"),
        **dict.fromkeys(("n", "n_per_arm", "size"), "write 'n' in each arm"),
        **dict.fromkeys(("analyses", "analyse", "analyze"), "write it as 'analysis', a list"),
        "estimand": "write it as 'estimands', a list",
        **dict.fromkeys(("interim", "interims", "look"), "write it as 'looks', such as [0.5, 1]"),
        **dict.fromkeys(("drop_out", "drop-out", "attrition"), "write it as 'dropout'"),
        **dict.fromkeys(("missed", "compliance", "attendance"), "write it as 'adherence'"),
        **dict.fromkeys(("dosing_rule", "rule"), "write it in the arm as 'dosing_rule'"),
        "allocation": "write 'n' in each arm",
        **dict.fromkeys(("randomization", "strata", "stratification"), _RANDOMISATION),
        "start": "days and visits of a trial count from day 0, that of the first session",
        "withdrawal": "write it in the arm whose patients are randomised again",
    }
    """Keys that people write, which a trial has not, to what to write."""

    trial: Key
    title: Text = ""
    source: Text | None = None
    note: Text = ""
    design: Annotated[str, word(DESIGNS)] = "parallel"
    washout: Annotated[float, quantity("h", 0, LONGEST, example="14 d")] | None = None
    population: TrialPopulation = Field(default_factory=TrialPopulation)
    arms: tuple[ArmItem, ...]
    assess: tuple[AssessmentItem, ...]
    remission_at_most: Points | None = None
    response_at_least: Fraction = RESPONSE
    replicates: Annotated[int, Field(strict=True, ge=1, le=MOST_REPLICATES)] = REPLICATES
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    horizon: Annotated[float, quantity("h", 0, LONGEST, example="84 d")] | None = None
    primary: Primary | None = None
    analysis: Analyses = ()
    estimands: Estimands = ()
    dropout: Dropouts = ()
    delta: Shift | None = None
    power: Power | None = None
    looks: LooksKey | None = None
    scenario: Scenario | None = None
    adherence: AdherenceItem | None = None
    rescue: Rescue | None = None
    randomisation: Randomisation | None = None


def check_file(file: TrialFile) -> None:
    """Refuse what no single field shows.

    **Raises:** `InputError` with the path of the field.
    """
    if file.source is not None and file.source not in load_sources():
        raise InputError("source", f"unknown source '{file.source}'", "see 'ketasim evidence'")
    if not file.arms:
        raise InputError("arms", "there is no arm", "give at least one")
    if not file.assess:
        raise InputError("assess", "nothing is assessed", "give at least one assessment")
    seen = Counter[str]()
    for place, item in enumerate(file.arms):
        seen[item.id] += 1
        if seen[item.id] > 1:
            raise InputError(
                f"arms[{place}].id", f"'{item.id}' is the id of two arms", "name each arm otherwise"
            )
    if file.design == "crossover":
        _check_crossover(file)
    elif file.washout is not None:
        raise InputError(
            "washout", "only a crossover has a washout", "leave it out, or add 'design: crossover'"
        )


def _check_crossover(file: TrialFile) -> None:
    if file.washout is None:
        raise InputError("washout", "a crossover needs one", "add it, such as 'washout: 14 d'")
    if len(file.arms) < 2:
        raise InputError("arms", "a crossover has one arm", "give at least two")
    for place, item in enumerate(file.arms):
        if item.control == "antidepressant":
            raise InputError(
                f"arms[{place}].control",
                "an oral antidepressant that begins in a later period is not simulated",
                "name another control, or write 'design: parallel'",
            )
        for key in ("age", "weight", "female", "medicines", "background", "baseline"):
            if getattr(item, key) is not None:
                raise InputError(
                    f"arms[{place}].{key}",
                    "the arms of a crossover hold the same patients",
                    f"write '{key}' in 'population'",
                )
    for place, item in enumerate(file.arms):
        if item.n != file.arms[0].n:
            raise InputError(
                f"arms[{place}].n",
                f"{item.n} patients are not the {file.arms[0].n} of the first arm, and the arms of "
                "a crossover hold the same patients",
                "write in every arm how many patients begin the trial",
            )


def scale_of(file: TrialFile, arms: list[Arm]) -> str:
    """The scale of all baselines.

    **Raises:** `InputError` where they differ, or remission is no score of it.
    """
    scale = arms[0].baseline.scale
    for place, arm in enumerate(arms):
        if arm.baseline.scale != scale:
            raise InputError(
                f"arms[{place}].baseline.scale",
                f"{arm.baseline.scale} is not {scale}, the scale of the first arm",
                "give all baselines on one scale",
            )
    remission = file.remission_at_most
    if remission is not None and remission > scales()[scale]:
        raise InputError(
            "remission_at_most",
            f"{remission:g} is not a score of {scale}",
            f"give 0 to {scales()[scale]:g} points",
        )
    return scale


def horizon_of(file: TrialFile, assessments: tuple[Assessment, ...], written: object) -> float:
    """How long patients are followed, h.

    **Arguments:**

    - `file`, `assessments`: of the trial. `written`: the horizon as the file has it.

    **Raises:** `InputError` where nothing is assessed later than at the start, or after it.
    """
    last = max(assessment.last for assessment in assessments)
    if not last > 0:
        raise InputError(
            "assess", "nothing is assessed after 0 h", "add a later visit, such as 'at: [24 h]'"
        )
    if file.horizon is not None and file.horizon < last:
        raise InputError(
            "horizon",
            f"'{shortened(written)}' is before the last visit that is assessed, {last / 24:g} d",
            "give a later one, assess earlier, or leave it out",
        )
    return last if file.horizon is None else file.horizon
