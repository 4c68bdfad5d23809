"""hubforge on JupyterHub's side: one file, standard library only.

    # jupyterhub_config.py
    from hubforge_hub import install
    install(c, url="https://hubforge.example", secret="whsec_...")

Every start and stop of a server is written to an outbox on disk inside the hub's own hooks (one sqlite
transaction, no network) and sent from there, signed, by background threads: in order per person, for up to three
days. Beside that the file compares its sessions with the hub's live servers, gives each server a Git credential
helper, and answers that helper with a token which lives no longer than the server does.

Read it from top to bottom: settings, wire, outbox, sender, workspaces, the server's environment, hooks, sweep,
reconcile, broker, install, command line. Runs on Python 3.9 and later, JupyterHub 4.1 to 6.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import base64
import contextlib
import dataclasses
import email.message
import email.utils
import fcntl
import functools
import hashlib
import hmac
import http.client
import importlib
import inspect
import json
import logging
import os
import queue
import random
import re
import socket
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, TypeVar
from urllib.parse import urlsplit

__all__ = ["install"]

T = TypeVar("T")

# JupyterHub execs config files without a name of their own, hence the literal name.
log = logging.getLogger("hubforge")

SEND_FOR_SECONDS = 3 * 24 * 3600
LEAST_ATTEMPTS = 50  # three days hold 288 at the longest waits
SEND_TIMEOUT_SECONDS = 5.0
ASK_TIMEOUT_SECONDS = 8.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 900.0  # what the pipeline itself honours at most
HOOK_SECONDS = 2.0  # a hook waits no longer than this for the disk, or for what the hub keeps of a person
WRITE_RETRY_SECONDS = 1.0
CLIENT_WRITE_SECONDS = 10.0  # sqlite gives up a locked file after 5
SENDERS = 4  # one hanging answer holds up one of them, not everybody
KEEP_PARKED_SECONDS = 30 * 24 * 3600
KEEP_CLOSED_SECONDS = 7 * 24 * 3600
LARGEST_ANSWER_BYTES = 64 * 1024


def say(level: int, event: str, **fields: object) -> None:
    """Write one log line: an event name in the past tense and named fields, never a secret."""
    log.log(level, "%s%s", event, "".join(f" {name}={value!r}" for name, value in fields.items()))


# --- Settings ---------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Settings:
    """What `install` was given, checked. `events_url` and `workspaces_url` are whole addresses."""

    events_url: str
    workspaces_url: str
    secrets: tuple[bytes, ...]
    hub: str
    outbox: Path
    directory: str
    start_step: Path | None
    full_name_attribute: str
    email_attribute: str
    ready_wait_seconds: float = 5.0
    reconcile_seconds: float = 180.0
    start_delay_seconds: float = 3.0
    flush_seconds: float = 5.0


VARIABLES = {
    "url": "HUBFORGE_INGRESS_URL",
    "workspaces_url": "HUBFORGE_WORKSPACES_URL",
    "secret": "HUBFORGE_SECRET",
    "hub": "HUBFORGE_HUB",
    "outbox": "HUBFORGE_OUTBOX",
}


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Check all settings; ValueError names every wrong one at once, and never a value that is a secret."""
    wrong: list[str] = []
    values: dict[str, Any] = {}

    def take(field: str, name: str, check: Callable[[Any], object], *others: object) -> None:
        candidates = [given.get(name), *others]
        try:
            values[field] = check(next((value for value in candidates if value not in (None, "")), None))
        except ValueError as error:
            variable = f" (or {VARIABLES[name]})" if name in VARIABLES else ""
            wrong.append(f"{name}{variable}: {error}")

    environ = os.environ
    take("events_url", "url", functools.partial(address, path="/v1/events"), environ.get("HUBFORGE_INGRESS_URL"))
    workspaces_url = (environ.get("HUBFORGE_WORKSPACES_URL"), values.get("events_url"))
    if given.get("workspaces_url") or any(workspaces_url):  # else it is the url that is wrong, and said to be
        take("workspaces_url", "workspaces_url", functools.partial(address, path="/v1/workspaces"), *workspaces_url)
    take("secrets", "secret", read_secrets, environ.get("HUBFORGE_SECRET"))
    take("hub", "hub", hub_name, environ.get("HUBFORGE_HUB"), "default")
    take("outbox", "outbox", outbox_path, environ.get("HUBFORGE_OUTBOX"), "hubforge.sqlite")
    take("directory", "directory", lambda value: str(value or ""))
    take("start_step", "start_step", start_step_path)
    take("full_name_attribute", "full_name_attribute", str, "cn")
    take("email_attribute", "email_attribute", str, "mail")
    for field in dataclasses.fields(Settings):
        if field.name.endswith("_seconds"):
            take(field.name, field.name, duration, field.default)
    if wrong:
        raise ValueError("hubforge cannot start:\n" + "\n".join(f"  - {line}" for line in wrong))
    return Settings(**values)


def address(value: Any, path: str) -> str:
    """The address of one function: the base URL plus its path, unless the path is already there."""
    if not isinstance(value, str) or not value:
        raise ValueError("is missing")
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be an http or https address, is {shown(value)}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment")
    whole = value.strip().rstrip("/")
    for known in ("/v1/events", "/v1/workspaces"):
        if whole.endswith(known):
            whole = whole[: -len(known)]
    return whole + path


def shown(value: Any) -> str:
    """A wrong value as a message may show it: settings that were swapped put a secret or a password there."""
    return "something secret" if re.search(r"whsec_|@", str(value)) else repr(value)


def origin_of(url: str) -> str:
    """`https://git.example/org/repo.git` -> `https://git.example`, without any user name."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"must be an http or https address, is {shown(url)}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def read_secrets(value: Any) -> tuple[bytes, ...]:
    """One `whsec_...` or several (a list, or separated by blanks or commas): all of them sign."""
    entries = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else list(value or ())
    if not entries or entries == [""]:
        raise ValueError("is missing")
    return tuple(read_secret(entry) for entry in entries)


def read_secret(entry: str) -> bytes:
    try:
        key = base64.b64decode(entry[len("whsec_") :], validate=True) if entry.startswith("whsec_") else b""
    except ValueError:  # binascii.Error is one
        key = b""
    if not 24 <= len(key) <= 64:  # Standard Webhooks 1.0.0
        raise ValueError("must be whsec_ and the base64 of 24 to 64 random bytes")
    return key


def hub_name(value: Any) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,40}", str(value)):
        raise ValueError(f"must be 1 to 40 of a-z, 0-9 and hyphen, is {shown(value)}")
    return str(value)


def outbox_path(value: Any) -> Path:
    path = Path(value).absolute()
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"the folder {path.parent} cannot be written by the hub")
    return path


def start_step_path(value: Any) -> Path | None:
    """Where the clone script lies on this machine: beside this file unless told; False = do without."""
    if value is False:
        return None
    path = Path(value) if value else Path(__file__).absolute().with_name("hubforge_clone.py")
    if value and not path.is_file():
        raise ValueError(f"{path} does not exist")
    return path if path.is_file() else None


def duration(value: Any) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= 86400:
        raise ValueError(f"must be a number of seconds, 0 to 86400, is {value!r}")
    return float(value)


# --- Wire: Standard Webhooks 1.0.0 ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back: a status, the headers, at most 64 KiB of body."""

    status: int
    headers: email.message.Message
    body: bytes

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def excerpt(self) -> str:
        return self.body[:300].decode("utf-8", "replace").strip()


class NoAnswer(Exception):
    """The other side could not be reached, hung up, or took too long."""


class Deadline:
    """Ends a connection after so many seconds, whatever it is waiting for: the time-out of a socket is one of each
    read, and an answer that comes a byte a second would hold its thread for ever."""

    def __init__(self, connection: http.client.HTTPConnection, seconds: float) -> None:
        self.is_over = False
        self._connection = connection
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._connection.close()

    def _end(self) -> None:
        self.is_over = True
        if self._connection.sock:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)


def connect(url: str, timeout_seconds: float) -> http.client.HTTPConnection:
    """Without the environment's proxies: the hub talks to hubforge and nobody in between."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout_seconds)


def sign(secrets: Sequence[bytes], delivery: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature`: one `v1,` entry per secret, separated by blanks."""
    signed = f"{delivery}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def post(url: str, delivery: str, body: bytes, secrets: Sequence[bytes], timeout_seconds: float) -> Answer:
    """Send one signed message with a fresh timestamp. Raises NoAnswer; every status is an Answer."""
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "hubforge-hub",
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, delivery, timestamp, body),
    }
    connection = connect(url, timeout_seconds)
    with Deadline(connection, timeout_seconds) as deadline:
        try:
            connection.request("POST", urlsplit(url).path or "/", body, headers)
            answer = connection.getresponse()  # a redirect is an answer as well, never followed
        except (OSError, http.client.HTTPException) as error:
            why = f"no whole answer within {timeout_seconds:g} s" if deadline.is_over else str(error)
            raise NoAnswer(why or type(error).__name__) from error
        return Answer(answer.status, answer.headers, read_bounded(answer, timeout_seconds))


