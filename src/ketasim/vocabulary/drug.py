"""The drugs that are given: generic names, brands, and what an amount is the mass of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from ketasim._base import DRUGS, InputError, near
from ketasim.evidence import facts
from ketasim.vocabulary.phrase import key, straight

SALTS: Final = ("base", "hydrochloride")
"""What an amount is the mass of."""

BRANDS: Final = "care/brands"
"""The table of brands."""

_NAMES: Final = {
    "ketamine": "ketamine;racemic ketamine;rs-ketamine;(rs)-ketamine;r,s-ketamine;(r,s)-ketamine;"
    "(±)-ketamine",
    "esketamine": "esketamine;s-ketamine;(s)-ketamine;s(+)-ketamine;s(+)ketamine;(s)(+)-ketamine;"
    "(s)-(+)-ketamine;(+)-ketamine;s+ketamine;s+-ketamine;s-ketamin;(s)-ketamin",
    "arketamine": "arketamine;r-ketamine;(r)-ketamine;r(-)-ketamine;r(-)ketamine;(r)(-)-ketamine;"
    "(r)-(-)-ketamine;r-ketamin;(r)-ketamin",
}
_BETWEEN: Final = r"(?:[\s_]*-[\s_]*|[\s_]+)"
_SALT_WORDS: Final = {"hydrochloride": "hydrochloride;hcl;hydrochlorid", "base": "base;free base"}


@dataclass(frozen=True)
class DrugName:
    """What the name of a drug says.

    **Arguments:**

    - `drug`: one of `DRUGS`.
    - `salt`: of `SALTS`, what the amount is the mass of; nothing where the name does not say it.
    - `route`: of a brand that has one route, such as `intranasal`; else nothing.
    - `brand`: as the table writes it; empty for a generic name.
    """

    drug: str
    salt: str | None = None
    route: str | None = None
    brand: str = ""


@cache
def drug_names() -> Mapping[str, DrugName]:
    """Every name of a drug, in small letters, to what it says."""
    found = {
        name: DrugName(drug)
        for drug, names in _NAMES.items()
        for name in map(_plain, names.split(";"))
    }
    for row in facts(BRANDS):
        brand = row.get("brand")
        found[_plain(brand)] = DrugName(
            row.get("drug"), row.get("strength_is"), row.get("route") or None, brand
        )
    return MappingProxyType(found)


@cache
def drug_pattern() -> re.Pattern[str]:
    """Finds a name of a drug in a text."""
    longest = sorted(drug_names(), key=len, reverse=True)
    found = "|".join(re.escape(one).replace(r"\-", _BETWEEN) for one in longest)
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE | re.ASCII)


@cache
def salt_pattern() -> re.Pattern[str]:
    """Finds a word for what an amount is the mass of, in brackets or not."""
    words = "|".join(
        word.replace(" ", r"\s+") for words in _SALT_WORDS.values() for word in words.split(";")
    )
    return re.compile(
        rf"\(\s*(?:as\s+)?(?:{words})\s*\)|(?<!\w)(?:as\s+)?(?:{words})(?:\s+salt)?(?!\w)",
        re.IGNORECASE | re.ASCII,
    )


def drug_of(text: str) -> DrugName | None:
    """What a name of a drug says; nothing when it is not one."""
    return drug_names().get(_plain(text))


def salt_of(text: str) -> str | None:
    """`base` or `hydrochloride`; nothing when a text is neither."""
    plain = re.sub(r"[()]", " ", text)
    plain = re.sub(r"^(as\s+)|(\s+salt)$", "", key(plain)).strip()
    for salt, words in _SALT_WORDS.items():
        if plain in words.split(";"):
            return salt
    return None


def read_drug(text: object, *, field: str = "drug") -> DrugName:
    """Read the name of a drug, with or without a salt.

    **Arguments:**

    - `text`: such as `Ketamine HCl`, `(S)-ketamine` or `Spravato`.
    - `field`: the field's name for the error.

    **Raises:** `InputError` when it names none, or two.
    """
    known = "use one of: " + ", ".join(DRUGS)
    if not isinstance(text, str):
        raise InputError(field, f"'{str(text)[:40]}' is not the name of a drug", known)
    shown = " ".join(text.split())[:60]
    plain = re.sub(r"(?i)[\s,]+injection$", "", text.strip())
    found = drug_of(plain)
    if found is not None:
        return found
    matches = list(salt_pattern().finditer(plain))
    if len(matches) == 1 and matches[0].end() == len(plain):
        found = drug_of(plain[: matches[0].start()].strip())
        if found is not None:
            return DrugName(found.drug, salt_of(matches[0][0]), found.route, found.brand)
    raise unknown_drug(shown, field)


def unknown_drug(text: str, field: str) -> InputError:
    """The error for a name that is no drug's; a hint only where one letter slipped."""
    if key(text) == "ketanest":
        return InputError(
            field,
            f"'{text}' may be the racemate or esketamine",
            "write 'ketamine', 'esketamine' or 'Ketanest S'",
        )
    return InputError(field, f"unknown drug '{text}'", near(text.lower(), DRUGS, most=1))


def _plain(text: str) -> str:
    """A name with a hyphen wherever there is a hyphen or a blank."""
    return re.sub(_BETWEEN, "-", straight(text).strip().lower())
