"""Results in the formats of the programs that model them: one module per program, each with its conventions stated.

An exporter has NAME, SUMMARY and files(result): file name -> text. A new program is one module and its name here.
"""

from collections.abc import Mapping
from types import ModuleType

from xtsred.export import epsr, gudrun, pdfgetx3, rmcprofile

__all__ = ["EXPORTERS"]

EXPORTERS: Mapping[str, ModuleType] = {m.NAME: m for m in (rmcprofile, epsr, gudrun, pdfgetx3)}
"""Name on the command line -> module."""
