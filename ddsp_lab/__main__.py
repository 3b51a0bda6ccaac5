"""`python -m ddsp_lab` is `ddsp-lab`."""

from .cli import main

main()
