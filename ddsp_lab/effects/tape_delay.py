"""Tape delay: echoes that waver and saturate a little more each time."""

from dataclasses import dataclass
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import lfo
from ..dsp.echoes import echo_lags, impulse_response
from ..dsp.levels import amplitude
from ..dsp.saturating_delay import saturating_delay

LOW_MS, HIGH_MS = 20.0, 1500.0
WOW_HZ, WOW_MS = 0.7, 4.0  # a capstan's once-around, and by how much it moves the echo at most
FLUTTER_HZ, FLUTTER_MS = 8.3, 0.3
LAGS = 4  # peaks of the impulse response offered as the first echo


@dataclass(frozen=True)
class TapeDelay(StreamingBlock):
    r"""$y = (1 - m)\,x + m\,e$ with $e = \tanh(k\,D w) / k$ and $w = x + g\,e$, $k = 10^{d / 20}$ the drive.

    $D$ delays by `time_ms` and what wow (0.7 Hz, up to 4 ms) and flutter (8.3 Hz, up to 0.3 ms) add, so that every
    further echo wavers and saturates more. Soft sounds pass the tape as they are.

    Reference: Välimäki, Parker, Savioja, Smith, Abel, "Fifty years of artificial reverberation", IEEE TASLP 20(5),
    2012, on tape echoes.
    """

    params = (
        Param("time_ms", LOW_MS, HIGH_MS, default=300.0, unit="ms", scale="log"),
        Param("feedback", 0.0, 0.95, default=0.4),
        Param("drive_db", 0.0, 30.0, default=6.0, unit="dB"),
        Param("wow", 0.0, 1.0, default=0.2),
        Param("flutter", 0.0, 1.0, default=0.2),
        Param("mix", 0.0, 1.0, default=0.5, affine=True, automatable=True),
    )

    time_invariant = False
    echoes = True

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, ceil(1e-3 * (HIGH_MS + WOW_MS + FLUTTER_MS) * ctx.sr) + 4))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        none = jnp.zeros(())
        wow, flutter = (
            0.5 * (1.0 + lfo.wave(lfo.cycles(none + f, none, ctx, x.shape[1]), none)) for f in (WOW_HZ, FLUTTER_HZ)
        )
        late = WOW_MS * p["wow"] * wow + FLUTTER_MS * p["flutter"] * flutter
        delay, drive = (p["time_ms"] + late) * (1e-3 * ctx.sr), amplitude(p["drive_db"])
        shortest = int(1e-3 * LOW_MS * ctx.sr)
        loop = jax.vmap(lambda x, history: saturating_delay(x, delay, p["feedback"], drive, history, shortest))
        state, echoes = loop(x, state.astype(x.dtype))
        return state, (1.0 - p["mix"]) * x + p["mix"] * echoes

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Times of the first echo from the peaks of the impulse response, less what wow and flutter add on average."""
        length = min(reference.shape[1], ceil(1e-3 * (HIGH_MS + WOW_MS) * ctx.sr) + 2)
        h = impulse_response(source, reference, length)
        guesses = []
        for lag in echo_lags(h, ceil(1e-3 * LOW_MS * ctx.sr), LAGS):
            for wow in (0.1, 0.6):
                time = 1e3 * lag / ctx.sr - 0.5 * (wow * WOW_MS + 0.3 * FLUTTER_MS)
                guesses.append({"time_ms": float(np.clip(time, LOW_MS, HIGH_MS)), "wow": wow, "flutter": 0.3})
        return guesses
