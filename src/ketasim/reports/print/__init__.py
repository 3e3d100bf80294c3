"""One side of A4 from a result, as PDF: to be pinned to a chart."""

from ketasim.reports.print.course import print_course
from ketasim.reports.print.forecast import print_forecast
from ketasim.reports.print.session import print_session

__all__ = ["print_course", "print_forecast", "print_session"]
