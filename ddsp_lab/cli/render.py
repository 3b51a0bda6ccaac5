"""`ddsp-lab render`: a recording through a preset."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from .. import audio
from .._notes import Notes
from .._preset import Preset
from .._score import remarks
from ._recordings import source as load_source
from ._shell import Json, notes_json, out, show_json, show_notes, verb


class ClipMode(StrEnum):
    refuse = "refuse"
    rescale = "rescale"
    clamp = "clamp"


@verb
def render(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The recording to process, or notes: a .mid file.")],
    preset: Annotated[Path, typer.Argument(help="A preset that a fit has written.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write, its format by its ending.")
    ],
    tail: Annotated[float, typer.Option(min=0.0, max=600.0, help="Seconds to let echoes and reverb ring on.")] = 0.0,
    clip_mode: Annotated[
        ClipMode, typer.Option(help="What to do where the file cannot hold the peak.")
    ] = ClipMode.refuse,
    as_json: Json = False,
) -> None:
    """Play a recording, or notes, through a preset."""
    loaded = Preset.load(preset)
    given = load_source(source)
    if isinstance(given, Notes):
        x, sr = given.longer(tail), loaded.sample_rate
    else:
        x, sr = np.pad(given.samples, ((0, 0), (0, round(tail * given.sr)))), given.sr
    y = loaded.render(x, sr)
    notes = remarks(loaded.block, loaded.values, sr)
    gain_db = audio.save(output, y, sr, clip_mode.value)
    result = {
        "output": str(output),
        "sample_rate": sr,
        "channels": y.shape[0],
        "seconds": y.shape[1] / sr,
        "lufs": audio.loudness(10.0 ** (gain_db / 20.0) * y, sr),
        "gain_db": gain_db,
    }
    if as_json:
        show_json({**result, "notes": notes_json(notes)})
    else:
        show_notes(notes)
        turned = f", turned down by {-gain_db:.2f} dB" if gain_db else ""
        out.print(f"{output}: {result['seconds']:.2f} s, {y.shape[0]} channel(s) at {sr} Hz{turned}", soft_wrap=True)
