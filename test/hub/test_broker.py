"""The broker: a server's own token buys its person's short-lived Git token, once, and only while the server lives."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
import unittest
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from support import SECRET, Case, Forge, HubSpawner, HubUser, Ingress, Workspaces, refusal, wait_for

import hubforge_hub as hubforge


class BrokerCase(Case):
    def setUp(self) -> None:
        folder = self.new_folder()
        self.ingress = self.enter(Ingress())
        self.workspaces = self.enter(Workspaces(self.enter(Forge(folder))))
        given = {"url": self.ingress.url, "workspaces_url": self.workspaces.url, "secret": SECRET}
        more = {"outbox": str(folder / "outbox.sqlite"), "ready_wait_seconds": 0}
        self.hub = hubforge.Hub(hubforge.read_settings({**given, **more}))
        self.addCleanup(self.hub.outbox.close)
        self.broker = self.hub.broker
        self.ada = HubUser("ada")
        self.host = urlsplit(self.workspaces.forge.url).netloc

    def started(self, server: str = "", token: str = "server-token") -> hubforge.Caller:
        """A server of ada's that is up; as the caller that it will be."""
        spawner = HubSpawner(self.ada, server, token)
        asyncio.run(self.hub.pre_spawn(spawner))
        spawner.is_up()
        return hubforge.Caller("ada", server, hubforge.token_hash(token), spawner)

    async def get(self, caller: hubforge.Caller) -> dict[str, Any]:
        return await self.broker.credentials(caller, "http", self.host)

    def password(self, caller: hubforge.Caller) -> str:
        return str(asyncio.run(self.get(caller))["password"])

    def denied(self, work: Callable[[], Awaitable[Any]]) -> tuple[int, str]:
        async def run() -> None:
            await work()

        with self.assertRaises(hubforge.Denied) as caught:
            asyncio.run(run())
        return caught.exception.status, caught.exception.code

    def erase(self, caller: hubforge.Caller, password: str) -> None:
        asyncio.run(self.broker.erase(caller, hashlib.sha256(password.encode()).hexdigest()))

    def minted(self) -> int:
        return len(self.workspaces.asked("credentials"))

    def stops(self) -> list[dict[str, Any]]:
        """The waiting stop events."""
        rows = self.hub.outbox._connection().execute("select body from messages order by sequence").fetchall()
        return [event["data"] for event in map(json.loads, (row[0] for row in rows)) if "stopped" in event["type"]]


class HandingOut(BrokerCase):
    def test_the_answer_is_asked_for_once_and_kept_for_the_sessions_life(self) -> None:
        caller = self.started()
        with self.assertLogs("hubforge", "INFO") as logs:
            answer = asyncio.run(self.get(caller))
        (question,) = self.workspaces.asked("credentials")
        self.assertIn(f"credentials.minted delivery='{question['id']}' person='ada'", logs.output[0])
        self.assertNotIn(answer["password"], logs.output[0])
        self.assertEqual(set(answer), {"username", "password"})
        self.assertEqual(answer["username"], "hubforge")
        self.assertIn(answer["password"], self.workspaces.forge.tokens)
        self.assertEqual(asyncio.run(self.get(caller)), answer)
        self.assertEqual(self.minted(), 1)

    def test_two_gits_at_once_make_one_token_and_two_servers_ask_one_after_the_other(self) -> None:
        one, two = self.started("one", "token-1"), self.started("two", "token-2")
        at_once: list[int] = []
        running = threading.Semaphore(0)

        def behave(question: dict[str, Any]) -> str:
            running.release()
            at_once.append(running._value)
            time.sleep(0.1)
            running.acquire()
            return "ready"

        self.workspaces.behave = behave

        async def all_at_once() -> list[dict[str, Any]]:
            return list(await asyncio.gather(*[self.get(caller) for caller in (one, one, two, one, two)]))

        answers = asyncio.run(all_at_once())
        self.assertEqual(len({answer["password"] for answer in answers}), 2)
        self.assertEqual((self.minted(), max(at_once)), (2, 1))
        sessions = self.workspaces.asked("credentials")[-1]["data"]["sessions"]
        self.assertEqual({session["server"] for session in sessions}, {"one", "two"})

    def test_account_and_token_name_are_on_disk_before_the_token_is_handed_out(self) -> None:
        caller = self.started()
        self.password(caller)
        (session,) = self.hub.outbox.open_sessions("ada")
        self.assertEqual(session.account, "ada")
        self.assertTrue(str(session.token_name).startswith("hubforge.default."))
        asyncio.run(self.hub.post_stop(caller.spawner.is_gone()))
        self.assertEqual(self.stops()[-1]["account"], "ada")

    def test_an_answer_that_cannot_be_written_down_is_not_handed_out(self) -> None:
        caller = self.started()
        self.hub.outbox.record_account = None  # type: ignore[assignment]  as a full disk: the write raises
        with self.assertRaises(TypeError):
            self.password(caller)

    def test_the_start_step_learns_where_the_repository_is(self) -> None:
        caller = self.started()
        told = asyncio.run(self.broker.status(caller))
        self.assertEqual((told["state"], told["fullName"]), ("ready", "Ada Example"))
        self.assertEqual(told["cloneUrl"], f"{self.workspaces.forge.url}/ilum-jupyterhub/jupyterhub-ada.git")
        self.assertEqual(told["gitConfig"], hubforge.git_config(self.workspaces.forge.url))
        self.assertEqual(told["delivery"], self.hub.outbox.open_sessions("ada")[0].delivery)


