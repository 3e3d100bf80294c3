"""Units at the border, words for drugs and routes, errors, random streams, files written whole."""

from ketasim._base.errors import InputError, KetasimError, KetasimWarning, near
from ketasim._base.files import check_targets, files_made, write_whole
from ketasim._base.random import standard_normals, uniforms
from ketasim._base.text import fitting, named, visible
from ketasim._base.units import Quantity, parse_quantity
from ketasim._base.words import DRUGS, ROUTES

__all__ = [
    "DRUGS",
    "ROUTES",
    "InputError",
    "KetasimError",
    "KetasimWarning",
    "Quantity",
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
