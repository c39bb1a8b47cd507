"""The project file of an impedance series: one record per table, every mistake named at once."""

from dataclasses import field
from typing import Annotated, Literal

from calibration.cell import ParallelPlates, disc_area
from calibration.quantity import Quantity
from calibration.records import FileName, Number, record
from calibration.thermometer import Thermometer, kelvin

__all__ = [
    "ArrheniusTable",
    "Calibration",
    "Fixture",
    "Mask",
    "Model",
    "Project",
    "Sample",
    "Spectra",
    "Temperature",
    "Validation",
]


@record
class Sample:
    """[sample]: what the pellet is. One of diameter_mm and area_mm2; nothing here has a default."""

    name: str
    thickness_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)]
    diameter_mm: Annotated[Quantity, Number(unit="mm", gt=0.0)] | None = None
    area_mm2: Annotated[Quantity, Number(unit="mm^2", gt=0.0)] | None = None
    mass_mg: Annotated[Quantity, Number(unit="mg", gt=0.0)] | None = None
    porosity: Annotated[Quantity, Number(ge=0.0, lt=1.0)] | None = None
    density_g_cm3: Annotated[Quantity, Number(unit="g/cm^3", gt=0.0)] | None = None
    composition: str | None = None
    virtual: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name must not be empty")
        if (self.diameter_mm is None) == (self.area_mm2 is None):
            raise ValueError("give one of diameter_mm and area_mm2")
        if self.density_g_cm3 is not None and self.mass_mg is None:
            raise ValueError("density_g_cm3 (of the dense glass) needs mass_mg of the pellet")
        if self.porosity is not None and self.density_g_cm3 is not None:
            raise ValueError("give porosity, or mass_mg with density_g_cm3, not both")

    @property
    def plates(self) -> ParallelPlates:
        """The geometry between the electrodes."""
        if self.area_mm2 is not None:
            return ParallelPlates(thickness_mm=self.thickness_mm, area_mm2=self.area_mm2)
        if self.diameter_mm is None:
            raise ValueError("neither diameter_mm nor area_mm2 is given")
        return ParallelPlates(thickness_mm=self.thickness_mm, area_mm2=disc_area(self.diameter_mm))


@record
class Temperature:
    """[temperature]: how well the sample's temperature is known.

    sigma_K: standard uncertainty of one sample temperature. Alone, it says nothing about how the errors
    of different temperatures go together, and the worse of independent and common is taken; with
    offset_K or lag it is the independent part.
    offset_K: to be added to every stated temperature. lag: share of the way from ambient_C that the sample
    stays behind.
    """

    sigma_K: float | None = None
    offset_K: Annotated[Quantity, Number(unit="K")] | None = None
    lag: Annotated[Quantity, Number(gt=-0.5, lt=0.5)] | None = None
    ambient_C: float | None = None

    def __post_init__(self) -> None:
        if self.sigma_K is not None and self.sigma_K < 0.0:
            raise ValueError(f"sigma_K must not be negative, not {self.sigma_K:g}")
        if self.sigma_K is not None and self.sigma_K > 1000.0:
            raise ValueError(f"sigma_K is in K and must be 1000 at most, not {self.sigma_K:g}")
        if self.lag is not None and self.ambient_C is None:
            raise ValueError("lag needs ambient_C, the temperature that it starts from")
        if self.lag is None and self.ambient_C is not None:
            raise ValueError("ambient_C is used with lag only")

    @property
    def thermometer(self) -> Thermometer:
        """The same as a thermometer."""
        ambient = kelvin(25.0 if self.ambient_C is None else self.ambient_C)
        return Thermometer(
            point_sigma_k=self.sigma_K, offset_k=self.offset_K, lag=self.lag, ambient_k=ambient
        )


@record
class Model:
    """[model]: "auto", a circuit's name, or a circuit string; joint: fit the series at once as well."""

    circuit: str
    series: Literal["separate", "separate and joint"] = "separate and joint"

    def __post_init__(self) -> None:
        if not self.circuit.strip():
            raise ValueError('circuit must not be empty; write "auto" to have it chosen')


