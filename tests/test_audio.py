"""Sound files: what is saved comes back, and no file, however broken, is taken for what it is not."""

import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from helpers import SR, plucks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddsp_lab import audio
from ddsp_lab._errors import AudioError

ENDINGS = ["wav", "flac", "aiff", "ogg"]
LSB = 2.0**-23
STEREO = plucks(channels=2)


def refused(code, said, call, *arguments, **keywords):
    with pytest.raises(AudioError) as caught:
        call(*arguments, **keywords)
    assert caught.value.code == code
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert caught.value.remedy


def written(folder, ending, x=STEREO, sr=SR):
    path = folder / f"x.{ending}"
    audio.save(path, x, sr)
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """The bytes of one sound in each format."""
    folder = tmp_path_factory.mktemp("sounds")
    return {ending: written(folder, ending).read_bytes() for ending in ENDINGS}


@pytest.mark.parametrize(
    ("ending", "error"), [("wav", 0.0), ("flac", 1.01 * LSB), ("aiff", 1.01 * LSB), ("aif", 1.01 * LSB)]
)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_what_is_saved_comes_back(tmp_path, ending, error, channels):
    x = plucks(channels=channels)
    path = tmp_path / f"x.{ending}"
    assert audio.save(path, x, 12_345) == 0.0
    again = audio.load(path)
    assert again.sr == 12_345
    assert again.samples.dtype == np.float32
    assert again.seconds == x.shape[1] / 12_345
    assert again.samples.shape == x.shape
    assert np.abs(again.samples - x).max() <= error


def test_vorbis_comes_back_as_it_sounds(tmp_path):
    x = 0.3 * np.sin(2 * np.pi * 440.0 * np.arange(SR) / SR)
    audio.save(tmp_path / "x.ogg", np.stack([x, 0.5 * x]), SR)
    again = audio.load(tmp_path / "x.ogg").samples
    assert again.shape == (2, SR)
    np.testing.assert_allclose(again, np.stack([x, 0.5 * x]), atol=0.02)


