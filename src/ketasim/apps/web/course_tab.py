"""What the tabs on a course share: a course is read from the address, and something of it shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from ketasim._base import InputError
from ketasim.apps.web import courses
from ketasim.apps.web.course_fields import (
    EXAMPLE,
    CourseForm,
    course_form,
    example_state,
    has_course,
)
from ketasim.apps.web.courses import read_course, with_age_kept
from ketasim.apps.web.state import PageState
from ketasim.apps.web.templating import answer, is_partial

if TYPE_CHECKING:
    from ketasim.dosing import Course

Show = Callable[[PageState, "Course"], Awaitable[dict[str, Any]]]
"""Gives what the templates ask for of a course, or raises `InputError`."""


@dataclass(frozen=True)
class CourseTab:
    """A tab that shows a course.

    **Arguments:**

    - `path`: of its address. `name`: of its templates, `NAME.html` and `NAME_result.html`.
    - `fields`: of its form; the rest of the course travels along.
    - `shows`: what the templates find empty where the course cannot be used.
    - `options`: that its address may have. `check`: refuses what they cannot be.
    - `meant`: what is typed, as a course has it. `form`: makes a form with other fields too.
    - `example`: what is shown where the address has no course.
    """

    path: str
    name: str
    fields: tuple[str, ...]
    shows: str
    options: tuple[str, ...] = courses.OPTIONS
    check: Callable[[PageState], object] = lambda _: None
    meant: Callable[[PageState], PageState] = lambda state: state
    form: Callable[[PageState, InputError | None], CourseForm] | None = None
    example: str = EXAMPLE

    async def page(self, request: Request, show: Show) -> Response:
        """The page; where HTMX asks, what changed of it.

        **Arguments:**

        - `request`: whose address has the course. `show`: of the course.
        """
        state = PageState()
        error: InputError | None = None
        try:
            state = PageState.read(request.url.query, self.options)
            if not has_course(state) and not state.course:
                return RedirectResponse(example_state(self.example).link(self.path), 303)
            self.check(state)
            meant = self.meant(state)
            read = await asyncio.to_thread(read_course, meant, request.app.state.settings.limits)
            kept = with_age_kept(meant, read)
            if kept != state:
                return RedirectResponse(kept.link(self.path), 303)
            shown = await show(state, read)
        except InputError as found:
            error, shown = found, {self.shows: None}
        return answer(
            request,
            f"{self.name}.html",
            fragment=f"{self.name}_result.html",
            state=state,
            status=200 if error is None else 422,
            partial=is_partial(request),
            form=(self.form or self._form)(state, error),
            **shown,
        )

    def _form(self, state: PageState, error: InputError | None) -> CourseForm:
        return course_form(state, self.fields, error)
