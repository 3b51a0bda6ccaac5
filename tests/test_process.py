"""What a process of thousands of programs needs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from ddsp_lab import _process


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells")
def test_programs_give_their_memory_maps_back_before_the_last_is_taken(monkeypatch):
    def compile_some():
        for k in range(20):
            jax.jit(lambda x, k=k: jax.lax.fori_loop(0, 3, lambda _, y: jnp.sin(k * y), x))(jnp.ones(3 + k))

    jax.clear_caches()  # whatever the tests before have compiled
    before, given = _process._memory_maps()
    compile_some()
    full, _ = _process._memory_maps()
    _process.make_room_for_programs()
    assert before < full < given // 2
    assert _process._memory_maps()[0] >= full - 5  # nothing is forgotten while there is room
    monkeypatch.setattr(_process, "_memory_maps", lambda: (full, 2 * full - 2))
    _process.make_room_for_programs()
    monkeypatch.undo()
    assert _process._memory_maps()[0] < full - 20
