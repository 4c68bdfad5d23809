"""Starts ministack with two things mended, each checked to be what it was when this was written.

Event source mappings of FIFO queues run as many messages as the template allows. ministack runs one batch at a time, because
a batch may hold several message groups; with a batch size of 1 it cannot, and a group stays locked while its message is in
flight: order is safe, so MaximumConcurrency holds as on AWS.

An HTTP API's events name a domain that is a URL's host. With an address for MINISTACK_HOST they say
`<id>.execute-api.127.0.0.1`, which no URL parser takes.
"""

import os
import sys
from importlib.metadata import version

os.umask(0o077)  # the state that it writes down holds the secrets
del sys.argv[1:]  # the folder, which is there for whoever looks at the processes

KNOWN = "1.5.33"
if version("ministack") != KNOWN:
    sys.exit(f"launch_ministack.py knows ministack {KNOWN}, this is {version('ministack')}: probe it again before raising it")

from ministack.services import apigateway, lambda_svc  # noqa: E402  (the environment must be complete before this import)

for module, name in ((lambda_svc, "_sqs_esm_concurrency"), (apigateway, "_HOST")):
    if not hasattr(module, name):
        sys.exit(f"ministack has no {module.__name__}.{name}: launch_ministack.py changes it")

original = lambda_svc._sqs_esm_concurrency


def concurrency(esm, func_rec, config, queue=None):
    is_safe = (queue or {}).get("is_fifo") and esm.get("BatchSize") == 1
    return original(esm, func_rec, config, {} if is_safe else queue)


lambda_svc._sqs_esm_concurrency = concurrency
apigateway._HOST = "localhost"

from ministack.app import main  # noqa: E402

sys.exit(main())
