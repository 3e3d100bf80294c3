"""Units at the border, words, errors, random streams, files written whole, what results can do."""

from ketasim._base.errors import InputError, KetasimError, KetasimWarning, near
from ketasim._base.files import check_targets, files_made, write_whole
from ketasim._base.headline import Headline, HeadlineRow
from ketasim._base.random import standard_normals, uniforms
from ketasim._base.result import Result, Shown
from ketasim._base.text import fitting, named, visible
from ketasim._base.units import Quantity, parse_quantity
from ketasim._base.words import DRUGS, ROUTES

__all__ = [
    "DRUGS",
    "ROUTES",
    "Headline",
    "HeadlineRow",
    "InputError",
    "KetasimError",
    "KetasimWarning",
    "Quantity",
    "Result",
    "Shown",
    "check_targets",
    "files_made",
    "fitting",
    "named",
    "near",
    "parse_quantity",
    "standard_normals",
    "uniforms",
    "visible",
    "write_whole",
]