def read_bounded(answer: Any, timeout_seconds: float) -> bytes:
    """Read the body, bounded in size and time; the status counts even if the body never ends."""
    parts: list[bytes] = []
    until = time.monotonic() + timeout_seconds
    with contextlib.suppress(OSError, http.client.HTTPException):
        while sum(map(len, parts)) < LARGEST_ANSWER_BYTES and time.monotonic() < until:
            part = answer.read1(LARGEST_ANSWER_BYTES)
            if not part:
                break
            parts.append(part)
    return b"".join(parts)[:LARGEST_ANSWER_BYTES]


def verdict(answer: Answer, delivery: str) -> str:
    """`done`, `never` (this message cannot succeed), `settings` (it concerns all: keep, loudly) or `later`. Done is
    only what the ingress itself says of this message: any page of a proxy or a wrong host is a friendly 200, too."""
    status = answer.status
    if status == 202 and answer.json().get("id") == delivery:
        return "done"
    if status in (400, 413, 415, 422):
        return "never"
    if status in (408, 409, 425, 429) or status >= 500:
        return "later"
    return "settings"


def retry_delay(attempts: int, retry_after: str | None) -> float:
    """Seconds until the next attempt: doubling, at random from the upper half; never before `Retry-After`."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 16))
    return max(random.uniform(longest / 2, longest), asked_delay(retry_after))


def asked_delay(retry_after: str | None) -> float:
    if not retry_after:
        return 0.0
    try:
        delay = float(retry_after)
    except ValueError:
        try:
            delay = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0.0
    return min(delay, LONGEST_RETRY_AFTER_SECONDS) if delay > 0 else 0.0  # not a number is not above 0


def clock_difference(headers: email.message.Message) -> float:
    """Seconds by which our clock is ahead of the answer's `Date`; 0 if it has none."""
    with contextlib.suppress(TypeError, ValueError):
        return time.time() - email.utils.parsedate_to_datetime(headers.get("Date") or "").timestamp()
    return 0.0


def utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_id() -> str:
    """A UUID version 7: sorts by time, so that a log or a table reads in order."""
    value = (int(time.time() * 1000) << 80) | (int.from_bytes(os.urandom(10), "big"))
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def new_delivery() -> str:
    return f"evt_{new_id()}"


# --- Outbox: sessions and messages in one sqlite file -----------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Session:
    """One life of a server. `started` is JupyterHub's own start time, naive UTC in ISO form."""

    session: str
    user: str
    server: str
    started: str | None
    token_hash: str | None
    delivery: str
    account: str | None = None
    token_name: str | None = None


@dataclasses.dataclass(frozen=True)
class Message:
    """One message waiting to be sent; `delivery` and `body` are the same on every attempt."""

    delivery: str
    person: str
    body: bytes
    created_at: float
    attempts: int

    def subject(self) -> dict[str, str]:
        """What a log line says of it."""
        event = json.loads(self.body)
        told = {name: event["data"][name] for name in ("server", "session")}
        return {"delivery": self.delivery, "type": event["type"], "person": self.person, **told}


@dataclasses.dataclass(frozen=True)
class LiveServer:
    """A server as the hub sees it now; `None` for what the hub does not know."""

    started: str | None
    token_hash: str | None


SCHEMA = """
create table if not exists sessions (
  session text primary key, hub text not null, user text not null, server text not null, started text,
  token_hash text, delivery text not null, opened_at real not null, closed_at real, reason text,
  account text, token_name text);
create unique index if not exists open_sessions on sessions (hub, user, server) where closed_at is null;
create table if not exists messages (
  sequence integer primary key autoincrement, delivery text not null unique, hub text not null,
  person text not null, session text not null, type text not null, body blob not null, created_at real not null,
  attempts integer not null default 0, next_at real not null, error text, parked_at real);
create index if not exists waiting on messages (hub, person, sequence) where parked_at is null;
create table if not exists facts (name text primary key, value text not null);
"""

SESSION_COLUMNS = ", ".join(field.name for field in dataclasses.fields(Session))


