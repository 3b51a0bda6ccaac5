"""Known damage of a reference, put between a chain and the distance to that reference."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._block import Audio
from ._damage import Damage
from ._expression import call_text
from ._target import Target, Trait


@dataclass(frozen=True)
class Observed(Target, abc.ABC):  # no member of its own: what `Target.observed_through` makes
    r"""$d(y, D \hat y)$: the distance of a damaged reference from a prediction that the same damage $D$ has met.

    A chain is not asked to imitate the damage, and what the damage hid is left to the chain: a fit to a clipped
    recording gives the settings of the recording before it was clipped.

    Reference: Moliner, Lehtinen, Välimäki, "Solving audio inverse problems with a diffusion model", ICASSP, 2023
    (the degradation inside the likelihood).
    """

    target: Target
    damage: Damage

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.target.name

    @property
    def least_squares(self) -> bool:
        return self.target.least_squares

    @property
    def differentiable(self) -> bool:
        return self.target.differentiable

    @property
    def hears(self) -> tuple[Trait, ...]:
        return tuple(w for w in self.target.hears if w not in self.damage.hides)

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return tuple(w for w in get_args(Trait) if w in self.target.deaf_to or w in self.damage.hides)

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Any:
        length = jnp.asarray(reference.shape[1] if length is None else length)
        known = self.damage.prepare(reference, sr, length)
        if self.damage.repeats:
            reference = self._damaged((known, None, length), reference, sr)
        return known, self.target.prepare(reference, sr, length), length

    def _damaged(self, features: Any, y: Audio, sr: int) -> Audio:
        known, _, length = features
        return jnp.where(jnp.arange(y.shape[1]) < length, self.damage.apply(known, y, sr), 0.0)

    def distance(self, features: Any, y: Audio, sr: int) -> Float[Array, ""]:
        return self.target.distance(features[1], self._damaged(features, y, sr), sr)

    def residual(self, features: Any, y: Audio, sr: int) -> Float[Array, " r"]:
        return self.target.residual(features[1], self._damaged(features, y, sr), sr)

    def __str__(self) -> str:
        return call_text(self.name, self.target.changed_settings(), extra=[f"observed_through={self.damage}"])
