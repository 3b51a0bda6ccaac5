# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .esr import Esr as Esr
from .log_cosh import LogCosh as LogCosh
from .log_mel import LogMel as LogMel
from .mae import Mae as Mae
from .mse import Mse as Mse
from .multi_resolution_stft import MultiResolutionStft as MultiResolutionStft
from .si_sdr import SiSdr as SiSdr
from .snr import Snr as Snr
