"""Kernels that start warm: forked, in a fresh sandbox each, from a process that has imported torch already.

That process is `autograder.zygote`. It runs in a sandbox itself, one for all workers on a machine. A kernel forked
from it has every property of one that `autograder.sandbox` starts: namespaces, file systems, user and limits of its
own, no capabilities, the same filter and the same guard. What a hostile one can reach beyond that is its own copy of
the zygote's memory, and in there is nothing but imported packages.

Where no zygote can be had, kernels start cold.
"""

import contextlib
import functools
import io
import json
import logging
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from traitlets.config import Config

from autograder import guard, sandbox, seccomp

ZYGOTE = "/run/zygote.py"
CONNECTION = "/run/kernel/connection.json"
# Imported once. All of it is trusted: none of it is a student's.
MODULES = ("torch", "torch.nn.functional", "torch.distributions", "numpy.ctypeslib", "utils", "utils.check",
           "utils.check.remote", "utils.data", "utils.device", "utils.notebook", "utils.results", "utils.training", "IPython",
           "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
           "IPython.extensions.storemagic", "sqlite3", "zmq.utils.garbage", "tornado.platform.asyncio", "ipykernel.ipkernel",
           "ipykernel.kernelapp", "ipykernel.debugger")
ARGUMENTS = ("-f", CONNECTION, "--HistoryManager.hist_file=:memory:")      # of most kernels: nbclient's
OWN = sandbox.Limits(scratch=sandbox.MIB, tmp=sandbox.MIB, shared=sandbox.MIB)     # it writes nothing
PATIENCE = 60       # seconds for those imports
log = logging.getLogger(__name__)


class Zygote:
    """One zygote; `fork` starts kernels from it, in this process and in those that have its socket."""

    def __init__(self, requests: socket.socket):
        self.requests, self._lock = requests, threading.Lock()

    def fork(self, request: dict) -> tuple["Forked", int]:
        """A new kernel: what `sandbox.launch` returns of a cold one. Raises OSError if the zygote is gone."""
        here, there = socket.socketpair()
        reader, writer = os.pipe()
        try:
            here.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            here.settimeout(PATIENCE)
            with self._lock:
                socket.send_fds(self.requests, [b"!"], [there.fileno(), writer])
            there.close()
            here.sendall(json.dumps(request).encode() + b"\n")
            data, passed, _, _ = here.recvmsg(1, socket.CMSG_SPACE(12))
            if not data:
                os.set_blocking(reader, False)
                raise OSError(os.read(reader, 2000).decode(errors="replace").strip() or "the zygote has ended")
            pid = struct.unpack("iii", passed[0][2])[0]
        except OSError as error:
            here.close()
            os.close(reader)
            raise OSError(f"a warm kernel did not start: {self.last_words() or error}") from None
        except BaseException:
            here.close()
            os.close(reader)
            raise
        finally:
            there.close()
            os.close(writer)
        return Forked(pid, reader, here), pid

    @property
    def has_ended(self) -> bool:
        return bool(select.select([self.requests], [], [], 0)[0])       # while it lives, it says nothing

    def last_words(self) -> str:
        """Why the zygote has ended, if it said so."""
        for _ in range(2 * self.has_ended):     # a first call may get the reset by a peer that had not read all
            with contextlib.suppress(OSError):
                return self.requests.recv(1000).decode(errors="replace")
        return ""

    def close(self) -> None:
        self.requests.close()


class OwnZygote(Zygote):
    """A zygote that this process starts; it need not have started when a kernel is asked for.

    Raises OSError where no sandbox can be had.
    """

    def __init__(self, environment: dict, readable=(), private=()):
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here.settimeout(PATIENCE)
        super().__init__(here)
        self._end = threading.Event()
        ready: list = []
        started = threading.Event()

        def keep():     # outside of the main thread, in one of its own: bwrap ends with the thread that started it
            try:
                source = Path(__file__).with_name("zygote.py").read_bytes()
                ready.append(sandbox.launch(
                    [sys.executable, ZYGOTE, str(there.fileno()), json.dumps(MODULES), json.dumps(ARGUMENTS)], OWN,
                    environment=environment, content={ZYGOTE: source}, readable=readable, private=private,
                    keep=there.fileno()))
            except BaseException as error:
                ready.append(error)
            there.close()
            started.set()
            self._end.wait()

        if threading.current_thread() is threading.main_thread():
            self._end.set()
            keep()
        else:
            threading.Thread(target=keep, daemon=True, name="zygote").start()
            started.wait()
        if isinstance(ready[0], BaseException):
            self._end.set()
            raise ready[0]
        self.process, self.first = ready[0]

    def close(self) -> None:
        """End it, and all kernels that it has forked."""
        super().close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self._end.set()


