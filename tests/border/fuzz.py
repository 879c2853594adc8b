"""The borders' parsers, fuzzed: each is given what is nearly right, and answers with its model or its own refusal.

A border is a parser, the errors that it may raise, and a corpus of seeds in
``corpus/``: one file a border, one JSON value a line.  A case is a seed in which
a few things were changed; the same number gives the same case again, anywhere.
``python -m tests.border.fuzz`` runs many and writes ``docs/reference/borders.md``.
"""

import json
import logging
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rugbytx import upload_lambda, urls
from rugbytx.aws import ec2_metadata
from rugbytx.aws.dynamodb import audit, halts, item, outbox
from rugbytx.aws.dynamodb.record_reader import RecordReader
from rugbytx.aws.ecs import task_agent
from rugbytx.aws.sqs import event_parser, message_parser
from rugbytx.aws.sqs.message_parser import AcceptedBodies
from rugbytx.errors import JobRejected, MessageRefused, RecordUnreadable, Unreachable, WrittenByNewer

CORPUS = Path(__file__).with_name("corpus")
REPORT = Path(__file__).parents[2] / "docs" / "reference" / "borders.md"
#: The first case of a run that is recorded, and how many each border gets.
FIRST = 20_261_201
CASES = 20_000

ACCEPTED = AcceptedBodies(
    pattern="s3://{bucket}/{video.key|url}", profile="match", submissions=True, buckets=("games", "uploads")
)

#: What may stand where anything else stood.
ODD: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 1.5, 1e300, -1e300, 2**63, 10**400),
    *("", "x", " ", "\0", "\ud800", "é" * 3, "../../etc/passwd", "s3://", "a" * 70, "9" * 5000, "[" * 1000),
    *([], {}, [[]], [{}], {"a": {"b": []}}, {"": 0}),
)


@dataclass(frozen=True, kw_only=True)
class Border:
    """A parser of what comes from outside."""

    name: str
    #: Reads a seed that was changed.
    parse: Callable[[Any], object]
    #: What it raises for what it does not understand; anything else is a fault.
    refusals: tuple[type[Exception], ...]
    #: Whether it is given the JSON value itself, and not its text.
    is_value: bool = False


