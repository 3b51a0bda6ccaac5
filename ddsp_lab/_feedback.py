"""A loop around a chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from msgspec import Meta

from ._automation import curves_in
from ._block import Audio, Block, Context, State, Values, nest
from ._errors import AudioError
from ._param import Param
from ._wrapper import Around
from .dsp.energy import fading_energy

MEMORY_S = 10.0  # over which energies are compared: longer than what a chain holds back
LIMIT = 4.0  # times the amplitude of the input comes back at most, 12 dB
FLOOR = 1e-14  # energy, -140 dB for one sample: below it the loop fades, so that silence has finite gradients
LEAST = 1e-12  # the square of the least share that comes back, where the root would have no slope


@dataclass(frozen=True)
class Feedback(Around):
    r"""A loop around any chain, $y = f(v)$ with $v_n = x_n + g\,r_n\,y_{n - B}$, a block of $B$ samples at a time.

    $B$ is `delay_ms`, in addition to the latency of the chain. So that no chain can run away, however loud it is,
    $r_n^2 = \min(1,\, 16\, E_x / (g^2 E_y))$, where $E = \sum_j a^{n - j} u_j^2$ is the energy of the input or of the
    output, per channel, fading with $a = e^{-1 / \tau f_s}$, $\tau$ = 10 s. As $E_y \ge y^2$, never more than
    $4 \sqrt{E_x}$ comes back, and a loop that would grow settles 12 dB above its input. A loop that dies away by itself
    is left as it is.
    """

    delay_ms: Annotated[float, Meta(ge=1.0, le=2000.0)] = 20.0

    params = (Param("feedback", -0.95, 0.95, default=0.5, automatable=True),)
    linear: ClassVar[bool] = False
    memoryless: ClassVar[bool] = False
    echoes: ClassVar[bool] = True  # of a chain that makes things louder

    def samples(self, sr: int) -> int:
        return max(1, round(1e-3 * self.delay_ms * sr))

    def channels_out(self, channels: int) -> int:
        if (out := self.block.channels_out(channels)) != channels:
            raise AudioError(
                "audio-channels",
                f"{self} would feed {out} channels back to {channels}.",
                "Use a chain that keeps them.",
            )
        return channels

    def init(self, channels: int, ctx: Context) -> State:
        """The chain's state, the last B samples of output and their energies, and the energy of the input."""
        return (
            self.block.init(channels, ctx),
            jnp.zeros((2, channels, self.samples(ctx.sr))),
            jnp.zeros((channels, 1)),
        )

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        x = x.astype(jnp.result_type(float))
        numbers, curves = curves_in(self.block, p.get(self.link, {}))
        g = jnp.broadcast_to(p["feedback"], x.shape[1:])

        def turn(state: State, piece: Any) -> tuple[State, Audio]:
            x, g, curves, start_s = piece
            inner, line, before = state
            now = fading_energy(x, before, MEMORY_S, ctx.sr)
            past, after = line[:, :, : x.shape[1]]
            v = x + g * _share(g, now, after) * past
            inner, y = self.block.step(nest(numbers | curves), inner, v, replace(ctx, start_s=start_s))
            line = jnp.concatenate([line, jnp.stack([y, fading_energy(y, line[1, :, -1:], MEMORY_S, ctx.sr)])], axis=2)
            return (inner, line[:, :, x.shape[1] :], now[:, -1:]), y

        size = self.samples(ctx.sr)
        count, rest = divmod(x.shape[1], size)
        done = count * size
        parts = []
        if count:
            rows = {k: v[:done].reshape(count, size) for k, v in curves.items()}
            starts = ctx.start_s + size / ctx.sr * jnp.arange(count)
            pieces = jnp.moveaxis(x[:, :done].reshape(-1, count, size), 1, 0), g[:done].reshape(count, size)
            state, ys = lax.scan(turn, state, (*pieces, rows, starts))
            parts.append(jnp.moveaxis(ys, 0, 1).reshape(-1, done))
        if rest:
            last = {k: v[done:] for k, v in curves.items()}
            state, y = turn(state, (x[:, done:], g[done:], last, ctx.start_s + done / ctx.sr))
            parts.append(y)
        return state, jnp.concatenate(parts, axis=1)

    def heard(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        """What comes back to the chain where the loop is given `x` and gives `y`, its latency removed."""
        delay = self.samples(ctx.sr) + self.latency_samples(ctx.sr)
        nothing = jnp.zeros((x.shape[0], 1))
        past = jnp.stack([y, fading_energy(y, nothing, MEMORY_S, ctx.sr)])
        y, after = jnp.pad(past, ((0, 0), (0, 0), (delay, 0)))[:, :, : x.shape[1]]
        return p["feedback"] * _share(p["feedback"], fading_energy(x, nothing, MEMORY_S, ctx.sr), after) * y

    def separate(
        self, p: Values, x: np.ndarray, y: np.ndarray, ctx: Context
    ) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """The loop opened at the wanted output."""
        yield self.link, np.asarray(x + self.heard(p, jnp.asarray(x), jnp.asarray(y), ctx)), y

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio | None:
        back = self.heard(p, x, y, ctx)
        v = self.block.undo(p.get(self.link, {}), x + back, y, ctx)
        return None if v is None else v - back

    @classmethod
    def example(cls) -> Block:
        from .effects import Compressor

        return cls(Compressor())


def _share(g: Float[Array, "*t"], before: Float[Array, "c t"], after: Float[Array, "c t"]) -> Float[Array, "c t"]:
    """How much of the output comes back, given the energies of the loop's input and output."""
    ratio = LIMIT**2 * before / (g * g * after + FLOOR)
    return jnp.sqrt(jnp.clip(ratio, LEAST, 1.0))
