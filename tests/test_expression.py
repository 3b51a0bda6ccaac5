"""The text of a chain: it reads back as it was written, and whatever else is typed ends in an error with a remedy."""

import builtins
import time
import types
import typing
from functools import reduce

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from msgspec import Meta

from ddsp_lab import Block, Mix, Optimizer, Parallel, Series, Target, parse
from ddsp_lab._errors import DdspLabError, ExpressionError
from ddsp_lab._expression import MAX_DEPTH, MAX_LENGTH
from ddsp_lab._parse import parse_optimizer, parse_target
from ddsp_lab._registry import settings_of
from ddsp_lab._space import starting_values
from ddsp_lab.effects import Compressor, Delay, Gain, ParametricEq, SoftClip
from ddsp_lab.targets import Esr, MultiResolutionStft

FAMILIES = {Block: parse, Target: parse_target, Optimizer: parse_optimizer}
READERS = list(FAMILIES.values())


def members(family):
    """What ships in a family; tests register blocks of their own."""
    return [m for _, m in sorted(family.registry.items()) if m.__module__.startswith("ddsp_lab.")]


def allowed(hint):
    """Values that a setting's annotation allows."""
    if types.NoneType in typing.get_args(hint):
        return st.none() | allowed(next(h for h in typing.get_args(hint) if h is not types.NoneType))
    kind, low, high = hint, None, None
    if typing.get_origin(hint) is typing.Annotated:
        kind, *notes = typing.get_args(hint)
        for note in (n for n in notes if isinstance(n, Meta)):
            low = note.ge if note.ge is not None else (note.gt + 1e-3 if note.gt is not None else low)
            high = note.le if note.le is not None else (note.lt - 1e-3 if note.lt is not None else high)
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return st.lists(allowed(typing.get_args(kind)[0]), min_size=1, max_size=3).map(tuple)
    if kind is int:
        return st.integers(low if low is not None else -1000, high if high is not None else 10**6)
    if kind is float:
        return st.floats(low if low is not None else -1e6, high if high is not None else 1e6)
    assert kind is bool, f"no strategy for the annotation {hint}"
    return st.booleans()


@st.composite
def member_at_settings(draw, family):
    cls = draw(st.sampled_from([m for m in members(family) if getattr(m, "family", "") not in ("wrappers", "hosts")]))
    hints = typing.get_type_hints(cls, include_extras=True)
    chosen = draw(st.sets(st.sampled_from([f.name for f in settings_of(cls)]))) if settings_of(cls) else ()
    try:
        return cls(**{name: draw(allowed(hints[name])) for name in sorted(chosen)})
    except ExpressionError as refused:  # each setting is allowed, but not all of them together
        if refused.code != "bad-setting":
            raise
        reject()


@st.composite
def started(draw, block):
    """The block with some of its parameters starting elsewhere."""
    starts = {}
    for q in block.params:
        if draw(st.booleans()):
            number = st.integers(int(q.low), int(q.high)).map(float) if q.levels else st.floats(q.low, q.high)
            size = q.shape[0] if q.shape else 0
            row = (
                st.lists(number, min_size=size, max_size=size) if size <= 64 else number.map(lambda v, n=size: [v] * n)
            )
            starts[q.name] = draw(row if size else number)
    return block.starting_at(**starts) if starts else block


LABELS = st.sampled_from(["", "", "", "a", "b_2", "_c", "gain", "true", "delay_2"])
WEIGHTS = st.one_of(st.none(), st.floats(-1.0, 1.0))


def combined(chains):
    rows = st.lists(chains, min_size=1, max_size=3)
    wrapped = st.one_of(
        rows.map(lambda r: Series(tuple(r))),
        rows.flatmap(lambda r: st.tuples(*[WEIGHTS] * len(r)).map(lambda w: Parallel.of(*zip(w, r, strict=True)))),
        chains.flatmap(lambda c: started(Mix(c))),
    )
    return st.tuples(wrapped, LABELS).map(lambda pair: pair[0].named(pair[1]))


