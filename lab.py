#!/usr/bin/env python3
"""From a clone to a running ddsp_lab, with nothing but Python: `python3 lab.py demo`, `python3 lab.py test`.

Makes `.venv` (or the folder that DDSP_LAB_VENV names), installs the package there, and hands over to `ddsp-lab`; `test`
hands over to pytest, `docs` to mkdocs. Works without python3-venv: pip, wherever it is, installs into the environment
from outside.
"""

from __future__ import annotations  # before Python 3.9 the types below mean nothing

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = Path(os.environ.get("DDSP_LAB_VENV", HERE / ".venv")).resolve()
PYTHON = VENV / "bin" / "python"
TOOLS = {  # by verb, which is also the extra that brings it; and what it is told where nothing else is said
    "test": ["pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"],
    "docs": ["mkdocs", "build", "--strict"],
}


def main(arguments: list[str]) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python is at hand runs this file
        sys.exit(f"ddsp_lab needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    verb, said = arguments[0] if arguments else "", arguments[1:]
    if verb in TOOLS:
        tool, *usual = TOOLS[verb]
        install(extra=f"[{verb}]")
        os.chdir(HERE)
        command = [tool, *(said or usual)]
    else:
        install(extra="")
        command = ["ddsp_lab", *arguments]
    os.execv(PYTHON, [str(PYTHON), "-m", *command])


def install(extra: str) -> None:
    """Install the package into the environment, unless that has been done for these very files."""
    stamp = VENV / f"installed{extra}"
    project = (HERE / "pyproject.toml").read_bytes() + f"{sys.version} {HERE}".encode()
    wanted = hashlib.sha256(project).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Setting up {VENV} (once, about half a minute) ...", file=sys.stderr)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", PYTHON]
        subprocess.run([*pip, "install", "--quiet", "--editable", f"{HERE}{extra}"], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        sys.exit(f"The set-up failed with exit code {error.returncode}; what went wrong stands above.")
    stamp.write_text(wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
