"""The report of a session's plan: its timeline and its rules, on one page."""

from __future__ import annotations

from dataclasses import replace

from ketasim._base import words
from ketasim.figures.session_plan import plan_figure
from ketasim.reports.course_session import plan_stages
from ketasim.reports.page import render
from ketasim.screening import SessionPlan


def session_plan_report(plan: SessionPlan) -> str:
    """Write the report of a session's plan as one page of HTML.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` or `ketasim.screening.session_plan` returned; only the
      first has effects, and with them a timeline.
    """
    return render(
        "session_plan.html",
        title=f"Plan of a session of {plan.session}",
        sources=plan.sources(),
        figures=[] if plan.effects is None else [replace(plan_figure(plan), name="figure-1")],
        plan=plan,
        plan_stages=plan_stages(plan),
        words=words,
    )
