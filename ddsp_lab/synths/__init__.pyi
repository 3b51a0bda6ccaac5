# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .additive import Additive as Additive
from .clap import Clap as Clap
from .filtered_noise import FilteredNoise as FilteredNoise
from .fm import Fm as Fm
from .fm6 import Fm6 as Fm6
from .harmonic_plus_noise import HarmonicPlusNoise as HarmonicPlusNoise
from .hihat import Hihat as Hihat
from .kick import Kick as Kick
from .modal import Modal as Modal
from .oscillator import Oscillator as Oscillator
from .plucked_string import PluckedString as PluckedString
from .sampler import Sampler as Sampler
from .snare import Snare as Snare
from .subtractive import Subtractive as Subtractive
from .tom import Tom as Tom
from .wavetable import Wavetable as Wavetable
