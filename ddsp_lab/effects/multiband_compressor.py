"""Multiband compressor: a compressor for the lows, one for the highs, and up to two in between."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy.signal import butter, sosfilt

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp.crossover import no_sound, split
from ..dsp.dynamics import detected, detectors, followed, over
from ..dsp.level_curve import bends, short_term_db
from ..dsp.levels import amplitude, power_db
from ..dsp.svf import HIGHEST

CROSSOVERS_HZ = {2: (500.0,), 3: (120.0, 600.0), 4: (120.0, 600.0, 4000.0)}


@dataclass(frozen=True)
class MultibandCompressor(StreamingBlock):
    r"""$y = \sum_b x_b\,10^{(M_b - c_b) / 20}$: a compressor for each band of a fourth-order Linkwitz-Riley crossover.

    The reductions $c_b$ are those of `compressor`, with a threshold, ratio, attack, release and makeup gain for each
    band and one knee for all. Bands that nothing is done to add up to an all-pass. Crossovers are taken in rising
    order, whichever way they are given. Linked channels share each band's reduction.

    References: Giannoulis, Massberg, Reiss, "Digital dynamic range compressor design", JAES 60(6), 2012, section 2;
    D'Appolito, "Active realization of multiway all-pass crossover systems", JAES 35(4), 1987.
    """

    bands: Literal[2, 3, 4] = 3
    stereo_link: bool = True

    @property
    def params(self) -> tuple[Param, ...]:
        n = (self.bands,)
        return (
            Param("crossover_hz", 40.0, 16000.0, CROSSOVERS_HZ[self.bands], "Hz", "log", shape=(self.bands - 1,)),
            Param("threshold_db", -60.0, 0.0, default=-20.0, unit="dB", shape=n),
            Param("ratio", 1.0, 20.0, default=3.0, scale="log", shape=n),
            Param("attack_ms", 0.1, 100.0, default=8.0, unit="ms", scale="log", shape=n),
            Param("release_ms", 5.0, 500.0, default=100.0, unit="ms", scale="log", shape=n),
            Param("knee_db", 0.0, 12.0, default=6.0, unit="dB"),
            Param("makeup_gain_db", 0.0, 24.0, default=0.0, unit="dB", shape=n),
        )

    @property
    def couples_channels(self) -> bool:
        return self.stereo_link

    def init(self, channels: int, ctx: Context) -> State:
        return no_sound(self.bands, channels), jnp.zeros((self.bands, detectors(channels, self.stereo_link)))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        filters, reduction = state
        filters, bands = split(x, jnp.sort(p["crossover_hz"]), ctx.sr, filters)

        def compress(p, band, reduction):
            excess = power_db(detected(band, self.stereo_link)) - p["threshold_db"]
            wanted = (1.0 - 1.0 / p["ratio"]) * over(excess, p["knee_db"])
            reduction, smooth = followed(wanted, p["attack_ms"], p["release_ms"], ctx.sr, reduction)
            return reduction, band * amplitude(p["makeup_gain_db"] - smooth)

        each = {q.name: 0 if q.shape == (self.bands,) and q.name != "crossover_hz" else None for q in self.params}
        reduction, out = jax.vmap(compress, ({k: each[k] for k in p}, 0, 0))(p, bands, reduction)
        return (filters, reduction), out.sum(axis=0)

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """For each band the threshold that best explains how its short-term gain falls with its level."""
        bounds = {q.name: q for q in self.params}
        cutoffs = np.sort(np.asarray((p or {}).get("crossover_hz", bounds["crossover_hz"].default), np.float64))
        edges = [0.0, *np.minimum(cutoffs / ctx.sr, HIGHEST), 0.5]
        found = []
        for low, high in pairwise(edges):
            kind, at = ("low", high) if low == 0.0 else ("high", low) if high == 0.5 else ("band", (low, high))
            sos = butter(2, at, kind, fs=1.0, output="sos")
            level, gain = short_term_db(sosfilt(sos, source), sosfilt(sos, reference), ctx.sr)
            found.append(next(iter(bends(level, gain, upwards=True)), None))
        if None in found:
            return []
        threshold, slope, rest = np.array(found).T
        guess = {"threshold_db": threshold, "ratio": 1.0 / (1.0 - np.clip(slope, 0.0, 0.95)), "makeup_gain_db": rest}
        return [{k: np.clip(v, bounds[k].low, bounds[k].high) for k, v in guess.items()}]
