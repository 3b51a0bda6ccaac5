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
from ..dsp.envelope_fit import scaled_adsr
from ..dsp.fm import pair
from ..dsp.modulated_tone import ModulatedTone, begun_tones, modulated_tones
from ..dsp.phase import steady
from ._amplifier import AMPLIFIER, envelope
from ._heard import amplifier_guess, telling_note

HIGHEST = 0.45  # of the sample rate
GUESSES = 8
STEEPER = 4.0  # than in the mean, an attack begins
TIMES = ("attack_s", "decay_s", "release_s")


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

    def plays_hz(self, x: np.ndarray, sr: int) -> list[float]:
        """In the middle of those for which the likeliest carriers are within reach: their sidebands have no pitch."""
        carrier = self.params[0]
        likeliest = (*modulated_tones(x, sr)[:1], *begun_tones(x, sr)[:1])
        return [tone.carrier_hz / np.sqrt(carrier.low * carrier.high) for tone in likeliest]

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """Ratios from where the sidebands of the note that stands out most lie, or from its first periods, the index
        from how strong they are."""
        heard = telling_note(source, reference, ctx.sr)
        if heard is None:
            return []
        amplifier = amplifier_guess(heard, self.params)
        off_s = float(amplifier["gate"]) * heard.duration_s
        guesses = [
            {"carrier_ratio": tone.carrier_hz / heard.f0_hz, "ratio": tone.modulator_hz / tone.carrier_hz}
            | self._moved(tone, off_s, heard.velocity)
            for tones in (modulated_tones(heard.x, ctx.sr), begun_tones(heard.x, ctx.sr))
            for tone in [tone for tone in tones if self._within(tone, heard.f0_hz)][:GUESSES]
        ]
        return [amplifier | guess for guess in guesses] or [amplifier]

    def _within(self, tone: ModulatedTone, f0_hz: float) -> bool:
        """Whether a note of that pitch can be such a tone."""
        carrier, ratio = self.params[:2]
        return (
            carrier.low <= tone.carrier_hz / f0_hz <= carrier.high
            and ratio.low <= tone.modulator_hz / tone.carrier_hz <= ratio.high
        )

    def _moved(self, tone: ModulatedTone, off_s: float, velocity: float) -> Values:
        """What moves the index as it is heard to move."""
        known = {q.name: q for q in self.params}
        bounds = {k: (known[f"index_{k[:-2]}_ms"].low * 1e-3, known[f"index_{k[:-2]}_ms"].high * 1e-3) for k in TIMES}
        held = {"sustain": (0.0, 1.0), "off_s": (off_s, off_s)}
        index, most = scaled_adsr(tone.time_s, tone.of.index, tone.of.level, bounds | held)
        if tone.rise is not None:
            index["attack_s"] = float(np.clip(STEEPER * most / tone.rise, *bounds["attack_s"]))
        times = {f"index_{k[:-2]}_ms": 1e3 * index[k] for k in TIMES}
        return {
            "index": float(np.clip(most / velocity, 0.1, 16.0)),
            "velocity_sensitivity": 1.0,
            "feedback": tone.of.feedback,
            "index_sustain": index["sustain"],
            **times,
        }
