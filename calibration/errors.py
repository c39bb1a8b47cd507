"""Errors that the user can act on: what is wrong, why, what to do, and where.

Anything else that escapes is a bug of ours and keeps its traceback.
"""

from collections.abc import Sequence

__all__ = ["ConfigError", "InputError", "OutputError", "ReadError"]


class InputError(Exception):
    """Something the user can fix; the command line prints it and exits with status 2.

    what: the mistake in one clause; why: what makes it one; remedy: what to do;
    where: file, file and line ("a.xy:12"), or key path ("scan[0].file").
    """

    def __init__(self, what: str, *, why: str = "", remedy: str = "", where: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        self.where = where
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.why:
            lines.append(f"  why: {self.why}")
        if self.remedy:
            lines.append(f"  do:  {self.remedy}")
        return "\n".join(lines)


class ReadError(InputError):
    """A data file that cannot be read, or that contradicts itself."""


class OutputError(InputError):
    """A place that cannot be written, or that must not be."""


class ConfigError(InputError):
    """Everything wrong with a project file, all at once.

    problems: one line each, beginning with the key path.
    """

    def __init__(self, problems: Sequence[str], *, where: str) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(
            f"{count} problem{'s' if count != 1 else ''} in the project file",
            remedy="correct the keys named above" if count != 1 else "correct the key named above",
            where=where,
        )

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}"
        return "\n".join([head, *(f"  - {p}" for p in self.problems), f"  do:  {self.remedy}"])
