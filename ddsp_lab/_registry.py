"""Families of plug-ins: a class statement files a member under its own name, a folder holds the family."""

import abc
import dataclasses
import importlib
import pkgutil
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import msgspec

from ._errors import ExpressionError, did_you_mean


def snake_case(name: str) -> str:
    """`ReverbFdn` -> `reverb_fdn`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Registered:
    """Base of `Block`, `Target`, `Optimizer` and `Damage`: names and files every concrete subclass.

    A class that lists `abc.ABC` among its bases is an interface and is not filed. (`inspect.isabstract` is not yet
    true inside `__init_subclass__`.)
    """

    registry: ClassVar[dict[str, Any]]
    kind: ClassVar[str]
    name: ClassVar[str]
    nested: ClassVar[Mapping[str, Any]] = {}  # arguments in an expression that are members of another family

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if Registered in cls.__bases__:
            cls.registry, cls.kind = {}, snake_case(cls.__name__)
        elif abc.ABC not in cls.__bases__:
            cls.name = snake_case(cls.__name__)
            known = cls.registry.setdefault(cls.name, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"{cls.__module__} and {known.__module__} both define a {cls.kind} {cls.name!r}.")
            cls.registry[cls.name] = cls

    @classmethod
    def member(cls, name: str) -> type[Self]:
        """The member called `name`; raises `ExpressionError` with the nearest name."""
        if name not in cls.registry:
            raise ExpressionError("unknown-name", f"There is no {cls.kind} {name!r}.", did_you_mean(name, cls.registry))
        return cls.registry[name]

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Any:
        """What `name(key=value, …)` means in an expression: settings by name."""
        settings = {f.name for f in settings_of(cls)}
        for name in sorted(set(kwargs) - settings):
            raise ExpressionError(
                "unknown-setting", f"{cls.name} has no setting {name!r}.", did_you_mean(name, settings)
            )
        if args:
            raise ExpressionError(
                "bad-setting", f"{cls.name} takes its settings by name.", f"Write {cls.name}(name=value)."
            )
        return cls(**kwargs)

    def changed_settings(self) -> dict[str, Any]:
        """The settings that differ from their defaults, for printing."""
        return {f.name: getattr(self, f.name) for f in settings_of(type(self)) if getattr(self, f.name) != f.default}

    def check_settings(self) -> None:
        """Hold every dataclass field to its annotation; the constraints stand there (`msgspec.Meta`)."""
        hints = typing.get_type_hints(type(self), include_extras=True)
        for field in settings_of(type(self)):
            value, hint = getattr(self, field.name), hints[field.name]
            if isinstance(value, Registered) and isinstance(hint, type) and isinstance(value, hint):
                continue  # it has held its own
            try:
                value = msgspec.convert(value, hint)
            except msgspec.ValidationError as error:
                raise ExpressionError(
                    "bad-setting",
                    f"{self.name}: {field.name}={value!r}: {error}.",
                    f"The default is {field.default!r}.",
                ) from None
            object.__setattr__(self, field.name, value)


def settings_of(cls: type) -> tuple[dataclasses.Field[Any], ...]:
    """The dataclass fields that make one program another: those a member declares itself."""
    return tuple(f for f in dataclasses.fields(cls) if f.init and not f.kw_only)


def discover(package: str, path: Iterable[str]) -> dict[str, type[Any]]:
    """Import every public module of a folder; returns the members defined there by class name."""
    members: dict[str, type[Any]] = {}
    for info in pkgutil.iter_modules(path):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package}.{info.name}")
        members |= {
            key: value
            for key, value in vars(module).items()
            if isinstance(value, type)
            and value.__module__ == module.__name__
            and issubclass(value, Registered)
            and hasattr(value, "name")
        }
    return members
