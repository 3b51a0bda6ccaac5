"""One recording among many that are matched together: what is heard in it, what is asked of it, what comes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import __version__
from ._block import Block
from ._choice import AUTO
from ._errors import DdspLabError, FitError
from ._families import families, guesses, points, question
from ._heard import Playing, playing, unsure
from ._matched import MatchResult, keep_notes
from ._pairs import prepare_pair
from ._preset import Preset
from ._render import render
from ._run import CONFIG, RunFolder
from ._saved import keep, saved
from ._score import at_bound, remarks, rounded, scores
from ._source import digest
from ._space import Space
from ._target import Target
from ._together import Found, Member
from .audio import mixdown
from .dsp.transcribe import Heard, transcribe

SCOUTS = 8  # random points, the same for every recording


@dataclass(frozen=True)
class Asked:
    """What is asked of all of them alike; `synth` is a chain or None, where its family is to be found."""

    synth: Block | None
    target: Target
    seed: int
    frozen: tuple[str, ...]


class Job(NamedTuple):
    """A recording with a chain, and the problem that is."""

    chain: Block
    play: Playing
    member: Member


@dataclass(frozen=True)
class OneOfMany:
    """`audio` is (channels, samples) at `sr` Hz; `folder` is where its run is kept, if anywhere."""

    asked: Asked
    audio: np.ndarray
    sr: int
    folder: Path | None

    @cached_property
    def config(self) -> dict[str, Any]:
        return {
            "batch": str(self.asked.synth or AUTO),
            "target": str(self.asked.target),
            "seed": self.asked.seed,
            "frozen": list(self.asked.frozen),
            "version": __version__,
            "sample_rate": self.sr,
            "recording": digest(self.audio),
        }

    def kept(self) -> MatchResult | None:
        """What its folder holds of the same search, if that was finished."""
        try:
            if self.folder is None or json.loads((self.folder / CONFIG).read_text(encoding="utf-8")) != self.config:
                return None
            found = saved(self.folder)
        except (OSError, ValueError, RecursionError, DdspLabError):
            return None
        return found if isinstance(found, MatchResult) else None

    @cached_property
    def _mono(self) -> np.ndarray:
        return mixdown(self.audio, 1)[0]

    @cached_property
    def heard(self) -> Heard:
        return transcribe(self._mono, self.sr)

    def having_heard(self) -> OneOfMany:
        """Itself, once all is heard that takes time: then nothing else of it does."""
        _ = self.heard, self.chains
        return self

    @cached_property
    def chains(self) -> list[Block]:
        """What may have made it."""
        if self.asked.synth is not None:
            return [self.asked.synth]
        return families(self.heard, self.audio, self.sr)

    def job(self, chain: Block) -> Job:
        play = playing(chain, self.heard, None, self._mono, self.sr, self.asked.frozen)
        problem = question(chain, play.line, self.audio, self.sr, self.asked.target, play.frozen)
        guessed = guesses(chain, play.line, self.audio, self.sr, play.frozen)
        begins = points(Space(chain, play.frozen), guessed)
        scouts = np.random.default_rng(self.asked.seed).random((SCOUTS, begins.shape[1]))
        return Job(chain, play, Member(problem, np.concatenate([begins, scouts])))

    def result(self, job: Job, found: Found, seconds: float, compiling: float, fresh: bool) -> MatchResult:
        """What was found, written into its folder."""
        if not np.isfinite(found.loss):
            raise FitError("fit-diverged", "No point gave a finite loss.", "Check the recording.")
        space, line = Space(job.chain, job.play.frozen), job.play.line
        values = space.decode(found.u)
        pair = prepare_pair(line, self.audio, self.sr, job.chain, aligned=False)
        fitted = np.atleast_2d(render(job.chain, values, line, self.sr))
        metrics: dict[str, Any] = rounded(
            {
                "loss_start": found.loss_start,
                "loss": found.loss,
                **scores([pair], [fitted], self.sr),
                "evaluations": found.evaluations,
                "seconds": seconds,
                "compile_seconds": compiling,
                "seed": self.asked.seed,
            }
        )
        metrics |= {"at_bound": at_bound(space, found.u), "insensitive": []}
        about = {"target": str(self.asked.target), "version": __version__, **metrics}
        preset = Preset.of(job.chain, values, self.sr, about)
        result = MatchResult(
            preset,
            metrics,
            ((found.evaluations, metrics["loss"]),),
            (*unsure(self.heard), *pair.notes, *remarks(job.chain, preset.values, self.sr)),
            {"reference": pair.reference, "fit": fitted},
            self.sr,
            played=line,
            confidence=tuple(np.round(job.play.sure, 3).tolist()),
        )
        if self.folder is not None:
            with RunFolder(self.folder, self.config, fresh) as run:
                run.save_preset(preset)
                result = keep(run, result)
            keep_notes(self.folder, result)
        return result
