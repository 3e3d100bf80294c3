"""The verb `forecast`: one patient's scores so far, and what may follow."""

from ketasim.forecasting.forecast import forecast
from ketasim.forecasting.result import Forecast
from ketasim.forecasting.weighing.ensemble import PATIENTS

__all__ = ["PATIENTS", "Forecast", "forecast"]
