"""
Spark behind a socket on loopback. A connection asks for one thing, in a line of JSON, and gets a line of JSON; the
rows of a statement follow as an Arrow stream. A statement ends when its connection is closed.

The process ends when its standard input does.
"""

from __future__ import annotations

import hmac
import itertools
import json
import os
import socket
import sys
import threading

import own_statements
import pyarrow as pa
from failure import Refusal, describe
from result import arrow_of, columns_of
from session import Warehouse, start

CANCEL_EVERY_SECONDS = 0.1


class Bridge:
    def __init__(self, scratch: str, jars: str, token: str):
        self._spark = start(scratch, jars)
        self._token = token
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._warehouses: dict[int, Warehouse] = {}
        self._sessions: dict[int, tuple] = {}

    def serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb") as stream:
                request = json.loads(stream.readline())
                if not hmac.compare_digest(request.pop("token", ""), self._token):
                    return
                try:
                    getattr(self, "do_" + request.pop("do"))(connection, stream, **request)
                except OSError:
                    raise
                except BaseException as thrown:
                    _answer(stream, {"error": describe(thrown)})
                # Closing alone tells the client nothing while a thread still listens to it.
                connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # The client went away; what it asked for has been stopped.
            pass

    def do_open_warehouse(self, connection, stream, directory: str) -> None:
        # One at a time: for a moment there is no session that is active for the whole process.
        with self._lock:
            warehouse = Warehouse(self._spark, directory)
        self._warehouses[identifier := next(self._ids)] = warehouse
        _answer(stream, {"id": identifier})

    def do_close_warehouse(self, connection, stream, warehouse: int) -> None:
        self._warehouses.pop(warehouse, None)
        _answer(stream, {})

    def do_open_session(self, connection, stream, warehouse: int) -> None:
        opened = self._warehouses[warehouse]
        with self._lock:
            session = opened.new_session()
        self._sessions[identifier := next(self._ids)] = (opened, session)
        _answer(stream, {"id": identifier})

    def do_close_session(self, connection, stream, session: int) -> None:
        self._sessions.pop(session, None)
        _answer(stream, {})

    def do_execute(self, connection, stream, session: int, statement: str) -> None:
        warehouse, spark = self._sessions[session]
        group = f"statement-{next(self._ids)}"
        context = spark.sparkContext
        context.setJobGroup(group, "", interruptOnCancel=False)
        done = threading.Event()
        late = threading.Event()
        seconds = int(spark.conf.get("STATEMENT_TIMEOUT", "0"))

        def stop_when_it_must() -> None:
            connection.settimeout(seconds or None)
            try:
                connection.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                late.set()
            except OSError:
                pass
            while not done.wait(CANCEL_EVERY_SECONDS):
                context.cancelJobGroup(group)

        threading.Thread(target=stop_when_it_must, daemon=True).start()
        try:
            frame = own_statements.run(warehouse, spark, statement)
            columns = columns_of(frame)
            rows = arrow_of(frame) if columns else None
        except Exception:
            if late.is_set():
                raise Refusal("STATEMENT_TIMEOUT", "57KD0", f"The statement ran longer than {seconds} seconds.") from None
            raise
        finally:
            done.set()
        connection.settimeout(None)
        _answer(stream, {"columns": columns})
        if rows is not None:
            with pa.ipc.new_stream(stream, rows.schema) as writer:
                writer.write_table(rows)
        stream.flush()


def _answer(stream, answer: dict) -> None:
    stream.write(json.dumps(answer).encode() + b"\n")
    stream.flush()


def main(scratch: str, jars: str) -> None:
    bridge = Bridge(scratch, jars, os.environ.pop("LAKEFERRY_BRIDGE_TOKEN"))
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=bridge.serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
