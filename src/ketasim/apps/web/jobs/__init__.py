"""Long work of the page, in processes of its own: bounded, followed, cancelled, replaced."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened

if TYPE_CHECKING:
    from ketasim.apps.web.jobs.job import Job
    from ketasim.apps.web.jobs.jobs import Jobs
    from ketasim.apps.web.jobs.limits import JobLimits

__all__ = ["Job", "JobLimits", "Jobs"]

__getattr__ = opened(__name__, {"Job": "job", "JobLimits": "limits", "Jobs": "jobs"})
