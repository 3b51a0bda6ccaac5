"""A plucked string."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float
from msgspec import Meta

from .._block import Context, Values
from .._param import Param
from .._synth import VOLUME, Note, Synth
from ..dsp.harmonics import stretched
from ..dsp.modal import modes
from ..dsp.pluck import pluck_levels, string_decays
from ._amplifier import damping


@dataclass(frozen=True)
class PluckedString(Synth):
    """The modes of a string that was let go at `position`, as the loop of Karplus and Strong lets them die.

    Its pitch is exact whatever `brightness` is, and `inharmonicity` stretches the partials as stiffness does. They all
    begin together, as displacement does; `decay_s` is the time of the first at 261.6 Hz, and shorter above as the
    square root of the frequency. When the note ends the string is damped within `release_ms`.

    References: Karplus, Strong, "Digital synthesis of plucked-string and drum timbres", and Jaffe, Smith, "Extensions
    of the Karplus-Strong plucked-string algorithm", both Computer Music Journal 7(2), 1983.
    """

    partials: Annotated[int, Meta(ge=4, le=256)] = 96

    tail_s: ClassVar[float] = 0.5
    rings: ClassVar[bool] = True
    params = (
        Param("decay_s", 0.1, 20.0, default=3.0, unit="s", scale="log"),
        Param("brightness", 0.0, 1.0, default=0.8),
        Param("hardness", 0.0, 1.0, default=0.6),
        Param("position", 0.02, 0.5, default=0.13),
        Param("inharmonicity", 1e-6, 3e-3, default=1e-4, scale="log"),
        Param("release_ms", 5.0, 500.0, default=60.0, unit="ms", scale="log"),
        *VOLUME,
    )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        f = stretched(note.hz, p["inharmonicity"], self.partials)
        seconds = p["decay_s"] * jnp.sqrt(261.6 / note.hz)
        level = pluck_levels(self.partials, p["position"], p["hardness"])
        level = level / jnp.sqrt(jnp.sum(level**2) + 1e-6)
        y = modes(
            f,
            string_decays(f, seconds, p["brightness"], ctx.sr),
            level,
            note.lead(f, ctx.sr),
            samples,
            ctx.sr,
        )
        return y * damping(p, note, samples, ctx.sr)
