"""Chemical formulas as people write them, and the materials that capillaries are made of."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from calibration.errors import InputError

__all__ = ["ELEMENTS", "MATERIALS", "Material", "find_material", "parse_formula"]

_SYMBOLS = """
H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr
Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W
Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf
"""

ELEMENTS = tuple(_SYMBOLS.split())
"""Symbols in the order of the atomic number, hydrogen to californium (what the tables cover)."""

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|([A-Z][a-z]?)|([(\[])|([)\]])|([-·*+:]))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a container is made of.

    fractions: atomic fractions, sum 1; mass_density_g_per_cm3: usual value; source: where both come from.
    """

    name: str
    fractions: Mapping[str, float]
    mass_density_g_per_cm3: float
    source: str


def parse_formula(text: str) -> dict[str, float]:
    """Atomic fractions of a formula, sum 1, in the order of first appearance.

    Understood: Na2SiS3, (Na2S)0.50(SiS2)0.50, 50Na2S-50SiS2, 0.5Li2S·0.5[P2S5], with decimals,
    brackets, Unicode subscripts; a number before a part multiplies all of it up to the next - · * + or :.
    Raises InputError with the nearest element for an unknown symbol, or the place that cannot be read.
    """
    amounts = _Formula(text.translate(_SUBSCRIPTS)).read()
    total = sum(amounts.values())
    return {element: amount / total for element, amount in amounts.items()}


class _Formula:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.tokens: list[tuple[int, str, str]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise self._error(f"{text[at]!r} at position {at + 1} is not part of a formula", at)
            kind = ("number", "element", "open", "close", "join")[(match.lastindex or 1) - 1]
            self.tokens.append(
                (match.start(match.lastindex or 1), kind, match[match.lastindex or 1])
            )
            at = match.end()

    def read(self) -> dict[str, float]:
        if not self.tokens:
            raise self._error("the formula is empty", 0)
        amounts: dict[str, float] = {}
        while True:
            self._add(amounts, self._part(), 1.0)
            if self.place == len(self.tokens):
                return amounts
            at, kind, token = self.tokens[self.place]
            if kind != "join":
                raise self._error(f"{token!r} at position {at + 1} has no partner", at)
            self.place += 1

    def _part(self) -> dict[str, float]:
        factor = self._number()
        amounts: dict[str, float] = {}
        while self.place < len(self.tokens):
            at, kind, token = self.tokens[self.place]
            if kind == "element":
                self.place += 1
                inner = {self._element(token, at): 1.0}
            elif kind == "open":
                self.place += 1
                inner = self._part()
                if self.place == len(self.tokens) or self.tokens[self.place][1] != "close":
                    raise self._error(f"the bracket at position {at + 1} is not closed", at)
                self.place += 1
            else:
                break
            self._add(amounts, inner, self._number())
        if not amounts:
            at = self.tokens[self.place][0] if self.place < len(self.tokens) else len(self.text)
            raise self._error(f"an element is missing at position {at + 1}", at)
        return {element: factor * amount for element, amount in amounts.items()}

    def _number(self) -> float:
        if self.place == len(self.tokens) or self.tokens[self.place][1] != "number":
            return 1.0
        at, _, token = self.tokens[self.place]
        self.place += 1
        if float(token) == 0.0:
            raise self._error(f"the amount at position {at + 1} is zero", at)
        return float(token)

    def _element(self, token: str, at: int) -> str:
        if token in ELEMENTS:
            return token
        near = difflib.get_close_matches(token, ELEMENTS, n=1, cutoff=0.4)
        hint = f'did you mean "{near[0]}"?' if near else "element symbols are written as in Na2SiS3"
        raise InputError(f"{token!r} in the formula {self.text!r} is not an element", remedy=hint)

    def _error(self, what: str, at: int) -> InputError:
        return InputError(
            f"the formula {self.text!r} cannot be read",
            why=what,
            remedy='write for instance "Na2SiS3" or "(Na2S)0.50(SiS2)0.50"',
        )

    @staticmethod
    def _add(amounts: dict[str, float], more: Mapping[str, float], factor: float) -> None:
        for element, amount in more.items():
            amounts[element] = amounts.get(element, 0.0) + factor * amount


def _pure(name: str, formula: str, density: float, source: str) -> Material:
    return Material(
        name=name, fractions=parse_formula(formula), mass_density_g_per_cm3=density, source=source
    )


MATERIALS: Mapping[str, Material] = {
    m.name: m
    for m in (
        Material(
            name="borosilicate 3.3",
            # 80.6 SiO2, 12.6 B2O3, 4.2 Na2O, 2.2 Al2O3 by mass, rounded as their sum to 1
            fractions={"Si": 0.25582, "O": 0.64138, "B": 0.07087, "Na": 0.02449, "Al": 0.00744},
            mass_density_g_per_cm3=2.23,
            source="ISO 3585",
        ),
        _pure("fused silica", "SiO2", 2.20, "density of vitreous silica, CRC Handbook"),
        _pure("polyimide", "C22H10N2O5", 1.42, "poly(oxydiphenylene-pyromellitimide), Kapton HN"),
        _pure("sapphire", "Al2O3", 3.98, "CRC Handbook"),
        _pure("aluminium", "Al", 2.70, "CRC Handbook"),
        _pure("beryllium", "Be", 1.85, "CRC Handbook"),
        _pure("vanadium", "V", 6.0, "CRC Handbook"),
    )
}
"""Materials by name; anything else is given by composition and mass density."""

_OTHER_NAMES = {
    "borosilicate": "borosilicate 3.3",
    "quartz glass": "fused silica",
    "kapton": "polyimide",
    "aluminum": "aluminium",
}


def find_material(name: str) -> Material:
    """The material of that name (case does not matter). Raises InputError with the nearest name."""
    key = name.strip().lower()
    key = _OTHER_NAMES.get(key, key)
    if key in MATERIALS:
        return MATERIALS[key]
    near = difflib.get_close_matches(key, [*MATERIALS, *_OTHER_NAMES], n=1, cutoff=0.5)
    hint = f'did you mean "{_OTHER_NAMES.get(near[0], near[0])}"? ' if near else ""
    raise InputError(
        f"{name!r} is not a known material",
        why=f"known are {', '.join(MATERIALS)}",
        remedy=hint + "or write composition = ... and mass_density_g_per_cm3 = ... instead",
    )
