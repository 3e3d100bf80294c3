"""Mutated input: it is read, refused with one clear line, or read with a warning, and nothing else.

In the suite the examples are the same every time and take about a minute. `make fuzz` goes on with
new ones for an hour (`FUZZ_SECONDS`), prints each failure with its seed and smallest input, and
writes nothing into the tree.
"""

from __future__ import annotations

import math
import os
import re
import resource
import runpy
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from ketasim._base import InputError, KetasimWarning, visible
from ketasim._base.yaml_values import read_yaml
from ketasim.apps.cli.application import run
from ketasim.dosing import (
    Course,
    load_course,
    load_trial,
    parse_course,
    parse_regimen,
    parse_trial,
    read_events,
    shipped,
    write_events,
)
from ketasim.screening import screen

LONGEST_LINE: Final = 500
UNFINISHED: Final = 30  # s of CPU; a guard against what does not end, not a measure of speed


def _split(texts: str) -> tuple[str, ...]:
    return tuple(texts.split("====\n"))


COURSES: Final = (
    *(path.read_text("utf-8") for path in shipped("course").values()),
    *_split("""\
patient: {age: 71, weight: 78 kg, sex: F, cyp2b6: "*1/*6", ancestry: white, kidney: mild}
population: {n: 20, seed: 1, weight: {mean: 80, sd: 15}, age: {mean: 43, sd: 12}, female: 0.6}
regimen: ketamine 0.5 mg/kg iv over 40 min twice weekly x 4
horizon: 84 d
====
start: 2026-01-05
patient: {history: [hypertension, no stroke, "FH: psychosis"]}
doses:
- {day: 0, at: 9:00, drug: ketamine, route: im, dose: 35 mg}
- {day: 2026-01-07, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min}
- {time: 80 h, drug: esketamine, route: intranasal, dose: 56 mg}
====
patient: &p {medicines: [sertraline 50 mg daily, lorazepam 1 mg nocte, stopped phenelzine]}
doses:
- &d {day: 0, drug: ketamine, route: oral, dose: 50 mg, steady_state: 12 h}
- {<<: *d, day: 1, steady_state: ~}
====
patient: {vitals: {sbp: 150 mmHg, dbp: 95 mmHg, heart_rate: 72 /min, spo2: 97 %}, place: home}
mood: {background: new, blinded: true, stress: high, switches: {serotonin: on}}
pk_model: otto2021
regimen: esketamine 28 mg oral once
"""),
)
TRIALS: Final = (
    *(path.read_text("utf-8") for path in list(shipped("trial").values())[::6]),
    """\
trial: two
population:
  {diagnosis: trd, age: {mean: 43, sd: 12}, weight: {mean: 82, sd: 18}, female: 0.6,
   baseline: {scale: MADRS, mean: 34, sd: 5}, background: continued}
arms:
- {id: ket, n: 18, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min, days: [0, 3, 7]}
- {id: saline, n: 17, control: saline, days: [0, 3], open: yes}
assess:
- {scale: MADRS, at: [24 h, 15 d], metrics: [score, change, response]}
remission_at_most: 10
replicates: 5
seed: 1
""",
)
SENTENCES: Final = (
    "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4",
    "esketamine 56 mg intranasal twice weekly x 4 wk, then every 2 weeks x 4",
    "ketamine 0.3 mg/kg iv over 10 min + 0.2 mg/kg over 30 min 3/week x 2 wk",
    "ketamine hydrochloride 50 mg im once, then esketamine 50 mg oral on day 3",
    "Spravato 84 mg BIW for 4 weeks then q2w",
    "ketamine 0,5 mg/kg IV x 40 mins",
    "ketamine 5 mcg/kg/min iv for 40 minutes",
    "ketamine 21 mL/h of 2 mg/mL iv over 1 h",
    "ketamine lozenge 200 mg sl at 0, 6, 12 h",
)
TABLES: Final = _split("""\
ID,TIME,AMT,RATE,CMT,EVID
1,0,35,52.5,1,1
1,1,0,0,1,0
1,24,35,0,1,1
====
ID,TIME,AMT,ROUTE,DRUG,EVID,II,ADDL,SS,WT,AGE
1,0,50,oral,ketamine,1,12,6,0,70,40
1,4,.,oral,ketamine,0,.,.,.,70,40
2,0,28,intranasal,esketamine,1,0,0,0,60,50
====
C,ID,DATE,TIME,AMT,DUR,CMT,EVID,DV,MDV
.,1,2026-01-05,9:00,35,0.667,1,1,.,1
C,1,2026-01-05,9:40,.,.,1,0,101.5,0
.,1,2026-01-07,9:00,35,0.667,1,1,.,1
====
ID;TIME;AMT;RATE;CMT;EVID
1;0;35,5;52,5;1;1
""")
MEDICINES: Final = (
    "sertraline 50 mg daily",
    "lorazepam 1 mg nocte, off on session days",
    "stopped phenelzine 45 mg in 2019",
    "no clarithromycin",
    "Zoloft 100mg od",
    "an SSRI",
    "Seroquel XR 150 mg qhs prn",
    "olanzapine/fluoxetine 6 mg/25 mg",
)
HISTORIES: Final = (
    "abdominal aortic aneurysm 4.2 cm, not repaired",
    "denies hallucinations, family history of psychosis",
    "mother had a stroke",
    "possible hyperthyroidism since 2019",
    "hypertension, controlled; no MI",
    "interstitial cystitis ruled out",
    "eGFR 28 mL/min, haemodialysis",
)
AMOUNTS: Final = (
    *("78 kg", "78,5 Kg", "172 lb", "42", "42 years", "150 mmHg", "72 /min", "97 %", "6.5 kg/m2"),
    *("40 min", "1:30", "84 d", "0.5 mg/kg", "1,000 mg", "12 wk", "F", "trd", "*1/*6", "madrs"),
)
WORDS: Final = (
    *("0", "-1", "010", "1e3", "1e999", "1e-320", "5e-324", "1e19", ".5", ",5", "1,5", "1.234,5"),
    *("nan", ".nan", ".inf", "-.inf", "inf", "0x1F", "0o17", "1_000", "9:00", "25:00", "0:30"),
    *("2026-01-05", "05/01/2026", "2026-02-30", "2026-01-05 14:30", "~", "null", "true", "yes"),
    *("no", "off", "none", "''", '"', "'", "[", "]", "{", "}", "(", ")", "((", ": ", "- ", "? "),
    *("*a", "&a ", "<<: ", "!!timestamp x", "!!map [1]", "!!python/object:os.system x", "!a!b x"),
    *("---", "...", "\t", "\n", "\r", "\x00", "\x1b[2J", "\u202e", "\u2028", "\ufeff", "\xa0"),
    *("ı", "İ", "ſ", "ß", "µ", "μ", "😀", "٣", "½", "²", "\ud800", "=1+1", "@x", "#", "# x", "%"),
    *("\\", "`", "|", ">", ";", ",", "+", "-", "*", "/", "^", "**9**9", "^99999", "/0", "*pi", "?"),
    *("mg", "Mg", "mg/kg", "mcg/kg/min", "mL/h", "mmol", "kg", "Kg", "lb", "min", "mins", "h", "d"),
    *("iv", "i.v.", "PO", "SL", "nasal spray", "over 40 min", "x 6", "q2w", "BIW", "TIW", "mon"),
    *("weekly", "daily", "for 2 weeks", "then", "at", "on days", "from day", "every other day"),
    *("ketamine", "S-ketamine", "Ketanest S", "Spravato", "racemic", "hydrochloride", "base"),
    *("denies", "not repaired", "mother had a stroke", "possible", "since 2019", "MAOI", "Zoloft"),
    *(
        "weight",
        "age",
        "dose",
        "day",
        "time",
        "at",
        "start",
        "title",
        "regimen",
        "doses",
        "patient",
    ),
    *("9" * 40, "9" * 5000, "k" * 3000, "(" * 300, "[" * 300, "mg*" * 200, "a: " * 100, "- " * 60),
    "x: &x [a, a, a, a, a, a]\ny: &y [*x, *x, *x, *x, *x]\nz: [*y, *y, *y, *y, *y]\n",
)

