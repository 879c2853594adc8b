"""Breaks a copy of the code on purpose, one way at a time, and runs the tests that must notice.

What is broken here are the promises that a reader cannot see being kept: that
the fence is in every key and in every commit, that nothing is committed before
it is uploaded, that no message goes without ``wake_at``, that the heartbeat is
gone before the commit, that what decides is read consistently, that no task of
ECS's has a message without its protection, and that what is deployed is what was
tested.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: What the tests of a copy need.
PARTS = ("rugbytx", "celeryconfig", "deploy", "tests", "pyproject.toml")

#: A test run that hangs has noticed something, but it must end.
BOUND_S = 300.0


@dataclass(frozen=True)
class Edit:
    """One replacement; the old text must be there, so that a mutant cannot silently become the original."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One way to be wrong, and the tests that must fail."""

    name: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


LANE = ("tests/worker/lane/test_lane.py",)
RECOVERY = ("tests/worker/lane/test_retry.py", "tests/upkeep/test_cleanup.py")
PROTECTION = ("tests/core/fleet/test_scale_in_protection.py", "tests/worker/gate/test_scale_in_protection.py")
DEPLOYED = ("tests/deploy/test_environment.py",)

BORDER = ("tests/border/test_message.py",)

MUTANTS = (
    Mutant(
        name="celery-sees-what-was-sent",
        edits=(
            Edit("rugbytx/broker/incoming.py", 'return {**message, "Body": body}', "return dict(message)"),
        ),
        tests=BORDER,
    ),
    Mutant(
        name="newer-pointer-is-read",
        edits=(
            Edit(
                "rugbytx/aws/sqs/message_parser.py",
                "isinstance(schema, int) and schema > SCHEMA",
                "isinstance(schema, int) and schema > 10**9",
            ),
        ),
        tests=BORDER,
    ),
    Mutant(
        name="path-is-submitted",
        edits=(
            Edit("rugbytx/aws/sqs/message_parser.py", 'pattern=r"^s3://[^/]+/.+", ', ""),
            Edit("rugbytx/aws/sqs/message_parser.py", "if bucket not in accepted.buckets:", "if not bucket:"),
        ),
        tests=BORDER,
    ),
    Mutant(
        name="unreadable-unit-is-unclaimed",
        edits=(
            Edit(
                "rugbytx/aws/dynamodb/units.py",
                "(self._table.reader.read(item, parse_unit) for item in items)",
                "self._table.reader.read_all(items, parse_unit)",
            ),
        ),
        tests=("tests/border/test_record.py",),
    ),
    Mutant(
        name="broken-target-starves-others",
        edits=(
            Edit(
                "rugbytx/notify/outbox.py",
                "except Exception as error:\n            # A failed",
                "except LookupError as error:\n            # A failed",
            ),
        ),
        tests=("tests/notify/test_outbox.py",),
    ),
    Mutant(
        name="region-of-boto3-alone",
        edits=(
            Edit(
                "rugbytx/aws/client.py", '("AWS_REGION", "AWS_DEFAULT_REGION")', '("AWS_DEFAULT_REGION",) * 2'
            ),
        ),
        tests=DEPLOYED,
    ),
    Mutant(
        name="template-without-region",
        edits=(Edit("deploy/aws/fleet.yaml", "{ Name: AWS_REGION,", "{ Name: REGION,"),),
        tests=DEPLOYED,
    ),
    Mutant(
        name="template-renames-a-variable",
        edits=(Edit("deploy/aws/control.yaml", "RUGBYTX_CLUSTER:", "RUGBYTX_ECS_CLUSTER:"),),
        tests=DEPLOYED,
    ),
    Mutant(
        name="stack-settings-without-region",
        edits=(Edit("rugbytx/cli/env.py", '{"AWS_REGION": asked', '{"REGION": asked'),),
        tests=DEPLOYED,
    ),
    Mutant(
        name="commit-before-upload",
        edits=(
            Edit(
                "rugbytx/worker/unit/workspace.py",
                "    _patiently(\n        bench,\n        key,\n",
                "    kept = path.with_suffix(f'.{path.stat().st_ino}')\n"
                "    kept.hardlink_to(path)\n"
                "    path = kept\n"
                "    LATE.append(\n",
            ),
            Edit(
                "rugbytx/worker/unit/workspace.py", "def _patiently(", "LATE: list = []\n\n\ndef _patiently("
            ),
            Edit(
                "rugbytx/worker/lane/attempt.py",
                "            store.units.commit(lease, result=result, measured=measured)",
                "            store.units.commit(lease, result=result, measured=measured)\n"
                "            from rugbytx.worker.unit.workspace import LATE\n"
                "            while LATE:\n"
                "                LATE.pop()()",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="key-without-fence",
        edits=(
            Edit(
                "rugbytx/core/output/object_keys.py",
                "{lease.key.index:05d}-f{lease.fence}.mp4",
                "{lease.key.index:05d}.mp4",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="store-ignores-fence",
        edits=(
            Edit(
                "tests/fakes/units.py",
                "(unit.state, unit.fence, unit.token) == (state, lease.fence, lease.token)",
                "unit.state == state",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="dynamodb-ignores-fence",
        edits=(
            Edit(
                "rugbytx/aws/dynamodb/condition.py",
                "#fence = :fence AND #token = :token AND #state",
                "#state",
            ),
        ),
        tests=("tests/contract/test_units.py",),
    ),
    Mutant(
        name="clean-up-without-manifest",
        edits=(
            Edit(
                "rugbytx/core/output/retention.py",
                "{entry.key for entry in manifest.entries} if manifest else set()",
                "set()",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="clean-up-looks-before-it-lists",
        edits=(
            Edit(
                "rugbytx/upkeep/cleanup.py",
                "    keys = [stored.key for stored in storage.list(bucket, object_keys.job_prefix(cleaning.job_id))]\n"
                "    job = store.jobs.read(cleaning.job_id)\n",
                "    job = store.jobs.read(cleaning.job_id)\n"
                "    keys = [stored.key for stored in storage.list(bucket, object_keys.job_prefix(cleaning.job_id))]\n",
            ),
        ),
        tests=RECOVERY,
    ),
    Mutant(
        name="bad-source-only-given-back",
        edits=(
            Edit(
                "rugbytx/worker/lane/attempt.py",
                "                store.units.fail(lease, reason=outcome.reason, measured=account.close())\n",
                "                store.units.give_back(lease, retry_at=0, reason=outcome.reason, charge=outcome.charge,"
                " measured=account.close())\n"
                "                store.jobs.end(job.id, job.generation, Status.FAILED, reason=outcome.reason)\n",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="end-without-clean-up",
        edits=(
            Edit(
                "rugbytx/aws/dynamodb/jobs.py",
                "        self._cleanups.schedule(Cleaning(job_id=job_id, due_at=due_at(now)))\n        kind",
                "        kind",
            ),
        ),
        tests=("tests/contract/test_cleanups.py",),
    ),
    Mutant(
        name="lost-attempt-forgotten",
        edits=(
            Edit(
                "rugbytx/aws/dynamodb/units.py",
                "            lost=seen.lost_with_this() if seen else (),\n",
                "            lost=seen.lost if seen else (),\n",
            ),
        ),
        tests=("tests/contract/test_units.py",),
    ),
    Mutant(
        name="paid-twice-after-a-comeback",
        edits=(
            Edit(
                "rugbytx/core/cost/usage.py",
                "        if after and after.worker == span.worker:\n",
                "        if after and after.worker != span.worker:\n",
            ),
        ),
        tests=("tests/core/cost/test_usage.py",),
    ),
    Mutant(
        name="whoever-is-closed-is-able",
        edits=(Edit("rugbytx/worker/presence/presence.py", "is_able=gate in ABLE", "is_able=bool(gate)"),),
        tests=("tests/worker/presence/test_presence.py",),
    ),
    Mutant(
        name="retry-before-its-record",
        edits=(
            Edit(
                "rugbytx/control/job.py",
                "        if system.store.jobs.reopen(following):\n",
                "        system.queue.send([Pointer(job_id=job.id, generation=following.generation)])\n"
                "        if True:\n",
            ),
        ),
        tests=RECOVERY,
    ),
    Mutant(
        name="acknowledge-without-wake-at",
        edits=(
            Edit(
                "rugbytx/worker/lane/turn.py",
                "if store.jobs.set_wake(job.id, job.generation, wake_at=decision.wake_at, resends=0):",
                "if decision.wake_at:",
            ),
        ),
        tests=LANE,
    ),
    Mutant(
        name="heartbeat-not-joined",
        edits=(
            Edit("rugbytx/worker/lane/heartbeat.py", "        self._thread.join(timeout=", "        print("),
        ),
        tests=("tests/worker/lane/test_heartbeat.py",),
    ),
    Mutant(
        name="eventually-consistent-job",
        edits=(
            Edit(
                "rugbytx/aws/dynamodb/table.py",
                "Key=_key(pk, sk), ConsistentRead=True)",
                "Key=_key(pk, sk), ConsistentRead=False)",
            ),
        ),
        tests=("tests/contract/test_dynamodb.py",),
    ),
    Mutant(
        name="released-while-at-work",
        edits=(
            Edit(
                "rugbytx/core/fleet/scale_in_protection.py",
                "if (facts.is_admitted or not facts.is_idle) and not is_unwanted:",
                "if facts.is_admitted and not is_unwanted:",
            ),
        ),
        tests=PROTECTION,
    ),
    Mutant(
        name="received-without-protection",
        edits=(
            Edit(
                "rugbytx/worker/gate/gate.py",
                "return answer if reason == OPEN and answer != PROTECTED else reason",
                "return reason",
            ),
        ),
        tests=PROTECTION,
    ),
    Mutant(
        name="released-while-a-receive-is-under-way",
        edits=(Edit("rugbytx/core/fleet/scale_in_protection.py", "if not facts.was_closed:", "if False:"),),
        tests=PROTECTION,
    ),
    Mutant(
        name="believed-after-a-release-without-answer",
        edits=(
            Edit(
                "rugbytx/core/fleet/scale_in_protection.py",
                "failed = replace(failed, until=-inf, refresh_at=-inf)",
                "pass",
            ),
        ),
        tests=PROTECTION,
    ),
    Mutant(
        name="idle-between-receive-and-hold",
        edits=(
            Edit(
                "rugbytx/broker/transport.py",
                "        deliver = self.connection._callbacks",
                "        RECEIVING.discard(self)\n        deliver = self.connection._callbacks",
            ),
        ),
        tests=("tests/broker/test_channel.py",),
    ),
)


def fails(mutant: Mutant) -> bool:
    """Return whether a test of the mutant fails; exits where the tests could not even be collected."""
    with tempfile.TemporaryDirectory(prefix="rugbytx-mutant-") as folder:
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, Path(folder, part), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder)
        for edit in mutant.edits:
            path = Path(folder, edit.file)
            text = path.read_text()
            if edit.old not in text:
                sys.exit(
                    f"{mutant.name}: {edit.file} no longer holds {edit.old!r}; bring the mutant up to date"
                )
            path.write_text(text.replace(edit.old, edit.new))
        # `python -m` puts the folder it runs in first, so the copy is what is imported.
        argv = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests]
        try:
            ended = subprocess.run(
                argv, cwd=folder, capture_output=True, text=True, check=False, timeout=BOUND_S
            )
        except subprocess.TimeoutExpired:
            return True
    if ended.returncode not in {0, 1}:
        sys.exit(f"{mutant.name}: the tests could not be run\n{ended.stdout[-2000:]}")
    return ended.returncode == 1


def main(names: list[str]) -> int:
    """Run the mutants of these names, or all; 0 where a test noticed each, and nothing is noticed without one."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    tests = tuple(sorted({test for mutant in chosen for test in mutant.tests}))
    original = Mutant(name="original", edits=(), tests=tests)
    results = [(original.name, not fails(original), "passes", "FAILS")]
    tell(*results[0])
    for mutant in chosen:
        results.append((mutant.name, fails(mutant), "noticed", "UNNOTICED"))
        tell(*results[-1])
    return 0 if chosen and all(good for _, good, _, _ in results) else 1


def tell(name: str, good: bool, well: str, badly: str) -> None:
    """Say how one run went, at once."""
    sys.stdout.write(f"{well if good else badly:<10} {name}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
