"""The fundamental frequency of a recording, as a listener follows it, on the host."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from .frame_view import hop_samples, thinned, thinning
from .periods import periods

EXCESS, LOOSER = 0.008, 0.3  # thresholds over the deepest dip: the middle one of a clean sound, more for a noisy one
HALF_NOISE = 0.35  # the share of noise at which a frame is as likely voiced as not
SUREST = 1e-3  # of a probability: no single frame decides alone
JUMP, LEAP = 10.0, 5.0  # what an octave costs a path, in nats, and the most that any interval does
TURN = 3.0  # what beginning and ending a voice costs


@dataclass(frozen=True)
class F0Track:
    """One value a frame: the middle of the frame, the pitch of the voice, how periodic it is, and whether there is one.

    `confidence` is the share of the power that repeats, 0 to 1: 0.99 for a tone 20 dB above noise. `f0_hz` is the
    likeliest pitch also where nothing is voiced.
    """

    time_s: Float[np.ndarray, " n"]
    f0_hz: Float[np.ndarray, " n"]
    confidence: Float[np.ndarray, " n"]
    voiced: Bool[np.ndarray, " n"]


def chances(noise: Float[np.ndarray, "n k"]) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, " n"]]:
    r"""How likely each period of a frame is, and whether the frame is voiced at all.

    A listener who is content with the first period that repeats as well as the best one but for a threshold $s$ picks
    one of them; $s$ is log-logistic, $P(s < e) = e^2 / (e^2 + m^2)$, so that a period is as likely as thresholds lie
    between its excess over the best and that of the one before.
    """
    best = np.min(noise, axis=1, initial=1.0)
    middle = EXCESS + LOOSER * best[:, None]
    excess = np.minimum(np.where(np.isfinite(noise), noise, 1e3) - best[:, None], 1e3) / middle
    under = excess**2 / (excess**2 + 1.0)
    shorter = np.concatenate([np.ones((len(noise), 1)), under[:, :-1]], axis=1)
    share = np.where(np.isfinite(noise), shorter - under, 0.0)
    return np.maximum(share, 0.0), 1.0 / (1.0 + (best / HALF_NOISE) ** 4)


def smoothest(octave: Float[np.ndarray, "n k"], share: np.ndarray, voicing: np.ndarray) -> Int[np.ndarray, " n"]:
    """The likeliest path through the periods of all frames (Viterbi): which one each frame has, `k` for none."""
    count, none = octave.shape
    voiced = np.log(np.maximum(voicing[:, None] * share, 1e-30))
    voiced = np.where(share > 0.0, np.maximum(voiced, np.log(SUREST)), -1e3)
    chance = np.concatenate([voiced, np.log(np.maximum(1.0 - voicing, SUREST))[:, None]], axis=1)
    came = np.zeros((count, none + 1), int)
    cost = np.full((none + 1, none + 1), TURN)
    cost[none, none] = 0.0
    score = chance[0].copy()
    for i in range(1, count):
        cost[:none, :none] = np.minimum(JUMP * np.abs(octave[i - 1][:, None] - octave[i]), LEAP)
        arriving = score[:, None] - cost
        came[i] = np.argmax(arriving, axis=0)
        score = arriving[came[i], np.arange(none + 1)] + chance[i]
    path = np.empty(count, int)
    path[-1] = np.argmax(score)
    for i in range(count - 1, 0, -1):
        path[i - 1] = came[i, path[i]]
    return path


def track_f0(x: Float[np.ndarray, " t"], sr: int, low_hz: float = 27.5, high_hz: float = 4200.0) -> F0Track:
    """Pitch and voicing of a line of single tones, every 5 ms. `x` is mono, `sr` in Hz.

    Reference: Mauch, Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions",
    ICASSP, 2014; the thresholds here are over the best dip of the frame, and the path goes through the dips themselves.
    """
    rate, hop = sr / thinning(sr), hop_samples(sr)
    found = periods(
        thinned(np.asarray(x, np.float64), sr), rate, low_hz, min(high_hz, 0.45 * rate), hop // thinning(sr)
    )
    share, voicing = chances(found.noise)
    path = smoothest(-np.log2(found.period_s), share, voicing)
    voiced = path < share.shape[1]
    at = np.arange(len(path)), np.where(voiced, path, np.argmax(share, axis=1))
    confidence = np.clip(1.0 - found.noise[at], 0.0, 1.0)
    return F0Track(np.arange(len(path)) * hop / sr, 1.0 / found.period_s[at], confidence, voiced)
