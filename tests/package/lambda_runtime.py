"""Lambda's part, in a clean interpreter: imports the unpacked package and calls a handler for each line of input.

Run by the tests as ``python -I -S lambda_runtime.py FOLDER ANSWERS``, where site-packages are out of reach.
Needs the standard library alone, as it stands outside the package.
"""

import importlib
import json
import sys
import time
from types import SimpleNamespace


def main() -> None:
    folder, answers = sys.argv[1:]
    sys.path[:0] = [folder]
    started = time.perf_counter()
    module = importlib.import_module("app")
    seconds = time.perf_counter() - started
    with open(answers, "w") as output:
        loaded = {"import_seconds": seconds, "modules": sorted(sys.modules), "python": sys.version}
        output.write(json.dumps(loaded) + "\n")
        took = []
        for line in sys.stdin:
            request = json.loads(line)
            started = time.perf_counter()
            answer = invoke(module, request["handler"], request["event"])
            took.append(time.perf_counter() - started)
            output.write(json.dumps(answer) + "\n")
        ended = {"seconds": took, "modules": sorted(sys.modules), "cpu_seconds": time.process_time()}
        output.write(json.dumps(ended) + "\n")


def invoke(module: object, handler: str, event: object) -> dict[str, object]:
    context = SimpleNamespace(
        function_name="nacre",
        memory_limit_in_mb=1769,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:nacre",
        aws_request_id="6e5a",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    try:
        return {"answer": getattr(module, handler)(event, context)}
    except Exception as error:  # Lambda gives API Gateway the text of what was raised
        return {"error": str(error)}


main()
