"""Starts LocalStack's open core in host mode, on loopback only, with functions in Node processes instead of Docker."""

import os
import runpy
import sys
from importlib.metadata import version

os.umask(0o077)  # what it writes down holds the secrets
del sys.argv[1:]  # the folder, which is there for whoever looks at the processes

KNOWN = ("2026.3.0", "4.13.1")
if version("localstack-core") not in KNOWN:
    sys.exit(f"launch_localstack.py knows {' and '.join(KNOWN)}, this is {version('localstack-core')}")

from twisted.internet import endpoints  # noqa: E402

listen = endpoints.TCP4ServerEndpoint.__init__


def listen_on_loopback(self, reactor, port, backlog=50, interface="127.0.0.1"):
    """The default server ignores the host of GATEWAY_LISTEN and would listen everywhere."""
    listen(self, reactor, port, backlog=backlog, interface=interface or "127.0.0.1")


endpoints.TCP4ServerEndpoint.__init__ = listen_on_loopback

# Three modules import the name, so this comes before LocalStack itself.
from localstack.services.lambda_.invocation import runtime_executor  # noqa: E402

if not hasattr(runtime_executor, "get_runtime_executor"):
    sys.exit("LocalStack has no get_runtime_executor: launch_localstack.py replaces it")


def get_runtime_executor():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from node_executor import NodeRuntimeExecutor

    return NodeRuntimeExecutor


runtime_executor.get_runtime_executor = get_runtime_executor
runpy.run_module("localstack.runtime.main", run_name="__main__")