class Outbox:
    """The hub's memory on disk. Every method is one transaction, durable when it returns.

    Usable from any thread: one connection each. A file that was deleted or moved is made anew, a corrupt one is set
    aside under another name; both loudly. Everything else (a full disk, a lock) raises sqlite3.Error.
    """

    def __init__(self, path: Path, hub: str) -> None:
        self.path = path
        self.hub = hub
        self._connections = threading.local()
        self._opening = threading.Lock()

    # Opening and repairing

    def _connection(self) -> sqlite3.Connection:
        kept: tuple[sqlite3.Connection, int] | None = getattr(self._connections, "kept", None)
        if kept and file_number(self.path) == kept[1]:
            return kept[0]
        if kept:
            say(logging.ERROR, "outbox.vanished", path=str(self.path), now="a new one is begun")
            self.close()
        with self._opening:
            connection = self._open()
        self._connections.kept = (connection, file_number(self.path))
        return connection

    def _make(self) -> None:
        """Make the file before sqlite does it, readable for all. One that is there is never opened beside sqlite:
        closing it would drop all of this process's locks on it (POSIX), and the next reader would delete its log."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        os.chmod(self.path, 0o600)

    def _open(self) -> sqlite3.Connection:
        self._make()
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None)
        try:
            mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
            connection.execute("pragma synchronous = full")
            found = connection.execute("pragma quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            connection.executescript(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        if mode != "wal":
            say(logging.WARNING, "outbox.slow", path=str(self.path), why="this file system has no write-ahead log")
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        kept = getattr(self._connections, "kept", None)
        self._connections.kept = None
        if kept:
            with contextlib.suppress(sqlite3.Error):
                kept[0].close()

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction."""

        def transaction(connection: sqlite3.Connection) -> T:
            connection.execute("begin immediate")
            try:
                result = work(connection)
                connection.execute("commit")
                return result
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("rollback")
                raise

        return self._repaired(transaction)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._repaired(work)

    def _repaired(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, and once more on a new file if this one turns out to be corrupt."""
        file = file_number(self.path)
        try:
            return work(self._connection())
        except sqlite3.DatabaseError as error:
            if not is_corruption(error):
                raise
            self._set_aside(file, error)
            return work(self._connection())

    def _set_aside(self, broken: int | None, error: Exception) -> None:
        self.close()
        with self._opening:
            if file_number(self.path) != broken:
                return  # another thread was quicker
            aside = f"{self.path}.corrupt-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(3).hex()}"
            for ending in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.replace(f"{self.path}{ending}", f"{aside}{ending}")
        say(logging.CRITICAL, "outbox.corrupt", kept_as=aside, error=str(error), now="a new one is begun")

    # Sessions

    def open_session(self, session: Session) -> None:
        """A server starts: its row and its `server.spawning`. A row left over is a lost stop: closed first."""

        def work(db: sqlite3.Connection) -> None:
            left_over = self._open_sessions(db, session.user, session.server)
            if any(left.session == session.session for left in left_over):
                return  # the attempt before this one was written, though the disk said no
            for left in left_over:
                self._close(db, left, "unknown")
            self._insert(db, session)

        self._write(work)

    def close_session(self, user: str, server: str, reason: str, delivery: str | None = None) -> Session | None:
        """A server stopped: close its row and queue its `server.stopped`. None if no session was open."""

        def work(db: sqlite3.Connection) -> Session | None:
            for session in self._open_sessions(db, user, server):
                self._close(db, session, reason, delivery)
                return session
            return None

        return self._write(work)

    def ensure_session(self, session: Session) -> Session:
        """The open session of that server; `session`, if the outbox has lost it."""

        def work(db: sqlite3.Connection) -> Session:
            for known in self._open_sessions(db, session.user, session.server):
                return known
            self._insert(db, session)
            return session

        return self._write(work)

    def open_sessions(self, user: str, server: str | None = None) -> list[Session]:
        return self._read(lambda db: self._open_sessions(db, user, server))

    def record_account(self, session: Session, account: str, token_name: str) -> bool:
        """Write down whose token is about to be handed out. If the session was closed meanwhile, queue another
        stop that carries the account, and answer False."""

        def work(db: sqlite3.Connection) -> bool:
            changed = db.execute(
                "update sessions set account = ?, token_name = ? where session = ? and closed_at is null",
                (account, token_name, session.session),
            )
            if changed.rowcount:
                return True
            known = dataclasses.replace(session, account=account, token_name=token_name)
            self._queue(db, new_delivery(), "server.stopped", known, reason="unknown")
            return False

        return self._write(work)

    def reconcile(
        self, live: Mapping[tuple[str, str], LiveServer], doubtful: set[tuple[str, str]]
    ) -> list[dict[str, str]]:
        """Make the sessions match the live servers; what is in doubt is left alone. Says and returns what was done."""

        def work(db: sqlite3.Connection) -> list[dict[str, str]]:
            done: list[dict[str, str]] = []
            matched: set[tuple[str, str]] = set()
            for session in self._open_sessions(db):
                server = (session.user, session.server)
                if server in doubtful:
                    continue
                if server in live and same_start(session.started, live[server].started):
                    matched.add(server)
                    self._learn_token(db, session, live[server].token_hash)
                else:
                    delivery = self._close(db, session, "unknown")
                    done.append({"type": "server.stopped", "delivery": delivery, **subject(session)})
            for server in live.keys() - matched - doubtful:
                session = new_session(*server, live[server])
                self._insert(db, session)
                done.append({"type": "server.spawning", "delivery": session.delivery, **subject(session)})
            return done

        done = self._write(work)
        for fields in done:
            say(logging.WARNING, "session.reconciled", **fields)
        return done

    def _open_sessions(
        self, db: sqlite3.Connection, user: str | None = None, server: str | None = None
    ) -> list[Session]:
        query = f"select {SESSION_COLUMNS} from sessions where hub = ? and closed_at is null"
        values = [self.hub]
        for column, value in (("user", user), ("server", server)):
            if value is not None:
                query += f" and {column} = ?"
                values.append(value)
        return [Session(*row) for row in db.execute(query + " order by opened_at", values)]

    def _insert(self, db: sqlite3.Connection, session: Session) -> None:
        columns = dataclasses.asdict(session)
        columns.update(hub=self.hub, opened_at=time.time())
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        db.execute(f"insert into sessions ({names}) values ({marks})", columns)
        self._queue(db, session.delivery, "server.spawning", session)

    def _close(self, db: sqlite3.Connection, session: Session, reason: str, delivery: str | None = None) -> str:
        db.execute(
            "update sessions set closed_at = ?, reason = ? where session = ?", (time.time(), reason, session.session)
        )
        delivery = delivery or new_delivery()
        self._queue(db, delivery, "server.stopped", session, reason=reason)
        return delivery

    def _learn_token(self, db: sqlite3.Connection, session: Session, token_hash: str | None) -> None:
        """A resumed container keeps its first token: what the spawner holds now is the server's."""
        if token_hash and token_hash != session.token_hash:
            db.execute("update sessions set token_hash = ? where session = ?", (token_hash, session.session))

    # Messages

    def _queue(self, db: sqlite3.Connection, delivery: str, kind: str, session: Session, **more: str) -> None:
        now = time.time()
        event = {"hub": self.hub, "user": session.user, "server": session.server, "session": session.session}
        event.update(more)
        if kind == "server.stopped" and session.account:
            event["account"] = session.account
        body = json.dumps({"type": kind, "timestamp": utc(now), "data": event}, separators=(",", ":"))
        db.execute(
            "insert into messages (delivery, hub, person, session, type, body, created_at, next_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (delivery, self.hub, session.user.lower(), session.session, kind, body.encode(), now, now),
        )

    def due(self, busy: Iterable[str] = ()) -> Message | None:
        """The next message to send: a person's oldest one, of nobody in `busy`; never-tried ones first, so that
        many failing people cannot starve the others."""
        names = list(busy)
        oldest = "select min(sequence) from messages where hub = m.hub and person = m.person and parked_at is null"
        query = (
            "select delivery, person, body, created_at, attempts from messages as m"
            " where hub = ? and parked_at is null and (attempts = 0 or next_at not between ? and ?)"
            f" and sequence = ({oldest}) and person not in ({', '.join('?' * len(names))})"
            " order by min(attempts, 1), next_at limit 1"
        )
        # Later than anybody waits is what a clock has written that was ahead: due as well.
        waits = (time.time(), time.time() + LONGEST_RETRY_AFTER_SECONDS)
        row = self._read(lambda db: db.execute(query, (self.hub, *waits, *names)).fetchone())
        return Message(*row) if row else None

    def delivered(self, message: Message) -> None:
        self._write(lambda db: db.execute("delete from messages where delivery = ?", (message.delivery,)))

    def postpone(self, message: Message, delay_seconds: float, error: str) -> None:
        """Try again later. What three days of attempts did not get in is moved aside; a clock that jumps by days makes
        no attempts."""
        now = time.time()
        if now - message.created_at > SEND_FOR_SECONDS and message.attempts >= LEAST_ATTEMPTS:
            self.park(message, f"not accepted for 3 days: {error}")
            return
        self._write(
            lambda db: db.execute(
                "update messages set attempts = attempts + 1, next_at = ?, error = ? where delivery = ?",
                (now + delay_seconds, error, message.delivery),
            )
        )

    def park(self, message: Message, error: str) -> None:
        """Move a message aside with the answer that it got; `retry` on the command line brings it back."""
        self._write(
            lambda db: db.execute(
                "update messages set attempts = attempts + 1, parked_at = ?, error = ? where delivery = ?",
                (time.time(), error, message.delivery),
            )
        )
        say(logging.ERROR, "delivery.parked", **message.subject(), error=error)

    def hurry(self) -> int:
        """Make every waiting message due now."""
        statement = "update messages set next_at = ? where hub = ? and parked_at is null"
        return self._write(lambda db: db.execute(statement, (time.time(), self.hub)).rowcount)

    def unpark(self, deliveries: Sequence[str]) -> int:
        """Bring parked messages back for another three days; no names = all of them."""
        chosen = f" and delivery in ({', '.join('?' * len(deliveries))})" if deliveries else ""
        statement = (
            "update messages set parked_at = null, attempts = 0, created_at = ?, next_at = ?"
            " where hub = ? and parked_at is not null" + chosen
        )
        now = time.time()
        return self._write(lambda db: db.execute(statement, (now, now, self.hub, *deliveries)).rowcount)

    def purge(self) -> None:
        """Forget closed sessions after a week and, loudly, parked messages after a month."""
        gone = "from messages where hub = ? and parked_at < ?"
        now = time.time()

        def work(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
            db.execute("delete from sessions where hub = ? and closed_at < ?", (self.hub, now - KEEP_CLOSED_SECONDS))
            old = (self.hub, now - KEEP_PARKED_SECONDS)
            messages = db.execute(f"select delivery, person, body, created_at, attempts, error {gone}", old).fetchall()
            db.execute(f"delete {gone}", old)
            return messages

        for *columns, error in self._write(work):
            say(logging.ERROR, "delivery.forgotten", **Message(*columns).subject(), error=error)

    # What is known and what is waiting

    def remember(self, name: str, value: str) -> None:
        if self.recall(name) != value:
            self._write(lambda db: db.execute("replace into facts (name, value) values (?, ?)", (name, value)))

    def recall(self, name: str) -> str | None:
        row = self._read(lambda db: db.execute("select value from facts where name = ?", (name,)).fetchone())
        return str(row[0]) if row else None

    def status(self) -> dict[str, Any]:
        """Counts, the oldest age, and every message that has failed at least once."""

        def work(db: sqlite3.Connection) -> dict[str, Any]:
            waiting, oldest = db.execute(
                "select count(*), min(created_at) from messages where hub = ? and parked_at is null", (self.hub,)
            ).fetchone()
            troubles = [
                dict(zip(("delivery", "person", "type", "attempts", "error", "since", "is_parked"), row))
                for row in db.execute(
                    "select delivery, person, type, attempts, error, created_at, parked_at is not null from messages"
                    " where hub = ? and (attempts > 0 or parked_at is not null) order by sequence",
                    (self.hub,),
                )
            ]
            for trouble in troubles:
                trouble.update(since=utc(trouble["since"]), is_parked=bool(trouble["is_parked"]))
            return {
                "hub": self.hub,
                "other_hubs": sorted(
                    str(row[0])
                    for row in db.execute(
                        "select hub from sessions union select hub from messages except select ?", (self.hub,)
                    )
                ),
                "open_sessions": len(self._open_sessions(db)),
                "waiting": waiting,
                "oldest_seconds": round(time.time() - oldest) if oldest else 0,
                "parked": sum(trouble["is_parked"] for trouble in troubles),
                "troubles": troubles,
            }

        return self._read(work)


def file_number(path: Path) -> int | None:
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def is_corruption(error: sqlite3.DatabaseError) -> bool:
    """sqlite raises the plain class for a broken file; a full disk or a lock is a subclass."""
    return type(error) is sqlite3.DatabaseError


def subject(session: Session) -> dict[str, str]:
    """Whom and what a log line is about, in the words of the functions' own lines."""
    return {"person": session.user, "server": session.server, "session": session.session}


def new_session(user: str, server: str, live: LiveServer) -> Session:
    return Session(new_id(), user, server, live.started, live.token_hash, delivery=new_delivery())


def same_start(ours: str | None, hubs: str | None) -> bool:
    """Whether two start times are one start: a database may have dropped the microseconds."""
    if not ours or not hubs:
        return True
    return abs((datetime.fromisoformat(ours) - datetime.fromisoformat(hubs)).total_seconds()) < 1


def token_hash(token: str | None) -> str | None:
    return hashlib.sha256(token.encode()).hexdigest() if token else None


# --- Sender: threads that empty the outbox ----------------------------------------------------------------------------


class SenderLock:
    """An exclusive lock beside the outbox: of all processes that loaded this configuration, one sends."""

    def __init__(self, outbox: Path, hub: str) -> None:
        self._outbox = outbox
        self.path = Path(f"{outbox}.{hub}.lock")
        self._descriptor: int | None = None

    def take(self) -> bool:
        """True if this process holds the lock now."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        if os.geteuid() == 0:  # the command line as root: the hub's own user must be able to take it as well
            owner = os.stat(self._outbox if self._outbox.exists() else self.path.parent)
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        with contextlib.suppress(OSError):
            return self.path.read_text().strip()
        return ""


class Sender:
    """Background threads that send what is due: one message per person at a time, oldest first."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox
        self._news = threading.Condition()
        self._busy: set[str] = set()
        self._started = False
        self._stopping = False
        self._last_alarm: dict[str, float] = {}

    def start(self) -> None:
        self._started = True
        for number in range(SENDERS):
            threading.Thread(target=self._work, name=f"hubforge-sender-{number}", daemon=True).start()

    def stop(self) -> None:
        with self._news:
            self._stopping = True
            self._news.notify_all()

    def wake(self) -> None:
        """Something new is in the outbox."""
        with self._news:
            self._news.notify_all()

    def flush(self, within_seconds: float) -> bool:
        """Wait until nothing is due or under way; False if the time was not enough. A sender that never started
        (another process has the lock, or this is `jupyterhub token`) leaves everything on disk."""
        until = time.monotonic() + within_seconds
        if self._started:
            self._outbox.hurry()
            self.wake()
        while self._started and time.monotonic() < until:
            with self._news:
                idle = not self._busy and self._outbox.due() is None
            if idle:
                return True
            time.sleep(0.05)
        return False

    def _work(self) -> None:
        while not self._stopping:
            try:
                message = self._claim()
                if message:
                    self._send_claimed(message)
            except Exception as error:  # a full disk, a broken file: never the end of the thread
                self._alarm("sender.failed", error=str(error))
                time.sleep(2)
        self._outbox.close()

    def _claim(self) -> Message | None:
        """Take a message; without one, sleep until there is news or a second has passed."""
        with self._news:
            message = self._outbox.due(self._busy)
            if message:
                self._busy.add(message.person)
            elif not self._stopping:
                self._news.wait(timeout=1)
            return message

    def _send_claimed(self, message: Message) -> None:
        try:
            self._send(message)
        finally:
            with self._news:
                self._busy.discard(message.person)
                self._news.notify()  # the same person's next message may be due

    def _send(self, message: Message) -> None:
        settings = self._settings
        try:
            answer = post(settings.events_url, message.delivery, message.body, settings.secrets, SEND_TIMEOUT_SECONDS)
        except NoAnswer as error:
            self._alarm("ingress.unreachable", url=settings.events_url, error=str(error), delivery=message.delivery)
            self._outbox.postpone(message, retry_delay(message.attempts, None), str(error))
            return
        result = verdict(answer, message.delivery)
        told = f"{answer.status} {answer.excerpt()}"
        if result == "done":
            self._outbox.delivered(message)
            say(logging.INFO, "delivery.accepted", **message.subject())
        elif result == "never":
            self._outbox.park(message, told)
        else:
            if result == "settings":
                self._blame_settings(answer, message.delivery)
            delay = retry_delay(message.attempts, answer.headers.get("Retry-After"))
            self._outbox.postpone(message, delay, told)

    def _blame_settings(self, answer: Answer, delivery: str) -> None:
        """A refusal that no other message would escape: say what to look at."""
        ahead = clock_difference(answer.headers)
        advice = "check HUBFORGE_SECRET and the hub's name" if answer.status in (401, 403) else "check the URL"
        if answer.status == 401 and abs(ahead) > 60:
            advice = f"our clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} hubforge's: set it"
        about = {"status": answer.status, "url": self._settings.events_url, "delivery": delivery}
        self._alarm("ingress.refused", **about, advice=advice)

    def _alarm(self, event: str, **fields: object) -> None:
        """Say it loudly, but once a minute: an outage with a thousand messages is one fact."""
        now = time.monotonic()
        if now - self._last_alarm.get(event, -60.0) >= 60:
            self._last_alarm[event] = now
            say(logging.ERROR, event, **fields)


# --- Workspaces: the one question that needs an answer ----------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Workspace:
    """What hubforge says of a person's repository; user name to token name only in an answer to `credentials`."""

    state: str
    clone_url: str
    web_url: str = ""
    full_name: str = ""
    email: str = ""
    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    account: str = ""
    token_name: str = ""
    delivery: str = ""  # the id of the question, under which hubforge's own line is found

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"


class Refused(Exception):
    """hubforge said no for good (403): a site admin, a person outside the groups, one who is gone."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message or code)
        self.code = code


class Unavailable(Exception):
    """hubforge could not answer now: unreachable, not ready, or our settings are wrong. Not to be asked again for
    `retry_after_seconds`."""

    def __init__(self, code: str, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


def ask(
    settings: Settings, kind: str, delivery: str, session: Session, live: Sequence[Session], timeout_seconds: float
) -> Workspace:
    """Ask for a status or credentials (functions/workspaces/README.md). Raises Refused or Unavailable."""
    question = {
        "hub": settings.hub,
        "user": session.user,
        "server": session.server,
        "session": session.session,
        "sessions": [{"server": one.server, "session": one.session} for one in live],
    }
    body = json.dumps({"type": kind, "timestamp": utc(time.time()), "data": question}).encode()
    try:
        answer = post(settings.workspaces_url, delivery, body, settings.secrets, timeout_seconds)
    except NoAnswer as error:
        raise Unavailable("hubforge.unreachable", f"hubforge does not answer: {error}") from error
    told = answer.json()
    code = str(told.get("code") or f"hubforge.{answer.status}")
    quoted = "" if 200 <= answer.status < 300 else answer.excerpt()  # the body of a good answer may hold a token
    message = str(told.get("message") or f"hubforge answered {answer.status} {quoted}".strip())
    if answer.status == 403 and told.get("code"):  # one without is of something in between, and no last word
        raise Refused(code, message)
    if answer.status != 200:
        raise Unavailable(code, message, asked_delay(answer.headers.get("Retry-After")))
    return dataclasses.replace(read_workspace(told), delivery=delivery)


def read_workspace(told: Mapping[str, Any]) -> Workspace:
    names = {
        "state": "state",
        "clone_url": "cloneUrl",
        "web_url": "webUrl",
        "full_name": "fullName",
        "email": "email",
        "username": "username",
        "password": "password",
        "account": "account",
        "token_name": "tokenName",
    }
    found = Workspace(**{ours: str(told.get(theirs) or "") for ours, theirs in names.items()})
    try:
        origin_of(found.clone_url)
    except ValueError as error:
        raise Unavailable("hubforge.unusable", f"hubforge's answer has no usable cloneUrl: {error}") from error
    return found


# --- The environment of the user's server -----------------------------------------------------------------------------

# Runs in the user's server, which needs no more than git and python3. No braces: KubeSpawner formats values.
# `quit` ends Git's search for credentials, so that neither a dialog nor another helper offers an LDAP password.
HELPER = """
import hashlib, json, os, sys, urllib.error, urllib.request
action = sys.argv[-1]
if action not in ("get", "erase"):
    sys.exit()
asked = dict(line.split("=", 1) for line in sys.stdin.read().splitlines() if "=" in line)
question = dict(action=action, protocol=asked.get("protocol"), host=asked.get("host"))
if action == "erase":
    question["refused"] = hashlib.sha256(asked.get("password", "").encode()).hexdigest()
request = urllib.request.Request(
    os.environ["JUPYTERHUB_API_URL"] + "/hubforge/credentials",
    json.dumps(question).encode(),
    dict([("Content-Type", "application/json"), ("Authorization", "token " + os.environ["JUPYTERHUB_API_TOKEN"])]),
)
try:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(dict()))
    with opener.open(request, timeout=30) as answer:
        credential = json.loads(answer.read() or "null")
    if action == "get":
        print("username=" + credential["username"])
        print("password=" + credential["password"])
except urllib.error.HTTPError as error:
    if error.code != 421:
        try:
            message = json.loads(error.read())["message"]
        except Exception:
            message = "the hub answered " + str(error.code)
        print("hubforge: " + message, file=sys.stderr)
        print("quit=1")
except Exception as error:
    print("hubforge: the hub does not answer: " + str(error), file=sys.stderr)
    print("quit=1")
""".strip()

GIT_USERNAME = "hubforge"  # never the person's name: a dead token sent as `ada` counts as a wrong LDAP password


def git_config(forge: str | None) -> list[tuple[str, str]]:
    """The Git settings of a server, as (key, value).

    With the forge known, no other helper is asked for it, and nothing but our token reaches it under a person's name,
    whatever an old `.netrc` offers (case F10): Git 2.46 and later send the token at once (measured with 2.47.3). Older
    ones (2.39.5) try `.netrc` first; our user name in the URL makes that attempt one of `hubforge`, whom no directory
    knows, instead of a failed login of the person.
    """
    if not forge:
        return []  # no hubforge answer yet, ever: a helper for all hosts would share the token with other helpers
    helper = '!python3 -c "$HUBFORGE_CREDENTIAL_HELPER"'
    scheme, _, host = forge.partition("://")
    return [
        (f"credential.{forge}.helper", ""),
        (f"credential.{forge}.helper", helper),
        (f"credential.{forge}.username", GIT_USERNAME),
        (f"http.{forge}.proactiveAuth", "basic"),
        (f"url.{scheme}://{GIT_USERNAME}@{host}/.insteadOf", f"{forge}/"),
    ]


def server_variables(session: Session, directory: str, full_name: str, mail: str) -> dict[str, str]:
    """Variables of the user's server; a value that the profile brings wins over these."""
    variables = {
        "HUBFORGE_CREDENTIAL_HELPER": HELPER,
        "HUBFORGE_DELIVERY": session.delivery,
        "HUBFORGE_DIRECTORY": directory,
        "GIT_TERMINAL_PROMPT": "0",
    }
    for role in ("AUTHOR", "COMMITTER"):
        variables[f"GIT_{role}_NAME"] = plain_text(full_name)
        variables[f"GIT_{role}_EMAIL"] = plain_text(mail)
    return {name: value for name, value in variables.items() if value}


def plain_text(value: str) -> str:
    """A name that Git and KubeSpawner take: no braces, brackets, control characters or dollar signs."""
    return re.sub(r"[{}<>$\x00-\x1f\x7f\ud800-\udfff]", "", value).strip()


def merge_environment(
    theirs: Mapping[str, Any], config: Sequence[tuple[str, str]], variables: Mapping[str, str]
) -> dict[str, Any]:
    """Their environment with ours beside it: their Git entries stay, ours follow, their own variables win."""
    merged = dict(theirs)
    for name, value in variables.items():
        if name.startswith("HUBFORGE_"):
            merged[name] = value
        else:
            merged.setdefault(name, value)
    count = git_config_count(merged)
    if count > MOST_GIT_CONFIG:
        return merged  # the clone step writes what Git must know into the clone
    present = {(merged.get(f"GIT_CONFIG_KEY_{i}"), merged.get(f"GIT_CONFIG_VALUE_{i}")) for i in range(count)}
    if config and not present.issuperset(config):
        for number, (key, value) in enumerate(config, start=count):
            merged[f"GIT_CONFIG_KEY_{number}"] = key
            merged[f"GIT_CONFIG_VALUE_{number}"] = value
        merged["GIT_CONFIG_COUNT"] = str(count + len(config))
    return merged


# A form may let people set variables, and Git itself reads each entry at every command.
MOST_GIT_CONFIG = 1000


def git_config_count(environment: Mapping[str, Any]) -> int:
    try:
        return max(0, int(environment.get("GIT_CONFIG_COUNT") or 0))
    except (TypeError, ValueError):
        return 0


# --- Hooks ------------------------------------------------------------------------------------------------------------


class Readiness:
    """What the progress page says while the hook waits for the repository."""

    def __init__(self) -> None:
        self.text = "Preparing your Git repository"
        self.is_over = asyncio.Event()

    def show_on(self, spawner: Any) -> None:
        """Put our lines before the spawner's own; on the instance, so that any spawner will do."""
        original = spawner.progress

        async def progress() -> AsyncIterator[Any]:
            percent, shown = 5, ""
            while not self.is_over.is_set():
                if self.text != shown:
                    shown = self.text
                    yield {"progress": percent, "message": shown}
                    percent = min(40, percent + 5)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.is_over.wait(), timeout=0.2)
            yield {"progress": 45, "message": self.text}
            async for event in original():
                yield event

        spawner.progress = progress


