"""LocalStack's Lambda without Docker: one Node process for each execution environment (emulators, 7.5)."""

import json
import os
import queue
import signal
import subprocess
import threading

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_host.mjs")
READY_WITHIN_SECONDS = 20
LOG_WITHIN_SECONDS = 2


class Child:
    """A Node process with its three streams: events in, answers out, and what the function prints."""

    def __init__(self, cwd, environment):
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            ["node", HOST],
            cwd=cwd,
            env={**environment, "HUBFORGE_RESULTS": str(writer)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writer,),
        )
        os.close(writer)
        self.answers = queue.Queue()
        self.printed = queue.Queue()
        self._read(os.fdopen(reader), self.answers)
        self._read(open(self.process.stdout.fileno(), errors="replace", closefd=False), self.printed)

    @staticmethod
    def _read(stream, into):
        def run():
            for line in stream:
                into.put(line.rstrip("\n"))
            into.put(None)

        threading.Thread(target=run, daemon=True).start()

    def is_alive(self):
        return self.process.poll() is None

    def send(self, message):
        self.process.stdin.write((json.dumps(message) + "\n").encode())
        self.process.stdin.flush()

    def answer(self, seconds):
        """The next answer, or None when the process has ended. Raises queue.Empty when there is none in time."""
        line = self.answers.get(timeout=seconds)
        return None if line is None else json.loads(line)

    def log_until(self, mark):
        lines = []
        while True:
            try:
                line = self.printed.get(timeout=LOG_WITHIN_SECONDS)
            except queue.Empty:
                return lines
            if line is None or line == mark:
                return lines
            lines.append(line)

    def kill(self):
        if self.is_alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class NodeRuntimeExecutor(RuntimeExecutor):
    child = None
    environment = None
    log = ""

    def start(self, env_vars):
        code = self.function_version.config.code.get_unzipped_code_location()
        own = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        given = {name: str(value) for name, value in env_vars.items()}
        self.environment = {**own, **given, "LAMBDA_TASK_ROOT": str(code), "TZ": "UTC"}
        self._spawn()

    def _spawn(self):
        self.child = Child(self.environment["LAMBDA_TASK_ROOT"], self.environment)
        try:
            ready = self.child.answer(READY_WITHIN_SECONDS)
        except queue.Empty:
            ready = None
        if ready is None:
            self.child.kill()
            raise RuntimeError("the function did not load: " + "\n".join(self.child.log_until(None)))

    def stop(self):
        if self.child:
            self.child.kill()

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    def invoke(self, payload):
        if not self.child.is_alive():
            self._spawn()
        child, request, seconds = self.child, payload["invoke-id"], self.function_version.config.timeout
        try:
            child.send(
                {
                    "id": request,
                    "arn": payload["invoked-function-arn"],
                    "timeout": seconds,
                    "event": json.loads(payload["payload"] or "null"),
                }
            )
            answer = child.answer(seconds)
        except queue.Empty:
            child.kill()
            answer = {"error": {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {seconds}.00 seconds"}}
        except BrokenPipeError:
            answer = None
        if answer is None:
            answer = {"error": {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited without an answer"}}
        return self._result(request, answer, child.log_until(f"\0{request}"))

    def _result(self, request, answer, lines):
        is_error = "error" in answer
        logged = [f"START RequestId: {request} Version: $LATEST", *lines, f"END RequestId: {request}"]
        if is_error:
            logged.insert(-1, json.dumps(answer["error"]))
        self.log = "\n".join(logged)
        return InvocationResult(
            request_id=request,
            payload=json.dumps(answer["error"] if is_error else answer["result"]).encode(),
            is_error=is_error,
            logs=self.log,
            executed_version=self.function_version.id.qualifier,
        )

    def get_logs(self):
        return self.log

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass
