"""What the targets that compare spectra are told beyond the laws: bands, weightings, sizes, cepstra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft

from ddsp_lab import DdspLabError
from ddsp_lab.dsp.band_scales import corners, triangles
from ddsp_lab.dsp.cepstrum import log_mel
from ddsp_lab.dsp.loudness import HIGH_PASS, SHELF
from ddsp_lab.dsp.scattering import modulations, scalogram
from ddsp_lab.dsp.weighting import bin_weights
from ddsp_lab.targets import Mfcc, MultiResolutionStft, TimeFrequencyScattering

SR = 8000
NOISE = (0.2 * np.random.default_rng(0).standard_normal((2, 2, 3000))).astype(np.float32)


def distance(target, x, y, sr=SR):
    both = jax.jit(lambda x, y: target.distance(target.prepare(x, sr), y, sr))
    return float(both(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)))


@pytest.mark.parametrize(("level", "rows"), [(False, slice(1, 14)), (True, slice(0, 13))])
def test_mfcc_is_the_cosine_transform_of_log_mel(level, rows):
    logs = [np.asarray(log_mel(jnp.asarray(v), 512, SR, 32, jnp.asarray(3000)), np.float64) for v in NOISE]
    a, b = (scipy.fft.dct(v, type=2, norm="ortho", axis=2)[:, :, rows] for v in logs)
    wanted = np.mean(np.sum((a - b) ** 2, axis=2)) / 32
    assert distance(Mfcc(coefficients=13, bands=32, fft_size=512, level=level), *NOISE) == pytest.approx(
        wanted, rel=1e-5
    )


def test_k_weights_are_the_filters_of_the_standard_at_its_own_rate():
    z = np.exp(-2j * np.pi * np.arange(513) / 1024)
    wanted = np.ones(513)
    for b, a in (SHELF, HIGH_PASS):
        wanted *= np.abs(sum(v * z**i for i, v in enumerate(b)) / sum(v * z**i for i, v in enumerate(a)))
    np.testing.assert_allclose(bin_weights("k", 1024, 48_000)[1:-1], wanted[1:-1], rtol=1e-6)


def test_bands_are_evenly_spaced_on_their_scale():
    assert np.ptp(np.diff(np.log2(corners("cqt", 96, SR)))) < 1e-9
    z = corners("bark", 24, 44_100)
    rate = 13.0 * np.arctan(7.6e-4 * z) + 3.5 * np.arctan((z / 7500.0) ** 2)
    assert np.ptp(np.diff(rate)) < 1e-3
    np.testing.assert_allclose(triangles("bark", 4096, SR, 24).sum(0) * SR / 4096, 1.0, rtol=0.1)  # unit area


def test_drawn_sizes_stay_the_same_for_the_same_seed():
    one, same, other = (MultiResolutionStft(random_sizes=3, seed=s) for s in (1, 1, 2))
    assert one.resolutions == same.resolutions != other.resolutions
    assert all(512 <= n <= 2048 and hop == n // 4 for n, hop, _ in (*one.resolutions, *other.resolutions))
    assert distance(one, *NOISE) == distance(same, *NOISE)


@pytest.mark.parametrize(
    "settings",
    [{"mel_bands": 8, "bark_bands": 8}, {"random_sizes": 2, "auraloss_compatible": True}, {"weighting": "b"}],
)
def test_settings_that_do_not_go_together_are_refused(settings):
    with pytest.raises(DdspLabError) as error:
        MultiResolutionStft(**settings)
    assert error.value.code == "bad-setting"


def test_more_coefficients_than_bands_are_refused():
    with pytest.raises(DdspLabError, match="few bands"):
        Mfcc(coefficients=20, bands=20)


RATE = 16_000
T = np.arange(2 * RATE) / RATE
FADE = 0.3 * np.clip(np.minimum(T, T[::-1]) / 0.2, 0.0, 1.0)


def chirps(octaves_a_second):
    """Half-second glides through 500 Hz, each under a bell."""
    phase = T % 0.5 - 0.25
    glide = np.cumsum(500.0 * 2.0 ** (octaves_a_second * phase)) / RATE
    return 0.3 * np.cos(np.pi * 2.0 * phase) ** 2 * np.sin(2.0 * np.pi * glide)


def tremolo(rate_hz):
    return FADE * np.sin(2.0 * np.pi * 440.0 * T) * (0.6 + 0.4 * np.sin(2.0 * np.pi * rate_hz * T))


@pytest.mark.parametrize(("one", "other"), [(chirps(4.0), chirps(-4.0)), (tremolo(4.0), tremolo(8.0))])
def test_scattering_tells_movements_apart_and_not_where_they_are(one, other):
    target = TimeFrequencyScattering()
    late = np.roll(one, RATE // 200)  # 5 ms
    different, shifted = (distance(target, one[None], v[None], RATE) for v in (other, late))
    assert different > 0.1
    assert shifted < 0.02 * different


def test_scattering_finds_the_direction_of_a_chirp_in_one_sign_of_its_waves():
    """Two octaves up in half a second, 4 a second: at 4 Hz the ridge has one cycle an octave."""
    length = jnp.asarray(T.size)
    sums = []
    for slope in (4.0, -4.0):
        u = scalogram(jnp.asarray(chirps(slope)[None], jnp.float32), RATE, 8, length)
        at_4_hz = modulations(u, jnp.full(u.shape[1], True), 8, 0.005, 50)[1]
        sums.append(np.asarray(at_4_hz).reshape(7, -1).sum(1))
    up, down = sums
    assert max(up[1] / up[4], up[4] / up[1]) > 2.0
    assert (up[1] > up[4]) != (down[1] > down[4])


@pytest.mark.parametrize("settings", [{}, {"weighting": "a"}])
def test_another_draw_of_noise_is_nearest_at_the_level_of_the_first_where_convergence_is_symmetric(settings):
    """Else a fit makes loud noise fainter, and so lets it die away too slowly."""
    one, other = (10.0 ** (-3.0 * T / 0.5) * np.random.default_rng(k).standard_normal((1, T.size)) for k in range(2))
    gains = [0.7, 0.8, 0.9, 1.0, 1.1]

    def nearest(symmetric):
        target = MultiResolutionStft(log_weight=0.0, symmetric=symmetric, **settings)
        losses = [distance(target, one, gain * other, RATE) for gain in gains]
        return gains[np.argmin(losses)]

    assert nearest(True) == 1.0
    assert nearest(False) < 1.0
