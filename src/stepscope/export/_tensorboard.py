"""Event files of TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stepscope._common.optional import require
from stepscope.errors import BadInputError
from stepscope.logs import BY_KEY

if TYPE_CHECKING:
    from stepscope.logs import Record, Scalar

__all__ = ["EventFiles"]

_NAME = "events.out.tfevents.0.stepscope"
_MOST_OPEN = 64
_MOST_FOLDERS = 1000
_EARLIEST, _LATEST = -(2**63), 2**63 - 1
_END_OF_TIME = 1e10  # seconds since 1970: TensorBoard makes dates of them


class EventFiles:
    """Writes printed numbers into event files, under the tags and at the steps that the library itself uses.

    There is a folder for each run of a log and for each process of a run, where there are several, up to 1,000. A log does not tell
    the time of day: events lie as many seconds after the beginning of 1970 as the run had taken, so TensorBoard's
    relative axis is right.

    Attributes
    ----------
    folder
        Where the files go.
    count, left_out
        How many numbers were written, and how many would have needed one more folder.

    Parameters
    ----------
    folder
        Where the files go.

    Raises
    ------
    BadInputError
        If `folder` is a file, holds event files of something else, or if tensorboard is not installed.
    OSError
        If the files cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        require("tensorboard", extra="tensorboard", what="--tensorboard")
        existing = next((path for path in (self.folder, *self.folder.parents) if path.exists()), Path())
        if not existing.is_dir():
            raise BadInputError(f"{existing} is not a directory; give a folder for the event files.")
        if any(path.name != _NAME for path in self.folder.glob("*tfevents*")):
            raise BadInputError(f"{self.folder} holds event files of another program; give an empty folder.")
        self._files: dict[Path, IO[bytes]] = {}
        self._created: set[Path] = set()
        self._env_steps: dict[Path, int | None] = {}  # of the latest iteration
        self.count = self.left_out = 0

    def add(self, record: Record, *, log: str = "") -> None:
        """Write the numbers of `record`; `log` names its log where there are several."""
        if not record.metrics and record.reward is None:
            return
        folder = self.folder / log if log else self.folder
        if record.run > 1:
            folder /= f"run_{record.run}"
        if record.rank:
            folder /= f"rank_{record.rank}"
        if record.library is None:
            return
        scalars = BY_KEY[record.library].scalars(record, self._env_steps.get(folder))
        if folder not in self._env_steps and len(self._env_steps) == _MOST_FOLDERS:
            self.left_out += sum(1 for _ in scalars)
            return
        self._env_steps.setdefault(folder, None)
        if record.kind == "iteration":
            self._env_steps[folder] = record.env_steps
        seconds = record.derived.get("seconds.elapsed", record.seconds.elapsed)
        for scalar in scalars:
            self._write(folder, _event(scalar, seconds or 0.0))
            self.count += 1

    def close(self) -> None:
        """Finish the files."""
        while self._files:
            self._files.popitem()[1].close()

    def _write(self, folder: Path, event: Any) -> None:  # noqa: ANN401 - a message of protobuf
        from tensorboard.summary.writer.record_writer import RecordWriter  # noqa: PLC0415 - optional

        writer = RecordWriter(self._file(folder))
        writer.write(event.SerializeToString())

    def _file(self, folder: Path) -> IO[bytes]:
        file = self._files.get(folder)
        if file is not None:
            return file
        if len(self._files) >= _MOST_OPEN:
            self.close()
        new = folder not in self._created
        if new:
            folder.mkdir(parents=True, exist_ok=True)
            self._created.add(folder)
        self._files[folder] = (folder / _NAME).open("wb" if new else "ab")
        if new:
            self._write(folder, _version())
        return self._files[folder]


def _event(scalar: Scalar, seconds: float) -> Any:  # noqa: ANN401 - a message of protobuf
    from tensorboard.compat.proto import event_pb2, summary_pb2  # noqa: PLC0415 - optional

    value = summary_pb2.Summary.Value(tag=scalar.tag, simple_value=scalar.value)
    return event_pb2.Event(
        wall_time=seconds if 0 <= seconds < _END_OF_TIME else 0.0,
        step=min(max(scalar.step, _EARLIEST), _LATEST),
        summary=summary_pb2.Summary(value=[value]),
    )


def _version() -> Any:  # noqa: ANN401 - a message of protobuf
    from tensorboard.compat.proto import event_pb2  # noqa: PLC0415 - optional

    return event_pb2.Event(wall_time=0.0, file_version="brain.Event:2")
