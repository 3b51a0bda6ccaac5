"""What turns a parameter: an oscillator, the level of a sound, a drawn curve, an envelope or the key of a note."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._adsr import envelope_params
from ._block import Audio, Context, Values
from ._param import Param
from ._synth import Note
from .dsp.ballistics import attack_release, time_constant
from .dsp.envelopes import SHORTEST_S, adsr, bent, segments
from .dsp.levels import power_db
from .dsp.lfo import wave

QUIETEST_DB = 60.0  # below full scale: where an envelope begins
OF_NOTES = ("note_lfo", "adsr", "segments", "velocity", "key")
DEPTH = Param("depth", -1.0, 1.0, default=0.2, automatable=True)
ONCE = Param("depth", -1.0, 1.0, default=0.2)
LFO = (
    Param("rate_hz", 0.05, 20.0, default=2.0, unit="Hz", scale="log"),
    Param("depth", 0.0, 1.0, default=0.1, automatable=True),
    Param("phase", 0.0, 1.0, default=0.0),
    Param("shape", 0.0, 1.0, default=0.0),
)
PARAMS = {
    "lfo": LFO,
    "note_lfo": LFO,
    "envelope": (
        Param("attack_ms", 0.1, 100.0, default=10.0, unit="ms", scale="log"),
        Param("release_ms", 5.0, 1000.0, default=100.0, unit="ms", scale="log"),
        DEPTH,
    ),
    "adsr": (*envelope_params(), DEPTH),
    "velocity": (ONCE,),
    "key": (ONCE,),
}


def params_of(source: str, knots: int) -> tuple[Param, ...]:
    row = (knots,)
    if source == "curve":
        return (Param("curve", -1.0, 1.0, default=0.0, shape=row),)
    if source == "segments":
        return (
            Param("time_ms", 1.0, 5000.0, default=100.0, unit="ms", scale="log", shape=row),
            Param("level", -1.0, 1.0, default=0.0, shape=row),
            Param("bend", -8.0, 8.0, default=0.0, shape=row),
        )
    return PARAMS[source]


def oscillation(p: Values, n: Array, lead: Array | float, ctx: Context) -> Float[Array, " t"]:
    return p["depth"] * wave(_cycles(p["rate_hz"] / ctx.sr, n) + lead + p["phase"], p["shape"])


def loudness(p: Values, x: Audio, level: Float[Array, ""], ctx: Context) -> tuple[Float[Array, " t"], Float[Array, ""]]:
    """And the level at the end."""
    attack, release = (time_constant(1e-3 * p[k], ctx.sr) for k in ("attack_ms", "release_ms"))
    heard = attack_release(jnp.max(jnp.abs(x), axis=0), attack, release, level.astype(x.dtype))
    return p["depth"] * jnp.clip(1.0 + power_db(heard * heard) / QUIETEST_DB, 0.0, 1.0), heard[-1]


def drawn(p: Values, n: Array, knots: int, seconds: float, ctx: Context) -> Float[Array, " t"]:
    at = jnp.clip(n / (seconds * ctx.sr), 0.0, 1.0) * (knots - 1)
    near = jnp.maximum(1.0 - jnp.abs(at - jnp.arange(knots)[:, None]), 0.0)
    return jnp.sum(p["curve"][:, None] * near, axis=0)


def of_note(source: str, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, "*t"]:
    """One of `OF_NOTES`."""
    t = note.seconds(samples, ctx.sr)
    match source:
        case "note_lfo":
            return oscillation(p, jnp.arange(samples, dtype=jnp.int32), note.lead(p["rate_hz"], ctx.sr), ctx)
        case "adsr":
            attack, decay, release = (1e-3 * p[f"{k}_ms"] for k in ("attack", "decay", "release"))
            return p["depth"] * adsr(t, note.duration_s, attack, decay, p["sustain"], release, 4.0)
        case "segments":
            times_s, levels = 1e-3 * p["time_ms"], jnp.pad(p["level"], (1, 0))
            held = segments(jnp.minimum(t, note.duration_s), times_s[:-1], levels[:-1], p["bend"][:-1])
            gone = bent((t - note.duration_s) / (times_s[-1] + SHORTEST_S), p["bend"][-1])
            return held + (levels[-1] - held) * gone
        case "velocity":
            return p["depth"] * note.velocity
        case _:
            return p["depth"] * jnp.log2(note.above)


def _cycles(per_sample: Float[Array, ""], n: Array) -> Float[Array, " t"]:
    """`per_sample * n` less whole turns: in 32-bit fixed point, which turns over exactly; the rest, and its slope, in
    floating point."""
    step = jnp.floor(per_sample * 2.0**32).astype(jnp.uint32)
    turns = (n.astype(jnp.uint32) * step).astype(per_sample.dtype) * 2.0**-32
    return turns + n * (per_sample - step.astype(per_sample.dtype) * 2.0**-32)