LINKS = st.tuples(member_at_settings(Block).flatmap(started), LABELS).map(lambda pair: pair[0].named(pair[1]))
CHAINS = st.recursive(LINKS, combined, max_leaves=6)


@given(st.data())
def test_a_chain_reads_back_from_its_text(data):
    try:
        chain = data.draw(CHAINS)
    except ExpressionError:  # two links drew one label
        assume(False)
    text = str(chain)
    again = parse(text)
    assert again == chain, text
    assert str(again) == text
    starts, expected = starting_values(again), starting_values(chain)
    assert starts.keys() == expected.keys()
    for path, value in expected.items():
        np.testing.assert_array_equal(starts[path], value, err_msg=f"{path} of {text}")


@pytest.mark.parametrize("family", [Target, Optimizer], ids=["target", "optimizer"])
@given(data=st.data())
def test_targets_and_optimizers_read_back_from_their_text(family, data):
    parts = [data.draw(member_at_settings(family)) for _ in range(data.draw(st.integers(1, 3)))]
    if family is Optimizer:
        assert parse_optimizer(str(parts[0])) == parts[0]
        return
    weighted = [data.draw(st.floats(1e-6, 1e6)) * t if data.draw(st.booleans()) else t for t in parts]
    total = reduce(lambda a, b: a + b, weighted)
    assert parse_target(str(total)) == total


GRAMMAR = {
    "gain": Gain(),
    "  gain\n>>\tdelay ": Gain() >> Delay(),
    "gain >> delay >> gain": Series((Gain(), Delay(), Gain())),
    "gain >> (delay >> gain)": Series((Gain(), Delay(), Gain())),
    "gain + delay": Parallel((Gain(), Delay())),
    "0.7 * gain + .3*delay": Parallel((Gain(), Delay()), weights=(0.7, 0.3)),
    "gain - 0.5*delay": Parallel((Gain(), Delay()), weights=(None, -0.5)),
    "-gain": Parallel((Gain(),), weights=(-1.0,)),
    "-2e-1 * gain": Parallel((Gain(),), weights=(-0.2,)),
    "0.5 * (0.5 * gain + 0.2 * delay)": Parallel((Gain(), Delay()), weights=(0.25, 0.1)),
    "gain + delay >> gain": Parallel((Gain(), Delay())) >> Gain(),
    "gain + (delay >> gain)": Parallel((Gain(), Delay() >> Gain())),
    "parametric_eq(6)": ParametricEq(bands=6),
    "parametric_eq(bands=2, gain_db=[-1, 2.5],)": ParametricEq(2).starting_at(gain_db=(-1.0, 2.5)),
    "compressor(stereo_link=false, ratio=4)": Compressor(stereo_link=False).starting_at(ratio=4.0),
    "pre=soft_clip(oversample=1)": SoftClip(1).named("pre"),
    "x=(gain >> delay) >> gain": Series((Gain(), Delay())).named("x") >> Gain(),
    "mix(delay, mix=0.2)": Mix(Delay()).starting_at(mix=0.2),
    "mix((x=gain))": Mix(Gain().named("x")),
    "series(gain, delay)": Gain() >> Delay(),
    "parallel(gain, delay)": Gain() + Delay(),
}


@pytest.mark.parametrize(("text", "chain"), GRAMMAR.items(), ids=GRAMMAR)
def test_the_grammar(text, chain):
    read = parse(text)
    assert read == chain
    assert {k: v.tolist() for k, v in starting_values(read).items()} == {
        k: v.tolist() for k, v in starting_values(chain).items()
    }


def test_targets_add_and_scale():
    target = parse_target("multi_resolution_stft(fft_sizes=[256, 512]) + 0.1 * (esr(pre_emphasis=0.9) + 2 * esr)")
    assert target == MultiResolutionStft((256, 512)) + 0.1 * Esr(0.9) + 0.2 * Esr()


