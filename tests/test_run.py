"""The run folder: whatever ends a fit, the same command goes on, and what comes of it is bit for bit the same."""

import errno
import io
import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from helpers import SR, cli, finished, plucks, process, strict_json, wet

import ddsp_lab as dl
from ddsp_lab import _journal, _run, audio
from ddsp_lab._errors import DdspLabError, FitError, RunError
from ddsp_lab._journal import Journal
from ddsp_lab._run import RunFolder

CHAIN = "parametric_eq(bands=1)"
DRY = plucks()
REFERENCE = wet(CHAIN, DRY, cutoff_hz=[900.0], gain_db=[9.0], q=[2.0])
SMALL = {"chain": "0.5 * gain", "budget": 40, "dry": DRY, "reference": 0.5 * DRY, "sr": SR}


def fitted(folder, **changes):
    return dl.fit(**({"chain": CHAIN, "dry": DRY, "reference": REFERENCE, "sr": SR, "folder": folder} | changes))


def outcome(folder):
    """What must not depend on how a fit was interrupted."""
    preset = json.loads((folder / "preset.json").read_text())
    varies = ("seconds", "compile_seconds", "replayed", "preset")
    metrics = {k: v for k, v in json.loads((folder / "metrics.json").read_text()).items() if k not in varies}
    return preset["chain"], preset["values"], metrics, (folder / "fit.flac").read_bytes()


def raised(code, call, *arguments, **keywords):
    with pytest.raises(DdspLabError) as caught:
        call(*arguments, **keywords)
    assert caught.value.code == code
    assert caught.value.remedy
    return caught.value


def lines(folder):
    path = folder / "journal.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder in which nothing went wrong."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    fitted(folder)
    return folder


# --- the folder


def test_the_same_fit_again_computes_nothing_and_gives_the_same(tmp_path, whole):
    first = fitted(tmp_path / "a")
    before = outcome(tmp_path / "a")
    again = fitted(tmp_path / "a")
    assert first.metrics["replayed"] == 0
    assert again.metrics["replayed"] == lines(tmp_path / "a") > 50
    assert again.values == first.values
    assert again.history == first.history
    assert outcome(tmp_path / "a") == before == outcome(whole)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_fit_goes_on_from_any_part_of_its_journal(tmp_path, whole, share):
    (tmp_path / "config.json").write_bytes((whole / "config.json").read_bytes())
    data = (whole / "journal.jsonl").read_bytes()
    (tmp_path / "journal.jsonl").write_bytes(data[: int(share * len(data))])
    kept = lines(tmp_path)
    assert fitted(tmp_path).metrics["replayed"] == kept
    assert outcome(tmp_path) == outcome(whole)
    assert (tmp_path / "journal.jsonl").read_bytes() == data