class Writer:
    """One thread that writes to the outbox, in the order of asking. A daemon, because what the disk refuses is tried
    again for as long as the hub lives, and no longer."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._left: set[str] = set()
        threading.Thread(target=self._run, name="hubforge-outbox", daemon=True).start()

    def submit(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        done: Future[T] = Future()
        self._work.put((done, functools.partial(work, *arguments)))
        return done

    def submit_until_done(self, name: str, work: Callable[[], None]) -> Future[None]:
        """The same for what must not be lost: while the disk says no, it is tried again, and what was asked for after
        it waits. `name` says in the log what is still to be written."""
        self._left.add(name)

        def persist() -> None:
            try:
                for attempt in range(sys.maxsize):
                    try:
                        return work()
                    except (sqlite3.OperationalError, OSError) as error:
                        if not attempt:
                            now = "tried again until it is written"
                            say(logging.ERROR, "outbox.failed", write=name, error=str(error), now=now)
                        time.sleep(WRITE_RETRY_SECONDS)
            except Exception as error:  # a file that no attempt can mend, a mistake of ours
                say(logging.CRITICAL, "outbox.failed", write=name, error=str(error), now="given up")
            finally:
                self._left.discard(name)

        return self.submit(persist)

    def finish(self, within_seconds: float) -> None:
        """The hub ends: wait for what must not be lost, and name what is lost all the same."""
        until = time.monotonic() + within_seconds
        while self._left and time.monotonic() < until:
            time.sleep(0.05)
        for name in sorted(self._left):
            say(
                logging.CRITICAL,
                "outbox.failed",
                write=name,
                now="lost with this hub's end; the next one makes up for it",
            )

    def _run(self) -> None:
        while True:
            done, work = self._work.get()
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(work())
                except Exception as error:
                    done.set_exception(error)


class Hub:
    """hubforge inside one JupyterHub process: the hooks, and the threads that they hand work to."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.outbox = Outbox(settings.outbox, settings.hub)
        self.sender = Sender(settings, self.outbox)
        self.lock = SenderLock(settings.outbox, settings.hub)
        self.broker = Broker(self)
        self._writer = Writer()
        # Pools of our own, because the loop's is small and shared with name look-ups; one for the hooks, because the
        # reads of eager clients would hold them up.
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="hubforge-read")
        self._hook_reader = ThreadPoolExecutor(2, thread_name_prefix="hubforge-hook")
        self._asker = ThreadPoolExecutor(8, thread_name_prefix="hubforge-ask")
        self._forge: str | None = None

    # Work in other threads

    async def write(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do one outbox transaction in the writer's thread, after all that were asked for before."""
        writing = asyncio.wrap_future(self._writer.submit(work, *arguments))
        return await asyncio.wait_for(writing, CLIENT_WRITE_SECONDS)

    async def read(self, work: Callable[..., T], *arguments: Any) -> T:
        """Look something up for a client, in other threads than the hooks'."""
        return await asyncio.wrap_future(self._reader.submit(work, *arguments))

    async def hook_write(self, name: str, work: Callable[[], None]) -> None:
        """Write for a hook. If the disk is slow or says no, the hook goes on and the write is tried until it is in."""
        loop, finished = asyncio.get_running_loop(), asyncio.Event()

        def tell(_: object) -> None:
            self.sender.wake()
            with contextlib.suppress(RuntimeError):  # the hub has stopped meanwhile
                loop.call_soon_threadsafe(finished.set)

        self._writer.submit_until_done(name, work).add_done_callback(tell)
        try:
            await asyncio.wait_for(finished.wait(), HOOK_SECONDS)
        except asyncio.TimeoutError:
            say(logging.WARNING, "outbox.slow", path=str(self.settings.outbox), write=name)

    async def ask(
        self,
        kind: str,
        session: Session,
        timeout_seconds: float = ASK_TIMEOUT_SECONDS,
        reader: ThreadPoolExecutor | None = None,
    ) -> Workspace:
        """Ask hubforge, for all live sessions of that user; remembers where the forge is. The line about a failure
        carries the id under which hubforge's own line is found."""
        delivery = f"ask_{new_id()}"
        about = {"delivery": delivery, "person": session.user, "server": session.server, "session": session.session}
        try:
            try:
                asking = self._ask(kind, delivery, session, timeout_seconds, reader or self._reader)
                return await asyncio.wait_for(asking, timeout_seconds)
            except asyncio.TimeoutError as error:
                raise Unavailable("hubforge.slow", "hubforge is too slow to answer") from error
        except Refused as error:
            say(logging.WARNING, "workspace.refused", **about, code=error.code, error=str(error))
            raise
        except Unavailable as error:
            say(logging.WARNING, "workspace.unavailable", **about, code=error.code, error=str(error))
            raise

    async def _ask(
        self, kind: str, delivery: str, session: Session, timeout_seconds: float, reader: ThreadPoolExecutor
    ) -> Workspace:
        loop = asyncio.get_running_loop()
        live = await loop.run_in_executor(reader, self.outbox.open_sessions, session.user)
        asking = functools.partial(ask, self.settings, kind, delivery, session, live, timeout_seconds)
        found = await loop.run_in_executor(self._asker, asking)
        forge = origin_of(found.clone_url)
        if forge != self._forge:
            self._forge = forge
            self._writer.submit_until_done(
                "where the forge is", functools.partial(self.outbox.remember, "forge", forge)
            )
        return found

    async def forge(self, reader: ThreadPoolExecutor | None = None) -> str | None:
        """Where Gitea is, as hubforge said last; None before its first answer."""
        if not self._forge:
            reading = asyncio.get_running_loop().run_in_executor(reader or self._reader, self.outbox.recall, "forge")
            self._forge = await reading or self._forge
        return self._forge

    def finish(self) -> None:
        """The hub ends: write and send what is left, within bounds; the rest is sent by the next one."""
        self._writer.finish(self.settings.flush_seconds)
        self.sender.flush(self.settings.flush_seconds)

    # The two hooks

    async def pre_spawn(self, spawner: Any) -> None:
        """A server starts. Writes the session, dresses the server, waits for the repository; each wait is bounded,
        and whatever goes wrong, the server starts."""
        live = LiveServer(started_of(spawner), token_hash(spawner.api_token))
        session = new_session(spawner.user.name, spawner.name, live)
        readiness = Readiness()
        begun = time.monotonic()
        try:
            if self.settings.ready_wait_seconds:
                # First of all: a progress page that is opened before this shows the spawner's own lines only.
                with contextlib.suppress(AttributeError):  # a spawner that keeps its progress to itself
                    readiness.show_on(spawner)
            await self.hook_write(f"server.spawning {session.delivery}", functools.partial(self._open, session))
            dress = Dress(self.settings, session)
            dress.put_on(spawner)
            left = begun + HOOK_SECONDS - time.monotonic()
            dress.forge = self._forge or await within(left, self.forge(self._hook_reader), "where the forge is")
            if self.settings.ready_wait_seconds:
                await self._wait_until_ready(begun + self.settings.ready_wait_seconds, session, readiness, dress)
            if not dress.full_name:
                dress.identify(await within(HOOK_SECONDS, spawner.user.get_auth_state(), "auth_state"))
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            say(logging.ERROR, "session.unprepared", delivery=session.delivery, **subject(session), error=told)
        finally:
            readiness.is_over.set()

    def _open(self, session: Session) -> None:
        """In the writer's thread: the line about a session comes when it is on disk."""
        self.outbox.open_session(session)
        say(logging.INFO, "session.opened", delivery=session.delivery, **subject(session))

    async def _wait_until_ready(self, until: float, session: Session, readiness: Readiness, dress: Dress) -> None:
        """Ask until the repository is ready or the time is up: what the disk took of it is gone."""
        readiness.text = "Your repository is being prepared; it appears in your files when it is ready"
        while (left := until - time.monotonic()) > 0.1:
            try:
                workspace = await self.ask("workspace.status", session, left, self._hook_reader)
            except Refused as error:
                readiness.text = f"No repository for you here: {error}"
                return
            except Unavailable:
                return
            dress.know(workspace)
            if workspace.is_ready:
                readiness.text = "Your repository is ready"
                return
            await asyncio.sleep(min(0.5, max(0.0, until - time.monotonic())))

    async def post_stop(self, spawner: Any) -> None:
        """A server stopped, or failed to start. Queues its stop and sweeps the server's hub tokens."""
        user, server = spawner.user.name, spawner.name
        # Set while a start is under way or has failed; a successful start and a cancelled one clear it.
        reason = "failed" if getattr(spawner, "_spawn_future", None) is not None else "stopped"
        self.broker.forget(user, server)
        delivery = new_delivery()
        closing = functools.partial(self._close, user, server, reason, delivery)
        await self.hook_write(f"server.stopped {delivery}", closing)
        try:
            sweep_tokens(spawner)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            say(logging.ERROR, "tokens.unswept", person=user, server=server, error=told)

    def _close(self, user: str, server: str, reason: str, delivery: str) -> None:
        session = self.outbox.close_session(user, server, reason, delivery)
        if session:
            say(logging.INFO, "session.closed", delivery=delivery, **subject(session), reason=reason)


async def within(seconds: float, work: Awaitable[T], name: str) -> T | None:
    """What `work` gives, or None when the time is up: for a hook, which must not wait longer."""
    try:
        return await asyncio.wait_for(work, max(0.0, seconds))
    except asyncio.TimeoutError:
        say(logging.WARNING, "hook.hurried", without=name)
        return None


class Dress:
    """What a server wears: merged over the spawner's own environment at the last moment, when `start` asks for
    it, because a profile may be merged into the spawner after every hook."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._settings = settings
        self._session = session
        self.forge: str | None = None
        self.full_name = ""
        self.mail = ""

    def know(self, workspace: Workspace) -> None:
        self.forge = origin_of(workspace.clone_url)
        self.full_name, self.mail = workspace.full_name, workspace.email

    def identify(self, auth_state: Any) -> None:
        """Fall back on what LDAP said at the last login; LDAPAuthenticator 1 is flat, 2 has user_attributes."""
        known = auth_state if isinstance(auth_state, dict) else {}
        attributes = known.get("user_attributes") or known
        self.full_name = first_text(attributes, self._settings.full_name_attribute)
        self.mail = first_text(attributes, self._settings.email_attribute)

    def put_on(self, spawner: Any) -> None:
        original = spawner.get_env

        def get_env() -> dict[str, Any]:
            theirs: dict[str, Any] = original()
            variables = server_variables(self._session, self._settings.directory, self.full_name, self.mail)
            return merge_environment(theirs, git_config(self.forge), variables)

        spawner.get_env = get_env
        if self._settings.start_step and is_local_process(spawner):
            spawner.cmd = with_start_step(self._settings.start_step, spawner.cmd)


def first_text(attributes: Mapping[str, Any], name: str) -> str:
    """An attribute's first value; LDAP does not tell `displayName` from `displayname`."""
    value = next((value for key, value in attributes.items() if key.lower() == name.lower()), None)
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    return value if isinstance(value, str) else ""


def is_local_process(spawner: Any) -> bool:
    return any(kind.__name__ == "LocalProcessSpawner" for kind in type(spawner).__mro__)


def with_start_step(script: Path, command: str | Sequence[str]) -> list[str]:
    """The command with the clone started before it. `exec` keeps the process id that the spawner watches, and
    whatever happens to the script, the server starts."""
    words = [command] if isinstance(command, str) else list(command)
    if str(script) in words:
        return words
    return ["/bin/sh", "-c", 'python3 "$0" || true; exec "$@"', str(script), *words]


def started_of(spawner: Any) -> str | None:
    started = getattr(spawner.orm_spawner, "started", None)
    return started.isoformat() if started else None


# --- Sweep: the server's own hub tokens -------------------------------------------------------------------------------


def sweep_tokens(spawner: Any) -> int:
    """Delete the hub tokens of a stopped server. The hub itself leaves them alive if it was restarted in between
    or the server died by itself, and then they still answer for the person's next server."""
    if getattr(spawner, "will_resume", False):
        return 0  # a container that is only paused comes back with the same token
    utils = importlib.import_module("jupyterhub.utils")
    user = spawner.user
    note = f"Server at {utils.url_path_join(user.base_url, utils.url_escape_path(spawner.name), '/')}"
    stale = [token for token in user.orm_user.api_tokens if token.note == note]
    for token in stale:
        user.db.delete(token)
    if stale:
        user.db.commit()
        say(logging.INFO, "tokens.swept", person=user.name, server=spawner.name, count=len(stale))
    return len(stale)


# --- Reconcile: our sessions against the hub's live servers -----------------------------------------------------------


def running_hub() -> Any:
    """The JupyterHub application, once it serves; None while it starts, and in `jupyterhub token` and the like."""
    module = sys.modules.get("jupyterhub.app")
    application = getattr(getattr(module, "JupyterHub", None), "_instance", None)
    is_serving = bool(getattr(application, "io_loop", None) and getattr(application, "http_server", None))
    return application if is_serving else None


def survey(application: Any) -> tuple[dict[tuple[str, str], LiveServer], set[tuple[str, str]]]:
    """The hub's live servers, and those in doubt. Runs on the hub's loop, because its database session does."""
    live: dict[tuple[str, str], LiveServer] = {}
    doubtful: set[tuple[str, str]] = set()
    for user in list(application.users.values()):
        for name, spawner in list(user.spawners.items()):
            if spawner.pending:
                doubtful.add((user.name, name))
            elif spawner.ready:
                live[user.name, name] = LiveServer(started_of(spawner), token_hash(spawner.api_token))
    return live, doubtful


async def reconcile(hub: Hub, application: Any) -> None:
    """One round. The survey and the hooks reach the writer in the order in which they happened, so a start or
    stop beside it is either in doubt or comes after it."""
    try:
        live, doubtful = survey(application)
        await hub.write(hub.outbox.reconcile, live, doubtful)
        hub.sender.wake()
        await hub.write(hub.outbox.purge)
    except Exception as error:
        say(logging.ERROR, "reconcile.failed", error=f"{type(error).__name__}: {error}")


def work_beside(hub: Hub) -> None:
    """The background thread: wait for the hub, take the lock, start the sender, reconcile every few minutes."""
    while not (application := running_hub()):
        time.sleep(0.5)
    time.sleep(hub.settings.start_delay_seconds)
    try:
        warn_if_replaced(application)
    except Exception as error:  # a hub that keeps its configuration elsewhere; sending matters more
        say(logging.WARNING, "hook.unchecked", error=f"{type(error).__name__}: {error}")
    take_lock(hub)
    hub.sender.start()
    say(logging.INFO, "sender.started", outbox=str(hub.settings.outbox), url=hub.settings.events_url)
    while hub.settings.reconcile_seconds:
        application.io_loop.add_callback(reconcile, hub, application)
        time.sleep(hub.settings.reconcile_seconds)


def take_lock(hub: Hub) -> None:
    """Wait for the lock, and say every five minutes why nothing is sent."""
    for attempt in range(sys.maxsize):
        try:
            if hub.lock.take():
                return
            told = {"process": hub.lock.holder(), "advice": "is another hub using this outbox?"}
        except OSError as error:
            told = {"error": str(error)}
        if attempt % 300 == 0:
            say(logging.ERROR, "sender.locked_out", lock=str(hub.lock.path), **told)
        time.sleep(1)


def warn_if_replaced(application: Any) -> None:
    """A later line of the configuration may have replaced what is ours: say so instead of staying silent."""
    if not any(str(entry[0]).startswith(ROUTES) for entry in application.extra_handlers):
        say(logging.CRITICAL, "handlers.replaced", advice="a later line sets extra_handlers: append to it instead")
    for hook in ("pre_spawn_hook", "post_stop_hook"):
        chosen = None
        for kind in reversed(application.spawner_class.__mro__):
            chosen = (application.config.get(kind.__name__) or {}).get(hook, chosen)
        if not getattr(chosen, "is_hubforge", False):
            say(logging.CRITICAL, "hook.replaced", hook=hook, advice="call install(c) after it, as the last line")


# --- Broker: the hub answers the user's Git ---------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks, as the hub knows it: a person's own server, by the token that the hub gave it."""

    user: str
    server: str
    token_hash: str | None
    spawner: Any

    def is_live(self) -> bool:
        return self.spawner is not None and self.spawner.pending in (None, "spawn", "check") and self.spawner.active


class Denied(Exception):
    """An answer that is not the wanted one: status, code, and a sentence for the person."""

    def __init__(self, status: int, code: str, message: str, delivery: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.delivery = delivery  # of the session, for the person to give to ops


def ended() -> Denied:
    return Denied(403, "session.ended", "this server's session has ended; start the server again")


@dataclasses.dataclass
class Kept:
    """What the broker keeps in memory for one session."""

    credentials: Workspace | None = None
    status: Workspace | None = None
    status_until: float = 0.0
    was_refused: bool = False
    renewed_at: float = -1e9
    failure: tuple[int, str, str] | None = None
    failure_until: float = 0.0


ROUTES = "/api/hubforge/"  # below the hub's prefix: /hub/api/hubforge/
RENEW_EVERY_SECONDS = 600.0  # a token that Gitea refuses is made anew once in this time, never in a loop
FAILURE_SECONDS = 3.0
REFUSAL_SECONDS = 60.0
PENDING_SECONDS = 1.0
READY_SECONDS = 300.0


class Broker:
    """Hands the short-lived Git token of a session to that session's server, and to nobody else."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: dict[str, Kept] = {}
        self._sessions: dict[tuple[str, str], str] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def forget(self, user: str, server: str) -> None:
        """The session is over: drop what was kept for it."""
        self._kept.pop(self._sessions.pop((user, server), ""), None)

    async def status(self, caller: Caller) -> dict[str, Any]:
        """Is the repository there, and what must Git know? For the start step in the user's server."""
        async with self._lock(caller.user):
            session = await self._session(caller)
            kept = self._keep(caller, session)
            if not kept.status or time.monotonic() > kept.status_until:
                kept.status = await self._ask("workspace.status", session, kept)
                lifetime = READY_SECONDS if kept.status.is_ready else PENDING_SECONDS
                kept.status_until = time.monotonic() + lifetime
            found = kept.status
        return {
            "state": found.state,
            "cloneUrl": found.clone_url,
            "webUrl": found.web_url,
            "fullName": plain_text(found.full_name),
            "email": plain_text(found.email),
            "gitConfig": git_config(origin_of(found.clone_url)),
            "delivery": session.delivery,
        }

    async def credentials(self, caller: Caller, protocol: str, host: str) -> dict[str, Any]:
        """A user name and token for the session; minted once, kept in memory, checked against the session before
        and after."""
        async with self._lock(caller.user):
            session = await self._session(caller)
            kept = self._keep(caller, session)
            await self._must_be_forge(session, kept, f"{protocol}://{host}")
            if not kept.credentials:
                kept.credentials = await self._mint(caller, session, kept)
            found = kept.credentials
        return {"username": found.username, "password": found.password}

    async def erase(self, caller: Caller, refused: str) -> None:
        """Git says that this password was refused: drop it, if it is the one that is kept."""
        async with self._lock(caller.user):
            session = await self._session(caller)
            kept = self._keep(caller, session)
            if kept.credentials and token_hash(kept.credentials.password) == refused:
                kept.credentials = None
                kept.was_refused = True
                say(logging.WARNING, "credentials.erased", **subject(session), why="Gitea refused the token, says Git")

    async def servers_of(self, user: Any, hashed: str | None) -> list[str]:
        """The servers of `user` whose own token this is."""
        live = {name for name, spawner in dict.items(user.spawners) if hashed == token_hash(spawner.api_token)}
        known = await self._hub.read(self._hub.outbox.open_sessions, user.name)
        return sorted(live | {session.server for session in known if hashed and hashed == session.token_hash})

    async def _session(self, caller: Caller) -> Session:
        """The caller's open session. A running server that the outbox has lost gets a new one here."""
        if not caller.is_live():
            raise ended()
        outbox = self._hub.outbox
        found = await self._hub.read(outbox.open_sessions, caller.user, caller.server)
        if not found and caller.spawner.ready:
            lost = new_session(caller.user, caller.server, LiveServer(started_of(caller.spawner), caller.token_hash))
            found = [await self._hub.write(outbox.ensure_session, lost)]
            self._hub.sender.wake()
        known = {token_hash(caller.spawner.api_token), found[0].token_hash if found else None} - {None}
        if not found or (known and caller.token_hash not in known):
            raise ended()
        return found[0]

    async def _must_be_forge(self, session: Session, kept: Kept, origin: str) -> None:
        """The token is for Gitea only; 421 lets Git ask its other helpers about any other host."""
        forge = await self._hub.forge() or origin_of((await self._ask("workspace.status", session, kept)).clone_url)
        if origin.lower() != forge.lower():
            raise Denied(421, "host.other", f"hubforge has credentials for {forge} only")

    async def _mint(self, caller: Caller, session: Session, kept: Kept) -> Workspace:
        now = time.monotonic()
        if kept.was_refused and now - kept.renewed_at < RENEW_EVERY_SECONDS:
            say(logging.WARNING, "credentials.exhausted", **subject(session))
            raise Denied(429, "credentials.exhausted", "Gitea refuses your session's tokens; tell your administrators")
        made = await self._ask("workspace.credentials", session, kept)
        kept.renewed_at = now if kept.was_refused else kept.renewed_at
        if not (made.password and made.account and made.token_name):
            raise Denied(503, "credentials.incomplete", "hubforge's answer has no token")
        # Written before the token is handed out: without it the stop would not know what to revoke.
        is_open = await self._hub.write(self._hub.outbox.record_account, session, made.account, made.token_name)
        if not is_open or not caller.is_live():
            self._hub.sender.wake()
            raise ended()
        say(logging.INFO, "credentials.minted", delivery=made.delivery, **subject(session), token=made.token_name)
        return made

    async def _ask(self, kind: str, session: Session, kept: Kept) -> Workspace:
        """Ask hubforge; a failure is remembered for a moment, so that an eager client does not pass it on."""
        if kept.failure and time.monotonic() < kept.failure_until:
            raise Denied(*kept.failure, delivery=session.delivery)
        try:
            return await self._hub.ask(kind, session)
        except Refused as error:
            kept.failure, lifetime = (403, error.code, str(error)), REFUSAL_SECONDS
            kept.status = None  # a refused token ends the start step's questions, too
        except Unavailable as error:
            kept.failure, lifetime = (503, error.code, str(error)), max(FAILURE_SECONDS, error.retry_after_seconds)
        kept.failure_until = time.monotonic() + lifetime
        raise Denied(*kept.failure, delivery=session.delivery)

    def _keep(self, caller: Caller, session: Session) -> Kept:
        server = (caller.user, caller.server)
        if self._sessions.get(server) != session.session:
            self.forget(*server)
            self._sessions[server] = session.session
        return self._kept.setdefault(session.session, Kept())

    def _lock(self, user: str) -> asyncio.Lock:
        """One call at a time per user: two mints at once would make two tokens of one name."""
        return self._locks.setdefault(user.lower(), asyncio.Lock())


async def caller_of(handler: Any, broker: Broker) -> Caller:
    """Who sends this request. Only a server's own token will do: by its scopes it names exactly one server of its
    owner, or, where the admin gave servers other scopes, it is the one that the hub gave that server."""
    user, token = handler.current_user, handler.get_token()
    if user is None or token is None or not hasattr(user, "spawners"):
        raise ended()
    prefix = f"access:servers!server={user.name}/"
    servers = [scope[len(prefix) :] for scope in handler.expanded_scopes if scope.startswith(prefix)]
    hashed = token_hash(handler.get_auth_token())
    if len(servers) != 1:
        servers = await broker.servers_of(user, hashed)
    if len(servers) != 1:
        raise Denied(403, "token.other", "only a server's own token can ask for Git credentials")
    spawner = dict.get(user.spawners, servers[0])  # the hub's own dictionary makes a spawner when asked
    return Caller(user.name, servers[0], hashed, spawner)


async def answer(handler: Any, broker: Broker, work: Callable[[Caller], Awaitable[Any]]) -> None:
    """Run one request of a user's server: JSON out, every error a status and a sentence."""
    handler.set_header("Cache-Control", "no-store")
    try:
        result = await work(await caller_of(handler, broker))
    except Denied as error:
        handler.set_status(error.status)
        result = {"code": error.code, "message": str(error), "delivery": error.delivery}
    except Exception as error:
        person, told = getattr(handler.current_user, "name", None), f"{type(error).__name__}: {error}"
        say(logging.ERROR, "broker.failed", person=person, path=handler.request.path, error=told)
        handler.set_status(503)
        result = {"code": "hub.failed", "message": "the hub could not look this up; try again"}
    handler.finish(json.dumps(result))


def handlers(broker: Broker) -> list[tuple[str, Any]]:
    """The routes below `/hub/api`, as classes that the hub's own request handling drives."""
    base = importlib.import_module("jupyterhub.apihandlers.base").APIHandler

    async def get_status(handler: Any) -> None:
        await answer(handler, broker, broker.status)

    async def post_credentials(handler: Any) -> None:
        async def work(caller: Caller) -> Any:
            question = read_question(handler.request.body)
            if question["action"] == "erase":
                return await broker.erase(caller, question["refused"])
            return await broker.credentials(caller, question["protocol"], question["host"])

        await answer(handler, broker, work)

    return [
        (f"{ROUTES}status", type("HubforgeStatusHandler", (base,), {"get": get_status})),
        (f"{ROUTES}credentials", type("HubforgeCredentialsHandler", (base,), {"post": post_credentials})),
    ]


def read_question(body: bytes) -> dict[str, str]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or asked.get("action") not in ("get", "erase"):
        raise Denied(400, "question.malformed", "the body must be JSON with action get or erase")
    return {name: str(asked.get(name) or "") for name in ("action", "protocol", "host", "refused")}


# --- Install ----------------------------------------------------------------------------------------------------------


def install(
    c: Any,
    url: str | None = None,
    secret: str | Sequence[str] | None = None,
    hub: str | None = None,
    workspaces_url: str | None = None,
    outbox: str | None = None,
    directory: str = "",
    start_step: str | bool | None = None,
    full_name_attribute: str = "cn",
    email_attribute: str = "mail",
    ready_wait_seconds: float = 5,
    reconcile_seconds: float = 180,
    start_delay_seconds: float = 3,
    flush_seconds: float = 5,
) -> Hub:
    """Put hubforge into a JupyterHub configuration, after the hooks that it already has.

    `url` and `secret` are needed (or HUBFORGE_INGRESS_URL and HUBFORGE_SECRET); the rest is described in README.md.
    Raises ValueError naming every wrong setting, RuntimeError if this JupyterHub lacks what is needed.
    """
    settings = read_settings(locals())
    check_jupyterhub()
    log_to_stderr()
    plugin = Hub(settings)
    chain(c, "pre_spawn_hook", plugin.pre_spawn, ours_first=False)
    chain(c, "post_stop_hook", plugin.post_stop, ours_first=True)
    c.JupyterHub.extra_handlers.extend(handlers(plugin.broker))
    threading.Thread(target=work_beside, args=(plugin,), name="hubforge", daemon=True).start()
    atexit.register(plugin.finish)
    return plugin


def check_jupyterhub() -> None:
    """Refuse a hub that would lose events, with a sentence that says what to do."""
    try:
        version = tuple(importlib.import_module("jupyterhub").version_info[:2])
        known = set(importlib.import_module("jupyterhub.spawner").Spawner.class_trait_names())
        known |= set(importlib.import_module("jupyterhub.app").JupyterHub.class_trait_names())
    except (ImportError, AttributeError) as error:
        raise RuntimeError(f"hubforge needs JupyterHub 4.1 or later: {error}") from error
    missing = {"pre_spawn_hook", "post_stop_hook", "extra_handlers"} - known
    if missing or version < (4, 1):
        lacks = f", which lacks {', '.join(sorted(missing))}" if missing else ""
        found = ".".join(map(str, version))
        raise RuntimeError(f"hubforge needs JupyterHub 4.1 or later, this is {found}{lacks}: upgrade it first")


def chain(c: Any, hook: str, ours: Callable[[Any], Awaitable[None]], ours_first: bool) -> None:
    """Run our hook beside the one that is there, in every section that sets one (a subclass's section wins)."""
    names = {name for name in list(c) if name.endswith("Spawner") and hook in c[name]} | {"Spawner"}
    for section in (c[name] for name in sorted(names)):
        theirs = section.get(hook)
        if getattr(theirs, "is_hubforge", False):
            raise RuntimeError("hubforge is already installed: call install(c) once")
        setattr(section, hook, chained(ours, theirs, ours_first))


def chained(ours: Callable[[Any], Awaitable[None]], theirs: Any, ours_first: bool) -> Any:
    async def run_theirs(spawner: Any) -> None:
        result = theirs(spawner) if theirs else None
        if inspect.isawaitable(result):
            await result

    async def hook(spawner: Any) -> None:
        for part in (ours, run_theirs) if ours_first else (run_theirs, ours):
            await part(spawner)

    hook.is_hubforge = True  # type: ignore[attr-defined]
    return hook


def log_to_stderr() -> None:
    """Beside the hub's own log lines, in the hub's format."""
    if not log.handlers:
        handler = logging.StreamHandler()
        line = "[%(levelname).1s %(asctime)s.%(msecs)03d hubforge] %(message)s"
        handler.setFormatter(logging.Formatter(line, "%Y-%m-%d %H:%M:%S"))
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        log.propagate = False


# --- Command line: look at and work the outbox ------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """`status`, `flush` and `retry`. 0 = done, 1 = error, 3 = nothing matched."""
    parser = argparse.ArgumentParser(prog="hubforge_hub.py", description="Look at and work the hub's outbox.")
    parser.add_argument("command", choices=("status", "flush", "retry"))
    parser.add_argument("delivery", nargs="*", help="retry: which parked messages; none = all")
    parser.add_argument("--outbox", default=os.environ.get("HUBFORGE_OUTBOX") or "hubforge.sqlite")
    parser.add_argument("--hub", default=os.environ.get("HUBFORGE_HUB") or "default")
    parser.add_argument("--json", action="store_true", help="status: as one JSON object")
    chosen = parser.parse_args(arguments)
    path = Path(chosen.outbox).absolute()
    if not path.exists():
        print(f"hubforge: there is no outbox at {path} (set HUBFORGE_OUTBOX or --outbox)", file=sys.stderr)
        return 1
    commands = {"status": show_status, "flush": flush, "retry": retry}
    try:
        return commands[chosen.command](ReadOnlyRepair(path, chosen.hub), chosen)
    except (OSError, sqlite3.Error) as error:
        print(f"hubforge: {path}: {error}", file=sys.stderr)
        return 1


class ReadOnlyRepair(Outbox):
    """The outbox for the command line: it works only a file that is an outbox already, and never sets one aside."""

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=5, isolation_level=None)
        try:
            tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
            if not {"sessions", "messages"} <= tables:
                raise sqlite3.OperationalError("this file is no outbox of hubforge")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self, broken: int | None, error: Exception) -> None:
        raise error


