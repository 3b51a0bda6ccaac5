"""How much noise may lie over a voice that is played again, so that it stays as periodic as it was, on the host."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import uniform_filter1d

from .f0 import F0Track
from .voice_scores import near

LOST = 0.5  # of the noise stays where the pitch is not heard any more
CLEAN = 3e-3  # a share of noise that nobody hears
AT_ONCE, LEAST = 5, 0.25  # frames that go together; the least of the noise that stays


def quieter(wanted: F0Track, heard: F0Track) -> Float[np.ndarray, " n"]:
    r"""By what the noise in each frame of `wanted` is multiplied, $\sqrt{(1 - c) / (1 - c')}$ where $c$ of the power
    repeats in the recording and less, $c'$, where it is played again; at most half where its pitch is lost; else 1.

    What harmonics leave of a recording is noise and how they change within a frame. Played as noise it hides a pitch
    that was only just there.
    """
    n = min(len(wanted.voiced), len(heard.voiced))
    gain = np.ones(len(wanted.voiced))
    noisier = (1.0 - wanted.confidence[:n] + CLEAN) / (1.0 - heard.confidence[:n] + CLEAN)
    gain[:n] = np.where(near(heard, wanted), np.sqrt(noisier), np.minimum(np.sqrt(noisier), LOST))
    return uniform_filter1d(np.where(wanted.voiced, np.clip(gain, LEAST, 1.0), 1.0), AT_ONCE)
