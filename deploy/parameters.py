"""Print the parameters of a change set as JSON: ``parameters.py DECLARED EXISTING`` with NAME=VALUE lines on stdin.

DECLARED are the names that the template knows, EXISTING those that the stack
has values for, both as words.  Of a name that is given twice the last value
counts; ``NAME=@FILE`` is a file's content.  What is not given keeps the stack's
value, or begins with the template's default.
"""

import json
import sys
from pathlib import Path


def main() -> int:
    """Return the exit status: 2 for a name that the template does not know."""
    declared, existing = (words.split() for words in sys.argv[1:3])
    given: dict[str, str] = {}
    for line in filter(None, sys.stdin.read().splitlines()):
        name, _, value = line.partition("=")
        given[name] = Path(value[1:]).read_text() if value.startswith("@") else value
    if unknown := sorted(set(given) - set(declared)):
        print(f"deploy: the template has no parameter {', '.join(unknown)}", file=sys.stderr)
        return 2
    parameters: list[dict[str, object]] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in given.items()
    ]
    kept = [name for name in existing if name in declared and name not in given]
    parameters += [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]
    print(json.dumps(parameters))
    return 0


if __name__ == "__main__":
    sys.exit(main())