class Ended(BrokerCase):
    def test_a_stopped_server_gets_nothing(self) -> None:
        caller = self.started()
        self.password(caller)
        asyncio.run(self.hub.post_stop(caller.spawner.is_gone()))
        self.assertEqual(self.denied(lambda: self.get(caller)), (403, "session.ended"))

    def test_a_server_that_is_being_stopped_gets_nothing(self) -> None:
        caller = self.started()
        caller.spawner.pending = "stop"
        self.assertEqual(self.denied(lambda: self.get(caller)), (403, "session.ended"))
        self.assertEqual(self.minted(), 0)

    def test_a_session_that_closes_while_the_answer_is_under_way_throws_it_away_and_stops_again(self) -> None:
        caller = self.started()

        def behave(question: dict[str, Any]) -> str:
            if question["type"] == "workspace.credentials":
                self.hub.outbox.close_session("ada", "", "stopped")
                self.hub.outbox.close()
            return "ready"

        self.workspaces.behave = behave
        self.assertEqual(self.denied(lambda: self.get(caller)), (403, "session.ended"))
        first, second = self.stops()
        self.assertNotIn("account", first)
        self.assertEqual((second["account"], second["session"]), ("ada", first["session"]))
        self.assertEqual(self.broker._kept[first["session"]].credentials, None)

    def test_the_token_of_an_older_life_of_the_server_gets_nothing(self) -> None:
        old = self.started(token="old")
        asyncio.run(self.hub.post_stop(old.spawner.is_gone()))
        new = self.started(token="new")
        late = hubforge.Caller("ada", "", hubforge.token_hash("old"), new.spawner)
        self.assertEqual(self.denied(lambda: self.get(late)), (403, "session.ended"))
        self.assertTrue(self.password(new))

    def test_a_new_life_gets_a_token_of_its_own(self) -> None:
        first = self.started()
        before = self.password(first)
        asyncio.run(self.hub.post_stop(first.spawner.is_gone()))
        self.assertNotEqual(self.password(self.started()), before)

    def test_a_running_server_that_the_outbox_lost_gets_a_new_session_on_the_spot(self) -> None:
        caller = self.started()
        self.hub.outbox.path.unlink()
        self.assertTrue(self.password(caller))
        self.assertEqual(len(self.hub.outbox.open_sessions("ada")), 1)


