"""What an ear does not hear beside a louder sound: masking across critical bands, and the threshold in quiet."""

import numpy as np

PER_BARK = 2  # bands
TONE_DB = 14.5  # of the threshold below the spread power of a tone, to which one is added for each Bark


def bark(frequency_hz: np.ndarray) -> np.ndarray:
    """Critical-band rate: Zwicker, Terhardt, Journal of the Acoustical Society of America 68(5), 1980, eq. 1."""
    f = np.asarray(frequency_hz) * 1e-3
    return 13.0 * np.arctan(0.76 * f) + 3.5 * np.arctan((f / 7.5) ** 2)


def critical_bands(fft: int, sr: float) -> tuple[np.ndarray, np.ndarray]:
    """(bins, bands) of zeros and ones, bands half a Bark wide or a bin where that is wider, and their centres in Hz."""
    frequency = np.arange(fft // 2 + 1) * sr / fft
    _, band = np.unique((bark(frequency) * PER_BARK).astype(int), return_inverse=True)
    weights = np.eye(band[-1] + 1)[band]
    return weights, np.asarray([frequency[band == b].mean() for b in range(band[-1] + 1)])


def quiet_db(frequency_hz: np.ndarray) -> np.ndarray:
    """Threshold in quiet in dB SPL: Terhardt, "Calculating virtual pitch", Hearing Research 1(2), 1979, eq. 2; from
    20 Hz to 20 kHz, level beyond."""
    f = np.clip(frequency_hz, 20.0, 20000.0) * 1e-3
    return 3.64 * f**-0.8 - 6.5 * np.exp(-0.6 * (f - 3.3) ** 2) + 1e-3 * f**4


def spreading(frequency_hz: np.ndarray) -> np.ndarray:
    r"""(maskers, bands): the share of a band's power that masks in each band, in power and below the masker already.

    $15.81 + 7.5 (z + 0.474) - 17.5 \sqrt{1 + (z + 0.474)^2}$ dB at $z$ Bark above the masker: 25 dB a Bark below it and
    10 above. The threshold stands $14.5 + b$ dB lower at Bark $b$, as for a tone, the harder case.

    Reference: Schroeder, Atal, Hall, "Optimizing digital speech coders by exploiting masking properties of the human
    ear", Journal of the Acoustical Society of America 66(6), 1979; Johnston, "Transform coding of audio signals using
    perceptual noise criteria", IEEE Journal on Selected Areas in Communications 6(2), 1988 (the offset).
    """
    b = bark(frequency_hz)
    z = b[None, :] - b[:, None] + 0.474
    db = 15.81 + 7.5 * z - 17.5 * np.sqrt(1.0 + z**2) - (TONE_DB + b[:, None])
    return 10.0 ** (0.1 * db)
