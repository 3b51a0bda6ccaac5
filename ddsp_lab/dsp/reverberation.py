"""What a reverb leaves in a recording: how fast it dies away, and how loud it is beside the dry signal."""

import numpy as np

from .echoes import decay_time, impulse_response

LONGEST_S = 4.0  # of the impulse response that is looked at


def tail(source: np.ndarray, reference: np.ndarray, first: int, sr: int) -> tuple[float, float] | None:
    """Seconds to fall by 60 dB and about the mix, if the reverb begins `first` samples after the dry signal.

    The decay comes from the backward-integrated impulse response, the mix from the energy before and after. None where
    nothing can be told.
    """
    h = impulse_response(source, reference, min(source.shape[1], round(LONGEST_S * sr)))
    decay = decay_time(h[first:], sr)
    if decay is None:
        return None
    dry, wet = (float(np.sqrt(np.sum(np.square(part)))) for part in (h[:first], h[first:]))
    return decay, float(np.clip(wet / (wet + dry + 1e-12), 0.02, 0.98))
