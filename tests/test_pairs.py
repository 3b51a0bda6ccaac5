"""What a fit sees: windows of long files after a warm-up, never what is held out, and that is what stops it."""

import numpy as np
import pytest
from helpers import SR, plucks

import ddsp_lab as dl
from ddsp_lab import Space, _problem
from ddsp_lab._pairs import (
    EXCERPT_S,
    FIT_S,
    HOLD_OUT,
    LEAD_S,
    NO_ALIGNMENT,
    WINDOW_S,
    Pair,
    excerpt,
    joined,
    problem,
    windows,
)
from ddsp_lab.targets import Esr, MultiResolutionStft

LOW = 1000  # Hz: a rate at which a minute is short


def pair(seconds, sr=LOW, seed=0, level=None):
    x = plucks(seed, seconds, sr)
    return Pair(x, x if level is None else x * level(np.arange(x.shape[1]) / sr).astype(np.float32), NO_ALIGNMENT)


def spans(found, sr=LOW):
    return [(w.pair, w.start / sr, w.stop / sr) for w in found]


def test_short_pairs_are_seen_whole():
    seen, held = windows([pair(2.9), pair(1.0)], LOW)
    assert spans(seen) == [(0, 0.0, 2.9), (1, 0.0, 1.0)]
    assert held == []


def test_the_end_of_longer_pairs_is_held_out():
    seen, held = windows([pair(8.0), pair(2.0)], LOW)
    assert [(w.pair, w.start) for w in seen] == [(0, 0), (1, 0)]
    assert [(w.pair, w.stop) for w in held] == [(0, 8000)]
    assert seen[0].stop == held[0].start == pytest.approx((1.0 - HOLD_OUT) * 8000, rel=0.05)


def test_what_dies_away_is_no_passage_to_hold_out():
    seen, held = windows([pair(10.0, level=lambda t: t < 5.0)], LOW)
    assert seen[0].stop == held[0].start == pytest.approx((1.0 - HOLD_OUT) * 5000, rel=0.05)


@pytest.mark.parametrize("click_s", [0.0, 1.0, 3.9])
def test_a_click_is_not_held_out_of_its_own_fit(click_s):
    x = np.zeros((1, 4 * LOW), np.float32)
    x[0, int(click_s * LOW)] = 1.0
    assert [spans(found) for found in windows([Pair(x, x, NO_ALIGNMENT)], LOW)] == [[(0, 0.0, 4.0)], []]


def test_long_files_are_seen_through_windows_over_all_of_them():
    seen, held = windows([pair(60.0)], LOW)
    count = int(FIT_S / WINDOW_S)
    assert [w.stop - w.start for w in seen] == [WINDOW_S * LOW] * count
    assert [int(count * (w.start + w.stop) / 2 / held[0].start) for w in seen] == list(range(count))
    assert max(w.stop for w in seen) <= held[0].start


def test_windows_are_the_loudest_of_their_stretch():
    count = int(FIT_S / WINDOW_S)
    loud = [(i + 0.3) * 51.0 / count for i in range(count)]  # of 60 s the first 51 are seen
    seen, _ = windows([pair(60.0, level=lambda t: 0.1 + sum((t >= s) & (t < s + 1.0) for s in loud))], LOW)
    for start, w in zip(loud, seen, strict=True):
        assert w.start / LOW <= start + 0.1
        assert w.stop / LOW >= start + 0.9


def test_several_long_files_share_the_windows():
    seen, held = windows([pair(40.0, seed=i) for i in range(2)], LOW)
    assert [w.pair for w in held] == [0, 1]
    assert [w.pair for w in seen] == sorted(w.pair for w in seen)
    assert sum(w.stop - w.start for w in seen) == FIT_S * LOW == 2 * sum(w.stop - w.start for w in seen if w.pair)


def test_an_excerpt_is_the_beginning_of_the_loudest_window_if_half_is_more():
    pairs = [pair(6.0, level=lambda t: 0.1 + 0.0 * t), pair(6.0, seed=1)]
    seen, _ = windows(pairs, LOW)
    assert spans(excerpt(pairs, seen, LOW)) == [(1, 0.0, EXCERPT_S)]
    assert excerpt(pairs[:1], windows([pair(4.0)], LOW)[0], LOW) == []
    late = pair(12.0, level=lambda t: 1e-3 + (t > 4.0))
    (w,) = excerpt([late], windows([late], LOW)[0], LOW)
    assert 4.0 * LOW < w.stop < 5.0 * LOW


