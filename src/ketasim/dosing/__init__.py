"""What is given to whom: doses, regimens, patients, courses, event tables, guards."""

from ketasim.dosing.dose import DRUGS, ROUTES, Dose
from ketasim.dosing.regimen import Regimen

__all__ = ["DRUGS", "ROUTES", "Dose", "Regimen"]
