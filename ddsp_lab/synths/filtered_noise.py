"""Filtered noise: breath, wind and waves."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import Note, Synth
from ..dsp import dying_line
from ..dsp.fir import hats
from ..dsp.harmonics import frames_for
from ..dsp.noise_bands import band_centres, shaped_noise
from ..dsp.noise_levels import read_noise
from ._amplifier import AMPLIFIER, envelope
from ._hit import Hit, loudest_hit, within
from ._knots import knots_s, move_db, moved

HOP = 256
LOWEST_DB = -90.0  # that a band moves
LOWEST_HZ, HIGHEST_HZ = 60.0, 16_000.0
KNEE = 0.3  # of the energy is still to come where a second, slower decay may begin
FLOOR = 0.05  # of the frames of a band are at its floor


@dataclass(frozen=True)
class FilteredNoise(Synth):
    r"""White noise with $g_b\,10^{-3 t / T_b}$ as its level in each band: `gain_db` and `decay_s`.

    The bands stand as the ear's do, from 60 Hz to 16 kHz, whatever the pitch of the note; at gains of 0 dB the noise
    has a variance of 1. In the time that is its decay a band loses 60 dB beside what the envelope takes from all. With
    `knots`, what each band does in time is `move_db` instead, straight in dB between as many moments of the note, a row
    a moment, which are closer together at its beginning, as squares are: a clap, or a cymbal that dies away in stages.

    Reference: Serra, Smith, "Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic
    plus stochastic decomposition", Computer Music Journal 14(4), 1990.
    """

    bands: Annotated[int, Meta(ge=2, le=64)] = 16
    knots: Annotated[int, Meta(ge=0, le=64)] = 0

    tail_s: ClassVar[float] = TAIL_S
    in_phase: ClassVar[bool] = False
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False

    @property
    def params(self) -> tuple[Param, ...]:
        row = (self.bands,)
        return (
            Param("gain_db", -72.0, 12.0, default=-12.0, unit="dB", shape=row),
            move_db(self.knots, self.bands, LOWEST_DB)
            if self.knots
            else Param("decay_s", 0.05, 20.0, default=10.0, unit="s", scale="log", shape=row),
            *AMPLIFIER,
        )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        centre_hz = band_centres(self.bands, LOWEST_HZ, HIGHEST_HZ)
        t = HOP / ctx.sr * np.arange(frames_for(samples, HOP))[:, None]
        if self.knots:
            course = moved(p["move_db"], self.knots, t, note.duration_s)
        else:
            course = 10.0 ** (-3.0 * t / p["decay_s"])
        levels = 10.0 ** (p["gain_db"] / 20.0) * course
        y = shaped_noise(note.key, levels, centre_hz, samples, ctx.sr, HOP)
        return y * envelope(p, note, samples, ctx.sr)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """Each band's level and decay, or what it does at the knots; the attack from when the whole is loudest."""
        hit = loudest_hit(source, reference, ctx.sr)
        if hit is None:
            return []
        centre_hz = band_centres(self.bands, LOWEST_HZ, HIGHEST_HZ)
        gain_db, course = (self._moves if self.knots else self._decays)(hit, centre_hz)
        loudest = float(gain_db.max())
        guess = course | {
            "gain_db": gain_db - loudest,
            "sustain": 1.0,
            "gate": 1.0,
            "level_db": hit.level_db(10.0 ** (loudest / 20.0), p),
        }
        if self.knots:
            return [within(self, guess | {"attack_ms": 0.0})]  # knots rise by themselves
        short = dying_line.powers(hit.x, step := max(1, round(1e-3 * hit.sr)))
        guess["attack_ms"] = 1e3 * step / hit.sr * float(np.argmax(short > 0.5 * short.max()))
        falls = np.cumsum(short[::-1])[::-1] / np.sum(short)
        knee_s = float(np.argmax(falls < KNEE)) * step / hit.sr
        return [within(self, guess), within(self, guess | {"sustain": 0.3, "decay_ms": 2e3 * knee_s})]

    def _decays(self, hit: Hit, centre_hz: np.ndarray) -> tuple[Float[np.ndarray, " b"], Values]:
        shares = hats(np.fft.rfftfreq(dying_line.SIZE, 1.0 / hit.sr), centre_hz, hit.sr)
        power = dying_line.band_powers(hit.x, shares)
        hop_s = dying_line.HOP / hit.sr
        floor = np.quantile(power, FLOOR, axis=0) if len(power) > 1.0 / FLOOR else np.zeros(self.bands)
        lines = [dying_line.dying_line(band, hop_s, quiet) for band, quiet in zip(power.T, floor, strict=True)]
        gain_db = [10.0 * np.log10(line.power + 1e-12) if line else -120.0 for line in lines]
        return np.array(gain_db), {"decay_s": [line.t60_s if line else 0.1 for line in lines]}

    def _moves(self, hit: Hit, centre_hz: np.ndarray) -> tuple[Float[np.ndarray, " b"], Values]:
        """The power of each band about each knot: its mean over a quarter of the way to the knots beside it."""
        power = np.square(read_noise(hit.x, hit.sr, centre_hz, HOP))
        power[0] *= 2.0  # half of its frame is before the hit
        at = knots_s(hit.duration_s, self.knots) * hit.sr / HOP
        way = np.diff(at, prepend=at[:1], append=at[-1:])
        begins = np.clip(np.rint(at - 0.25 * way[:-1]).astype(int), 0, len(power) - 1)
        ends = np.clip(np.rint(at + 0.25 * way[1:]).astype(int) + 1, begins + 1, len(power))
        sums = np.pad(np.cumsum(power, axis=0), ((1, 0), (0, 0)))
        level_db = 10.0 * np.log10((sums[ends] - sums[begins]) / (ends - begins)[:, None] + 1e-12)
        return level_db.max(axis=0), {"move_db": (level_db - level_db.max(axis=0)).ravel()}
