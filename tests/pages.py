"""Results to make pages of, and the pages read again."""

import base64
import io
import json
from html.parser import HTMLParser

import numpy as np
import soundfile
from helpers import SR, plucks, wet

import ddsp_lab as dl
from ddsp_lab import FitResult, Preset
from ddsp_lab._result import Candidate

CHAIN = "pre=parametric_eq(bands=1) >> (0.7 * soft_clip - 0.3 * gain)"
LOSSES = {"loss_start": 1.0, "loss": 0.5, "esr": 0.2, "esr_aligned": 0.1, "mrstft": 0.3}
FIGURES = {**LOSSES, "evaluations": 3, "seconds": 1.0}


def made(chain=CHAIN, sr=SR, x=None, heard=0, **changes):
    """A result that no search was needed for: the fit is duller and softer than the reference."""
    x = plucks(seconds=2.0, channels=2) if x is None else x
    sounds = {"dry": 0.2 * x, "reference": x, "fit": 0.5 * wet("low_pass(cutoff_hz=900)", x, sr)}
    front = tuple((Preset.of(dl.parse(chain), {}, sr), {"esr": 0.1 * i, "mae": 9.0 - i}) for i in range(2 * heard))
    some = tuple(Candidate(f"front {2 * i + 1}", (1 - 0.1 * i) * x, front[2 * i][1]) for i in range(heard))
    fields = {
        "preset": Preset.of(dl.parse(chain), {}, sr, {"target": "esr + 0.1 * mae"}),
        "metrics": {**FIGURES, "at_bound": ["pre.q[0]"], "insensitive": ["pre.gain_db[0]"]},
        "history": ((1, 1.0), (3, 0.5)),
        "notes": (("check-clipped", "The reference: 4 stretches run flat."), ("audio-length", "One is longer.")),
        "sounds": sounds,
        "sr": sr,
        "front": front,
        "terms": {"esr": ((1, 0.8), (3, 0.4)), "mae": ((1, 0.2), (3, 0.1))},
        "sensitivity": {"pre.q[0]": 0.2, "pre.gain_db[0]": 1e-9},
        "candidates": some,
    }
    return FitResult(**(fields | changes))


class Page(HTMLParser):
    """Elements in order with their attributes, the text of each kind, and that each is closed where it should be."""

    VOID = ("meta", "link", "input", "img")

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.texts = [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]

    @property
    def data(self):
        return json.loads(self.scripts["data"])

    @property
    def scripts(self):
        return {a.get("id", ""): text for a, text in zip(self.all("script"), self.texts["script"], strict=True)}

    def heard(self, track):
        """What a browser decodes, `(channels, samples)` at its own level, and the sample rate."""
        file = io.BytesIO(base64.b64decode(self.scripts[f"audio-{track}"], validate=True))
        y, sr = soundfile.read(file, dtype="float32", always_2d=True)
        scale = next(t["scale"] for t in self.data["tracks"] if t["id"] == track)
        return np.float32(scale) * y.T, sr
