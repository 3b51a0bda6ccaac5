"""The process that a black box runs in: a script of its own, which loads numpy and the black box and no more.

Requests and answers are JSON on a socket; audio stands in a shared file, the output after the input. What fails is
answered with `{"error": …}`; a process that dies or hangs is the business of `_process.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import mmap
import os
import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

SETTLE = 512  # samples of silence after which new settings have arrived
QUIET = 1e-6  # a tail below this is over
TAIL_S = 1.0  # a sound that goes on by itself for longer is no tail
LOAD_S = 180.0  # what a plugin may take to load: one of Debian's takes 80
PROBES = 129  # points at which a control is asked what it says
FEW = 128  # positions up to which a control is a switch and not a knob
KEPT = ("bypass", "midi cc", "current program")  # left as they are: a host's business


class PluginBox:
    """A plugin through pedalboard: one instance a channel where it is mono, so that each has a state of its own.

    `anew` loads it for every signal: what a plugin remembers of earlier settings is gone then.
    """

    def __init__(self, path: str, name: str, anew: bool):
        pedalboard = importlib.import_module("pedalboard")
        given = {"plugin_name": name or None, "initialization_timeout": LOAD_S}
        self.load: Callable[[], Any] = lambda: pedalboard.load_plugin(path, **given)
        first = self.load()
        self.indices = [q.index for q in first._parameters if q.is_automatable and _may_move(q.name)]
        self.instances = [first]
        self.anew = anew
        self.mono: bool | None = None
        self.hums = False
        self.held = np.zeros((0, 0), np.float32)

    def controls(self, plugin: Any) -> list[Any]:
        all_of_them = plugin._parameters
        return [all_of_them[i] for i in self.indices]

    def set(self, plugin: Any, values: list[float]) -> None:
        for control, value in zip(self.controls(plugin), values, strict=True):
            control.raw_value = value

    def play(self, values: list[float], x: np.ndarray, sr: float, first: bool) -> np.ndarray:
        """The next piece of a stream at values in [0, 1], late by the plugin's own latency."""
        outputs = []
        if first and self.anew:
            self.instances = [self.load()]
        for plugin, part in self._fed(x, sr):
            self.set(plugin, values)
            if first:
                self._quiet(plugin, len(part), sr)
            outputs.append(plugin.process(part, sr, reset=False))
        fewest = min(y.shape[1] for y in outputs)  # a plugin's first samples are held back for its latency
        y = np.concatenate([y[:, :fewest] for y in outputs])
        if first:
            self.held = np.zeros((len(y), self.instances[0].reported_latency_samples), np.float32)
        y = np.concatenate([self.held, y], axis=1)
        self.held = y[:, x.shape[1] :]
        return y[:, : x.shape[1]]

    def _fed(self, x: np.ndarray, sr: float) -> list[tuple[Any, np.ndarray]]:
        """Each instance with its channels; more are loaded as they are needed."""
        if self.mono is None:
            self.mono = not _takes(self.instances[0], 2, sr)
        parts = list(x[:, None]) if self.mono else [np.repeat(x, 3 - len(x), axis=0)]
        while len(self.instances) < len(parts):
            self.instances.append(self.load())
        return list(zip(self.instances, parts, strict=False))

    def _quiet(self, plugin: Any, channels: int, sr: float) -> None:
        """New settings arrive with the next block, and some plugins keep their tail through a reset."""
        plugin.reset()
        length, played, y = SETTLE, 0, np.ones((1, 1), np.float32)
        while played == 0 or (not self.hums and y.size and np.abs(y).max() > QUIET and played < TAIL_S * sr):
            y = plugin.process(np.zeros((channels, length), np.float32), sr, reset=False)[:, -SETTLE:]
            length, played = 2 * length, played + length
        self.hums = self.hums or played >= TAIL_S * sr
        plugin.reset()

    def latency(self, sr: float) -> int:
        (plugin, part), *_ = self._fed(np.zeros((1, SETTLE), np.float32), sr)
        plugin.process(part, sr, reset=True)
        return int(plugin.reported_latency_samples)

    def state(self, values: list[float], sr: float) -> str:
        """What the plugin would save at these settings, in hexadecimal; it knows of them once it has played."""
        self.play(values, np.zeros((1, SETTLE), np.float32), sr, True)
        return bytes(self.instances[0].raw_state).hex()

    def describe(self, sr: float) -> dict[str, Any]:
        """What there is to know of it: kind, version, controls, channels, and how well it repeats itself."""
        plugin = self.instances[0]
        if not plugin.is_effect:
            return {"instrument": True}
        self.indices = [q.index for q in self.controls(plugin) if not _moves_others(self.controls(plugin), q)]
        controls = [_described(q) for q in self.controls(plugin)]
        return {
            "instrument": False,
            "identifier": f"{plugin.manufacturer_name} {plugin.name}",
            "version": plugin.version,
            "controls": controls,
            "mono": not _takes(plugin, 2, sr),
            "varies": self._varies(controls, sr),
        }

    def _varies(self, controls: list[dict[str, Any]], sr: float) -> list[float]:
        """By how much a rendering differs from one alike, over the largest sample: after others at other settings, and
        in instances loaded anew."""
        x = 0.1 * np.random.default_rng(0).standard_normal((1, int(sr))).astype(np.float32)
        usual = [c["default"] for c in controls]

        def differences() -> float:
            first = self.play(usual, x, sr, True)
            most = 0.0
            for share in (0.5, 1.0):
                self.play([share * (0.5 + 0.5 * d) for d in usual], x, sr, True)
                most = max(most, float(np.abs(self.play(usual, x, sr, True) - first).max()))
            return most / max(float(np.abs(first).max()), 1e-9)

        usually, self.anew = differences(), True
        return [usually, differences()]


