"""Shards done on a dask cluster: only their numbers travel, results go through the folder."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError, KetasimError, named
from ketasim._base.shards.plan import MANIFEST, Plan
from ketasim._base.shards.store import state_of
from ketasim._base.words import spans
from ketasim.apps.cli.shards.planned import do_in

_ADDRESS: Final = re.compile(
    r"(?:[a-z]+://)?(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:.%]+\]):(?P<port>[0-9]{1,5})/?"
)
_ANSWER: Final = 10.0  # s that a scheduler has to answer
_WORKERS: Final = 30.0  # s until the first worker is there


@contextmanager
def connected(address: str) -> Generator[Any]:
    """A client of a cluster that has workers.

    **Arguments:**

    - `address`: of its scheduler, as typed.

    **Raises:** `InputError` where dask is not installed, nothing answers, or there are no workers.
    """
    if find_spec("distributed") is None:
        raise InputError(
            "--cluster",
            "needs the package distributed, which is not installed",
            "run 'pip install ketasim[cluster]'",
        )
    shown = named(address, 60)
    _check_answer(address)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # one line says what is wrong
    client: Any = None
    try:
        try:
            client = _kind()(address, timeout=_ANSWER, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError, ImportError, MemoryError):
            # what another kind of server says is taken for the length of a message
            raise _silent(shown) from None
        try:
            client.wait_for_workers(1, timeout=_WORKERS)
        except TimeoutError:
            raise InputError(
                "--cluster",
                f"the scheduler at '{shown}' has no workers",
                f"start some, as 'dask worker {shown}'",
            ) from None
        yield client
    finally:
        if client is not None:
            with suppress(Exception):  # the cluster may have gone; what is done lies in the folder
                client.close(timeout=_ANSWER)


def _kind() -> Any:
    """The class of a client that waits for nothing when it is dropped: it is closed before."""
    distributed: Any = import_module("distributed")  # it has no types
    return type("Client", (distributed.Client,), {"__del__": _nothing})


def _nothing(_client: Any) -> None: ...


def _check_answer(address: str) -> None:
    """Refuse an address that is none, or at which nothing listens; a client would wait long."""
    found = _ADDRESS.fullmatch(address.strip())
    port = int(found["port"]) if found else 0
    if found is None or not 0 < port < 65536:
        raise InputError(
            "--cluster", f"'{named(address, 60)}' is no address", "give one, as tcp://10.0.0.5:8786"
        )
    try:
        socket.create_connection((found["host"].strip("[]"), port), _ANSWER).close()
    except (OSError, ValueError):
        raise _silent(named(address, 60)) from None


def _silent(shown: str) -> InputError:
    return InputError(
        "--cluster",
        f"no dask scheduler answers at '{shown}'",
        "name the address of one that runs, such as tcp://10.0.0.5:8786",
    )


def map_shards(client: Any, plan: Plan, told: Callable[[int, bool], None]) -> None:
    """Do all shards that are not there yet.

    A shard whose worker dies is done again on another one. What was done before is not.

    **Arguments:**

    - `client`: as `connected` gives it. `plan`: in a folder that the workers see too.
    - `told`: receives each shard that is there, and whether it was done now.

    **Raises:** `InputError` where a shard cannot be done; the others are done all the same.
    """
    distributed: Any = import_module("distributed")
    folder = str(plan.folder.resolve())
    _check_seen(client, plan, folder)
    left = state_of(plan).left
    futures = client.map(do_in, [folder] * len(left), left, pure=False, retries=0)
    shards = dict(zip((one.key for one in futures), left, strict=True))
    failed: dict[int, BaseException] = {}
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            shard = shards[future.key]
            if future.status == "finished":
                told(shard, future.result())
            else:
                failed[shard] = future.exception() or KetasimError("it was given up")
    finally:
        with suppress(Exception):
            client.cancel(futures)
    if failed:
        numbers = tuple(sorted(failed))
        why = failed[numbers[0]]
        if isinstance(why, InputError):
            raise why
        raise InputError(
            "--cluster",
            f"{len(numbers)} of {plan.shards} shards were not done ({_reason(why)}): "
            + spans(numbers),
            f"run the command again; 'ketasim work {named(plan.folder)} --shard {numbers[0]}' "
            "shows what is wrong",
        )


def _check_seen(client: Any, plan: Plan, folder: str) -> None:
    """Refuse a folder that a worker does not see, or sees another plan in."""
    for worker, mark in client.run(_seen, folder).items():
        if mark != plan.hash:
            raise InputError(
                "--cluster",
                f"the worker {named(worker, 60)} does not see the plan in '{named(folder)}'",
                "name a folder that all machines share",
            )


def _seen(folder: str) -> str:
    """Mark of the plan that a worker sees; empty where it sees none."""
    import json

    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))["hash"])
    return ""


def _reason(error: BaseException) -> str:
    kind = type(error).__name__
    return "their workers died" if kind == "KilledWorker" else kind
