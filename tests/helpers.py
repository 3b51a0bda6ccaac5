"""What several files of tests share: short sounds, and the command line in this process or in one of its own."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import numpy as np
from hypothesis import settings
from typer.testing import CliRunner

import ddsp_lab as dl
from ddsp_lab.cli import app
from ddsp_lab.cli._shell import two_values

NIGHTLY = settings.default.max_examples > 100  # the long versions are wanted
SR = 8000
ROOT = Path(__file__).resolve().parent.parent
# what a law compiles runs a few times: without optimisation that takes half of the time, tracing included
jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def plucks(seed=0, seconds=1.0, sr=SR, channels=1):
    """Bursts of noise that die away, four a second, each at a level of its own: `(channels, samples)`."""
    rng = np.random.default_rng(seed)
    n = int(seconds * sr)
    t = np.arange(n) % (sr // 4) / sr
    levels = np.repeat(rng.uniform(0.05, 0.5, n // (sr // 4) + 1), sr // 4)[:n]
    return (levels * np.exp(-12.0 * t) * rng.standard_normal((channels, n))).clip(-1.0, 1.0).astype(np.float32)


def wet(text, x, sr=SR, **values):
    """The sound through a chain at the settings that its text and `values` say."""
    return dl.render(dl.parse(text), values, x, sr)


def stock(folder):
    """Recordings and presets as people have them."""
    dry, short = plucks(), plucks(seed=2, seconds=0.5)
    sounds = {
        "dry": dry,
        "wet": 0.5 * dry,
        "short": short,
        "short_wet": 0.5 * short,
        "stereo": np.concatenate([dry, dry]),
        "cut": 0.5 * dry[:, :6000],
        "late": 0.5 * np.pad(dry, ((0, 0), (40, 0)))[:, :SR],
        "inverted": -0.5 * dry,
    }
    for name, x in sounds.items():
        dl.audio.save(folder / f"{name}.wav", x, SR)
    dl.audio.save(folder / "fast.wav", dl.audio.resample(0.5 * dry, SR, 2 * SR), 2 * SR)
    for name, gain_db in (("good", 1.0), ("loud", 24.0)):
        dl.Preset.of(dl.parse("gain"), {"gain_db": gain_db}, SR).save(folder / f"{name}.json")


def cli(*arguments):
    """`ddsp-lab` in this process."""
    return CliRunner().invoke(app, two_values([str(a) for a in arguments], "--pair"))


def cli_json(*arguments):
    """What a verb prints with --json, read as strictly as JSON is written."""
    result = cli(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return strict_json(result.stdout)


def strict_json(text):
    def no_number(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=no_number)


def process(*arguments, cwd, preface="", **options):
    """`python -m ddsp_lab` in a process of its own, with its output caught; `preface` is Python that runs first."""
    code = f"{preface}\nimport sys\nsys.argv[0] = 'ddsp-lab'\nfrom ddsp_lab.cli import main\nmain()"
    start = ["-c", code] if preface else ["-m", "ddsp_lab"]
    return subprocess.Popen(
        [sys.executable, *start, *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        **options,
    )


def finished(started, timeout=120):
    """Exit code, stdout and stderr of a process."""
    out, err = started.communicate(timeout=timeout)
    return started.returncode, out, err
