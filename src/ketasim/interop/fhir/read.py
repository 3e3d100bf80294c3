"""A FHIR R4 Bundle of one patient, read into doses, scores and what is kept of the patient."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, tzinfo
from itertools import groupby
from pathlib import Path

from ketasim.interop.fhir.bundle import read_bundle
from ketasim.interop.fhir.given import doses_of
from ketasim.interop.fhir.moment import Time, offsets, zone_named, zone_of
from ketasim.interop.fhir.person import birth_year, check_one_patient, sex_of
from ketasim.interop.fhir.scores import Found, scores_of, weights_of
from ketasim.interop.once import each_once
from ketasim.interop.records import Account, Given, Imported, Person, Rating, in_order


def read_fhir(path: str | Path, *, zone: str = "", since: date | None = None) -> Imported:
    """Read a FHIR R4 Bundle: PHQ-9 and other scores, doses of ketamine, birth year, sex, weight.

    **Arguments:**

    - `path`: of the JSON file.
    - `zone`: where the clinic is, such as `Europe/Berlin`; left out, days and clock times are those
      of the zone in which the first session was recorded.
    - `since`: what is from before this date is left out.

    **Returns:** what was read, and what was not; no name, identifier, address or text of the
    record.

    **Raises:** `InputError` when it is no such bundle, or of several patients.
    """
    account = Account()
    bundle = read_bundle(Path(path), account)
    doses, scores = doses_of(bundle, account), scores_of(bundle, account)
    weights = sorted(weights_of(bundle, account), key=lambda one: one[0].key)
    used = [one.resource for one in (*doses, *scores)] + [one for _, _, one in weights]
    check_one_patient(bundle, used)
    times = [one.time for one in doses] or [one.time for one in scores]
    clock = zone_named(zone) if zone else _zone(times, account)
    given = in_order(Given(one.time.at(clock), one.entry) for one in doses)
    rated = [Rating(one.time.at(clock), one.scale, one.score) for one in _corrected(scores)]
    if since is not None:
        given = tuple(one for one in given if _kept(one.when.day, since, "dose", account))
        rated = [one for one in rated if _kept(one.when.day, since, "score", account)]
    patients = [one.resource for one in bundle.of("Patient")]
    person = Person(
        birth_year(patients[0], account) if patients else None,
        sex_of(patients[0], account) if patients else None,
        tuple((time.at(clock), kilograms) for time, kilograms, _ in weights),
    )
    return Imported(
        person,
        given,
        each_once(rated, given, account),
        tuple(account.lines()),
        tuple(account.notes),
    )


def _zone(times: Sequence[Time], account: Account) -> tzinfo:
    """The zone of the first time; where times are in several or in UTC, that is said."""
    instants = sorted((one for one in times if one.instant is not None), key=lambda one: one.key)
    found = offsets({one.key: one for one in instants})
    if found and not any(found):
        account.note("Times are in UTC: a day ends at midnight UTC unless --zone says where.")
    elif len(found) > 1:
        account.note("Times have several offsets from UTC: that of the first session is used.")
    return zone_of(instants[0] if instants else None)


def _corrected(scores: Sequence[Found]) -> list[Found]:
    """Scores, those alone that correct others of the same time and scale."""
    kept: list[Found] = []
    ordered = sorted(scores, key=lambda one: (one.scale, one.time.key))
    for _, group in groupby(ordered, key=lambda one: (one.scale, one.time.key)):
        same = list(group)
        kept += [one for one in same if one.changed] or same
    return kept


def _kept(day: date, since: date, what: str, account: Account) -> bool:
    if day >= since:
        return True
    account.leave_out(what.capitalize(), "from before --since")
    return False
