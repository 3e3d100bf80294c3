"""`ketasim simulate`: a course file goes in, tables and a report come out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import (
    PRINT,
    AsJson,
    ListShipped,
    MaybeFolder,
    Printed,
    check_folder,
    check_input,
    command_line,
    listen,
    needed,
    note,
    print_catalogue,
    print_json,
    save,
    warn,
    whole,
    whole_number,
)
from ketasim.apps.cli.shards.planned import (
    Cluster,
    PlanFolder,
    ShardSize,
    check_options,
    print_plan,
)
from ketasim.apps.cli.shards.together import let_go_of, on_cluster

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan
    from ketasim.dosing import Course
    from ketasim.simulation import Simulation

_FILES = ("summary.csv", "timecourse.parquet", "report.html")


@dataclass(frozen=True)
class CourseOptions:
    """What the command was called with, beside where its files go.

    **Arguments:**

    - `course`, `individuals`: as typed. `typical`, `n`, `seed`, `uncertainty`, `costs`, `printed`:
      the options.
    """

    course: str
    typical: bool = False
    n: int | None = None
    seed: int | None = None
    uncertainty: bool = False
    costs: bool = False
    individuals: str | None = None
    printed: bool = False

    def command(self, out: Path) -> str:
        """The command that writes the same files."""
        words = ["ketasim", "simulate", self.course, "--out", str(out)]
        words += ["--typical"] if self.typical else []
        words += [] if self.n is None else ["--n", str(self.n)]
        words += [] if self.seed is None else ["--seed", str(self.seed)]
        words += ["--uncertainty"] if self.uncertainty else []
        words += ["--costs"] if self.costs else []
        words += [] if self.individuals is None else ["--individuals", self.individuals]
        words += ["--print"] if self.printed else []
        return command_line(words)

    def files(self) -> tuple[str, ...]:
        """Names of what is written, tables of the report aside."""
        return (*_FILES, PRINT) if self.printed else _FILES

    def gathered(self) -> dict[str, Any]:
        """What changes what is gathered."""
        return {"individuals": self.written}

    @property
    def written(self) -> int | None:
        """Patients of whom the time course has curves; nothing for all.

        **Raises:** `InputError`.
        """
        from ketasim.simulation import INDIVIDUALS

        return INDIVIDUALS if self.individuals is None else _individuals(self.individuals)


def simulate(
    course: Annotated[
        Path | None, Parameter(help="Course file (YAML), or name of an example.")
    ] = None,
    /,
    *,
    out: MaybeFolder = None,
    typical: Annotated[
        bool, Parameter(help="The typical patient, even if the file asks for a population.")
    ] = False,
    n: Annotated[int | None, whole_number("Virtual patients around the patient.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the virtual patients.")] = None,
    uncertainty: Annotated[
        bool,
        Parameter(
            help="Every virtual patient has a draw of the parameters within their uncertainty.",
            negative=(),
        ),
    ] = False,
    costs: Annotated[
        bool, Parameter(help="A table of the course at published prices in the report.")
    ] = False,
    individuals: Annotated[
        str | None,
        Parameter(
            help="Patients of whom timecourse.parquet has curves: a number, or all; 50 when left "
            "out."
        ),
    ] = None,
    printed: Printed = False,
    plan: PlanFolder = None,
    shard_size: ShardSize = None,
    cluster: Cluster = None,
    listed: ListShipped = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a course: prints what came out, writes two tables and a report."""
    if listed:
        print_catalogue("course", as_json)
        return
    course = needed(course, "COURSE", "name a course file, or one of 'ketasim simulate --list'")
    check_options(out, plan, cluster, shard_size)
    if plan is None or cluster is not None:
        out = needed(out, "--out", "name a folder, such as --out out/mine")
    file = check_input(course, "COURSE")
    given = (typical, n, seed, uncertainty, costs, individuals, printed)
    options = CourseOptions(str(course), *given)
    if out is not None:
        check_folder(out, options.files(), inputs=(file,))
    if individuals is not None:
        _individuals(individuals)

    listen()
    if typical and uncertainty:
        problem = "the typical patient has one set of parameters"
        raise InputError("--uncertainty", problem, "leave out --typical, or --uncertainty")
    read = loaded(course, typical, n, seed)
    if plan is not None or cluster is not None:
        _check_divided(options, read)
    if out is None:
        assert plan is not None
        print_plan(_planned(options, plan, shard_size), as_json=as_json)
        return
    if cluster is not None:
        result = on_cluster(
            lambda folder: _planned(options, folder, shard_size),
            *(out, plan, cluster),
            **options.gathered(),
        )
    else:
        result = _simulated(options, read)
    finished(result, options, out, inputs=(file,), as_json=as_json)
    if cluster is not None and plan is None:
        let_go_of(out)


