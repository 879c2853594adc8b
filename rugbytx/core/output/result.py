"""What a job's finished units left behind, and what a published generation consists of."""

import hashlib
from collections.abc import Mapping

from rugbytx.core.job.job import Outputs
from rugbytx.core.lease.result import Mp4Result, TracksResult
from rugbytx.core.lease.unit import PLAN, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.record import Record, Versioned
from rugbytx.errors import VerificationError


class ManifestEntry(Record):
    """One object that a published job consists of."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str


class Manifest(Versioned):
    """The immutable list of a generation's outputs, which the commit makes true."""

    job_id: str
    generation: int
    master_key: str
    entries: tuple[ManifestEntry, ...]


def manifest_of(body: bytes, outputs: Outputs) -> Manifest:
    """Return the manifest that was read under a job's key; raises VerificationError where it is not the committed one."""
    if hashlib.sha256(body).hexdigest() != outputs.manifest_sha256:
        raise VerificationError(f"{outputs.manifest_key} is not the manifest that was committed")
    return Manifest.model_validate_json(body)


def tracks_of(unit: Unit) -> TracksResult:
    """Return the result of a finished VIDEO or AUDIO unit."""
    return unit.result_as(TracksResult)


def plan_of(units: Mapping[UnitKey, Unit]) -> Plan | None:
    """Return the job's plan, or None while the PLAN unit is not done."""
    unit = units.get(PLAN)
    result = unit and unit.result
    return result if isinstance(result, Plan) else None


def objects_of(unit: Unit) -> Mapping[str, int]:
    """Return the keys and sizes of what a finished unit made for the job's outputs; publishing's are in its manifest."""
    match unit.result:
        case TracksResult(files=files, stills=stills):
            sizes = {file.key: file.size_bytes for file in files}
            return sizes | {still.key: still.size_bytes for still in stills}
        case Mp4Result(key=key, size_bytes=size_bytes):
            return {key: size_bytes}
        case _:
            return {}
