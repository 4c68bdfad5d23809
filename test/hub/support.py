"""Real servers on loopback for the hub file's tests: an ingress, a workspaces function, a Gitea that only speaks Git.

Each keeps what it was sent and answers as its test says. They verify signatures with their own code, not with the
hub file's.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HUB_FOLDER = ROOT / "infra" / "jupyterhub"
sys.path.insert(0, str(HUB_FOLDER))

logging.getLogger("hubforge").addHandler(logging.NullHandler())

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()


def wait_for(condition: Callable[[], Any], within_seconds: float = 60.0) -> Any:
    """The condition's first true value; AssertionError when the time is up."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_seconds} s: {condition}")


class Case(unittest.TestCase):
    """A test with a folder of its own and servers that end with it; also for Python 3.9."""

    def enter(self, manager: Any) -> Any:
        entered = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return entered

    def new_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="hubforge-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder.resolve()


class Server:
    """An HTTP server on a free port of loopback; `with Server(answer) as server:`."""

    def __init__(self, answer: Callable[[http.server.BaseHTTPRequestHandler, bytes], None]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                self.close_connection = True
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(self, read_body(self))

            do_GET = do_POST

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def refusal(code: str, message: str) -> tuple[int, dict[str, str]]:
    """A 403 as functions/workspaces gives it."""
    return 403, {"error": "refused", "code": code, "message": message}


def read_body(handler: http.server.BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    parts = []
    while size := int(handler.rfile.readline().strip(), 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def reply(
    handler: http.server.BaseHTTPRequestHandler, status: int, body: Any = None, headers: dict[str, str] | None = None
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    handler.send_response_only(status)  # without a Date of its own
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def is_signed(headers: Any, body: bytes, key: bytes = KEY) -> bool:
    moment = headers["webhook-timestamp"]
    signed = b".".join([headers["webhook-id"].encode(), moment.encode(), body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return abs(time.time() - int(moment)) < 300 and wanted in headers["webhook-signature"].split(" ")


class Ingress(Server):
    """Takes events. `behave(event)` gives a status, a (status, headers) pair, or seconds to hang as a float."""

    def __init__(self, behave: Callable[[dict[str, Any]], Any] | None = None) -> None:
        self.behave = behave or (lambda event: 202)
        self.tries: list[dict[str, Any]] = []
        self.accepted: list[dict[str, Any]] = []
        super().__init__(self._answer)

    def _answer(self, handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        event = json.loads(body)
        event["id"] = handler.headers["webhook-id"]
        event["path"] = handler.path
        self.tries.append(event)
        told = self.behave(event) if is_signed(handler.headers, body) else 401
        if isinstance(told, float):
            time.sleep(told)
            return
        status, headers = told if isinstance(told, tuple) else (told, {})
        if status == 202:
            self.accepted.append(event)
        reply(handler, status, {"id": event["id"]}, headers)

    def accepted_for(self, user: str) -> list[str]:
        return [event["type"] for event in self.accepted if event["data"]["user"] == user]


class Forge(Server):
    """Git over HTTP with tokens as passwords, in front of real bare repositories; every user name is `hubforge`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens: set[str] = set()
        self.logins: list[tuple[str, str]] = []
        super().__init__(self._answer)

    def add_repository(self, name: str, files: dict[str, str] | None = None) -> str:
        """A bare repository with one commit of `files` on `main` (none = empty); its clone address."""
        bare = self.folder / "ilum-jupyterhub" / f"{name}.git"
        git("init", "-q", "--bare", "-b", "main", str(bare))
        git("-C", str(bare), "config", "http.receivepack", "true")
        if files:
            commit_files(bare, files)
        return f"{self.url}/ilum-jupyterhub/{name}.git"

    def log(self, name: str, form: str = "%an <%ae> %s") -> list[str]:
        bare = self.folder / "ilum-jupyterhub" / f"{name}.git"
        return git("-C", str(bare), "log", f"--format={form}", "main").splitlines()

    def _answer(self, handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        words = (handler.headers.get("Authorization") or "").split()
        user, _, password = base64.b64decode(words[1]).decode().partition(":") if len(words) == 2 else ("", "", "")
        if words:
            self.logins.append((user, password))
        if password not in self.tokens:
            reply(handler, 401, {}, {"WWW-Authenticate": 'Basic realm="Gitea"'})
            return
        path, _, query = handler.path.partition("?")
        environment = {
            **plain_environment(),
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": handler.command,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "REMOTE_USER": user,
        }
        ran = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        reply(handler, status, content, headers)


class Workspaces(Server):
    """The workspaces function: states by user, tokens that the forge then takes."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge
        self.questions: list[dict[str, Any]] = []
        self.behave: Callable[[dict[str, Any]], Any] = lambda question: "ready"
        super().__init__(self._answer)

    def asked(self, kind: str) -> list[dict[str, Any]]:
        return [question for question in self.questions if question["type"] == f"workspace.{kind}"]

    def _answer(self, handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        question = json.loads(body)
        question.update(path=handler.path, id=handler.headers["webhook-id"])
        self.questions.append(question)
        told = self.behave(question) if is_signed(handler.headers, body) else 401
        if isinstance(told, float):
            time.sleep(told)
        elif isinstance(told, tuple):
            reply(handler, *told)
        elif isinstance(told, int):
            reply(handler, told)
        else:
            reply(handler, 200, self._tell(question, told))

    def _tell(self, question: dict[str, Any], state: str) -> dict[str, Any]:
        user = question["data"]["user"]
        found = {
            "state": state,
            "cloneUrl": f"{self.forge.url}/ilum-jupyterhub/jupyterhub-{user}.git",
            "webUrl": f"{self.forge.url}/ilum-jupyterhub/jupyterhub-{user}",
            "fullName": f"{user.title()} Example",
            "email": f"{user}@uni.example",
        }
        if question["type"] == "workspace.credentials":
            password = hashlib.sha1(os.urandom(8)).hexdigest()
            self.forge.tokens.add(password)
            name = f"hubforge.default.{user}.{question['data']['session']}"
            found.update(username="hubforge", password=password, account=user, tokenName=name)
        return found


def plain_environment() -> dict[str, str]:
    """An environment in which Git knows nothing of this machine's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def git(*words: str, **options: Any) -> str:
    environment = {**plain_environment(), **{f"GIT_{role}_{part}": "hubforge" for role in ROLES for part in PARTS}}
    ran = subprocess.run(["git", *words], capture_output=True, text=True, check=False, env=environment, **options)
    if ran.returncode:
        raise AssertionError(f"git {words}: {ran.stderr}")
    return ran.stdout.strip()


ROLES = ("AUTHOR", "COMMITTER")
PARTS = ("NAME", "EMAIL")


def commit_files(bare: Path, files: dict[str, str], message: str = "Starter notebooks") -> None:
    """Put `files` on the bare repository's main branch in one commit."""
    work = bare.with_suffix(".work")
    work.mkdir()
    git("init", "-q", "-b", "main", str(work))
    for name, content in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git("-C", str(work), "add", "--all")
    git("-C", str(work), "commit", "-q", "-m", message)
    git("-C", str(work), "push", "-q", str(bare), "main")


class HubUser:
    """What the hub file reads of a JupyterHub user."""

    def __init__(self, name: str, auth_state: Any = None) -> None:
        self.name = name
        self.spawners: dict[str, HubSpawner] = {}
        self._auth_state = auth_state

    async def get_auth_state(self) -> Any:
        return self._auth_state


class HubSpawner:
    """What the hub file reads and replaces of a JupyterHub spawner: a server of `user` that is being started."""

    def __init__(self, user: HubUser, name: str = "", token: str = "server-token") -> None:
        self.user = user
        self.name = name
        self.api_token = token
        self.orm_spawner = SimpleNamespace(started=datetime(2026, 11, 24, 9, 0, 0, 123456))
        self.pending: str | None = "spawn"
        self.has_server = True
        self.environment: dict[str, Any] = {}
        self.cmd = ["jupyterhub-singleuser"]
        self.will_resume = True  # leaves JupyterHub's own tokens, which are not here, alone
        user.spawners[name] = self

    @property
    def ready(self) -> bool:
        return not self.pending and self.has_server

    @property
    def active(self) -> bool:
        return bool(self.pending or self.ready)

    def get_env(self) -> dict[str, Any]:
        return {"JUPYTERHUB_API_TOKEN": self.api_token, **self.environment}

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        yield {"progress": 50, "message": "Spawning server..."}

    def is_up(self) -> HubSpawner:
        self.pending = None
        return self

    def is_gone(self) -> HubSpawner:
        self.pending, self.has_server, self.orm_spawner.started = None, False, None
        return self