def show_status(outbox: Outbox, chosen: argparse.Namespace) -> int:
    found = outbox.status()
    if chosen.json:
        print(json.dumps(found))
        return 0
    troubles, others = found.pop("troubles"), found.pop("other_hubs")
    for name, value in found.items():
        print(f"{name.replace('_', ' '):15} {value}")
    if others:
        print(f"this file also holds what belongs to: {', '.join(others)} (--hub)")
    for trouble in troubles:
        kind = "parked " if trouble["is_parked"] else "waiting"
        print(f"{kind} {trouble['delivery']} {trouble['person']} {trouble['type']} since {trouble['since']}")
        print(f"        {trouble['attempts']} attempts, the last: {trouble['error']}")
    return 0


def flush(outbox: Outbox, _: argparse.Namespace) -> int:
    """Make everything due now. A running hub sends it; without one we do, for which URL and secret must be set."""
    count = outbox.hurry()
    if not count:
        print("nothing is waiting")
        return 3
    lock = SenderLock(outbox.path, outbox.hub)
    if not lock.take():
        print(f"{count} due now; the running hub (process {lock.holder()}) sends them")
        return 0
    try:
        settings = read_settings({"outbox": str(outbox.path), "hub": outbox.hub})
    except ValueError as error:
        advice = "start the hub, or set HUBFORGE_INGRESS_URL and HUBFORGE_SECRET here"
        print(f"nothing sent, {count} waiting: no hub is running on this outbox; {advice}\n{error}", file=sys.stderr)
        return 1
    sender = Sender(settings, outbox)
    sender.start()
    is_empty = sender.flush(60)
    sender.stop()
    left = outbox.status()["waiting"]
    print(f"{count - left} sent or parked, {left} still waiting")
    return 0 if is_empty and not left else 1


def retry(outbox: Outbox, chosen: argparse.Namespace) -> int:
    count = outbox.unpark(chosen.delivery)
    print(f"{count} brought back" if count else "no parked message matched")
    return 0 if count else 3


if __name__ == "__main__":
    log_to_stderr()
    sys.exit(main())