class Refused(BrokerCase):
    def test_a_token_that_gitea_refuses_is_made_anew_once_and_never_in_a_loop(self) -> None:
        caller = self.started()
        first = self.password(caller)
        self.erase(caller, first)
        second = self.password(caller)
        self.assertNotEqual(second, first)
        self.erase(caller, second)
        self.assertEqual(self.denied(lambda: self.get(caller)), (429, "credentials.exhausted"))
        self.assertEqual(self.minted(), 2)

    def test_a_refusal_of_a_token_that_is_no_longer_kept_drops_nothing(self) -> None:
        caller = self.started()
        first = self.password(caller)
        self.erase(caller, first)
        second = self.password(caller)
        self.erase(caller, first)  # a second Git that had been handed the first token, too
        self.assertEqual(self.password(caller), second)

    def test_no_means_no_with_hubforges_code_and_is_not_asked_again_at_once(self) -> None:
        caller = self.started()
        asyncio.run(self.broker.status(caller))
        self.workspaces.behave = lambda question: refusal("account.site-admin", "none for admins")
        for _ in range(3):
            self.assertEqual(self.denied(lambda: self.get(caller)), (403, "account.site-admin"))
        self.assertEqual(self.minted(), 1)
        self.assertEqual(self.denied(lambda: self.broker.status(caller)), (403, "account.site-admin"))

    def test_an_outage_is_503_and_heals_by_itself(self) -> None:
        caller = self.started()
        self.workspaces.behave = lambda question: 503
        for _ in range(3):
            self.assertEqual(self.denied(lambda: self.get(caller)), (503, "hubforge.503"))
        self.assertEqual(len(self.workspaces.questions), 1)
        self.workspaces.behave = lambda question: "ready"
        self.broker._kept[self.hub.outbox.open_sessions("ada")[0].session].failure_until = 0
        self.assertTrue(self.password(caller))

    def test_it_is_not_asked_again_before_its_retry_after(self) -> None:
        caller = self.started()
        told = {"error": "unavailable", "code": "gitea.unreachable", "message": "hubforge cannot tell now: ask again"}
        self.workspaces.behave = lambda question: (503, told, {"Retry-After": "60"})
        self.assertEqual(self.denied(lambda: self.broker.status(caller)), (503, "gitea.unreachable"))
        until = self.broker._kept[self.hub.outbox.open_sessions("ada")[0].session].failure_until
        self.assertAlmostEqual(until - time.monotonic(), 60, delta=5)

    def test_git_shows_the_functions_own_sentence_and_the_line_has_the_ids(self) -> None:
        caller = self.started()
        asyncio.run(self.broker.status(caller))
        sentence = "the repository is not ready: a token comes with it"
        told = {"error": "pending", "code": "workspace.pending", "message": sentence}
        self.workspaces.behave = lambda question: (409, told, {"Retry-After": "2"})
        with (
            self.assertLogs("hubforge", "WARNING") as logs,
            self.assertRaisesRegex(hubforge.Denied, sentence) as caught,
        ):
            asyncio.run(self.get(caller))
        session = self.hub.outbox.open_sessions("ada")[0]
        self.assertEqual(caught.exception.delivery, session.delivery)
        about = f"person='ada' server='' session='{session.session}' code='workspace.pending'"
        self.assertRegex(logs.output[0], f"workspace.unavailable delivery='ask_[0-9a-f-]+' {about}")

    def test_a_403_of_something_in_between_is_no_last_word(self) -> None:
        caller = self.started()
        self.workspaces.behave = lambda question: (403, b"<h1>blocked</h1>")
        self.assertEqual(self.denied(lambda: self.broker.status(caller)), (503, "hubforge.403"))

    def test_the_token_is_for_gitea_and_no_other_host(self) -> None:
        caller = self.started()
        for protocol, host in (("https", self.host), ("http", "github.example"), ("http", "127.0.0.1"), ("", "")):
            work = lambda protocol=protocol, host=host: self.broker.credentials(caller, protocol, host)  # noqa: E731
            self.assertEqual(self.denied(work), (421, "host.other"))
        self.assertEqual(self.minted(), 0)

    def test_an_answer_without_a_token_is_none(self) -> None:
        caller = self.started()
        clone_url = f"{self.workspaces.forge.url}/o/r.git"
        self.workspaces.behave = lambda question: (200, {"state": "ready", "cloneUrl": clone_url, "password": "x"})
        self.assertEqual(self.denied(lambda: self.get(caller)), (503, "credentials.incomplete"))


