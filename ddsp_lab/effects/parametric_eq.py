"""Parametric equaliser: low shelf, peaks, high shelf."""

from dataclasses import dataclass
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import response_fit, section_lookalikes, svf
from ..dsp.state_space import SCAN_STATES, lti


@dataclass(frozen=True)
class ParametricEq(StreamingBlock):
    r"""A row of second-order sections, the first a low shelf, the last a high shelf, peaks between (one band: a peak).

    $H(s) = m_0 + (m_1 s + m_2) / (s^2 + k s + 1)$ a band, $s = (z - 1) / (z + 1) / \tan(\pi f / f_s)$, $A =
    10^{g / 40}$: a peak has $k = 1 / (Q A)$, $m = (1, k (A^2 - 1), 0)$. The responses are those of the well-known
    cookbook biquads; the state variables keep float32 exact to 2e-7 down to 1 Hz. A cutoff above 0.49 of the sample
    rate acts at 0.49.

    References: Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients", W3C note, 2021; Simper,
    "Solving the continuous SVF equations using trapezoidal integration", Cytomic, 2013.
    """

    bands: Annotated[int, Meta(ge=1, le=32)] = 4

    linear = True

    @property
    def params(self) -> tuple[Param, Param, Param]:
        row = (self.bands,)
        spread = tuple(float(f) for f in np.round(np.geomspace(100.0, 8000.0, self.bands)))
        return (
            Param("cutoff_hz", 20.0, 20_000.0, spread, unit="Hz", scale="log", shape=row),
            Param("gain_db", -20.0, 20.0, 0.0, unit="dB", shape=row),
            Param("q", 0.1, 10.0, 0.7071, scale="log", shape=row),
        )

    @property
    def kinds(self) -> tuple[svf.Kind, ...]:
        peaks: tuple[svf.Kind, ...] = ("peak",) * (self.bands - 2)
        return ("low_shelf", *peaks, "high_shelf") if self.bands > 1 else ("peak",)

    @property
    def _groups(self) -> list[slice]:
        size = SCAN_STATES // 2
        return [slice(i, min(i + size, self.bands)) for i in range(0, self.bands, size)]

    def init(self, channels: int, ctx: Context) -> State:
        return tuple(jnp.zeros((channels, 2 * (g.stop - g.start))) for g in self._groups)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        sections = svf.equaliser_sections(self.kinds, p["cutoff_hz"], p["gain_db"], p["q"], ctx.sr)
        after = []
        for group, s in zip(self._groups, state, strict=True):
            system = svf.cascade(jax.tree.map(lambda v, g=group: v[g], sections))
            s, x = lti(system, x, s.astype(x.dtype))
            after.append(s)
        return tuple(after), x

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        """The same bands with their gains turned round are the exact inverse."""
        return self.apply(p | {"gain_db": -p["gain_db"]}, y, ctx)

    def lookalikes(self, p: Values, source: np.ndarray, ctx: Context, beside_dry: bool) -> list[Values]:
        row = np.stack([np.asarray(p[q.name], np.float64) for q in self.params])
        found = section_lookalikes.lookalikes(self.kinds, self.params, row, source, ctx.sr, ctx.seed, beside_dry)
        return [dict(zip(("cutoff_hz", "gain_db", "q"), row, strict=True)) for row in found]

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Vector fitting of the poles and zeros, then refinement; a broadband gain is left to others."""
        current = None if p is None else np.stack([q.to_unit(p[q.name]) for q in self.params])
        return response_fit.bands(self.kinds, self.params, source, reference, ctx.sr, ctx.seed, current)
