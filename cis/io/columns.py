"""What the header of a column says: which quantity, in which unit, with which sign, or its logarithm."""

import re
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["ROLE_NAMES", "Column", "Role", "identify", "is_unit_cell", "unit_factor", "with_unit"]

Role = Literal[
    "f", "omega", "Z'", "Z''", "|Z|", "phase", "Y'", "Y''", "|Y|", "phase Y", "Cp", "Cs", "C",
    "D", "Q", "Rp", "Rs", "Lp", "Ls", "eps'", "eps''", "sigma'", "M'", "M''",
    "T", "T set", "t", "cycle",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    header: text as in the file; position: 0-based; role: quantity or None; sign: -1 where the header says
    minus; factor: to SI (Hz, Ohm, S, F, H, K, s; phase to radians), None where no unit is stated;
    unit: its kind; logarithm: the cells are log10; label: what tells one of several spectra apart ("25°C", "2").
    """

    header: str
    position: int
    role: Role | None = None
    sign: int = 1
    factor: float | None = None
    unit: str = ""
    logarithm: bool = False
    label: str = ""


_LONGEST = 120  # no name of a column is longer
_DEGREE = 0.017453292519943295
_PREFIX = {"": 1.0, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "K": 1e3, "m": 1e-3, "u": 1e-6, "µ": 1e-6,
           "n": 1e-9, "p": 1e-12, "f": 1e-15}  # fmt: skip
_OHM = r"(?:ohms?|Ohms?|OHMS?|Ω|ω)"
_UNITS: tuple[tuple[str, re.Pattern[str], frozenset[str]], ...] = tuple(
    (kind, re.compile(pattern + r"\Z"), frozenset(roles))
    for kind, pattern, roles in (
        ("Hz", r"([GMkKm]?)(?:Hz|HZ|hz|Hertz|hertz)", {"f"}),
        ("rad/s", r"(k?)rad ?(?:/ ?s|/sec|s-1|\.s-1|\*s-1|s\^-1|s⁻¹)", {"f", "omega"}),
        ("Ohm", r"([TGMkKmuµ]?)" + _OHM, {"Z'", "Z''", "|Z|", "Rp", "Rs"}),
        ("deg", r"()(?:deg|degs|degrees?|Degrees?|Deg|DEG|°|'|grad|Grad|º)", {"phase", "phase Y"}),
        ("rad", r"(m?)(?:rad|radians?|Rad)", {"phase", "phase Y"}),
        ("S", r"([kmuµnp]?)(?:S|mho|Siemens|siemens|"
         + _OHM + r"(?:-1|\^-1|\^\(-1\)|⁻¹)|1/" + _OHM + r")", {"Y'", "Y''", "|Y|"}),
        ("F", r"([muµnpf]?)(?:F|Farad|farad)", {"Cp", "Cs", "C"}),
        ("H", r"([muµnp]?)(?:H|Henry|henry)", {"Lp", "Ls"}),
        ("S/cm", r"([mu]?)S(?:/cm|cm-1|\.cm-1| cm-1|\*cm-1|·cm-1)", {"sigma'"}),
        ("S/m", r"([mu]?)S(?:/m|m-1|\.m-1| m-1|\*m-1|·m-1)", {"sigma'"}),
        ("K", r"()(?:K|Kelvin|kelvin)", {"T", "T set"}),
        ("°C", r"()(?:°C|ºC|'C|C|degC|deg C|℃|Celsius|celsius|degree C)", {"T", "T set"}),
        ("s", r"([mu]?)(?:s|sec|secs|seconds?|Sec|S)", {"t"}),
        ("Ohm area", _OHM + r".{0,3}[cm]?m(?:2|\^2|²)()", {"Z'", "Z''", "|Z|", "Rp", "Rs"}),
    )
)  # fmt: skip
_SCALE = {"deg": _DEGREE, "S/cm": 100.0, "Ohm area": float("nan")}

_SYNONYMS: dict[Role, str] = {
    "f": "f freq frequency frequencies frequenz fréquence frequence frequência frecuencia frequenza frequentie "
    "frekvens frekvence частота 频率 頻率 周波数 hz khz mhz frq fr testfrequency frequ",
    "omega": "omega ω w angularfrequency angfreq angularfreq kreisfrequenz circularfrequency pulsation 2πf 2pif",
    "Z'": "partieréelle partereale 实部 実部 z' zr zre zreal zre' z're rez re(z) real(z) realz re{z} re[z] realpart real re zs' z1 zprime reelz r(z) "
    "impedancereal realimpedance zrealpart realpartofimpedance realpartz realteil ℜ(z) ℜ{z} zreel reelle z'real "
    "impedance' r(z') z(real) z(re) z_re resistance rz partereal частьre impedancerealpart realpartoftheimpedance "
    "realzpart zs(real) z're zresistive rseries+ realpart(z) zreal' re(zs) rezs",
    "Z''": "partieimaginaire parteimmaginaria parteimaginária parteimaginaria 虚部 zimaginaria zimaginaire zimmaginaria z'' zi zim zimag zimg zim'' imz im(z) imag(z) imagz im{z} im[z] imagpart imag im imaginary imaginarypart "
    "zs'' z2 zdoubleprime zimaginary impedanceimag imagimpedance imaginaryimpedance impedanceimaginary imaginaryz "
    "zimagpart imaginarypartofimpedance imaginarypartz imaginärteil imaginaerteil imaginarteil ℑ(z) ℑ{z} z''imag x "
    "reactance z(imag) z(im) impedance'' imaginary(z) xs impedanceimaginarypart imaginarypartoftheimpedance zimaj "
    "imaginarypart(z) im(zs) imzs imagpart(z) reaktanz",
    "|Z|": "阻抗 impédance impedancia impedanza インピーダンス module modulo módulo |z| zmod modz mod(z) z(mod) modulusz modulus magnitude mag magz mag(z) absz abs(z) zabs |zs| z impedance "
    "impedancemagnitude zmagnitude |impedance| impedanz betrag |z|magnitude impedancemodulus zmodulus modulusofz "
    "magnitudez amplitude(z) impedancemag zmag ||z|| absolutez absoluteimpedance scheinwiderstand betragz",
    "phase": "位相 相位 fase phasengrad winkel ángulo angolo phase theta θ θz phi φ phasez phase(z) zphz zphase phz angle phaseangle arg(z) argz impedancephase "
    "phasenwinkel phasedegrees impedancephasedegrees impedancephaseradians theta-z thetaz ϑ teta θ(z) ph zangle "
    "zphaseangle phasewinkel phaseshift impedancephaseangle phase' deg angle(z) anglez φz ϕ phaseofz zθ",
    "Y'": "y' yre yreal rey re(y) realy real(y) g gp conductance ys' y1 admittancereal leitwert realadmittance gs",
    "Y''": "y'' yim yimag imy im(y) imagy imag(y) b bp susceptance ys'' y2 admittanceimaginary imaginaryadmittance bs",
    "|Y|": "|y| ymod y admittancemagnitude admittance absy abs(y) yabs ymag magnitudey",
    "phase Y": "phase(y) phasey yphase admittancephase admittancephasedegrees thetay θy arg(y) admittancephaseangle",
    "Cp": "cp cp' parallelcapacitance capacitanceparallel c-p cparallel",
    "Cs": "cs cs' seriescapacitance capacitanceseries cseries",
    "C": "c capacitance kapazität",
    "D": "d df tand tan(delta) tandelta tan(δ) tanδ lossfactor dissipationfactor losstangent dissipation lossangle",
    "Q": "qfactor qualityfactor",
    "Rp": "rp parallelresistance rparallel",
    "Rs": "rs esr seriesresistance rseries",
    "Lp": "lp parallelinductance",
    "Ls": "ls seriesinductance",
    "eps'": "eps' epsilon' ε' permittivity' er' epsr' eps ε'r εr' e'",
    "eps''": "eps'' epsilon'' ε'' permittivity'' er'' epsr'' ε''r εr'' e''",
    "sigma'": "sig' sigma' σ' conductivity σ",
    "M'": "m' modulus' m're",
    "M''": "m'' modulus''",
    "T": "temperature temp temperatur température temperatura mtemp sampletemperature sampletemp tempsample "
    "stagetemperature tsample tempmeasured measuredtemperature temperaturereading 温度 ttemp tmeas actualtemp",
    "T set": "setpoint settemp tset settemperature temperaturesetpoint tempset tsetpoint targettemperature",
    "t": "time elapsedtime zeit times timesec timestamp elapsed testtime temps tiempo tempo",
    "cycle": "cycle cyclenumber cycleno sweep sweepnumber zcycle loop loopnumber run runnumber segment segment# scan",
}  # fmt: skip
_ROLE_OF: dict[str, Role] = {
    name: role for role, names in _SYNONYMS.items() for name in names.split()
}
ROLE_NAMES: tuple[Role, ...] = tuple(_SYNONYMS)

_QUOTES = str.maketrans(
    {"’": "'", "′": "'", "´": "'", "`": "'", "‘": "'", "″": '"', "”": '"', "“": '"', "˝": '"', "ʹ": "'"}
    | {"\u2126": "Ω", "μ": "µ", "\u2212": "-", "–": "-", "—": "-", "\ufffd": "°", "\u00a0": " "}
)  # fmt: skip
_MINUS = re.compile(
    r"\s*(?:\(-\)\s*|-\s*1\s*[*x·]\s*|-\s*|minus\s+|neg(?:ative|\.)?\s+)(?=\S)", re.IGNORECASE
)
_LOG = re.compile(
    r"\s*(?:log10|lg|log)\s*[_ ]?\s*(?P<open>\(?)(?P<rest>.+)\Z", re.IGNORECASE | re.DOTALL
)
_BRACKETED = re.compile(r"\A(?P<name>.*\S)?\s*(?:\[(?P<a>[^\[\]]*)\]|\((?P<b>(?:[^()]|\([^()]*\))*)\)|\{(?P<c>[^{}]*)\})\s*(?P<tail>-?data)?\s*\Z")  # fmt: skip
_SLASHED = re.compile(r"\A(?P<name>.*\S)\s*/\s*(?P<unit>[^/]+(?:/cm|/m|/s)?|1/[^/]+)\Z")
_COMMAED = re.compile(r"\A(?P<name>.*\S)\s*(?:,| in |:)\s*(?P<unit>\S.*)\Z")
_LABEL = re.compile(
    r"[ _.([@]+(?P<label>(?:T ?= ?)?-?\d+(?:[.,]\d+)? ?(?:° ?C|C|K)|#?\d{1,3})[)\]]?(?=\s*(?:[/\[(,]|\Z))"
)
_SPACED = re.compile(r"\A(?P<name>.*\S)[ _]+(?P<unit>\S+(?: C)?)\Z")


def unit_factor(text: str, role: Role | None = None) -> tuple[str, float] | None:
    """The kind of unit ("Hz", "Ohm", "deg", ...) and its factor to SI; None where it is no unit, or not one of this role."""
    unit = text.translate(_QUOTES).strip(" .[]()\t\"'") or text.strip()
    for candidate in dict.fromkeys((unit, text.translate(_QUOTES).strip())):
        for kind, pattern, roles in _UNITS:
            match = pattern.match(candidate)
            if match and (role is None or role in roles):
                prefix = next((g for g in match.groups() if g), "")
                return kind, _PREFIX[prefix] * _SCALE.get(kind, 1.0)
    return None


def is_unit_cell(text: str) -> bool:
    """Whether a cell below a header holds a unit (or a filler such as # or nothing)."""
    bare = text.strip(" \t\"'[]()")
    return bare in {"", "#", "##", "-", "1", "a.u."} or unit_factor(text) is not None


def identify(header: str, position: int) -> Column:
    """Read one header cell, e.g. "-Im(Z)/kOhm", "Freq. [Hz]", "log10(|Z|/Ohm)", "Z'(a)", "Temperature ('C)"."""
    if len(header) > _LONGEST:
        return Column(header=header[:_LONGEST].strip(), position=position)
    raw = header.translate(_QUOTES).strip().strip("\ufeff").replace("''", '"')
    text = raw.strip("'") if raw.startswith("'") and raw.endswith("'") else raw
    text = text.strip().lstrip("#%!;").strip()
    sign, logarithm = 1, False
    minus = _MINUS.match(text)
    if minus and len(text) > minus.end():
        sign, text = -1, text[minus.end() :]
    log = _LOG.match(text)
    if log and not text.lower().startswith("logical"):
        rest = log["rest"].strip()
        inner = rest[:-1] if log["open"] and rest.endswith(")") else rest
        if _role_and_unit(inner)[0] is not None:
            logarithm, text = True, inner
    if text.startswith("(") and text.endswith(")") and sign < 0:
        text = text[1:-1]
    role, unit, factor = _role_and_unit(text)
    label = ""
    if role is None and (found := _LABEL.search(text)):
        # "Z'(25°C)/Ohm", "Z'_2", "f.1": one of several spectra side by side
        role, unit, factor = _role_and_unit(text[: found.start()] + text[found.end() :])
        label = found["label"] if role is not None else ""
    return Column(
        header=header.strip(),
        position=position,
        role=role,
        sign=sign,
        factor=factor,
        unit=unit,
        logarithm=logarithm,
        label=label,
    )


def with_unit(column: Column, cell: str) -> Column:
    """The column with the unit from a second header row, where the header itself has none."""
    if column.role is None or column.factor is not None:
        return column
    found = unit_factor(cell, column.role)
    return replace(column, unit=found[0], factor=found[1]) if found else column


def _role_and_unit(text: str) -> tuple[Role | None, str, float | None]:
    # ZPlot numbers its columns Z'(a), Z''(b); Keysight writes R(Ohm)-data
    text = re.sub(r"\([ab]\)\Z|-data\Z", "", text.strip())
    role = _role(text)
    if role is not None:
        return _implied(role, text)
    for pattern in (_BRACKETED, _SLASHED, _COMMAED, _SPACED):
        match = pattern.match(text)
        if not match:
            continue
        parts = match.groupdict()
        unit = next((parts[k] for k in ("unit", "a", "b", "c") if parts.get(k) is not None), "")
        name = (parts["name"] or "").strip()
        role = _role(name)
        if role is None:
            continue
        found = unit_factor(unit, role)
        if found is not None:
            return role, found[0], found[1]
        if pattern in (_BRACKETED, _SLASHED, _COMMAED):
            bare = unit.strip().lower()
            if bare in {"", "-", "a.u.", "1", "measured", "calc", "data", "raw"}:
                return role, "", None
            if role == "phase" and _implied(role, name)[2] is not None:
                return _implied(role, name)  # "Impedance Phase Degrees (I)"
            log_unit = _LOG.match(unit)
            if log_unit and unit_factor(log_unit["rest"].strip(" )"), role):
                return role, unit, None
    return None, "", None


def _implied(role: Role, text: str) -> tuple[Role, str, float | None]:
    """A header that is itself a unit ("kHz"), or that spells it out ("Phase Degrees")."""
    lower = text.strip().lower()
    found = unit_factor(text, role) if lower in {"hz", "khz", "mhz", "deg"} else None
    if role in ("phase", "phase Y") and found is None:
        found = unit_factor("deg" if "deg" in lower else "rad" if "rad" in lower else "", role)
    return (role, found[0], found[1]) if found else (role, "", None)


def _role(name: str) -> Role | None:
    bare = name.strip()
    if bare == "T":
        return "T"
    if bare == "t":
        return "t"
    if bare == "R":
        return "Z'"
    if bare in {"x", "y", "b", "c", "d", "g", "w"}:
        return None  # X, B, C, D, G are quantities; small letters may be anything
    if bare == "Q":
        return "Q"
    key = re.sub(r"[\s_.:]+", "", bare.replace('"', "''").lower())
    return _ROLE_OF.get(key) or _ROLE_OF.get(key.strip("-"))