@record
class Spectra:
    """[[spectrum]]: files (one file or a pattern), and where their temperature comes from.

    Exactly one of temperature_from_name (a file name with {temperature_C} or {temperature_K}),
    temperature_C and temperature_K, or none of them where the file itself states it.
    skip: spectra of each file that are not wanted, by 0-based index.
    imaginary_sign, frequency_unit, columns: answers to what a reader asks, see cis.io.options.
    """

    files: FileName
    temperature_from_name: str | None = None
    temperature_C: float | None = None
    temperature_K: float | None = None
    skip: tuple[int, ...] = ()
    imaginary_sign: Literal["file", "plus", "minus"] = "file"
    frequency_unit: str = ""
    columns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ways = (self.temperature_from_name, self.temperature_C, self.temperature_K)
        if sum(w is not None for w in ways) > 1:
            raise ValueError("give one of temperature_from_name, temperature_C and temperature_K")
        if self.temperature_from_name is not None:
            fields = [
                f for f in ("{temperature_C}", "{temperature_K}") if f in self.temperature_from_name
            ]
            if len(fields) != 1:
                raise ValueError(
                    "temperature_from_name must hold {temperature_C} or {temperature_K}, as in "
                    '"pellet-{temperature_C}deg.txt"'
                )
        if self.temperature_C is not None:
            kelvin(self.temperature_C)
        if self.temperature_K is not None and not self.temperature_K > 0.0:
            raise ValueError(f"temperature_K must be > 0, not {self.temperature_K:g}")
        if not self.files.strip():
            raise ValueError("files must not be empty")


@record
class Fixture:
    """[fixture]: spectra of the empty, the shorted and the loaded fixture. load_ohm: the load's true resistance."""

    open: FileName | None = None
    short: FileName | None = None
    load: FileName | None = None
    load_ohm: float | None = None

    def __post_init__(self) -> None:
        if self.open is None and self.short is None:
            raise ValueError("give open, short, or both")
        if self.load is not None and (
            self.open is None or self.short is None or self.load_ohm is None
        ):
            raise ValueError("load needs open, short and load_ohm")
        if self.load is None and self.load_ohm is not None:
            raise ValueError("load_ohm is used with load only")
        if self.load_ohm is not None and not self.load_ohm > 0.0:
            raise ValueError(f"load_ohm must be > 0, not {self.load_ohm:g}")


@record
class Calibration:
    """[calibration]: certificates of `cis calibrate`; instrument: the one that the spectra were measured with."""

    cell: FileName | None = None
    fixture: FileName | None = None
    thermometer: FileName | None = None
    instrument: str | None = None

    def __post_init__(self) -> None:
        if self.cell is None and self.fixture is None and self.thermometer is None:
            raise ValueError("name a certificate: cell, fixture or thermometer")


@record
class Validation:
    """[validation]: the frequencies that are used at all; the rules of cis.validate need no settings."""

    range_Hz: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _ordered("range_Hz", self.range_Hz)


@record
class Mask:
    """[[mask]]: points of one spectrum that are left out of its fit; one of frequency_Hz and range_Hz.

    spectrum: its name as in the reports. reason: why, in the words of who measured; printed with every point.
    """

    spectrum: str
    reason: str
    frequency_Hz: tuple[float, ...] | None = None
    range_Hz: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("reason must not be empty: say why these points are left out")
        if (self.frequency_Hz is None) == (self.range_Hz is None):
            raise ValueError("give one of frequency_Hz and range_Hz")
        if self.frequency_Hz is not None and not self.frequency_Hz:
            raise ValueError("frequency_Hz must name a frequency")
        if any(not f > 0.0 for f in self.frequency_Hz or ()):
            raise ValueError("frequencies must be > 0")
        _ordered("range_Hz", self.range_Hz)


@record
class ArrheniusTable:
    """[arrhenius]: form(s), the temperatures that are fitted, a known break (glass transition)."""

    form: Literal["ln_sigma", "ln_sigma_T", "both"]
    range_K: tuple[float, float] | None = None
    breakpoint_K: float | None = None

    def __post_init__(self) -> None:
        _ordered("range_K", self.range_K)
        if self.breakpoint_K is not None and not self.breakpoint_K > 0.0:
            raise ValueError(f"breakpoint_K must be > 0, not {self.breakpoint_K:g}")


@record
class Project:
    """A whole project file."""

    sample: Sample
    model: Model
    spectrum: tuple[Spectra, ...]
    temperature: Temperature = field(default_factory=Temperature)
    arrhenius: ArrheniusTable | None = None
    fixture: Fixture | None = None
    validation: Validation | None = None
    calibration: Calibration | None = None
    mask: tuple[Mask, ...] = ()

    def __post_init__(self) -> None:
        if not self.spectrum:
            raise ValueError("spectrum: at least one [[spectrum]] table is needed")
        held = self.calibration
        if held is None:
            return
        if held.fixture is not None and self.fixture is not None:
            raise ValueError("fixture: measured here and named in [calibration] too; keep one")
        stated = self.temperature.offset_K is not None or self.temperature.lag is not None
        if held.thermometer is not None and stated:
            raise ValueError(
                "temperature: offset_K and lag are in the certificate of [calibration] thermometer; keep one "
                "(sigma_K may stay, for what lies between thermometer and sample)"
            )


def _ordered(name: str, pair: tuple[float, float] | None) -> None:
    if pair is not None and not 0.0 <= pair[0] < pair[1]:
        raise ValueError(f"{name} must be [low, high] with 0 <= low < high, not {list(pair)}")
