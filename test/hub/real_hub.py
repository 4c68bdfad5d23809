"""The hub file in a real JupyterHub. Not found by the plain discovery, because it needs an installed hub:

    HUBFORGE_HUB_VENV=/path/to/venv HUBFORGE_HUB_PROXY=/path/to/configurable-http-proxy \
      python3 -m unittest discover -s test/hub -p real_hub.py
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from support import HUB_FOLDER, SECRET, Case, Forge, Ingress, Server, Workspaces, reply, wait_for

VENV = Path(os.environ["HUBFORGE_HUB_VENV"])
PROXY = os.environ["HUBFORGE_HUB_PROXY"]
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class RealHub:
    """One JupyterHub with its proxy in a folder of its own, driven over its REST API."""

    def __init__(self, folder: Path, ingress_url: str, workspaces_url: str, **more: str) -> None:
        self.folder = folder
        self.token = secrets.token_hex(16)
        self.ports = free_ports(3)
        self.api = f"http://127.0.0.1:{self.ports[1]}/hub/api"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **os.environ,
            "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parent),
            "JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32),
            "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(32),
            "HUBFORGE_HUB_DIR": str(folder),
            "HUBFORGE_HUB_PORT": str(self.ports[0]),
            "HUBFORGE_HUB_API_PORT": str(self.ports[1]),
            "HUBFORGE_HUB_PROXY_PORT": str(self.ports[2]),
            "HUBFORGE_HUB_PROXY": PROXY,
            "HUBFORGE_HUB_TOKEN": self.token,
            "HUBFORGE_INGRESS_URL": ingress_url,
            "HUBFORGE_WORKSPACES_URL": workspaces_url,
            "HUBFORGE_SECRET": SECRET,
            "HUBFORGE_HUB_POLL": "2",
            "HUBFORGE_HUB_HTTP_TIMEOUT": "20",
            "HUBFORGE_HUB_RECONCILE": "2",
            **more,
        }

    @property
    def log(self) -> str:
        return (self.folder / "hub.log").read_text(errors="replace")

    def start(self) -> RealHub:
        (self.folder / "homes").mkdir(exist_ok=True)
        with (self.folder / "hub.log").open("ab") as log:
            command = [str(VENV / "bin" / "jupyterhub"), "-f", str(HUB_FOLDER / "local_hub_config.py")]
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_for(self.is_up, 60)
        return self

    def is_up(self) -> bool:
        assert self.process and self.process.poll() is None, self.log[-3000:]
        with contextlib.suppress(OSError):
            return bool(self.call("GET", "/")[0] == 200)
        return False

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=60)

    def end(self) -> None:
        """End everything that this hub started: itself, its proxy, its servers."""
        self.stop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((self.folder / "proxy.pid").read_text()), signal.SIGTERM)
        for pid in self.servers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def call(self, method: str, path: str, body: Any = None, token: str | None = None, base: str = "") -> Any:
        request = urllib.request.Request(
            (base or self.api) + path,
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"token {token or self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with OPENER.open(request, timeout=90) as answer:
                content = answer.read()
                return answer.status, json.loads(content) if content.startswith((b"{", b"[")) else content
        except urllib.error.HTTPError as error:
            content = error.read()
            return error.code, json.loads(content) if content.startswith((b"{", b"[")) else content

    def add(self, *names: str) -> None:
        assert self.call("POST", "/users", {"usernames": list(names)})[0] == 201

    def path(self, user: str, server: str = "") -> str:
        quoted = urllib.parse.quote(user)
        return f"/users/{quoted}/servers/{urllib.parse.quote(server)}" if server else f"/users/{quoted}/server"

    def spawn(self, user: str, server: str = "", options: Any = None) -> int:
        status, _ = self.call("POST", self.path(user, server), options or {})
        return int(status)

    def is_ready(self, user: str, server: str = "") -> bool:
        status, told = self.call("GET", f"/users/{urllib.parse.quote(user)}")
        return bool(status == 200 and told["servers"].get(server, {}).get("ready"))

    def close(self, user: str, server: str = "") -> None:
        self.call("DELETE", self.path(user, server))
        wait_for(lambda: not self.is_ready(user, server), 30)

    def servers(self) -> list[int]:
        """Process ids of the user servers that belong to this hub."""
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if folder.name.isdigit() and f"JUPYTERHUB_API_URL={self.api}".encode() in (
                    folder / "environ"
                ).read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def environment_of(self, user: str, server: str = "") -> dict[str, str]:
        """The environment that a terminal in this user's server inherits."""
        for pid in self.servers():
            pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
            environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
            if environment.get("JUPYTERHUB_USER") == user and environment["JUPYTERHUB_SERVER_NAME"] == server:
                return environment
        raise AssertionError(f"{user} has no server {server!r}")

    def home(self, user: str) -> Path:
        return self.folder / "homes" / user


