"""Polarity: the signal turned round."""

from dataclasses import dataclass

import numpy as np

from .._block import Audio, Block, Context, Values
from .._param import Param


@dataclass(frozen=True)
class Polarity(Block):
    r"""$y = (1 - 2 a)\,x$: as it was at an `amount` of 0, turned round at 1.

    Nothing between the two is what the switch of a mixing desk does; it is the way by which a search gets across.
    """

    params = (Param("amount", 0.0, 1.0, default=0.0, affine=True, automatable=True),)

    memoryless = linear = inverts = True

    def apply(self, p: Values, x: Audio, ctx: Context) -> Audio:
        return (1.0 - 2.0 * p["amount"]) * x

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        return y / (1.0 - 2.0 * p["amount"])

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The sign of the correlation."""
        alike = np.sum(source * reference)
        return [{"amount": float(alike < 0.0)}] if alike else []
