"""What the page is served with: where, to whom, and how much one request may ask for."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from ketasim._base import InputError

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8765
_SHORTEST: Final = 16  # characters of a token that is given
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Limits:
    """How much one request, and one client, may ask for.

    **Arguments:**

    - `body`: bytes of a request. `url`: characters of an address.
    - `patients`: virtual patients. `doses`: of a course, and of an arm. `horizon`: h.
    - `replicates`: of a trial.
    - `waiting`: computations of one client that wait for a result. `jobs`: long runs of one client
      at a time.
    - `kept`: results kept in memory.
    """

    body: int = 200_000
    url: int = 8_000
    patients: int = 5_000
    doses: int = 500
    horizon: float = 2 * 366 * 24.0
    replicates: int = 1_000
    waiting: int = 100
    jobs: int = 2
    kept: int = 32


@dataclass(frozen=True)
class Settings:
    """Where the page is served, and to whom.

    **Arguments:**

    - `host`, `port`: of the address. `token`: what whoever opens the page must know; empty on
      loopback.
    - `limits`: of requests.
    """

    host: str = LOOPBACK
    port: int = PORT
    token: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse to serve other machines without a token that is hard to guess."""
        if not self.local and not self.token:
            raise InputError(
                "--host", f"'{self.host}' is open to other machines", "a token is needed"
            )
        if self.token and len(self.token) < _SHORTEST:
            raise InputError(
                "KETASIM_TOKEN",
                f"it has {len(self.token)} characters",
                f"give at least {_SHORTEST}, or leave it out: one is made",
            )

    @property
    def local(self) -> bool:
        """Whether only this machine reaches the address."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """What to open in a browser; with the token where there is one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        secret = f"/?token={quote(self.token, safe='')}" if self.token else "/"
        return f"http://{host}:{self.port}{secret}"

    def answers_to(self, host: str) -> bool:
        """Whether a request with this `Host` is meant for the page.

        A name that somebody else gave to this address (DNS rebinding) is not: known are the names
        of the machine, and addresses, which nobody can give to another machine.
        """
        name = _name(host)
        if name is None:
            return False
        if self.local:
            return name in _LOCAL or name == self.host.lower()
        if name == self.host.lower() or name in _LOCAL or name in _own_names():
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def knows(self, given: str) -> bool:
        """Whether somebody has the token; compared in constant time."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """What a browser keeps instead of the token."""
        return hashlib.sha256(f"ketasim page {self.token}".encode()).hexdigest()

    def knows_cookie(self, given: str) -> bool:
        """Whether a browser has shown the token before; compared in constant time."""
        return hmac.compare_digest(given.encode(), self.cookie.encode())


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def new_token() -> str:
    """A token nobody can guess."""
    return secrets.token_urlsafe(24)


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, name.split(".")[0]}


def _name(host: str) -> str | None:
    """The name in a `Host` header, without its port; nothing where it is none."""
    text = host.strip().lower()
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        good = bool(bracket) and (not rest or (rest[0] == ":" and rest[1:].isdecimal()))
        return name if good else None
    name, colon, port = text.partition(":")
    return None if not name or (colon and not port.isdecimal()) else name.rstrip(".")
