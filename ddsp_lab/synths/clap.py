"""A hand clap: bursts of noise, as of several hands, and the room that they are in."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.dying_line import dying_line, powers
from ..dsp.envelopes import bent, dying
from ..dsp.noise import normal
from ..dsp.noise_outline import outline
from ..dsp.state_space import lti
from ..dsp.svf import one, plain_section
from ._hit import loudest_hit, within

RISE_S = 1e-3  # of a burst: a jump would tell a gradient nothing of when it is
TUNES_HZ, QS = (v.ravel() for v in np.meshgrid(np.geomspace(300.0, 4000.0, 24), np.geomspace(0.3, 8.0, 10)))  # tried
SPREADS_MS, BURSTS_MS = np.geomspace(4.0, 30.0, 28), (5.0, 10.0, 20.0, 40.0, 80.0)
DECAYS_S, ROOMS = (0.03, 0.06, 0.12, 0.25, 0.5), (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
LOOKED_AT_S, BLOCK_S = 0.3, 5e-4  # of an envelope


@dataclass(frozen=True)
class Clap(Synth):
    """White noise through a band-pass at `tune_hz`, for a pitch of 60, under the sum of two envelopes: the TR-808's.

    One has `bursts` every `spread_ms`, which die away in `burst_ms`, the last of them in `decay_s`; the other begins
    with the last, at the level `room`, and dies away in `room_decay_s`. In its times 60 dB are gone. The noise has the
    same power whatever the band is.

    Reference: Roland Corporation, "TR-808 service notes", 1981 (the parts).
    """

    bursts: Annotated[int, Meta(ge=2, le=8)] = 4

    tail_s: ClassVar[float] = 4.0  # by when the longest decay is 60 dB down
    in_phase: ClassVar[bool] = False
    rings: ClassVar[bool] = True
    pitched: ClassVar[bool] = False
    params = (
        Param("tune_hz", 300.0, 4000.0, default=1000.0, unit="Hz", scale="log"),
        Param("q", 0.3, 8.0, default=1.5, scale="log"),
        Param("spread_ms", 4.0, 30.0, default=10.0, unit="ms", scale="log"),
        Param("burst_ms", 4.0, 100.0, default=20.0, unit="ms", scale="log"),
        Param("decay_s", 0.02, 1.0, default=0.1, unit="s", scale="log"),
        Param("room", 0.0, 1.0, default=0.3),
        Param("room_decay_s", 0.05, 4.0, default=0.6, unit="s", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        t = note.seconds(samples, ctx.sr)
        hz = p["tune_hz"] * note.above
        band = one(plain_section("band_pass", jnp.minimum(hz, 0.45 * ctx.sr), p["q"], ctx.sr))
        noise = normal(note.key, (1, samples))
        _, y = lti(band, noise / jnp.sqrt(band.D), jnp.zeros((1, 2), noise.dtype))  # D is the share of power it passes

        def burst(i: int, t60_s: Float[Array, ""]) -> Float[Array, " t"]:
            since = t - 1e-3 * i * p["spread_ms"]
            return bent(since / RISE_S, 4.0) * dying(since, t60_s)

        last = self.bursts - 1
        level = burst(last, p["decay_s"]) + p["room"] * burst(last, p["room_decay_s"])
        for i in range(last):
            level = level + burst(i, 1e-3 * p["burst_ms"])
        return 0.5 * y[0] * level

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The band, the room by how the end dies away, and the bursts by the envelope that is nearest of many."""
        hit = loudest_hit(source, reference, ctx.sr)
        heard = hit and outline(hit.x, hit.sr, _passed)
        if not hit or not heard:
            return []
        hop = max(1, round(BLOCK_S * hit.sr))
        power, hop_s = powers(hit.x, hop), hop / hit.sr
        late = dying_line(power[int(0.15 / hop_s) :], hop_s, float(np.quantile(power, 0.02)))
        room_s = late.t60_s if late and late.t60_s < 20.0 else 0.3
        wanted = np.sqrt(power[: int(LOOKED_AT_S / hop_s)])
        t = hop_s * (np.arange(wanted.size) + 0.5)
        best, at = np.inf, (10.0, 20.0, 0.1, 0.3, 1.0)
        for spread in SPREADS_MS:
            for burst in BURSTS_MS:
                rows = self._envelopes(t, spread, burst, room_s)
                scale = rows @ wanted / np.sum(rows**2, axis=1)
                errors = np.sum((wanted - scale[:, None] * rows) ** 2, axis=1)
                k = int(np.argmin(errors))
                if errors[k] < best:
                    decay, room = divmod(k, len(ROOMS))
                    best, at = float(errors[k]), (spread, burst, DECAYS_S[decay], ROOMS[room], float(scale[k]))
        spread_ms, burst_ms, decay_s, room, level = at
        guess = {
            "tune_hz": TUNES_HZ[heard.which] / hit.above,
            "q": QS[heard.which],
            "spread_ms": spread_ms,
            "burst_ms": burst_ms,
            "decay_s": decay_s,
            "room": room,
            "room_decay_s": room_s,
            "level_db": hit.level_db(2.0 * level, p),
        }
        return [within(self, guess)]

    def _envelopes(self, t: np.ndarray, spread_ms: float, burst_ms: float, room_s: float) -> np.ndarray:
        """Of all `DECAYS_S` and `ROOMS`, (combinations, times)."""
        last = 1e-3 * (self.bursts - 1) * spread_ms
        before = sum(_died(t - 1e-3 * i * spread_ms, 1e-3 * burst_ms) for i in range(self.bursts - 1))
        clap = np.stack([_died(t - last, s) for s in DECAYS_S])
        room = np.array(ROOMS)[:, None] * _died(t - last, room_s)
        return (before + clap[:, None] + room).reshape(-1, t.size)


def _died(since: np.ndarray, t60_s: float) -> np.ndarray:
    return np.where(since > 0.0, 10.0 ** (-3.0 * np.maximum(since, 0.0) / t60_s), 0.0)


def _passed(hz: np.ndarray) -> np.ndarray:
    u = hz / TUNES_HZ[:, None]
    through = u / QS[:, None]
    return through / np.hypot(1.0 - u**2, through)
