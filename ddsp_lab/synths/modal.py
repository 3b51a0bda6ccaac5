"""A struck body: bars, bells, plates and drums."""

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
from ..dsp.damped_modes import damped_modes
from ..dsp.modal import modes
from ._amplifier import damping
from ._hit import loudest_hit, within


@dataclass(frozen=True)
class Modal(Synth):
    r"""$\sum_k 10^{g_k / 20}\,10^{-3 t / T_k} \sin 2\pi (r_k f t + \varphi_k)$, each mode with its `ratio`, `decay_s`,
    `gain_db` and `phase` in cycles.

    The ratios begin as those of a bar whose ends are free, $((2 k + 1) / 3.011)^2$. The lower the velocity the
    softer the mallet: by `hardness_db` an octave at most. When the note ends it is damped within `release_ms`.

    Reference: Fletcher, Rossing, "The Physics of Musical Instruments", 2nd ed., Springer, 1998, sections 2.15 and 19.1.
    """

    modes: Annotated[int, Meta(ge=1, le=64)] = 8

    tail_s: ClassVar[float] = 2.0
    rings: ClassVar[bool] = True

    @property
    def params(self) -> tuple[Param, ...]:
        k = np.arange(1, self.modes + 1)
        ratio = np.clip(((2 * k + 1) / 3.011) ** 2, 0.25, 64.0)
        row = (self.modes,)
        return (
            Param("ratio", 0.25, 64.0, tuple(ratio.tolist()), scale="log", shape=row),
            Param("decay_s", 0.01, 20.0, tuple((1.5 / k).tolist()), unit="s", scale="log", shape=row),
            Param("gain_db", -60.0, 12.0, tuple((-6.0 - 3.0 * k).clip(-60.0).tolist()), unit="dB", shape=row),
            Param("phase", -0.5, 0.5, default=0.0, shape=row),
            Param("hardness_db", 0.0, 12.0, default=3.0, unit="dB"),
            Param("release_ms", 5.0, 2000.0, default=500.0, unit="ms", scale="log"),
            *VOLUME,
        )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        f = note.hz * p["ratio"]
        softer_db = p["hardness_db"] * (note.velocity - 1.0) * jnp.maximum(jnp.log2(p["ratio"]), 0.0)
        level = 10.0 ** ((p["gain_db"] + softer_db) / 20.0)
        y = modes(f, p["decay_s"], level, note.lead(f, ctx.sr) + p["phase"], samples, ctx.sr)
        return y * damping(p, note, samples, ctx.sr)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """The modes with the most energy, from low to high; of those that are not there the gain is the least."""
        hit = loudest_hit(source, reference, ctx.sr)
        if hit is None:
            return []
        low, high = 0.25 * hit.hz, 64.0 * hit.hz
        found = sorted(damped_modes(hit.x, hit.sr, self.modes, low, high))
        if not found:
            return []
        hz, t60_s, level, phase = np.array(found).T
        loudest = float(level.max())
        row = {q.name: np.broadcast_to(q.default, q.shape).copy() for q in self.params if q.shape}
        row["gain_db"][:] = -60.0
        known = slice(0, len(found))
        row["ratio"][known], row["decay_s"][known], row["phase"][known] = hz / hit.hz, t60_s, phase
        row["gain_db"][known] = 20.0 * np.log10(level / loudest + 1e-9)
        return [within(self, row | {"hardness_db": 0.0, "level_db": hit.level_db(loudest, p)})]
