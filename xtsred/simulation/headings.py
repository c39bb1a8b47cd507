"""What a table says about itself: its function, its sample, and whether it is a curve of r instead of Q.

S(Q) and g(r) both tend to 1 and both have peaks: the limit at the far end cannot tell them apart. The heading can, and
so can the near end: a g(r) is zero until atoms touch, an S(Q) begins at the compressibility, which is never zero.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from calibration.report import Finding
from xtsred.stages import Array

__all__ = [
    "RealSpaceEvidence",
    "column_names",
    "facts",
    "other_sample",
    "real_space",
    "stated_meaning",
    "stated_sample",
    "zero_start",
]

_R = re.compile(r"(?:r|radius|distance)(?![A-Za-z0-9(])|r\s*\(\s*(?:\$?\\?AA|Å|A\b|nm|angstrom)", re.I)  # fmt: skip
_Q = re.compile(r"(?:q|k|s|2theta)(?![A-Za-z0-9])|q\s*\(", re.I)
_FUNCTION_OF_R = re.compile(r"\b(?P<name>[gGTRD])\(r\)")
_PAIR_G = re.compile(r"g[\W_]*[A-Z][a-z]?[-_ ]?[A-Z][a-z]?\W*$")
_OTHER_OF_R = re.compile(r"[GTRD](?:\(r\)|\(|$|[^a-zA-Z(])")
_PAIR = re.compile(r"[A-Z][a-z]?-[A-Z][a-z]?$")
# share of the highest value below which a g(r) counts as empty, rows of it, and how far it must reach (Å)
_EMPTY, _ROWS, _REACH = 1e-3, 5, 0.8


@dataclass(frozen=True, slots=True)
class RealSpaceEvidence:
    """holds: "g" for what may be a total g(r), "other" for G(r), T(r), R(r) or partials; text: how it was told."""

    holds: str
    text: str


def column_names(line: str) -> list[str]:
    """Names of columns in a heading line, its comment mark taken off. `#L r  g` marks names explicitly."""
    text = line.strip()
    text = re.sub(r"^#L\s+", "", text).lstrip("#!% ")
    if "," in text or ";" in text or "\t" in text:
        return [c.strip() for c in re.split(r"[,;\t]", text)]
    names: list[str] = []
    for word in text.split():
        # a unit in brackets belongs to the name before it: "r (Å)  g(r)"
        if names and word[0] in "([" and word[-1] in ")]":
            names[-1] += f" {word}"
        else:
            names.append(word)
    return names


def facts(comments: Sequence[str]) -> Mapping[str, str]:
    """`# name = text` lines, as xtsred writes them above a table."""
    table: dict[str, str] = {}
    for line in comments:
        name, found, text = line.lstrip("#!% ").partition(" = ")
        if found and line[:1] in "#!%":
            table.setdefault(name.strip(), text.strip())
    return table


def stated_meaning(comments: Sequence[str]) -> tuple[str, str] | None:
    """The function of Q that the header's definition names, and by which words; None where it names none."""
    text = facts(comments).get("definition", "")
    how = f"its header says {text.partition(';')[0]!r}"
    if text.startswith("F(Q) = Q [S(Q) - 1]"):
        return "Q(S-1)", how
    if text.startswith("Faber-Ziman S(Q)"):
        return "S", f"its header says {text.partition('=')[0].strip()!r}"
    return None


