"""The outbox: nothing that was written is lost, whatever happens to the process, the file or the disk."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import unittest
from typing import Any

from support import HUB_FOLDER, Case

import hubforge_hub as hubforge

LIVE = hubforge.LiveServer("2026-11-24T09:00:00.123456", "hash")


def events(outbox: hubforge.Outbox) -> list[dict[str, Any]]:
    """All waiting events, in the order of writing."""
    with contextlib.closing(sqlite3.connect(outbox.path)) as db:
        return [json.loads(body) for (body,) in db.execute("select body from messages order by sequence")]


def types(outbox: hubforge.Outbox) -> list[str]:
    return [event["type"] for event in events(outbox)]


class OutboxCase(Case):
    def setUp(self) -> None:
        self.outbox = hubforge.Outbox(self.new_folder() / "outbox.sqlite", "default")
        self.addCleanup(self.outbox.close)

    def opened(self, user: str = "ada", server: str = "") -> hubforge.Session:
        session = hubforge.new_session(user, server, LIVE)
        self.outbox.open_session(session)
        return session


class Sessions(OutboxCase):
    def test_a_start_and_a_stop_are_two_events_of_one_session(self) -> None:
        session = self.opened()
        closed = self.outbox.close_session("ada", "", "stopped")
        self.assertEqual(closed, session)
        start, stop = events(self.outbox)
        wanted = {"hub": "default", "user": "ada", "server": "", "session": session.session}
        self.assertEqual((start["type"], start["data"]), ("server.spawning", wanted))
        self.assertEqual((stop["type"], stop["data"]), ("server.stopped", {**wanted, "reason": "stopped"}))
        self.assertRegex(start["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_the_same_start_written_again_is_one_event(self) -> None:
        """The disk said no though it had written, and the hook's thread tries again."""
        session = self.opened()
        self.outbox.open_session(session)
        self.assertEqual(types(self.outbox), ["server.spawning"])

    def test_a_stop_without_a_start_sends_nothing(self) -> None:
        self.assertIsNone(self.outbox.close_session("ada", "", "stopped"))
        self.assertEqual(events(self.outbox), [])

    def test_a_session_left_over_is_stopped_before_the_next_one_starts(self) -> None:
        first, second = self.opened(), self.opened()
        told = [(event["type"], event["data"]["session"]) for event in events(self.outbox)]
        wanted = [("server.spawning", first), ("server.stopped", first), ("server.spawning", second)]
        self.assertEqual(told, [(kind, session.session) for kind, session in wanted])
        self.assertEqual(events(self.outbox)[1]["data"]["reason"], "unknown")

    def test_the_stop_names_the_account_whose_token_was_handed_out(self) -> None:
        session = self.opened()
        self.assertTrue(self.outbox.record_account(session, "ada.l", "token"))
        self.outbox.close_session("ada", "", "stopped")
        self.assertEqual(events(self.outbox)[-1]["data"]["account"], "ada.l")

    def test_an_account_that_comes_after_the_stop_makes_another_stop(self) -> None:
        session = self.opened()
        self.outbox.close_session("ada", "", "stopped")
        self.assertFalse(self.outbox.record_account(session, "ada.l", "token"))
        self.assertEqual(types(self.outbox), ["server.spawning", "server.stopped", "server.stopped"])
        self.assertEqual(events(self.outbox)[-1]["data"]["account"], "ada.l")
        self.assertEqual(events(self.outbox)[-1]["data"]["session"], session.session)

    def test_the_stop_of_one_server_leaves_the_persons_other_ones_open(self) -> None:
        names = ("", "My Proj", "ünï", "a/b?c", "日本")
        for name in names:
            self.opened("J.Doe@x", name)
        self.outbox.close_session("J.Doe@x", "ünï", "stopped")
        left = {session.server for session in self.outbox.open_sessions("J.Doe@x")}
        self.assertEqual(left, set(names) - {"ünï"})

    def test_two_hubs_in_one_file_do_not_see_each_other(self) -> None:
        self.opened()
        other = hubforge.Outbox(self.outbox.path, "other")
        self.addCleanup(other.close)
        self.assertEqual(other.open_sessions("ada"), [])
        self.assertIsNone(other.due())
        self.assertEqual(other.reconcile({}, set()), [])


