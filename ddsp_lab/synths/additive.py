"""Additive synth: harmonics, each with a level of its own."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from .._adsr import TAIL_S
from .._block import Context, Values
from .._notes import Notes
from .._param import Param
from .._synth import Note, Synth
from ..dsp.harmonics import stretched
from ..dsp.modal import audible, modes
from ..dsp.partial_fit import course, stiffness
from ._amplifier import AMPLIFIER, envelope
from ._harmonics import gliding, of_power_one, seconds
from ._heard import amplifier_guess, telling_note
from ._phase import TUNE

LEAST = 1e-3  # dB/s: the first harmonic needs a decay too
INHARMONICITY = Param("inharmonicity", 1e-6, 3e-3, default=1e-6, scale="log")


@dataclass(frozen=True)
class Additive(Synth):
    r"""$A(t) \sum_k a_k\,10^{-d (k - 1) t / 20} \sin 2\pi f_k t$, $f_k = k f \sqrt{1 + B k^2}$ and $\sum a_k^2 = 1$.

    The levels $a_k$ in dB follow `tilt_db` an octave, with `even_db` more for every second one and `gain_db` for each
    of the first `shaped` of them; the lower the velocity the darker, by `hardness_db` an octave at most. $d$ is
    `damping_db` a second, $B$ the `inharmonicity`. A synth that `glides` takes a curve for `tune_st`, and has no
    inharmonicity.

    Reference: Moorer, "Signal processing aspects of computer music: a survey", Proceedings of the IEEE 65(8), 1977;
    inharmonicity as in `ddsp_lab.dsp.harmonics.stretched`.
    """

    partials: Annotated[int, Meta(ge=2, le=256)] = 48
    shaped: Annotated[int, Meta(ge=1, le=256)] = 12
    glides: bool = False

    tail_s: ClassVar[float] = TAIL_S

    @property
    def params(self) -> tuple[Param, ...]:
        return (
            Param("tilt_db", -24.0, 6.0, default=-6.0, unit="dB"),
            Param("even_db", -48.0, 24.0, default=0.0, unit="dB"),
            Param("gain_db", -48.0, 24.0, default=0.0, unit="dB", shape=(min(self.shaped, self.partials),)),
            Param("hardness_db", 0.0, 12.0, default=3.0, unit="dB"),
            Param("damping_db", 0.0, 40.0, default=1.0, unit="dB/s"),
            TUNE if self.glides else INHARMONICITY,
            *AMPLIFIER,
        )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        sr, level = ctx.sr, self._levels(p, note)
        fall_db = p["damping_db"] * np.arange(self.partials) + LEAST
        if self.glides:
            fading = jnp.exp((-np.log(10.0) / 20.0) * fall_db * seconds(samples, sr))
            y = gliding(note, p["tune_st"], level, samples, sr, fading)
        else:
            f = stretched(note.hz, p["inharmonicity"], self.partials)
            level = of_power_one(level, audible(f, sr))
            y = modes(f, 60.0 / fall_db, level, note.lead(f, sr), samples, sr)
        return y * envelope(p, note, samples, sr)

    def estimate(self, source: Notes, reference: np.ndarray, ctx: Context, p: Values | None = None) -> list[Values]:
        """Every harmonic as it is heard in the note that stands out most."""
        heard = telling_note(source, reference, ctx.sr)
        if heard is None:
            return []
        levels, body, param = heard.harmonics(self.partials), heard.body, {q.name: q for q in self.params}
        tone = np.sqrt(np.sum(np.square(levels), axis=1))
        of = course(levels[body], heard.time_s[body], tone[body])
        k = np.arange(1, self.partials + 1)
        rows = np.stack([np.log2(k), k % 2 == 0, np.ones_like(k)], axis=1)[of.heard]
        tilt_db, even_db, level_db = np.linalg.lstsq(rows, of.level_db[of.heard], rcond=1e-6)[0]
        tilt_db, even_db = (
            float(np.clip(v, param[n].low, param[n].high)) for v, n in ((tilt_db, "tilt_db"), (even_db, "even_db"))
        )
        own_db = of.level_db - (level_db + tilt_db * np.log2(k) + even_db * (k % 2 == 0))
        softer_db = 3.0 * (heard.velocity - 1.0)
        guess = amplifier_guess(heard, self.params) | {
            "hardness_db": 3.0,
            "tilt_db": float(np.clip(tilt_db - softer_db, -24.0, 6.0)),
            "even_db": even_db,
            "gain_db": np.clip(own_db[: param["gain_db"].shape[0]], -48.0, 24.0),
            "damping_db": float(np.clip(of.fall_db, 0.0, 40.0)),
        }
        if not self.glides:
            guess["inharmonicity"] = max(stiffness(heard.x, ctx.sr, heard.f0_hz), INHARMONICITY.low)
        return [guess]

    def _levels(self, p: Values, note: Note) -> Float[Array, " k"]:
        k = np.arange(1, self.partials + 1)
        tilt_db = p["tilt_db"] + p["hardness_db"] * (note.velocity - 1.0)
        own_db = jnp.pad(p["gain_db"], (0, max(0, self.partials - self.shaped)))
        return 10.0 ** ((tilt_db * np.log2(k) + p["even_db"] * (k % 2 == 0) + own_db) / 20.0)
