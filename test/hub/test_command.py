"""The command line of the hub file: what an administrator sees and does when something is stuck."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from support import HUB_FOLDER, SECRET, Case, Ingress

import hubforge_hub as hubforge


class Command(Case):
    def setUp(self) -> None:
        self.path = self.new_folder() / "outbox.sqlite"
        self.ingress = self.enter(Ingress())
        self.outbox = hubforge.Outbox(self.path, "default")
        self.addCleanup(self.outbox.close)

    def run_it(self, *words: str, outbox: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HUBFORGE_OUTBOX": str(outbox or self.path), **more}
        command = [sys.executable, str(HUB_FOLDER / "hubforge_hub.py"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def one_waiting_one_parked(self) -> str:
        for user in ("ada", "bob"):
            self.outbox.open_session(hubforge.new_session(user, "", hubforge.LiveServer(None, None)))
        ada = self.outbox.due()
        assert ada
        self.outbox.park(ada, "422 user: control characters")
        bob = self.outbox.due()
        assert bob
        self.outbox.postpone(bob, 600, "connection refused")
        return ada.delivery

    def test_status_shows_what_waits_and_why(self) -> None:
        parked = self.one_waiting_one_parked()
        ran = self.run_it("status")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertRegex(ran.stdout, r"waiting +1\n")
        self.assertIn(f"parked  {parked} ada server.spawning", ran.stdout)
        self.assertIn("422 user: control characters", ran.stdout)
        self.assertIn("connection refused", ran.stdout)
        told = json.loads(self.run_it("status", "--json").stdout)
        self.assertEqual((told["waiting"], told["parked"], told["open_sessions"]), (1, 1, 2))

    def test_looking_beside_a_running_hub_leaves_its_log_and_all_that_is_in_it(self) -> None:
        """sqlite's locks are the process's (POSIX): a hub that opens and closes its own file once more has none left,
        and the next reader takes itself for the last one and deletes the log under the hub."""
        self.outbox.open_session(hubforge.new_session("ada", "", hubforge.LiveServer(None, None)))
        log = Path(f"{self.path}-wal")
        for number in range(3):  # each of the hub's threads has a connection of its own
            thread = threading.Thread(target=self.outbox.due)
            thread.start()
            thread.join()
            before = log.stat().st_ino
            self.assertEqual(self.run_it("status").returncode, 0)
            self.assertEqual(log.stat().st_ino, before)
            self.outbox.open_session(hubforge.new_session(f"user{number}", "", hubforge.LiveServer(None, None)))
        self.assertEqual(json.loads(self.run_it("status", "--json").stdout)["open_sessions"], 4)

    def test_a_file_that_is_no_outbox_is_left_as_it_is(self) -> None:
        other = self.new_folder() / "mine"
        with contextlib.closing(sqlite3.connect(other)) as database, database:
            database.execute("create table mine (row text)")
        other.chmod(0o644)
        before = other.read_bytes()
        for path, told in (
            (other, "this file is no outbox of hubforge"),
            (other.parent, "unable to open database file"),
        ):
            ran = self.run_it("status", outbox=path)
            self.assertEqual((ran.returncode, ran.stdout), (1, ""))
            self.assertIn(told, ran.stderr)
            self.assertNotIn("Traceback", ran.stderr)
        self.assertEqual((other.read_bytes(), other.stat().st_mode & 0o777), (before, 0o644))

    def test_status_names_other_hubs_of_the_file(self) -> None:
        self.one_waiting_one_parked()
        ran = self.run_it("status", "--hub", "physics")
        self.assertRegex(ran.stdout, r"waiting +0\n")
        self.assertIn("this file also holds what belongs to: default (--hub)", ran.stdout)

    def test_retry_brings_a_parked_message_back(self) -> None:
        parked = self.one_waiting_one_parked()
        self.assertEqual(self.run_it("retry", "evt_unknown").returncode, 3)
        ran = self.run_it("retry", parked)
        self.assertEqual((ran.returncode, ran.stdout), (0, "1 brought back\n"))
        self.assertEqual(self.outbox.status()["parked"], 0)

    def test_flush_sends_by_itself_if_no_hub_runs(self) -> None:
        self.one_waiting_one_parked()
        ran = self.run_it("flush", HUBFORGE_INGRESS_URL=self.ingress.url, HUBFORGE_SECRET=SECRET)
        self.assertEqual((ran.returncode, ran.stdout), (0, "1 sent or parked, 0 still waiting\n"), ran.stderr)
        self.assertEqual(self.ingress.accepted_for("bob"), ["server.spawning"])
        self.assertEqual(self.run_it("flush").returncode, 3)

    def test_flush_leaves_the_sending_to_a_running_hub(self) -> None:
        self.one_waiting_one_parked()
        lock = hubforge.SenderLock(self.path, "default")
        self.assertTrue(lock.take())
        self.addCleanup(lock.release)
        ran = self.run_it("flush")  # the hub's own url and secret may stand in its configuration alone
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn(f"the running hub (process {os.getpid()}) sends them", ran.stdout)
        self.assertEqual(self.ingress.tries, [])
        due = self.outbox.due()
        self.assertEqual(due and due.person, "bob")

    def test_without_a_hub_url_and_secret_flush_says_that_it_sent_nothing_and_what_it_lacks(self) -> None:
        self.one_waiting_one_parked()
        ran = self.run_it("flush")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("nothing sent, 1 waiting: no hub is running on this outbox; start the hub, or set", ran.stderr)
        self.assertIn("secret (or HUBFORGE_SECRET): is missing", ran.stderr)
        self.assertNotIn("workspaces_url", ran.stderr)  # not asked for: what is missing is the url

    def test_a_missing_or_corrupt_outbox_is_an_error_and_is_left_as_it_is(self) -> None:
        self.assertIn("no outbox", self.run_it("status", outbox=self.path.parent / "none").stderr)
        broken = self.path.parent / "broken.sqlite"
        broken.write_bytes(b"rubbish" * 1000)
        ran = self.run_it("status", outbox=broken)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("not a database", ran.stderr)
        self.assertTrue(broken.exists())
        self.assertEqual(broken.read_bytes(), b"rubbish" * 1000)


def loud_events(source: str) -> set[str]:
    """The event names of all lines at WARNING and above."""
    found: set[str] = set()
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        words = [word.value for word in call.args if isinstance(word, ast.Constant)]
        if name.endswith("._alarm") or (name == "say" and ast.unparse(call.args[0]) not in ("logging.INFO", "level")):
            found.update(map(str, words[:1]))
    return found


class Readme(unittest.TestCase):
    def test_every_loud_line_has_a_row_that_says_what_to_do(self) -> None:
        events = loud_events((HUB_FOLDER / "hubforge_hub.py").read_text())
        self.assertLess({"outbox.failed", "ingress.refused", "sender.locked_out"}, events)
        rows = [
            line.split(" | ")[0] for line in (HUB_FOLDER / "README.md").read_text().splitlines() if line[:2] == "| "
        ]
        self.assertEqual({event for event in events if not any(f"`{event}`" in row for row in rows)}, set())


if __name__ == "__main__":
    unittest.main()
