"""Figures beside their targets."""
import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    """One figure. `target` is what it is to reach ("at_most": not to pass); None for a figure that has no target."""
    name: str
    value: float
    unit: str = ""
    target: float = None
    at_most: bool = False
    note: str = ""

    @property
    def mark(self):
        if self.target is None:
            return "    "
        good = self.value <= self.target if self.at_most else self.value >= self.target
        return "pass" if good else "MISS"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


class Table:
    """The rows of a run, and how far the same measurement strayed between its rounds."""

    def __init__(self):
        self.rows, self.spreads = [], []

    def add(self, name, value, unit="", target=None, at_most=False, note=""):
        self.rows.append(Row(name, value, unit, target, at_most, note))

    def median(self, values):
        middle = statistics.median(values)
        if len(values) > 1 and middle:
            self.spreads.append((max(values) - min(values)) / middle)
        return middle

    def print(self):
        width = max(len(row.name) for row in self.rows)
        print()
        for row in self.rows:
            target = "" if row.target is None else f"{'<=' if row.at_most else '>='} {number(row.target)}"
            print(f"{row.mark}  {row.name:<{width}} {number(row.value):>10} {row.unit:<13} {target:<9} {row.note}".rstrip())
        if self.spreads:
            print(f"\nThe same measurement's rounds lay {statistics.median(self.spreads):.0%} apart (median; at most "
                  f"{max(self.spreads):.0%})." + (" The figures are noisy." if statistics.median(self.spreads) > 0.15 else ""))
        missed = sum(row.mark == "MISS" for row in self.rows)
        print(f"{sum(row.mark == 'pass' for row in self.rows)} targets reached, {missed} missed")
        return missed