_LETTERS: Final = ("", "ı", "İ", "ſ", "µ", "٣", "²", ".", ",", "-", "(", "'", "\0", "é", "K", "\n")
_PARTS: Final = re.compile(r"\w+|\s+|[^\w\s]")


@st.composite
def mutated(draw: st.DrawFn, texts: tuple[str, ...], most: int = 4) -> str:
    """A text of these with a few parts left out, doubled, moved or replaced by an odd word."""
    parts = _PARTS.findall(draw(st.sampled_from(texts)))
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, max(len(parts) - 1, 0)))
        how = draw(st.integers(0, 7))
        if how <= 1:
            parts[at : at + 1] = [draw(st.sampled_from(WORDS))]
        elif how <= 3:
            parts.insert(at, draw(st.sampled_from(WORDS)))
        elif how == 4:
            del parts[at : at + draw(st.integers(1, 8))]
        elif how == 5:
            parts[at:at] = parts[at : at + draw(st.integers(1, 20))]
        elif how == 6:
            parts.insert(at, draw(st.text(max_size=8)))
        elif parts:
            letter = draw(st.integers(0, max(len(parts[at]) - 1, 0)))
            odd = draw(st.sampled_from(_LETTERS) | st.characters())
            parts[at] = parts[at][:letter] + odd + parts[at][letter + 1 :]
    return "".join(parts)


_SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 3, 10**18, 10**40, 0.5, 1e300, 5e-324, math.inf, -math.inf, math.nan]),
    st.sampled_from(WORDS),
    st.text(max_size=12),
)
ODD: Final = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def misshapen(draw: st.DrawFn, texts: tuple[str, ...], most: int = 3) -> dict[str, Any]:
    """The content of a text of these with a few values, keys or types changed."""
    content = read_yaml(draw(st.sampled_from(texts)), "content")
    for _ in range(draw(st.integers(1, most))):
        place: Any = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            inner = place[key]
            if isinstance(inner, dict | list) and inner and draw(st.booleans()):
                place = inner
                continue
            how = draw(st.integers(0, 5))
            if how == 0:
                del place[key]
            elif how == 1 and isinstance(place, dict):
                place[draw(st.sampled_from(WORDS))] = place.pop(key)
            else:
                place[key] = draw(ODD)
            break
    return content


class UnfinishedError(Exception):
    """A case did not end."""


@contextmanager
def _ending() -> Iterator[None]:
    """Stop a case that takes longer than any should, in CPU time of this process."""

    def stop(_number: int, _frame: object) -> None:
        raise UnfinishedError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, UNFINISHED)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _check_line(line: str) -> None:
    assert line == " ".join(visible(line).split()), "the message acts on the terminal"
    assert len(line) <= LONGEST_LINE, "the message is too long"


def _check_finite(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_finite(key)
            _check_finite(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_finite(inner)
    elif isinstance(value, float):
        assert math.isfinite(value), "a number that is not finite came out"


def _judged(read: Callable[[], object]) -> None:
    """Let a reader read: it returns something sound, or refuses with one good line."""
    with _ending(), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", KetasimWarning)
        try:
            read()
        except InputError as error:
            _check_line(str(error))


def _course(course: Course) -> None:
    form = course.to_dict()
    _check_finite(form)
    assert load_course(form) == course, "the course does not load back"
    for dose in course.regimen.doses[:200]:
        _check_finite(list(vars(dose).values()))
    course.regimen.describe()
    found = screen(course, exposure=False)
    _check_finite(found.to_dict())
    assert len(found.medicines) == len(course.patient.medicines)


def check_course(text: str) -> None:
    """A course file."""
    _judged(lambda: _course(parse_course(text)))


def check_course_content(content: dict[str, Any]) -> None:
    """A course as a mapping, as programs make it."""
    _judged(lambda: _course(load_course(content)))


def _trial(trial: Any) -> None:
    form = trial.to_dict()
    _check_finite(form)
    assert load_trial(form) == trial, "the trial does not load back"
    assert trial.labels is not None
    assert trial.warnings is not None
    assert trial.assumptions is not None


def check_trial(text: str) -> None:
    """A trial file."""
    _judged(lambda: _trial(parse_trial(text)))


def check_trial_content(content: dict[str, Any]) -> None:
    """A trial as a mapping."""
    _judged(lambda: _trial(load_trial(content)))


_FIELDS: Final = ("age", "weight", "sex", "ancestry", "cyp2b6", "diagnosis", "setting", "place")
_ORGANS: Final = ("kidney", "liver", "height", "medicines", "history", "horizon")
PATIENTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "medicines": st.lists(mutated(MEDICINES), max_size=3),
        "history": st.lists(mutated(HISTORIES), max_size=3),
        "vitals": st.dictionaries(
            st.sampled_from(["sbp", "dbp", "heart_rate", "spo2"]), mutated(AMOUNTS, 2), max_size=2
        ),
        "baseline": st.fixed_dictionaries({"scale": mutated(("MADRS", "phq9")), "score": _SCALARS}),
    },
).flatmap(
    lambda content: st.dictionaries(
        st.sampled_from((*_FIELDS, *_ORGANS)), mutated(AMOUNTS, 2), max_size=1
    ).map(lambda more: {**content, **more})
)


def check_patient(patient: dict[str, Any]) -> None:
    """A patient in the words of a clinic."""
    sentence = "ketamine 0.5 mg/kg iv over 40 min once"
    _judged(lambda: _course(load_course({"patient": patient, "regimen": sentence})))


def check_sentence(text: str) -> None:
    """A regimen as one sentence."""

    def read() -> None:
        regimen = parse_regimen(text)
        assert regimen.doses
        for dose in regimen.doses[:200]:
            _check_finite(list(vars(dose).values()))
            assert dose.amount > 0
        assert regimen.describe()

    _judged(read)


