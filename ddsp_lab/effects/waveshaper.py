"""Waveshaper: any rising curve, learned."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, Values
from .._param import Param
from .._shaper import CurveShaper
from ..dsp.levels import amplitude, decibels
from ..dsp.transfer_curve import mean_curve


@dataclass(frozen=True)
class Waveshaper(CurveShaper):
    r"""A monotone rational-quadratic spline through $(0, 0)$ with even knots from -1 to 1, straight beyond.

    `slope_db` are the mean slopes $m$ between knots; at a knot the slope $d$ is the geometric mean of its neighbours'.
    Between knots, $\theta$ of the way and $w$ apart, the curve has risen by $w m\,(m \theta^2 + d_0 \theta (1 -
    \theta)) / (m + (d_0 + d_1 - 2 m)\,\theta (1 - \theta))$: its slope is positive and continuous.
    With `oversample` above 1 the curve runs at that multiple of the sample rate, 64 samples late.

    References: Gregory, Delbourgo, "Piecewise rational quadratic interpolation to monotonic data", IMA Journal of
    Numerical Analysis, 1982; Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", NeurIPS, 2019.
    """

    pieces: Annotated[int, Meta(ge=2, le=64, multiple_of=2)] = 16

    @property
    def params(self) -> tuple[Param]:
        return (Param("slope_db", -30.0, 30.0, default=0.0, unit="dB", shape=(self.pieces,)),)

    def shape(self, p: Values, x: Audio) -> Audio:
        db = p["slope_db"]
        at_knots = jnp.concatenate([db[:1], 0.5 * (db[1:] + db[:-1]), db[-1:]])
        mean, slope = amplitude(db), amplitude(at_knots)
        width, half = 2.0 / self.pieces, self.pieces // 2
        y = slope[-1] * jnp.maximum(x - 1.0, 0.0) + slope[0] * jnp.minimum(x + 1.0, 0.0)
        for k in range(self.pieces):  # fused into one pass; a look-up would scatter in the gradient
            way = jnp.clip((x + 1.0) / width - k, 0.0, 1.0)
            both = way * (1.0 - way)
            m, d0, d1 = mean[k], slope[k], slope[k + 1]
            risen = (m * way * way + d0 * both) / (m + (d0 + d1 - 2.0 * m) * both)
            y = y + width * m * (risen if k >= half else risen - 1.0)
        return y

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The rise of the mean output between knots; where no input went, that of the nearest where some did."""
        x, y = mean_curve(source, reference)
        if x.size < 8:
            return []
        knots = np.linspace(-1.0, 1.0, self.pieces + 1)
        rise = np.diff(np.interp(knots, x, y)) * 0.5 * self.pieces
        reached = np.flatnonzero((knots[:-1] >= x[0]) & (knots[1:] <= x[-1]))
        if not reached.size:
            rise, reached = np.full(self.pieces, (y[-1] - y[0]) / (x[-1] - x[0])), np.arange(self.pieces)
        nearest = reached[np.argmin(np.abs(np.arange(self.pieces)[:, None] - reached), axis=1)]
        return [{"slope_db": np.clip([decibels(max(v, 0.0)) for v in rise[nearest]], -30.0, 30.0)}]
