"""A parameter that something else turns: an oscillator, the level of the sound, a drawn curve, or each note anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from msgspec import Meta

from ._automation import lateness
from ._block import Audio, Block, Context, State, Values, flatten, leaves, nest
from ._errors import ExpressionError, did_you_mean
from ._modulators import OF_NOTES, drawn, loudness, of_note, oscillation, params_of
from ._param import Param
from ._synth import Note, Synth, together
from ._wrapper import Around
from .dsp.delay_line import late


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

    Around a synth, `modulate(oscillator, target='width', source='adsr')`, each note has its own:

    - `note_lfo`: an `lfo` that begins anew with each note.
    - `adsr`: an envelope from 0 to 1 and back, as an amplifier's.
    - `segments`: from 0 to the first of `knots` levels in the first of as many times, and so on, each with a `bend`,
      steep first (above 0) or last; the last begins where the note ends, and until then the level holds; $d = 1$.
    - `velocity`: the note's, from 0 to 1. `key`: octaves above middle C. Both turn what is no curve's to turn, too.

    `target` is a path within the block: `'gain_db'`, or `'low_pass.cutoff_hz'` in a chain.
    """

    target: str = ""
    source: Literal["lfo", "envelope", "curve", "note_lfo", "adsr", "segments", "velocity", "key"] = "lfo"
    knots: Annotated[int, Meta(ge=2, le=64)] = 8
    seconds: Annotated[float, Meta(ge=0.01, le=600.0)] = 4.0

    def check_settings(self) -> None:
        super().check_settings()
        around = isinstance(self.block, Synth | Modulate) and self.takes == "notes"
        if self.takes == "notes" and not around:
            remedy = "Put it around the synth itself: modulate(oscillator, target='width') >> low_pass."
            raise ExpressionError("bad-setting", f"modulate({self.block}) holds more than a synth.", remedy)
        choices = ("lfo", "curve", *(OF_NOTES if around else ("envelope",)))
        if self.source not in choices:
            what = "around a synth" if around else "without notes"
            message = f"modulate({self.block}) has no source {self.source!r} {what}."
            raise ExpressionError("bad-setting", message, f"Choose from {', '.join(choices)}.")
        known = [path for path, q, _ in leaves(self.block) if q.automatable or self._takes_numbers(q)]
        if self.target not in known:
            said = "names no target" if not self.target else f"cannot move {self.target!r}"
            raise ExpressionError("bad-setting", f"modulate({self.block}) {said}.", did_you_mean(self.target, known))

    def _takes_numbers(self, param: Param) -> bool:
        """Whether what is the same all through a note can turn it."""
        return self.source in ("velocity", "key") and param.shape == () and not param.levels

    @property
    def given(self) -> Iterable[str]:
        return repeat(self.block.takes)

    @property
    def tail_s(self) -> float:
        return getattr(self.block, "tail_s", 0.0)

    @property
    def params(self) -> tuple[Param, ...]:
        return params_of(self.source, self.knots)

    @property
    def memoryless(self) -> bool:
        return self.block.memoryless and self.source != "envelope"

    @property
    def linear(self) -> bool:
        return self.block.linear and self.source != "envelope"

    @property
    def time_invariant(self) -> bool:
        return self.block.time_invariant and self.source in ("envelope", *OF_NOTES)

    @property
    def couples_channels(self) -> bool:
        return self.block.couples_channels or self.source == "envelope"

    def init(self, channels: int, ctx: Context) -> State:
        """The block's state, the samples since the recording began, the envelope, and what the target still awaits."""
        if self.takes == "notes":
            return ()
        wait = dict(lateness(self.block, ctx.sr))[self.target]
        began = jnp.round(jnp.asarray(ctx.start_s) * ctx.sr).astype(jnp.int32)
        return self.block.init(channels, ctx), began, jnp.zeros(()), jnp.zeros((1, wait))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        if self.takes == "notes":
            notes: Any = x
            return state, together(self, self.sound, self.tail_s, p, notes, ctx)
        inner, began, level, waiting = state
        n = began + jnp.arange(x.shape[1], dtype=jnp.int32)
        match self.source:
            case "lfo":
                by = oscillation(p, n, 0.0, ctx)
            case "envelope":
                by, level = loudness(p, x, level, ctx)
            case _:
                by = drawn(p, n, self.knots, self.seconds, ctx)
        waiting, by = late(waiting, by[None])
        inner, y = self.block.step(self._moved(p, by[0]), inner, x, ctx)
        return (inner, began + x.shape[1], level, waiting), y

    def sound(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        """A note of the synth within."""
        n = note.first + jnp.arange(samples, dtype=jnp.int32)
        match self.source:
            case "lfo":
                by = oscillation(p, n, 0.0, ctx)
            case "curve":
                by = drawn(p, n, self.knots, self.seconds, ctx)
            case source:
                by = of_note(source, p, note, samples, ctx)
        inner: Any = self.block
        return inner.sound(self._moved(p, by), note, samples, ctx)

    def _moved(self, p: Values, by: Float[Array, "*t"]) -> Values:
        """The values of the block, the target's moved."""
        values = flatten(p.get(self.link, {}))
        param = {path: q for path, q, _ in leaves(self.block)}[self.target]
        values[self.target] = param.moved(values[self.target], by)
        return nest(values)

    @classmethod
    def example(cls) -> Block:
        from .effects import Gain

        return cls(Gain(), "gain_db")
