"""The search for chains in which some parameters have a gradient and others have none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from boxes import louder, tilted
from helpers import SR, plucks, wet

import ddsp_lab as dl
from ddsp_lab._block import blind
from ddsp_lab._errors import FitError
from ddsp_lab._space import Space
from ddsp_lab.optimizers._groups import groups

BOX = dl.callable_block(
    tilted, [dl.Param("low_db", -12.0, 12.0, 0.0, "dB"), dl.Param("high_db", -12.0, 12.0, 0.0, "dB")]
)
SOUND = plucks(seconds=1.0)


def hybrid():
    return dl.parse("soft_clip(oversample=1)") >> BOX >> dl.parse("delay")


def hidden(chain, seed):
    space = Space(chain)
    values = space.decode(np.random.default_rng(seed).uniform(0.2, 0.8, space.size))
    return dl.render(chain, values, SOUND, SR)


def test_what_has_a_gradient_is_what_stands_behind_the_last_black_box():
    chain = dl.parse("gain") >> (0.5 * BOX + 0.5 * dl.parse("soft_clip")) >> dl.parse("high_pass")
    kept = {path for path in Space(chain).params if path not in set(blind(chain))}
    assert {path.partition(".")[0] for path in kept} == {"parallel", "high_pass"}
    assert {path for path in kept if path.startswith("parallel")} == {
        "parallel.weights.callable_block",
        "parallel.weights.soft_clip",
        "parallel.soft_clip.drive_db",
        "parallel.soft_clip.bias",
    }


def test_differences_are_the_derivatives_where_there_are_any():
    x, chain = SOUND, dl.parse("gain >> high_pass")
    y = wet("gain >> high_pass", x, gain={"gain_db": 3.0})
    box = dl.callable_block(louder, [dl.Param("gain_db", -24.0, 24.0, 0.0, "dB")], memoryless=True) >> dl.parse(
        "high_pass"
    )
    known, found = (
        dl.fit(c, x, y, SR, optimizer="levenberg_marquardt(differences=true)", budget=60) for c in (chain, box)
    )
    assert known.metrics["loss"] < 1e-9
    assert found.metrics["loss"] < 1e-9


@pytest.mark.nightly
def test_both_at_once_need_a_quarter_of_what_pure_search_needs():
    for seed in range(2):
        y = hidden(hybrid(), seed)
        pure = dl.fit(hybrid(), SOUND, y, SR, optimizer="differential_evolution", budget=1000, seed=seed)
        both = dl.fit(hybrid(), SOUND, y, SR, optimizer="memetic", budget=1000, seed=seed)
        reached = next(n for n, loss in both.history if loss <= pure.metrics["loss"])
        assert reached <= 250


def test_it_is_chosen_where_there_are_both():
    result = dl.fit(hybrid(), SOUND, hidden(hybrid(), 3), SR, budget=60)
    assert "memetic" in dict(result.notes)["optimizer-chosen"]


def test_a_setting_and_a_curve_are_found_together():
    chain = dl.parse("one_of(soft_clip, hard_clip, tube) >> tilt_eq")
    space = Space(chain)
    u = np.where(np.array(space.names) == "one_of.which", 0.5, 0.6)
    y = dl.render(chain, space.decode(u), SOUND, SR)
    result = dl.fit(chain, SOUND, y, SR, optimizer="memetic", budget=1500)
    assert result.preset.flat["one_of.which"] == 1.0
    assert result.metrics["loss"] < 1e-6


@pytest.mark.nightly
def test_a_target_that_is_no_sum_of_squares_is_followed_by_signs():
    y = hidden(hybrid(), 6)
    result = dl.fit(hybrid(), SOUND, y, SR, "multi_resolution_stft", "memetic", budget=400)
    random = dl.fit(hybrid(), SOUND, y, SR, "multi_resolution_stft", "random_search", budget=400)
    assert result.metrics["loss"] < 0.7 * random.metrics["loss"]


def test_bands_are_recognised_by_their_names():
    names = ["eq.gain_db[0]", "eq.gain_db[1]", "eq.q[0]", "eq.q[1]", "p.boost_cut_1_db", "p.bandwidth_1", "p.master_db"]
    assert groups(names) == [{"gain_db": 0, "q": 2}, {"gain_db": 1, "q": 3}, {"boost_cut": 4, "bandwidth": 5}]


def test_adam_passes_through_a_surrogate():
    chain = dl.parse("gain") >> dl.Surrogate(BOX, probes=4)
    y = hidden(chain, 5)
    result = dl.fit(chain, SOUND, y, SR, optimizer="adam(steps=150)")
    assert result.metrics["loss"] < 0.05 * result.metrics["loss_start"]


@pytest.mark.nightly
def test_the_surrogates_gradient_is_right_on_average():
    block = dl.Surrogate(dl.parse("high_pass"), probes=64, nudge=0.001)
    x, w = jnp.asarray(SOUND), jnp.asarray(plucks(seed=7))

    def seen(p, x):
        return jnp.vdot(w, block.apply(p, x, dl.Context(SR)))

    p = {"high_pass": {"cutoff_hz": jnp.asarray(300.0), "q": jnp.asarray(0.9)}}
    plain = jax.grad(lambda p: jnp.vdot(w, block.block.apply(p, x, dl.Context(SR))))(p["high_pass"])
    for key, value in jax.grad(seen)(p, x)["high_pass"].items():
        assert float(value) == pytest.approx(float(plain[key]), rel=0.3, abs=0.02 * abs(float(plain[key])) + 1e-4)
    true = jax.grad(lambda x: jnp.vdot(w, block.block.apply(p["high_pass"], x, dl.Context(SR))))(x)
    given = jax.grad(seen, argnums=1)(p, x)
    assert float(jnp.linalg.norm(given - true)) < 0.2 * float(jnp.linalg.norm(true))


def test_without_the_switch_differences_are_refused():
    with pytest.raises(FitError, match="fit-needs-gradient"):
        dl.fit(hybrid(), SOUND, SOUND, SR, optimizer="levenberg_marquardt")
