"""What a fit aims at: features of the reference, computed once, and a distance to them."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._block import Audio
from ._damage import Damage
from ._errors import AudioError, ExpressionError
from ._expression import call_text, number_text, parse_expression
from ._prepared import WRAPPED
from ._programs import compiled
from ._registry import Registered
from ._render import as_audio, check_rate

# what can differ between two recordings; `tests/test_target_laws.py` has a pair of signals for each word
Trait: TypeAlias = Literal[
    "level", "dc", "polarity", "phase", "delay", "pitch", "spectrum", "dynamics", "width", "noise"
]


def all_but(unheard: tuple[Trait, ...]) -> tuple[Trait, ...]:
    """Every trait except these."""
    return tuple(word for word in get_args(Trait) if word not in unheard)


@dataclass(frozen=True)
class Target(Registered, abc.ABC):
    """A distance between recordings; a frozen dataclass of settings. Targets add and scale: `Esr() + 0.1 * other`.

    Recordings of different lengths are padded to share one program: `length` says how many samples of the reference
    are real, and both recordings hold zeros after them. A distance must not see the padding.
    """

    nested = {"observed_through": Damage}

    least_squares: ClassVar[bool] = False  # whether `residual` is defined
    differentiable: ClassVar[bool] = True
    hears: ClassVar[tuple[Trait, ...]] = ()  # what alone raises the distance; measured, like the next
    deaf_to: ClassVar[tuple[Trait, ...]] = ()  # what alone leaves it all but zero; the rest it hears faintly

    def __init_subclass__(cls, **kwargs: Any) -> None:
        for name in WRAPPED.keys() & vars(cls).keys():
            setattr(cls, name, WRAPPED[name](vars(cls)[name]))
        super().__init_subclass__(**kwargs)

    def __post_init__(self) -> None:
        self.check_settings()

    @abc.abstractmethod
    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Any:
        """Features of the reference: a pytree of arrays."""

    @abc.abstractmethod
    def distance(self, features: Any, y: Audio, sr: int) -> Float[Array, ""]:
        """How far `y` is from the reference: zero at equality, with a finite gradient there too."""

    def between(self, reference: Any, y: Any, sr: int) -> float:
        """How far one recording is from another, each `(samples,)` or `(channels, samples)` and of one shape.

        Raises `AudioError`: `target-shape`, `audio-silent` where the reference is, `audio-not-finite`, `audio-shape`.
        """
        reference, y, sr = as_audio(reference, "the reference"), as_audio(y, "the prediction"), check_rate(sr)
        if not reference.any():
            raise AudioError("audio-silent", "The reference is silent.", "Check the recording's input and mute.")
        return float(distance_between(self, sr, reference, y))

    def residual(self, features: Any, y: Audio, sr: int) -> Float[Array, " r"]:
        """A vector whose squares add up to the distance; for least-squares targets only."""
        raise NotImplementedError

    def distances(self, features: Any, y: Audio, sr: int) -> Float[Array, " m"]:
        """The distance by each of its terms, before they are weighed."""
        return self.distance(features, y, sr)[None]

    def terms(self) -> dict[str, tuple[float, Target]]:
        """The parts of a sum as name -> (weight, target)."""
        return {self.name: (1.0, self)}

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Any:
        settings = dict(kwargs)
        damage = settings.pop("observed_through", None)
        target = super().from_call(args, settings)
        return target if damage is None else target.observed_through(damage)

    def observed_through(self, damage: Damage | str) -> Target:
        """This distance to a reference that has met a known damage: `Esr().observed_through("clip")`."""
        from ._observed import Observed

        return Observed(self, damage if isinstance(damage, Damage) else parse_expression(damage, Damage))

    def __add__(self, other: Target) -> TargetSum:
        return TargetSum((*self._weighted(), *other._weighted()))

    def __sub__(self, other: Target) -> TargetSum:
        return self + -1.0 * other

    def __mul__(self, weight: float) -> TargetSum:
        return TargetSum(tuple((float(weight) * w, t) for w, t in self._weighted()))

    __rmul__ = __mul__

    def _weighted(self) -> tuple[tuple[float, Target], ...]:
        return ((1.0, self),)

    def __str__(self) -> str:
        return call_text(self.name, self.changed_settings())


@partial(jax.jit, static_argnums=(0, 2))
def prepared(target: Target, references: Float[Array, "e c t"], sr: int, lengths: Int[Array, " e"]) -> Any:
    """The features of a stack of references as one program: operation by operation they take longer to compile."""
    return jax.lax.map(lambda both: target.prepare(both[0], sr, both[1]), (references, lengths))


@compiled(static=2)
def distance_between(target: Target, sr: int, reference: Audio, y: Audio) -> Float[Array, ""]:
    """How far `y` is from `reference`, as one program."""
    return target.distance(target.prepare(reference, sr), y, sr)


@dataclass(frozen=True)
class TargetSum(Target, abc.ABC):  # no member of its own: what the operators make
    """A weighted sum of distances."""

    parts: tuple[tuple[float, Target], ...]

    def check_settings(self) -> None:
        if any(not 0.0 < w < inf for w, _ in self.parts):
            raise ExpressionError(
                "bad-setting", f"A target's weight must be positive: {self}.", "A distance only adds."
            )

    @property
    def least_squares(self) -> bool:
        return all(t.least_squares for _, t in self.parts)

    @property
    def differentiable(self) -> bool:
        return all(t.differentiable for _, t in self.parts)

    @property
    def hears(self) -> tuple[Trait, ...]:
        return tuple(w for w in get_args(Trait) if any(w in t.hears for _, t in self.parts))

    @property
    def deaf_to(self) -> tuple[Trait, ...]:
        return tuple(w for w in get_args(Trait) if all(w in t.deaf_to for _, t in self.parts))

    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""] | int | None = None) -> Any:
        return tuple(t.prepare(reference, sr, length) for _, t in self.parts)

    def distance(self, features: Any, y: Audio, sr: int) -> Float[Array, ""]:
        pairs = zip(self.parts, features, strict=True)
        return jnp.asarray(sum(w * t.distance(f, y, sr) for (w, t), f in pairs))

    def distances(self, features: Any, y: Audio, sr: int) -> Float[Array, " m"]:
        pairs = zip(self.parts, features, strict=True)
        return jnp.stack([t.distance(f, y, sr) for (_, t), f in pairs])

    def residual(self, features: Any, y: Audio, sr: int) -> Float[Array, " r"]:
        pairs = zip(self.parts, features, strict=True)
        return jnp.concatenate([w**0.5 * t.residual(f, y, sr) for (w, t), f in pairs])

    def terms(self) -> dict[str, tuple[float, Target]]:
        named: dict[str, tuple[float, Target]] = {}
        for weight, target in self.parts:
            name, n = target.name, 1
            while name in named:
                n += 1
                name = f"{target.name}_{n}"
            named[name] = (weight, target)
        return named

    def observed_through(self, damage: Damage | str) -> TargetSum:
        return TargetSum(tuple((w, t.observed_through(damage)) for w, t in self.parts))

    def _weighted(self) -> tuple[tuple[float, Target], ...]:
        return self.parts

    def __str__(self) -> str:
        return " + ".join(str(t) if w == 1.0 else f"{number_text(w)} * {t}" for w, t in self.parts)
