"""What importing the package costs, and that every name is where its file says."""

import importlib
import pkgutil
import re
import subprocess
import sys

import pytest
from helpers import ROOT

import ddsp_lab
from ddsp_lab import Block, Optimizer, Target
from ddsp_lab._registry import snake_case

HEAVY = ("flax", "torch", "pedalboard", "nevergrad", "pygad")
LATE = ("soundfile", "soxr", "pyloudnorm", "optax", "safetensors", "typer", "rich")  # imported where they are used
GUARD = f"""import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY + LATE}:
            raise AssertionError("import of " + name)
sys.meta_path.insert(0, Guard())
"""
FOLDER = ROOT / "ddsp_lab"
ROOMS = {"effects": Block, "synths": Block, "hosts": Block, "optimizers": Optimizer, "targets": Target}


def python(code):
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


def test_importing_the_package_tries_none_of_the_heavy_ones():
    done = python(GUARD + "import ddsp_lab; print(ddsp_lab.parse('gain'))")
    assert (done.returncode, done.stdout, done.stderr) == (0, "gain\n", "")


@pytest.mark.parametrize("name", [HEAVY[0], LATE[0]])
def test_the_guard_would_notice(name):
    done = python(GUARD + f"import {name}")
    assert done.returncode == 1
    assert f"import of {name}" in done.stderr


def members():
    for room, family in ROOMS.items():
        for info in pkgutil.iter_modules([str(FOLDER / room)]):
            if not info.name.startswith("_"):
                yield pytest.param(room, family, info.name, id=f"{room}-{info.name}")


@pytest.mark.parametrize(("room", "family", "file"), list(members()))
def test_a_file_holds_the_member_it_is_named_after(room, family, file):
    module = importlib.import_module(f"ddsp_lab.{room}.{file}")
    member = family.registry[file]
    assert member.__module__ == module.__name__
    assert snake_case(member.__name__) == file
    assert getattr(getattr(ddsp_lab, room), member.__name__) is member


def test_every_member_has_a_file_of_its_own():
    for room, family in ROOMS.items():
        shipped = [m for m in family.registry.values() if m.__module__.startswith(f"ddsp_lab.{room}")]
        assert len({m.__module__ for m in shipped}) == len(shipped)


def test_what_is_public_is_there_and_what_is_not_is_marked():
    assert sorted(ddsp_lab.__all__) == list(ddsp_lab.__all__)
    for name in ddsp_lab.__all__:
        assert hasattr(ddsp_lab, name), name
    public = {p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_")}
    assert public == {"audio"}
    assert all(re.fullmatch(r"_?[a-z0-9_]+|__\w+__", p.stem) for p in FOLDER.rglob("*.py"))


def test_files_stay_small():
    long = {p.name: n for p in FOLDER.rglob("*.py") if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}
