# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .compressor import Compressor as Compressor
from .delay import Delay as Delay
from .gain import Gain as Gain
from .parametric_eq import ParametricEq as ParametricEq
from .reverb_fdn import ReverbFdn as ReverbFdn
from .soft_clip import SoftClip as SoftClip
