"""Six operators against what was published of the DX7: number by number, sample by sample, byte by byte."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ddsp_lab as dl
from ddsp_lab import Preset, Space, note, render
from ddsp_lab._dx7 import BANK, INIT, SINGLE
from ddsp_lab._errors import PresetError
from ddsp_lab.dsp import dx7_numbers, six_operators
from ddsp_lab.synths import Fm6

SR = 48_000
# the carriers; whom operators 1 to 6 are moved by; from where to where the feedback goes
CHART = """
13 2 - 4 5 6 - 66|13 2 - 4 5 6 - 22|14 2 3 - 5 6 - 66|14 2 3 - 5 6 - 46|135 2 - 4 - 6 - 66|135 2 - 4 - 6 - 56
13 2 - 45 - 6 - 66|13 2 - 45 - 6 - 44|13 2 - 45 - 6 - 22|14 2 3 - 56 - - 33|14 2 3 - 56 - - 66|13 2 - 456 - - - 22
13 2 - 456 - - - 66|13 2 - 4 56 - - 66|13 2 - 4 56 - - 22|1 235 - 4 - 6 - 66|1 235 - 4 - 6 - 22|1 234 - - 5 6 - 33
145 2 3 - 6 6 - 66|124 3 3 - 56 - - 33|1245 3 3 - 6 6 - 33|1345 2 - 6 6 6 - 66|1245 - 3 - 6 6 - 66
12345 - - 6 6 6 - 66|12345 - - - 6 6 - 66|124 - 3 - 56 - - 66|124 - 3 - 56 - - 33|136 2 - 4 5 - - 55
1235 - - 4 - 6 - 66|1236 - - 4 5 - - 55|12345 - - - - 6 - 66|123456 - - - - - - 66
"""


def test_the_algorithms_are_those_of_the_chart():
    rows = CHART.strip().replace("\n", "|").split("|")
    assert len(rows) == len(six_operators.ALGORITHMS) == 32
    for row, (carriers, moved, loop) in zip(rows, six_operators.ALGORITHMS, strict=True):
        heard, *movers, feedback = row.split()
        assert tuple(map(int, heard)) == carriers, row
        assert tuple(tuple(int(i) for i in m.strip("-")) for m in movers) == moved, row
        assert (int(feedback[0]), int(feedback[1])) == (loop[-1], loop[0]), row


@pytest.mark.parametrize("number", range(1, 33))
def test_an_algorithm_is_the_sum_of_its_carriers_sample_by_sample(number):
    rng = np.random.default_rng(number)
    turns = np.float32(np.outer(rng.uniform(0.001, 0.02, 6), np.arange(200)) % 1.0)
    level = np.float32(rng.uniform(0.05, 0.3, (6, 200)))
    y = summed(turns, level, np.pi / 4.0, number)
    got = six_operators.six_operators(jnp.asarray(turns), jnp.asarray(level), jnp.float32(5.0), number)
    np.testing.assert_allclose(got, y, atol=1e-4)


def summed(turns, level, strength, number):
    """A plain loop over the samples, in float64."""
    carriers, moved, loop = six_operators.ALGORITHMS[number - 1]
    a = b = 0.0
    y = []
    for n in range(turns.shape[1]):
        out = {}
        for i in range(6, 0, -1):
            move = 4.0 * np.pi * sum(out[j] for j in moved[i - 1])
            if i == loop[0]:
                move += strength * (a + b)
            out[i] = level[i - 1, n] * np.sin(2.0 * np.pi * turns[i - 1, n] + move)
        a, b = out[loop[-1]], a
        y.append(sum(out[i] for i in carriers))
    return np.array(y)


def test_levels_in_envelopes_come_in_pairs_and_rates_in_64_speeds():
    """Regression: both were taken for even, a rate by up to a sixth too fast and a level by 0.75 dB too low."""
    np.testing.assert_allclose(
        dx7_numbers.output_doublings(jnp.asarray([99.0, 91.0, 20.0, 5.0])), [0, -1, -79 / 8, -107 / 8]
    )
    inside = dx7_numbers.envelope_doublings(jnp.asarray([99.0, 98.0, 97.0, 96.0, 0.0]))
    np.testing.assert_allclose(inside, [0, 0, -0.25, -0.25, -15.75])
    rates = np.arange(100)
    q = rates * 41 // 64
    expected = 0.2819 * 2.0 ** (q // 4) * (1.0 + 0.25 * (q % 4))
    np.testing.assert_allclose(dx7_numbers.speed(jnp.asarray(rates, float)) * 20.0 * np.log10(2.0), expected, rtol=1e-3)
    slope = jax.vmap(jax.grad(dx7_numbers.envelope_doublings))(jnp.linspace(20.1, 98.9, 400))
    np.testing.assert_allclose(slope, 0.125, rtol=1e-5)


def stepped(rates, levels, full, quicker, off_s, samples):
    """An envelope as it was described, step by step, in doublings: 8 steps a sample."""
    steps = [0, 5, 9, 13, 17, 20, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 42, 43, 45, 46, *range(48, 128)]
    goals = [max(16, (steps[v] // 2 << 6) + round(256 * full) + 4064 - 4256) / 256.0 for v in levels]
    stage, level, held, out, per_s = 0, goals[3], 0.0, [], 8 * SR
    for n in range(8 * samples):
        if n == round(off_s * per_s):
            stage, held = 3, 0.0
        if n % 8 == 0:
            out.append(2.0 ** (level - 15.0) if level > 1.0 / 16.0 else 0.0)
        if n < round(off_s * per_s) and stage == 3:
            continue
        q = min(63, rates[stage] * 41 // 64 + quicker)
        by = 0.2819 / 6.0206 * 2.0 ** (q // 4) * (1.0 + 0.25 * (q % 4)) / per_s
        if goals[stage] > level:
            level = max(level, 1716 / 256)
            level = min(level + int(17.0 - level) * by, goals[stage])
        elif goals[stage] < level:
            level = max(level - by, goals[stage])
        else:
            held += by
        if level == goals[stage] and (held == 0.0 or held > 480 / 256) and stage < 3:
            stage, held = stage + 1, 0.0
    return np.array(out)


VOICE = {
    "rate_1": [70, 80, 65, 75, 72, 60],
    "rate_2": [60, 66, 70, 50, 77, 80],
    "rate_3": [50, 60, 70, 80, 40, 66],
    "rate_4": [70, 66, 72, 60, 75, 80],
    "level_1": [99, 95, 90, 99, 81, 99],
    "level_2": [80, 95, 99, 70, 60, 90],
    "level_3": [90, 60, 99, 80, 70, 85],
    "level_4": [0, 0, 30, 0, 0, 0],
    "output_level": [95, 70, 90, 65, 85, 60],
    "coarse": [1, 0, 3, 2, 1, 3],
    "fine": [0, 50, 0, 7, 0, 33],
    "detune": [3, -7, 0, 2, -1, 7],
    "fixed": [0, 0, 0, 0, 0, 1],
    "touch": [3, 7, 0, 1, 5, 2],
    "rate_scaling": [0, 3, 7, 2, 1, 5],
    "break_point": [39] * 6,
    "left_depth": [50, 0, 10, 20, 99, 5],
    "right_depth": [20, 50, 0, 99, 10, 30],
    "left_curve": [0, 1, 2, 3, 0, 1],
    "right_curve": [1, 0, 3, 2, 0, 1],
    "feedback": 5.0,
    "transpose_st": -12,
}


def spelled(algorithm, pitch, velocity, off_s, samples):
    """The whole voice from whole numbers, in float64."""
    v = {k: np.asarray(x) for k, x in VOICE.items()}
    key, bent = pitch + VOICE["transpose_st"], dx7_numbers._BENT
    hz = 440.0 * 2.0 ** ((key - 69) / 12.0)
    octaves = np.log2(hz)
    steps = dx7_numbers._STEPS
    turns, level = [], []
    for i in range(6):
        ratio = (v["coarse"][i] or 0.5) * (1.0 + v["fine"][i] / 100.0) * hz
        ratio *= 2.0 ** (0.0209 / 7.0 * np.exp(-0.396 * octaves) * octaves * v["detune"][i])
        alone = 10.0 ** (v["coarse"][i] % 4 + v["fine"][i] / 100.0) * 2.0 ** (13457 / 2**24 * max(0, v["detune"][i]))
        turns.append((alone if v["fixed"][i] else ratio) * np.arange(samples) / SR)
        offset = key - v["break_point"][i] - 17
        side = "right" if offset >= 0 else "left"
        group, depth, curve = (abs(offset) + 1) // 3, v[f"{side}_depth"][i], v[f"{side}_curve"][i]
        scale = group * depth * 329 >> 12 if curve in (0, 3) else int(bent[min(group, 32)]) * depth * 329 >> 15
        out = min(127, int(steps[v["output_level"][i]]) + (-scale if curve < 2 else scale))
        touch = int(dx7_numbers._TOUCH[round(127 * velocity)]) - 239
        full = (out - 127) / 8.0 + ((v["touch"][i] * touch + 7) >> 3) / 16.0
        quicker = v["rate_scaling"][i] * min(31, max(0, key // 3 - 7)) >> 3
        own = ([v[f"{what}_{k}"][i] for k in range(1, 5)] for what in ("rate", "level"))
        level.append(stepped(*own, full, quicker, off_s, samples))
    y = summed(np.array(turns), np.array(level), np.pi / 4.0, algorithm)
    return y / len(six_operators.ALGORITHMS[algorithm - 1].carriers)


@pytest.mark.parametrize(("algorithm", "pitch"), [(4, 72), (16, 48)])
def test_a_voice_is_the_instrument_s_sample_by_sample(algorithm, pitch):
    samples, off_s, velocity = 2400, 0.03, 90 / 127
    exact = spelled(algorithm, pitch, velocity, off_s, samples)
    y = render(Fm6(algorithm, key_levels=True), VOICE, note(pitch, off_s, velocity, samples / SR), SR)[0]
    assert np.abs(exact).max() > 0.05
    assert np.abs(y - exact).max() < 0.02 * np.abs(exact).max()


def test_amounts_between_whole_numbers_are_between_them():
    """And their slopes live, where two numbers stand for one value too."""
    block, given = Fm6(5), note(60.0, 0.1, 0.9, 0.2)
    for name in ("level_2", "output_level", "touch"):
        whole = dict(Space(block).decode(Space(block).start))
        low, high, half = (
            np.abs(render(block, whole | {name: np.full(6, v)}, given, 8000)).sum() for v in (4.0, 6.0, 5.5)
        )
        assert min(low, high) <= half <= max(low, high)


# --- its files


def random_voice(rng):
    """Any bytes that a voice may hold, from the table of the instrument's manual."""
    own = [99] * 8 + [99, 99, 99, 3, 3, 7, 3, 7, 99, 1, 31, 99, 14]
    high = np.array(own * 6 + [99] * 8 + [31, 7, 1, 99, 99, 99, 99, 1, 5, 7, 48])
    return np.concatenate([rng.integers(0, high + 1), rng.integers(32, 127, 10)])


