"""A hi-hat: six squares in no simple ratio, and noise."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.ndimage import uniform_filter1d

from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.band_limited import pulse
from ..dsp.envelopes import dying
from ..dsp.noise import normal
from ..dsp.noise_outline import outline
from ..dsp.phase import steady
from ..dsp.state_space import lti
from ..dsp.svf import cascade, plain_section
from ._hit import loudest_hit, within

SQUARES = np.array([205.3, 304.4, 369.6, 522.7, 540.0, 800.0], np.float32) / 800.0
CUTOFFS_HZ = np.geomspace(1000.0, 14_000.0, 32)  # tried
TUNES_HZ = np.geomspace(300.0, 2400.0, 2100)
LOOKED_AT_S, MIDDLE_HZ = 0.25, 400.0  # of a spectrum; over how much of it lines stand out
LINES_HZ = (1000.0, 14_000.0)


@dataclass(frozen=True)
class Hihat(Synth):
    """The TR-808's six squares, of which the highest is at `tune_hz`, mixed by `noise` with white noise, through two
    high-passes in a row at `cutoff_hz`, dying away by 60 dB in `decay_s`: closed at 0.1 s, open at 1 s.

    Reference: Werner, Abel, Smith, "The TR-808 cymbal: a physically-informed, circuit-bendable, digital model", ICMC,
    2014 (the frequencies).
    """

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    noise: ClassVar[tuple[str, ...]] = ("noise",)
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False
    params = (
        Param("tune_hz", 300.0, 2400.0, default=800.0, unit="Hz", scale="log"),
        Param("noise", 0.0, 1.0, default=0.3),
        Param("cutoff_hz", 1000.0, 14_000.0, default=7000.0, unit="Hz", scale="log"),
        Param("q", 0.5, 4.0, default=0.9, scale="log"),
        Param("decay_s", 0.02, 4.0, default=0.15, unit="s", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        n, hz = jnp.arange(samples, dtype=jnp.int32), p["tune_hz"] * note.above
        f = jnp.minimum(SQUARES[:, None] * hz, 0.3 * ctx.sr)
        squares = jnp.sum(pulse(steady(f, n, ctx.sr) + note.lead(f, ctx.sr), f / ctx.sr), axis=0)
        noise = normal(note.key, (samples,))
        y = ((1.0 - p["noise"]) / np.sqrt(6.0) * squares + p["noise"] * noise)[None]
        cutoff_hz = jnp.broadcast_to(p["cutoff_hz"], (2,))
        section = plain_section("high_pass", cutoff_hz, jnp.broadcast_to(p["q"], (2,)), ctx.sr)
        _, y = lti(cascade(section), y, jnp.zeros((1, 4), y.dtype))
        return y[0] * dying(note.seconds(samples, ctx.sr), p["decay_s"])

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The whole as filtered noise, and the squares where lines stand out of it: most, some and none."""
        hit = loudest_hit(source, reference, ctx.sr)
        q = 0.9
        heard = hit and outline(hit.x, hit.sr, lambda hz: _passed(hz, q))
        if not hit or not heard:
            return []
        same = {
            "tune_hz": _tune_hz(hit.x, hit.sr) / hit.above,
            "cutoff_hz": CUTOFFS_HZ[heard.which],
            "q": q,
            "decay_s": heard.t60_s,
        }
        levels = {noise: heard.level / np.hypot(noise, 0.3 * (1.0 - noise)) for noise in (0.3, 0.05, 1.0)}
        return [within(self, same | {"noise": k, "level_db": hit.level_db(v, p)}) for k, v in levels.items()]


def _passed(hz: np.ndarray, q: float) -> np.ndarray:
    """By both high-passes together."""
    u = (hz / CUTOFFS_HZ[:, None]) ** 2
    return u**2 / ((1.0 - u) ** 2 + u / q**2)


def _tune_hz(x: np.ndarray, sr: int) -> float:
    """Where the harmonics of all six squares stand on the highest lines."""
    x = x[: int(LOOKED_AT_S * sr)]
    size = 4 * x.size
    level = np.log(np.abs(np.fft.rfft(x * np.hanning(x.size), size)) + 1e-9)
    hz = np.arange(level.size) * sr / size
    level = level - uniform_filter1d(level, max(1, round(MIDDLE_HZ * size / sr)))
    odd = np.arange(1, 1 + 2 * int(LINES_HZ[1] / (2.0 * TUNES_HZ[0] * SQUARES[0])), 2)
    lines = (SQUARES[:, None] * odd).ravel()
    at = TUNES_HZ[:, None] * lines
    told = (at > LINES_HZ[0]) & (at < min(LINES_HZ[1], 0.45 * sr))
    heights = np.where(told, np.interp(at, hz, level), 0.0)
    return float(TUNES_HZ[np.argmax(heights.sum(axis=1) / np.sqrt(np.maximum(told.sum(axis=1), 1)))])
