"""What comes of a fit."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._block import Values, leaves
from ._preset import Preset

LISTEN_S = 10.0  # of each sound in a notebook
WIDTH, HEIGHT = 560, 180


@dataclass(frozen=True)
class FitResult:
    """A preset, how good it is, and how it was found. In a notebook it shows itself.

    `metrics` are the figures of `metrics.json`, `history` (evaluations, best loss so far), `notes` (code, text) what
    was resolved on the way, `sounds` the first pair as it was fitted and the fit, `(channels, samples)` at `sr` Hz.
    `front` are the presets that a search with several objectives found none better than in all of them, each with its
    objectives by name, the one of least loss first.
    """

    preset: Preset
    metrics: Mapping[str, Any]
    history: tuple[tuple[int, float], ...]
    notes: tuple[tuple[str, str], ...]
    sounds: Mapping[str, np.ndarray] = field(repr=False)
    sr: int
    front: tuple[tuple[Preset, Mapping[str, float]], ...] = field(default=(), repr=False)

    @property
    def values(self) -> Values:
        """The fitted values by link and parameter, in physical units."""
        return self.preset.values

    def render(self, x: Any, sr: int) -> Any:
        """Audio through the fitted chain."""
        return self.preset.render(x, sr)

    def _repr_html_(self) -> str:
        level = 0.9 / max(0.9, *(float(np.abs(y).max(initial=0.0)) for y in self.sounds.values()))
        players = "".join(f"<p>{k}<br>{_player(level * y, self.sr)}</p>" for k, y in self.sounds.items())
        figures = "".join(
            _row(k, _text(self.metrics.get(k))) for k in ("loss_start", "loss", "held_out", "esr", "mrstft")
        )
        notes = "".join(f"<li>{html.escape(text)}</li>" for _, text in self.notes)
        return (
            f"<h4>{html.escape(self.preset.chain)}</h4>{players}{_curve(self.history)}<table>{figures}</table>"
            f"<table>{''.join(_row(*row) for row in self.table())}</table><ul>{notes}</ul>"
        )

    def table(self) -> list[tuple[str, str, str]]:
        """Every parameter: its path, its value with the unit, its range; parameters at a bound carry a star."""
        rows, stuck = [], {name.split("[")[0] for name in self.metrics.get("at_bound", ())}
        flat = self.preset.flat
        for path, param, _ in leaves(self.preset.block):
            value = " ".join(param.text(v) for v in np.ravel(flat[path]))
            star = " *" if path in stuck else ""
            rows.append((path, f"{value} {param.unit}".strip() + star, param.range_text))
        return rows


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>"


def _player(y: np.ndarray, sr: int) -> str:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, y[:, : int(LISTEN_S * sr)].T, sr, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<audio controls src="data:audio/flac;base64,{data}"></audio>'


def _curve(history: tuple[tuple[int, float], ...]) -> str:
    """Best loss over evaluations, the loss on a logarithmic axis, as SVG."""
    if len(history) < 2:
        return ""
    x = np.array([h[0] for h in history], float)
    y = np.log10(np.array([h[1] for h in history]) + 1e-30)
    span = max(np.ptp(y), 1e-9)
    points = np.stack([x / x[-1] * WIDTH, HEIGHT - (y - y.min()) / span * HEIGHT], axis=1)
    steps = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    label = f"loss {history[0][1]:.3g} → {history[-1][1]:.3g} in {history[-1][0]} evaluations"
    return (
        f'<svg viewBox="-4 -4 {WIDTH + 8} {HEIGHT + 28}" width="{WIDTH}" role="img" aria-label="{label}">'
        f'<polyline points="{steps}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<text x="0" y="{HEIGHT + 18}" font-size="13" fill="currentColor">{label}</text></svg>'
    )