def message(head, body):
    body = np.asarray(body, np.uint8)
    return head + body.tobytes() + bytes([-int(body.astype(int).sum()) & 0x7F, 0xF7])


def packed(voice):
    """As the manual draws a bank: some bytes hold several numbers."""
    out = []
    for v in np.reshape(voice[:126], (6, 21)):
        out += [*v[:11], v[11] | v[12] << 2, v[13] | v[20] << 3, v[14] | v[15] << 2, v[16], v[17] | v[18] << 1, v[19]]
    out += [*voice[126:135], voice[135] | voice[136] << 3, *voice[137:141]]
    return [*out, voice[141] | voice[142] << 1 | voice[143] << 4, *voice[144:155]]


def test_a_voice_and_a_bank_come_back_byte_by_byte(tmp_path):
    rng, path, again = np.random.default_rng(0), tmp_path / "a.syx", tmp_path / "b.syx"
    voices = [random_voice(rng) for _ in range(32)]
    for data in (message(SINGLE, voices[0]), message(BANK, np.concatenate([packed(v) for v in voices]))):
        path.write_bytes(data)
        presets = dl.read_dx7(path)
        kept = [Preset.parse(p.text().encode()) for p in presets]
        assert kept == presets
        assert dl.write_dx7(again, kept if len(kept) > 1 else kept[0]) == []
        assert again.read_bytes() == data
    first = kept[0]
    assert first.block.algorithm == voices[0][134] + 1
    assert first.values["rate_1"][5] == voices[0][0], "the sixth operator comes first"
    assert first.values["detune"][0] == voices[0][125] - 7
    assert first.fit["dx7"]["name"] == bytes(voices[0][145:].tolist()).decode()


