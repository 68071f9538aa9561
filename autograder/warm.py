"""Kernels that start warm: forked, in a fresh sandbox each, from a process that has imported torch already.

That process is `autograder.zygote`. It runs in a sandbox itself, one for each process that grades. A kernel forked
from it has every property of one that `autograder.sandbox` starts: namespaces, file systems, user and limits of its
own, no capabilities, the same filter and the same guard. What a hostile one can reach beyond that is its own copy of
the zygote's memory, and in there is nothing but imported packages.

Where no zygote can be had, kernels start cold.
"""

import functools
import io
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

from autograder import guard, sandbox, seccomp

ZYGOTE = "/run/zygote.py"
CONNECTION = "/run/kernel/connection.json"
# Imported once. All of it is trusted: none of it is a student's.
MODULES = ("torch", "torch.nn.functional", "torch.distributions", "torch._dynamo", "utils", "utils.check", "utils.check.remote",
           "utils.data", "IPython", "IPython.core.completerlib", "IPython.core.oinspect", "sqlite3",
           "tornado.platform.asyncio", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.debugger")
OWN = sandbox.Limits(scratch=sandbox.MIB, tmp=sandbox.MIB, shared=sandbox.MIB)     # it writes nothing
PATIENCE = 60       # seconds for those imports
log = logging.getLogger(__name__)


class Zygote:
    """One zygote; `fork` starts kernels from it. Raises OSError where it cannot be started."""

    def __init__(self, environment: dict, readable=(), private=()):
        self._requests, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock, self._end = threading.Lock(), threading.Event()
        ready: list = []
        started = threading.Event()

        def keep():     # a thread of its own: bwrap ends with the thread that started it
            try:
                source = Path(__file__).with_name("zygote.py").read_bytes()
                ready.append(sandbox.launch(
                    [sys.executable, ZYGOTE, str(there.fileno()), *MODULES], OWN, environment=environment,
                    content={ZYGOTE: source}, readable=readable, private=private, keep=there.fileno()))
            except BaseException as error:
                ready.append(error)
            there.close()
            started.set()
            self._end.wait()

        threading.Thread(target=keep, daemon=True, name="zygote").start()
        started.wait()
        if isinstance(ready[0], BaseException):
            self._end.set()
            raise ready[0]
        self.process, self.first = ready[0]
        self._requests.settimeout(PATIENCE)
        try:
            said = self._requests.recv(16)
        except OSError:
            said = b""
        if said != b"1":        # with a second thread, a fork could inherit a lock that nobody opens
            self.process.kill()
            words = (self.process.stdout.read(4000) or b"").decode(errors="replace").strip().splitlines()
            self.close()
            raise OSError(f"the zygote has {said.decode() or 'no'} threads: {(words or ['it said nothing'])[-1]}")
        os.set_blocking(self.process.stdout.fileno(), False)

    def fork(self, request: dict) -> tuple["Forked", int]:
        """A new kernel: what `sandbox.launch` returns of a cold one. Raises OSError if the zygote is gone."""
        here, there = socket.socketpair()
        reader, writer = os.pipe()
        try:
            here.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            here.settimeout(PATIENCE)
            with self._lock:
                socket.send_fds(self._requests, [b"!"], [there.fileno(), writer])
            there.close()
            here.sendall(json.dumps(request).encode() + b"\n")
            data, passed, _, _ = here.recvmsg(1, socket.CMSG_SPACE(12))
            if not data:
                os.set_blocking(reader, False)
                raise OSError(f"a warm kernel did not start: {os.read(reader, 2000).decode(errors='replace').strip()}")
            pid = struct.unpack("iii", passed[0][2])[0]
        except BaseException:
            here.close()
            os.close(reader)
            raise
        finally:
            there.close()
            os.close(writer)
        return Forked(pid, reader, here), pid

    def close(self) -> None:
        """End it, and all kernels that it has forked."""
        self._requests.close()
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


_zygotes: dict[tuple, Zygote] = {}
_one_at_a_time = threading.Lock()


def covered(readable=(), private=()) -> list[str]:
    """What a kernel needs and its own file systems would cover, as where the environment lies in /tmp: shown again."""
    mounts = sandbox._mounts(OWN, readable, private)
    bound = [Path(path) for path, options in mounts.items() if options[0].startswith("--ro-bind")]
    return [str(path) for path in bound if not any(other in path.parents for other in bound)
            and any(Path(place) in path.parents for place in guard.WRITABLE)]


@functools.cache        # once for each process
def tell(reason: str) -> None:
    log.warning("Kernels start slower than they could, and grades are the same: %s", reason)


def zygote(environment: dict, readable: list, private: list) -> Zygote:
    """The zygote of this process for kernels that see the same files; started when it is first asked for."""
    name = (os.getpid(), *map(tuple, (sorted(environment.items()), readable, private)))
    with _one_at_a_time:
        if name not in _zygotes or _zygotes[name].process.poll() is not None:
            _zygotes[name] = Zygote(environment, readable, private)
        return _zygotes[name]


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
            "covered": covered(self.readable, self.private),
            "resources": limits.resources(), "filter": seccomp.program(os.uname().machine).hex(),
            "writable": {place: f"size={int(size)},nr_inodes={10 * limits.files},mode={mode}"
                         for place, size, mode in sandbox.writable(limits)}}

        def start():
            try:
                found = zygote(environment, self.readable, self.private).fork(request)
                self.warm = True
                return found
            except (OSError, subprocess.SubprocessError) as error:
                tell(str(error))
                return cold()

        return start


class WarmKernelManager(sandbox.SandboxedKernelManager):
    """`SandboxedKernelManager`, with kernels that start warm."""

    provisioner_class = WarmProvisioner
