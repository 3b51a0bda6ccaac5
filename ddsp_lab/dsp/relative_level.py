"""How much louder one recording is than another, whatever noise it has of its own."""

import numpy as np
from scipy.ndimage import percentile_filter
from scipy.special import gammaincinv

from .frames import power_scale
from .transfer import BANDS_PER_OCTAVE, FFT, band_edges, spectra

OVERLAPPED, HANN_BINS = 0.5, 1.5  # independent spectra per overlapping one, and bins that a Hann window joins
QUIET = 0.25  # of the spectra, those in which a band is weakest: what is steady is there all the same


def louder_by_db(source: np.ndarray, reference: np.ndarray, sr: float) -> float:
    r"""$10 \log_{10}$ of the ratio of energies, less the steady noise that only the reference has.

    Noise in a band is no more than what the source does not explain, $(1 - \gamma^2) \sum |Y|^2$, and no more than is
    there when the band is weakest; and it is spread over the octave about it, where overtones and what a modulation
    spreads leave gaps. So nothing but noise is taken off.

    Reference: Carter, Knapp, Nuttall, "Estimation of the magnitude-squared coherence function via overlapped fast
    Fourier transform processing", IEEE Transactions on Audio and Electroacoustics 21(4), 1973 (the bias of coherence);
    Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE
    Transactions on Speech and Audio Processing 9(5), 2001.
    """
    x, y, edges = spectra(source), spectra(reference), band_edges(sr)

    def banded(v: np.ndarray) -> np.ndarray:
        return np.add.reduceat(v, edges, axis=-1)[..., :-1]

    each = banded(np.abs(y) ** 2)
    power, out, cross = banded((np.abs(x) ** 2).sum(0)), each.sum(0), banded((np.conj(x) * y).sum(0))
    bins = np.diff(edges)
    joined = np.maximum(bins / HANN_BINS, 1.0)
    independent = np.maximum(OVERLAPPED * len(x) * joined, 1.0)
    unexplained = 1.0 - np.abs(cross) ** 2 / (power * out + 1e-300)
    alone = out * np.clip(unexplained * independent / np.maximum(independent - 1.0, 0.5), 0.0, 1.0)
    weakest = len(x) * np.quantile(each, QUIET, axis=0) * joined / gammaincinv(joined, QUIET)
    density = percentile_filter(np.minimum(alone, weakest) / bins, 25, size=BANDS_PER_OCTAVE)
    everywhere = np.sum(density * bins) + density[-1] * (FFT // 2 - edges[-1])  # above the bands as in the last one
    noise = everywhere * power_scale(FFT) / len(y) * reference.size
    before, after = (float(np.sum(np.square(v, dtype=np.float64))) for v in (source, reference))
    return float(10.0 * np.log10((max(after - noise, 1e-3 * after) + 1e-30) / (before + 1e-30)))
