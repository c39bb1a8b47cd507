"""Which members of a campaign have findings: kinds of findings counted over all, failures listed."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from calibration.campaign.jobs import Outcome
from calibration.report import Finding, Severity, typeset

__all__ = [
    "FindingGroup",
    "Tally",
    "failure_finding",
    "failure_reason",
    "failures_csv",
    "group_findings",
    "some_names",
    "thread_doubts",
]

_LISTED = 8
_DIGITS = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?:\(\d+\))?")
_RANK: Mapping[str, int] = {"problem": 0, "warning": 1, "note": 2}


@dataclass(slots=True, kw_only=True)
class FindingGroup:
    """Findings that differ in numbers only. text: of the first; members: how many have it; first: names of some."""

    severity: Severity
    text: str
    members: int = 0
    first: list[str] = field(default_factory=list)


class Tally:
    """Counts the kinds of findings as members pass by; what it holds does not grow with them."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], FindingGroup] = {}

    def add(
        self, name: str, findings: Sequence[Mapping[str, Any]], *, own_names: Sequence[str]
    ) -> tuple[int, int, int]:
        """Count the findings (severity, text) of a member; own_names: words that stand for it, not for the kind.

        Returns its numbers of problems, warnings and notes.
        """
        counts = [0, 0, 0]
        for finding in findings:
            counts[_RANK[finding["severity"]]] += 1
        for severity, kind, text in _kinds(findings, own_names):
            group = self._groups.setdefault(
                (severity, kind), FindingGroup(severity=severity, text=text)
            )
            group.members += 1
            if len(group.first) < _LISTED:
                group.first.append(name)
        return counts[0], counts[1], counts[2]

    @property
    def groups(self) -> tuple[FindingGroup, ...]:
        """The gravest first, then those that most have."""
        return tuple(
            sorted(self._groups.values(), key=lambda g: (_RANK[g.severity], -g.members, g.text))
        )


def _kinds(
    findings: Sequence[Mapping[str, Any]], own_names: Sequence[str]
) -> Iterator[tuple[Severity, str, str]]:
    """(severity, text without numbers and names, text), each kind once."""
    seen = set()
    for finding in findings:
        kind = finding["text"]
        for name in own_names:
            kind = kind.replace(name, "ITSELF")
        kind = _DIGITS.sub("#", kind)
        if (finding["severity"], kind) not in seen:
            seen.add((finding["severity"], kind))
            yield finding["severity"], kind, finding["text"]


def group_findings(groups: Sequence[FindingGroup], *, total: int, noun: str) -> Iterator[Finding]:
    """Each kind once, with how many have it. noun: what the members are, one of them: "pattern"."""
    for group in groups:
        who = (
            f"Every {noun}"
            if group.members == total
            else f"{group.members} of {total} {noun}s ({some_names(group.first, group.members)})"
        )
        text = typeset(f"{who}: {group.text}")
        if group.members > 1 and any(c.isdigit() for c in group.text):
            text += f" [the numbers are those of {group.first[0]}]"
        yield Finding(group.severity, text, {"members": float(group.members)})


def some_names(names: Sequence[str], total: int | None = None) -> str:
    """The first eight, and how many more there are."""
    total = len(names) if total is None else total
    shown = list(names[:_LISTED])
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    return ", ".join(shown) + more


def failure_finding(failed: Sequence[Outcome], *, total: int, noun: str) -> list[Finding]:
    """One problem that says how many failed; none where none did."""
    if not failed:
        return []
    names = some_names([o.name for o in failed])
    text = f"{len(failed)} of {total} {noun}s failed and are not in the results: {names}."
    return [Finding("problem", text, {"failed": float(len(failed))})]


def failure_reason(outcome: Outcome) -> str:
    """The error on one line; of a mistake of ours its last line."""
    if outcome.failure is None:
        return ""
    lines = outcome.failure.text.strip().splitlines()
    if outcome.failure.bug:
        return f"a mistake of this program, please report it: {lines[-1]}"
    return " ".join(line.strip() for line in lines)


def failures_csv(failed: Sequence[Outcome], *, noun: str) -> str:
    """A row per failure with its whole text (of our mistakes the traceback)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([noun, "error"])
    for outcome in failed:
        writer.writerow([outcome.name, outcome.failure.text if outcome.failure else ""])
    return text.getvalue()


def thread_doubts(outcomes: Sequence[Outcome]) -> list[Finding]:
    """Where workers did not compute with one thread, as far as their environment says."""
    threads = {o.threads for o in outcomes if o.status == "computed"} - {"1"}
    if not threads:
        return []
    said = ", ".join(sorted(t or "not stated" for t in threads))
    text = (
        f"Workers ran numerical libraries with another number of threads than 1 ({said}): the last bits of the results may "
        "depend on it. Set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1 where the workers are started."
    )
    return [Finding("note", text)]
