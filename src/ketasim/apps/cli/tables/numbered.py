"""What the numbers in CMT of an event table stand for: `1=oral,2=iv`."""

from __future__ import annotations

from ketasim._base import InputError


def numbered(text: str | None) -> dict[int, str]:
    """Read numbers with their routes or compartments.

    **Arguments:**

    - `text`: such as `1=oral,2=iv`; nothing for none.

    **Raises:** `InputError`.
    """
    found: dict[int, str] = {}
    for part in (text or "").split(","):
        number, sign, route = (one.strip() for one in part.partition("="))
        if not part.strip():
            continue
        if not (sign and route and number.isascii() and number.isdigit() and len(number) < 10):
            raise InputError(
                "--cmt",
                f"'{part.strip()}' is no number with a route",
                "write such as 1=oral,2=iv",
            )
        if int(number) in found:
            raise InputError("--cmt", f"{number} stands twice", "give each number one route")
        found[int(number)] = route
    return found