def test_a_minute_of_vorbis_is_written(tmp_path):
    # the encoder's stack overflows where it is handed everything at once: in a process of its own
    code = f"""import numpy as np; from ddsp_lab import audio
audio.save({str(tmp_path / "long.ogg")!r}, np.zeros((2, 60 * 44_100), np.float32), 44_100)"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert audio.load(tmp_path / "long.ogg").seconds == 60.0


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["x.mp3", "x", "x.wav", "x.flac"])
def test_a_file_is_known_by_its_content(tmp_path, sounds, ending, name):
    (tmp_path / name).write_bytes(sounds[ending])
    assert audio.load(tmp_path / name).samples.shape == STEREO.shape


@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "DOUBLE", "PCM_U8"])
def test_other_kinds_of_wav_are_read(tmp_path, subtype, order):
    soundfile.write(tmp_path / "x.wav", STEREO.T, SR, subtype=subtype, endian=order)
    error = {"PCM_U8": 2.0**-7, "PCM_16": 2.0**-15}.get(subtype, LSB)
    assert np.abs(audio.load(tmp_path / "x.wav").samples - STEREO).max() <= error


def test_a_wav_whose_size_a_stream_left_open_is_read(tmp_path, sounds):
    for size in (0, 0xFFFFFFFF):
        (tmp_path / "x.wav").write_bytes(sounds["wav"][:4] + struct.pack("<I", size) + sounds["wav"][8:])
        np.testing.assert_array_equal(audio.load(tmp_path / "x.wav").samples, STEREO)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cut_file_is_truncated_wherever_it_is_cut(tmp_path, sounds, ending):
    data = sounds[ending]
    path = tmp_path / f"x.{ending}"
    cuts = {12, 13, 20, 27, 28, 40, 43, 44, 45, 60, 85, 88, 91, len(data) // 2, len(data) - 1}
    for cut in sorted(cuts | set(np.linspace(100, len(data) - 2, 25).astype(int).tolist())):
        path.write_bytes(data[:cut])
        with pytest.raises(AudioError) as caught:
            audio.load(path)
        assert caught.value.code == "audio-truncated", cut
        assert path.name in caught.value.message


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_cut_within_its_first_bytes_is_refused(tmp_path, sounds, ending):
    for cut in (1, 3, 4, 11):
        (tmp_path / "x").write_bytes(sounds[ending][:cut])
        with pytest.raises(AudioError) as caught:
            audio.load(tmp_path / "x")
        assert caught.value.code in ("audio-format", "audio-truncated")


@pytest.mark.parametrize("ending", ENDINGS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, capfd, sounds, ending, data):
    mangled = bytearray(sounds[ending])
    for _ in range(data.draw(st.integers(1, 12))):
        last = data.draw(st.sampled_from([len(mangled) - 1, 60]))
        mangled[data.draw(st.integers(0, last))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"mangled.{ending}"
    path.write_bytes(mangled)
    try:
        samples = audio.load(path).samples
    except AudioError:
        samples = np.zeros((1, 1))
    assert np.isfinite(samples).all()
    assert "Traceback" not in capfd.readouterr().err


def test_fewer_samples_than_promised_are_refused(tmp_path, monkeypatch):
    path = written(tmp_path, "wav")
    read = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda self, *a, **k: read(self, *a, **k)[:7999])
    refused("audio-truncated", "x.wav", audio.load, path)


def test_a_header_that_claims_terabytes_takes_no_memory(tmp_path, sounds):
    flac = bytearray(sounds["flac"])
    flac[21] |= 0x0F  # the highest of 36 bits that hold the number of samples
    (tmp_path / "x.flac").write_bytes(flac)
    refused("audio-truncated", "x.flac", audio.load, tmp_path / "x.flac")


NO_SOUND = {
    "text": b"this is no sound\n" * 100,
    "mp3": b"ID3\x04\x00\x00" + bytes(1000),
    "zeros": bytes(10_000),
    "a midi file": b"MThd\x00\x00\x00\x06" + bytes(100),
    "riff, but a film": b"RIFF\x10\x00\x00\x00AVI LIST" + bytes(100),
    "wav without sound": b"RIFF\x24\x00\x00\x00WAVE" + bytes(32),
    "flac without sound": b"fLaC" + bytes(100),
}


@pytest.mark.parametrize("data", NO_SOUND.values(), ids=NO_SOUND)
def test_what_is_no_sound_is_refused(tmp_path, data):
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(AudioError) as caught:
        audio.load(tmp_path / "x.wav")
    assert caught.value.code in ("audio-format", "audio-truncated")
    assert "x.wav" in caught.value.message


def test_files_that_are_not_there_are_refused(tmp_path):
    refused("audio-missing", "does not exist", audio.load, tmp_path / "x.wav")
    refused("audio-missing", "directory", audio.load, tmp_path)
    refused("audio-missing", "cannot be read", audio.load, "nul\0.wav")


def test_empty_files_are_refused(tmp_path):
    (tmp_path / "x.wav").touch()
    refused("audio-empty", "x.wav is an empty file", audio.load, tmp_path / "x.wav")
    soundfile.write(tmp_path / "y.wav", np.zeros((0, 1)), SR)
    refused("audio-empty", "y.wav holds no samples", audio.load, tmp_path / "y.wav")


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_sample_is_a_sound(tmp_path, ending):
    again = audio.load(written(tmp_path, ending, np.array([[0.5]], np.float32)))
    assert again.samples.shape == (1, 1)
    assert again.samples[0, 0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("ending", ENDINGS)
def test_silence_is_a_sound(tmp_path, ending):
    assert not np.any(audio.load(written(tmp_path, ending, np.zeros((1, SR), np.float32))).samples)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path, junk):
    x = STEREO.copy()
    x[1, 77] = junk
    soundfile.write(tmp_path / "x.wav", x.T, SR, subtype="FLOAT")
    refused("audio-not-finite", "x.wav", audio.load, tmp_path / "x.wav")
    refused("audio-not-finite", "y.wav", audio.save, tmp_path / "y.wav", x, SR)
    assert not (tmp_path / "y.wav").exists()


def test_an_impossible_rate_is_refused_by_the_name_of_its_file(tmp_path):
    soundfile.write(tmp_path / "x.wav", STEREO.T, 100)
    refused("audio-rate", "x.wav: A sample rate of 100 Hz", audio.load, tmp_path / "x.wav")


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_what_would_clip_is_refused_turned_down_or_cut(tmp_path, ending):
    x = (2.5 * STEREO / np.abs(STEREO).max()).astype(np.float32)
    path = tmp_path / f"x.{ending}"
    refused("audio-clips", "+7.96 dB", audio.save, path, x, SR)
    assert not path.exists()
    assert audio.save(path, x, SR, "rescale") == pytest.approx(-7.9588, abs=1e-3)
    if ending != "ogg":
        np.testing.assert_allclose(audio.load(path).samples, x / 2.5, atol=2 * LSB)
    assert audio.save(path, x, SR, "clamp") == 0.0
    if ending != "ogg":
        np.testing.assert_allclose(audio.load(path).samples, x.clip(-1.0, 1.0), atol=2 * LSB)


def test_float_holds_what_would_clip(tmp_path):
    assert audio.save(tmp_path / "x.wav", 100.0 * STEREO, SR) == 0.0
    np.testing.assert_array_equal(audio.load(tmp_path / "x.wav").samples, np.float32(100.0) * STEREO)


def test_full_scale_itself_does_not_clip(tmp_path):
    audio.save(tmp_path / "x.flac", np.array([1.0, -1.0, 0.5]), SR)
    np.testing.assert_allclose(audio.load(tmp_path / "x.flac").samples, [[1.0, -1.0, 0.5]], atol=LSB)


BAD_SAVES = {
    "no ending": (("x", STEREO, SR), "audio-format", ".flac"),
    "another ending": (("x.mp3", STEREO, SR), "audio-format", "x.mp3"),
    "clip mode": (("x.flac", STEREO, SR, "rescal"), "bad-setting", "rescale"),
    "no rate": (("x.wav", STEREO, 0), "audio-rate", "0 Hz"),
    "half a rate": (("x.wav", STEREO, 8000.5), "audio-rate", "8000.5"),
    "rate a text": (("x.wav", STEREO, "8000"), "audio-rate", "'8000'"),
    "nothing": (("x.wav", STEREO[:, :0], SR), "audio-empty", "no samples"),
    "samples first": (("x.wav", STEREO.T, SR), "audio-shape", "channels first"),
    "three axes": (("x.wav", STEREO[None], SR), "audio-shape", "(1, 2, 8000)"),
    "a text": (("x.wav", "a sound", SR), "audio-shape", "'a sound'"),
    "complex": (("x.wav", STEREO * 1j, SR), "audio-shape", "no array of samples"),
    "too many channels": (("x.flac", np.zeros((9, 10)), SR), "audio-format", "9 channel"),
    "too high a rate": (("x.flac", STEREO, 700_000), "audio-format", "700000 Hz"),
    "no folder": (("no/x.wav", STEREO, SR), "audio-unwritable", "No such file"),
    "a folder": ((".", STEREO, SR), "audio-format", "ending"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), BAD_SAVES.values(), ids=BAD_SAVES)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing(tmp_path, arguments, code, said):
    refused(code, said, audio.save, tmp_path / arguments[0], *arguments[1:])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_files_and_no_traceback(tmp_path):
    before = {written(tmp_path, e, STEREO[:, :50]).name: (tmp_path / f"x.{e}").read_bytes() for e in ENDINGS}
    code = f"""import os, resource, numpy as np