def test_joined_passages_follow_each_other():
    pairs = [pair(60.0, level=lambda t: 0.5 + 0.0 * t), pair(2.0, seed=1)]
    seen, _ = windows(pairs, LOW)
    dry, reference = joined(pairs, seen)
    np.testing.assert_array_equal(dry, np.concatenate([pairs[w.pair].dry[:, w.start : w.stop] for w in seen], axis=1))
    assert reference.shape == dry.shape
    np.testing.assert_array_equal(
        reference[:, : seen[0].stop - seen[0].start], 0.5 * dry[:, : seen[0].stop - seen[0].start]
    )


@pytest.mark.parametrize("lead_s", [LEAD_S, 0.0])
def test_a_window_hears_what_was_played_before_it(monkeypatch, lead_s):
    monkeypatch.setattr("ddsp_lab._pairs.LEAD_S", lead_s)
    chain = dl.parse("delay(time_ms=900, feedback=0.3, mix=0.5)")
    x = plucks(0, 60.0, LOW)
    pairs = [Pair(x, dl.render(chain, {}, x, LOW), NO_ALIGNMENT)]
    seen, _ = windows(pairs, LOW)
    space = Space(chain)
    whole = problem(pairs, seen, space, Esr(), LOW)
    (loss,) = _problem.losses(whole, space.start[None].astype(np.float32))
    # the echoes of what came more than two seconds before are fainter than 0.3 ** 2
    assert (float(loss) < 0.02) == (lead_s > 0.0)


@pytest.mark.parametrize("target", [Esr(), Esr(0.5), MultiResolutionStft((64,))], ids=str)
def test_padding_to_the_longest_is_not_heard(target):
    chain = dl.parse("delay(time_ms=400, feedback=0.9)")  # rings on
    space = Space(chain)
    pairs = [pair(2.0, level=lambda t: 0.3 + t), pair(0.7, seed=1, level=lambda t: 1.0 - t)]
    problems = [problem(p, windows(p, LOW)[0], space, target, LOW) for p in (pairs, pairs[:1], pairs[1:])]
    together, first, second = (float(_problem.losses(p, space.start[None].astype(np.float32))[0]) for p in problems)
    assert together == pytest.approx((first + second) / 2, rel=1e-5)
    assert abs(first - second) > 0.01 * first


def fitted_to(end):
    """A fit to a reference four times as loud as the dry recording, but for its end."""
    x = plucks(0, 3.2, LOW)
    reference = 4.0 * x
    reference[:, int(0.8 * x.shape[1]) :] = end * x[:, int(0.8 * x.shape[1]) :]
    way = {"target": "multi_resolution_stft(fft_sizes=[128])", "optimizer": "adam(steps=300, learning_rate=0.01)"}
    return dl.fit("gain", x, reference, LOW, **way, align=False)


def test_what_is_held_out_stops_a_fit_that_leaves_it_behind():
    agreeing, torn = fitted_to(4.0), fitted_to(1.0)
    assert agreeing.values["gain_db"] == pytest.approx(12.04, abs=0.3)
    assert torn.values["gain_db"] < 4.0
    assert torn.metrics["evaluations"] < agreeing.metrics["evaluations"] == 601
    assert torn.metrics["held_out"] < 1.0


def test_the_figure_of_what_was_held_out_is_of_that_alone():
    x = plucks(0, 3.2)
    reference = 0.5 * (x + np.where(np.arange(x.shape[1]) < 0.8 * x.shape[1], 0.0, 0.5) * plucks(7, 3.2))
    result = dl.fit("gain", x, reference, SR)
    unseen = windows([Pair(x, reference, NO_ALIGNMENT)], SR)[1][0].start
    wrong = result.sounds["fit"][:, unseen:] - reference[:, unseen:]
    assert result.metrics["held_out"] == pytest.approx(np.sum(wrong**2) / np.sum(reference[:, unseen:] ** 2), rel=1e-3)
    assert result.metrics["held_out"] > 10 * result.metrics["loss"]