class HubCase(Case):
    more: ClassVar[dict[str, str]] = {}

    def setUp(self) -> None:
        self.folder = self.new_folder()
        repositories = self.folder / "forge"
        repositories.mkdir()
        self.ingress = self.enter(Ingress())
        self.forge = self.enter(Forge(repositories))
        self.workspaces = self.enter(Workspaces(self.forge))
        self.hub = RealHub(self.folder, self.ingress.url, self.workspaces.url, **self.more)
        self.addCleanup(self.hub.end)
        if os.environ.get("HUBFORGE_HUB_SHOW_LOG"):
            self.addCleanup(lambda: print(self.hub.log))

    def start(self, user: str, server: str = "", options: Any = None) -> None:
        """Start a server and wait until it is ready: on a busy machine the hub answers 202 first."""
        self.assertIn(self.hub.spawn(user, server, options), (201, 202))
        wait_for(lambda: self.hub.is_ready(user, server), 60)

    def git(self, environment: dict[str, str], *words: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=at, env=environment, capture_output=True, text=True, check=False)

    def types(self, user: str) -> list[str]:
        return self.ingress.accepted_for(user)


class FirstLogin(HubCase):
    def test_a_first_login_ends_with_a_push_and_a_dead_token(self) -> None:
        self.forge.add_repository("jupyterhub-ada", {"IlumIntro.ipynb": "{}", "work/README.md": "yours"})
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        clone = hub.home("ada") / "jupyterhub-ada"
        wait_for(lambda: (clone / "work" / "README.md").exists(), 20)
        environment = hub.environment_of("ada")
        self.assertEqual(self.git(environment, "remote", "get-url", "origin", at=clone).stdout.strip()[:7], "http://")
        (clone / "mine.txt").write_text("mine")
        self.git(environment, "add", ".", at=clone)
        committed = self.git(environment, "commit", "-m", "mine", at=clone)
        self.assertEqual(committed.returncode, 0, committed.stderr)
        pushed = self.git(environment, "push", at=clone)
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        self.assertEqual(self.forge.log("jupyterhub-ada")[0], "Ada Example <ada@uni.example> mine")
        self.assertEqual(len(self.workspaces.asked("credentials")), 1)
        token = next(iter(self.forge.tokens))
        self.assertNowhere(token)
        wait_for(lambda: self.types("ada") == ["server.spawning"])
        status, page_token = hub.call("POST", "/users/ada/tokens", {"note": "from the token page"})
        self.assertEqual(status, 201)
        status, told = hub.call("GET", "/hubforge/status", token=page_token["token"])
        self.assertEqual((status, told["code"]), (403, "token.other"))
        server_token = environment["JUPYTERHUB_API_TOKEN"]
        self.assertEqual(hub.call("GET", "/user", token=server_token)[0], 200)
        hub.close("ada")
        wait_for(lambda: self.types("ada") == ["server.spawning", "server.stopped"])
        stop = self.ingress.accepted[-1]["data"]
        self.assertEqual((stop["account"], stop["reason"]), ("ada", "stopped"))
        self.assertEqual(hub.call("GET", "/user", token=server_token)[0], 403)
        fetched = self.git(environment, "fetch", at=clone)
        self.assertIn("session has ended", fetched.stderr)
        self.assertNotEqual(fetched.returncode, 0)

    def assertNowhere(self, secret: str) -> None:
        """The token is in no file of the home, no command line and no environment."""
        for path in self.hub.folder.rglob("*"):
            if path.is_file() and "forge" not in path.parts:
                self.assertNotIn(secret.encode(), path.read_bytes(), path)
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                for name in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        self.assertNotIn(secret.encode(), (process / name).read_bytes(), process)

    def test_the_progress_page_says_what_is_going_on(self) -> None:
        self.forge.add_repository("jupyterhub-ada", {"a": "b"})
        self.workspaces.behave = lambda question: "ready" if time.monotonic() > ready_at else "pending"
        hub = self.hub.start()
        hub.add("ada")
        ready_at = time.monotonic() + 3
        started = threading.Thread(target=hub.spawn, args=("ada",))
        started.start()
        time.sleep(0.7)
        request = urllib.request.Request(
            f"{hub.api}/users/ada/server/progress",
            headers={"Authorization": f"token {hub.token}", "Accept": "text/event-stream"},
        )
        with OPENER.open(request, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        started.join()
        events = [json.loads(line[6:])["message"] for line in lines if line.startswith("data: ")]
        self.assertIn("Your repository is being prepared; it appears in your files when it is ready", events)
        self.assertIn("Your repository is ready", events)
        self.assertIn("Spawning server...", events)

    def test_a_notebook_that_starts_before_its_repository_recovers(self) -> None:
        self.workspaces.behave = lambda question: "pending"
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        clone = hub.home("ada") / "jupyterhub-ada"
        self.assertFalse(clone.exists())
        self.forge.add_repository("jupyterhub-ada", {"a": "b"})
        self.workspaces.behave = lambda question: "ready"
        wait_for(lambda: (clone / "a").exists(), 30)


class Faults(HubCase):
    more: ClassVar[dict[str, str]] = {
        "HUBFORGE_HUB_SPAWNER": "spawners.FailingSpawner",
        "HUBFORGE_HUB_HTTP_TIMEOUT": "4",
        "HUBFORGE_HUB_START_TIMEOUT": "4",
        "HUBFORGE_HUB_READY_WAIT": "1",
    }

    def test_a_start_that_fails_is_a_start_and_a_failed_stop(self) -> None:
        hub = self.hub.start()
        for fail in ("raise", "slow", "mute", "exit"):
            with self.subTest(fail):
                hub.add(fail)
                self.assertEqual(hub.spawn(fail, options={"fail": fail}), 500)
                wait_for(lambda fail=fail: self.types(fail) == ["server.spawning", "server.stopped"])
                reasons = [one["data"].get("reason") for one in self.ingress.accepted if one["data"]["user"] == fail]
                self.assertEqual(reasons, [None, "failed"])

    def test_a_cancelled_start_is_stopped(self) -> None:
        hub = self.hub.start()
        hub.add("ada")
        started = threading.Thread(target=hub.spawn, args=("ada", "", {"fail": "slow"}))
        started.start()
        wait_for(lambda: self.types("ada"))
        hub.call("DELETE", hub.path("ada"))
        started.join()
        wait_for(lambda: len(self.types("ada")) == 2)
        self.assertEqual(self.ingress.accepted[-1]["data"]["reason"], "stopped")


class Outages(HubCase):
    more: ClassVar[dict[str, str]] = {"HUBFORGE_HUB_CLEANUP": "false", "HUBFORGE_HUB_READY_WAIT": "1"}

    def test_the_hub_token_dies_though_the_hub_was_restarted(self) -> None:
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        token = hub.environment_of("ada")["JUPYTERHUB_API_TOKEN"]
        wait_for(lambda: self.types("ada"))
        hub.stop(signal.SIGKILL)
        hub.start()
        wait_for(lambda: hub.is_ready("ada"))
        self.assertEqual(hub.call("GET", "/hubforge/status", token=token)[0], 200)
        hub.close("ada")
        self.assertEqual(hub.call("GET", "/user", token=token)[0], 403)
        wait_for(lambda: self.types("ada") == ["server.spawning", "server.stopped"])

    def test_a_hub_killed_with_events_waiting_sends_the_same_id_again(self) -> None:
        self.ingress.behave = lambda event: 30.0
        hub = self.hub.start()
        hub.add("ada", "bob")
        self.start("ada")
        self.start("bob")
        wait_for(lambda: len(self.ingress.tries) >= 2, 20)
        hub.stop(signal.SIGKILL)
        self.ingress.behave = lambda event: 202
        tried = {event["id"] for event in self.ingress.tries}
        hub.start()
        wait_for(lambda: len(self.ingress.accepted) == 2, 20)
        self.assertEqual({event["id"] for event in self.ingress.accepted}, tried)

    def test_a_stopped_hub_flushes_and_its_servers_live(self) -> None:
        refuse = True
        self.ingress.behave = lambda event: 503 if refuse else 202
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        wait_for(lambda: self.ingress.tries, 20)
        refuse = False
        hub.stop(signal.SIGTERM)
        self.assertEqual(self.types("ada"), ["server.spawning"])
        hub.start()
        wait_for(lambda: "sender.started" in hub.log[-3000:], 20)
        wait_for(lambda: hub.is_ready("ada"))
        time.sleep(3)  # longer than a round of the reconciler, which must find nothing to do
        self.assertEqual(self.types("ada"), ["server.spawning"])

    def test_a_deleted_outbox_is_made_anew_from_the_live_servers(self) -> None:
        self.forge.add_repository("jupyterhub-ada", {"a": "b"})
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        clone = hub.home("ada") / "jupyterhub-ada"
        wait_for(lambda: (clone / "a").exists(), 20)
        environment = hub.environment_of("ada")
        wait_for(lambda: self.types("ada"))
        for ending in ("", "-wal", "-shm"):
            (self.folder / f"hubforge.sqlite{ending}").unlink(missing_ok=True)
        wait_for(lambda: self.types("ada") == ["server.spawning"] * 2, 20)
        self.assertEqual(self.git(environment, "fetch", at=clone).returncode, 0)
        hub.close("ada")
        wait_for(lambda: self.types("ada")[-1] == "server.stopped")
        self.assertEqual(self.ingress.accepted[-1]["data"]["account"], "ada")

    def test_loading_the_configuration_for_a_token_sends_nothing(self) -> None:
        self.ingress.behave = lambda event: 503
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        wait_for(lambda: self.ingress.tries, 20)
        hub.stop(signal.SIGKILL)
        tries = len(self.ingress.tries)
        command = [str(VENV / "bin" / "jupyterhub"), "token", "-f", str(HUB_FOLDER / "local_hub_config.py"), "ada"]
        ran = subprocess.run(command, cwd=self.folder, env=hub.environment, capture_output=True, text=True, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(len(self.ingress.tries), tries)

    def test_a_server_that_is_killed_gets_its_stop_and_its_token_dies(self) -> None:
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        environment = hub.environment_of("ada")
        for pid in hub.servers():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.types("ada") == ["server.spawning", "server.stopped"], 20)
        wait_for(lambda: hub.call("GET", "/user", token=environment["JUPYTERHUB_API_TOKEN"])[0] == 403)

    def test_two_named_servers_have_sessions_of_their_own(self) -> None:
        self.forge.add_repository("jupyterhub-ada", {"a": "b"})
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada", "one")
        self.start("ada", "two")
        clone = hub.home("ada") / "jupyterhub-ada"
        wait_for(lambda: (clone / "a").exists(), 20)
        for server in ("one", "two"):
            self.assertEqual(self.git(hub.environment_of("ada", server), "fetch", at=clone).returncode, 0)
        two = hub.environment_of("ada", "two")
        hub.close("ada", "one")
        self.assertEqual(self.git(two, "fetch", at=clone).returncode, 0)
        sessions = {question["data"]["session"] for question in self.workspaces.asked("credentials")}
        self.assertEqual(len(sessions), 2)


class Profiles(HubCase):
    more: ClassVar[dict[str, str]] = {"HUBFORGE_HUB_SPAWNER": "spawners.ProfileSpawner"}

    def test_f3_a_profile_that_is_merged_last_keeps_its_values_and_ours_are_there(self) -> None:
        self.forge.add_repository("jupyterhub-ada", {"a": "b"})
        hub = self.hub.start()
        hub.add("ada")
        self.start("ada")
        clone = hub.home("ada") / "jupyterhub-ada"
        wait_for(lambda: (clone / "a").exists(), 20)
        environment = hub.environment_of("ada")
        listed = self.git(environment, "config", "--list", "--show-origin").stdout
        self.assertIn("safe.directory=*", listed)
        self.assertIn(f"credential.{self.forge.url}.username=hubforge", listed)
        (clone / "mine").write_text("mine")
        self.git(environment, "add", ".", at=clone)
        self.git(environment, "commit", "-q", "-m", "mine", at=clone)
        pushed = self.git(environment, "push", at=clone)
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        self.assertEqual(self.forge.log("jupyterhub-ada", "%an %cn")[0], "course Ada Example")


class Latency(HubCase):
    def test_the_hub_answers_as_quickly_while_the_ingress_hangs(self) -> None:
        with Server(lambda handler, body: reply(handler, 200, {}, {"X-JupyterHub-Version": "6"})) as null:
            for name, url in (("without hubforge", ""), ("ingress hangs", self.ingress.url)):
                folder = self.folder / name.replace(" ", "-")
                folder.mkdir()
                self.ingress.behave = lambda event: 10.0
                self.workspaces.behave = lambda question: 10.0
                more = {
                    "HUBFORGE_HUB_SPAWNER": "spawners.NullSpawner",
                    "HUBFORGE_HUB_NULL_URL": null.url,
                    "HUBFORGE_HUB_READY_WAIT": "3",
                }
                hub = RealHub(folder, url, self.workspaces.url, **more).start()
                self.addCleanup(hub.end)
                print(name, self.measure(hub))
                hub.end()

    def measure(self, hub: RealHub) -> str:
        """30 starts, one every 0.3 s, and beside them one small request after the other."""
        names = [f"u{number}" for number in range(30)]
        hub.add(*names)
        begun = time.monotonic()

        def spawn(number: int) -> int:
            time.sleep(max(0.0, begun + number * 0.3 - time.monotonic()))
            return hub.spawn(names[number])

        with ThreadPoolExecutor(len(names)) as pool:
            spawns = [pool.submit(spawn, number) for number in range(len(names))]
            took = []
            while not all(one.done() for one in spawns):
                before = time.monotonic()
                hub.call("GET", "/users/u0")
                took.append(time.monotonic() - before)
            statuses = {one.result() for one in spawns}
        took.sort()
        p50, p99 = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
        return f"{statuses}, other calls p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {took[-1] * 1000:.0f} ms"


if __name__ == "__main__":
    unittest.main()
