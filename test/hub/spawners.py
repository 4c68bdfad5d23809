"""Spawners for tests with a real hub: one whose profile comes last, one that fails as told, one without processes."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner, Spawner


class ProfileSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Merges a profile's environment in `start`, after every hook, as KubeSpawner 7 does (case F3)."""

    async def start(self) -> Any:
        self.environment = {
            **self.environment,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_AUTHOR_NAME": "course",
        }
        return await super().start()


class FailingSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """Steered by `user_options["fail"]`: raise, slow, mute, exit, hang. Only a start that is to run into the hub's
    limits has short ones: every other may take as long as a busy machine needs."""

    async def run_pre_spawn_hook(self) -> None:
        if self.user_options.get("fail") in ("slow", "mute", "exit"):
            self.start_timeout = self.http_timeout = 6
        await super().run_pre_spawn_hook()

    async def start(self) -> Any:
        fail = self.user_options.get("fail")
        if fail == "raise":
            raise RuntimeError("told to fail")
        if fail in ("slow", "hang"):
            await asyncio.sleep(600)
        if fail == "mute":
            self.cmd = ["sleep", "600"]
            self.args = []
        if fail == "exit":
            self.cmd = ["false"]
            self.args = []
        return await super().start()


class NullSpawner(Spawner):  # type: ignore[misc]
    """No process at all: one shared server at HUBFORGE_HUB_NULL_URL answers for everybody."""

    is_up = False

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.is_up = bool(state.get("is_up"))

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "is_up": self.is_up}

    def clear_state(self) -> None:
        super().clear_state()
        self.is_up = False

    async def start(self) -> str:
        self.get_env()
        self.is_up = True
        return os.environ["HUBFORGE_HUB_NULL_URL"]

    async def stop(self, now: bool = False) -> None:
        self.is_up = False

    async def poll(self) -> int | None:
        return None if self.is_up else 0


class TimedNullSpawner(NullSpawner):
    """Writes how long each hook took, one JSON list a line; without a hook it times one that does nothing."""

    async def run_pre_spawn_hook(self) -> None:
        await self._time("pre", self.pre_spawn_hook)

    async def run_post_stop_hook(self) -> None:
        await self._time("post", self.post_stop_hook)

    async def _time(self, name: str, hook: Any) -> None:
        begun = time.perf_counter()
        await (hook or empty_hook)(self)
        took = time.perf_counter() - begun
        with (Path(os.environ["HUBFORGE_HUB_DIR"]) / "hooks.jsonl").open("a") as file:
            file.write(f"{json.dumps([name, took * 1000])}\n")


async def empty_hook(spawner: Any) -> None:
    """Nothing, in another thread: on a busy loop the way there and back is what takes the time."""
    await asyncio.get_running_loop().run_in_executor(None, int)
