"""A page is the same with its templates kept, damaged, or nowhere to keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim.reports.page import _environment


def _text() -> str:
    _environment.cache_clear()
    template = _environment().get_template("page.html")
    return "".join(str(one) for one in template.root_render_func.__code__.co_names)


@pytest.fixture(autouse=True)
def _own_environment():
    yield
    _environment.cache_clear()


def test_templates_are_kept_and_made_anew_when_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KETASIM_CACHE_DIR", str(tmp_path))
    first = _text()
    kept = sorted((tmp_path / "templates").iterdir())
    assert len(kept) == 1
    whole = kept[0].read_bytes()
    assert _text() == first
    for damaged in (b"", whole[:30], whole[:-1] + bytes([whole[-1] ^ 1]), b"\0" * len(whole)):
        kept[0].write_bytes(damaged)
        assert _text() == first
        assert kept[0].read_bytes() == whole
    assert sorted((tmp_path / "templates").iterdir()) == kept


def test_without_a_folder_every_process_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "file"
    taken.touch()
    monkeypatch.setenv("KETASIM_CACHE_DIR", str(taken))
    assert _text()
    assert taken.read_bytes() == b""
