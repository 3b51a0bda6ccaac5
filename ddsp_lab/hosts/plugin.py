"""A plugin, such as VST3, as a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._block import Block, Context, Values
from .._errors import AudioError, ExpressionError, HostError
from .._expression import call_text
from .._param import Param
from ..dsp.echo_fit import loops
from ..dsp.echoes import far_echoes
from ._black_box import BlackBox
from ._facts import Facts, facts, opening
from ._workers import Opening
from .callable_block import Megabytes, Seconds

REPEATABLE = 1e-4  # of the largest sample: -80 dB
MILLISECONDS = {"ms": 1.0, "s": 1e3}  # that a unit of time is
ECHOES, FAR_MS = 4, 20.0  # looked at, sharp ones and dull ones; the latter not nearer than this
SHORTEST = 32  # samples from which something is an echo and no filter


@dataclass(frozen=True)
class Plugin(BlackBox):
    """`plugin('ZamEQ2.vst3')`: a plugin through pedalboard, in a process of its own; made by `plugin`.

    Its parameters are those that a host may automate, in the units it shows, but for a selector of programs and a
    bypass. `version` says which plugin a preset was made with: its version, and a hash of its parameters.
    """

    path: str
    plugin_name: str = ""
    version: str = ""
    timeout_s: Seconds = 10.0
    memory_mb: Megabytes = 4096

    needs_file: ClassVar[bool] = True

    def check_settings(self) -> None:
        super().check_settings()
        known = self.facts.fingerprint
        if self.version and self.version != known:
            raise HostError(
                "plugin-changed",
                f"{self.path} is {known} here, not {self.version}: another version, or parameters under other names.",
                "Install that version, or leave version= out and check every value.",
            )
        object.__setattr__(self, "version", known)

    @property
    def facts(self) -> Facts:
        return facts(self.path, self.plugin_name)[1]

    @property
    def params(self) -> tuple[Param, ...]:
        return tuple(control.as_param for control in self.facts.controls)

    @property
    def opening(self) -> Opening:
        place, known = facts(self.path, self.plugin_name)
        return opening(place, self.plugin_name, known.anew, self.timeout_s, self.memory_mb)

    def sent(self, values: Mapping[str, np.ndarray]) -> list[float]:
        return [control.position(float(values[control.param])) for control in self.facts.controls]

    def channels_out(self, channels: int) -> int:
        if self.facts.mono:
            return channels
        if channels > 2:
            raise AudioError("audio-channels", f"{self.path} takes two channels, not {channels}.", "Give one or two.")
        return 2

    @property
    def couples_channels(self) -> bool:
        return not self.facts.mono

    def state_file(self, p: Values, sr: int) -> bytes:
        """What the plugin itself would save at these values: pedalboard's `raw_state`."""
        full = {q.name: np.asarray(q.default) for q in self.params} | {k: np.asarray(v) for k, v in p.items()}
        return bytes.fromhex(self.host.ask("state", values=self.sent(full), sr=sr))

    def estimate(
        self, source: np.ndarray, reference: np.ndarray, ctx: Context, p: Values | None = None
    ) -> list[Values]:
        """Each time that it can be set to, at the lags of the likeliest echoes: no search finds those by chance. What
        is called feedback, mix or wet is set to what these echoes have."""
        times = [(q, MILLISECONDS[q.unit]) for q in self.params if q.unit in MILLISECONDS]
        if not times or not np.any(source) or not np.any(reference):
            return []
        longest = max(round(1e-3 * q.high * ms * ctx.sr) for q, ms in times)
        found = loops(source, reference, SHORTEST, longest)[:ECHOES]
        echoes = [(loop.lag, {"feedback": loop.gain, "mix": loop.mix, "wet": loop.mix}) for loop in found]
        echoes += [(lag, {}) for lag in far_echoes(source, reference, round(1e-3 * FAR_MS * ctx.sr), ECHOES)]
        guesses = []
        for lag, shares in echoes:
            beside = {
                q.name: q.low + (q.high - q.low) * share
                for q in self.params
                for word, share in shares.items()
                if word in q.name.split("_") and q.scale == "linear"
            }
            lag_ms = 1e3 * lag / ctx.sr
            guesses += [{q.name: lag_ms / ms, **beside} for q, ms in times if q.low <= lag_ms / ms <= q.high]
        return guesses

    def remarks(self, sr: int) -> list[tuple[str, str]]:
        varies = self.facts.varies
        if varies <= REPEATABLE:
            return []
        said = f"{self.path} does not repeat itself: two renderings alike differ by {20 * np.log10(varies):.0f} dB."
        return [("plugin-varies", f"{said} No loss below that means anything.")]

    @classmethod
    def from_call(cls, args: list[Any], kwargs: Mapping[str, Any]) -> Block:
        """In text its name among others in one file is `name`."""
        known = {("plugin_name" if k == "name" else k): v for k, v in kwargs.items()}
        if not args and "path" not in known:
            raise ExpressionError("bad-setting", "plugin() names no file.", "Write plugin('ZamEQ2.vst3').")
        return super().from_call(args, known)

    def __str__(self) -> str:
        said = {("name" if k == "plugin_name" else k): v for k, v in self.changed_settings().items() if k != "path"}
        return self.labelled_text(call_text(self.name, said | dict(self.start), [repr(self.path)]))


def plugin(path: str, name: str = "", *, timeout_s: float = 10.0, memory_mb: int = 4096) -> Plugin:
    """The plugin at `path`, or of that file name where plugins are installed; `name` says which, where a file holds
    several.

    It runs in a worker process, which may take `timeout_s` a call and `memory_mb` in all: one that crashes, hangs or
    fills the memory costs an infinite loss, not the program. That is against faults, not against malice. A plugin for
    one channel gets an instance for each; its latency is taken off; no gradient passes, see `surrogate`.

    Raises `HostError` where there is no such plugin, it is none, or an instrument.
    """
    return Plugin(path, name, timeout_s=timeout_s, memory_mb=memory_mb)
