"""The start step in a user's server: clones the person's repository beside the running notebook.

    sh -c 'python3 "$0" || true; exec "$@"' /path/to/hubforge_clone.py jupyterhub-singleuser

Returns at once and goes on in the background until the clone is there, the hub says no for good, or the server ends.
Needs git and Python 3.8 or later, and asks nobody but the hub. Never overwrites a file, never fails the server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NOTE = "HUBFORGE-WAITING.txt"
NOTE_TITLE = "hubforge: your repository is not here yet\n"  # only a file that begins so is ever removed
NOTE_AFTER_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 15.0  # between two questions to the hub
LONGEST_GIT_WAIT_SECONDS = 120.0  # between two attempts of Git
ENDED_FOR_SECONDS = 900.0  # longer than the hub takes to find a server that its outbox has lost
LEFT_OVER_SECONDS = 3600.0  # an unfinished clone older than this was left by a server that died
UNFINISHED = ".hubforge-clone-"


class NoClone(Exception):
    """The reason; with the id of the session's delivery, if the hub said it."""

    def __init__(self, reason: str, delivery: str = "") -> None:
        super().__init__(reason)
        self.delivery = delivery


class Later(NoClone):
    """Not yet; worth another attempt."""


class SessionEnded(Later):
    """The hub knows no open session of this server: it is being reconciled, or all is over."""


class Never(NoClone):
    """No further attempt can help; the text is for the person."""


class ServerEnded(Exception):
    """The notebook server is gone, and so is the reason to go on."""


@dataclasses.dataclass(frozen=True)
class Repository:
    """What hubforge says of this person's repository."""

    url: str
    full_name: str
    email: str
    delivery: str
    git_config: tuple[tuple[str, str], ...] = ()


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # the server's log may be gone
        print(f"hubforge: {text}", file=sys.stderr, flush=True)


# --- The hub ----------------------------------------------------------------------------------------------------------


