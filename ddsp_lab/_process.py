"""What makes a process that fits fast, and how much of its time went into compiling."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
from pathlib import Path

import jax
import platformdirs

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # of BLAS and its kin
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8  # of glibc's mallopt
COMPILE_EVENTS = "/jax/core/compile/"  # tracing, lowering and the backend's own work

_compiled = 0.0


def _listen(event: str, duration_secs: float, **_: object) -> None:
    global _compiled
    if event.startswith(COMPILE_EVENTS):
        _compiled += duration_secs


jax.monitoring.register_event_duration_secs_listener(_listen)


def compile_seconds() -> float:
    """Seconds spent on tracing and compiling since the process began."""
    return _compiled


def tune_process() -> None:
    """Keep freed memory, and keep compiled programs from one process to the next.

    Buffers of a few megabytes go back to the kernel and come again page by page, many times a step: keeping them makes
    a step 1.5 to 2.4 times faster. All threads share one heap, because glibc's heaps of their own end at 64 MB, less
    than the scratch of a step. Call it before the first computation.

    Programs are kept under the user's cache folder, one folder per version of JAX and kind of processor; where
    JAX_COMPILATION_CACHE_DIR is set, there.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(TRIM_THRESHOLD, (1 << 31) - 1)
        libc.mallopt(ARENA_MAX, 1)
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        folder = Path(platformdirs.user_cache_dir("ddsp_lab")) / f"jax-{jax.__version__}-{_processor()}"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def make_room_for_programs() -> None:
    """Forget compiled programs once they fill half of the memory maps that the system gives a process.

    Linux gives 65,530, an XLA program takes ten or more, and at the last one LLVM ends the process with a segmentation
    fault. A program that is needed again is compiled again, or read from the disk.
    """
    taken, given = _memory_maps()
    if taken > given // 2:
        jax.clear_caches()


def _memory_maps() -> tuple[int, int]:
    """How many this process has, and how many it may have; none of none where the system does not say."""
    try:
        given = int(Path("/proc/sys/vm/max_map_count").read_bytes())
        return Path("/proc/self/maps").read_bytes().count(b"\n"), given
    except OSError:
        return 0, 0


def _processor() -> str:
    """A short name for what native code depends on: the instructions this processor has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()}-{hashlib.sha256(flags.encode()).hexdigest()[:8]}"
