"""The hooks: they write, they wait within bounds, and whatever goes wrong the hub does not notice."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import sys
import threading
import time
import unittest
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from support import SECRET, Case, Forge, HubSpawner, HubUser, Ingress, Workspaces, refusal, wait_for

import hubforge_hub as hubforge


class HooksCase(Case):
    def setUp(self) -> None:
        self.folder = self.new_folder()
        self.ingress = self.enter(Ingress())
        self.workspaces = self.enter(Workspaces(self.enter(Forge(self.folder))))
        self.ada = HubUser("ada", {"user_attributes": {"cn": ["Ada at Login"], "mail": ["login@uni.example"]}})

    def plugin(self, **more: Any) -> hubforge.Hub:
        given = {
            "url": self.ingress.url,
            "workspaces_url": self.workspaces.url,
            "secret": SECRET,
            "outbox": str(self.folder / "outbox.sqlite"),
            "ready_wait_seconds": 2,
        }
        hub = hubforge.Hub(hubforge.read_settings({**given, **more}))
        self.addCleanup(hub.outbox.close)
        return hub

    def open_servers(self, hub: hubforge.Hub) -> list[str]:
        return [session.server for session in hub.outbox.open_sessions("ada")]


class Start(HooksCase):
    def spawn(self, hub: hubforge.Hub) -> tuple[HubSpawner, float]:
        spawner = HubSpawner(self.ada)
        before = time.monotonic()
        asyncio.run(hub.pre_spawn(spawner))
        return spawner, time.monotonic() - before

    def test_a_ready_repository_costs_one_question_and_gives_the_names_that_ldap_has_now(self) -> None:
        hub = self.plugin(ready_wait_seconds=30)
        spawner, took = self.spawn(hub)
        self.assertLess(took, 15)
        environment = spawner.get_env()
        self.assertEqual(environment["GIT_AUTHOR_NAME"], "Ada Example")
        self.assertEqual(environment["GIT_COMMITTER_EMAIL"], "ada@uni.example")
        self.assertIn(f"credential.{self.workspaces.forge.url}.helper", environment.values())
        session = hub.outbox.open_sessions("ada")[0]
        self.assertEqual(environment["HUBFORGE_DELIVERY"], session.delivery)
        (question,) = self.workspaces.asked("status")
        self.assertEqual(question["data"], {
            "hub": "default", "user": "ada", "server": "", "session": session.session,
            "sessions": [{"server": "", "session": session.session}],
        })  # fmt: skip

    def test_the_wait_ends_when_the_repository_is_ready(self) -> None:
        self.workspaces.behave = lambda question: "ready" if len(self.workspaces.questions) > 2 else "pending"
        _, took = self.spawn(self.plugin(ready_wait_seconds=10))
        self.assertLess(took, 8)

    def test_the_wait_is_bounded_and_the_server_starts_all_the_same(self) -> None:
        for name, behave in {"pending": "pending", "hangs": 20.0, "hangs long": 60.0}.items():
            with self.subTest(name):
                self.workspaces.behave = lambda question, behave=behave: behave
                hub = self.plugin()
                spawner, took = self.spawn(hub)
                self.assertLess(took, 8)
                self.assertEqual(self.open_servers(hub), [""])
                self.assertIn("GIT_CONFIG_COUNT", spawner.get_env())

    def test_what_cannot_be_answered_is_not_waited_for(self) -> None:
        behaviours = {"refused": refusal("person.protected", "a site admin"), "broken": 500}
        for name, behave in behaviours.items():
            with self.subTest(name):
                self.workspaces.behave = lambda question, behave=behave: behave
                spawner, took = self.spawn(self.plugin(ready_wait_seconds=10))
                self.assertLess(took, 8)
                self.assertEqual(spawner.get_env()["GIT_AUTHOR_NAME"], "Ada at Login")
        _, took = self.spawn(self.plugin(ready_wait_seconds=10, workspaces_url="http://127.0.0.1:9"))
        self.assertLess(took, 8)

    def test_no_wait_asks_nothing(self) -> None:
        hub = self.plugin(ready_wait_seconds=0)
        self.spawn(hub)
        self.assertEqual((self.workspaces.questions, self.open_servers(hub)), ([], [""]))

    def test_a_cancelled_start_is_passed_on_and_the_session_stays_for_the_stop(self) -> None:
        self.workspaces.behave = lambda question: "pending"
        hub = self.plugin(ready_wait_seconds=30)

        async def cancel() -> None:
            starting = asyncio.ensure_future(hub.pre_spawn(HubSpawner(self.ada)))
            await asyncio.sleep(0.5)
            starting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await starting

        asyncio.run(cancel())
        self.assertEqual(self.open_servers(hub), [""])

    def test_an_outbox_that_cannot_be_written_is_loud_fails_no_start_or_stop_and_is_written_later(self) -> None:
        hub = self.plugin(outbox=str(self.new_folder() / "outbox.sqlite"), ready_wait_seconds=0)
        shutil.rmtree(hub.settings.outbox.parent)
        spawner = HubSpawner(self.ada)
        with self.assertLogs("hubforge", "INFO") as logs:
            asyncio.run(hub.pre_spawn(spawner))
            asyncio.run(hub.post_stop(spawner))
        promised = spawner.get_env()["HUBFORGE_DELIVERY"]
        told = "".join(logs.output)
        self.assertIn(f"outbox.failed write='server.spawning {promised}'", told)
        self.assertNotIn("session.opened", told)  # a line that says so comes when it is true
        with self.assertLogs("hubforge", "INFO") as logs:
            hub.settings.outbox.parent.mkdir()  # room again
            wait_for(lambda: "session.closed" in "".join(logs.output))
        self.assertIn(f"session.opened delivery='{promised}' person='ada'", "".join(logs.output))
        rows = hub.outbox._connection().execute("select delivery, type from messages order by sequence").fetchall()
        self.assertEqual([kind for _, kind in rows], ["server.spawning", "server.stopped"])
        self.assertEqual(rows[0][0], promised)
        self.assertIn(f"session.closed delivery='{rows[1][0]}' person='ada'", "".join(logs.output))

    def test_what_is_not_written_when_the_hub_ends_is_named(self) -> None:
        hub = self.plugin(outbox=str(self.new_folder() / "outbox.sqlite"), ready_wait_seconds=0, flush_seconds=0.2)
        shutil.rmtree(hub.settings.outbox.parent)
        spawner = HubSpawner(self.ada)
        asyncio.run(hub.pre_spawn(spawner))
        with self.assertLogs("hubforge", "CRITICAL") as logs:
            hub.finish()
        self.assertIn(f"server.spawning {spawner.get_env()['HUBFORGE_DELIVERY']}", logs.output[0])
        hub.settings.outbox.parent.mkdir()
        wait_for(lambda: self.open_servers(hub) == [""])

    def slow_start(self, hub: hubforge.Hub, ada: HubUser | None = None) -> float:
        """The seconds that a start's hook takes; the loop must go on meanwhile."""

        async def start() -> int:
            starting = asyncio.ensure_future(hub.pre_spawn(HubSpawner(ada or self.ada)))
            ticks = 0
            while not starting.done():
                await asyncio.sleep(0.05)
                ticks += 1
            await starting
            return ticks

        before = time.monotonic()
        self.assertGreater(asyncio.run(start()), 10)
        return time.monotonic() - before

    def test_while_the_disk_is_slow_the_loop_goes_on_and_the_start_waits_two_seconds_at_most(self) -> None:
        hub = self.plugin(ready_wait_seconds=0)
        released = threading.Event()
        hub._writer.submit(released.wait)
        self.assertEqual(hubforge.HOOK_SECONDS, 2)
        self.assertLess(self.slow_start(hub), 8)
        released.set()
        wait_for(lambda: self.open_servers(hub) == [""])

    def test_a_slow_read_is_bounded_too_and_so_is_what_the_hub_keeps_of_the_person(self) -> None:
        released = threading.Event()
        self.addCleanup(released.set)
        hub = self.plugin(ready_wait_seconds=0)
        with mock.patch.object(hub.outbox, "recall", lambda name: released.wait()):
            self.assertLess(self.slow_start(hub), 8)

        async def for_ever() -> None:
            await asyncio.sleep(60)

        self.ada.get_auth_state = for_ever  # type: ignore[method-assign]
        self.assertLess(self.slow_start(self.plugin(ready_wait_seconds=0)), 8)

    def test_an_outbox_that_another_process_holds_costs_the_same_two_seconds(self) -> None:
        hub = self.plugin(ready_wait_seconds=0)
        holder = sqlite3.connect(hub.settings.outbox, isolation_level=None)
        self.addCleanup(holder.close)
        holder.execute("begin exclusive")
        with self.assertLogs("hubforge", "ERROR") as logs:
            self.assertLess(self.slow_start(hub), 4.5)  # sqlite alone would wait for 5
            wait_for(lambda: "database is locked" in "".join(logs.output))  # sqlite has given up
        holder.execute("rollback")
        wait_for(lambda: self.open_servers(hub) == [""])

    def test_what_the_disk_takes_is_part_of_the_wait_for_the_repository(self) -> None:
        self.workspaces.behave = lambda question: "pending"
        hub = self.plugin(ready_wait_seconds=3)
        hub._writer.submit(time.sleep, 60)
        self.assertLess(self.slow_start(hub), 4.5)

    def test_a_progress_page_that_is_opened_while_the_disk_is_slow_says_what_is_going_on(self) -> None:
        hub = self.plugin(ready_wait_seconds=5)
        hub._writer.submit(time.sleep, 1)
        spawner = HubSpawner(self.ada)

        async def watch() -> list[str]:
            starting = asyncio.ensure_future(hub.pre_spawn(spawner))
            await asyncio.sleep(0)
            messages = [event["message"] async for event in spawner.progress()]
            await starting
            return messages

        messages = asyncio.run(watch())
        ours = ["Preparing your Git repository", "Your repository is ready", "Spawning server..."]
        self.assertEqual([messages[0], *messages[-2:]], ours)

    def test_eager_clients_reads_hold_up_no_start(self) -> None:
        hub = self.plugin(ready_wait_seconds=30)
        released = threading.Event()
        self.addCleanup(released.set)
        for _ in range(20):
            hub._reader.submit(released.wait)
        _, took = self.spawn(hub)
        self.assertLess(took, 15)
        self.assertEqual(len(self.workspaces.asked("status")), 1)

    def test_the_names_that_ldap_had_at_the_login_are_those_of_the_attributes_that_the_settings_name(self) -> None:
        attributes = {"displayName": ["Dr. A. L."], "cn": ["Ada Lovelace"], "mailPrimaryAddress": ["ada@uni.example"]}
        for more, wanted in (
            ({}, ("Ada Lovelace", None)),
            ({"full_name_attribute": "displayname", "email_attribute": "mailPrimaryAddress"},
             ("Dr. A. L.", "ada@uni.example")),
        ):  # fmt: skip
            for auth_state in ({"user_attributes": attributes}, attributes):  # LDAPAuthenticator 2, 1
                self.ada = HubUser("ada", auth_state)
                spawner, _ = self.spawn(self.plugin(ready_wait_seconds=0, **more))
                environment = spawner.get_env()
                self.assertEqual((environment["GIT_AUTHOR_NAME"], environment.get("GIT_AUTHOR_EMAIL")), wanted)


