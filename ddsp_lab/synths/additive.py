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
from ..dsp.harmonics import steady_partials, stretched
from ..dsp.modal import audible, modes
from ..dsp.partial_fit import course
from ..dsp.stiff_tone import stiff_pitch
from ._amplifier import AMPLIFIER, envelope
from ._harmonics import HOP, gliding, of_power_one, seconds
from ._heard import Heard, amplifier_guess, enveloped, telling_note
from ._knots import knots_s, move_db, moved
from ._phase import TUNE

LEAST = 1e-3  # dB/s: the first harmonic needs a decay too
INHARMONICITY = Param("inharmonicity", 1e-6, 3e-3, default=1e-6, scale="log")


@dataclass(frozen=True)
class Additive(Synth):
    r"""$A(t) \sum_k a_k\,10^{-d (k - 1) t / 20} \sin 2\pi f_k t$, $f_k = k f \sqrt{1 + B k^2}$ and $\sum a_k^2 = 1$.

    The levels $a_k$ in dB follow `tilt_db` an octave, with `even_db` more for every second one and `gain_db` for each
    of the first `shaped` of them; the lower the velocity the darker, by `hardness_db` an octave at most. $d$ is
    `damping_db` a second, $B$ the `inharmonicity`. A synth that `glides` takes a curve for `tune_st`, and has no
    inharmonicity. With `knots`, what each of those harmonics does in time is `move_db` instead of a damping, straight
    in dB between as many moments of the note, a row a moment, which are closer together at its beginning, as squares
    are; harmonics above do as the last of them.

    Reference: Moorer, "Signal processing aspects of computer music: a survey", Proceedings of the IEEE 65(8), 1977;
    inharmonicity as in `ddsp_lab.dsp.harmonics.stretched`.
    """

    partials: Annotated[int, Meta(ge=2, le=256)] = 48
    shaped: Annotated[int, Meta(ge=1, le=256)] = 12
    glides: bool = False
    knots: Annotated[int, Meta(ge=0, le=64)] = 0

    tail_s: ClassVar[float] = TAIL_S

    @property
    def _own(self) -> int:
        return min(self.shaped, self.partials)

    @property
    def params(self) -> tuple[Param, ...]:
        return (
            Param("tilt_db", -24.0, 6.0, default=-6.0, unit="dB"),
            Param("even_db", -48.0, 24.0, default=0.0, unit="dB"),
            Param("gain_db", -48.0, 24.0, default=0.0, unit="dB", shape=(self._own,)),
            Param("hardness_db", 0.0, 12.0, default=3.0, unit="dB"),
            move_db(self.knots, self._own, -60.0)
            if self.knots
            else Param("damping_db", 0.0, 40.0, default=1.0, unit="dB/s"),
            TUNE if self.glides else INHARMONICITY,
            *AMPLIFIER,
        )

    def voice(self, p: Values, note: Note, samples: int, ctx: Context) -> Float[Array, " samples"]:
        sr, level = ctx.sr, self._levels(p, note)
        if self.glides:
            y = gliding(note, p["tune_st"], level, samples, sr, self._course(p, note, samples, sr))
        else:
            f = stretched(note.hz, p["inharmonicity"], self.partials)
            level = of_power_one(level, audible(f, sr))
            if self.knots:
                y = steady_partials(f, level * self._course(p, note, samples, sr), note.lead(f, sr), samples, sr, HOP)
            else:
                y = modes(f, 60.0 / self._fall_db(p), level, note.lead(f, sr), samples, sr)
        return y * envelope(p, note, samples, sr)

    def _fall_db(self, p: Values) -> Float[Array, " k"]:
        return p["damping_db"] * np.arange(self.partials) + LEAST

    def _course(self, p: Values, note: Note, samples: int, sr: int) -> Float[Array, "frames k"]:
        """How much is left of each harmonic."""
        if not self.knots:
            return jnp.exp((-np.log(10.0) / 20.0) * self._fall_db(p) * seconds(samples, sr))
        left = moved(p["move_db"], self.knots, seconds(samples, sr), note.duration_s)
        return jnp.pad(left, ((0, 0), (0, self.partials - self._own)), mode="edge")

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
        }
        if self.knots:
            guess |= self._moves(heard, levels, guess)
        else:
            guess["damping_db"] = float(np.clip(of.fall_db, 0.0, 40.0))
        if not self.glides:
            _, stiffness = stiff_pitch(heard.x, ctx.sr, heard.f0_hz)
            guess["inharmonicity"] = float(np.clip(stiffness, INHARMONICITY.low, INHARMONICITY.high))
        return [guess]

    def _moves(self, heard: Heard, levels: Float[np.ndarray, "n k"], guess: Values) -> Values:
        """What the first harmonics do beside the envelope, at the knots."""
        t = knots_s(heard.duration_s, self.knots)
        # neither inside the attack nor after the end, where next to nothing would be divided by nothing
        t = np.clip(t, 1e-3 * guess["attack_ms"], min(guess["gate"] * heard.duration_s, heard.time_s[-1]))
        level_db = 20.0 * np.log10(levels[:, : self._own] + 1e-6)
        at_knots = np.stack([np.interp(t, heard.time_s, row) for row in level_db.T], axis=1)
        beside_db = at_knots - 20.0 * np.log10(np.asarray(enveloped(guess, heard, t)) + 1e-3)[:, None]
        gain_db = beside_db.max(axis=0)
        tilted_db = np.log2(np.arange(1, self._own + 1)) * guess["tilt_db"]
        return {
            "gain_db": np.clip(gain_db - tilted_db - (gain_db - tilted_db).max() + 20.0, -48.0, 24.0),
            "even_db": 0.0,
            "move_db": np.clip(beside_db - gain_db, -60.0, 24.0).ravel(),
        }

    def _levels(self, p: Values, note: Note) -> Float[Array, " k"]:
        k = np.arange(1, self.partials + 1)
        tilt_db = p["tilt_db"] + p["hardness_db"] * (note.velocity - 1.0)
        own_db = jnp.pad(p["gain_db"], (0, max(0, self.partials - self.shaped)))
        return 10.0 ** ((tilt_db * np.log2(k) + p["even_db"] * (k % 2 == 0) + own_db) / 20.0)
