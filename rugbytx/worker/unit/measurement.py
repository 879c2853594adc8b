"""What an attempt costs, counted while it runs."""

import time
from dataclasses import dataclass, field

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.lease.unit import Measured
from rugbytx.ports import Pulse


@dataclass(kw_only=True)
class Account:
    """The running counts of one attempt; ``close`` turns them into the unit's record."""

    worker: str
    worker_class: WorkerClass
    started_at: float
    bytes_read: int = 0
    bytes_written: int = 0
    frames: int = 0
    encoder: str = ""
    ffmpeg: str = ""
    gpu: str = ""
    driver: str = ""
    fingerprint: str = ""
    encode_s: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    def read(self, size_bytes: int, pulse: Pulse) -> None:
        """Count bytes that came in; they are a sign of life."""
        self.bytes_read += size_bytes
        pulse.advance(count=self.bytes_read)
        pulse.check()

    def wrote(self, size_bytes: int, pulse: Pulse) -> None:
        """Count bytes that went out; they are a sign of life."""
        self.bytes_written += size_bytes
        pulse.advance(count=self.bytes_written)
        pulse.check()

    def close(self) -> Measured:
        """Return the attempt's record; its end is its start plus what the monotonic clock says."""
        elapsed_s = time.monotonic() - self._began
        return Measured(
            worker=self.worker,
            worker_class=self.worker_class,
            encoder=self.encoder,
            ffmpeg=self.ffmpeg,
            gpu=self.gpu,
            driver=self.driver,
            fingerprint=self.fingerprint,
            started_at=self.started_at,
            ended_at=self.started_at + elapsed_s,
            bytes_read=self.bytes_read,
            bytes_written=self.bytes_written,
            frames=self.frames,
            elapsed_s=elapsed_s,
            encode_s=self.encode_s,
        )
