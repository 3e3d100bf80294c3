"""Words with a sign between: `1=oral,2=iv` of CMT, and `CL=1.1` of parameters."""

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


def settings(words: list[str]) -> dict[str, float]:
    """Read parameters with their numbers, such as `CL=1.1`.

    **Raises:** `InputError`.
    """
    found: dict[str, float] = {}
    for word in words:
        for part in word.split(","):
            name, sign, value = (one.strip() for one in part.partition("="))
            try:
                if not (sign and name and value.isascii() and "_" not in value):
                    raise ValueError
                number = float(value)
            except ValueError:
                raise InputError(
                    "--set", f"'{part.strip()}' is no parameter with a number", "write CL=1.1"
                ) from None
            if name in found:
                raise InputError("--set", f"{name} stands twice", "give it once")
            found[name] = number
    return found