class Stop(HooksCase):
    def test_a_stop_closes_the_session_with_its_reason(self) -> None:
        hub = self.plugin(ready_wait_seconds=0)
        for future, reason in ((None, "stopped"), (object(), "failed")):
            spawner = HubSpawner(self.ada)
            asyncio.run(hub.pre_spawn(spawner))
            spawner._spawn_future = future  # type: ignore[attr-defined]
            asyncio.run(hub.post_stop(spawner.is_gone()))
            self.assertEqual(self.open_servers(hub), [])
            self.assertIn(f'"reason":"{reason}"', str(hub.outbox._connection().execute(
                "select body from messages order by sequence desc limit 1").fetchone()))  # fmt: skip


class Sweep(HooksCase):
    def sweep(self, spawner: HubSpawner) -> list[str]:
        """The notes of the tokens that are left; JupyterHub's own path functions are stood in for by the plain case."""
        tokens = [SimpleNamespace(note=note) for note in ("Server at /user/ada/", "Server at /user/ada/one/", "mine")]
        left = list(tokens)
        self.ada.base_url = "/user/ada/"  # type: ignore[attr-defined]
        self.ada.orm_user = SimpleNamespace(api_tokens=tokens)  # type: ignore[attr-defined]
        self.ada.db = SimpleNamespace(delete=left.remove, commit=lambda: None)  # type: ignore[attr-defined]
        utils = ModuleType("jupyterhub.utils")
        utils.url_path_join = lambda *parts: re.sub("/+", "/", "/".join(parts))  # type: ignore[attr-defined]
        utils.url_escape_path = str  # type: ignore[attr-defined]
        with mock.patch.dict(sys.modules, {"jupyterhub": ModuleType("jupyterhub"), "jupyterhub.utils": utils}):
            hubforge.sweep_tokens(spawner)
        return [token.note for token in left]

    def test_only_the_stopped_servers_own_tokens_go(self) -> None:
        spawner = HubSpawner(self.ada, "one")
        spawner.will_resume = False
        self.assertEqual(self.sweep(spawner), ["Server at /user/ada/", "mine"])

    def test_a_server_that_is_only_paused_keeps_its_token(self) -> None:
        self.assertEqual(len(self.sweep(HubSpawner(self.ada, "one"))), 3)


