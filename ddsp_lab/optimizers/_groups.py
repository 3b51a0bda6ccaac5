"""Which coordinates belong together: the numbers of one band among several."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

INDEX = re.compile(r"\[(\d+)\]$")
UNITS = {"db", "hz", "khz", "ms", "s", "percent"}


def groups(names: Sequence[str]) -> list[dict[str, int]]:
    """Coordinates whose names differ in all but a place: `gain_db[2]` and `q[2]`, `frequency_1_hz` and `bandwidth_1`;
    of each group, which coordinate is what.

    What bears no number, or a letter for one, belongs to nothing; a group has two members at least.
    """
    found: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for k, name in enumerate(names):
        link, _, rest = name.rpartition(".")
        if match := INDEX.search(rest):
            found[link, match[1]][rest[: match.start()]] = k
            continue
        words = [word for word in rest.split("_") if word not in UNITS]
        if words[1:] and (words[-1].isdigit() or len(words[-1]) == 1):
            found[link, words[-1]]["_".join(words[:-1])] = k
    return [members for members in found.values() if len(members) > 1]
