"""What a user may say about a file that the file does not say itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AS_THE_FILE_SAYS", "ImaginarySign", "ReadOptions"]

ImaginarySign = Literal["file", "plus", "minus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Answers to the questions that a reader may ask; the default leaves everything to the file.

    imaginary_sign: "plus": the column holds Z'' (or the phase) itself, negative for a capacitor;
    "minus": it holds -Z'' (or -phase); "file": the header decides, and physics checks it.
    frequency_unit: unit of the frequency column ("Hz", "kHz", "rad/s", ...), "" = as the header says.
    columns: role -> header text or 1-based column number, e.g. {"f": "1", "|Z|": "2", "phase": "3"}.
    """

    imaginary_sign: ImaginarySign = "file"
    frequency_unit: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


AS_THE_FILE_SAYS = ReadOptions()