class Chain(HooksCase):
    def config(self, **sections: dict[str, Any]) -> Any:
        class Section(dict):  # type: ignore[type-arg]
            """What traitlets' Config does: attributes are entries."""

            __setattr__ = dict.__setitem__

            def __getattr__(self, name: str) -> Any:
                return self.setdefault(name, Section())

            __getitem__ = __getattr__

        config = Section()
        for name, values in sections.items():
            dict.__setitem__(config, name, Section(values))
        return config

    def chained(self, theirs: Any, ours_first: bool) -> list[str]:
        """What runs, in which order."""
        ran: list[str] = []

        async def ours(spawner: Any) -> None:
            ran.append("ours")

        config = self.config(Spawner={"pre_spawn_hook": lambda spawner: theirs(ran)})
        hubforge.chain(config, "pre_spawn_hook", ours, ours_first)
        try:
            asyncio.run(dict.get(config.Spawner, "pre_spawn_hook")(None))
        except ZeroDivisionError:
            ran.append("raised")
        return ran

    def test_the_administrators_own_hook_runs_too_plain_or_async(self) -> None:
        async def later(ran: list[str]) -> None:
            ran.append("theirs")

        for theirs in (lambda ran: ran.append("theirs"), later):
            self.assertEqual(self.chained(theirs, ours_first=False), ["theirs", "ours"])
            self.assertEqual(self.chained(theirs, ours_first=True), ["ours", "theirs"])

    def test_a_start_that_their_hook_refuses_sends_nothing_and_a_stop_is_sent_before_it_can_fail(self) -> None:
        def fail(ran: list[str]) -> None:
            raise ZeroDivisionError

        self.assertEqual(self.chained(fail, ours_first=False), ["raised"])
        self.assertEqual(self.chained(fail, ours_first=True), ["ours", "raised"])

    def test_a_hook_in_a_subclasss_section_is_chained_there_because_it_wins(self) -> None:
        config = self.config(KubeSpawner={"pre_spawn_hook": print}, Authenticator={"x": 1})
        hubforge.chain(config, "pre_spawn_hook", self.plugin().pre_spawn, ours_first=False)
        for section in ("KubeSpawner", "Spawner"):
            self.assertTrue(dict.get(dict.get(config, section), "pre_spawn_hook").is_hubforge)
        with self.assertRaisesRegex(RuntimeError, "once"):
            hubforge.chain(config, "pre_spawn_hook", self.plugin().pre_spawn, ours_first=False)


