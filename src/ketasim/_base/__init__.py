"""Units at the border, words, errors, random streams, files written whole, what results can do."""

from ketasim._base.errors import InputError, KetasimError, KetasimWarning, near, one_of
from ketasim._base.files import check_targets, files_made, write_whole
from ketasim._base.headline import Headline, HeadlineRow
from ketasim._base.inputs import check_kind, read_whole
from ketasim._base.random import standard_normals, uniforms
from ketasim._base.result import Result, Shown
from ketasim._base.text import fitting, named, shortened, visible
from ketasim._base.units import (
    NUMBER,
    Quantity,
    Unit,
    parse_quantity,
    read_number,
    read_unit,
)
from ketasim._base.words import DRUGS, ROUTES
from ketasim._base.yaml_values import read_yaml

__all__ = [
    "DRUGS",
    "NUMBER",
    "ROUTES",
    "Headline",
    "HeadlineRow",
    "InputError",
    "KetasimError",
    "KetasimWarning",
    "Quantity",
    "Result",
    "Shown",
    "Unit",
    "check_kind",
    "check_targets",
    "files_made",
    "fitting",
    "named",
    "near",
    "one_of",
    "parse_quantity",
    "read_number",
    "read_unit",
    "read_whole",
    "read_yaml",
    "shortened",
    "standard_normals",
    "uniforms",
    "visible",
    "write_whole",
]
