"""Sounds made ready for a page: one passage, one loudness, bytes that a browser decodes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from .. import audio
from .._errors import AudioError
from .._result import Candidate

PASSAGE_S = 30.0  # of a longer recording the page plays its loudest passage
CHANNELS = 2  # that a listener has
SHORTEST_S = 0.45  # over which loudness is measured; what is shorter is followed by silence
HEADROOM_DB = 1.0  # below full scale, for peaks between samples
FULL = 32_765  # steps that leave room for the dither
BOOST_DB = 20.0  # by which a difference may be made louder
CANDIDATE = "front-"  # no name of another sound holds a hyphen
MAIN = {"dry": "Dry", "fit": "Fit", "reference": "Reference"}


@dataclass(frozen=True)
class Track:
    """`sound` is `(channels, samples)` at its own level, `scale` times what `data` decodes to. Times `matched` it is as
    loud as the others, times `plain` as loud as it was, all turned down alike where one would clip."""

    id: str
    name: str
    sound: np.ndarray
    lufs: float | None
    matched: float
    plain: float
    scale: float
    data: bytes = field(repr=False)

    @property
    def candidate(self) -> bool:
        return self.id.startswith(CANDIDATE)

    @property
    def matched_db(self) -> float:
        return float(20.0 * np.log10(self.matched))


def candidate_id(i: int) -> str:
    return f"{CANDIDATE}{i}"


def passage(sounds: Mapping[str, np.ndarray], sr: int, longest_s: float = PASSAGE_S) -> tuple[int, int]:
    """The first sample and the end of what is played: everything or, of long recordings, the loudest passage."""
    ends = max(y.shape[1] for y in sounds.values())
    size = int(longest_s * sr)
    if ends <= size:
        return 0, ends
    loudest = sounds.get("reference", next(iter(sounds.values())))
    energy = np.concatenate([[0.0], np.cumsum(np.square(loudest, dtype=np.float64).sum(axis=0))])
    starts = np.arange(0, max(1, loudest.shape[1] - size), sr // 2)
    start = int(starts[np.argmax(energy[np.minimum(starts + size, loudest.shape[1])] - energy[starts])])
    return start, start + size


def tracks(
    sounds: Mapping[str, np.ndarray], candidates: Sequence[Candidate], sr: int, span: tuple[int, int]
) -> list[Track]:
    """The sounds in the order of the page, then the candidates in a smaller codec.

    All are brought to the loudness (ITU-R BS.1770-4) of the quieter of reference and fit, or to the lowest that lets
    every peak stay below full scale. A quiet dry recording turns nothing down.
    """
    named = [(k, MAIN.get(k, k), y, flac) for k, y in _in_order(sounds)]
    named += [(candidate_id(i), c.name, c.sound, vorbis) for i, c in enumerate(candidates)]
    keys, names, whole, codecs = zip(*named, strict=True)
    cut = [np.asarray(y[:CHANNELS, span[0] : span[1]], np.float32) for y in whole]
    scales = [_scale(y) for y in cut]
    with ThreadPoolExecutor() as pool:
        lufs = list(pool.map(lambda y: _lufs(y, sr), cut))
        data = list(pool.map(lambda encode, y, k: encode(y / np.float32(k), sr), codecs, cut, scales))
    level, plain = _levels(dict(zip(keys, lufs, strict=True)), cut)
    matched = [plain if v is None else 10.0 ** ((level - v) / 20.0) for v in lufs]
    rows = zip(keys, names, cut, lufs, matched, scales, data, strict=True)
    return [Track(key, name, y, v, m, plain, k, d) for key, name, y, v, m, k, d in rows]


def _levels(lufs: Mapping[str, float | None], cut: Sequence[np.ndarray]) -> tuple[float, float]:
    """The loudness to which all are brought, in LUFS, and the factor by which all are turned down where one clips."""
    peaks_db = [20.0 * np.log10(max(float(np.abs(y).max(initial=0.0)), 1e-6)) + HEADROOM_DB for y in cut]
    room = [v - peak for v, peak in zip(lufs.values(), peaks_db, strict=True) if v is not None]
    wanted = [v for key, v in lufs.items() if v is not None and key in ("reference", "fit")]
    return min([*wanted, *room], default=0.0), float(10.0 ** (-max(0.0, *peaks_db) / 20.0))


def _in_order(sounds: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    return [(k, sounds[k]) for k in MAIN if k in sounds] + [(k, y) for k, y in sounds.items() if k not in MAIN]


def difference(made: Sequence[Track]) -> tuple[np.ndarray, float] | None:
    """Reference less fit, at the level of the reference, and by how many dB it can be made louder; None where the two
    do not stand side by side."""
    known = {t.id: t for t in made}
    if not {"reference", "fit"} <= known.keys() or known["reference"].sound.shape != known["fit"].sound.shape:
        return None
    apart = known["reference"].sound - known["fit"].sound
    peak = known["reference"].matched * float(np.abs(apart).max(initial=0.0))
    return apart, float(np.clip(-20.0 * np.log10(peak + 1e-6) - HEADROOM_DB, 0.0, BOOST_DB))


def _lufs(y: np.ndarray, sr: int) -> float | None:
    return audio.loudness(np.pad(y, ((0, 0), (0, max(0, int(SHORTEST_S * sr) - y.shape[1])))), sr)


def _scale(y: np.ndarray) -> float:
    """A power of two, so that equal sounds stay equal, by which the peak fits into the steps of a file."""
    peak = float(np.abs(y).max(initial=0.0)) * 32_768 / FULL
    return 2.0 ** np.ceil(np.log2(peak)) if peak > 1e-9 else 1.0


def flac(y: np.ndarray, sr: int) -> bytes:
    """16 bits with triangular dither of two steps, the same for every sound: what is equal nulls to nothing.

    Reference: Lipshitz, Wannamaker, Vanderkooy, "Quantization and Dither: A Theoretical Survey", J. Audio Eng. Soc.
    40(5), 1992.
    """
    import soundfile

    rng = np.random.default_rng(0)
    dither = rng.random(y.shape, np.float32) - rng.random(y.shape, np.float32)
    steps = np.rint(32_768.0 * y + dither).clip(-32_768, 32_767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, steps.T, sr, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def vorbis(y: np.ndarray, sr: int) -> bytes:
    """A sixth of the size of FLAC; FLAC at rates that Vorbis does not take."""
    try:
        return audio.encode(y, sr, "sound.ogg", clip_mode="clamp")[0]
    except AudioError:
        return flac(y, sr)
