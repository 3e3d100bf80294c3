"""The page `docs/benchmarks.md`: written from the results, so that its numbers are theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from targets import Target, Wait, targets, waits

Results = dict[str, Any]

LOAD = Path(__file__).with_name("load.json")
"""What `load.py` found, beside the other results."""

_HEAD = """# Benchmarks

How long a user waits, and how fast the engine for large populations is, beside other solvers on
the same machine, in the same run, at the same accuracy. `make bench` measures everything again and
writes this page from `benchmarks/results.json`; no number here is written by hand.
"""

_WORKLOAD = """## The work

*Workload W* is one population simulation: 14 states a patient, nine linear and five not, 14
infusions in 84 days, 407 output times. Its numbers are placeholders that fix an amount of work;
none is a claim about ketamine. Eight parameters and the weight differ between patients.

The *error* is the largest over patients, states and output times. It is relative; a value below a
thousandth of the state's largest in that patient counts as that. The reference is LSODA at a
tolerance of 1e-11 on the first 64 patients. A solver passes with an error of at most 1e-4. Each
of the others runs at the loosest tolerance, in half decades, that passes.

Times are wall times with everything compiled and warm; imports, compilation and start are
[apart](#start). Memory is the peak of a process of its own. Times of ketasim are without the
choice of steps (the *plan*), which is made once for a population and stands beside them.
"""


def write(results: Results, folder: Path) -> None:
    """Write the page and its figures.

    **Arguments:**

    - `results`: as `run.py` has them; parts that were not measured are left out.
    - `folder`: receives `benchmarks.md` and `images/bench-*.png`.
    """
    import charts

    images = folder / "images"
    if "growth" in results and "million" in results:
        charts.save_growth(results["growth"], results["million"], images / "bench-growth.png")
    if "peers" in results:
        charts.save_solvers(results["peers"]["solvers"], images / "bench-solvers.png")
    (folder / "benchmarks.md").write_text(render(results), encoding="utf-8")


def render(results: Results) -> str:
    """The page as Markdown.

    **Arguments:**

    - `results`: as `run.py` has them.
    """
    parts = [_HEAD]
    if results.get("quick"):
        parts.append("**This was a quick try on few patients: its numbers say nothing.**\n")
    parts += [_ratios(results), _targets(targets(results))]
    parts += [_waits(results["waits"])] if "waits" in results else []
    parts += [_load(json.loads(LOAD.read_text(encoding="utf-8")))] if LOAD.exists() else []
    parts += [_WORKLOAD]
    parts += [section(results[name]) for name, section in _SECTIONS.items() if name in results]
    if "growth" in results and "million" in results:
        parts.append(_growth(results["growth"], results["million"]))
    parts.append(_machine(results))
    return "\n".join(part for part in parts if part)


def _ratios(results: Results) -> str:
    rows = list[list[str]]()
    if "peers" in results:
        rows += [
            [f"{one['name']}, workload W", _ratio(one["ratio_1"]), _ratio(one["ratio_2"])]
            for one in _peers(results["peers"])
        ]
    if "realistic" in results:
        rows += [
            [f"{one['name']}, realistic course", _ratio(one["ratio_1"]), _ratio(one["ratio_2"])]
            for one in _peers(results["realistic"])
        ]
    kernel = results.get("kernel", {})
    for setting in _settings(kernel):
        one = kernel[setting]
        ratios = [f"{one[f'threads_{k}']['ratio']:.2f}" for k in (1, 2)]
        rows.append([f"kernel in C++ written for W, {setting}", *ratios])
    if not rows:
        return ""
    text = "Patients per second of ketasim over those of\n\n"
    text += _table(["solver", "one thread", "two threads"], rows)
    if "peers" in results:
        text += "\n![Patients per second of every solver](images/bench-solvers.png)\n"
    return text


def _targets(found: Sequence[Target]) -> str:
    if not found:
        return ""
    rows = [
        [one.what, one.asked, one.found, "reached" if one.reached else "**not reached**"]
        for one in found
    ]
    missed = [one.what for one in found if not one.reached]
    text = "## What was aimed at\n\n" + _table(["target", "asked", "measured", ""], rows)
    if missed:
        return text + f"\nNot reached in this run: {'; '.join(missed)}.\n"
    return text + "\nAll were reached in this run.\n"


def _waits(found: Results) -> str:
    rows = list[list[str]]()
    for one in waits(found):
        target = one.target
        measured = f"{target.found}" if target.reached else f"**{target.found}**"
        rows.append([one.what, target.asked, measured, _between(one), one.clock, *_beside(one)])
    peer = found["accuracy"]
    name = peer.get("name", "numbalsoda")
    head = ["what", "target", "median", "least to most", "clock", f"{name}, solving", "ratio"]
    typical = found["typical"]
    text = (
        f"## What a user waits for\n\n{_table(head, rows)}\n"
        "A course of 16 infusions in 12 weeks: twice weekly for four weeks, then weekly. *All "
        f"outputs* are {typical['curves']} curves at {_count(typical['output_times'])} times "
        "(enantiomers and metabolites at every site, block, effects of the sessions, mood) and the "
        "tables of summary, exposure, parameters, weeks, sessions and mood. What misses its target "
        "is bold. The course is read and everything is warm, the plan of its steps included; one "
        "*not seen before*, with another dose each time, needs a plan. Of a process only the code "
        "and the plans are kept from an earlier run; the first run on a machine starts with an "
        "empty folder and compiles.\n\n"
        f"Peak memory of {_count(found['sizes']['most'])} patients: "
        f"{_count(found['most']['peak_memory_mb'])} MB, libraries included.\n"
    )
    load = f"\nThe load of the machine when this part began was {found['load']:.1f}.\n"
    if "reason" in peer:
        return f"{text}\nNo other solver beside them: {peer['reason']}.\n{load}"
    return (
        text
        + f"\nThe other solver has the same equations, {peer['states']} states from dose to mood, "
        "the same patients and the same output times, and stops at the start and the end of every "
        "infusion. The ratio is its time over that of ketasim in the same run. Its time "
        "is that of solving alone; that of ketasim is the whole call, with statistics, effects of "
        "the sessions, exposure, sensitivities, tables, and the further patients of the "
        "uncertainty interval. It solves one patient after the other, so a part of the patients "
        "is timed, and *×* says how many times it was taken. For the regimens and the trial both "
        "leave out concentrations that mood does not need; the patients of the trial have the "
        "numbers of the card in every replicate there. No other solver does what the rows without "
        "a ratio say.\n\n"
        "Largest error of glutamate, BDNF, synapses and MADRS, at all output times, in "
        f"{peer['patients']} patients: ketasim "
        f"{_power(peer['error'])}; the other solver {_power(peer['peer_error'])} at a tolerance of "
        f"{_power(peer['tolerance'], 2)}, the loosest in half decades at which it is within the "
        "error of ketasim, or within 1e-4. The reference is the same solver at 1e-11, which is "
        f"within {_power(peer['reference_off'])} of the oracle of ketasim.\n{load}"
    )


def _load(found: Results) -> str:
    """Many people on the page at once."""
    whole, memory, errors = found["all"], found["memory"], sum(found["errors"].values())
    rows = [
        [one["what"], _count(one["requests"])]
        + [f"{1000 * one[key]:.0f} ms" for key in ("median", "p95", "p99", "most")]
        for one in (*found["rows"], {**whole, "what": "**all**"})
    ]
    head = ["what people do", "requests", "median", "95 %", "99 %", "longest"]
    asked = [
        ("no error", f"{errors}", errors == 0),
        ("95 % of answers within 1 s", f"{whole['p95']:.2f} s", whole["p95"] <= 1.0),
        (
            "memory flat",
            f"{memory['settled']:.0f} MB after a minute, {memory['end']:.0f} MB at the end",
            memory["end"] <= 1.1 * memory["settled"],
        ),
    ]
    held = [[*one[:2], "reached" if one[2] else "**not reached**"] for one in asked]
    return (
        f"## Many people on the page\n\n{found['people']} people use `ketasim serve` for "
        f"{found['seconds'] / 60:g} minutes, on the same machine. Each opens a page or changes a "
        f"course, reads for {found['think']:g} s on average, and goes on. Nearly every course is "
        "one that nobody asked for before. Times are from the question to the last byte of the "
        f"answer. `make load` measures it.\n\n{_table(['target', 'measured', ''], held)}\n"
        f"{_table(head, rows)}\n"
        f"Peak memory of all processes of the page: {_count(memory['most'])} MB.\n"
        f"{_alone(found['alone'])}"
    )


def _alone(rows: list[Results]) -> str:
    """One person in a real browser."""
    head = ["who is simulated", "target", "server: scores", "longest", "server: sessions", "seen"]
    lines = [
        [one["who"], f"{1000 * one['target']:.0f} ms"]
        + [f"{1000 * one[key]:.0f} ms" for key in ("server", "server_most", "sessions", "seen")]
        + ["reached" if one["server"] <= one["target"] else "**not reached**"]
        for one in rows
    ]
    return (
        "\nOne person alone in a real browser changes the dose of four infusions "
        f"{rows[0]['changes']} times. Medians; the server's own times, as the browser was told: "
        "of the scores, and of the sessions that it asks for right after. *Seen* is from the last "
        "key to new scores in the page.\n\n"
        f"{_table([*head, ''], lines)}"
    )


def _between(one: Wait) -> str:
    """Least and most of the repeats."""
    found = one.found
    return f"{found['least']:.3g}-{found['most']:.3g} s, {found['repeats']} runs"


def _beside(one: Wait) -> list[str]:
    """Time of the peer and ratio, empty where there is none."""
    if "ratio" not in one.found:
        return ["", ""]
    scaled = one.found["scaled"]
    times = f" (× {_count(scaled)})" if scaled > 1 else ""
    return [f"{one.found['peer_seconds']:.3g} s{times}", _ratio(one.found["ratio"])]


def _population(rows: list[Results]) -> str:
    table = _table(
        [
            *("patients", "output", "tolerance", "patients/s, one thread", "two threads"),
            *("plan, s", "error, 64", "error, worst of all", "peak memory, MB"),
        ],
        [
            [
                *(_count(one["patients"]), one["columns"], _power(one["rtol"])),
                *(_count(one["per_second_1"]), _count(one["per_second_2"])),
                *(f"{one['plan_seconds']:.2f}", _power(one["error_reference"])),
                *(_power(one["error_worst"]), _count(one["peak_memory_mb"])),
            ]
            for one in rows
        ],
    )
    text = f"## Populations of W\n\n{table}\n"
    text += (
        "All values stay in memory, in an array that is used again. Errors are those of what is "
        "asked for: *error, 64* against the reference. *Worst of all* is over every patient, "
        "against a quarter of the step, which leaves an error a few hundred times smaller. Peak "
        "memory includes the array and the libraries.\n"
    )
    loose, tight = _same_population(rows)
    if loose and tight:
        times = loose["per_second_1"] / tight["per_second_1"]
        text += f"\nAn error of 1e-6 instead of 1e-4 costs {times:.1f} times the time.\n"
    return text


def _same_population(rows: list[Results]) -> tuple[Results | None, Results | None]:
    """The largest population at 1e-4 and at 1e-6."""
    tight = next((one for one in rows if one["rtol"] == 1e-6), None)
    if tight is None:
        return None, None
    same = ("patients", "columns")
    alike = [one for one in rows if all(one[key] == tight[key] for key in same)]
    return next((one for one in alike if one["rtol"] == 1e-4), None), tight


def _solvers(found: Results) -> str:
    return (
        "## Other solvers on W\n\n"
        + _race(found)
        + f"\nAll 14 states at 407 times. Medians of {found['rounds']} rounds, in which the "
        "solvers take turns. Each of the others has as many patients as make a run of some "
        "seconds; ketasim solves its "
        f"{_count(found['solvers'][0]['population'])} again and again. All of them stop at the "
        "beginning and the end of every infusion. ketasim too runs at the loosest tolerance of the "
        "scan that passes; its own promise is wider than this error, for it holds between the "
        "times and for every patient. *Threads* are processes where a solver cannot "
        "use threads.\n" + _missing(found)
    )


def _realistic(found: Results) -> str:
    return (
        "## A realistic course\n\n"
        "The reference pharmacokinetic model with both enantiomers, the receptor, and the five "
        f"slow states of W: {found['states']} states, the same calendar and times. The five slow "
        "states are kept.\n\n"
        + _race(found)
        + "\nErrors are against the engine's own oracle, LSODA on the declared equations at "
        "1e-10.\n" + _missing(found)
    )


def _race(found: Results) -> str:
    rows = list[list[str]]()
    for one in found["solvers"]:
        name = one["name"]
        if "population" in one:
            name = f"**{name}**, {_count(one['population'])} patients"
        elif one["version"]:
            name += f" {one['version']}"
        rows.append(
            [
                *(name, _power(one["tolerance"], 2) if "tolerance" in one else "1e-4"),
                f"{_power(one['error'])} on {one['error_patients']}",
                *(_count(one["per_second_1"]), _count(one["per_second_2"])),
                _ratio(one["ratio_1"]) if "ratio_1" in one else "",
                _ratio(one["ratio_2"]) if "ratio_2" in one else "",
            ]
        )
    head = ["solver", "tolerance", "error", "patients/s, one thread", "two threads"]
    wrong = [one["name"] for one in found["solvers"] if one["error"] > found["passes"]]
    text = _table([*head, "ratio, one", "ratio, two"], rows)
    if wrong:
        text += f"\nBeyond the error of 1e-4 in this run: {'; '.join(wrong)}.\n"
    return text


def _missing(found: Results) -> str:
    if not found["missing"]:
        return ""
    reasons = "; ".join(f"{one['name']} ({one['reason']})" for one in found["missing"])
    return f"\nNot measured: {reasons}.\n"


def _kernel(found: Results) -> str:
    text = "## A kernel written by hand\n\n"
    if "reason" in found:
        return text + f"Not measured: {found['reason']}.\n"
    rows = [
        [
            *(setting, threads),
            _count(found[setting][f"threads_{k}"]["engine"]),
            _count(found[setting][f"threads_{k}"]["kernel"]),
            f"{found[setting][f'threads_{k}']['ratio']:.2f}",
        ]
        for setting in _settings(found)
        for k, threads in ((1, "one"), (2, "two"))
    ]
    return (
        text
        + "The same scheme for W alone, in C++ with vector instructions. Both get the same tables "
        "and do the same, from the modes of the linear block to the values.\n\n"
        + _table(["output", "threads", "engine, patients/s", "kernel, patients/s", "ratio"], rows)
        + f"\n{_count(found['patients'])} patients, {found['repeats']} rounds in turns, medians. "
        f"The largest difference between the two is "
        f"{_power(max(found[s]['largest_difference'] for s in _settings(found)))}.\n"
    )


def _settings(kernel: Results) -> list[str]:
    return [name for name, one in kernel.items() if isinstance(one, dict)]


def _million(rows: list[Results]) -> str:
    names = {"W": "W", "realistic": "realistic course"}
    table = _table(
        [
            *("model", "patients", "threads", "seconds", "of them plan", "patients/s"),
            *("peak memory, MB", "drawing the patients, s, apart"),
        ],
        [
            [
                *(names[one["model"]], _count(one["patients"]), str(one["threads"])),
                *(f"{one['seconds']:.1f}", f"{one['plan_seconds']:.1f}"),
                *(_count(one["per_second"]), _count(one["peak_memory_mb"])),
                f"{one['draw_seconds']:.1f}",
            ]
            for one in rows
        ],
    )
    return (
        f"## A million patients\n\n{table}\n"
        "Twelve weeks each. `stream` keeps mean, standard deviation and percentiles of M at 85 "
        "daily times, and three outcomes of every patient: M at the end, its largest value, hours "
        "above 0.5.\n"
    )


def _start(found: Results) -> str:
    names = {
        "few": "few patients, `engine='auto'` (NumPy)",
        "warm": "`engine='numba'`, compiled before",
        "cold": "`engine='numba'`, compiled now, once on a machine",
    }
    keys = ("import", "declare", "solve")
    rows = [
        [name, *(f"{found[kind][f'{key}_seconds']:.2f}" for key in keys)]
        + [f"{found[kind][key]:.2f}" for key in ("seconds", "process_seconds")]
        for kind, name in names.items()
    ]
    head = ["", "import, s", "declare W, s", "plan and solve, s", "sum, s", "whole process, s"]
    return (
        f"## Start\n\n{_table(head, rows)}\n"
        f"A fresh process imports `ketasim.engine`, declares W and solves {found['patients']} "
        f"patients at daily times; medians of {found['repeats']}. To declare W, the benchmark also "
        "imports what it needs for the realistic course. The whole process includes the start and "
        "the end of Python.\n"
    )


def _growth(growth: Results, million: list[Results]) -> str:
    from targets import line

    streamed = [*growth["patients"]]
    streamed += [one for one in million if one["model"] == "W" and one["threads"] == 2]
    text = "## Growth\n\n![Time and memory against patients, doses and days]"
    text += "(images/bench-growth.png)\n\n"
    text += _table(
        ["patients of W, streamed, two threads", "s", "plan, s", "µs/patient", "peak memory, MB"],
        [
            [
                *(_count(one["patients"]), f"{one['stream_seconds']:.3g}"),
                f"{one['plan_seconds']:.2f}",
                f"{1e6 * one['stream_seconds'] / one['patients']:.1f}",
                _count(one["peak_memory_mb"]),
            ]
            for one in streamed
        ],
    )
    by_patients = line(streamed, "patients", "stream_seconds")
    memory = line(streamed, "patients", "peak_memory_mb")
    text += (
        f"\nA line through these: {1e6 * by_patients.slope:.1f} µs a patient, and "
        f"{1e3 * by_patients.start:.0f} ms at the start; {_off(by_patients.off)}. Memory: "
        f"{1e3 * memory.slope:.2g} kB a patient, and {memory.start:.0f} MB at the start; "
        f"{_off(memory.off)}.\n"
    )
    for key, title, other in (
        ("doses", "weekly doses", "days"),
        ("days", "days followed, doses of W", "doses"),
    ):
        text += "\n" + _table(
            [
                *(title, other, "s", "plan, s", "µs/patient"),
                *("peak memory with the plan, MB", "and the run, MB"),
            ],
            [
                [
                    *(_count(one[key]), _count(one[other]), f"{one['seconds']:.3g}"),
                    f"{one['plan_seconds']:.2f}",
                    f"{1e6 * one['seconds'] / one['patients']:.1f}",
                    _count(one["plan_memory_mb"]),
                    _count(one["peak_memory_mb"]),
                ]
                for one in growth[key]
            ],
        )
        fit = line(growth[key], key, "seconds")
        n = growth[key][0]["patients"]
        unit = "dose" if key == "doses" else "day"
        text += (
            f"\nA line through these: {1e6 * fit.slope / n:.3g} µs for each {unit} and patient, "
            f"and {1e6 * fit.start / n:.3g} µs for each patient; {_off(fit.off)}.\n"
        )
    return text + (
        f"\n{_count(growth['doses'][0]['patients'])} patients, one thread, M at 85 times over the "
        "whole course, steps chosen for each course. With weekly doses the course grows by a week "
        "a dose.\n"
    )


def _off(off: float) -> str:
    return f"the point farthest from it is {100 * off:.0f} % off"


def _events(found: Results) -> str:
    """An event table of many subjects, beside LSODA."""
    peer = found.get("numbalsoda")
    rows = [["`ketasim.predict`, table to table", f"{found['predict']:.2f}", "exact"]]
    if peer is not None:
        name = f"numbalsoda, arrays to arrays, tolerance {_power(found['tolerance'])}"
        rows.append([name, f"{peer:.2f}", _power(found["error"])])
    rows.append(["`ketasim.predict`, CSV to CSV", f"{found['files']:.2f}", "exact"])
    text = (
        "## An event table\n\n"
        f"{_count(found['subjects'])} subjects, {_count(found['records'])} records, a depot and "
        "two compartments, three doses each; clearance and volume are columns of the table. "
        "Medians of turns; compiled and warm.\n\n"
        + _table(["", "s", "largest relative error"], rows)
    )
    if peer is not None:
        text += f"\n`predict` takes {found['predict'] / peer:.2f} of the time of numbalsoda.\n"
    return text


def _mixed_model(found: Results) -> str:
    head = ["", "ms"]
    rows = [
        ["ketasim, from sums by missing pattern", _count(found["sums_ms"])],
        ["ketasim, from arrays, with the sums", _count(found["arrays_ms"])],
        ["ketasim, the whole call: formula, fit, means and differences", _count(found["call_ms"])],
        [
            f"statsmodels {found['statsmodels']}, `MixedLM` with a random intercept",
            _count(found["statsmodels_ms"]),
        ],
    ]
    return (
        "## Analysing a trial\n\n"
        f"One mixed model of {found['arms']} arms of {found['each']} patients at {found['visits']} "
        f"visits ({found['outcomes']:,} outcomes, {found['patterns']} missing patterns), one "
        f"thread:\n\n{_table(head, rows)}\n"
        f"statsmodels over the whole call: {_ratio(found['ratio'])}. It fits less: it has neither "
        "an unstructured covariance nor Kenward-Roger degrees of freedom.\n"
    )


def _replicates(found: Any) -> str:
    first = found[0]
    rows = [
        [
            f"{_count(one['replicates'])} replicates, "
            + ("MMRM" if one["estimands"] == 1 else f"{one['estimands']} estimands"),
            _count(one["seconds"]),
            _count(one["cpu_seconds"]),
            _count(one["mb"]),
            f"{one['mc_se']:.3f}",
            f"{one['pool_se']:.3f}",
        ]
        for one in found
    ]
    head = ["", "s", "s of all cores", "MB", "Monte-Carlo error, points", "of the pool, points"]
    return (
        "## Power of a trial\n\n"
        f"`run_trial` of {first['arms']} arms of {first['each']} patients at {first['visits']} "
        "visits, MMRM with Kenward-Roger in three worlds (the effect of the card, uncertain, "
        f"none), summary and tables with it; {sum(one['failed'] for one in found)} fits "
        f"failed:\n\n{_table(head, rows)}\n"
    )


_SECTIONS: dict[str, Callable[[Any], str]] = {
    "workload": _population,
    "peers": _solvers,
    "kernel": _kernel,
    "million": _million,
    "realistic": _realistic,
    "start": _start,
    "events": _events,
    "mixed_model": _mixed_model,
    "replicates": _replicates,
}


def _machine(results: Results) -> str:
    machine = results.get("machine")
    if not machine:
        return ""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    text = (
        f"## The machine\n\n{machine['processor']}; {machine['cores']} cores, "
        f"{machine['memory_gb']:.0f} GB; {machine['system']}. {versions}.\n"
    )
    runs = results.get("runs", {})
    if runs:
        total = sum(one["seconds"] for one in runs.values())
        text += f"\nThe measurements took {total:.0f} seconds in all.\n"
        # the load counts what ran in the minute before, so only that of the first is of others
        first = next(iter(runs.values()))["load_before"]
        if first > 0.5:
            text += f"\nThe machine was not idle when they began: its load was {first:.1f}.\n"
    return text


def _peers(found: Results) -> list[Results]:
    return [one for one in found["solvers"] if "ratio_1" in one]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


def _count(value: float) -> str:
    """Whole, or three digits where it was measured."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def _ratio(value: float) -> str:
    if value < 1:
        return f"{value:.2g}"
    return f"**{value:,.0f}**" if value >= 10 else f"**{value:.1f}**"


def _power(value: float, digits: int = 1) -> str:
    """As 8.3e-5."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}" if value else "0"
