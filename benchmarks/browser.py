"""One person on the page, in a real browser: how long each change takes, of the server and in all.

A course is open; the dose in its sentence is written anew, again and again, by the keyboard. The
browser reads the time that the server names (`Server-Timing`) for the scores, and for the sessions
it asks for by itself right after.
"""

from __future__ import annotations

import statistics
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page, Response, sync_playwright

CHANGES = 20
"""How often the dose is changed; the first two are left out."""
_WARM = 2
_PATIENCE = 20_000  # ms
_COURSE = {
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
    "patient.weight": "78 kg",
    "horizon": "56 d",
}
_WHO: tuple[tuple[str, dict[str, str], float], ...] = (
    ("typical patient", {}, 0.15),
    ("500 virtual patients", {"population.n": "500", "population.seed": "1"}, 0.4),
)


def measure(address: str, executable: str) -> list[dict[str, Any]]:
    """Return the times of changes to a course, by who is simulated.

    **Arguments:**

    - `address`: of a running page. `executable`: of the browser.

    **Returns:** for each: `who`, `target` of the server's time, s, `changes`, and medians and
    largest values, s: `server` and `server_most` of the scores, `sessions` of what follows, and
    `seen`, from the last key to new scores in the page, the wait for further keys included.
    """
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        rows = [_row(browser.new_page(), address, *one) for one in _WHO]
        browser.close()
    return rows


def _row(tab: Page, address: str, who: str, people: dict[str, str], target: float) -> Any:
    tab.set_default_timeout(_PATIENCE)
    tab.goto(f"{address}/course?{urlencode(_COURSE | people)}")
    tab.wait_for_selector("#front:not([aria-busy])")
    scores: list[float] = []
    sessions: list[float] = []

    def heard(answer: Response) -> None:
        place = urlsplit(answer.url).path
        told = answer.headers.get("server-timing", "")
        if answer.status != 200 or "dur=" not in told:
            return
        into = {"/course": scores, "/course/session": sessions}.get(place)
        if into is not None:
            into.append(float(told.split("dur=")[1]) / 1000.0)

    tab.on("response", heard)
    sentence = tab.get_by_label("Sentence", exact=True)
    seen: list[float] = []
    for k in range(CHANGES + _WARM):
        dose = f"{0.311 + 0.01 * k:.3f}"  # as the page writes it back
        sentence.evaluate("one => one.focus()")
        tab.keyboard.press("ControlOrMeta+A")
        tab.keyboard.insert_text(f"ketamine {dose} mg/kg iv over 40 min on days 0 3 7 10")
        seen.append(
            tab.evaluate(
                """dose => new Promise(done => {
                  const from = performance.now();
                  const look = () => document.querySelector('#result')?.innerText.includes(dose)
                    ? done((performance.now() - from) / 1000) : setTimeout(look, 5);
                  look();
                })""",
                dose,
            )
        )
        tab.wait_for_selector("#front:not([aria-busy])")
    tab.close()
    return {
        "who": who,
        "target": target,
        "changes": len(scores) - _WARM,
        "server": round(statistics.median(scores[_WARM:]), 4),
        "server_most": round(max(scores[_WARM:]), 4),
        "sessions": round(statistics.median(sessions[_WARM:]), 4),
        "seen": round(statistics.median(seen[_WARM:]), 4),
    }
