"""Frequency modulation: one sine that moves the phase of another."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._adsr import TAIL_S, envelope_params
from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import Note, Synth
from ..dsp.envelope_fit import fitted_adsr
from ..dsp.fm import pair
from ..dsp.modulation_fit import Modulation, modulation
from ..dsp.phase import steady
from ..dsp.sideband_fit import carriers_and_modulators
from ..dsp.tone_levels import spectral_peaks
from ._amplifier import AMPLIFIER, envelope
from ._heard import amplifier_guess, telling_note

HIGHEST = 0.45  # of the sample rate
FRAMES, GUESSES = 32, 6
TIMES = ("attack_s", "decay_s", "release_s")
LOOK_S = 0.25  # of a note, where its partials are looked for


@dataclass(frozen=True)
class Fm(Synth):
    r"""$A(t) \sin(2\pi c f t + I v\,E(t) \sin(2\pi r c f t + \dots))$: sidebands every $r c f$ Hz, of the size $J_k$.

    $c$ is `carrier_ratio`, $r$ `ratio`, $I$ the `index` in radians under an envelope $E$ of its own, $v$ the velocity
    with the same sensitivity as the level's; `feedback` moves the modulator by the mean of its own last two samples.

    Reference: Chowning, "The synthesis of complex audio spectra by means of frequency modulation", Journal of the Audio
    Engineering Society 21(7), 1973.
    """

    tail_s: ClassVar[float] = TAIL_S
    aliases: ClassVar[bool] = True
    params = (
        Param("carrier_ratio", 0.25, 8.0, default=1.0, scale="log"),
        Param("ratio", 0.125, 16.0, default=2.0, scale="log"),
        Param("index", 0.0, 16.0, default=3.0, unit="rad"),
        Param("feedback", 0.0, 1.5, default=0.2, unit="rad"),
        *envelope_params("index_", decay_ms=400.0, sustain=0.3),
        *AMPLIFIER,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        carrier_hz = jnp.minimum(note.hz * p["carrier_ratio"], HIGHEST * ctx.sr)
        modulator_hz = jnp.minimum(carrier_hz * p["ratio"], HIGHEST * ctx.sr)
        n = jnp.arange(samples, dtype=jnp.int32)
        carrier, modulator = (steady(hz, n, ctx.sr) + note.lead(hz, ctx.sr) for hz in (carrier_hz, modulator_hz))
        index = p["index"] * note.touch(p) * envelope(p, note, samples, ctx.sr, "index_")
        return pair(carrier, modulator, index, p["feedback"]) * envelope(p, note, samples, ctx.sr)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """Ratios from where the sidebands of the note that stands out most lie, the index from how strong they are."""
        heard = telling_note(source, reference, ctx.sr)
        if heard is None:
            return []
        loudest = int(np.argmax(heard.level)) * heard.hop
        at = max(0, min(loudest, heard.x.size - round(LOOK_S * ctx.sr)))
        peaks_hz, amplitude = spectral_peaks(heard.x[at : at + round(LOOK_S * ctx.sr)], ctx.sr)
        time_s = np.linspace(0.0, heard.time_s[heard.body][-1], FRAMES)
        carrier, ratio = self.params[:2]
        found = [
            (modulation(heard.x, ctx.sr, c, m, time_s), c, m)
            for c, m in carriers_and_modulators(peaks_hz, amplitude)
            if carrier.low <= c / heard.f0_hz <= carrier.high and ratio.low <= m / c <= ratio.high
        ]
        found = sorted(found, key=lambda f: -f[0].explained)[:GUESSES]
        amplifier = amplifier_guess(heard, self.params)
        return [amplifier | self._guess(of, c / heard.f0_hz, m / c, heard.velocity, time_s) for of, c, m in found] or [
            amplifier
        ]

    def _guess(self, of: Modulation, carrier_ratio: float, ratio: float, velocity: float, time_s: np.ndarray) -> Values:
        known = {q.name: q for q in self.params}
        bounds = {k: (known[f"index_{k[:-2]}_ms"].low * 1e-3, known[f"index_{k[:-2]}_ms"].high * 1e-3) for k in TIMES}
        held = {"sustain": (0.0, 1.0), "off_s": (float(time_s[-1]), float(time_s[-1]) + 1e-3)}
        index = fitted_adsr(time_s, of.index, bounds | held)
        times = {f"index_{k[:-2]}_ms": 1e3 * index[k] for k in TIMES if k != "release_s"}
        return {
            "carrier_ratio": carrier_ratio,
            "ratio": ratio,
            "index": float(np.clip(of.index.max() / velocity, 0.1, 16.0)),
            "velocity_sensitivity": 1.0,
            "feedback": of.feedback,
            "index_sustain": index["sustain"],
            **times,
        }
