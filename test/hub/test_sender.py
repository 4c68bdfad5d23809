"""The sender: in order per person, for nobody's failure at anybody else's cost, and only one at a time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
from typing import Any
from unittest import mock

from support import HUB_FOLDER, OTHER_SECRET, SECRET, Case, Ingress, wait_for

import hubforge_hub as hubforge


class SenderCase(Case):
    def setUp(self) -> None:
        self.ingress = self.enter(Ingress())
        self.folder = self.new_folder()
        self.settings = self.read()
        self.outbox = hubforge.Outbox(self.settings.outbox, "default")
        self.addCleanup(self.outbox.close)

    def read(self, **more: Any) -> hubforge.Settings:
        given = {"url": self.ingress.url, "secret": SECRET, "outbox": str(self.folder / "outbox.sqlite")}
        return hubforge.read_settings({**given, **more})

    def send(self, settings: hubforge.Settings | None = None) -> hubforge.Sender:
        sender = hubforge.Sender(settings or self.settings, self.outbox)
        sender.start()
        self.addCleanup(sender.stop)
        return sender

    def lives(self, *users: str) -> None:
        """Each user starts a server and stops it."""
        for user in users:
            self.outbox.open_session(hubforge.new_session(user, "", hubforge.LiveServer(None, None)))
            self.outbox.close_session(user, "", "stopped")

    def is_empty(self) -> bool:
        return bool(self.outbox.status()["waiting"] == 0)


class Order(SenderCase):
    def test_everybodys_events_arrive_in_order(self) -> None:
        users = [f"user{number}" for number in range(10)]
        self.lives(*users, *users)
        self.send()
        wait_for(self.is_empty)
        for user in users:
            self.assertEqual(self.ingress.accepted_for(user), ["server.spawning", "server.stopped"] * 2)

    def test_bob_keeps_moving_while_adas_message_is_refused_for_ever(self) -> None:
        self.ingress.behave = lambda event: 500 if event["data"]["user"] == "ada" else 202
        self.lives("ada", "bob", "carol", "bob")
        self.send()
        wait_for(lambda: len(self.ingress.accepted_for("bob")) == 4 and len(self.ingress.accepted_for("carol")) == 2)
        wait_for(lambda: len([one for one in self.ingress.tries if one["data"]["user"] == "ada"]) >= 3)
        tried = {(event["type"], event["id"]) for event in self.ingress.tries if event["data"]["user"] == "ada"}
        self.assertEqual([kind for kind, _ in tried], ["server.spawning"])  # one id, and never her second message

    def test_ada_and_ADA_are_one_person(self) -> None:
        self.ingress.behave = lambda event: 500 if event["data"]["user"] == "Ada" else 202
        self.lives("Ada", "ada", "bob")
        self.send()
        wait_for(lambda: self.ingress.accepted_for("bob") == ["server.spawning", "server.stopped"])
        self.assertEqual(self.ingress.accepted_for("ada"), [])

    def test_an_answer_that_hangs_holds_up_one_sender_and_not_the_others(self) -> None:
        released = threading.Event()
        self.addCleanup(released.set)
        self.ingress.behave = lambda event: 202 if event["data"]["user"] != "ada" or released.wait(120) else 500
        self.lives("ada", *[f"user{number}" for number in range(8)])
        with mock.patch.object(hubforge, "SEND_TIMEOUT_SECONDS", 120.0):
            self.send()
            wait_for(lambda: len(self.ingress.accepted) == 16)
            self.assertEqual(self.ingress.accepted_for("ada"), [])
            released.set()
            wait_for(self.is_empty)


class Answers(SenderCase):
    def test_the_same_id_and_body_go_out_again_until_they_are_taken(self) -> None:
        answers = iter([503, 429, 500])
        self.ingress.behave = lambda event: next(answers, 202)
        self.lives("ada")
        self.send()
        wait_for(self.is_empty)
        first = [event for event in self.ingress.tries if event["type"] == "server.spawning"]
        self.assertEqual(len(first), 4)
        self.assertTrue(all(event == first[0] for event in first))

    def test_a_line_about_a_message_names_what_the_pipeline_s_own_lines_name(self) -> None:
        self.outbox.open_session(session := hubforge.new_session("ada", "one", hubforge.LiveServer(None, None)))
        with self.assertLogs("hubforge", "INFO") as logs:
            self.send()
            wait_for(lambda: logs.output)
        about = f"type='server.spawning' person='ada' server='one' session='{session.session}'"
        self.assertIn(f"delivery.accepted delivery='{session.delivery}' {about}", logs.output[0])

    def test_retry_after_is_waited_for(self) -> None:
        moments: list[float] = []

        def behave(event: Any) -> Any:
            moments.append(time.monotonic())
            return (503, {"Retry-After": "2"}) if len(moments) == 1 else 202

        self.ingress.behave = behave
        self.lives("ada")
        self.send()
        wait_for(self.is_empty)
        self.assertGreaterEqual(moments[1] - moments[0], 1.9)

    def test_a_message_that_can_never_succeed_is_moved_aside_with_its_answer(self) -> None:
        self.ingress.behave = lambda event: 422 if event["type"] == "server.spawning" else 202
        self.lives("ada")
        with self.assertLogs("hubforge", "ERROR") as logs:
            self.send()
            wait_for(self.is_empty)
        self.assertIn("delivery.parked", logs.output[0])
        self.assertEqual(self.ingress.accepted_for("ada"), ["server.stopped"])
        (parked,) = self.outbox.status()["troubles"]
        self.assertEqual((parked["is_parked"], parked["error"][:3]), (True, "422"))
        self.ingress.behave = lambda event: 202
        self.assertEqual(self.outbox.unpark([parked["delivery"]]), 1)
        wait_for(lambda: len(self.ingress.accepted) == 2)

    def test_a_wrong_secret_is_loud_and_loses_nothing(self) -> None:
        self.lives("ada")
        with self.assertLogs("hubforge", "ERROR") as logs:
            sender = self.send(self.read(secret=OTHER_SECRET))
            wait_for(lambda: len(self.ingress.tries) >= 2)
            sender.stop()
        self.assertIn("check HUBFORGE_SECRET", logs.output[0])
        self.assertEqual(len([line for line in logs.output if "ingress.refused" in line]), 1)
        self.send()
        wait_for(lambda: self.ingress.accepted_for("ada") == ["server.spawning", "server.stopped"])

    def test_during_a_rotation_both_secrets_sign(self) -> None:
        self.lives("ada")
        self.send(self.read(secret=[OTHER_SECRET, SECRET]))
        wait_for(lambda: len(self.ingress.accepted) == 2)

    def test_a_clock_that_is_off_is_named(self) -> None:
        self.ingress.behave = lambda event: (401, {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", later)})
        later = time.gmtime(time.time() + 600)
        self.lives("ada")
        with self.assertLogs("hubforge", "ERROR") as logs:
            self.send()
            wait_for(lambda: self.ingress.tries)
            wait_for(lambda: logs.output)
        self.assertRegex(logs.output[0], r"our clock is \d+ s behind hubforge's")

    def test_after_three_days_a_message_is_moved_aside(self) -> None:
        self.ingress.behave = lambda event: 503
        self.lives("ada")
        with sqlite3.connect(self.settings.outbox) as db:
            db.execute("update messages set created_at = created_at - 3 * 86400 - 1, attempts = 60")
        db.close()
        self.send()
        wait_for(lambda: self.outbox.status()["parked"] == 2)
        self.assertIn("not accepted for 3 days", self.outbox.status()["troubles"][0]["error"])

    def test_a_clock_that_was_days_ahead_for_a_moment_neither_parks_nor_delays(self) -> None:
        self.lives("ada")
        message = self.outbox.due()
        assert message
        far = time.time() + 4 * 86400
        with mock.patch.object(time, "time", lambda: far):
            self.outbox.postpone(message, 30, "401: too old")
        self.assertEqual(self.outbox.status()["parked"], 0)
        again = self.outbox.due()
        assert again
        self.assertEqual((again.delivery, again.attempts), (message.delivery, 1))

    def test_an_outage_costs_nothing_but_time(self) -> None:
        port = self.ingress.port
        unreachable = self.read(url="http://127.0.0.1:9")
        self.lives("ada", "bob")
        sender = self.send(unreachable)
        wait_for(lambda: len(self.outbox.status()["troubles"]) == 2)
        sender.stop()
        self.assertEqual(self.ingress.port, port)
        self.send().flush(5)
        wait_for(lambda: len(self.ingress.accepted) == 4)


class OneAtATime(SenderCase):
    def test_a_second_process_on_the_same_outbox_gets_no_lock(self) -> None:
        program = (
            "import sys, hubforge_hub as h\n"
            "settings = h.read_settings({'url': 'http://127.0.0.1:9', 'secret': sys.argv[1], 'outbox': sys.argv[2],"
            " 'hub': sys.argv[3]})\n"
            "print(h.SenderLock(settings.outbox, settings.hub).take(), flush=True)\n"
            "sys.stdin.read()\n"
        )
        outbox = str(self.settings.outbox)

        def run(hub: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", program, SECRET, outbox, hub]
            environment = {**os.environ, "PYTHONPATH": str(HUB_FOLDER)}
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            self.addCleanup(process.communicate)
            assert process.stdout
            return process

        def said(process: subprocess.Popen[str]) -> str:
            assert process.stdout
            return process.stdout.readline().strip()

        first = run("default")
        self.assertEqual(said(first), "True")
        self.assertEqual(said(run("default")), "False")
        self.assertEqual(said(run("another-hub")), "True")
        lock = hubforge.SenderLock(self.settings.outbox, self.settings.hub)
        self.assertFalse(lock.take())
        self.assertEqual(lock.holder(), str(first.pid))
        first.kill()
        first.wait()
        self.assertTrue(lock.take())
        lock.release()

    def test_a_sender_survives_a_disk_that_is_full_for_a_while(self) -> None:
        self.lives("ada")
        with mock.patch.object(self.outbox, "delivered", side_effect=sqlite3.OperationalError("disk is full")):
            sender = self.send()
            wait_for(lambda: self.ingress.accepted)
            time.sleep(0.2)
        wait_for(self.is_empty)
        ids = [event["id"] for event in self.ingress.accepted if event["type"] == "server.spawning"]
        self.assertEqual(len(set(ids)), 1)  # sent twice, but under the id that makes it one
        sender.stop()


if __name__ == "__main__":
    unittest.main()
