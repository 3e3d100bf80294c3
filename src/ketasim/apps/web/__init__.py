"""The page: `ketasim serve`."""

from ketasim._base.rooms import opened

__all__ = ["Limits", "Settings", "create_app"]

__getattr__ = opened(
    __name__, {"Limits": "settings", "Settings": "settings", "create_app": "application"}
)
