"""Chebyshev waveshaping: a sine's harmonics, each by its own weight."""

from dataclasses import dataclass
from typing import Annotated

import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from .._block import Audio, Context, Values
from .._param import Param
from .._shaper import CurveShaper
from ..dsp.levels import amplitude
from ..dsp.transfer_curve import mean_curve

DRIVES_DB = np.linspace(0.0, 40.0, 41)
KEPT = 3


@dataclass(frozen=True)
class Chebyshev(CurveShaper):
    r"""$y = \sum_{k=1}^K w_k\,(T_k(v) - T_k(0))$, $v = \max(-1, \min(1, g x))$.

    $T_k(\cos \phi) = \cos k \phi$: where $g x$ is a sine of amplitude 1, $w_k$ is the amplitude of its harmonic $k$.
    Subtracting $T_k(0)$ keeps silence silent. With `oversample` above 1 the curve runs at that multiple of the sample
    rate, 64 samples late.

    Reference: Le Brun, "Digital waveshaping synthesis", JAES 27(4), 1979.
    """

    harmonics: Annotated[int, Meta(ge=1, le=16)] = 6

    inverts = True

    @property
    def params(self) -> tuple[Param, Param]:
        row = (1.0, *(0.2 / k for k in range(2, self.harmonics + 1)))
        return (
            Param("drive_db", 0.0, 40.0, default=0.0, unit="dB", automatable=True),
            Param("weights", -1.0, 1.0, default=row, shape=(self.harmonics,), affine=True),
        )

    def polynomials(self, drive_db: Audio, x: Audio) -> list[Audio]:
        v = jnp.clip(amplitude(drive_db) * x, -1.0, 1.0)
        now, after, found = jnp.ones_like(v), v, []
        for k in range(1, self.harmonics + 1):
            found.append(after - (0.0, 1.0, 0.0, -1.0)[(k + 1) % 4])
            now, after = after, 2.0 * v * after - now
        return found

    def shape(self, p: Values, x: Audio) -> Audio:
        terms = self.polynomials(p["drive_db"], x)
        return sum((p["weights"][k] * t for k, t in enumerate(terms)), jnp.zeros_like(x))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """At each drive the weights are a matter of least squares."""
        x, y = mean_curve(source, reference)
        if x.size < 8:
            return []
        guesses = []
        for drive in DRIVES_DB:
            v = np.clip(10.0 ** (drive / 20.0) * x, -1.0, 1.0)
            k = np.arange(1, self.harmonics + 1)
            terms = np.cos(k * np.arccos(v)[:, None]) - np.cos(k * 0.5 * np.pi)
            weights = np.clip(np.linalg.lstsq(terms, y, rcond=1e-6)[0], -1.0, 1.0)
            guesses.append((float(np.sum((terms @ weights - y) ** 2)), float(drive), weights))
        return [{"drive_db": d, "weights": w} for _, d, w in sorted(guesses, key=lambda g: g[0])[:KEPT]]
