"""A timbre learned from one recording: what harmonics and noise a voice has at each pitch and level."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jax
import msgspec
import numpy as np
from jaxtyping import Array, Float

from ._errors import PresetError
from ._files import write_whole
from ._preset import Preset
from ._run import PRESET, TIMBRE, WEIGHTS
from .dsp.noise_bands import band_centres
from .dsp.voice_frames import centres

FORMAT = 1
MAX_BYTES = 1 << 24
HIDDEN = 32  # units of each of two layers
BODY, LOWEST_HZ, HIGHEST_HZ = 48, 60.0, 19_000.0  # points of the envelope over frequency
NUMBERED = 20  # harmonics that have a level of their own beside it
SEMITONES, DECIBELS = 6.0, 10.0  # that count as much as one another
STEP_DB = 10.0  # an output of the network
BODY_HZ = band_centres(BODY, LOWEST_HZ, HIGHEST_HZ)


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a timbre beside its weights, as `timbre.json` has it: how often which pitches and levels occur
    in the recording, in its quantiles `QUANTILES`, and what the network's outputs are counted from, in dB."""

    sample_rate: int
    pitch: list[float]
    loudness_db: list[float]
    usual_db: list[float]
    sha256: str = ""
    format: int = FORMAT
    learned: dict[str, Any] = {}


@cache
def network(outputs: int) -> Any:
    """Two hidden layers, from pitch and level to decibels."""
    from flax import linen as nn

    return nn.Sequential([nn.Dense(HIDDEN), nn.tanh, nn.Dense(HIDDEN), nn.tanh, nn.Dense(outputs)])


def inputs(facts: Facts, pitch: np.ndarray, loudness_db: np.ndarray) -> Float[np.ndarray, "n 2"]:
    """Pitch and level about the middle of the recording's."""
    middle = len(facts.pitch) // 2
    known = (pitch - facts.pitch[middle]) / SEMITONES, (loudness_db - facts.loudness_db[middle]) / DECIBELS
    return np.stack(known, axis=1).astype(np.float32)


def outputs(
    weights: Mapping[str, Any], usual_db: Any, given: Any
) -> tuple[Float[Array, "n e"], Float[Array, "n k"], Float[Array, "n b"]]:
    """Levels in dB beside the loudness: of the body at `BODY_HZ`, of the first harmonics beside it, of the noise."""
    db = usual_db + STEP_DB * network(len(usual_db)).apply(weights, given)
    return db[:, :BODY], db[:, BODY : BODY + NUMBERED], db[:, BODY + NUMBERED :]


@dataclass(frozen=True)
class Timbre:
    r"""A small network $(p, l) \mapsto (e, h, n)$ that has been shown one recording.

    At pitch $p$ and loudness $l$ harmonic $k$ of $f_0$ has $l + e(k f_0) + h_k$ dB: an envelope $e$ over frequency, as
    a body or a mouth has it, and what each of the first harmonics has beside it; $n$ are the levels of the noise.
    Pitches that the recording never reaches take the envelope where their harmonics fall. `patch` is the same timbre
    as one patch of `harmonic_plus_noise`, which plays notes.
    """

    facts: Facts
    weights: Mapping[str, Any] = field(repr=False)
    patch: Preset = field(repr=False)

    def levels(
        self, pitch: np.ndarray, loudness_db: np.ndarray, f0_hz: np.ndarray, count: int, sr: int
    ) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n b"]]:
        """Amplitudes, beside the loudness, of `count` harmonics of `f0_hz`, and of the noise in the bands of `sr`."""
        given = inputs(self.facts, pitch, loudness_db)
        body, own, noise = (
            np.asarray(v) for v in outputs(self.weights, np.asarray(self.facts.usual_db, np.float32), given)
        )
        at = np.log2(f0_hz[:, None] * np.arange(1, count + 1))
        tone = np.stack([np.interp(row, np.log2(BODY_HZ), db) for row, db in zip(at, body, strict=True)])
        tone[:, :NUMBERED] += own[:, :count]
        learned_at, wanted_at = np.log2(centres(self.facts.sample_rate)), np.log2(centres(sr))
        if sr != self.facts.sample_rate:  # the same power in each hertz
            louder = 10.0 * np.log10(sr / self.facts.sample_rate)
            noise = np.stack([np.interp(wanted_at, learned_at, row) for row in noise]) + louder
        return 10.0 ** (tone / 20.0), 10.0 ** (noise / 20.0)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `timbre.json`, `timbre.safetensors` and `preset.json`; raises `PresetError`."""
        data = self._arrays()
        facts = msgspec.structs.replace(self.facts, sha256=hashlib.sha256(data).hexdigest())
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            write_whole(Path(folder) / WEIGHTS, data)
            write_whole(Path(folder) / PRESET, self.patch.text().encode())
            write_whole(Path(folder) / TIMBRE, msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
        except OSError as error:
            raise PresetError(
                "preset-unwritable",
                f"{os.fspath(folder)} cannot be written: {error.strerror}.",
                "Check the folder and the space left.",
            ) from None

    @property
    def pitch(self) -> float:
        """The median of the pitches it was learned from, a MIDI number."""
        return self.facts.pitch[len(self.facts.pitch) // 2]

    @property
    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.facts.usual_db) + self._arrays()).hexdigest()[:16]

    def _arrays(self) -> bytes:
        from safetensors.numpy import save

        flat, _ = jax.tree.flatten_with_path(self.weights)
        return save({jax.tree_util.keystr(k, simple=True, separator="."): np.asarray(v) for k, v in flat})

    @staticmethod
    def load(folder: str | os.PathLike[str]) -> Timbre:
        """Read what `save` has written; nothing in it is run. Raises `PresetError`."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        name = os.fspath(Path(folder) / TIMBRE)
        try:
            facts = msgspec.json.decode(_read(Path(folder) / TIMBRE), type=Facts, strict=True)
            data = _read(Path(folder) / WEIGHTS)
            if facts.format != FORMAT:
                raise PresetError("preset-format", f"{name} has format {facts.format}.", "Update ddsp_lab.")
            if hashlib.sha256(data).hexdigest() != facts.sha256:
                raise ValueError(f"{WEIGHTS} is not the file that was written with it")
            return Timbre(facts, _shaped(load(data), facts), Preset.load(Path(folder) / PRESET))
        except (msgspec.DecodeError, SafetensorError, ValueError, OSError) as error:
            raise PresetError("preset-json", f"{name} is no timbre: {error}.", "Learn it anew.") from None


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_BYTES >> 20} MiB")
    return data


def _shaped(arrays: Mapping[str, np.ndarray], facts: Facts) -> Any:
    """The weights as the network holds them, each of its own shape and finite."""
    count = len(facts.usual_db)
    if count != BODY + NUMBERED + len(centres(facts.sample_rate)) or not len(facts.pitch) == len(facts.loudness_db):
        raise ValueError("it holds lists of other lengths than a timbre's")
    wanted = jax.eval_shape(network(count).init, jax.random.key(0), jax.ShapeDtypeStruct((1, 2), np.float32))
    flat, structure = jax.tree.flatten_with_path(wanted)
    names = {jax.tree_util.keystr(k, simple=True, separator="."): v.shape for k, v in flat}
    if {k: v.shape for k, v in arrays.items()} != names or not all(np.isfinite(v).all() for v in arrays.values()):
        raise ValueError("its weights are not those of the network")
    return jax.tree.unflatten(structure, [np.asarray(arrays[k], np.float32) for k in names])
