"""A parameter that something else turns: an oscillator, the level of the sound, or a drawn curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from msgspec import Meta

from ._automation import lateness
from ._block import Audio, Block, Context, State, Values, flatten, leaves, nest
from ._errors import ExpressionError, did_you_mean
from ._param import Param
from ._wrapper import Around
from .dsp.ballistics import attack_release, time_constant
from .dsp.delay_line import late
from .dsp.levels import power_db
from .dsp.lfo import wave

QUIETEST_DB = 60.0  # below full scale: where an envelope begins
PARAMS = {
    "lfo": (
        Param("rate_hz", 0.05, 20.0, default=2.0, unit="Hz", scale="log"),
        Param("depth", 0.0, 1.0, default=0.1, automatable=True),
        Param("phase", 0.0, 1.0, default=0.0),
        Param("shape", 0.0, 1.0, default=0.0),
    ),
    "envelope": (
        Param("attack_ms", 0.1, 100.0, default=10.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 1000.0, default=100.0, unit="ms", scale="log"),
        Param("depth", -1.0, 1.0, default=0.2, automatable=True),
    ),
}


@dataclass(frozen=True)
class Modulate(Around):
    r"""`modulate(low_pass, target='cutoff_hz')`: an automatable parameter, moved about its own value while sound plays.

    $u_n = \mathrm{clip}(u + d\,m_n, 0, 1)$, where $u$ is the value's place in its range (on its own scale, so that
    octaves are even) and $d$ the `depth`. $m_n$ comes from the `source`:

    - `lfo`: $(1 - s) \sin 2 \pi \varphi + s\,\Lambda(\varphi)$ with $\varphi = f t_n + \varphi_0$ in cycles and
      $\Lambda$ the triangle with the same zeros and peaks; $t$ runs from the beginning of the recording.
    - `envelope`: the level of the loudest channel, 0 at -60 dB and 1 at full scale, rising with the attack's time
      constant and falling with the release's.
    - `curve`: straight lines between `knots` values at even distances over `seconds`, then the last one; $d = 1$.

    `target` is a path within the block: `'gain_db'`, or `'low_pass.cutoff_hz'` in a chain.
    """

    target: str = ""
    source: Literal["lfo", "envelope", "curve"] = "lfo"
    knots: Annotated[int, Meta(ge=2, le=64)] = 8
    seconds: Annotated[float, Meta(ge=0.01, le=600.0)] = 4.0

    def check_settings(self) -> None:
        super().check_settings()
        known = [path for path, q, _ in leaves(self.block) if q.automatable]
        if self.target not in known:
            said = "names no target" if not self.target else f"cannot move {self.target!r}"
            raise ExpressionError("bad-setting", f"modulate({self.block}) {said}.", did_you_mean(self.target, known))

    @property
    def params(self) -> tuple[Param, ...]:
        return PARAMS.get(self.source) or (Param("curve", -1.0, 1.0, default=0.0, shape=(self.knots,)),)

    @property
    def memoryless(self) -> bool:
        return self.block.memoryless and self.source != "envelope"

    @property
    def linear(self) -> bool:
        return self.block.linear and self.source != "envelope"

    @property
    def time_invariant(self) -> bool:
        return self.block.time_invariant and self.source == "envelope"

    @property
    def couples_channels(self) -> bool:
        return self.block.couples_channels or self.source == "envelope"

    def init(self, channels: int, ctx: Context) -> State:
        """The block's state, the samples since the recording began, the envelope, and what the target still awaits."""
        wait = dict(lateness(self.block, ctx.sr))[self.target]
        began = jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32)
        return self.block.init(channels, ctx), began, jnp.zeros(()), jnp.zeros((1, wait))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        inner, began, level, waiting = state
        n = began + jnp.arange(x.shape[1], dtype=jnp.int32)
        match self.source:
            case "lfo":
                by = p["depth"] * wave(_cycles(p["rate_hz"] / ctx.sr, n) + p["phase"], p["shape"])
            case "envelope":
                attack, release = (time_constant(1e-3 * p[k], ctx.sr) for k in ("attack_ms", "release_ms"))
                heard = attack_release(jnp.max(jnp.abs(x), axis=0), attack, release, level.astype(x.dtype))
                level = heard[-1]
                by = p["depth"] * jnp.clip(1.0 + power_db(heard * heard) / QUIETEST_DB, 0.0, 1.0)
            case _:
                at = jnp.minimum(n / (self.seconds * ctx.sr), 1.0) * (self.knots - 1)
                near = jnp.maximum(1.0 - jnp.abs(at - jnp.arange(self.knots)[:, None]), 0.0)
                by = jnp.sum(p["curve"][:, None] * near, axis=0)
        waiting, by = late(waiting, by[None])
        values = flatten(p.get(self.link, {}))
        param = {path: q for path, q, _ in leaves(self.block)}[self.target]
        values[self.target] = param.moved(values[self.target], by[0])
        inner, y = self.block.step(nest(values), inner, x, ctx)
        return (inner, began + x.shape[1], level, waiting), y

    @classmethod
    def example(cls) -> Block:
        from .effects import Gain

        return cls(Gain(), "gain_db")


def _cycles(per_sample: Float[Array, ""], n: Array) -> Float[Array, " t"]:
    """`per_sample * n` less whole turns: in 32-bit fixed point, which turns over exactly; the rest, and its slope, in
    floating point."""
    step = jnp.floor(per_sample * 2.0**32).astype(jnp.uint32)
    turns = (n.astype(jnp.uint32) * step).astype(per_sample.dtype) * 2.0**-32
    return turns + n * (per_sample - step.astype(per_sample.dtype) * 2.0**-32)