def real_space(
    comments: Sequence[str], names: Sequence[str], *, zeros_until: float | None
) -> RealSpaceEvidence | None:
    """Whether a table is a function of r. comments: every line above the numbers; zeros_until: see `zero_start`."""
    first = names[0] if names else ""
    second = names[1] if len(names) > 1 else ""
    if _Q.match(first) and not _PAIR_G.match(second):
        return None
    heads = [c.lstrip("#!% ") for c in comments if c.lstrip("#!% ")]
    of_r = next((h for h in (first, *_like_names(heads, len(names))) if _R.match(h)), "")
    titles = [
        h
        for h in (*heads[:1], second)
        if not re.search(r"[SFI]\([QKqk]\)", h) and len(h.split()) < 5
    ]
    title = next((m for h in titles if (m := _FUNCTION_OF_R.search(h))), None)
    pairs = [n for n in names[1:] if _PAIR.match(n) or _PAIR_G.match(n)]
    if pairs and (of_r or _PAIR_G.match(pairs[0]) or zeros_until is not None):
        like = len(pairs) == 1 and len(set(re.findall(r"[A-Z][a-z]?", pairs[0]))) == 1
        return RealSpaceEvidence("g" if like else "other", f"it has a column {pairs[0]!r} over r")
    if title is not None and not of_r and not first:
        return RealSpaceEvidence(_kind(title, second), f"its heading says {title.group(0)!r}")
    if of_r:
        kind = "other" if _OTHER_OF_R.match(second) else "g"
        return RealSpaceEvidence(kind, f"its first column is headed {of_r.split()[0]!r}")
    if title is not None:
        return RealSpaceEvidence(_kind(title, second), f"its heading says {title.group(0)!r}")
    if zeros_until is not None:
        text = f"it is zero up to {zeros_until:.3g} and then has a peak, as a g(r) is where atoms cannot come"
        return RealSpaceEvidence("g", text)
    return None


def _like_names(heads: Sequence[str], columns: int) -> list[str]:
    """Lines that may name the columns, though not in as many words: no facts ("r = 2 mm") and no sentences."""
    lines = (re.sub(r"^L\s+", "", h) for h in heads)
    return [h for h in lines if not re.search(r"[=:]", h) and len(h.split()) <= 2 * columns]


def _kind(title: re.Match[str], second: str) -> str:
    name = title.group("name")
    return "other" if name in {"G", "T", "R", "D"} or _OTHER_OF_R.match(second) else "g"


def zero_start(x: Array, y: Array) -> float | None:
    """Where a curve that begins with nothing begins to rise; None where it is no such curve. x, y: shape (n,)."""
    top = float(y.max())
    if top < 1.2:
        return None
    begun = np.nonzero(np.abs(y) > _EMPTY * top)[0]
    first = int(begun[0])
    return float(x[first]) if first >= _ROWS and x[first] >= _REACH else None


def other_sample(
    file: str,
    comments: Sequence[str],
    *,
    fractions: Mapping[str, float] | None,
    number_density_per_a3: float | None,
) -> tuple[Finding, ...]:
    """Where the header of a calculated or foreign curve names another sample than the measured one."""
    theirs, density = stated_sample(comments)
    said = []
    if theirs is not None and fractions is not None:
        total = sum(fractions.values())
        worst = max(
            sorted({*theirs, *fractions}),
            key=lambda e: abs(theirs.get(e, 0.0) - fractions.get(e, 0.0) / total),
        )
        a, b = theirs.get(worst, 0.0), fractions.get(worst, 0.0) / total
        if abs(a - b) > 0.002:
            said.append(f"{worst} {a:.4f} against {b:.4f}")
    ours = number_density_per_a3
    if density is not None and ours is not None and abs(density / ours - 1.0) > 0.01:
        said.append(f"{density:.5g} atoms/Å^3 against {ours:.5g}")
    if not said:
        return ()
    text = f"The header of {file} names another sample than the measured one: {', '.join(said)}."
    return (Finding("warning", text),)


def stated_sample(comments: Sequence[str]) -> tuple[dict[str, float] | None, float | None]:
    """Atomic fractions and number density (Å^-3) of an xtsred header; None where it has none, or is not readable."""
    from calibration.composition import parse_formula

    said = facts(comments)
    fractions, density = None, None
    if "composition" in said:
        try:
            fractions = parse_formula(said["composition"])
        except InputError:
            fractions = None
    found = re.match(r"[0-9.eE+-]+", said.get("number density", ""))
    if found:
        density = float(found.group(0))
    return fractions, density
