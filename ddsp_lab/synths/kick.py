"""A bass drum."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.driven_decay import driven_decay, level_along
from ..dsp.driven_tone import DrivenTone, driven_tone
from ..dsp.dying_line import band_powers, dying_line
from ..dsp.envelopes import dying
from ..dsp.falling_tone import falling_tones
from ..dsp.noise import normal
from ._hit import Hit, loudest_hit, within
from ._skin import PHASE, falling_hz, sine

HIGHEST_HZ, CLICK_HZ = 1000.0, 4000.0  # of the body, and from where on there is only click, as an estimate sees it
SIZE = 128  # samples of the frames in which it does


@dataclass(frozen=True)
class Kick(Synth):
    r"""A sine of falling pitch, $f(t) = f_0\,2^{(p - 60) / 12}\,2^{s\,10^{-3 t / T_s} / 12}$, that dies away in
    `decay_s`, and a click of noise.

    The knobs of the TR-808 and TR-909: `tune_hz` ($f_0$ at a pitch of 60), `sweep_st` ($s$) and `sweep_ms` ($T_s$),
    `decay_s`, `click` and `drive_db` into a soft limit. Times are those in which 60 dB are gone; it does not mind how
    long the note is.
    """

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    noise: ClassVar[tuple[str, ...]] = ("click",)
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False
    params = (
        Param("tune_hz", 25.0, 120.0, default=50.0, unit="Hz", scale="log"),
        Param("sweep_st", 0.0, 48.0, default=24.0, unit="st"),
        Param("sweep_ms", 5.0, 500.0, default=120.0, unit="ms", scale="log"),
        Param("decay_s", 0.05, 4.0, default=0.8, unit="s", scale="log"),
        Param("click", 0.0, 1.0, default=0.2),
        Param("click_ms", 1.0, 50.0, default=10.0, unit="ms", scale="log"),
        Param("drive_db", 0.0, 24.0, default=3.0, unit="dB"),
        PHASE,
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        body = sine(falling_hz(p, note, t), note, ctx.sr, p["phase"]) * dying(t, p["decay_s"])
        noise = normal(note.key, (samples,)) * dying(t, 1e-3 * p["click_ms"])
        drive = 10.0 ** (p["drive_db"] / 20.0)
        return jnp.tanh(drive * (body + 0.5 * p["click"] * noise)) / jnp.tanh(drive)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The falling tone, how hard it was driven, first by how its level falls, and the click by what is above it."""
        hit = loudest_hit(source, reference, ctx.sr)
        if hit is None:
            return []
        tune, sweep = self.params[:2]
        within_hz = tune.low * hit.above, tune.high * hit.above
        tones = falling_tones(hit.x, hit.sr, within_hz, sweep.high, HIGHEST_HZ)
        if not tones:
            return []
        tone = tones[0]
        turns = tone.cycles(np.arange(hit.x.size) / hit.sr)
        falls = driven_decay(*level_along(hit.x, turns, tone.hz, hit.sr))
        high = (np.fft.rfftfreq(SIZE, 1.0 / hit.sr) > CLICK_HZ)[None].astype(float)
        click = dying_line(band_powers(hit.x, high, SIZE, SIZE // 4)[:, 0], SIZE / 4 / hit.sr)
        clicking = np.sqrt(click.power) / max(tone.level, 1e-9) if click else 0.0
        heard = [DrivenTone(tone, 0.0)]
        if falls:
            slower = tone._replace(t60_s=falls.t60_s, level=falls.level)
            refined = driven_tone(hit.x, hit.sr, slower, falls.drive_db, within_hz, sweep.high)
            heard = [refined, DrivenTone(slower, falls.drive_db), *heard]
        same = {"click": 2.0 * clicking, "click_ms": 1e3 * click.t60_s if click else 10.0}
        return [within(self, same | self._guess(hit, one, p)) for one in heard]

    def _guess(self, hit: Hit, heard: DrivenTone, p: Values | None) -> Values:
        tone, drive_db = heard
        return {
            "tune_hz": tone.hz / hit.above,
            "sweep_st": tone.sweep_st,
            "sweep_ms": 1e3 * tone.sweep_s,
            "phase": tone.phase,
            "decay_s": tone.t60_s,
            "drive_db": drive_db,
            "level_db": hit.level_db(tone.level, p),
        }
