"""Headings of a clinic's table, in English and German: what a column holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ketasim._base import InputError
from ketasim.dosing import scales
from ketasim.interop.german import in_english
from ketasim.interop.scale_name import scale_named
from ketasim.vocabulary import scale_remedy
from ketasim.vocabulary.drug import drug_pattern

_WORDS: Final = {
    "date": "date;datum;visit date;date of visit;visit;visitdatum;datum der visite;session date;"
    "date of session;sitzungsdatum;treatment date;date of treatment;behandlungsdatum;"
    "infusion date;date of infusion;assessment date;date of assessment;date of service;dos;"
    "completed;completed on;date completed;datetime;date time;date and time;timestamp;"
    "messdatum;datum uhrzeit;erhebungsdatum;test date;dose date",
    "day": "day;tag;study day;treatment day;day number;studientag;behandlungstag",
    "clock": "time;clock;clock time;time of day;uhrzeit;zeit;visit time;start time;beginn",
    "scale": "scale;instrument;measure;questionnaire;fragebogen;skala;test;assessment;"
    "rating scale;scale name",
    "score": "score;total;total score;result;points;value;wert;punkte;punktwert;summe;summenwert;"
    "gesamtwert;gesamtpunktzahl;scale score;ergebnis",
    "dose": "dose;dosis;dosage;dosierung;dose given;amount;treatment;behandlung;"
    "ketamine;ketamin;esketamine;esketamin;menge;dose administered",
    "drug": "drug;substance;substanz;wirkstoff;medication;medikament;medicine;agent;product;"
    "präparat",
    "route": "route;route of administration;applikation;applikationsweg;verabreichung;"
    "administration;roa;weg",
    "over": "over;duration;infusion time;infusion duration;dauer;infusionsdauer;minutes;"
    "duration of infusion;length",
    "weight": "weight;body weight;gewicht;körpergewicht;wt;bw;kg",
    "age": "age;alter;age at visit",
    "sex": "sex;gender;geschlecht",
    # tells whose rows they are: dropped, and rows of several people are refused
    "who": "name;patient;patient name;patients name;patientenname;client;client name;first name;"
    "last name;surname;family name;given name;full name;vorname;nachname;familienname;mrn;"
    "medical record number;record number;chart;chart number;dob;date of birth;birth date;"
    "birthdate;birthday;geburtsdatum;geburtstag;geb;patient id;patient number;id;subject;"
    "subject id;patientennummer;patienten id;fallnummer;case;case number;nhs number;ssn;"
    "social security number;insurance number;versicherungsnummer;account;account number;"
    "initials;initialen;pid;pat nr;patienten nr;fall nr;pat id;pseudonym",
    # tells of a person as well, and may change from row to row
    "private": "phone;telephone;telefon;mobile;handy;email;e mail;mail;address;adresse;street;"
    "strasse;straße;city;ort;stadt;zip;zip code;postcode;plz;provider;clinician;therapist;"
    "doctor;physician;nurse;staff;arzt;ärztin;behandler;therapeut;pflege;insurance;versicherung;"
    "krankenkasse;emergency contact;employer;next of kin;partner;spouse",
    "text": "note;notes;comment;comments;remark;remarks;bemerkung;bemerkungen;kommentar;notiz;"
    "notizen;free text;freitext;narrative;observations;side effects;nebenwirkungen",
}
_KNOWN: Final = {
    re.sub(r"[^\w]|_", "", word): role
    for role, words in _WORDS.items()
    for word in words.split(";")
}
_WEAK: Final = ("visit", "completed", "treatment", "behandlung", "amount", "test", "value", "total")
_UNIT: Final = re.compile(
    r"[\s_,-]*[\[(]?\s*(mg\s*/\s*kg|mcg\s*/\s*kg|[uµμ]g\s*/\s*kg|mg|mcg|kg|lbs?|g|min(?:utes?|uten)?"
    r"|h|hours?|std|years?|yrs?|jahre)\s*[\])]?\s*$",
    re.IGNORECASE,
)
_UNITS: Final = {"jahre": "years", "std": "h", "minuten": "min"}
_WITH_UNIT: Final = ("dose", "over", "weight", "age")
_TAIL: Final = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")
_SEVERAL: Final = ("hamd", "hdrs", "hrsd", "hamilton")


@dataclass(frozen=True)
class Heading:
    """What a column holds.

    **Arguments:**

    - `typed`: as typed. `role`: of `_WORDS`, or `rating` for the scores of one scale; empty when
      it is not known.
    - `weak`: another column of the role, whose heading is plainer, is meant where there is one.
    - `unit`: in the heading. `scale`: of a rating. `drug`: that the heading names.
    """

    typed: str
    role: str = ""
    unit: str = ""
    scale: str = ""
    drug: str = ""
    weak: bool = False


def read_heading(typed: str) -> Heading:
    """Read a heading such as `PHQ-9 total`, `Datum`, `Ketamine dose (mg/kg)` or `MRN`.

    **Raises:** `InputError` for a scale of several lengths that does not say which.
    """
    text = " ".join(typed.split())
    role = _KNOWN.get(_letters(text), "")
    english = in_english(text)
    drug = drug_pattern().search(english)
    if role:
        weak = _letters(text) in _WEAK
        return Heading(text, role, drug=drug[0] if drug else "", weak=weak)
    scale = scale_named(text)
    if scale is not None:
        return Heading(text, "rating", scale=scale)
    if re.sub(r"(total|score|sum)$", "", _letters(text)) in _SEVERAL:
        raise InputError(
            f"'{text[:40]}'", "several scales have that name", scale_remedy("hamd", scales())
        )
    unit = _UNIT.search(english)
    plain = english[: unit.start()] if unit else _TAIL.sub("", english)
    role = _KNOWN.get(_letters(plain), "")
    if drug and not role:
        rest = _letters(plain.replace(drug[0], ""))
        role = "dose" if _KNOWN.get(rest, "dose" if not rest else "") == "dose" else ""
    if unit and role and role not in _WITH_UNIT:
        role = ""
    word = re.sub(r"\s+", "", unit[1]).lower() if unit else ""
    return Heading(text, role, _UNITS.get(word, word), drug=drug[0] if drug and role else "")


def _letters(text: str) -> str:
    return re.sub(r"[^\w#]|_", "", text.lower())
