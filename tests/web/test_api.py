"""The API: what is answered, and that nothing sent to it makes it fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ketasim.apps.web import create_app
from ketasim.apps.web.server import listen
from ketasim.apps.web.settings import Limits, Settings
from ketasim.apps.web.trial.design import FIRST, shipped_design

COURSE = {"regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10", "horizon": "28 d"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server of small limits, in a thread."""
    opened = listen("127.0.0.1", 0)
    port = opened.getsockname()[1]
    limits = Limits(patients=300, doses=60, horizon=60 * 24.0, replicates=20)
    app = create_app(Settings(port=port, limits=limits))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as opened:
        yield opened


def finite(text: str) -> Any:
    def refuse(word: str) -> float:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def test_a_course_is_simulated_and_screened(client: httpx.Client) -> None:
    found = client.post("/api/simulate?typical=true", json=COURSE)
    assert found.status_code == 200
    said = finite(found.text)
    assert said["metadata"]["input"]["regimen"] or said["metadata"]["input"]["doses"]
    assert {"day", "MADRS"} & set(said["weekly"][0]) or said["weekly"]
    screened = finite(client.post("/api/screen", json=COURSE).text)
    assert screened["findings"]
    wrong = client.post("/api/simulate", json={**COURSE, "patient": {"weight": 78}})
    assert wrong.status_code == 422
    assert wrong.json()["problem"].startswith("patient.weight: ")
    assert wrong.json()["remedy"]


def test_a_trial_is_run_followed_and_taken_along(client: httpx.Client) -> None:
    design = shipped_design(FIRST) | {"replicates": 5}
    sent = client.post("/api/trials", json=design)
    assert sent.status_code == 202
    where = sent.headers["location"]
    early = client.get(f"{where}/result")
    assert early.status_code in (200, 409)
    end = time.monotonic() + 120
    while (now := client.get(where).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert now["state"] == "done"
    assert finite(client.get(f"{where}/result").text)["summary"]["arm"]
    for name in now["files"]:
        taken = client.get(f"{where}/files/{name}")
        assert taken.status_code == 200
        assert taken.content
    assert client.get(f"{where}/files/passwd").status_code == 404
    assert client.post(f"{where}/cancel").json()["state"] == "done"
    assert client.get("/api/trials/unknown").status_code == 404


def test_a_client_runs_two_trials_at_a_time(client: httpx.Client) -> None:
    design = shipped_design("TRANSFORM2") | {"replicates": 20}
    sent = [client.post("/api/trials", json=design) for _ in range(3)]
    assert [one.status_code for one in sent] == [202, 202, 429]
    assert "2 runs of yours are under way" in sent[2].json()["problem"]
    assert sent[2].headers["retry-after"]
    for one in sent[:2]:
        ended = client.post(f"{one.headers['location']}/cancel").json()
        assert ended["state"] in ("cancelled", "done")


def test_evidence_is_found(client: httpx.Client) -> None:
    found = client.get("/api/evidence", params={"q": "midazolam", "limit": 3}).json()
    assert len(found) == 3
    assert all(row["grade"] and row["citation"] for row in found)
    assert client.get("/api/evidence/murrough2013").json()
    assert client.get("/api/evidence/murough2013").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"nul",
        b'{"regimen": NaN}',
        b'{"regimen": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"horizon": ' + b"9" * 5_000 + b"}",
        b'{"population": {"n": 1e400}}',
        b"\xff\xfe",
        b'{"patient": {"age": -0.0, "weight": []}}',
    ],
)
@pytest.mark.parametrize("path", ["/api/simulate", "/api/screen", "/api/trials"])
def test_what_is_no_course_and_no_trial_is_refused(
    client: httpx.Client, path: str, body: bytes
) -> None:
    found = client.post(path, content=body)
    assert found.status_code in (413, 422)
    assert found.json()["problem"]
    assert "Traceback" not in found.text


def test_nothing_that_its_description_allows_makes_it_fail(address: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
    checks = (
        *(not_a_server_error, status_code_conformance),
        *(content_type_conformance, response_schema_conformance),
    )
    seen: set[int] = set()
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=12,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        )
        @given(case=operation.as_strategy())
        def no_failure(case: Any) -> None:
            response = case.call(timeout=60)
            seen.add(response.status_code)
            case.validate_response(response, checks=checks)

        no_failure()
    assert {200, 422} <= seen


# Keys that the readers look at, with what nobody would write in them.
WORDS = st.sampled_from(
    [
        *("regimen", "doses", "patient", "population", "horizon", "pk_model", "title", "scores"),
        *("age", "weight", "sex", "medicines", "baseline", "scale", "score", "n", "seed", "days"),
        *("trial", "arms", "assess", "id", "drug", "route", "dose", "over", "control", "at"),
        *("metrics", "replicates", "phases", "withdrawal", "relapse", "from", "of", "history"),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["MADRS", "ketamine", "iv", "0.5 mg/kg", "40 min", "28 d", "saline"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["simulate", "screen", "trials"]), body=st.dictionaries(WORDS, VALUES))
def test_no_words_in_any_field_make_it_fail(client: httpx.Client, path: str, body: Any) -> None:
    found = client.post(f"/api/{path}", json=body)
    assert found.status_code in (200, 202, 422, 429)
    finite(found.text)


def test_a_screen_keeps_a_rare_age(client: httpx.Client) -> None:
    found = [
        client.post("/api/screen", json={**COURSE, "patient": {"age": age}}).json()
        for age in (90, 97)
    ]
    assert found[0] == found[1]
