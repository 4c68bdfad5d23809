"""What a user's server wears: our Git settings beside the profile's, and nothing that a spawner chokes on."""

from __future__ import annotations

import asyncio
import unittest
from pathlib import Path
from types import SimpleNamespace

from support import Case, HubSpawner, HubUser

import hubforge_hub as hubforge

FORGE = "https://git.uni.example"
SESSION = hubforge.new_session("ada", "", hubforge.LiveServer(None, None))
PROFILE = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_AUTHOR_NAME": "course",
}


def entries(environment: dict[str, str]) -> list[tuple[str, str]]:
    count = int(environment["GIT_CONFIG_COUNT"])
    return [(environment[f"GIT_CONFIG_KEY_{i}"], environment[f"GIT_CONFIG_VALUE_{i}"]) for i in range(count)]


class Merge(unittest.TestCase):
    def merged(self, theirs: dict[str, str]) -> dict[str, str]:
        variables = hubforge.server_variables(SESSION, "", "Ada Lovelace", "ada@uni.example")
        return hubforge.merge_environment(theirs, hubforge.git_config(FORGE), variables)

    def test_the_profiles_git_entries_stay_and_ours_follow(self) -> None:
        merged = self.merged(PROFILE)
        self.assertEqual(entries(merged), [("safe.directory", "*"), *hubforge.git_config(FORGE)])

    def test_the_profiles_own_values_win(self) -> None:
        merged = self.merged({**PROFILE, "GIT_TERMINAL_PROMPT": "1"})
        self.assertEqual((merged["GIT_AUTHOR_NAME"], merged["GIT_TERMINAL_PROMPT"]), ("course", "1"))
        self.assertEqual(merged["GIT_COMMITTER_NAME"], "Ada Lovelace")

    def test_merging_twice_adds_nothing(self) -> None:
        once = self.merged(PROFILE)
        self.assertEqual(self.merged(once), once)

    def test_a_count_that_is_no_number_counts_as_none(self) -> None:
        for count in ("", "many", "-3"):
            self.assertEqual(entries(self.merged({"GIT_CONFIG_COUNT": count})), hubforge.git_config(FORGE))

    def test_no_value_holds_what_kubernetes_or_its_spawner_would_expand(self) -> None:
        session = hubforge.new_session("ada", "", hubforge.LiveServer(None, None))
        variables = hubforge.server_variables(session, "", "A{d}a $(HOME) <x>\n", "a{0}@x")
        for value in hubforge.merge_environment({}, hubforge.git_config(FORGE), variables).values():
            for mark in ("{", "}", "$("):
                self.assertNotIn(mark, value)

    def test_without_a_known_forge_git_is_told_nothing_because_other_helpers_would_be_told_too(self) -> None:
        merged = hubforge.merge_environment(PROFILE, hubforge.git_config(None), {"HUBFORGE_DELIVERY": "evt_1"})
        self.assertEqual(merged, {**PROFILE, "HUBFORGE_DELIVERY": "evt_1"})


class ProfileSpawner(HubSpawner):
    """Merges its profile in `start`, after all hooks, as KubeSpawner 7 does."""

    def start(self) -> dict[str, str]:
        self.environment = {**self.environment, **PROFILE}
        return self.get_env()


class LocalProcessSpawner(ProfileSpawner):
    """By this name the hub file knows a spawner whose servers are processes of this machine."""


class Dress(Case):
    def dressed(self, spawner: ProfileSpawner, step: str | bool = False) -> dict[str, str]:
        given = {"url": "http://127.0.0.1:9", "secret": "whsec_" + "A" * 32, "start_step": step}
        settings = hubforge.read_settings({**given, "outbox": str(self.new_folder() / "x")})
        dress = hubforge.Dress(settings, SESSION)
        dress.forge = FORGE
        dress.put_on(spawner)
        return spawner.start()

    def test_f3_a_profile_that_is_merged_after_the_hook_does_not_undress_the_server(self) -> None:
        worn = self.dressed(ProfileSpawner(HubUser("ada")))
        self.assertEqual(entries(worn), [("safe.directory", "*"), *hubforge.git_config(FORGE)])
        self.assertEqual(worn["GIT_AUTHOR_NAME"], "course")
        self.assertEqual(worn["JUPYTERHUB_API_TOKEN"], "server-token")

    def test_only_a_local_process_gets_the_start_step_in_its_command(self) -> None:
        step = str(Path(hubforge.__file__).with_name("hubforge_clone.py"))
        local, other = LocalProcessSpawner(HubUser("ada")), ProfileSpawner(HubUser("ada"))
        for _ in range(2):
            self.dressed(local, step)
        self.dressed(other, step)
        self.assertEqual(local.cmd[:2] + local.cmd[3:], ["/bin/sh", "-c", step, "jupyterhub-singleuser"])
        self.assertEqual(other.cmd, ["jupyterhub-singleuser"])

    def test_names_come_from_the_last_login_if_hubforge_did_not_say(self) -> None:
        new = {"user_attributes": {"cn": ["Ada Lovelace"], "mail": ["ada@uni.example", "second@uni.example"]}}
        old = {"cn": "Ada Lovelace", "mail": "ada@uni.example"}
        for auth_state in (new, old):
            dress = hubforge.Dress.__new__(hubforge.Dress)
            dress._settings = SimpleNamespace(full_name_attribute="cn", email_attribute="mail")  # type: ignore[assignment]
            dress.identify(auth_state)
            self.assertEqual((dress.full_name, dress.mail), ("Ada Lovelace", "ada@uni.example"))
        for nothing in (None, {}, {"user_attributes": {"cn": []}}):
            dress.identify(nothing)
            self.assertEqual((dress.full_name, dress.mail), ("", ""))


class Progress(unittest.TestCase):
    def test_our_lines_come_before_the_spawners_own(self) -> None:
        async def watch() -> list[tuple[int, str]]:
            spawner, readiness = HubSpawner(HubUser("ada")), hubforge.Readiness()
            readiness.show_on(spawner)
            shown = []
            async for event in spawner.progress():
                shown.append((event["progress"], event["message"]))
                readiness.text = "Your repository is ready"
                readiness.is_over.set()
            return shown

        shown = asyncio.run(watch())
        wanted = ["Preparing your Git repository", "Your repository is ready", "Spawning server..."]
        self.assertEqual([message for _, message in shown], wanted)
        self.assertEqual([percent for percent, _ in shown], sorted(percent for percent, _ in shown))


if __name__ == "__main__":
    unittest.main()
