"""Any sound in, an editable and portable preset out: differentiable effects and synths, fitted to recordings.

import ddsp_lab as dl

result = dl.fit("parametric_eq(bands=4) >> compressor >> gain", dry, reference, sr)
result.preset.save("preset.json")
wet = dl.Preset.load("preset.json").render(dry, sr)
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ddsp_lab")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

from . import audio, damages, effects, hosts, optimizers, synths, targets
from ._block import Block, Context, StreamingBlock
from ._bypass import Bypass
from ._cost import ops_per_sample
from ._damage import Damage
from ._dx7 import read_dx7, write_dx7
from ._errors import DdspLabError
from ._feedback import Feedback
from ._fit import fit
from ._match import MatchResult, match
from ._match_many import match_many
from ._mid_side import MidSide
from ._midi import read_midi, write_midi
from ._mix import Mix
from ._modulate import Modulate
from ._notes import Notes, note, notes
from ._one_of import OneOf
from ._optimizer import Optimizer
from ._oversample import Oversample
from ._parallel import Parallel
from ._param import Param
from ._parse import parse
from ._preset import Preset
from ._process import tune_process
from ._render import render
from ._result import FitResult
from ._resynthesize import Resynthesis, resynthesize
from ._series import Series
from ._space import Space
from ._surrogate import Surrogate
from ._synth import Note, Synth
from ._target import Target
from ._timbre import Timbre
from ._transfer import TransferResult, transfer
from .hosts.callable_block import callable_block
from .hosts.plugin import plugin

__all__ = [
    "Block",
    "Bypass",
    "Context",
    "Damage",
    "DdspLabError",
    "Feedback",
    "FitResult",
    "MatchResult",
    "MidSide",
    "Mix",
    "Modulate",
    "Note",
    "Notes",
    "OneOf",
    "Optimizer",
    "Oversample",
    "Parallel",
    "Param",
    "Preset",
    "Resynthesis",
    "Series",
    "Space",
    "StreamingBlock",
    "Surrogate",
    "Synth",
    "Target",
    "Timbre",
    "TransferResult",
    "audio",
    "callable_block",
    "damages",
    "effects",
    "fit",
    "hosts",
    "match",
    "match_many",
    "note",
    "notes",
    "ops_per_sample",
    "optimizers",
    "parse",
    "plugin",
    "read_dx7",
    "read_midi",
    "render",
    "resynthesize",
    "synths",
    "targets",
    "transfer",
    "tune_process",
    "write_dx7",
    "write_midi",
]