def test_a_fitted_patch_is_rounded_and_what_has_no_place_is_said(tmp_path):
    path = tmp_path / "a.syx"
    patch = Preset.of(Fm6(7), {"output_level": [98.6, 70.2, 99, 62, 99, 70], "level_db": -3.0}, SR)
    ((code, text),) = dl.write_dx7(path, [patch])
    assert code == "dx7-left-out"
    assert "level_db=-3" in text
    read = dl.read_dx7(path)
    assert len(read) == 32
    assert read[0].values["output_level"][:2] == [99, 70]
    assert read[0].block.algorithm == 7
    assert read[31].fit["dx7"]["name"] == "INIT VOICE"
    with pytest.raises(PresetError, match="fm6 alone") as error:
        dl.write_dx7(path, Preset.of(Fm6() >> dl.effects.Gain(), {}, SR))
    assert error.value.code == "dx7-voice"


GOOD = message(SINGLE, INIT)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has 0 bytes"),
        (b"RIFF" + GOOD, "neither"),
        (GOOD[:-1], "neither"),
        (GOOD[:20] + b"\x05" + GOOD[21:], "checksum"),
        (message(SINGLE, [100, *INIT[1:]]), "byte 0, which goes to 99"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_voice_is_refused(data, said, tmp_path):
    if data is not None:
        (tmp_path / "a.syx").write_bytes(data)
    with pytest.raises(PresetError, match=said) as error:
        dl.read_dx7(tmp_path / "a.syx")
    assert error.value.code == "dx7-file"