NO_CHAIN = {
    # text: (code, what the message or the remedy has to say)
    "": ("expression-syntax", "found the end"),
    "gain(": ("expression-syntax", "column 6"),
    "gain)": ("expression-syntax", "column 5"),
    "gain gain": ("expression-syntax", "an operator or the end"),
    "gain >>": ("expression-syntax", "found the end"),
    "gain & delay": ("expression-syntax", "'&'"),
    "gain - -delay": ("expression-syntax", "column 8"),
    "0.5 gain": ("expression-syntax", "'*'"),
    "0.5 * 0.5 * gain": ("expression-syntax", "column 7"),
    "1e999 * gain": ("expression-syntax", "a number"),
    "gain(gain_db=1e999)": ("expression-syntax", "a number"),
    "gain(gain_db='3": ("expression-syntax", "column 14"),
    "gain(gain_db=1, gain_db=2)": ("expression-syntax", "given twice"),
    "\N{ARABIC-INDIC DIGIT ZERO} * gain": ("expression-syntax", "column 1"),
    "gain.apply": ("expression-syntax", "'.'"),
    "gain\0": ("expression-syntax", "column 5"),
    "gian": ("unknown-name", "Did you mean 'gain'?"),
    "parametricEq": ("unknown-name", "Did you mean 'parametric_eq'?"),
    "zzz": ("unknown-name", "Known: additive, "),
    "esr": ("unknown-name", "There is no block 'esr'"),
    "compressor(ration=4)": ("unknown-setting", "Did you mean 'ratio'?"),
    "gain(label='x')": ("unknown-setting", "gain_db"),
    "gain(3)": ("bad-setting", "name=value"),
    "parametric_eq(4, bands=4)": ("bad-setting", "bands"),
    "parametric_eq(1, 2)": ("bad-setting", "bands"),
    "parametric_eq(bands=0)": ("bad-setting", ">= 1"),
    "parametric_eq(bands=2.5)": ("bad-setting", "`int`"),
    "parametric_eq(bands=gain)": ("bad-setting", "`int`"),
    "soft_clip(oversample=3)": ("bad-setting", "The default is 4"),
    "compressor(stereo_link=1)": ("bad-setting", "`bool`"),
    "x=gain >> x=delay": ("bad-setting", "'x'"),
    "weights=gain + delay": ("bad-setting", "'weights'"),
    "mix((mix=gain))": ("bad-setting", "'mix'"),
    "mix(gain, delay)": ("bad-setting", "one block"),
    "mix(gain, block=delay)": ("bad-setting", "block"),
    "mix(3)": ("bad-setting", "mix(delay)"),
    "series()": ("bad-setting", "series(gain, delay)"),
    "parallel(gain, 3)": ("bad-setting", "parallel(gain, delay)"),
    "gain(gain_db=25)": ("parameter-bounds", "-60 to 24 dB"),
    "delay(time_ms=-1)": ("parameter-bounds", "1 to 2000 ms"),
    "2 * (1.5 * gain)": ("parameter-bounds", "-2 to 2"),
    "gain(gain_db=[1, 2])": ("parameter-shape", "one number"),
    "gain(gain_db='1')": ("parameter-shape", "one number"),
    "gain(gain_db=true)": ("parameter-shape", "one number"),
    "gain(gain_db=delay)": ("parameter-shape", "one number"),
    "parametric_eq(bands=2, q=[1, 1, 1])": ("parameter-shape", "(2,)"),
}


def refused(read, text, code, said):
    with pytest.raises(DdspLabError) as caught:
        read(text)
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert caught.value.remedy


@pytest.mark.parametrize(("text", "expected"), NO_CHAIN.items(), ids=map(repr, NO_CHAIN))
def test_what_is_no_chain_is_refused_with_a_remedy(text, expected):
    refused(parse, text, *expected)


