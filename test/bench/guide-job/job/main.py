"""
The guide's job as a process: a request in a line of JSON on standard input, an answer in a line on standard output.
It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys

import psycopg2
from session import start
from sync import follow, load
from target import Target


def main(scratch: str, jars: str) -> None:
    # Whatever Spark prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(what: dict) -> None:
        print(json.dumps(what), file=answers, flush=True)

    spark = start(scratch, jars)
    answer({"outcome": "ready"})
    while line := sys.stdin.readline():
        request = json.loads(line)
        target = Target(**request.pop("target"))
        stop_at, hold_at = request.pop("stop_at", None), request.pop("hold_at", None)

        def at(point: str, stop_at=stop_at, hold_at=hold_at) -> None:
            if point == stop_at:
                os._exit(1)
            if point == hold_at:
                answer({"outcome": "held"})
                sys.stdin.readline()

        if request.pop("do") == "load":
            failures = failures_of(load, spark, target=target, **request)
        else:
            failures = follow(spark, target=target, at=at, **request)
        answer(describe(failures[0]) if failures else {"outcome": "done"})
    spark.stop()


def failures_of(work, *arguments, **named) -> list[BaseException]:
    try:
        work(*arguments, **named)
    except Exception as thrown:
        return [thrown]
    return []


def describe(thrown: BaseException) -> dict:
    """Names only: the texts of Postgres hold rows."""
    state = thrown.pgcode if isinstance(thrown, psycopg2.Error) else None
    return {"outcome": "failed", "error": type(thrown).__name__, "sqlState": state}


if __name__ == "__main__":
    main(*sys.argv[1:])
