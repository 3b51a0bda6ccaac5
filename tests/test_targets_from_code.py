"""Targets made of a model or of a loss in torch, and what a fit makes of one without a gradient."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SR, plucks

import ddsp_lab as dl
from ddsp_lab import DdspLabError
from ddsp_lab.targets import auraloss, embedding


def spectrum(x):
    """A model in JAX: log power in 16 bands."""
    power = jnp.abs(jnp.fft.rfft(x, axis=1))[:, :2048] ** 2
    return jnp.log(power.reshape(x.shape[0], 16, -1).mean(2) + 1e-6)


def spectrum_elsewhere(x):
    """The same in NumPy, which no tracer can enter."""
    power = np.abs(np.fft.rfft(np.ascontiguousarray(x), axis=1))[:, :2048] ** 2
    return np.log(power.reshape(x.shape[0], 16, -1).mean(2) + 1e-6)


def test_a_model_in_jax_has_a_gradient_and_fits():
    dry = plucks()
    target = embedding(spectrum)
    assert target.differentiable
    assert str(target) == "embedding(spectrum)"
    fit = dl.fit("gain", dry, 0.5 * dry, SR, target, align=False)
    assert fit.values["gain_db"] == pytest.approx(-6.02, abs=0.02)


def test_a_model_outside_of_jax_gives_the_same_distance_and_no_gradient():
    target = embedding(spectrum_elsewhere)
    assert not target.differentiable
    x, y = plucks(), plucks(seed=1)
    assert target.between(x, y, SR) == pytest.approx(embedding(spectrum).between(x, y, SR), rel=1e-4)
    assert target.between(x, x, SR) == 0.0
    with pytest.raises(DdspLabError) as error:
        dl.fit("gain", x, y, SR, target, "adam", align=False)
    assert error.value.code == "fit-needs-gradient"
    assert "JAX" in error.value.remedy


def test_a_sum_with_a_model_is_weighed_and_named():
    total = 0.5 * embedding(spectrum) + dl.targets.Esr()
    assert str(total) == "0.5 * embedding(spectrum) + esr"
    x, y = plucks(), plucks(seed=1)
    parts = 0.5 * embedding(spectrum).between(x, y, SR) + dl.targets.Esr().between(x, y, SR)
    assert total.between(x, y, SR) == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize("make", [lambda: embedding(3), lambda: auraloss("STFTLoss")])
def test_what_cannot_be_called_is_refused(make):
    with pytest.raises(DdspLabError) as error:
        make()
    assert error.value.code == "bad-setting"


def test_a_loss_in_torch_gives_its_value_its_gradient_and_a_fit():
    torch = pytest.importorskip("torch", reason="auraloss needs torch, a large download")
    losses = pytest.importorskip("auraloss", reason="auraloss needs torch, a large download")
    module = losses.freq.STFTLoss(fft_size=256, hop_size=64, win_length=256)
    target, x, y = auraloss(module), plucks(channels=2), plucks(seed=1, channels=2)
    given = torch.tensor(y[None], requires_grad=True)
    wanted = module(given, torch.tensor(x[None]))
    wanted.backward()
    import jax

    value, slope = jax.jit(jax.value_and_grad(lambda v: target.distance(target.prepare(jnp.asarray(x), SR), v, SR)))(y)
    assert float(value) == pytest.approx(wanted.item(), rel=1e-6)
    np.testing.assert_allclose(slope, given.grad[0].numpy(), rtol=1e-5, atol=1e-9)
    dry = plucks(seed=2)
    fit = dl.fit("gain", [dry, dry[:, :5000]], [0.5 * dry, 0.5 * dry[:, :5000]], SR, target, "adam(steps=150)")
    assert fit.values["gain_db"] == pytest.approx(-6.02, abs=0.05)
    assert fit.metrics["evaluations"] >= 300