NO_TARGET = {"-esr": "bad-setting", "esr - esr": "bad-setting", "0 * esr": "bad-setting", "esr(0.9)": "bad-setting"}
NO_TARGET |= {"1e999 * esr": "expression-syntax", "esr >> esr": "expression-syntax", "gain": "unknown-name"}
NO_TARGET |= {"esr(pre_emphasis=1)": "bad-setting", "esr(emphasis=0.5)": "unknown-setting", "x=esr": "unknown-name"}
NO_OPTIMIZER = {"-adam": "expression-syntax", "2 * adam": "expression-syntax", "adam + adam": "expression-syntax"}
NO_OPTIMIZER |= {"adam(steps=0)": "bad-setting", "adam(stepz=3)": "unknown-setting", "adma": "unknown-name"}
NO_OPTIMIZER |= {"adam(schedule='up')": "bad-setting", "adam(steps=1e99)": "bad-setting"}


@pytest.mark.parametrize(("text", "code"), NO_TARGET.items(), ids=NO_TARGET)
def test_what_is_no_target_is_refused(text, code):
    refused(parse_target, text, code, "")


@pytest.mark.parametrize(("text", "code"), NO_OPTIMIZER.items(), ids=NO_OPTIMIZER)
def test_what_is_no_optimizer_is_refused(text, code):
    refused(parse_optimizer, text, code, "")


@pytest.mark.parametrize("what", [None, 3, b"gain", ["gain"], Gain])
def test_what_is_no_text_is_refused(what):
    refused(parse, what, "expression-syntax", "Give a string")


def test_what_is_a_chain_already_stays_as_it_is():
    chain = Gain() >> Delay()
    assert parse(chain) is chain


def test_brackets_nest_to_a_limit():
    assert parse("(" * (MAX_DEPTH - 1) + "gain" + ")" * (MAX_DEPTH - 1)) == Gain()
    refused(parse, "(" * MAX_DEPTH + "gain" + ")" * MAX_DEPTH, "expression-size", str(MAX_DEPTH))
    refused(parse, "mix(" * MAX_DEPTH + "gain" + ")" * MAX_DEPTH, "expression-size", str(MAX_DEPTH))
    refused(parse, "(" * (MAX_LENGTH - 1), "expression-size", str(MAX_DEPTH))


def test_texts_are_read_to_a_limit():
    assert parse("gain" + " " * (MAX_LENGTH - 4)) == Gain()
    refused(parse, "gain" + " " * (MAX_LENGTH - 3), "expression-size", str(MAX_LENGTH))


@pytest.mark.parametrize("symbol", [">>", "+"])
def test_the_longest_rows_take_no_square_time(symbol):
    links = MAX_LENGTH // (4 + len(symbol))
    began = time.process_time()
    assert len(parse(symbol.join(["gain"] * links)).children) == links
    assert time.process_time() - began < 10.0


def test_errors_quote_no_more_than_the_place():
    with pytest.raises(ExpressionError) as caught:
        parse("gain >> " * 2000 + "?")
    assert len(caught.value.message) < 250
    assert "column 16001" in caught.value.message


WORDS = ["gain", "delay", "mix", "series", "parallel", "parametric_eq", "esr", "adam", "x", "true", "bands", "gain_db"]
TOKENS = [*WORDS, ">>", "+", "-", "*", "(", ")", "[", "]", ",", "=", "'x'", '"', "0.5", "3", "1e9", "1e999", ".", "\\"]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TOKENS), max_size=24).map(" ".join)))
def test_whatever_is_typed_is_read_or_refused(text):
    for read in READERS:
        try:
            result = read(text)
        except DdspLabError:
            continue
        assert str(read(str(result))) == str(result)


TRICKS = ["{0}", "gain(gain_db={0})", "gain(gain_db='{0}')", "parametric_eq(bands={0})", "[{0} for _ in 'x']"]
TRICKS += ["gain if {0} else gain", "(lambda: {0})()", "f'{{{0}}}'", "gain >> {0}", "{0} * gain", "gain[{0}]"]
TRICKS += ["__import__('os').system('{0}')", "gain.__class__.__init__({0})", "x={0}", "gain(**{0})"]


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_is_ever_evaluated(trick, monkeypatch):
    calls = []
    monkeypatch.setattr(builtins, "boom", lambda: calls.append(1), raising=False)
    for read in READERS:
        with pytest.raises(DdspLabError):
            read(trick.format("boom()"))
    assert calls == []
