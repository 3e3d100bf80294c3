"""The page: `ketasim serve`."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened

if TYPE_CHECKING:
    from ketasim.apps.web.application import create_app
    from ketasim.apps.web.settings import Limits, Settings

__all__ = ["Limits", "Settings", "create_app"]

__getattr__ = opened(
    __name__, {"Limits": "settings", "Settings": "settings", "create_app": "application"}
)
