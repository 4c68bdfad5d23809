"""The start step, against a real forge: the clone comes by itself and never costs anybody a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from support import HUB_FOLDER, Case, Forge, Server, commit_files, git, plain_environment, reply, wait_for

import hubforge_clone as start_step
import hubforge_hub as hubforge

FILES = {"IlumIntro.ipynb": "{}", "work/README.md": "yours", "spark/pi.ipynb": "pi"}


class CloneCase(Case):
    def setUp(self) -> None:
        self.home = self.new_folder()
        self.forge = self.enter(Forge(self.new_folder()))
        self.url = self.forge.add_repository("jupyterhub-ada", FILES)
        self.forge.tokens.add("token")
        self.status: Any = {"state": "ready", "cloneUrl": self.url, "delivery": "evt_1"}
        self.questions = 0
        self.hub = self.enter(Server(self.answer))
        self.target = self.home / "jupyterhub-ada"
        self.environment = hubforge.merge_environment(
            {
                **plain_environment(),
                "HOME": str(self.home),
                "JUPYTERHUB_ROOT_DIR": str(self.home),
                "JUPYTERHUB_API_URL": f"{self.hub.url}/hub/api",
                "JUPYTERHUB_API_TOKEN": "server-token",
                "HUBFORGE_DELIVERY": "evt_0",
            },
            hubforge.git_config(self.forge.url),
            {"HUBFORGE_CREDENTIAL_HELPER": hubforge.HELPER},
        )

    def answer(self, handler: Any, body: bytes) -> None:
        if handler.path.endswith("/credentials"):
            reply(handler, 200, {"username": "hubforge", "password": "token"})
            return
        self.questions += 1
        if isinstance(self.status, tuple):
            reply(handler, *self.status)
        else:
            reply(handler, 200, self.status)

    def run_step(self, **more: str) -> str:
        """Run the loop here until it ends by itself; what it said."""
        said: list[str] = []
        environment = mock.patch.dict(os.environ, {**self.environment, **more}, clear=True)
        with environment, mock.patch.object(start_step, "say", said.append):
            start_step.keep_trying(os.getpid())
        start_step.WARNED.clear()
        return "\n".join(said)

    def git_here(self, *words: str) -> str:
        return git("-C", str(self.target), *words)

    def files(self) -> dict[str, str]:
        paths = [path for path in self.target.rglob("*") if path.is_file() and ".git" not in path.parts]
        return {str(path.relative_to(self.target)): path.read_text() for path in paths}


class Fresh(CloneCase):
    def test_the_clone_appears_whole_with_its_origin_and_branch(self) -> None:
        self.assertIn("cloned", self.run_step())
        self.assertEqual(self.files(), FILES)
        self.assertEqual(self.git_here("remote", "get-url", "origin"), self.url)
        self.assertEqual(self.git_here("status", "--porcelain", "--branch"), "## main...origin/main")
        self.assertEqual([path.name for path in self.home.iterdir()], ["jupyterhub-ada"])

    def test_nobody_ever_sees_half_a_clone(self) -> None:
        many = {f"file{number:03}": "x" for number in range(300)}
        self.status["cloneUrl"] = self.forge.add_repository("jupyterhub-many", many)
        target = self.home / "jupyterhub-many"
        cloning = threading.Thread(target=self.run_step)
        cloning.start()
        while not target.exists() and cloning.is_alive():
            pass
        seen = len(list(target.iterdir()))
        cloning.join()
        self.assertEqual(seen, len(many) + 1)

    def test_running_it_again_changes_nothing(self) -> None:
        self.run_step()
        (self.target / "IlumIntro.ipynb").write_text("mine")
        (self.target / "work" / "README.md").unlink()
        before = self.files()
        self.assertIn("is a clone already", self.run_step())
        self.assertEqual(self.files(), before)

    def test_an_empty_folder_is_filled(self) -> None:
        self.target.mkdir()
        self.run_step()
        self.assertEqual(self.files(), FILES)

    def test_two_servers_on_one_home_end_with_one_clone(self) -> None:
        command = [sys.executable, "-c", "import os, hubforge_clone as s; s.keep_trying(os.getpid())"]
        environment = {**self.environment, "PYTHONPATH": str(HUB_FOLDER)}
        both = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(3)]
        self.assertEqual([one.wait(30) for one in both], [0, 0, 0])
        self.assertEqual(self.files(), FILES)
        self.assertEqual(self.git_here("status", "--porcelain"), "")
        self.assertEqual([path.name for path in self.home.iterdir()], ["jupyterhub-ada"])

    def test_a_directory_of_ones_own_choice(self) -> None:
        self.run_step(HUBFORGE_DIRECTORY="deep/notebooks")
        self.assertTrue((self.home / "deep" / "notebooks" / "IlumIntro.ipynb").exists())

    def test_a_server_whose_git_settings_are_missing_gets_them_in_the_clone(self) -> None:
        """The hub did not know Gitea yet, or a profile put its own GIT_CONFIG_* in the place of ours (case F3)."""
        self.status["gitConfig"] = hubforge.git_config(self.forge.url)
        for name in [name for name in self.environment if name.startswith("GIT_CONFIG_")]:
            del self.environment[name]
        profile = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
        for more in ({}, profile):
            with self.subTest(more):
                told = self.run_step(**more)
                self.assertIn("no helper for Git", told)
                fetch = ["git", "-C", str(self.target), "fetch"]
                ran = subprocess.run(fetch, env={**self.environment, **more}, capture_output=True, check=False)
                self.assertEqual(ran.returncode, 0, ran.stderr)
        helpers = self.git_here("config", "--local", "--get-all", f"credential.{self.forge.url}.helper")
        self.assertEqual(helpers, '!python3 -c "$HUBFORGE_CREDENTIAL_HELPER"')

    def test_names_are_set_in_the_clone_if_the_environment_has_none(self) -> None:
        self.status.update(fullName="Ada Lovelace", email="ada@uni.example")
        self.run_step()
        self.assertEqual(self.git_here("config", "user.name"), "Ada Lovelace")
        self.assertEqual(self.git_here("config", "user.email"), "ada@uni.example")

    def test_names_in_the_environment_are_left_to_it(self) -> None:
        self.status.update(fullName="Ada Lovelace", email="ada@uni.example")
        self.run_step(GIT_AUTHOR_NAME="course", GIT_AUTHOR_EMAIL="course@uni.example")
        self.assertNotIn("user", self.git_here("config", "--local", "--list"))


class Adopt(CloneCase):
    def test_a_folder_with_files_becomes_a_clone_and_keeps_every_file_as_it_is(self) -> None:
        self.target.mkdir()
        (self.target / "IlumIntro.ipynb").write_text("my own changes")
        (self.target / "thesis.txt").write_text("three years of work")
        (self.target / "work").write_text("a file where the repository has a folder")
        self.assertIn("adopted", self.run_step())
        kept = {"IlumIntro.ipynb": "my own changes", "thesis.txt": "three years of work"}
        kept["work"] = "a file where the repository has a folder"
        self.assertEqual(self.files(), {**kept, "spark/pi.ipynb": "pi"})
        self.assertEqual(self.git_here("rev-parse", "HEAD"), self.git_here("rev-parse", "origin/main"))
        changes = self.git_here("status", "--porcelain").splitlines()
        self.assertEqual(sorted(line.split()[1] for line in changes),
                         ["IlumIntro.ipynb", "thesis.txt", "work"])  # fmt: skip

    def test_what_cannot_be_laid_beside_a_persons_file_is_not_deleted_by_their_next_commit(self) -> None:
        self.target.mkdir()
        (self.target / "spark").write_text("a file where the repository has a folder")
        self.assertIn("but 1 of the repository's files, whose folder is no folder here", self.run_step())
        self.assertEqual((self.target / "work/README.md").read_text(), FILES["work/README.md"])  # comes after it
        self.git_here("commit", "-q", "--allow-empty", "-a", "-m", "mine")
        self.assertEqual(self.git_here("ls-tree", "-r", "--name-only", "HEAD").splitlines(), sorted(FILES))

    def test_a_link_out_of_the_folder_is_not_followed(self) -> None:
        outside = self.new_folder()
        self.target.mkdir()
        (self.target / "work").symlink_to(outside)
        self.run_step()
        self.assertEqual(list(outside.iterdir()), [])
        self.assertTrue((self.target / "work").is_symlink())

    def test_an_adoption_that_was_interrupted_is_finished(self) -> None:
        self.target.mkdir()
        (self.target / "thesis.txt").write_text("work")
        self.git_here("init", "-q")
        repository = start_step.Repository(self.url, "", "", "")
        with mock.patch.dict(os.environ, self.environment, clear=True):
            step = start_step.Git(os.getpid())
            start_step.set_origin(step, repository.url, self.target)
            start_step.start_from_origin(step, self.target)
        self.assertEqual(self.files(), {"thesis.txt": "work"})
        self.run_step()
        self.assertEqual(self.files(), {**FILES, "thesis.txt": "work"})
        self.assertNotIn("hubforge.adopting", self.git_here("config", "--local", "--list"))

    def test_an_old_origin_on_our_host_is_renewed_and_loses_its_password(self) -> None:
        self.run_step()
        old = self.url.replace("http://", "http://ada:old-password@").replace("jupyterhub-ada", "old-name")
        self.git_here("remote", "set-url", "origin", old)
        self.git_here("config", "hubforge.origin", self.url.replace("jupyterhub-ada", "old-name"))
        self.run_step()
        self.assertEqual(self.git_here("remote", "get-url", "origin"), self.url)

    def test_an_origin_that_is_another_repository_of_our_host_is_the_persons_own(self) -> None:
        self.run_step()
        other = self.url.replace("jupyterhub-ada", "team-project")
        self.git_here("remote", "set-url", "origin", other)
        self.run_step()
        self.assertEqual(self.git_here("remote", "get-url", "origin"), other)
        self.assertEqual(self.git_here("remote", "get-url", "hubforge"), self.url)

    def test_an_origin_elsewhere_is_the_persons_own(self) -> None:
        self.target.mkdir()
        self.git_here("init", "-q", "-b", "main")
        (self.target / "mine").write_text("mine")
        self.git_here("add", ".")
        self.git_here("commit", "-q", "-m", "mine")
        self.git_here("remote", "add", "origin", "https://github.example/ada/mine.git")
        for _ in range(2):
            self.run_step()
        self.assertEqual(self.git_here("remote", "get-url", "origin"), "https://github.example/ada/mine.git")
        self.assertEqual(self.git_here("remote", "get-url", "hubforge"), self.url)
        self.assertEqual(self.files(), {"mine": "mine"})

    def test_own_commits_without_a_remote_stay_and_get_the_origin(self) -> None:
        self.target.mkdir()
        self.git_here("init", "-q", "-b", "main")
        self.git_here("commit", "-q", "--allow-empty", "-m", "mine")
        head = self.git_here("rev-parse", "HEAD")
        self.run_step()
        self.assertEqual(self.git_here("rev-parse", "HEAD"), head)
        self.assertEqual(self.git_here("remote", "get-url", "origin"), self.url)

    def test_the_notebook_folder_itself_can_be_the_clone(self) -> None:
        (self.home / "thesis.txt").write_text("work")
        self.run_step(HUBFORGE_DIRECTORY=".")
        self.assertEqual((self.home / "IlumIntro.ipynb").read_text(), "{}")
        self.assertEqual((self.home / "thesis.txt").read_text(), "work")

    def test_a_file_of_that_name_is_left_alone_and_named(self) -> None:
        self.target.write_text("not a folder")
        self.assertIn("is a file", self.run_step())
        self.assertEqual(self.target.read_text(), "not a folder")
        self.assertIn("is a file", (self.home / start_step.NOTE).read_text())


class Waiting(CloneCase):
    def in_background(self) -> threading.Thread:
        thread = threading.Thread(target=self.run_step, daemon=True)
        thread.start()
        return thread

    def test_after_a_minute_a_note_says_so_with_the_delivery_and_goes_when_the_clone_is_there(self) -> None:
        self.status = {"state": "pending", "cloneUrl": self.url, "delivery": "evt_now"}
        note = self.home / start_step.NOTE
        with mock.patch.object(start_step, "NOTE_AFTER_SECONDS", 0.5):
            waiting = self.in_background()
            text = wait_for(lambda: note.exists() and note.read_text())
            self.assertIn("still being prepared", text)
            self.assertIn("evt_now", text)  # a lost outbox gave the session another id than the environment's
            self.assertNotIn("evt_0", text)
            self.status = (503, {"code": "hub.failed", "message": "the hub could not look this up"})
            wait_for(lambda: "could not look" in note.read_text())
            self.assertIn("evt_now", note.read_text())
            self.status = {"state": "ready", "cloneUrl": self.url, "delivery": "evt_now"}
            waiting.join(30)
        self.assertFalse(note.exists())
        self.assertEqual(self.files(), FILES)

    def test_before_that_minute_there_is_no_note(self) -> None:
        self.assertEqual(start_step.NOTE_AFTER_SECONDS, 60)
        self.status = (503, {"code": "hubforge.unreachable", "message": "hubforge does not answer"})
        waiting = self.in_background()
        wait_for(lambda: self.questions >= 3)
        self.assertEqual(list(self.home.iterdir()), [])
        self.status = {"state": "ready", "cloneUrl": self.url}
        waiting.join(30)

    def test_a_forge_that_fails_for_a_while_is_tried_again(self) -> None:
        self.forge.tokens.clear()
        waiting = self.in_background()
        wait_for(lambda: len(self.forge.logins) >= 2)
        self.forge.tokens.add("token")
        waiting.join(60)
        self.assertEqual(self.files(), FILES)

    def test_an_empty_repository_is_waited_for(self) -> None:
        self.url = self.forge.add_repository("jupyterhub-bob")
        self.status = {"state": "ready", "cloneUrl": self.url}
        waiting = self.in_background()
        wait_for(lambda: self.questions >= 2)
        self.assertFalse((self.home / "jupyterhub-bob").exists())
        commit_files(self.forge.folder / "ilum-jupyterhub" / "jupyterhub-bob.git", FILES)
        waiting.join(30)
        self.assertTrue((self.home / "jupyterhub-bob" / "IlumIntro.ipynb").exists())

    def test_a_session_that_has_ended_for_long_ends_it_without_a_word_in_the_files(self) -> None:
        self.status = (403, {"code": "session.ended", "message": "this server's session has ended"})
        with mock.patch.object(start_step, "ENDED_FOR_SECONDS", 0.5):
            self.assertIn("session has ended", self.run_step())
        self.assertEqual(list(self.home.iterdir()), [])

    def test_no_for_good_ends_it_with_its_reason(self) -> None:
        message = "site admins get no token"
        self.status = (403, {"code": "person.protected", "message": message, "delivery": "evt_now"})
        self.assertIn("site admins get no token", self.run_step())
        note = (self.home / start_step.NOTE).read_text()
        self.assertIn("evt_now", note)
        self.assertIn("site admins get no token", note)
        self.status = {"state": "ready", "cloneUrl": self.url}
        self.run_step()
        self.assertFalse((self.home / start_step.NOTE).exists())

    def test_a_file_of_the_persons_own_under_the_notes_name_is_never_touched(self) -> None:
        (self.home / start_step.NOTE).write_text("mine")
        self.status = (403, {"code": "person.protected", "message": "no"})
        self.run_step()
        self.status = {"state": "ready", "cloneUrl": self.url}
        self.run_step()
        self.assertEqual((self.home / start_step.NOTE).read_text(), "mine")

    def test_what_only_somebody_else_can_mend_is_said_in_one_clear_line(self) -> None:
        (self.home / ".netrc").write_text("# old\nmachine 127.0.0.1\n  login ada password old\n")
        del self.environment["HUBFORGE_CREDENTIAL_HELPER"]
        with mock.patch.object(start_step, "place_clone", return_value="done"):
            told = self.run_step()
        self.assertEqual(told.count("no HUBFORGE_CREDENTIAL_HELPER"), 1)
        self.assertEqual(told.count("line 2 of ~/.netrc"), 1)

    def test_a_repository_with_a_name_that_leads_elsewhere_is_refused(self) -> None:
        for url in ("http://x/ilum/..", "http://x/ilum/.git", "http://x/", "http://x/ilum/.ssh"):
            with self.assertRaises(start_step.Never):
                start_step.target_of(self.home, url)


class Background(CloneCase):
    """As the server's own command runs it: sh, this script, then the server in the same process."""

    def start(self, script: Path, seconds: str) -> subprocess.Popen[bytes]:
        command = hubforge.with_start_step(script, ["sleep", seconds])
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL, cwd=self.home)

    def processes(self) -> list[str]:
        """Start steps of this test that still run."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                command = (folder / "cmdline").read_bytes() if folder.name.isdigit() else b""
                if b"hubforge_clone.py" in command and str(self.home).encode() in (folder / "environ").read_bytes():
                    found.append(folder.name)
            except OSError:
                continue
        return found

    def test_the_server_starts_at_once_and_the_clone_follows(self) -> None:
        server = self.start(HUB_FOLDER / "hubforge_clone.py", "30")
        self.addCleanup(server.kill)
        wait_for(lambda: Path(f"/proc/{server.pid}/cmdline").read_bytes().startswith(b"sleep"))
        wait_for(lambda: (self.target / "IlumIntro.ipynb").exists())
        wait_for(lambda: not self.processes())
        server.kill()
        server.wait()

    def test_it_ends_with_its_server(self) -> None:
        self.status = {"state": "pending", "cloneUrl": self.url}
        server = self.start(HUB_FOLDER / "hubforge_clone.py", "30")
        wait_for(lambda: Path(f"/proc/{server.pid}/cmdline").read_bytes().startswith(b"sleep"))
        self.assertEqual(len(self.processes()), 1)
        server.kill()
        server.wait()
        wait_for(lambda: not self.processes())

    def test_a_script_that_is_missing_or_broken_never_costs_the_server(self) -> None:
        broken = self.home / "broken.py"
        broken.write_text("this is not python")
        for script in (self.home / "missing.py", broken):
            self.assertEqual(self.start(script, "0").wait(20), 0)

    def test_outside_a_hub_it_says_so_and_does_nothing(self) -> None:
        script = [sys.executable, str(HUB_FOLDER / "hubforge_clone.py")]
        ran = subprocess.run(script, env=plain_environment(), capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (0, ""))
        self.assertIn("JUPYTERHUB_API_URL and JUPYTERHUB_API_TOKEN not set", ran.stderr)


if __name__ == "__main__":
    unittest.main()
