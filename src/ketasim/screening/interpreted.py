"""How entries of a history and of medicines were understood, in words."""

from __future__ import annotations

from ketasim.screening.wording import subject_words
from ketasim.vocabulary import HistoryMatch, MedicineMatch, MedicineMention


def medicine_words(match: MedicineMatch) -> str:
    """How an entry on medicines was understood, medicine by medicine.

    **Arguments:**

    - `match`: what `resolve_medicine` returned.
    """
    codes = dict(zip(match.names, match.rxcui, strict=True))
    said = [_mention(one, codes) for one in match.mentions]
    if not said:
        said.append(f"{match.status}, not assessed")
    if match.unread and match.status != "unknown":
        said.append(f"not read: {', '.join(match.unread)}")
    return "; ".join(said)


def _mention(one: MedicineMention, codes: dict[str, str]) -> str:
    names = [f"{n} (RxNorm {codes[n]})" if codes.get(n) else n for n in one.names]
    told = ", ".join(subject_words(c) for c in one.classes)
    text = f"{', '.join(names) or 'a class'}{f'; {told}' if told else ''}"
    if one.daily_mg is not None:
        text += f"; {one.daily_mg:g} mg a day"
    if one.presence == "uncertain":
        text += f"; uncertain by '{one.word}', counted as taken"
    elif not one.counted:
        text += f"; {one.presence}, by '{one.word}'"
        if one.recent:
            text += f", {one.time or 'lately'}: it may still act"
    return text


def history_words(match: HistoryMatch) -> str:
    """How an entry of a history was understood, finding by finding.

    **Arguments:**

    - `match`: what `read_history` returned.
    """
    said: list[str] = []
    for one in match.findings:
        more = [one.severity, one.measure, one.time]
        text = ", ".join(dict.fromkeys((one.factor, *filter(None, more))))
        if one.presence == "uncertain":
            text += f" (uncertain by '{one.word}', counted as present)"
        elif one.presence == "family":
            text += f" (a relative's, by '{one.word}')"
        elif one.presence != "present":
            text += f" ({one.presence}, by '{one.word}')"
        elif one.past:
            text += " (past)"
        said.append(text)
    if not said:
        said.append("a denial" if match.status == "denied" else "not known, not assessed")
    if match.unread and match.findings:
        said.append(f"not read: {', '.join(match.unread)}")
    return "; ".join(dict.fromkeys(said))