CHANGES = {
    "seed": {"seed": 1},
    "prior": {"prior": 0.5},
    "budget": {"budget": 9},
    "target": {"target": "esr(pre_emphasis=0.5)"},
    "optimizer": {"optimizer": "adam(steps=2)"},
    "chain": {"chain": "2 * gain"},
    "frozen": {"frozen": ["weights.gain"]},
    "ties": {"chain": "gain >> gain", "ties": {"gain.gain_db": "gain_2.gain_db"}},
    "start": {"start": {"gain.gain_db": 3.0}},
    "sample_rate": {"sr": 2 * SR},
    "recordings": {"reference": 0.25 * DRY},
    "align": {"align": False, "target": "esr"},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "run"
    dl.fit(**SMALL, folder=folder)
    return folder


@pytest.mark.parametrize(("key", "changes"), CHANGES.items(), ids=CHANGES)
def test_a_folder_keeps_to_its_configuration(tmp_path, small, key, changes):
    folder = shutil.copytree(small, tmp_path / "run")
    error = raised("run-changed", dl.fit, **(SMALL | changes), folder=folder)
    assert key in error.message
    assert "--fresh" in error.remedy
    before, after = ({p.name: p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (small, folder))
    assert after == before
    Journal(folder / "journal.jsonl").close()  # which is not locked any more


def test_fresh_begins_again_and_keeps_nothing(tmp_path):
    dl.fit(**SMALL, folder=tmp_path, seed=1)
    with pytest.raises(FitError):
        dl.fit(**SMALL, folder=tmp_path, fresh=True, watch=lambda _: signal.raise_signal(signal.SIGINT))
    assert not (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "fit.flac").exists()
    assert not (tmp_path / "report.html").exists()
    assert list((tmp_path / "listen").iterdir()) == []
    assert dl.fit(**SMALL, folder=tmp_path).metrics["replayed"] == 1


@pytest.mark.parametrize("junk", ["", "junk", "[]", "[" * 10_000, "\0"])
def test_a_folder_whose_configuration_is_lost_is_not_taken_over(tmp_path, junk):
    dl.fit(**SMALL, folder=tmp_path)
    (tmp_path / "config.json").write_text(junk)
    raised("run-changed", dl.fit, **SMALL, folder=tmp_path)


def test_answers_without_a_question_are_forgotten(tmp_path):
    dl.fit(**SMALL, folder=tmp_path)
    (tmp_path / "config.json").unlink()
    assert dl.fit(**SMALL, folder=tmp_path).metrics["replayed"] == 0


def test_answers_to_other_questions_are_refused(tmp_path):
    dl.fit(**SMALL, folder=tmp_path)
    first, second, *rest = (tmp_path / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_bytes(b"".join([second, first, *rest]))
    assert "Record 1" in raised("run-journal", dl.fit, **SMALL, folder=tmp_path).message


def test_a_folder_in_use_is_locked(tmp_path):
    with RunFolder(tmp_path, {}):
        raised("run-locked", dl.fit, **SMALL, folder=tmp_path)
    dl.fit(**SMALL, folder=tmp_path, fresh=True)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").touch()
    error = raised("run-disk", dl.fit, **SMALL, folder=tmp_path / "run")
    assert "Name a folder" in error.remedy


# --- a full disk


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("room", [0, 1, 30])
def test_a_disk_that_fills_up_under_the_journal_keeps_what_is_on_it(tmp_path, whole, monkeypatch, room):
    class Full(io.FileIO):
        def write(self, data):
            return super().write(data) if lines(tmp_path) < room else no_space()

    with monkeypatch.context() as patch:
        patch.setattr(_journal, "open", lambda path, mode, **_: Full(path, mode), raising=False)
        error = raised("run-disk", fitted, tmp_path)
    assert "No space left" in error.message
    assert "Make room" in error.remedy
    assert lines(tmp_path) == room
    assert fitted(tmp_path).metrics["replayed"] == room
    assert outcome(tmp_path) == outcome(whole)


@pytest.mark.parametrize("name", ["config.json", "preset.json", "fit.flac", "dry.flac", "report.json", "metrics.json"])
def test_a_disk_that_fills_up_under_a_result_keeps_the_rest(tmp_path, whole, monkeypatch, name):
    write = _run.write_whole
    with monkeypatch.context() as patch:
        patch.setattr(_run, "write_whole", lambda path, data: no_space() if path.name == name else write(path, data))
        assert name in raised("run-disk", fitted, tmp_path).message or name == "config.json"
    assert list(tmp_path.rglob(name)) == []
    fitted(tmp_path)
    assert outcome(tmp_path) == outcome(whole)


def put(folder):
    audio.save(folder / "dry.wav", DRY, SR)
    audio.save(folder / "wet.wav", REFERENCE, SR)
    return folder


@pytest.fixture
def files(tmp_path):
    return put(tmp_path)


FIT = ("fit", "dry.wav", "wet.wav", "--chain", CHAIN, "-o", "run")
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"


def test_a_real_limit_ends_in_an_error_and_the_fit_goes_on(files, whole, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "0")  # which could not be written either
    code, out, err = finished(process(*FIT, "--json", cwd=files, preface=LIMITED))
    assert code == 2
    assert strict_json(out)["error"]["code"] == "run-disk"
    assert "run-disk" in err
    assert "Traceback" not in err
    assert 10 < lines(files / "run") < lines(whole)
    assert (files / "run" / "journal.jsonl").stat().st_size == 9000  # the last record is torn
    kept = lines(files / "run")
    assert fitted(files / "run").metrics["replayed"] == kept
    assert outcome(files / "run") == outcome(whole)


POPULATION = {"optimizer": "differential_evolution(population=20)", "budget": 1200}
SEARCH = ("--optimizer", POPULATION["optimizer"], "-n", POPULATION["budget"])


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder of a population search in which nothing went wrong."""
    folder = tmp_path_factory.mktemp("searched") / "run"
    fitted(folder, **POPULATION)
    return folder


def test_every_generation_is_on_the_disk_before_the_next(tmp_path, monkeypatch):
    synced, sync = [], os.fsync
    monkeypatch.setattr(_journal.os, "fsync", lambda file: synced.append(sync(file)))
    monkeypatch.setattr(_run, "write_whole", lambda path, data: path.write_bytes(data))
    dl.fit(**(SMALL | {"optimizer": "random_search(population=3)", "budget": 31}), folder=tmp_path)
    assert len(synced) >= 10


@pytest.mark.parametrize("share", [0.02, 0.3, 0.95])
def test_a_population_goes_on_from_any_part_of_its_journal(tmp_path, searched, share):
    (tmp_path / "config.json").write_bytes((searched / "config.json").read_bytes())
    data = (searched / "journal.jsonl").read_bytes()
    (tmp_path / "journal.jsonl").write_bytes(data[: int(share * len(data))])
    kept = lines(tmp_path)
    assert fitted(tmp_path, **POPULATION).metrics["replayed"] == kept
    assert outcome(tmp_path) == outcome(searched)
    assert (tmp_path / "journal.jsonl").read_bytes() == data


@pytest.mark.nightly
def test_a_population_goes_on_from_a_journal_cut_at_any_byte(tmp_path, searched):
    data, config = (searched / "journal.jsonl").read_bytes(), (searched / "config.json").read_bytes()
    cuts = np.unique(np.random.default_rng(0).integers(0, len(data), 150))
    for cut in [*range(3), *cuts.tolist(), len(data) - 1]:
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "config.json").write_bytes(config)
        (folder / "journal.jsonl").write_bytes(data[:cut])
        assert fitted(folder, **POPULATION).metrics["replayed"] == data[:cut].count(b"\n")
        assert outcome(folder) == outcome(searched)


def test_a_disk_that_fills_up_during_a_search_keeps_the_best_in_its_file(files, searched, monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "0")
    code, out, _ = finished(process(*FIT, *SEARCH, "--json", cwd=files, preface=LIMITED))
    assert code == 2
    error = strict_json(out)["error"]
    assert error["code"] == "run-disk"
    assert "The best so far, of loss 0.0" in error["message"]
    assert "is in run/preset.json" in error["message"]
    kept = dl.Preset.load(files / "run" / "preset.json")
    assert 0 < lines(files / "run") < lines(searched)
    said = float(error["message"].partition("of loss ")[2].partition(",")[0])
    assert np.sum((kept.render(DRY, SR) - REFERENCE) ** 2) / np.sum(REFERENCE**2) == pytest.approx(said, rel=0.5)
    fitted(files / "run", **POPULATION)
    assert outcome(files / "run") == outcome(searched)


def test_a_disk_that_takes_nothing_at_all_leaves_the_best_in_the_error(tmp_path, searched, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            return super().write(data) if lines(tmp_path) < 20 else no_space()

    best = []
    with monkeypatch.context() as patch:
        patch.setattr(_journal, "open", lambda path, mode, **_: Full(path, mode), raising=False)
        write = _run.write_whole
        patch.setattr(
            _run, "write_whole", lambda path, data: no_space() if lines(tmp_path) >= 20 else write(path, data)
        )
        error = raised("run-disk", fitted, tmp_path, watch=lambda e: best.append(e.best.loss), **POPULATION)
    assert f"of loss {best[-1]:.3g}, is {{" in error.message
    said = json.loads(error.message.partition(", is ")[2].removesuffix("."))
    assert said == json.loads(error.preset.text())
    assert fitted(tmp_path, **POPULATION).metrics["replayed"] == 20
    assert outcome(tmp_path) == outcome(searched)


# --- time


def test_a_fit_that_is_short_of_time_goes_on_where_it_stopped(tmp_path, searched):
    counts = []
    while not counts or counts[-1] < POPULATION["budget"]:
        kept = lines(tmp_path)
        result = fitted(tmp_path, **POPULATION, seconds=0.02)
        assert result.metrics["replayed"] == kept
        counts.append(result.metrics["evaluations"])
    assert len(counts) > 2
    assert counts == sorted(set(counts))
    assert outcome(tmp_path) == outcome(searched)


def test_time_is_kept_and_what_is_replayed_takes_none_of_it(tmp_path):
    way = {"optimizer": "random_search(generations=1000000)", "budget": None, "seconds": 0.5, "folder": tmp_path}
    began = time.perf_counter()
    first = dl.fit(**(SMALL | way))
    assert 0.5 < time.perf_counter() - began < 5.0
    assert first.metrics["evaluations"] > 32
    second = dl.fit(**(SMALL | way))
    assert second.metrics["evaluations"] > 1.2 * first.metrics["evaluations"]


@pytest.mark.parametrize("seconds", [0, 0.0, -1.0, float("nan"), float("inf"), True, "1"])
def test_no_time_at_all_is_an_error(tmp_path, seconds):
    assert "seconds=" in raised("bad-setting", dl.fit, **SMALL, seconds=seconds, folder=tmp_path / "run").message
    assert not (tmp_path / "run").exists()


# --- kill and Ctrl-C


def once_there_are(records, folder, running):
    """Wait until the journal holds so many records, or the process has ended."""
    while running.poll() is None and lines(folder) < records:
        time.sleep(0.001)


def test_a_killed_fit_goes_on_as_if_nothing_had_been(files, whole):
    moments = sorted(np.random.default_rng(0).integers(1, lines(whole) - 20, 3).tolist())
    for moment in moments:
        running = process(*FIT, cwd=files)
        once_there_are(moment, files / "run", running)
        running.send_signal(signal.SIGKILL)
        assert finished(running)[0] == -signal.SIGKILL, "it was over before it was killed"
        assert moment <= lines(files / "run") < lines(whole)
    code, out, err = finished(process(*FIT, "--json", cwd=files))
    assert code == 0, err
    assert strict_json(out)["replayed"] >= moments[-1]
    assert outcome(files / "run") == outcome(whole)


@pytest.fixture(scope="module")
def took(tmp_path_factory):
    """Seconds from the start of a process to its end."""
    folder, began = put(tmp_path_factory.mktemp("timed")), time.perf_counter()
    assert finished(process(*FIT, cwd=folder))[0] == 0
    return time.perf_counter() - began


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(20))
def test_a_fit_killed_at_any_time_goes_on(files, whole, took, seed):
    running = process(*FIT, cwd=files)
    time.sleep(np.random.default_rng(seed).uniform(0.2, 1.0) * took)
    running.send_signal(signal.SIGKILL)
    finished(running)
    assert finished(process(*FIT, cwd=files))[0] == 0
    assert outcome(files / "run") == outcome(whole)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100))
def test_a_killed_search_loses_no_generation(files, searched, seed):
    random = np.random.default_rng(seed)
    running = process(*FIT, *SEARCH, cwd=files)
    once_there_are(random.integers(1, lines(searched) - 10), files / "run", running)
    time.sleep(random.uniform(0.0, 0.01))
    seen = lines(files / "run")
    running.send_signal(signal.SIGKILL)
    finished(running)
    assert lines(files / "run") >= seen
    kept = lines(files / "run")
    assert fitted(files / "run", **POPULATION).metrics["replayed"] == kept
    assert outcome(files / "run") == outcome(searched)


@pytest.mark.parametrize("as_json", [[], pytest.param(["--json"], marks=pytest.mark.nightly)], ids=["text", "json"])
def test_ctrl_c_saves_and_says_so(files, whole, as_json):
    running = process(*FIT, *as_json, cwd=files)
    once_there_are(20, files / "run", running)
    running.send_signal(signal.SIGINT)
    code, out, err = finished(running)
    assert code == 130
    assert "fit-interrupted" in err
    assert "Give the same command again" in err
    assert "Traceback" not in err
    assert not as_json or strict_json(out)["error"]["code"] == "fit-interrupted"
    assert json.loads((files / "run" / "preset.json").read_text())["chain"] == CHAIN
    assert fitted(files / "run").metrics["replayed"] >= 20
    assert outcome(files / "run") == outcome(whole)


def test_ctrl_c_before_the_first_evaluation_ends_quietly(files):
    running = process(*FIT, cwd=files)
    while running.poll() is None and not (files / "run" / "journal.jsonl").exists():
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    code, _, err = finished(running)
    assert code == 130
    assert "Traceback" not in err


def test_a_notebook_goes_on_although_it_keeps_the_error(tmp_path, whole):
    def stop(evaluate):
        if evaluate.evaluations > 100:
            raise KeyboardInterrupt

    with pytest.raises(FitError) as kept:
        fitted(tmp_path, watch=stop)
    assert kept.value.code == "fit-interrupted"
    kept_records = lines(tmp_path)
    assert fitted(tmp_path).metrics["replayed"] == kept_records > 10
    assert outcome(tmp_path) == outcome(whole)
    del kept  # until here it held every frame


def test_an_error_gives_the_folder_back(tmp_path):
    kept = raised(
        "fit-needs-residual",
        dl.fit,
        **SMALL,
        folder=tmp_path,
        target="multi_resolution_stft",
        optimizer="levenberg_marquardt",
    )
    assert isinstance(kept, FitError)
    assert isinstance(raised("run-changed", dl.fit, **SMALL, folder=tmp_path), RunError)
    dl.fit(**SMALL, folder=tmp_path, fresh=True)


def test_the_command_line_says_which_key_has_changed(files):
    small = ("fit", "dry.wav", "wet.wav", "--chain", "gain", "-n", "3", "-o", files / "run")
    arguments = [files / a if str(a).endswith(".wav") else a for a in small]
    assert cli(*arguments).exit_code == 0
    result = cli(*arguments, "--seed", "5")
    assert result.exit_code == 2
    assert "run-changed" in result.stderr
    assert "seed = 0, not 5" in result.stderr
    assert cli(*arguments, "--seed", "5", "--fresh").exit_code == 0
