"""What happened to a reference on its way, where that is known."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxtyping import Array, Int

from ._block import Audio
from ._expression import call_text
from ._registry import Registered


@dataclass(frozen=True)
class Damage(Registered, abc.ABC):
    """What happened to a reference after the chain that is looked for: a frozen dataclass of settings.

    What the settings leave open is measured on the damaged reference itself.
    """

    hides: ClassVar[tuple[str, ...]] = ()  # what a target cannot hear through it
    repeats: ClassVar[bool] = False  # done twice it is as done once, and the reference is compared after a second time

    def __post_init__(self) -> None:
        self.check_settings()

    @abc.abstractmethod
    def prepare(self, reference: Audio, sr: int, length: Int[Array, ""]) -> Any:
        """What has to be known to do the same again: a pytree of arrays."""

    @abc.abstractmethod
    def apply(self, known: Any, y: Audio, sr: int) -> Audio:
        """The same damage to `y`, which is as long as the reference."""

    def __str__(self) -> str:
        return call_text(self.name, self.changed_settings())
