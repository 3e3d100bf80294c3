"""The patient of a simulation and its time in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ketasim.simulation.result import Simulation

_PATIENT = (
    ("age", "Age"),
    ("weight", "Weight"),
    ("sex", "Sex"),
    ("ancestry", "Ancestry"),
    ("diagnosis", "Diagnosis"),
    ("setting", "Setting"),
    ("baseline", "Baseline"),
    ("medicines", "Medicines"),
    ("history", "History"),
    ("vitals", "Vital signs"),
    ("cyp2b6", "CYP2B6"),
    ("liver", "Liver"),
    ("kidney", "Kidney"),
)


_VITALS = {
    "sbp": "systolic {} mmHg",
    "dbp": "diastolic {} mmHg",
    "heart_rate": "heart rate {} /min",
    "spo2": "oxygen saturation {} %",
}


def patient_words(simulation: Simulation) -> list[tuple[str, str, bool]]:
    """Fields of the patient in words, and whether each was assumed.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    assumed = simulation.course.assumed
    rows: list[tuple[str, str, bool]] = []
    for field, name in _PATIENT:
        value = getattr(simulation.course.patient, field, None)
        if value in (None, "", (), []):
            continue
        rows.append((name, _words(field, value), f"patient.{field}" in assumed))
    return rows


def _words(field: str, value: Any) -> str:
    if field == "weight":
        return f"{value:g} kg"
    if field == "age":
        return f"{value:g} years"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if field == "vitals":
        given = ((name, getattr(value, name)) for name in _VITALS)
        return ", ".join(_VITALS[k].format(f"{v:g}") for k, v in given if v is not None)
    if field == "baseline":
        parts = getattr(value, "scale", None), getattr(value, "score", None)
        if parts[0] is not None:
            return f"{parts[0]} {parts[1]:g}"
    text = str(value).replace("_", " ")
    return text.upper() if field == "diagnosis" and len(text) <= 4 else text


def days_words(hours: float) -> str:
    """Hours as days, such as `56 days`."""
    days = f"{hours / 24:.3g}"
    return f"{days} day" if days == "1" else f"{days} days"