class CallableBox:
    """A function of a whole signal. The next piece of a stream is the end of what it makes of all pieces so far."""

    def __init__(self, fn: Callable[..., Any], names: list[str], memoryless: bool):
        self.fn, self.names, self.memoryless = fn, names, memoryless
        self.heard = np.zeros((0, 0), np.float32)

    def play(self, values: list[float], x: np.ndarray, sr: float, first: bool) -> np.ndarray:
        new = x.shape[1]
        if not self.memoryless:
            self.heard = x = np.concatenate([x[:, :0] if first else self.heard, x], axis=1)  # a copy: `x` is shared
        y = np.asarray(self.fn(x.copy(), int(sr), **dict(zip(self.names, values, strict=True))), np.float32)
        if y.shape != x.shape:
            raise ValueError(f"for audio of the shape {x.shape} it gave {y.shape}")
        return y[:, -new:]


def _may_move(name: str) -> bool:
    return not name.lower().startswith(KEPT)


def _takes(plugin: Any, channels: int, sr: float) -> bool:
    try:
        plugin.process(np.zeros((channels, SETTLE), np.float32), sr, reset=True)
    except ValueError:
        return False
    return True


def _moves_others(controls: list[Any], one: Any) -> bool:
    """Whether it selects a program: it takes other controls with it."""
    before = {q.index: q.raw_value for q in controls}
    one.raw_value = 0.0 if before[one.index] > 0.5 else 1.0
    moved = any(q.raw_value != before[q.index] for q in controls if q.index != one.index)
    for q in controls:
        q.raw_value = before[q.index]
    return moved


def _described(control: Any) -> dict[str, Any]:
    few = 2 <= control.num_steps <= FEW
    raw = np.linspace(0.0, 1.0, control.num_steps if few else PROBES).tolist()
    return {
        "name": control.name,
        "label": control.label or "",
        "default": control.default_raw_value,
        "few": few,
        "raw": raw,
        "text": [control.get_text_for_raw_value(r) for r in raw],
    }


def _open(request: dict[str, Any], socket: Connection) -> Any:
    if request["kind"] == "plugin":
        return PluginBox(request["path"], request["name"], request["anew"])
    sys.path[:] = request["sys_path"]
    fn = importlib.import_module("cloudpickle").loads(socket.recv_bytes())
    return CallableBox(fn, request["names"], request["memoryless"])


def _serve(socket: Connection, audio: int) -> None:
    box: Any = None
    shared: mmap.mmap | None = None
    while True:
        request = json.loads(socket.recv_bytes())
        try:
            do = request.pop("do")
            if do == "open":
                box, answer = _open(request, socket), {}
            elif do == "play":
                channels, samples = request.pop("shape")
                held = 4 * channels * samples
                if shared is None or len(shared) < os.fstat(audio).st_size:
                    shared = mmap.mmap(audio, 0)
                x = np.frombuffer(shared, np.float32, channels * samples).reshape(channels, samples)
                y = np.ascontiguousarray(box.play(x=x, **request), np.float32)
                shared[held : held + y.nbytes] = y.data.cast("B")
                answer = {"shape": y.shape}
            else:
                answer = {do: getattr(box, do)(**request)}
        except Exception as error:  # whatever a black box may raise is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        socket.send_bytes(json.dumps(answer).encode())


def main() -> None:
    socket, audio, lifeline, memory = map(int, sys.argv[1:])
    # the kernel ends this process when the host's end of the pipe closes, whatever native code is doing at the time
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(EOFError, OSError):
        _serve(Connection(socket), audio)
    os._exit(0)  # no destructors: those of plugins are where they crash


if __name__ == "__main__":
    main()
