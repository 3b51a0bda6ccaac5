"""What a reverb leaves in a recording: how fast it dies away, and how loud it is beside the dry signal."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from .echoes import decay_time, impulse_response

LONGEST_S = 4.0  # of the impulse response that is looked at
ROUNDS = 6  # of choosing


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


class Match(NamedTuple):
    """How well a wet sound explains a recording: what is left of its energy, and at which delay and mix."""

    left: float
    samples: int
    mix: float


def matches(source: np.ndarray, reference: np.ndarray, wets: list[np.ndarray], longest: int) -> list[Match]:
    r"""For each wet sound $w$ the delay $\tau$ of 0 to `longest` samples at which $y \approx a x + b z^{-\tau} w$
    leaves least, $a$ and $b$ by least squares: all delays at once, from two correlations, however much echoes
    overlap."""
    x, y = (np.asarray(s, np.float64) for s in (source, reference))
    samples = x.shape[1]
    size = next_fast_len(samples + longest, real=True)
    spectra = [rfft(s, size) for s in (x, y)]
    xx, xy, yy = np.vdot(x, x), np.vdot(x, y), np.vdot(y, y)
    found = []
    for wet in wets:
        w = np.asarray(wet, np.float64)
        xw, yw = (irfft(np.sum(np.conj(rfft(w, size)) * s, axis=0), size)[: longest + 1] for s in spectra)
        energy = np.cumsum(np.sum(np.square(w), axis=0))[::-1][: longest + 1]  # of what is heard before the end
        xw, yw, ww = xw[: energy.size], yw[: energy.size], energy
        own = np.maximum(xx * ww - xw**2, 1e-9 * xx * ww + 1e-300)
        b = (xx * yw - xw * xy) / own
        a = (xy - b * xw) / (xx + 1e-300)
        left = yy - a * xy - b * yw
        at = int(np.argmin(left))
        mix = abs(b[at]) / (abs(a[at]) + abs(b[at]) + 1e-12)
        found.append(Match(float(left[at] / (yy + 1e-300)), at, float(np.clip(mix, 0.02, 0.98))))
    return found


def combination(reference: np.ndarray, dry: np.ndarray, parts: np.ndarray) -> tuple[list[int], np.ndarray]:
    r"""One of several options for each part of a sum, and all weights, the dry signal's first:
    $y \approx c_0 x + \sum_b c_b w_{b, o_b}$.

    `parts` is (parts, options, samples), the others (samples,). Part after part takes the option that leaves least
    given those of the rest, from the most telling one on, until none changes; all from one matrix of inner products.
    An option that would be subtracted does a neighbour's work: a part with no other takes none, -1, and weighs 0.
    """
    count, options, samples = parts.shape
    rows = np.concatenate([parts.reshape(-1, samples), dry[None], reference[None]]).astype(np.float32)
    gram = (rows @ rows.T).astype(np.float64)
    scale = np.sqrt(np.diag(gram)) + 1e-30
    gram, last = gram / np.outer(scale, scale), count * options

    def solved(chosen: list[int]) -> tuple[float, np.ndarray]:
        taken = [-1, *(b for b, o in enumerate(chosen) if o >= 0)]
        which = [last if b < 0 else b * options + chosen[b] for b in taken]
        system = gram[np.ix_(which, which)] + 1e-7 * np.eye(len(which))
        weights = np.zeros(1 + count)
        weights[np.add(taken, 1)] = np.linalg.solve(system, gram[which, -1]) * scale[-1] / scale[which]
        return 1.0 - float(weights[np.add(taken, 1)] * scale[which] @ gram[which, -1] / scale[-1]), weights

    def left(b: int, chosen: list[int]) -> float:
        energy, weights = solved(chosen)
        return energy if weights[1 + b] > 0.0 or chosen[b] < 0 else np.inf

    chosen = [-1] * count
    told = np.max(np.square(gram[: count * options, -1]).reshape(count, options), axis=1)
    for _ in range(ROUNDS):
        before = list(chosen)
        for b in np.argsort(-told):
            energies = [left(b, [*chosen[:b], o, *chosen[b + 1 :]]) for o in range(-1, options)]
            chosen[b] = int(np.argmin(energies)) - 1
        if chosen == before:
            break
    return chosen, solved(chosen)[1]
