"""The same step by peers in PyTorch: 6-band equaliser, compressor, gain, multi-resolution STFT, Adam.

They need the `compare` extra; nothing else imports this file.
"""

from __future__ import annotations

import os

# threads that spin while they wait make PyTorch many times slower as soon as something else wants one of the cores
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from dasp_pytorch import functional as dasp
from torchcomp import compexp_gain, ms2coef
from torchlpc import sample_wise_lpc

torch.set_num_threads(2)
START = {"threshold_db": -20.0, "ratio": 3.0, "attack_ms": 8.0, "release_ms": 100.0}
CUTOFFS = np.geomspace(100.0, 8000.0, 6)


def _biquad(kind: str, cutoff: Any, gain_db: Any, q: Any, sr: int) -> tuple[Any, Any]:
    """The cookbook's coefficients (Bristow-Johnson), numerator and denominator, normalised."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * torch.pi * cutoff / sr
    c, alpha = torch.cos(w), torch.sin(w) / (2.0 * q)
    if kind == "peak":
        b = torch.stack([1.0 + alpha * a, -2.0 * c, 1.0 - alpha * a])
        d = torch.stack([1.0 + alpha / a, -2.0 * c, 1.0 - alpha / a])
    else:
        s = 1.0 if kind == "low" else -1.0
        root = 2.0 * torch.sqrt(a) * alpha
        b = a * torch.stack(
            [a + 1 - s * (a - 1) * c + root, s * 2 * (a - 1 - s * (a + 1) * c), a + 1 - s * (a - 1) * c - root]
        )
        d = torch.stack(
            [a + 1 + s * (a - 1) * c + root, s * -2 * (a - 1 + s * (a + 1) * c), a + 1 + s * (a - 1) * c - root]
        )
    return b / d[0], d / d[0]


def _exact(p: dict[str, Any], x: Any, sr: int) -> Any:
    """Recursive filters by torchlpc, ballistics by torchcomp."""
    y = x
    for i, kind in enumerate(("low", "peak", "peak", "peak", "peak", "high")):
        b, a = _biquad(kind, p["cutoff_hz"][i], p["gain_db"][i], p["q"][i], sr)
        y = torch.nn.functional.pad(y, (2, 0))
        y = b[0] * y[:, 2:] + b[1] * y[:, 1:-1] + b[2] * y[:, :-2]
        y = sample_wise_lpc(y, a[None, None, 1:].expand(1, y.shape[1], 2))
    times = (ms2coef(p[k], sr) for k in ("attack_ms", "release_ms"))
    low, one = torch.tensor(-120.0), torch.tensor(0.9999)  # its expander may not be switched off
    return (
        y
        * compexp_gain(y.abs() + 1e-7, p["threshold_db"], p["ratio"], low, one, *times)
        * 10.0 ** (p["level_db"] / 20.0)
    )


def _sampled(p: dict[str, Any], x: Any, sr: int) -> Any:
    """dasp-pytorch: filters and ballistics by sampling their frequency responses; the release is not used."""
    bands = [v for i in range(6) for v in (p["gain_db"][i : i + 1], p["cutoff_hz"][i : i + 1], p["q"][i : i + 1])]
    y = dasp.parametric_eq(x[None], sr, *bands)
    one = torch.ones(1)
    y = dasp.compressor(
        y, sr, *(p[k] * one for k in ("threshold_db", "ratio", "attack_ms", "release_ms")), 6.0 * one, 0.0 * one
    )
    return dasp.gain(y, sr, p["level_db"] * one)[0]


def objective(
    how: str, x: np.ndarray, y: np.ndarray, sr: int, resolutions: Any, values: dict[str, Any]
) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Parameters at `values`, and the loss as a function of where they stand."""
    render = {"torchlpc+torchcomp": _exact, "dasp": _sampled}[how]
    ffts, hops, windows = zip(*resolutions, strict=True)
    distance = MultiResolutionSTFTLoss(fft_sizes=list(ffts), hop_sizes=list(hops), win_lengths=list(windows))
    dry, wet = torch.tensor(x), torch.tensor(y)[None]
    p = {k: torch.tensor(v, dtype=torch.float32, requires_grad=True) for k, v in values.items()}
    return p, lambda: distance(render(p, dry, sr)[None], wet)


def stepper(how: str, x: np.ndarray, y: np.ndarray, sr: int, resolutions: Any) -> Callable[[], float]:
    """A function that takes one Adam step and returns the loss before it."""
    rows = {"cutoff_hz": CUTOFFS, "gain_db": np.full(6, 0.5), "q": np.full(6, 0.7071)}
    p, distance = objective(how, x, y, sr, resolutions, START | {"level_db": 0.0} | rows)
    adam = torch.optim.Adam(list(p.values()), lr=1e-4)

    def step() -> float:
        adam.zero_grad()
        loss = distance()
        loss.backward()
        adam.step()
        return float(loss.detach())

    return step


def slope(*arguments: Any) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradient of `objective`."""
    p, distance = objective(*arguments)
    loss = distance()
    loss.backward()
    return float(loss.detach()), {k: v.grad.numpy() for k, v in p.items() if v.grad is not None}
