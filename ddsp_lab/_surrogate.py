"""A gradient for a black box: probed in its parameters, guessed in its input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Annotated, Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from msgspec import Meta

from ._block import Audio, Block, Context, State, Values, flatten, leaves, nest
from ._param import Param
from ._wrapper import Around

REGULAR = 1e-4  # of the loudest bin: where the input is quieter, the filter is not known
TINY = 1e-20
Rest: TypeAlias = tuple[dict[str, Any], State, Context]
Knobs: TypeAlias = tuple[tuple[str, Param], ...]


@dataclass(frozen=True)
class Surrogate(Around):
    r"""`surrogate(plugin('ZamEQ2.vst3'))`: the same sound, with a gradient that stands in for the one it has not.

    In its parameters, as positions $u \in [0, 1]^n$ in their ranges, the Jacobian is estimated from `probes` pairs of
    renderings (SPSA),
    $\hat J = \frac1k \sum_k \frac{f(u + c\,s_k) - f(u - c\,s_k)}{2c}\,s_k^T$
    with random signs $s_k$, others at every point, and $c$ = `nudge`. It is right on average, and noisy: it is for Adam
    and its small steps. In its input it is the linear filter that turns this input into this output best,
    $H = \bar X Y / (|X|^2 + \varepsilon)$: right for an equaliser or an echo, a mean for what bends. Discrete
    parameters have no gradient, nor have curves.

    A least-squares search takes finite differences instead: `memetic`, `levenberg_marquardt(differences=true)`.

    Reference: Spall, "Multivariate stochastic approximation using a simultaneous perturbation gradient approximation",
    IEEE Trans. Automatic Control 37(3), 1992; used for effects by Martínez Ramírez et al., "Differentiable signal
    processing with black-box audio effects", ICASSP, 2021.
    """

    probes: Annotated[int, Meta(ge=1, le=64)] = 2
    nudge: Annotated[float, Meta(gt=0.0, le=0.5)] = 0.01

    differentiable: ClassVar[bool] = True
    surrogate_gradient: ClassVar[bool] = True

    def init(self, channels: int, ctx: Context) -> State:
        return self.block.init(channels, ctx)

    def step(self, p: Values, state: State, x: Audio, ctx: Context) -> tuple[State, Audio]:
        inner = p.get(self.link, {})
        known, sound = jax.lax.stop_gradient((inner, x))
        after, y = self.block.step(known, state, sound, ctx)
        flat = flatten(inner)
        all_of_them = ((path, q) for path, q, _ in leaves(self.block) if not q.levels)
        knobs = tuple((path, q) for path, q in all_of_them if jnp.shape(flat[path]) in ((), q.shape))  # no curves
        positions = [jnp.ravel(q.to_unit(jnp.broadcast_to(flat[path], q.shape))) for path, q in knobs]
        u = jnp.concatenate([*positions, jnp.zeros(0)]).astype(x.dtype)
        return after, _lent((self, knobs), u, x, y, (flatten(known), state, ctx))

    def played(self, knobs: Knobs, u: Float[Array, " n"], x: Audio, rest: Rest) -> Audio:
        """The block with its knobs at other positions."""
        values, state, ctx = rest
        ends = np.cumsum([prod(q.shape) for _, q in knobs])
        parts = zip(knobs, jnp.split(u, ends[:-1]), strict=True)
        moved = {path: q.from_unit(part.reshape(q.shape)) for (path, q), part in parts}
        return self.block.step(nest({**values, **moved}), state, x, ctx)[1]

    @classmethod
    def example(cls) -> Block:
        from .effects import SoftClip

        return cls(SoftClip())


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _lent(what: tuple[Surrogate, Knobs], u: Float[Array, " n"], x: Audio, y: Audio, rest: Rest) -> Audio:
    """`y`, with the gradient of the surrogate."""
    return y


@_lent.defjvp
def _lent_jvp(what: tuple[Surrogate, Knobs], primals: Any, tangents: Any) -> tuple[Audio, Audio]:
    (u, x, y, rest), (du, dx, *_) = primals, tangents
    return y, _through_knobs(*what, u, du, x, rest) + _through_filter(x, y, dx)


def _through_knobs(surrogate: Surrogate, knobs: Knobs, u: Any, du: Any, x: Audio, rest: Rest) -> Audio | float:
    r"""$\hat J$ times the tangent of the positions: linear in it, so that JAX can turn it round."""
    if not u.size:
        return 0.0
    here = jax.lax.bitcast_convert_type(jnp.sum(u).astype(jnp.float32), jnp.int32)
    key = jax.random.fold_in(rest[2].seed, here)
    signs = jax.random.rademacher(key, (surrogate.probes, u.size), u.dtype)

    def difference(sign: Float[Array, " n"]) -> Audio:
        ends = jnp.clip(u + surrogate.nudge * sign, 0.0, 1.0), jnp.clip(u - surrogate.nudge * sign, 0.0, 1.0)
        after, before = (surrogate.played(knobs, end, x, rest) for end in ends)
        return (after - before) / (2.0 * surrogate.nudge)

    along = signs @ du / surrogate.probes
    return jnp.tensordot(along, jax.lax.map(difference, signs), 1)


def _through_filter(x: Audio, y: Audio, dx: Audio) -> Audio:
    """The tangent of the input through the filter between input and output, channel by channel; the first input where
    there are more outputs."""
    size = 2 * x.shape[1]
    sent, heard, moved = (jnp.fft.rfft(s, size) for s in (x, y, dx))
    if x.shape[0] != y.shape[0]:
        sent, moved = sent[:1], moved[:1]
    power = jnp.abs(sent) ** 2
    response = jnp.conj(sent) * heard / (power + REGULAR * jnp.max(power) + TINY)
    return jnp.fft.irfft(response * moved, size)[:, : x.shape[1]]
