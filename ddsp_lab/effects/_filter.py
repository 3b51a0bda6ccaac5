"""What filters of a few states share: a block gives its state space, and plays, streams and is found by it."""

import abc
from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from .._block import Audio, Context, State, StreamingBlock, Values
from .._param import Param
from ..dsp import svf
from ..dsp.response_search import nearest
from ..dsp.state_space import lti

CUTOFF_HZ = (20.0, 20_000.0)
Q = Param("q", 0.1, 10.0, default=0.7071, scale="log")


def cutoff(default: float) -> Param:
    return Param("cutoff_hz", *CUTOFF_HZ, default=default, unit="Hz", scale="log")


@dataclass(frozen=True)
class Filter(StreamingBlock, abc.ABC):
    """A linear filter of `states` states, the same in each channel."""

    states: ClassVar[int] = 2
    linear = True

    @abc.abstractmethod
    def system(self, p: Values, sr: float) -> svf.StateSpace:
        """The filter at the values `p`."""

    def init(self, channels: int, ctx: Context) -> State:
        return jnp.zeros((channels, self.states))

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        return lti(self.system(p, ctx.sr), x, state.astype(x.dtype))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """The settings whose response, up to a gain, comes nearest to the measured one."""
        return nearest(self, source, reference, ctx.sr)


@dataclass(frozen=True)
class Plain(Filter, abc.ABC):
    """A second-order section with a cutoff and a Q."""

    section: ClassVar[svf.Plain]

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        return svf.one(svf.plain_section(self.section, p["cutoff_hz"], p["q"], sr))


@dataclass(frozen=True)
class Equaliser(Filter, abc.ABC):
    """A second-order section with a cutoff, a gain and a Q; turning its gain round inverts it."""

    section: ClassVar[svf.Kind]

    def system(self, p: Values, sr: float) -> svf.StateSpace:
        cutoff_hz, gain_db, q = (p[k][None] for k in ("cutoff_hz", "gain_db", "q"))
        return svf.one(svf.equaliser_sections((self.section,), cutoff_hz, gain_db, q, sr))

    def undo(self, p: Values, x: Audio, y: Audio, ctx: Context) -> Audio:
        return self.apply(p | {"gain_db": -p["gain_db"]}, y, ctx)


def equaliser_params(cutoff_hz: float) -> tuple[Param, Param, Param]:
    return cutoff(cutoff_hz), Param("gain_db", -20.0, 20.0, default=0.0, unit="dB"), Q
