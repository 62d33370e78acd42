"""moto's DynamoDB and SQS on a free port of the loopback interface; prints the port.

One request at a time: moto checks a condition and writes in two steps, without a lock between its threads, so that
its own threaded server could let two conditional writes succeed that exclude each other.
"""

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

server = make_server(
    "127.0.0.1",
    0,
    DomainDispatcherApplication(create_backend_app),
    threaded=False,
    request_handler=MotoRequestHandler,
)
print(f"listening on {server.port}", flush=True)
server.serve_forever()
