"""The credential helper in the user's server, with a real Git, a real forge and a hub that answers as it is told."""

from __future__ import annotations

import hashlib
import json
import subprocess
import unittest
from typing import Any

from support import Case, Forge, Server, git, plain_environment, reply

import hubforge_hub as hubforge


class HelperCase(Case):
    def setUp(self) -> None:
        self.home = self.new_folder()
        self.forge = self.enter(Forge(self.new_folder()))
        self.url = self.forge.add_repository("jupyterhub-ada", {"a.txt": "a"})
        self.forge.tokens.add("token-1")
        self.asked: list[dict[str, Any]] = []
        self.tells: Any = (200, {"username": "hubforge", "password": "token-1"})
        self.hub = self.enter(Server(self.answer))
        self.config = hubforge.git_config(self.forge.url)

    def answer(self, handler: Any, body: bytes) -> None:
        question = json.loads(body)
        self.asked.append({**question, "path": handler.path, "token": handler.headers["Authorization"]})
        reply(handler, *(self.tells(question) if callable(self.tells) else self.tells))

    def git(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        session = hubforge.new_session("ada", "", hubforge.LiveServer(None, None))
        variables = hubforge.server_variables(session, "", "Ada Lovelace", "ada@uni.example")
        theirs = {
            "PATH": plain_environment()["PATH"],
            "HOME": str(self.home),
            "JUPYTERHUB_API_URL": f"{self.hub.url}/hub/api",
            "JUPYTERHUB_API_TOKEN": "server-token",
            **more,
        }
        environment = hubforge.merge_environment(theirs, self.config, variables)
        return subprocess.run(
            ["git", *words], cwd=self.home, env=environment, capture_output=True, text=True, check=False
        )

    def fetch(self) -> subprocess.CompletedProcess[str]:
        return self.git("ls-remote", self.url)

    def actions(self) -> list[str]:
        return [question["action"] for question in self.asked]


class Working(HelperCase):
    def test_clone_commit_and_push_work_and_leave_no_secret(self) -> None:
        self.assertEqual(self.git("clone", self.url, "clone").returncode, 0)
        (self.home / "clone" / "mine.txt").write_text("mine")
        for words in (("add", "."), ("commit", "-q", "-m", "mine"), ("push", "-q")):
            ran = self.git("-C", "clone", *words)
            self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.forge.log("jupyterhub-ada")[0], "Ada Lovelace <ada@uni.example> mine")
        for path in self.home.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"token-1", path.read_bytes(), path)
        self.assertEqual(self.git("-C", "clone", "config", "remote.origin.url").stdout.strip(), self.url)

    def test_the_hub_is_asked_with_the_servers_own_token_for_this_host(self) -> None:
        self.fetch()
        asked = self.asked[0]
        self.assertEqual((asked["path"], asked["token"]), ("/hub/api/hubforge/credentials", "token server-token"))
        self.assertEqual(f"{asked['protocol']}://{asked['host']}", self.forge.url)

    def test_the_environments_proxy_is_for_the_world_and_not_for_the_hub(self) -> None:
        ran = self.helper("get", http_proxy="http://127.0.0.1:9")
        self.assertEqual(ran.stdout, "username=hubforge\npassword=token-1\n", ran.stderr)

    def helper(self, action: str, **environment: str) -> subprocess.CompletedProcess[str]:
        told = {
            "PATH": plain_environment()["PATH"],
            "JUPYTERHUB_API_URL": f"{self.hub.url}/hub/api",
            "JUPYTERHUB_API_TOKEN": "server-token",
            **environment,
        }
        command = ["python3", "-c", hubforge.HELPER, action]
        return subprocess.run(command, input="", env=told, capture_output=True, text=True, check=False)

    def test_for_another_host_it_leaves_git_to_ask_on_and_it_never_stores(self) -> None:
        self.tells = (421, {"code": "host.other", "message": "hubforge has credentials for git.uni.example only"})
        ran = self.helper("get")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
        self.asked.clear()
        self.helper("store")
        self.assertEqual(self.asked, [])

    def test_a_refused_token_is_reported_by_its_hash_and_the_next_one_works(self) -> None:
        self.forge.tokens.clear()
        self.assertNotEqual(self.fetch().returncode, 0)
        self.assertEqual(self.actions(), ["get", "erase"])
        self.assertEqual(self.asked[-1]["refused"], hashlib.sha256(b"token-1").hexdigest())
        self.forge.tokens.add("token-2")
        self.tells = (200, {"username": "hubforge", "password": "token-2"})
        self.assertEqual(self.fetch().returncode, 0)

    def test_the_persons_stored_password_is_never_offered_and_our_token_never_stored_beside_it(self) -> None:
        host = self.forge.url.partition("//")[2]
        (self.home / ".git-credentials").write_text(f"http://ada:old-password@{host}\n")
        (self.home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
        self.assertEqual(self.fetch().returncode, 0)
        self.assertEqual({login for login, _ in self.forge.logins}, {"hubforge"})
        self.assertNotIn("old-password", {password for _, password in self.forge.logins})
        self.assertNotIn("token-1", (self.home / ".git-credentials").read_text())

    def test_the_persons_other_hosts_keep_their_own_helpers(self) -> None:
        other = self.enter(Forge(self.new_folder()))
        url = other.add_repository("course", {"a": "b"})
        other.tokens.add("their-password")
        host = other.url.partition("//")[2]
        (self.home / ".git-credentials").write_text(f"http://ada:their-password@{host}\n")
        (self.home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
        ran = self.git("ls-remote", url)
        self.assertEqual((ran.returncode, self.asked), (0, []), ran.stderr)


class Ended(HelperCase):
    def test_f11_a_dead_session_is_silent_towards_the_forge_and_says_so_to_the_person(self) -> None:
        self.tells = (403, {"code": "session.ended", "message": "this server's session has ended"})
        for _ in range(3):
            ran = self.fetch()
            self.assertNotEqual(ran.returncode, 0)
            self.assertIn("hubforge: this server's session has ended", ran.stderr)
        self.assertNobody()

    def test_nobody_is_asked_for_a_password_instead(self) -> None:
        """An editor's dialog would be answered with the LDAP password."""
        dialog = self.home / "dialog"
        dialog.write_text(f"#!/bin/sh\ntouch {self.home}/asked\necho ldap-password\n")
        dialog.chmod(0o755)
        self.tells = (403, {"code": "session.ended", "message": "this server's session has ended"})
        self.assertNotEqual(self.git("ls-remote", self.url, GIT_ASKPASS=str(dialog)).returncode, 0)
        self.assertFalse((self.home / "asked").exists())

    def test_a_hub_that_is_down_ends_git_at_once_without_a_prompt(self) -> None:
        self.hub.__exit__()
        ran = self.fetch()
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("hubforge: the hub does not answer", ran.stderr)
        self.assertNobody()

    def assertNobody(self) -> None:
        """No login of a person was tried: Git before 2.46 may ask as `hubforge` with no password."""
        self.assertLessEqual(set(self.forge.logins), {("hubforge", "")})

    def test_a_hub_that_answers_rubbish_is_named(self) -> None:
        for tells in ((502, b"<html>"), (404, {"status": 404, "message": "Not Found"}), (200, {"hello": 1})):
            self.tells = tells
            self.assertIn("hubforge: ", self.fetch().stderr)


class Netrc(HelperCase):
    """Case F10: Git offers what an old .netrc holds before it asks a helper."""

    def test_an_old_password_in_netrc_never_counts_as_the_persons_failed_login(self) -> None:
        entries = (
            "machine 127.0.0.1 login ada password old-directory-password\n",
            "default login ada password x\n",
            "machine 127.0.0.1 login ada password old\ndefault login ada password x\n",
        )
        for entry in entries:
            with self.subTest(entry):
                self.forge.logins.clear()
                (self.home / ".netrc").write_text(entry)
                self.assertEqual(self.fetch().returncode, 0)
                self.assertEqual({login for login, _ in self.forge.logins}, {"hubforge"})

    def test_nor_does_it_after_the_session_has_ended(self) -> None:
        (self.home / ".netrc").write_text("machine 127.0.0.1 login ada password old-directory-password\n")
        self.tells = (403, {"code": "session.ended", "message": "this server's session has ended"})
        self.fetch()
        self.assertLessEqual({login for login, _ in self.forge.logins}, {"hubforge"})


class Text(unittest.TestCase):
    def test_the_helper_holds_nothing_that_a_spawner_would_format(self) -> None:
        for mark in ("{", "}", "$("):
            self.assertNotIn(mark, hubforge.HELPER)

    def test_this_git_knows_config_from_the_environment(self) -> None:
        version = git("--version").split()[2]
        self.assertGreaterEqual([int(part) for part in version.split(".")[:2]], [2, 31])


if __name__ == "__main__":
    unittest.main()
