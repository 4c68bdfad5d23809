"""The command line of the hub file: what an administrator sees and does when something is stuck."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
        settings = hubforge.read_settings({"url": self.ingress.url, "secret": SECRET, "outbox": str(self.path)})
        lock = hubforge.SenderLock(settings)
        self.assertTrue(lock.take())
        self.addCleanup(lock.release)
        ran = self.run_it("flush", HUBFORGE_INGRESS_URL=self.ingress.url, HUBFORGE_SECRET=SECRET)
        self.assertIn(f"the running hub (process {os.getpid()}) sends them", ran.stdout)
        self.assertEqual(self.ingress.tries, [])
        due = self.outbox.due()
        self.assertEqual(due and due.person, "bob")

    def test_without_url_and_secret_flush_says_what_it_lacks(self) -> None:
        self.one_waiting_one_parked()
        ran = self.run_it("flush")
        self.assertIn("1 due now; sent by the running hub", ran.stdout)
        self.assertIn("secret: is missing", ran.stdout)

    def test_a_missing_or_corrupt_outbox_is_an_error_and_is_left_as_it_is(self) -> None:
        self.assertIn("no outbox", self.run_it("status", outbox=self.path.parent / "none").stderr)
        broken = self.path.parent / "broken.sqlite"
        broken.write_bytes(b"rubbish" * 1000)
        ran = self.run_it("status", outbox=broken)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("not a database", ran.stderr)
        self.assertTrue(broken.exists())
        self.assertEqual(broken.read_bytes(), b"rubbish" * 1000)


if __name__ == "__main__":
    unittest.main()
