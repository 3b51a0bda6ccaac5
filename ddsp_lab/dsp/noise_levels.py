"""How loud noise is in bands, frame by frame, on the host: what `shaped_noise` plays."""

import numpy as np
from jaxtyping import Float
from scipy.fft import rfft

from .frame_view import frames
from .harmonics import frames_for
from .noise_bands import shares


def read_noise(
    x: Float[np.ndarray, " t"], sr: int, centre_hz: Float[np.ndarray, " b"], hop: int
) -> Float[np.ndarray, "n b"]:
    """The level of each band at every `hop`-th sample: white noise of variance 1 has a level of 1 in all of them."""
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop))
    view = frames(np.pad(x, (0, hop)), 2 * hop, hop)[: frames_for(x.size, hop)]
    power = np.square(np.abs(rfft(view * window))) / np.sum(window**2)
    share = shares(centre_hz, hop, sr)
    return np.sqrt(power @ share.T / np.maximum(share.sum(axis=1), 1e-9))