class Callers(BrokerCase):
    def caller(self, scopes: set[str], user: Any = "ada", token: str | None = "server-token") -> hubforge.Caller:
        person = self.ada if user == "ada" else user
        handler = SimpleNamespace(
            current_user=person,
            expanded_scopes=scopes,
            get_token=lambda: SimpleNamespace() if token else None,
            get_auth_token=lambda: token,
        )
        return asyncio.run(hubforge.caller_of(handler, self.broker))

    def test_only_a_servers_own_token_will_do(self) -> None:
        self.started("proj/x")
        caller = self.caller({"access:servers!server=ada/proj/x", "users:activity!user=ada"})
        self.assertEqual((caller.server, caller.is_live()), ("proj/x", True))
        for scopes in (
            {"access:servers!user=ada", "self"},  # from the person's token page
            {"access:servers!server=bob/"},  # of a server that ada may visit
            {"access:servers!server=ada/a", "access:servers!server=ada/b"},
            {"access:servers"},
            set(),
        ):
            with self.subTest(scopes), self.assertRaises(hubforge.Denied):
                self.caller(scopes, token="no server's own")

    def test_where_servers_have_other_scopes_it_is_the_token_that_the_hub_gave_the_server(self) -> None:
        started = self.started("lab")
        scopes = {"access:servers!user=ada", "users:activity!user=ada"}  # the admin's own server_token_scopes
        given = started.spawner.api_token
        self.assertEqual(self.caller(scopes, token=given).server, "lab")
        started.spawner.api_token = None  # as after a restart of the hub: the outbox still knows
        self.assertEqual(self.caller(scopes, token=given).server, "lab")
        with self.assertRaises(hubforge.Denied):
            self.caller(scopes, token="made on the token page")

    def test_a_service_a_browser_and_a_dead_token_are_nobody(self) -> None:
        scopes = {"access:servers!server=ada/"}
        for user, token in ((SimpleNamespace(name="ada"), "t"), ("ada", None), (None, "t")):
            with self.assertRaises(hubforge.Denied) as caught:
                self.caller(scopes, user, token)
            self.assertEqual(caught.exception.code, "session.ended")

    def test_asking_for_a_server_that_does_not_exist_makes_none(self) -> None:
        caller = self.caller({"access:servers!server=ada/ghost"})
        self.assertFalse(caller.is_live())
        self.assertEqual(self.ada.spawners, {})

    def test_a_malformed_question_is_400(self) -> None:
        for body in (b"", b"[]", b'{"action":"store"}', b"\xff", b"null", b"[" * 200_000):
            with self.assertRaises(hubforge.Denied) as caught:
                hubforge.read_question(body)
            self.assertEqual(caught.exception.status, 400)


class Reconciling(BrokerCase):
    def test_one_round_compares_the_hubs_servers_with_ours(self) -> None:
        self.started("lives")
        gone = self.started("gone")
        gone.spawner.is_gone()
        starting = HubSpawner(self.ada, "starting")
        self.started("in doubt").spawner.pending = "stop"
        HubSpawner(self.ada, "unknown").is_up()
        application = SimpleNamespace(users={1: self.ada})
        with self.assertLogs("hubforge", "WARNING") as logs:
            asyncio.run(hubforge.reconcile(self.hub, application))
        servers = {session.server for session in self.hub.outbox.open_sessions("ada")}
        self.assertEqual(servers, {"lives", "unknown", "in doubt"})
        self.assertEqual(starting.pending, "spawn")
        self.assertEqual([stop["server"] for stop in self.stops()], ["gone"])
        rows = self.hub.outbox._connection().execute("select delivery from messages order by sequence").fetchall()
        told = [line for line in logs.output if "session.reconciled" in line]
        self.assertEqual(len(told), 2)
        for line, (delivery,) in zip(told, rows[-2:]):
            self.assertIn(f"delivery='{delivery}' person='ada'", line)

    def test_a_replaced_hook_is_named_at_start(self) -> None:
        class Spawner:
            pass

        class KubeSpawner(Spawner):
            pass

        ours: Any = lambda spawner: None  # noqa: E731
        ours.is_hubforge = True
        config = {"Spawner": {"pre_spawn_hook": ours, "post_stop_hook": ours}, "KubeSpawner": {"pre_spawn_hook": print}}
        handlers = [(hubforge.ROUTES + "status", object)]
        application = SimpleNamespace(spawner_class=KubeSpawner, config=config, extra_handlers=handlers)
        with self.assertLogs("hubforge", "CRITICAL") as logs:
            hubforge.warn_if_replaced(application)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("hook='pre_spawn_hook'", logs.output[0])
        application.extra_handlers = []
        with self.assertLogs("hubforge", "CRITICAL") as logs:
            hubforge.warn_if_replaced(application)
        self.assertIn("handlers.replaced", logs.output[0])

    def test_without_a_serving_hub_nothing_is_sent(self) -> None:
        self.started()
        self.assertIsNone(hubforge.running_hub())
        self.assertFalse(self.hub.sender.flush(5))
        self.assertEqual(self.ingress.tries, [])
        self.hub.sender.start()
        self.addCleanup(self.hub.sender.stop)
        wait_for(lambda: self.ingress.accepted)


if __name__ == "__main__":
    unittest.main()