class Forked:
    """The first process of a warm kernel's sandbox, as far as the guard needs a Popen."""

    def __init__(self, pid: int, log: int, channel: socket.socket):
        self.pid, self.returncode = pid, None
        self.stdout = io.FileIO(log)
        self._channel = channel

    def wait(self) -> int:
        """Its exit status; -9 if it was killed. The guard calls this when the process is gone."""
        if self.returncode is None:
            self._channel.settimeout(1)
            try:
                said = self._channel.recv(1)
            except OSError:
                said = b""
            self.returncode = said[0] if said else -9
            self._channel.close()
        return self.returncode


Seen = tuple[frozenset, tuple, tuple]       # by a kernel: environment, paths to show and to hide
_zygotes: dict[Seen, Zygote] = {}
_one_at_a_time = threading.Lock()


@functools.lru_cache(maxsize=8)
def covered(readable=(), private=()) -> list[str]:
    """What a kernel needs and its own file systems would cover, as where the environment lies in /tmp: shown again."""
    mounts = sandbox._mounts(OWN, readable, private)
    bound = [Path(path) for path, options in mounts.items() if options[0].startswith("--ro-bind")]
    return [str(path) for path in bound if not any(other in path.parents for other in bound)
            and any(Path(place) in path.parents for place in guard.WRITABLE)]


@functools.cache        # once for each process
def tell(reason: str) -> None:
    log.warning("Kernels start slower than they could, and grades are the same: %s", reason)


def zygote(seen: Seen) -> Zygote:
    """The zygote for kernels that see this; started when it is first asked for."""
    with _one_at_a_time:
        if seen not in _zygotes:
            _zygotes[seen] = OwnZygote(dict(seen[0]), *seen[1:])
        return _zygotes[seen]


def fork(seen: Seen, request: dict) -> tuple[Forked, int]:
    """A kernel, from another zygote if that of before is lost. Raises OSError if there is none."""
    known = _zygotes.get(seen)
    if known:
        try:
            return known.fork(request)
        except OSError as error:
            if not known.has_ended:
                raise
            log.info("another zygote is started: %s", error)
            with _one_at_a_time:
                if _zygotes.get(seen) is known:
                    _zygotes.pop(seen).close()
    return zygote(seen).fork(request)


def begin(config: Config, root: Path) -> None:
    """Start the zygote that grading the course in `root` will ask for; it is not waited for.

    Raises OSError where it cannot be started, and TraitError for settings of the sandbox that are wrong.
    """
    if sandbox.available() is None:
        provisioner = WarmProvisioner(config=config)
        hidden = [*provisioner.private, str(root)]
        zygote(sees({"NBGRADER_EXECUTION": "autograde", **provisioner.environment}, provisioner.readable, hidden))


def shared() -> list[tuple[Seen, socket.socket]]:
    """The zygotes of this process, for `share` in another one that is started now."""
    return [(seen, one.requests) for seen, one in _zygotes.items()]


def share(others: list[tuple[Seen, socket.socket]]) -> None:
    """Let kernels of this process start from the zygotes of the one that has started it."""
    for seen, requests in others:
        requests.settimeout(PATIENCE)
        _zygotes[seen] = Zygote(requests)


def sees(environment: dict, readable: list, private: list) -> Seen:
    return frozenset(environment.items()), tuple(readable), tuple(private)


def close() -> None:
    """End all zygotes of this process. They end with it in any case."""
    while _zygotes:
        _zygotes.popitem()[1].close()


class WarmProvisioner(sandbox.SandboxProvisioner):
    """As its base, but the kernel is forked where that works. `warm` says whether it was."""

    warm = False

    def starter(self, command, limits, connection, environment):
        cold = super().starter(command, limits, connection, environment)
        request = {
            "root": os.getuid() == 0, "student": sandbox.STUDENT, "folder": sandbox.SCRATCH,
            "environment": environment,
            "arguments": ["-f", CONNECTION, *command[command.index("-f") + 2:]], "files": {CONNECTION: json.dumps(connection)},
            "covered": covered(tuple(self.readable), tuple(self.private)),
            "resources": limits.resources(), "filter": seccomp.program(os.uname().machine).hex(),
            "writable": {place: f"size={int(size)},nr_inodes={10 * limits.files},mode={mode}"
                         for place, size, mode in sandbox.writable(limits)}}

        def start():
            try:
                found = fork(sees(environment, self.readable, self.private), request)
                self.warm = True
                return found
            except (OSError, subprocess.SubprocessError) as error:
                tell(str(error))
                return cold()

        return start


class WarmKernelManager(sandbox.SandboxedKernelManager):
    """`SandboxedKernelManager`, with kernels that start warm."""

    provisioner_class = WarmProvisioner
