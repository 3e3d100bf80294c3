"""Routes of administration, and forms that say one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import ROUTES, InputError
from ketasim.vocabulary.phrase import key, pattern_of

_ROUTES: Final = {
    "iv": "iv;i.v.;i/v;intravenous;intravenously;iv injection;intravenous injection;by vein",
    "im": "im;i.m.;i/m;intramuscular;intramuscularly;im injection;intramuscular injection",
    "sc": "sc;s.c.;s/c;sq;s.q.;sub q;subq;subcut;sub cut;subcutaneous;subcutaneously;"
    "sc injection;subcutaneous injection",
    "intranasal": "intranasal;intranasally;nasal;nasally;nasal spray;nasal sprays;"
    "intranasal spray;by nasal spray",
    "oral": "oral;orally;po;p.o.;by mouth;per os;oral solution;oral liquid;oral tablet;"
    "oral tablets;oral capsule;oral capsules;swallowed",
    "oral_er": "oral er;oral xr;oral extended release;oral prolonged release;er oral;"
    "extended release oral;prolonged release oral;slow release oral",
    "sublingual": "sublingual;sublingually;sl;s.l.;s/l;under_the_tongue",
    "buccal": "buccal;buccally",
    "rectal": "rectal;rectally;pr;p.r.;per rectum",
    "inhaled": "inhaled;inhalation;respiratory (inhalation);by inhalation;nebulised;nebulized;"
    "by nebuliser;by nebulizer;via nebuliser;via nebulizer;nebuliser;nebulizer",
}
_INFUSION: Final = {
    "iv": "iv infusion;i.v. infusion;ivi;ivpb;iv piggyback;iv drip;intravenous drip;"
    "intravenous infusion",
    "sc": "sc infusion;subcutaneous infusion",
}
_BOLUS: Final = {
    "iv": "iv bolus;i.v. bolus;iv push;ivp;intravenous bolus;intravenous push",
    "sc": "sc bolus",
    "im": "im bolus",
}
# forms, and the route that they have where none is named beside them
_FORMS: Final = {
    "oral": "tablet;tablets;tab;tabs;capsule;capsules;cap;caps;syrup",
    "oral_er": "er;xr;sr;extended release;prolonged release;slow release;modified release;"
    "er tablet;er tablets;xr tablet;xr tablets;sr tablet;sr tablets;prolonged release tablet;"
    "prolonged release tablets;extended release tablet;extended release tablets;"
    "slow release tablet;slow release tablets;extended release capsule;extended release capsules",
    "sublingual": "lozenge;lozenges;troche;troches",
    "rectal": "suppository;suppositories",
    "intranasal": "spray;sprays",
}
_ASSUMED: Final = {
    "lozenge": "sublingual",
    "lozenges": "sublingual",
    "troche": "sublingual",
    "troches": "sublingual",
}
# what a form may be given by, other than its own route
_ALSO: Final = {
    "oral": ("sublingual", "buccal", "oral_er"),
    "oral_er": (),
    "sublingual": ("buccal",),
    "rectal": (),
    "intranasal": (),
}
_ASKED: Final = {
    "odt": "a tablet that dissolves in the mouth may be meant to be absorbed there or swallowed",
    "orally disintegrating tablet": "a tablet that dissolves in the mouth may be meant to be "
    "absorbed there or swallowed",
    "wafer": "a wafer may be sublingual or buccal",
    "film": "a film may be sublingual or buccal",
    "transmucosal": "it may be sublingual, buccal or nasal",
    "injection": "an injection may be iv, im or sc",
    "parenteral": "it may be iv, im or sc",
    "intravascular": "it may be a vein or an artery, at once or as an infusion",
    "extravascular": "it may be any but iv",
    "enteral": "it may be oral, sublingual, buccal or rectal",
}
IN_SHORT: Final = re.compile(r"IN(?!\w)|[iI]\.[nN]\.?(?!\w)")
"""The short form of intranasal; in small letters it is a word of any sentence."""

_UNKNOWN: Final = (
    "epidural;intrathecal;caudal;topical;transdermal;intraosseous;io;vaginal;gargle;intradermal;"
    "intraarticular;intraperitoneal;intraarterial;intravesical;intraventricular;perineural;"
    "nasogastric;intralesional;subdural;intracameral;ophthalmic"
)
_SURE: Final = 0.85  # likeness of a slip of the pen; routes have long words in common


@dataclass(frozen=True)
class RouteName:
    """What the words for a route say.

    **Arguments:**

    - `route`: one of `ROUTES`.
    - `text`: as typed.
    - `timed`: true of an infusion, false of a bolus or push, nothing where the words do not say it.
    - `form`: the words name a form, such as a lozenge, which a route beside them may specify.
    - `assumed`: the route is what such a form usually has.
    """

    route: str
    text: str = ""
    timed: bool | None = None
    form: bool = False
    assumed: bool = False

    def with_form(self, other: RouteName) -> RouteName | None:
        """Both words together, such as `sublingual` and `tablet`; nothing when they differ."""
        if self.form == other.form:
            same = self.route == other.route
            wider = next((r for r in (self, other) if r.route == "oral_er"), None)
            if not same and wider is not None and {self.route, other.route} == {"oral", "oral_er"}:
                return wider
            return self if same else None
        form, route = (self, other) if self.form else (other, self)
        if route.route == "oral" and form.route == "oral_er":
            return form
        fits = route.route == form.route or route.route in _ALSO[form.route]
        return route if fits else None


@cache
def _words() -> Mapping[str, RouteName]:
    found: dict[str, RouteName] = {}
    for table, timed in ((_ROUTES, None), (_INFUSION, True), (_BOLUS, False)):
        for route, words in table.items():
            for word in (route, *words.split(";")) if table is _ROUTES else words.split(";"):
                found[key(word)] = RouteName(route, timed=timed)
    for route, words in _FORMS.items():
        for word in words.split(";"):
            found[key(word)] = RouteName(route, form=True, assumed=word in _ASSUMED)
    return found


@cache
def route_pattern() -> re.Pattern[str]:
    """Finds words for a route or a form in a text."""
    tables = (_ROUTES, _INFUSION, _BOLUS, _FORMS)
    words = [word for table in tables for words in table.values() for word in words.split(";")]
    return pattern_of((*words, *ROUTES))


@cache
def other_route_pattern() -> re.Pattern[str]:
    """Finds words for a route that is not simulated, or that does not say which it is."""
    return pattern_of((*_UNKNOWN.split(";"), *_ASKED))


def route_of(text: str) -> RouteName | None:
    """What words for a route say; nothing when they are none."""
    found = _words().get(key(text))
    if found is None and IN_SHORT.fullmatch(text.strip()):
        found = RouteName("intranasal")
    if found is None:
        return None
    shown = " ".join(text.split())
    return RouteName(found.route, shown, found.timed, found.form, found.assumed)


def read_route(text: object, *, field: str = "route") -> RouteName:
    """Read a route in any of its usual short forms.

    **Arguments:**

    - `text`: such as `IV`, `i.v.`, `nasal spray`, `SL` or `ER tablet`.
    - `field`: the field's name for the error.

    **Raises:** `InputError` when it is unknown, or may be several.
    """
    if not isinstance(text, str):
        raise InputError(
            field, f"'{str(text)[:40]}' is not a route", "use one of: " + ", ".join(ROUTES)
        )
    found = route_of(text.strip()) or (
        RouteName("intranasal", text) if text.strip().lower() == "in" else None
    )
    if found is None:
        found = _parts(text)
    if found is not None:
        return found
    raise unknown_route(text, field)


def _parts(text: str) -> RouteName | None:
    """A route with its form, such as `sublingual tablet`."""
    matches = list(route_pattern().finditer(text))
    rest = route_pattern().sub(" ", text)
    if len(matches) != 2 or rest.strip(" ,()"):
        return None
    first, second = (route_of(match[0]) for match in matches)
    both = first.with_form(second) if first is not None and second is not None else None
    return None if both is None else RouteName(both.route, " ".join(text.split()), both.timed)


def unknown_route(text: str, field: str) -> InputError:
    """The error for words that are no route."""
    shown = " ".join(text.split())[:40]
    listed = "use one of: " + ", ".join(ROUTES)
    asked = _ASKED.get(key(text))
    if asked:
        return InputError(field, f"'{shown}' does not say the route: {asked}", listed)
    if key(text) in _UNKNOWN.split(";"):
        return InputError(field, f"the route '{shown}' is not simulated", listed)
    known = [*ROUTES, "intravenous", "intramuscular", "subcutaneous", "nasal", "sublingually"]
    close = difflib.get_close_matches(key(text), known, n=1, cutoff=_SURE)
    hint = f"did you mean '{close[0]}'?" if close else listed
    return InputError(field, f"unknown route '{shown}'", hint)
