"""What can go wrong, sorted by what becomes of the unit.

::

    RugbytxError
    ├── SettingsError                 a setting is wrong or unknown: nothing was started
    ├── NotFound                      no such job
    ├── Unreachable                   AWS (or what stands in for it) does not answer
    ├── MessageRefused                a message of the queue is none of ours: it is left to SQS
    ├── RecordUnreadable              a record of the table cannot be read: it is set aside, with an alarm
    ├── NotDelivered                  a target did not take a notification: it is told again later
    ├── JobRejected          FAIL     the job is bad; no worker can do it
    │   ├── SourceMissing             the object does not exist
    │   ├── SourceChanged             the object is not the one that was submitted
    │   ├── SourceForbidden           the bucket is not one of RUGBYTX_SOURCE_BUCKETS
    │   ├── UnknownProfile            no profile of that name, or its file is wrong
    │   └── UnsupportedMedia          not a video that can be transcoded
    ├── AttemptFailed        RETRY    this attempt failed; another may not
    │   ├── TransferError             a download or an upload broke
    │   ├── VerificationError         an output failed a gate
    │   └── TranscodeError            ffmpeg failed
    │       └── Stalled               a step's counter stood still for ``stall_s``
    ├── HostUnfit            RELEASE  the job is fine, this host is not: hand back uncharged
    │   ├── ScratchFull               no room left on the host's scratch disk
    │   └── WrittenByNewer            a newer version wrote this record
    ├── LeaseLost            ABANDON  the work is no longer ours; touch nothing
    └── Draining             RELEASE  we are being switched off; hand back, charge nothing

``core.retry.decide`` is the one reader of the middle column.  ``aws`` and
``media`` translate what their libraries raise into this tree at their border,
so nothing above them catches a botocore or an OS error.  Every message is one
sentence that a person who did not write the code understands.
"""


class RugbytxError(Exception):
    """The root of everything that rugbytx raises on purpose."""


class SettingsError(RugbytxError):
    """A setting is wrong or unknown, so nothing was started."""


class NotFound(RugbytxError):
    """There is no such job."""


class Unreachable(RugbytxError):
    """A service did not answer, after the SDK's own retries."""


class MessageRefused(RugbytxError):
    """A message is none of those that are read here; ``reason`` is its kind, in kebab case."""

    def __init__(self, sentence: str, *, reason: str = "") -> None:
        super().__init__(sentence)
        self.reason = reason


class RecordUnreadable(RugbytxError):
    """A record of the table says nothing that this version understands, nor that a newer one would."""


class NotDelivered(RugbytxError):
    """A target did not take a notification."""


class JobRejected(RugbytxError):
    """The job itself is bad: no worker can do it, so it ends FAILED."""


class SourceMissing(JobRejected):
    """The source object does not exist."""


class SourceChanged(JobRejected):
    """The object under the source's key is not the one that was submitted."""


class SourceForbidden(JobRejected):
    """The source's bucket is not one that this system may read."""


class UnknownProfile(JobRejected):
    """No profile has that name, or its file cannot be read as one."""


class UnsupportedMedia(JobRejected):
    """The source is not a video that can be transcoded."""


class AttemptFailed(RugbytxError):
    """This attempt failed; another may succeed, so the unit is tried again."""


class TransferError(AttemptFailed):
    """A download or an upload broke."""


class VerificationError(AttemptFailed):
    """An output failed a gate; the message names the gate and the figure."""


class TranscodeError(AttemptFailed):
    """The encoder failed; the message carries its own first complaint."""


class Stalled(TranscodeError):
    """A step's counter did not move for ``stall_s``."""


class HostUnfit(RugbytxError):
    """The job is fine and this host is not: hand the unit back uncharged."""


class WrittenByNewer(HostUnfit):
    """A newer version wrote this record: another host, or this one after its update, knows what to do with it."""


class ScratchFull(HostUnfit):
    """The host's scratch disk has no room for this unit, and another's may have."""


class LeaseLost(RugbytxError):
    """The unit belongs to someone else now: touch nothing."""


class Draining(RugbytxError):
    """This worker is being switched off: hand the unit back uncharged."""