def ask_hub() -> Repository:
    """Raises Later while there is no ready repository, Never if there will be none."""
    url = os.environ["JUPYTERHUB_API_URL"] + "/hubforge/status"
    request = urllib.request.Request(url, headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        raise refusal(error) from error
    except (OSError, ValueError) as error:
        raise Later(f"the hub does not answer: {error}") from error
    if told.get("state") != "ready":
        raise Later("it is still being prepared", str(told.get("delivery") or ""))
    return read_repository(told)


def read_repository(told: dict[str, Any]) -> Repository:
    names = {"url": "cloneUrl", "full_name": "fullName", "email": "email", "delivery": "delivery"}
    config = tuple((str(key), str(value)) for key, value in told.get("gitConfig") or ())
    return Repository(git_config=config, **{ours: str(told.get(theirs) or "") for ours, theirs in names.items()})


def refusal(error: urllib.error.HTTPError) -> Exception:
    """403 with a code of hubforge's own is final; everything else may heal."""
    try:
        told = json.loads(error.read())
    except (OSError, ValueError):
        told = {}
    message, delivery = str(told.get("message") or f"the hub answered {error.code}"), str(told.get("delivery") or "")
    if told.get("code") == "session.ended":
        return SessionEnded(message)
    return Never(message, delivery) if error.code == 403 and told.get("code") else Later(message, delivery)


# --- Git --------------------------------------------------------------------------------------------------------------


class Git:
    """Git as the person's own commands run it, with the server's environment; stops when the server does."""

    def __init__(self, server_pid: int) -> None:
        self._server_pid = server_pid
        self.config: tuple[tuple[str, str], ...] = ()  # what the hub says that Git must know, beside the environment

    def run(self, *words: str, at: Path | None = None, fails_with: type[Exception] = Later, given: str = "") -> str:
        """What Git prints; `given` is its input. Raises `fails_with` with Git's last words."""
        where = ["-C", str(at)] if at else []
        slow = ["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"]
        environment = with_config(os.environ, self.config)
        with (
            tempfile.TemporaryFile() as inputs,
            tempfile.TemporaryFile() as output,
            tempfile.TemporaryFile() as errors,
        ):
            inputs.write(given.encode("utf-8", "surrogateescape"))
            inputs.seek(0)
            process = subprocess.Popen(
                ["git", *slow, *where, *words], env=environment, stdin=inputs, stdout=output, stderr=errors
            )
            self._wait(process)
            output.seek(0)
            errors.seek(0)
            if process.returncode:
                raise fails_with(last_line(errors.read().decode("utf-8", "replace")) or f"git {words[0]} failed")
            return output.read().decode("utf-8", "surrogateescape").strip()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                process.wait(timeout=1)
                return
            except subprocess.TimeoutExpired:
                if not is_running(self._server_pid):
                    process.terminate()
                    process.wait()
                    raise ServerEnded from None

    def ask(self, *words: str, at: Path | None = None) -> str | None:
        """The same for a question: None if Git says no."""
        try:
            return self.run(*words, at=at)
        except Later:
            return None


def with_config(environ: Mapping[str, str], config: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The environment with more Git settings, in English and without a prompt."""
    environment = dict(environ, LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_ASKPASS="", SSH_ASKPASS="")
    count = int(environ["GIT_CONFIG_COUNT"]) if environ.get("GIT_CONFIG_COUNT", "").isdigit() else 0
    for number, (key, value) in enumerate(config, start=count):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**environment, "GIT_CONFIG_COUNT": str(count + len(config))}


def last_line(text: str) -> str:
    """The line that says what went wrong: ours, else Git's last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("hubforge: ")]
    return told[-1][len("hubforge: ") :] if told else (lines[-1] if lines else "")


def is_running(pid: int) -> bool:
    if pid <= 1:
        return True  # started by the container itself: both end together
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# --- The clone --------------------------------------------------------------------------------------------------------


def make_clone(git: Git, repository: Repository, folder: Path) -> None:
    """The clone in its place, and Git's settings for the person's own commands."""
    warn_of_environment(repository.url)
    target = target_of(folder, repository.url)
    git.config = ()
    is_dressed = knows_helper(git, repository.url)
    git.config = repository.git_config
    say(place_clone(git, repository, target))
    if not is_dressed:
        keep_config(git, repository, target)


def place_clone(git: Git, repository: Repository, target: Path) -> str:
    """Make `target` a clone of the repository, whatever is there already; one sentence about what was done."""
    if target.exists() and not target.is_dir():
        raise Never(f"{target} is a file; move it away and start the server again")
    is_empty = not target.is_dir() or not any(target.iterdir())
    if is_empty and target != notebook_folder():
        return fresh_clone(git, repository, target)
    return adopt(git, repository, target)


def fresh_clone(git: Git, repository: Repository, target: Path) -> str:
    """Clone beside the target and move it there whole, so that nobody ever sees half a clone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_left_overs(target.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=target.parent))
    try:
        git.run("clone", "--quiet", "--config", f"hubforge.origin={repository.url}", repository.url, str(unfinished))
        if git.ask("rev-parse", "--verify", "--quiet", "HEAD", at=unfinished) is None:
            raise Later("the repository has no commit yet")
        unfinished.chmod(0o777 & ~current_umask())
        with contextlib.suppress(FileNotFoundError):
            target.rmdir()  # empty; if somebody has put a file there just now, this fails and the next round adopts
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    name_author(git, repository, target)
    return f"cloned {repository.url} into {target}"


def adopt(git: Git, repository: Repository, target: Path) -> str:
    """Turn a folder with files into a clone: what lies there stays as it is, only what is missing is added."""
    top = git.ask("rev-parse", "--show-toplevel", at=target)
    if top is None or Path(top).resolve() != target.resolve():
        if (target / ".git").exists():
            git.run("rev-parse", "--show-toplevel", at=target, fails_with=Never)  # says why, e.g. dubious ownership
        git.run("init", "--quiet", at=target)
    remote = set_origin(git, repository.url, target)
    has_commits = git.ask("rev-parse", "--verify", "--quiet", "HEAD", at=target) is not None
    was_interrupted = git.ask("config", "--local", "hubforge.adopting", at=target) is not None
    if has_commits and not was_interrupted:
        return f"{target} is a clone already"
    if remote != "origin":
        raise Never(f"{target} has another origin and no commit; your repository is its remote {remote}")
    if not has_commits:
        start_from_origin(git, target)
    left_out = add_missing(git, target)
    git.ask("update-index", "--refresh", "-q", at=target)  # "fails" if a file that was there differs
    git.ask("config", "--local", "--unset-all", "hubforge.adopting", at=target)
    name_author(git, repository, target)
    without = f", but {left_out} of the repository's files, whose folder is no folder here" if left_out else ""
    return f"adopted {target}: nothing in it was changed, what was missing was added{without}"


def add_missing(git: Git, target: Path) -> int:
    """Lay out the repository's files that are not there; how many cannot be, because a file or a link of the person's
    has the name of their folder. Those are marked (`skip-worktree`), or the next `git commit -a` would delete them."""
    missing = [name for name in git.run("ls-files", "-z", "--deleted", at=target).split("\0") if name]
    possible = [name for name in missing if has_own_folders(target, name)]
    impossible = sorted(set(missing) - set(possible))
    for words, names in ((("checkout-index", "--quiet"), possible), (("update-index", "--skip-worktree"), impossible)):
        if names:
            git.run(*words, "-z", "--stdin", at=target, given="".join(f"{name}\0" for name in names))
    return len(impossible)


def has_own_folders(target: Path, name: str) -> bool:
    """Whether each folder above `name` is a real one of the clone, or can be made."""
    folders = [target / parent for parent in Path(name).parents if parent != Path()]
    return all((folder.is_dir() and not folder.is_symlink()) or not os.path.lexists(folder) for folder in folders)


def start_from_origin(git: Git, target: Path) -> None:
    """Let the first branch be the repository's, without touching a file."""
    git.run("fetch", "--quiet", "origin", at=target)
    head = git.run("ls-remote", "--symref", "origin", "HEAD", at=target)
    branch = re.match(r"ref: refs/heads/(\S+)\s+HEAD", head)
    if not branch:
        raise Later("the repository has no commit yet")
    name = branch.group(1)
    git.run("config", "--local", "hubforge.adopting", "true", at=target)
    git.run("symbolic-ref", "HEAD", f"refs/heads/{name}", at=target)
    git.run("reset", "--quiet", f"refs/remotes/origin/{name}", at=target)
    git.run("branch", "--quiet", f"--set-upstream-to=origin/{name}", name, at=target)


def set_origin(git: Git, url: str, target: Path) -> str:
    """Point `origin` at the repository; one that is another repository is the person's own and stays: ours is then
    the remote `hubforge`. Also takes a password out of an old address of ours, and follows one that was renamed."""
    found = git.ask("config", "--local", "--get", "remote.origin.url", at=target)
    ours = git.ask("config", "--local", "--get", "hubforge.origin", at=target)  # as we have set it once
    if found is None or any(is_same_repository(found, known) for known in (url, ours) if known):
        if found is None:
            git.run("remote", "add", "origin", url, at=target)
        elif found != url:
            git.run("remote", "set-url", "origin", url, at=target)
            say(f"origin of {target} now is {url}")
        git.run("config", "--local", "hubforge.origin", url, at=target)
        return "origin"
    if git.ask("config", "--local", "--get", "remote.hubforge.url", at=target) != url:
        git.ask("remote", "remove", "hubforge", at=target)
        git.run("remote", "add", "hubforge", url, at=target)
        say(f"origin of {target} is elsewhere and stays; your repository is its remote hubforge")
    return "hubforge"


def is_same_repository(one: str, other: str) -> bool:
    """The same host and path, whatever user or password stands in the address."""
    places = [(urlsplit(url).hostname, re.sub(r"(\.git)?/*$", "", urlsplit(url).path.lower())) for url in (one, other)]
    return places[0] == places[1]


def name_author(git: Git, repository: Repository, target: Path) -> None:
    """Set name and mail for this clone, if neither the server's environment nor the person has set them."""
    for setting, variable, value in (
        ("user.name", "GIT_AUTHOR_NAME", repository.full_name),
        ("user.email", "GIT_AUTHOR_EMAIL", repository.email),
    ):
        if value and not os.environ.get(variable) and git.ask("config", setting, at=target) is None:
            git.run("config", "--local", setting, value, at=target)


def knows_helper(git: Git, url: str) -> bool:
    """Whether the server's own environment tells Git of the helper. Not so if the hub did not know Gitea when the
    server started, or if a spawner or profile put its own settings in the place of ours."""
    return "HUBFORGE_CREDENTIAL_HELPER" in (git.ask("config", "--get-urlmatch", "credential.helper", url) or "")


def keep_config(git: Git, repository: Repository, target: Path) -> None:
    """Write the settings into the clone, so that the person's own commands have them there at least."""
    for key in {key for key, _ in repository.git_config}:
        git.ask("config", "--local", "--unset-all", key, at=target)
    for key, value in repository.git_config:
        git.run("config", "--local", "--add", key, value, at=target)
    say(f"the server's environment has no helper for Git: it is set in {target} only")


def remove_left_overs(folder: Path) -> None:
    for unfinished in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - unfinished.stat().st_mtime > LEFT_OVER_SECONDS:
                shutil.rmtree(unfinished, ignore_errors=True)


def current_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# --- The note ---------------------------------------------------------------------------------------------------------


def write_note(folder: Path, text: str) -> None:
    """Tell the person in their file list; never over a file of their own, never worth an error."""
    with contextlib.suppress(OSError):
        note = folder / NOTE
        if note.exists() and not is_ours(note):
            return
        unfinished = folder / f".{NOTE}.{os.getpid()}"
        unfinished.write_text(f"{NOTE_TITLE}\n{text}\n", encoding="utf-8")
        unfinished.replace(note)


def remove_note(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if is_ours(folder / NOTE):
            (folder / NOTE).unlink()


def is_ours(note: Path) -> bool:
    with note.open(encoding="utf-8", errors="replace") as file:
        return file.readline() == NOTE_TITLE


def waiting_text(reason: str, delivery: str) -> str:
    return (
        f"It should appear here by itself as soon as it is made; you can work meanwhile.\nAs of now: {reason}\n\n"
        f"If this stays, give your administrators this number:\n{delivery or 'unknown'}"
    )


def refused_text(reason: str, delivery: str) -> str:
    return (
        f"There will be none for this server: {reason}\n\nIf that is wrong, give your administrators this number:\n"
        f"{delivery or 'unknown'}\nand start the server again once they have mended it."
    )


# --- The loop ---------------------------------------------------------------------------------------------------------


def notebook_folder() -> Path:
    return Path(os.path.expanduser(os.environ.get("JUPYTERHUB_ROOT_DIR") or ".")).absolute()


def target_of(folder: Path, clone_url: str) -> Path:
    """Where the clone goes: HUBFORGE_DIRECTORY, else a folder named after the repository."""
    chosen = os.environ.get("HUBFORGE_DIRECTORY")
    if chosen:
        return folder / os.path.expanduser(chosen)
    name = re.sub(r"\.git$", "", urlsplit(clone_url).path.rstrip("/").rpartition("/")[2])
    if not name or name.startswith("."):
        raise Never(f"the hub named a repository without a usable name: {clone_url}")
    return folder / name


def keep_trying(server_pid: int) -> None:
    """Until the clone is there, the answer is no, or the server is gone."""
    folder, started, failures, said = notebook_folder(), time.monotonic(), 0, ""
    git, delivery = Git(server_pid), os.environ.get("HUBFORGE_DELIVERY", "")
    last_open = started
    while is_running(server_pid):
        longest = LONGEST_WAIT_SECONDS
        try:
            repository = ask_hub()
            delivery, longest = repository.delivery or delivery, LONGEST_GIT_WAIT_SECONDS
            make_clone(git, repository, folder)
            remove_note(folder)
            return
        except Never as error:
            say(f"no clone: {error}")
            delivery = error.delivery or delivery
            write_note(folder, refused_text(str(error), delivery))
            return
        except (Later, OSError) as error:
            last_open = last_open if isinstance(error, SessionEnded) else time.monotonic()
            if time.monotonic() - last_open > ENDED_FOR_SECONDS:
                return
            if said != str(error):
                said = str(error)
                say(f"waiting for the repository: {said}")
            delivery = getattr(error, "delivery", "") or delivery
            if time.monotonic() - started > NOTE_AFTER_SECONDS:
                write_note(folder, waiting_text(said, delivery))
        failures += 1
        wait(server_pid, random.uniform(0.5, 1) * min(longest, 0.5 * 2 ** min(failures, 12)))


def wait(server_pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and is_running(server_pid):
        time.sleep(min(0.5, max(0.0, until - time.monotonic())))


WARNED: set[str] = set()


def warn_of_environment(clone_url: str) -> None:
    """One clear line each for what stands in the way and can only be mended by somebody else."""
    if not os.environ.get("HUBFORGE_CREDENTIAL_HELPER"):
        warn_once("no HUBFORGE_CREDENTIAL_HELPER: the spawner or a profile replaced the server's environment (README)")
    host = urlsplit(clone_url).hostname or ""
    words = [(number, word) for number, line in enumerate(netrc_lines(), 1) for word in line.split()]
    for (number, word), (_, following) in zip(words, [*words[1:], (0, "")]):
        if word == "default" or (word == "machine" and following == host):
            warn_once(f"line {number} of ~/.netrc offers a password for {host}: Git tries it first; remove the line")


def warn_once(text: str) -> None:
    if text not in WARNED:
        WARNED.add(text)
        say(text)


def netrc_lines() -> list[str]:
    try:
        return (Path.home() / ".netrc").read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, RuntimeError):
        return []


def main() -> int:
    """Go to the background and keep trying; the caller becomes the server."""
    missing = [name for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN") if not os.environ.get(name)]
    if missing or not shutil.which("git"):
        say(f"no clone: {' and '.join(missing) + ' not set' if missing else 'git is not installed'}")
        return 0
    server_pid = os.getppid()
    sys.stderr.flush()
    if os.fork():
        return 0
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    with contextlib.suppress(ServerEnded):
        keep_trying(server_pid)
    return 0


if __name__ == "__main__":
    sys.exit(main())
