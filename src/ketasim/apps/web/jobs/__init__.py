"""Long work of the page, in processes of its own: bounded, followed, cancelled, replaced."""

from ketasim._base.rooms import opened

__all__ = ["Job", "JobLimits", "Jobs"]

__getattr__ = opened(__name__, {"Job": "job", "JobLimits": "limits", "Jobs": "jobs"})
