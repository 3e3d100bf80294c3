"""A reader of the PDFs that typst writes: how many pages, and what is on them as text."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

_OBJECT = re.compile(rb"(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_STREAM = re.compile(rb"^(.*?)stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_PAIR = re.compile(r"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>")
_SHOWN = re.compile(rb"/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]+)>|\(", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True)
class Printed:
    """What a PDF has: how many pages, and its text without spaces."""

    pages: int
    text: str

    def shows(self, words: str) -> bool:
        """Whether words are on it, wherever lines end."""
        return re.sub(r"\s", "", words) in self.text


@pytest.fixture
def printed() -> Callable[[bytes], Printed]:
    """A reader of what `print_page` returned."""
    return lambda pdf: Printed(_pages(pdf), _text(pdf))


def _pages(pdf: bytes) -> int:
    """How many pages a PDF has."""
    counts = re.findall(rb"/Type\s*/Pages\b[^>]*?/Count\s+(\d+)", pdf)
    leaves = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert counts and int(counts[0]) == leaves
    return leaves


def _text(pdf: bytes) -> str:
    """What is written, in the order of the file, without spaces and places to break a word."""
    bodies = {int(number): body for number, body in _OBJECT.findall(pdf)}
    streams = {n: _unpacked(hit) for n, body in bodies.items() if (hit := _STREAM.match(body))}
    names: dict[bytes, dict[int, str]] = {}
    for body in bodies.values():
        for name, font in re.findall(rb"/(f\d+)\s+(\d+) 0 R", body):
            found = re.search(rb"/ToUnicode\s+(\d+) 0 R", bodies.get(int(font), b""))
            if found:
                names[name] = _letters(streams[int(found[1])].decode("latin-1"))
    said: list[str] = []
    for content in streams.values():
        letters: dict[int, str] = {}
        for font, codes in _shown(content) if b" Tf" in content else ():
            letters = names.get(font, {}) if font else letters
            pairs = zip(codes[::2], codes[1::2], strict=False)
            said += [letters.get(256 * high + low, "") for high, low in pairs]
    return re.sub(r"[\s\u200b]", "", "".join(said))


def _unpacked(hit: re.Match[bytes]) -> bytes:
    return zlib.decompress(hit[2]) if b"FlateDecode" in hit[1] else hit[2]


def _letters(cmap: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for code, letter in _PAIR.findall(block):
            found[int(code, 16)] = bytes.fromhex(letter).decode("utf-16-be")
    return found


def _shown(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names of fonts and codes of letters, in order; brackets within a string are pairs."""
    place = 0
    while hit := _SHOWN.search(content, place):
        place = hit.end()
        if hit[0] != b"(":
            yield hit[1] or b"", bytes.fromhex((hit[2] or b"").decode())
            continue
        depth, start = 1, place
        while depth:
            sign = content[place : place + 1]
            depth += (sign == b"(") - (sign == b")")
            place += 2 if sign == b"\\" else 1
        yield b"", _literal(content[start : place - 1])


def _literal(raw: bytes) -> bytes:
    def plain(hit: re.Match[bytes]) -> bytes:
        code = hit[1]
        return bytes([int(code, 8)]) if code[:1].isdigit() else _ESCAPED.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", plain, raw, flags=re.DOTALL)