def _record(parse: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a parser of items, which come from DynamoDB with a key of text, whatever else is in them."""

    def read(value: Any) -> object:
        fields = value if isinstance(value, dict) else {}
        keyed = {name: typed for name, typed in fields.items() if isinstance(typed, dict) and len(typed) == 1}
        for key in ("pk", "sk"):
            text = keyed.get(key, {}).get("S")
            keyed[key] = {"S": text if isinstance(text, str) else "x"}
        return RecordReader().read(keyed, parse)

    return read


def _target(text: str) -> object:
    return urls.parse_target(text, is_private_allowed=False)


_RECORD = (RecordUnreadable, WrittenByNewer)
BORDERS: Sequence[Border] = (
    Border(
        name="message", parse=lambda text: message_parser.parse(text, ACCEPTED), refusals=(MessageRefused,)
    ),
    Border(name="event", parse=event_parser.parse, refusals=()),
    Border(name="job", parse=_record(item.parse_job), refusals=_RECORD, is_value=True),
    Border(name="unit", parse=_record(item.parse_unit), refusals=_RECORD, is_value=True),
    Border(name="worker", parse=_record(item.parse_worker), refusals=_RECORD, is_value=True),
    Border(name="span", parse=_record(item.parse_span), refusals=_RECORD, is_value=True),
    Border(name="worker-target", parse=_record(item.parse_target), refusals=_RECORD, is_value=True),
    Border(name="cleaning", parse=_record(item.parse_cleaning), refusals=_RECORD, is_value=True),
    Border(name="errand", parse=_record(outbox.parse_errand), refusals=_RECORD, is_value=True),
    Border(name="notification", parse=_record(outbox.parse_notification), refusals=_RECORD, is_value=True),
    Border(name="entry", parse=_record(audit.parse_entry), refusals=_RECORD, is_value=True),
    Border(name="halt", parse=_record(halts.parse_halt), refusals=_RECORD, is_value=True),
    Border(name="upload", parse=upload_lambda.parse, refusals=(JobRejected,), is_value=True),
    Border(name="agent", parse=lambda text: task_agent.parse(_bytes(text)), refusals=(Unreachable,)),
    Border(
        name="interruption",
        parse=lambda text: ec2_metadata.parse_interruption(_bytes(text)),
        refusals=(Unreachable,),
    ),
    Border(
        name="recommendation",
        parse=lambda text: ec2_metadata.parse_recommendation(_bytes(text)),
        refusals=(Unreachable,),
    ),
    Border(name="target", parse=lambda text: _target(_plain(text)), refusals=(ValueError,)),
)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _plain(text: str) -> str:
    """Return what a JSON text of a text says, or the text itself: targets are no JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def seeds(border: Border) -> list[Any]:
    """Return a border's corpus."""
    lines = (CORPUS / f"{border.name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def case(border: Border, corpus: Sequence[Any], number: int) -> Any:
    """Return what the border is given as this case: a seed with up to four changes, in its value or in its text."""
    chance = random.Random(f"{border.name} {number}")  # noqa: S311  the same case again, and no secret
    value = json.loads(json.dumps(chance.choice(corpus)))
    for _ in range(chance.randrange(5)):
        value = _changed(value, chance)
    if border.is_value:
        return value
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    for _ in range(chance.randrange(3) if chance.random() < 0.3 else 0):
        text = _torn(text, chance)
    return text


def _changed(value: Any, chance: random.Random) -> Any:
    """Return the value with one change at some depth; JSON within text is opened, changed and closed again."""
    inner = _opened(value) if isinstance(value, str) and chance.random() < 0.7 else None
    if inner is not None:
        return json.dumps(_changed(inner, chance))
    if isinstance(value, dict | list) and value and chance.random() < 0.85:
        places = list(value) if isinstance(value, dict) else range(len(value))
        place = chance.choice(places)
        match chance.randrange(8):
            case 0:
                del value[place]
            case 1 if isinstance(value, dict):
                value[chance.choice(("x", "", "schema", "properties", "__class__"))] = deepcopy(value[place])
            case 2 if isinstance(value, list):
                value += deepcopy(value[:8])
            case _:
                value[place] = _changed(value[place], chance)
        return value
    return deepcopy(chance.choice(ODD))


def _opened(text: str) -> Any:
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _torn(text: str, chance: random.Random) -> str:
    """Return the text with a piece cut out, doubled, or replaced."""
    first = chance.randrange(len(text) + 1)
    last = min(len(text), first + chance.randrange(20))
    piece = chance.choice(("", text[first:last] * 2, "\\ud800", "\0", '"', "{", "[" * 300, "1e999", "NaN"))
    return text[:first] + piece + text[last:]


def outcome(border: Border, given: Any) -> str:
    """Return ``read``, or ``refused``; whatever else a parser raises goes on."""
    try:
        border.parse(given)
    except border.refusals:
        return "refused"
    return "read"


def run(border: Border, *, first: int, cases: int) -> Counter[str]:
    """Return what came of so many cases."""
    corpus = seeds(border)
    return Counter(outcome(border, case(border, corpus, number)) for number in range(first, first + cases))


def report(counts: Mapping[str, Counter[str]], *, first: int, cases: int) -> Iterator[str]:
    """Yield the lines of the page that records a run."""
    yield "# Borders: what comes from outside, and how its parsers were fuzzed"
    yield ""
    yield "Each border has one parser, which returns a model or its own refusal and raises nothing else. `scripts/test` gives"
    yield "each some hundred cases; this page records a longer run, which `python -m tests.border.fuzz` repeats: a case is a seed"
    yield "of `tests/border/corpus` with up to four changes, and its number gives it again."
    yield ""
    yield f"Cases {first} to {first + cases - 1} of each border; none raised anything but a refusal."
    yield ""
    yield "| border | parser | seeds | cases | read | refused |"
    yield "|---|---|---|---|---|---|"
    for border in BORDERS:
        count = counts[border.name]
        yield (
            f"| {border.name} | `{PARSERS[border.name]}` | {len(seeds(border))} | {count.total()} |"
            f" {count['read']} | {count['refused']} |"
        )


#: Where each border's parser is.
PARSERS: Mapping[str, str] = {
    "message": "rugbytx/aws/sqs/message_parser.py:parse",
    "event": "rugbytx/aws/sqs/event_parser.py:parse",
    "job": "rugbytx/aws/dynamodb/item.py:parse_job",
    "unit": "rugbytx/aws/dynamodb/item.py:parse_unit",
    "worker": "rugbytx/aws/dynamodb/item.py:parse_worker",
    "span": "rugbytx/aws/dynamodb/item.py:parse_span",
    "worker-target": "rugbytx/aws/dynamodb/item.py:parse_target",
    "cleaning": "rugbytx/aws/dynamodb/item.py:parse_cleaning",
    "errand": "rugbytx/aws/dynamodb/outbox.py:parse_errand",
    "notification": "rugbytx/aws/dynamodb/outbox.py:parse_notification",
    "entry": "rugbytx/aws/dynamodb/audit.py:parse_entry",
    "halt": "rugbytx/aws/dynamodb/halts.py:parse_halt",
    "upload": "rugbytx/upload_lambda.py:parse",
    "agent": "rugbytx/aws/ecs/task_agent.py:parse",
    "interruption": "rugbytx/aws/ec2_metadata.py:parse_interruption",
    "recommendation": "rugbytx/aws/ec2_metadata.py:parse_recommendation",
    "target": "rugbytx/urls.py:parse_target",
}


def main() -> None:
    """Run all borders and write the page."""
    logging.getLogger("rugbytx").addHandler(logging.NullHandler())
    counts = {}
    for border in BORDERS:
        counts[border.name] = run(border, first=FIRST, cases=CASES)
        sys.stdout.write(f"{border.name}: {dict(counts[border.name])}\n")
    REPORT.write_text("\n".join(report(counts, first=FIRST, cases=CASES)) + "\n")


if __name__ == "__main__":
    main()
