# Written by `python -m ddsp_lab._stubs`: the members that discovery finds, for type checkers.
from .crest import Crest as Crest
from .energy_decay import EnergyDecay as EnergyDecay
from .envelope import Envelope as Envelope
from .esr import Esr as Esr
from .log_cosh import LogCosh as LogCosh
from .log_mel import LogMel as LogMel
from .loudness import Loudness as Loudness
from .loudness_dynamics import LoudnessDynamics as LoudnessDynamics
from .mae import Mae as Mae
from .mse import Mse as Mse
from .multi_resolution_stft import MultiResolutionStft as MultiResolutionStft
from .si_sdr import SiSdr as SiSdr
from .snr import Snr as Snr
from .spectral_transport import SpectralTransport as SpectralTransport
from .stereo_image import StereoImage as StereoImage
from .transient import Transient as Transient