from ddsp_lab import audio
from ddsp_lab._errors import AudioError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for name in sorted(os.listdir({str(tmp_path)!r})):
    try:
        audio.save({str(tmp_path)!r} + "/" + name, np.random.default_rng(0).uniform(-1, 1, (2, 20_000)), 8000)
    except AudioError as error:
        print(error.code)"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, 4 * "audio-unwritable\n", "")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_loading_is_the_only_thing_that_happens_to_a_sound(tmp_path):
    x = np.concatenate([3.0 + STEREO, np.zeros((2, 100), np.float32)], axis=1)  # loud, off centre, trailing silence
    np.testing.assert_array_equal(audio.load(written(tmp_path, "wav", x)).samples, x)


def test_resampling_keeps_a_tone_and_drops_what_does_not_fit():
    t = np.arange(2 * 16_000) / 16_000
    low, high = np.sin(2 * np.pi * 1000.0 * t), np.sin(2 * np.pi * 6000.0 * t)
    y = audio.resample(np.stack([low, high]).astype(np.float32), 16_000, 8000)
    assert y.shape == (2, 16_000)
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y[0, 500:-500], low[::2][500:-500], atol=1e-5)
    assert np.abs(y[1, 500:-500]).max() < 1e-5
    np.testing.assert_array_equal(audio.resample(STEREO, SR, SR), STEREO)


def test_mixing_down():
    x = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(audio.mixdown(x, 1), [[4.5, 5.5, 6.5]])
    np.testing.assert_array_equal(audio.mixdown(x, 2), x[:2])
    np.testing.assert_array_equal(audio.mixdown(x, 4), x)
    for channels in (0, 5):
        refused("audio-channels", f"4 channel(s) cannot become {channels}", audio.mixdown, x, channels)


def test_loudness_is_that_of_the_standard():
    sine = np.sin(2 * np.pi * 997.0 * np.arange(48_000 * 5) / 48_000)[None]
    assert audio.loudness(sine, 48_000) == pytest.approx(-3.01, abs=0.05)  # BS.1770-4, annex 1
    assert audio.loudness(0.1 * sine, 48_000) == pytest.approx(-23.01, abs=0.05)
    assert audio.loudness(np.concatenate([sine, sine]), 48_000) == pytest.approx(0.0, abs=0.05)
    assert audio.loudness(sine[0], 48_000) == audio.loudness(sine, 48_000)


def test_what_is_too_short_or_silent_has_no_loudness():
    assert audio.loudness(np.ones((1, int(0.4 * SR))), SR) is None
    assert audio.loudness(np.zeros((1, SR)), SR) is None
    assert audio.loudness(np.zeros((6, SR)), SR) is None


def test_a_mono_recording_aligns_with_a_stereo_one():
    x = plucks(seed=6)
    late = np.pad(0.5 * x, ((0, 0), (30, 0)))[:, : x.shape[1]]
    found = audio.align(x, np.concatenate([late, late]), SR)
    assert found.applied_samples == 30
    assert found.gain_db == pytest.approx(-6.02, abs=0.02)
