"""The stream that everybody watches: throttled, never blocking, whole after a crash."""

import errno

import pytest

from core.events import CommitReached, JobEnded, Outcome, Progressed, Step
from core.jobs.stream import EventStream, StreamWriter


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def progress(done):
    return Progressed(step=Step.WRITE, done_bytes=done, done_items=done)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "events.jsonl")


def read(path):
    stream, events = EventStream(path), []
    while new := stream.poll():
        events += new
    stream.close()
    return events


def test_progress_is_throttled_and_its_last_word_is_kept(path):
    clock = Clock()
    writer = StreamWriter(path, clock=clock)
    for number in range(1000):  # a second of work
        writer.emit(progress(number))
        clock.now_s += 0.001
    writer.emit(CommitReached())
    writer.close()
    events = [stamped.event for stamped in read(path)]
    assert len(events) <= 12
    assert events[-2:] == [progress(999), CommitReached()]
    assert [stamped.seq for stamped in read(path)] == list(range(len(events)))


def test_a_reader_sees_events_as_they_come_and_knows_the_end(path):
    stream = EventStream(path)
    assert stream.poll() == []  # not even the file is there
    writer = StreamWriter(path, clock=Clock())
    writer.emit(CommitReached())
    assert [stamped.event for stamped in stream.poll()] == [CommitReached()]
    assert stream.ended is None
    writer.emit(JobEnded(outcome=Outcome.DONE, exit_code=0, elapsed_s=1.0, closed_s=0.0))
    stream.poll()
    assert stream.ended is not None
    writer.close()
    stream.close()


def test_a_torn_line_is_passed_over_and_the_next_writer_goes_on(path):
    writer = StreamWriter(path, clock=Clock())
    writer.emit(CommitReached())
    writer.close()
    with open(path, "ab") as file:
        file.write(b'{"v":1,"seq":1,"ty')
    writer = StreamWriter(path, clock=Clock())
    writer.emit(progress(5))
    writer.close()
    assert [(stamped.seq, stamped.event) for stamped in read(path)] == [
        (0, CommitReached()),
        (1, progress(5)),
    ]


def test_a_stream_that_cannot_be_written_does_not_stop_the_job(path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = StreamWriter(path, clock=Clock())
    with monkeypatch.context() as patched:
        patched.setattr("core.jobs.stream.write_all", full)
        writer.emit(CommitReached())
    writer.emit(progress(1))
    writer.close()
    assert [stamped.event for stamped in read(path)] == [progress(1)]
