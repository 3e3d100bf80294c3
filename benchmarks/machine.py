"""The machine and the software of a run, without names of hosts or folders."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("ketasim", "numpy", "scipy", "numba", "llvmlite")


def describe() -> dict[str, Any]:
    """Processor, cores, memory, and versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"Python": platform.python_version()} | {p: _version(p) for p in _PACKAGES},
    }


def _processor() -> str:
    """Model of the processor, with its family and the width of its vectors."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    known = dict((part.strip() for part in line.split(":", 1)) for line in lines if ":" in line)
    vectors = next(
        (name for name in ("avx512f", "avx2", "sse2") if name in known.get("flags", "")), ""
    )
    wide = {"avx512f": "AVX-512", "avx2": "AVX2", "sse2": "SSE2"}.get(vectors, "")
    parts = [known.get("model name", platform.machine())]
    if "cpu family" in known:
        parts.append(f"family {known['cpu family']}, model {known.get('model', '')}")
    return ", ".join([*parts, *([wide] if wide else [])])


def _version(package: str) -> str:
    return metadata.version(package)
