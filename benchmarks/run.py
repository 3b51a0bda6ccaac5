"""Run benchmarks: `python benchmarks/run.py [NAME …] [--data FOLDER] [--draws N] [--quick] [--json] [--table FILE]`.

Names are the files beside this one; without any, those that need no recordings. Figures are of this machine and this
hour: what counts is the ratios, taken in turns within one process. `tune_process` is called first, as by `ddsp-lab`.
Peers need `pip install torch==2.13.0`, then `pip install -e '.[compare]'`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
NAMES = sorted(p.stem for p in HERE.glob("[a-z]*.py") if p.stem != "run")
WITHOUT_RECORDINGS = ("blocks", "compile_time", "gradient_step", "stft_distance", "streaming")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help=", ".join(NAMES))
    parser.add_argument("--data", help="folder of recordings, for the benchmarks that fit real sounds")
    parser.add_argument("--draws", type=int, help="random draws, where there are any")
    parser.add_argument("--quick", action="store_true", help="a small part, of those that have one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="a Markdown file to write the results to as tables")
    args = parser.parse_args()

    import ddsp_lab as dl

    dl.tune_process()
    results = {}
    for name in args.names or WITHOUT_RECORDINGS:
        results[name] = importlib.import_module(f"benchmarks.{name}").run(args)
        if not args.json:
            print(f"\n{name}")
            for row in results[name]:
                print("  " + "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    if args.json:
        print(json.dumps(results, indent=2))
    if args.table:
        args.table.write_text(page(results), encoding="utf-8")


def page(results: dict[str, list[dict[str, Any]]]) -> str:
    """The results as Markdown: a heading a benchmark, a table for each run of rows with the same columns."""
    command = f"python benchmarks/run.py {' '.join(results)} --table docs/benchmarks.md"
    lines = ["# Benchmarks", "", f"Written by `{command}`: of one machine and one hour. What counts is the ratios."]
    for name, rows in results.items():
        lines += ["", f"## {name}", "", importlib.import_module(f"benchmarks.{name}").__doc__ or ""]
        for columns, alike in groupby(rows, tuple):
            lines += ["", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
            lines += [
                f"| {' | '.join(f'{v:.4g}' if isinstance(v, float) else str(v) for v in row.values())} |"
                for row in alike
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
