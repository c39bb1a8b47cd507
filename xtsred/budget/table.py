"""The budget as a table: one row per bin, one column per source."""

import csv
import io

import numpy as np

from xtsred.budget.records import Budget

__all__ = ["budget_csv"]


def budget_csv(budget: Budget) -> str:
    """One row per bin of S(Q) and per distance of G(r) and g(r): the standard uncertainty of each source."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [s.name for s in budget.sources]
    sampled = budget.monte_carlo
    more = [] if sampled is None else ["monte_carlo"]
    writer.writerow(["function", "x", "total", "counting", "systematic", *more, *names])
    blocks = [
        ("S(Q)", budget.q, budget.counting.s, budget.systematic_s, [s.sigma_s for s in budget.sources]),
        ("G(r)", budget.r, budget.counting.d, budget.systematic_d, [s.sigma_d for s in budget.sources]),
        ("g(r)", budget.r, budget.counting.g, budget.systematic_g, [s.sigma_g for s in budget.sources]),
    ]  # fmt: skip
    drawn = [()] * 3 if sampled is None else [(sampled.s,), (sampled.d,), (sampled.g,)]
    for (name, x, counting, systematic, parts), extra in zip(blocks, drawn, strict=True):
        total = np.hypot(counting, systematic)
        table = np.column_stack([x, total, counting, systematic, *extra, *parts])
        for row in table[np.isfinite(total)]:
            writer.writerow([name, *(f"{value:.6g}" for value in row)])
    return text.getvalue()