class OtherHubs(Case):
    def test_without_a_hub_that_calls_our_hooks_the_message_says_what_to_do(self) -> None:
        def a_hub(version: tuple[int, ...], *traits: str) -> dict[str, ModuleType]:
            names = ("jupyterhub", "jupyterhub.spawner", "jupyterhub.app")
            modules = {name: ModuleType(name) for name in names}
            kind = type("Kind", (), {"class_trait_names": classmethod(lambda cls: list(traits))})
            modules["jupyterhub"].version_info = version  # type: ignore[attr-defined]
            modules["jupyterhub.spawner"].Spawner = kind  # type: ignore[attr-defined]
            modules["jupyterhub.app"].JupyterHub = kind  # type: ignore[attr-defined]
            return modules

        all_traits = ("pre_spawn_hook", "post_stop_hook", "extra_handlers")
        with mock.patch.dict(sys.modules, a_hub((6, 1, 1), *all_traits)):
            hubforge.check_jupyterhub()
        for hub, told in (
            (a_hub((3, 0, 0), *all_traits), "this is 3.0: upgrade"),
            (a_hub((7, 0, 0), "pre_spawn_hook", "extra_handlers"), "lacks post_stop_hook"),
        ):
            with mock.patch.dict(sys.modules, hub), self.assertRaisesRegex(RuntimeError, told):
                hubforge.check_jupyterhub()
        with mock.patch.dict(sys.modules, {"jupyterhub": None}), self.assertRaisesRegex(RuntimeError, "needs"):
            hubforge.check_jupyterhub()


if __name__ == "__main__":
    unittest.main()