def _simulated(options: CourseOptions, course: Course) -> Simulation:
    from ketasim.simulation import INDIVIDUALS, simulate
    from ketasim.simulation.size import check_individuals

    asked = options.written
    if asked is None or asked > INDIVIDUALS:
        check_individuals(course, options.typical, asked)
    return simulate(course, typical=options.typical, uncertainty=options.uncertainty)


def finished(
    result: Simulation,
    options: CourseOptions,
    out: Path,
    *,
    inputs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write the files of a course, and print what came out.

    **Arguments:**

    - `options`: of the command. `out`: where the files go. `inputs`: files that were read.
    """
    from ketasim.simulation import individuals_note

    written, patients = options.written, result.cohort.n
    asked: dict[str, Any] = {"command": options.command(out), "costs": options.costs}
    asked |= {"individuals": written, "printed": options.printed}
    paths = save(result, out, inputs=inputs, **asked)
    told = individuals_note(written, patients)
    if as_json:
        print_json(
            {
                "metadata": result.metadata,
                "exposure": result.exposure().to_dicts(),
                "weekly": result.weekly().to_dicts(),
                "nearest": result.nearest().to_dicts(),
                "warnings": list(result.warnings),
                "files": [str(path) for path in paths],
                "individuals": patients if written is None else min(written, patients),
            }
        )
        return

    from ketasim.apps.cli.answers import print_simulation

    warn(result.warnings)
    print_simulation(result)
    print()
    tables = [path.name for path in paths if path.name not in _FILES]
    if tables:
        note(f"tables of the report beside it: {', '.join(tables)}")
    for path in paths:
        if path.name in _FILES:
            print(path)
    if told:
        print(told)


def _planned(options: CourseOptions, folder: Path, size: int | None) -> Plan:
    from ketasim.simulation.shards.run import plan_course

    asked: dict[str, Any] = {"n": options.n, "seed": options.seed}
    asked |= {"uncertainty": options.uncertainty, "given": vars(options)}
    return plan_course(options.course, folder, size=size, **asked)


def _check_divided(options: CourseOptions, course: Course) -> None:
    """Refuse to divide what is one patient, or what no group of patients can write."""
    if options.typical or course.population is None:
        raise InputError(
            "--plan",
            "the typical patient is one, and is not divided",
            "give virtual patients with --n, or leave --plan out",
        )
    from ketasim.simulation.size import check_individuals

    n = course.population.n
    written = n if options.written is None else min(options.written, n)
    check_individuals(course.with_population(max(written, 1), None), False, written)


def _individuals(text: str) -> int | None:
    """How many patients are written; nothing for all."""
    if text.strip().lower() == "all":
        return None
    count = whole(text.strip(), "--individuals", "give one, as 20, or all")
    if count < 0:
        raise InputError("--individuals", f"{count} is less than 0", "give 0 or more, or all")
    return count


def loaded(path: Path, typical: bool, n: int | None, seed: int | None) -> Course:
    """The course of a file, with the population that the options ask for.

    **Arguments:**

    - `path`: of the file, or name of what ships. `typical`, `n`, `seed`: the options.
    """
    from ketasim.dosing import load_course

    course = load_course(path)
    if typical and (n is not None or seed is not None):
        option = "--n" if n is not None else "--seed"
        raise InputError(option, "a typical patient has no population", f"leave out {option}")
    if seed is not None and n is None and course.population is None:
        raise InputError("--seed", "the course has no population", "give its size with --n")
    if n is None and seed is None:
        return course
    return course.with_population(n, seed)