def check_table(text: str) -> None:
    """An event table."""

    def read() -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "events.csv"
            file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
            table = read_events(file)
        for subject in table.subjects:
            for dose in subject.regimen.doses[:200] if subject.regimen else ():
                _check_finite(list(vars(dose).values()))
            _check_finite([one.time for one in subject.observations[:200]])
        written = write_events(table)
        assert read_events(written) == table, "the table does not read back"

    _judged(read)


def check_command(words: list[str]) -> None:
    """A command: done, or refused with one line, status 2 and nothing written."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        told, wrong = StringIO(), StringIO()
        given_words = [word.replace("{out}", str(out)) for word in words]
        with _ending(), redirect_stdout(told), redirect_stderr(wrong):
            status = run(given_words)
        assert status in (0, 1, 2)
        if status == 2:
            assert told.getvalue() == ""
            line = wrong.getvalue().removesuffix("\n").splitlines()[-1]
            assert line.startswith("error: ")
            _check_line(line)
            assert not out.exists(), "something was written"


_OPTIONS: Final = (
    *("--n", "--seed", "--typical", "--weight", "--limit", "--fail-on", "--any-drug", "--json"),
    *(
        "--setting",
        "--table",
        "--source",
        "--help",
        "--",
        "-x",
        "2.5",
        "1e3",
        "20",
        "78 kg",
        "home",
    ),
    *("caution", "six_infusions", "SIX_INFUSIONS.yaml", "murrough2013", "/dev/zero", "/", "", "-"),
)
COMMANDS: Final = st.one_of(
    st.builds(lambda text: ["regimen", text], mutated(SENTENCES)),
    st.builds(
        lambda first, rest: [first, *rest],
        st.sampled_from(["screen", "harm", "regimen", "models", "evidence", "events", "simulate"]),
        st.lists(st.sampled_from(_OPTIONS) | st.sampled_from(WORDS), max_size=4),
    ),
)

TARGETS: Final[dict[str, tuple[Callable[[Any], None], st.SearchStrategy[Any], int]]] = {
    "course": (check_course, mutated(COURSES), 500),
    "course content": (check_course_content, misshapen(COURSES), 500),
    "trial": (check_trial, mutated(TRIALS), 400),
    "trial content": (check_trial_content, misshapen(TRIALS), 400),
    "patient": (check_patient, PATIENTS, 300),
    "sentence": (check_sentence, mutated(SENTENCES), 1000),
    "table": (check_table, mutated(TABLES), 500),
    "command": (check_command, COMMANDS, 150),
}
"""Name to what checks an input, where inputs come from, and how many come with one seed.

The suite has the same ones each time; new ones are looked for by `make fuzz`.
"""


def _searching(name: str, examples: int, start: int | None) -> Callable[[], None]:
    check, inputs, _ = TARGETS[name]

    def case(value: Any) -> None:
        check(value)

    case.__name__ = name.replace(" ", "_")
    search = settings(
        max_examples=examples,
        derandomize=start is None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )(given(inputs)(case))
    return search if start is None else seed(start)(search)


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_is_read_or_refused(name: str) -> None:
    _searching(name, TARGETS[name][2], None)()


def main() -> int:
    """Search with new seeds until the time is over; the number of failures as status, at most 1."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "3600"))
    start = int(os.environ.get("FUZZ_SEED", str(time.time_ns() % 10**9)))
    names = os.environ.get("FUZZ_TARGETS", ",".join(TARGETS)).split(",")
    most = 12 * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    # the profile without a deadline, which pytest loads by itself
    runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))
    end, number, places = time.monotonic() + seconds, start, dict[str, int]()
    with tempfile.TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        while time.monotonic() < end:
            for name in names:
                try:
                    _searching(name, TARGETS[name][2], number)()
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    _tell(name, number, error, places)
                if time.monotonic() >= end:
                    break
            number += 1
    print(f"seeds {start} to {number}: {len(places)} kinds of failure in {sum(places.values())}")
    return min(len(places), 1)


def _tell(name: str, number: int, error: BaseException, places: dict[str, int]) -> None:
    """Print a failure, in full the first time that it comes from its place."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ketasim" in frame.filename] or frames
    place = f"{name}: {type(error).__name__} in {Path(own[-1].filename).name}:{own[-1].lineno}"
    places[place] = places.get(place, 0) + 1
    print(f"{place} (FUZZ_SEED={number} FUZZ_TARGETS='{name}')", flush=True)
    if places[place] == 1:
        print("".join(traceback.format_exception_only(error))[:6000], flush=True)


if __name__ == "__main__":
    sys.exit(main())
