"""The journal of a fit: what is intact comes back, what is not is forgotten, and one process at a time writes it."""

import errno
import io
import os

import pytest

from ddsp_lab import _journal
from ddsp_lab._errors import RunError
from ddsp_lab._journal import Journal

RECORDS = [{"n": n, "out": [0.1 * n, None]} for n in range(5)]


def raised(code, call, *arguments):
    with pytest.raises(RunError) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal.jsonl"
    opened = Journal(path)
    for record in RECORDS:
        opened.append(record)
    opened.close()
    return path


def records(path):
    opened = Journal(path)
    held = list(opened.replay())
    opened.close()
    return held


def test_records_come_back_in_order(journal):
    assert records(journal) == RECORDS
    assert records(journal) == RECORDS


def test_a_torn_tail_is_cut_off_wherever_it_is_torn(journal):
    data = journal.read_bytes()
    last = data[:-1].rfind(b"\n") + 1
    for cut in range(last, len(data)):
        journal.write_bytes(data[:cut])
        opened = Journal(journal)
        assert opened.repaired == cut - last
        opened.append(RECORDS[4])
        opened.close()
        assert journal.read_bytes() == data


def test_a_journal_cut_at_any_byte_keeps_every_whole_record(journal):
    data = journal.read_bytes()
    for cut in range(len(data) + 1):
        journal.write_bytes(data[:cut])
        assert records(journal) == RECORDS[: data[:cut].count(b"\n")]


def test_durable_records_are_on_the_disk_at_once_and_others_soon(tmp_path, monkeypatch):
    synced, sync = [], os.fsync
    monkeypatch.setattr(_journal.os, "fsync", lambda file: synced.append(sync(file)))
    opened = Journal(tmp_path / "journal.jsonl")
    for _ in range(100):
        opened.append(RECORDS[0])
    assert len(synced) <= 1
    for count in range(1, 4):
        before = len(synced)
        opened.append(RECORDS[count], durable=True)
        assert len(synced) == before + 1
    monkeypatch.setattr(_journal, "SYNC_S", 0.0)
    opened.append(RECORDS[4])
    assert len(synced) == before + 2
    opened.close()


def test_a_disk_that_cannot_keep_what_it_took_is_an_error(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    opened = Journal(tmp_path / "journal.jsonl")
    monkeypatch.setattr(_journal.os, "fsync", broken)
    assert "rror" in raised("run-disk", opened.append, RECORDS[0], True).message
    opened.close()


def test_what_follows_an_altered_line_is_forgotten(journal):
    data = journal.read_bytes()
    second, third = data.find(b"\n") + 1, data.find(b"\n", data.find(b"\n") + 1)
    for at in range(second, third + 1):
        altered = bytearray(data)
        altered[at] = ord("1" if data[at : at + 1] != b"1" else "2")
        journal.write_bytes(altered)
        assert records(journal) == RECORDS[:1], at
        assert journal.read_bytes() == data[:second]


@pytest.mark.parametrize(
    "junk", [b"", b"junk\n", b"[]\n", b"3\n", b'{"record":1}\n', b"[" * 100_000 + b"\n", b"\xff\n"]
)
def test_a_journal_of_junk_is_an_empty_one(tmp_path, junk):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(junk)
    assert records(path) == []
    assert path.read_bytes() == b""


def test_only_one_works_on_a_journal(journal):
    opened = Journal(journal)
    assert "Wait for it" in raised("run-locked", Journal, journal).remedy
    opened.close()
    assert records(journal) == RECORDS


def test_a_record_is_on_the_file_before_append_returns(tmp_path):
    opened = Journal(tmp_path / "journal.jsonl")
    for n, record in enumerate(RECORDS, 1):
        opened.append(record)
        assert (tmp_path / "journal.jsonl").read_bytes().count(b"\n") == n == opened.length
    opened.close()


def test_half_a_record_is_an_error(tmp_path, monkeypatch):
    class Short(io.FileIO):
        def write(self, data):
            return super().write(data[:10])

    monkeypatch.setattr(_journal, "open", lambda path, mode, **_: Short(path, mode), raising=False)
    raised("run-disk", Journal(tmp_path / "journal.jsonl").append, RECORDS[0])