class Reconcile(OutboxCase):
    def test_a_session_whose_server_is_gone_is_stopped(self) -> None:
        self.opened()
        self.outbox.reconcile({}, set())
        self.assertEqual(types(self.outbox), ["server.spawning", "server.stopped"])
        self.assertEqual(self.outbox.reconcile({}, set()), [])

    def test_a_running_server_without_a_session_is_started(self) -> None:
        self.outbox.reconcile({("ada", ""): LIVE}, set())
        self.assertEqual(types(self.outbox), ["server.spawning"])
        self.assertEqual(self.outbox.reconcile({("ada", ""): LIVE}, set()), [])

    def test_another_start_time_is_another_session(self) -> None:
        self.opened()
        later = hubforge.LiveServer("2026-11-24T10:00:00", "other")
        self.outbox.reconcile({("ada", ""): later}, set())
        self.assertEqual(types(self.outbox), ["server.spawning", "server.stopped", "server.spawning"])

    def test_microseconds_that_a_database_dropped_are_no_other_start(self) -> None:
        self.opened()
        rounded = hubforge.LiveServer("2026-11-24T09:00:00", None)
        self.assertEqual(self.outbox.reconcile({("ada", ""): rounded}, set()), [])

    def test_a_spawner_in_doubt_is_left_for_the_next_round(self) -> None:
        self.opened()
        self.assertEqual(self.outbox.reconcile({}, {("ada", ""), ("bob", "")}), [])

    def test_a_resumed_containers_token_is_learnt(self) -> None:
        self.opened()
        self.outbox.reconcile({("ada", ""): hubforge.LiveServer(LIVE.started, "resumed")}, set())
        self.assertEqual(self.outbox.open_sessions("ada")[0].token_hash, "resumed")


class Due(OutboxCase):
    def test_many_people_whose_messages_fail_cannot_starve_a_new_one(self) -> None:
        for number in range(50):
            self.opened(f"failing{number}")
            message = self.outbox.due()
            assert message
            self.outbox.postpone(message, -1, "503")  # its time has come again
        self.opened("ada")
        message = self.outbox.due()
        self.assertEqual(message and message.person, "ada")

    def test_a_clock_that_was_set_back_does_not_hold_up_what_was_never_tried(self) -> None:
        self.opened()
        with contextlib.closing(sqlite3.connect(self.outbox.path)) as db:
            db.execute("update messages set next_at = next_at + 600, created_at = created_at + 600")
            db.commit()
        self.assertIsNotNone(self.outbox.due())

    def test_a_postponed_message_waits_and_so_do_its_persons_later_ones(self) -> None:
        self.opened()
        self.outbox.close_session("ada", "", "stopped")
        message = self.outbox.due()
        assert message
        self.outbox.postpone(message, 60, "503")
        self.assertIsNone(self.outbox.due())
        self.assertEqual(self.outbox.hurry(), 2)
        self.assertEqual(self.outbox.due(), dataclasses.replace(message, attempts=1))

    def test_old_sessions_and_parked_messages_are_forgotten_loudly_and_only_ours(self) -> None:
        self.opened()
        message = self.outbox.due()
        assert message
        self.outbox.park(message, "422")
        self.outbox.close_session("ada", "", "stopped")
        self.outbox.purge()
        self.assertEqual(self.outbox.status()["parked"], 1)
        other = hubforge.Outbox(self.outbox.path, "other")
        self.addCleanup(other.close)
        with contextlib.closing(sqlite3.connect(self.outbox.path)) as db:
            db.execute("update messages set parked_at = parked_at - 31 * 86400")
            db.execute("update sessions set closed_at = closed_at - 8 * 86400")
            db.commit()
            other.purge()
            self.assertEqual(db.execute("select count(*) from sessions").fetchone(), (1,))
            with self.assertLogs("hubforge", "ERROR") as logs:
                self.outbox.purge()
            self.assertEqual(db.execute("select count(*) from sessions").fetchone(), (0,))
        (line,) = logs.output
        self.assertIn(f"delivery.forgotten delivery='{message.delivery}' type='server.spawning' person='ada'", line)
        self.assertIn("error='422'", line)
        self.assertEqual(types(self.outbox), ["server.stopped"])


