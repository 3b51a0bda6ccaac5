"""A search while it runs, on one line."""

from __future__ import annotations

import time
from collections import deque
from math import isfinite
from types import TracebackType

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .._evaluate import Evaluate
from ._shell import err

EVERY_S = 0.1  # between two looks at the progress bar
RECENT_S = 5.0  # over which its speed is measured
WIDE = 24  # letters of the bar


class ProgressBar:
    """A line on stderr, where that is a terminal: how far the budget is spent, the best loss so far, how fast it goes
    and how long it takes. The bar wanders where no budget says how much there is to do."""

    def __init__(self, quiet: bool = False):
        columns = (SpinnerColumn(), BarColumn(WIDE), TextColumn("{task.description}"), TimeElapsedColumn())
        self.progress = Progress(*columns, console=err, transient=True, disable=quiet or not err.is_terminal)
        self.task = self.progress.add_task("compiling", total=None)
        self.shown = 0.0
        self.seen: deque[tuple[float, int]] = deque(maxlen=round(RECENT_S / EVERY_S))

    def __enter__(self) -> ProgressBar:
        self.progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.progress.stop()

    def __call__(self, evaluate: Evaluate) -> None:
        now = time.monotonic()
        if now - self.shown > EVERY_S:
            self.shown = now
            self.seen.append((now, evaluate.evaluations))
            spent = self.spent(evaluate)
            total = None if spent is None else 1.0
            self.progress.update(self.task, completed=spent or 0.0, total=total, description=self.said(evaluate))

    def spent(self, evaluate: Evaluate) -> float | None:
        """The share of the budget, or of the time, that is gone, whichever ends first; None where neither is given."""
        shares = []
        if isfinite(evaluate.budget):
            shares.append(evaluate.evaluations / evaluate.budget)
        if isfinite(evaluate.seconds):
            shares.append(1.0 - evaluate.seconds_left / evaluate.seconds)
        return min(1.0, max(shares)) if shares else None

    def said(self, evaluate: Evaluate) -> str:
        """The line: what is left is reckoned with the speed of the last seconds."""
        start = f"{evaluate.history[0][1]:.3g} → " if evaluate.history else ""
        said = f"loss {start}{evaluate.best.loss:.3g}, {evaluate.evaluations:,} evaluations"
        (then, before), (now, count) = self.seen[0], self.seen[-1]
        if count == before:
            return said
        rate = (count - before) / (now - then)
        left = min(evaluate.seconds_left, (evaluate.budget - count) / rate)
        return f"{said}, {rate:.3g}/s" + (f", {_clock(left)} left" if isfinite(left) else "")


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}" if minutes else f"{seconds} s"
    )
