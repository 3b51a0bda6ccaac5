"""The figures of a fit, in words that need no handbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .._parse import parse_target
from .._result import FitResult
from ..dsp.alignment import UNSURE
from ._charts import number, signed
from ._html import Markup, el


class Figure(NamedTuple):
    """A figure: what it is called, what it says, and what that means."""

    name: str
    value: str
    meaning: str


def headline(result: FitResult) -> list[Figure]:
    """The few figures that say how good a fit is; figures that the result does not have are left out."""
    m = result.metrics
    rows = [
        _when(m, "loss", lambda v: Figure("Loss", number(v, 3), f"{_text(m, 'loss_start', 3)} at the start"))
        if deaf_to_phase(result)
        else _when(
            m, "esr_aligned", lambda v: Figure("Error", decibels(v), f"ESR {number(v, 3)}: {_share(v)} of the energy")
        ),
        *_line(m),
        _when(m, "mrstft", lambda v: Figure("Spectra", number(v, 3), "multi-resolution STFT distance; 0 is equality")),
        _when(
            m,
            "held_out",
            lambda v: Figure("Held out", number(v, 3), f"the end it never saw; {_text(m, 'loss', 3)} where it did"),
        ),
        _loudness(m),
        _when(m, "latency_samples", lambda v: _latency(v, result.sr)) if "dry" in result.sounds else None,
        _when(m, "evaluations", lambda v: Figure("Search", f"{v:,}", f"evaluations in {_text(m, 'seconds', 3)} s")),
    ]
    return [row for row in rows if row is not None]


def _line(m: Mapping[str, Any]) -> list[Figure | None]:
    """How a transfer keeps its line, and takes on the sound of its model."""
    away = f"from the recording it is modelled on; the line is {_text(m, 'spectrum_distance_source_db', 3)} dB away"
    return [
        _when(m, "f0_within_10_cents", lambda v: Figure("Pitch", _share(v), "of the line's, within 10 cents")),
        _when(m, "loudness_correlation", lambda v: Figure("Levels", number(v, 3), "correlation with the line's")),
        _when(m, "spectrum_distance_db", lambda v: Figure("Sound", f"{number(v, 3)} dB", away)),
    ]


def deaf_to_phase(result: FitResult) -> bool:
    """Whether the fit was free to have other phases than the reference, so that the two do not null."""
    target = result.preset.fit.get("target")
    return isinstance(target, str) and bool(target) and "phase" not in parse_target(target).hears


def figures(result: FitResult) -> list[Figure]:
    """Every figure."""
    m = result.metrics
    known = {
        "loss_start": "the loss where the search began",
        "loss": "the loss now, on what the fit saw",
        "held_out": "the target on the end of the recording, which the fit did not see",
        "esr": "error to signal, the files as they came",
        "esr_aligned": "error to signal, with delay and polarity taken off",
        "mrstft": "multi-resolution STFT distance: spectra over time, without phase",
        "lufs_reference": "loudness of the reference, LUFS",
        "lufs_fit": "loudness of the fit, LUFS",
        "gain_db": "by how many dB the reference is louder than the dry recording",
        "latency_samples": "by how many samples the reference is late",
        "polarity": "−1 where the reference is turned round",
        "evaluations": "renderings of the chain",
        "non_finite": "of them without a finite loss",
        "seconds": "time in all, s",
        "compile_seconds": "of it spent compiling, s",
        "f0_within_10_cents": "the share of the line's voiced frames in which the fit has its pitch, shifted",
        "shift_octaves": "octaves by which the line was moved",
        "loudness_correlation": "of the A-weighted levels of fit and line over time, in dB",
        "spectrum_distance_db": "mean difference of fit and model in thirds of an octave, levels matched",
        "spectrum_distance_source_db": "that of the line and the model",
        "confidence_source": "in the pitches heard in the line, 0 to 1",
        "confidence_timbre": "in the pitches heard in the model, 0 to 1",
        "front": "presets of which none is better in everything",
    }
    return [Figure(k, _text(m, k), meaning) for k, meaning in known.items() if k in m]


def tiles(rows: list[Figure]) -> Markup:
    """The headline, large."""
    return el("dl", [el("div", el("dt", f.name), el("dd", f.value), el("p", f.meaning)) for f in rows], class_="tiles")


def table(rows: list[Figure]) -> Markup:
    body = [el("tr", el("th", f.name, scope="row"), el("td", f.value, class_="n"), el("td", f.meaning)) for f in rows]
    return el("table", el("tbody", body))


def decibels(ratio: float) -> str:
    """A ratio of energies in dB."""
    from math import log10

    return f"{number(round(10.0 * log10(ratio), 1))} dB" if ratio > 0.0 else "−∞ dB"


def _share(ratio: float) -> str:
    return f"{number(100.0 * ratio, 2)} %" if ratio >= 1e-4 else "less than 0.01 %"


def _when(m: Mapping[str, Any], key: str, say: Any) -> Figure | None:
    return None if m.get(key) is None else say(m[key])


def _loudness(m: Mapping[str, Any]) -> Figure | None:
    fit, reference = m.get("lufs_fit"), m.get("lufs_reference")
    if fit is None or reference is None:
        return None
    return Figure("Loudness", signed(fit - reference), f"{number(fit)} LUFS, the reference {number(reference)}")


def _latency(samples: float, sr: int) -> Figure:
    if abs(samples) < UNSURE:
        return Figure("Latency", "none", f"{number(samples, 2)} samples: the recordings line up")
    return Figure("Latency", f"{number(1e3 * samples / sr, 3)} ms", f"{number(samples)} samples, taken off")


def _text(m: Mapping[str, Any], key: str, digits: int = 4) -> str:
    value = m.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return f"{value:,}".replace("-", "−") if isinstance(value, int) else number(value, digits)