class Faults(OutboxCase):
    def test_what_was_committed_survives_kill_9(self) -> None:
        program = (
            "import sys, hubforge_hub as h\n"
            "from pathlib import Path\n"
            "outbox = h.Outbox(Path(sys.argv[1]), 'default')\n"
            "for number in range(100000):\n"
            "    session = h.new_session(f'user{number}', '', h.LiveServer(None, None))\n"
            "    outbox.open_session(session)\n"
            "    print(session.delivery, flush=True)\n"
        )
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(self.outbox.path)],
            cwd=HUB_FOLDER, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(HUB_FOLDER)},
        )  # fmt: skip
        assert writer.stdout
        written = [writer.stdout.readline().strip() for _ in range(30)]
        writer.kill()
        written += [line for line in writer.stdout.read().split("\n")[:-1] if line]
        writer.wait()
        writer.stdout.close()
        with contextlib.closing(sqlite3.connect(self.outbox.path)) as db:
            kept = [row[0] for row in db.execute("select delivery from messages order by sequence")]
        self.assertEqual(kept[: len(written)], written)
        self.assertLessEqual(len(kept) - len(written), 1)  # one may have been written but not yet printed

    def test_nobody_else_can_read_it(self) -> None:
        self.opened()
        for path in self.outbox.path.parent.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, path)

    def test_a_deleted_file_is_begun_anew_loudly(self) -> None:
        self.opened()
        self.outbox.path.unlink()
        with self.assertLogs("hubforge", "ERROR") as logs:
            session = self.opened("bob")
        self.assertIn("outbox.vanished", logs.output[0])
        self.assertEqual(self.outbox.open_sessions("bob"), [session])
        self.assertEqual(self.outbox.open_sessions("ada"), [])

    def test_a_corrupt_file_is_set_aside_loudly_and_the_event_is_kept(self) -> None:
        for rubbish in (b"this is not a database" * 400, None):
            with self.subTest(rubbish and rubbish[:4]):
                self.opened()
                self.outbox.close()
                if rubbish:
                    self.outbox.path.write_bytes(rubbish)
                else:
                    self.break_pages()
                with self.assertLogs("hubforge", "CRITICAL") as logs:
                    self.opened("bob")
                self.assertIn("outbox.corrupt", logs.output[0])
                self.assertEqual(types(self.outbox), ["server.spawning"])
        aside = [path.name for path in self.outbox.path.parent.iterdir() if ".corrupt-" in path.name]
        self.assertEqual(len(aside), 2, aside)

    def break_pages(self) -> None:
        """Overwrite everything behind the first page, as a bad disk does."""
        size = self.outbox.path.stat().st_size
        with self.outbox.path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))

    def test_a_full_disk_raises_and_heals_when_there_is_room(self) -> None:
        program = (
            "import resource, sqlite3, sys, hubforge_hub as h\n"
            "from pathlib import Path\n"
            "outbox = h.Outbox(Path(sys.argv[1]), 'default')\n"
            "opened = lambda user: outbox.open_session(h.new_session(user, '', h.LiveServer(None, None)))\n"
            "opened('before')\n"
            "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (40000, hard))\n"
            "refused = 0\n"
            "for number in range(200):\n"
            "    try: opened(f'user{number}')\n"
            "    except sqlite3.Error: refused += 1\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
            "opened('after')\n"
            "kept = outbox.status()['waiting']\n"
            "print(refused > 0, kept + refused == 202)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(HUB_FOLDER)}
        command = [sys.executable, "-c", program, str(self.outbox.path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        self.assertEqual(ran.stdout.strip(), "True True", ran.stderr)

    def test_many_threads_write_at_once(self) -> None:
        threads = [threading.Thread(target=self.opened, args=(f"user{number}",)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(events(self.outbox)), 12)


if __name__ == "__main__":
    unittest.main()
