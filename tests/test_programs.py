"""A program that stands on the disk is not traced again, and a file that is not whole is not believed."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest

import ddsp_lab as dl
from ddsp_lab import _problem, _programs
from ddsp_lab._pairs import Window, prepare_pair, problem
from ddsp_lab._parse import parse_target

SR = 8000


@pytest.fixture
def traced(tmp_path, monkeypatch):
    """How often the loss of a problem was traced, in what counts as processes of their own."""
    count = []
    loss = _problem.Problem.loss
    monkeypatch.setattr(_problem.Problem, "loss", lambda self, u: count.append(u) or loss(self, u))
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))

    def traces(chain, target="esr"):
        _programs._program.cache_clear()
        count.clear()
        x = np.random.default_rng(0).standard_normal((1, 600)).astype(np.float32)
        space = dl.Space(dl.parse(chain))
        pair = prepare_pair(x, 0.5 * x, SR, space.chain, aligned=False)
        asked = problem([pair], [Window(0, 0, pair.samples)], space, parse_target(target), SR)
        loss = float(_problem.losses(asked, space.start[None].astype(np.float32))[0])
        return loss, len(count)

    yield traces
    jax.config.update("jax_compilation_cache_dir", before)
    _programs._program.cache_clear()


def kept(folder):
    return sorted((folder / "lowered").glob("*"))


def test_the_next_process_traces_nothing_and_answers_the_same(traced, tmp_path):
    first, traces = traced("gain >> low_pass")
    assert traces == 1
    assert len(kept(tmp_path)) == 1
    assert traced("gain >> low_pass") == (first, 0)


@pytest.mark.parametrize(
    ("chain", "target"), [("gain >> high_pass", "esr"), ("gain >> low_pass", "esr(pre_emphasis=0.9)")]
)
def test_another_chain_or_target_is_another_program(traced, tmp_path, chain, target):
    traced("gain >> low_pass")
    assert traced(chain, target)[1] == 1
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b[:40] + b"x" + b[41:], lambda b: b""])
def test_a_file_that_is_not_whole_is_traced_anew(traced, tmp_path, harm):
    first, _ = traced("gain")
    (file,) = kept(tmp_path)
    file.write_bytes(harm(file.read_bytes()))
    assert traced("gain") == (first, 1)
    assert traced("gain") == (first, 0)


def test_a_block_whose_source_is_not_known_is_traced_in_every_process(traced, tmp_path):
    @dataclass(frozen=True)
    class Foreign(type(dl.parse("gain"))):
        pass

    try:
        assert [traced("foreign")[1] for _ in range(2)] == [1, 1]
    finally:
        del dl.Block.registry["foreign"]
    assert not kept(tmp_path)


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(traced, tmp_path):
    (tmp_path / "lowered").write_text("in the way")
    assert traced("gain")[1] == 1
