"""Single effects by peers: ten seconds forwards, and with the gradient in the sound and every parameter.

They need the `compare` extra and philtorch; nothing else imports this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pedalboard as pb
import torch
from dasp_pytorch import functional as dasp
from torchcomp import compexp_gain, ms2coef
from torchlpc import sample_wise_lpc

from ._peers import CUTOFFS, START, _biquad

Call = Callable[[], Any]


def with_gradient(render: Callable[..., Any], x: np.ndarray, values: dict[str, Any]) -> Call:
    """One call: forwards, and back to the sound and to all of `values`."""
    sound = torch.tensor(x, requires_grad=True)
    p = {k: torch.tensor(v, dtype=torch.float32, requires_grad=True) for k, v in values.items()}
    leaves = [sound, *p.values()]

    def call() -> Any:
        for leaf in leaves:
            leaf.grad = None
        render(p, sound).square().sum().backward()
        return float(p[next(iter(p))].grad.sum())

    return call


def eq(how: str, x: np.ndarray, sr: int) -> Call:
    """Six bands, recursive or by sampling the response."""

    def recursive(p: Any, y: Any) -> Any:
        for i, kind in enumerate(("low", "peak", "peak", "peak", "peak", "high")):
            b, a = _biquad(kind, p["cutoff_hz"][i], p["gain_db"][i], p["q"][i], sr)
            y = torch.nn.functional.pad(y, (2, 0))
            y = b[0] * y[:, 2:] + b[1] * y[:, 1:-1] + b[2] * y[:, :-2]
            y = sample_wise_lpc(y, a[None, None, 1:].expand(1, y.shape[1], 2))
        return y

    def sampled(p: Any, y: Any) -> Any:
        bands = [v for i in range(6) for v in (p["gain_db"][i : i + 1], p["cutoff_hz"][i : i + 1], p["q"][i : i + 1])]
        return dasp.parametric_eq(y[None], sr, *bands)[0]

    values = {"cutoff_hz": CUTOFFS, "gain_db": np.full(6, 3.0), "q": np.full(6, 0.7071)}
    return with_gradient({"torchlpc": recursive, "dasp": sampled}[how], x, values)


def compressor(x: np.ndarray, sr: int) -> Call:
    """torchcomp's gain from the level of each sample."""
    low, one = torch.tensor(-120.0), torch.tensor(0.9999)  # its expander may not be switched off

    def render(p: Any, y: Any) -> Any:
        times = (ms2coef(p[k], sr) for k in ("attack_ms", "release_ms"))
        return y * compexp_gain(y.abs() + 1e-7, p["threshold_db"], p["ratio"], low, one, *times)

    return with_gradient(render, x, START)


def comb(x: np.ndarray, delay: int) -> Call:
    """philtorch's feedback comb, whose delay is a whole number without a gradient."""
    from philtorch.lti import comb_filter

    return with_gradient(lambda p, y: comb_filter(p["feedback"], delay, y), x, {"feedback": [-0.5]})


def phaser(x: np.ndarray, sr: int, corner_hz: np.ndarray) -> Call:
    """Six first-order all-passes by torchlpc; it has no loop around them."""
    g = np.tan(np.pi * corner_hz / sr)

    def render(p: Any, y: Any) -> Any:
        wet, a = y, p["a"][None]
        for _ in range(6):
            before = torch.nn.functional.pad(wet, (1, 0))[:, :-1]
            wet = sample_wise_lpc(a * wet + before, a[..., None])
        return 0.5 * (y + wet)

    return with_gradient(render, x, {"a": (g - 1.0) / (g + 1.0)})


def pedalboard_phaser(x: np.ndarray, sr: int) -> Call:
    """Forwards only: it has no gradient."""
    board = pb.Pedalboard([pb.Phaser()])
    return lambda: board(x, sr)


def pedalboard_population(x: np.ndarray, sr: int, rows: Sequence[Mapping[str, Any]]) -> Call:
    """Equalisers of six bands and a compressor, one after the other."""
    boards = []
    for row in rows:
        eq, compressor = row["parametric_eq"], row["compressor"]
        kinds = [pb.LowShelfFilter, *[pb.PeakFilter] * 4, pb.HighShelfFilter]
        bands = [
            kind(float(f), float(g), 0.7071) for kind, f, g in zip(kinds, eq["cutoff_hz"], eq["gain_db"], strict=True)
        ]
        boards.append(pb.Pedalboard([*bands, pb.Compressor(float(compressor["threshold_db"]), 3.0, 8.0, 100.0)]))
    return lambda: [board(x, sr) for board in boards]
