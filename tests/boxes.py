"""Functions of audio that run in a worker, well or badly. Imported there: no JAX."""

import ctypes
import os
import signal
import sys
from functools import cache

import numpy as np

SINS = ("fine", "segfault", "aborts", "exits", "hangs", "leaks", "corrupts", "gives_nan")


@cache
def library(path):
    return ctypes.CDLL(path)


class Sinner:
    """Commits one of the sins of `sins.c`; `sin` counts the members of `SINS`."""

    __name__ = "sinner"

    def __init__(self, path):
        self.path = path

    def __call__(self, x, sr, sin=0.0):
        y = np.ascontiguousarray(0.5 * x, np.float32)
        act = getattr(library(self.path), SINS[round(sin)])
        act(y.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(y.size))
        return y


def doubled(x, sr, gain=2.0):
    return gain * x


def echoed(x, sr, feedback=0.5):
    y = x.copy()
    for i in range(100, y.shape[1], 100):
        y[:, i : i + 100] += feedback * y[:, i - 100 : i][:, : y.shape[1] - i]
    return y


def knows_jax(x, sr):
    return np.full_like(x, float("jax" in sys.modules))


def own_number(x, sr):
    return np.full_like(x, float(os.getpid()))


def raises(x, sr, gain=1.0):
    if gain > 0.5:
        raise RuntimeError("too loud")
    return gain * x


def gives_up(x, sr, gain=1.0):
    os._exit(3)


def half_dies(x, sr, gain=1.0):
    if gain > 0.7:
        os.kill(os.getpid(), signal.SIGKILL)
    return gain * x


def tilted(x, sr, low_db=0.0, high_db=0.0):
    """A first-order split at 1 kHz, each half with a gain."""
    a = 1.0 - np.exp(-2.0 * np.pi * 1000.0 / sr)
    from scipy.signal import lfilter  # a second to import, which no other worker here should take

    low = lfilter([a], [1.0, a - 1.0], x)
    return 10.0 ** (low_db / 20.0) * low + 10.0 ** (high_db / 20.0) * (x - low)


def louder(x, sr, gain_db=0.0):
    return 10.0 ** (gain_db / 20.0) * x
