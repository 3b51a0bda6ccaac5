"""One processor backend, one compile cache, little else beside the tracing, and how often Hypothesis tries.

`pytest` runs everything in minutes. `pytest -m nightly` runs the Hypothesis tests with 1,000 examples for 100, whether
anything is finite with 10,000, and whatever is marked nightly; DDSP_LAB_NIGHTLY=1 gives the whole suite those examples.
"""

import gc
import os
import signal
from itertools import count

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")  # nobody reads where an operation was written

import jax

if jax.__version_info__ < (0, 11):
    # most of the suite's time is compiling what runs once: XLA's older emitters and an LLVM that optimises little take
    # half of it. A compiler that does not know a flag ends the process, hence the versions; JAX reads them later.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1")

import pytest
from hypothesis import is_hypothesis_test, settings

import ddsp_lab
from ddsp_lab._process import make_room_for_programs

FINISHED = count(1)
COMMON = {"deadline": None, "database": None, "derandomize": True}
# a shell that starts the tests in the background leaves Ctrl-C ignored, here and in every process they start
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ci", max_examples=100, **COMMON)
settings.register_profile("nightly", max_examples=1000, **COMMON)


def pytest_configure(config):
    nightly = os.environ.get("DDSP_LAB_NIGHTLY") == "1" or config.option.markexpr == "nightly"
    settings.load_profile("nightly" if nightly else "ci")
    ddsp_lab.tune_process()


def block_of(item):
    """Its name: all laws of a block run one after the other, and a process has its programs at hand."""
    block = getattr(item, "callspec", None) and item.callspec.params.get("block")
    return block.name if isinstance(block, ddsp_lab.Block) else ""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    items.sort(key=block_of)
    if config.option.markexpr == "nightly":
        for item in items:
            if is_hypothesis_test(getattr(item, "obj", None)):
                item.add_marker("nightly")
    if config.option.markexpr:
        return
    late = [item for item in items if item.get_closest_marker("nightly")]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]


def pytest_collection_finish():
    # tracing makes a hundred objects an operation, and after every 700 Python would look for circles among them
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_runtest_teardown():
    # thousands of programs in one process: looked at now and then, because looking takes milliseconds
    if next(FINISHED) % 50 == 0:
        make_room_for_programs()


@pytest.fixture
def x64():
    """Double precision for one test. A fixture, so that no other test sees it."""
    with jax.enable_x64(True):
        yield
