"""The thread beside each sandboxed kernel: it starts it, carries its messages, watches it, and ends it.

Everything that leaves a sandbox passes through here, as bytes that are counted and never interpreted.
"""

import concurrent.futures
import functools
import glob
import math
import os
import select
import selectors
import signal
import socket
import stat
import threading
import time

SOCKETS = "/run/kernel/s"       # what the kernel binds, inside the sandbox; "-" and a port follow
WRITABLE = ("/scratch", "/tmp", "/dev/shm", "/run/kernel")      # the file systems that a sandbox can write to
LOOK = 0.2                      # seconds between two looks at memory, files and time
CROWD = 10                      # looks in a row at which too many threads run
CHUNK = 1 << 18
# What a socket, and beyond that a TCP socket, can hold without any process being charged for it.
SOCKET_BYTES, TCP_BYTES = 2 * 212_992, 10 * 2**20
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Guard(threading.Thread):
    """Owns one sandbox from start to end.

    `launch()` returns the running `Popen` of bwrap and the process id, seen from here, of the sandbox's
    first process. It is called in this thread because `--die-with-parent` means the thread: should the
    guard ever fail, the operating system kills the sandbox.

    `folder` is where the grader finds the kernel's sockets, as `folder/s-PORT` for each of `ports`. The
    kernel cannot see that folder. Its own sockets lie in a small file system of the sandbox and are reached
    through `/proc/PID/root`, so no writable place is shared.

    `started` is a future that is done when bwrap runs. After the end, `reason` is a sentence that says why
    the guard ended the sandbox (None: it did not), `process.returncode` the exit status, and `log` the last
    bytes of the sandbox's standard output and error.
    """

    def __init__(self, launch, limits, folder=None, ports=()):
        super().__init__(daemon=True, name="sandbox guard")
        self.launch, self.limits, self.folder, self.ports = launch, limits, folder, ports
        self.started = concurrent.futures.Future()
        self.reason, self.log, self.received = None, b"", 0
        self._crowd = 0
        self._waker, self._wake = socket.socketpair()
        self._listeners = []
        self._waiting = []      # (the grader's end, port): to be connected once the kernel listens
        self._peer = {}         # socket -> the socket at the other side of the relay
        self._unsent = {}       # socket -> bytes that it did not take yet
        self._kernels = set()   # the sockets whose other end is in the sandbox

    def run(self):
        try:
            self.process, self.first = self.launch()
        except Exception as error:
            self._close(self._wake, self._waker)
            self.started.set_exception(error)
            return
        self._outer, self._inner = os.pidfd_open(self.process.pid), os.pidfd_open(self.first)
        try:
            with selectors.DefaultSelector() as self._selector:
                self._listen()
                self.started.set_result(None)
                self._relay()
        except Exception as error:
            self.reason = f"The grader could not watch this kernel any longer: {error!r}"
            if not self.started.done():
                self.started.set_exception(error)
        finally:
            self._end()

    def stop(self, reason=None, timeout=10):
        """End the sandbox with everything in it. Returns when all of it is gone."""
        self.reason = self.reason or reason
        try:
            self._waker.send(b"!")
        except OSError:
            pass    # closed: the guard is ending the sandbox already
        self.join(timeout)

    def signal(self, number):
        """Send a signal to the kernel itself: the first child of the sandbox's first process."""
        for pid in children(self.first)[:1]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass    # it ended meanwhile

    def _end(self):
        # Its first process is gone only when all others in the sandbox are; bwrap outside of it ends after
        # that.
        for pidfd in (self._inner, self._outer):
            try:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass    # ended by itself
            select.select([pidfd], [], [], 10)
        self.process.wait()
        if self.process.returncode == 128 + signal.SIGXCPU:
            self._exceed(f"used more than {self.limits.cpu_seconds} s of processor time")
        self._on_log()
        waiting = (end for end, _ in self._waiting)
        self._close(*self._peer, *waiting, *self._listeners, self._wake, self._waker, self.process.stdout)
        os.close(self._outer)
        os.close(self._inner)

    @staticmethod
    def _close(*things):
        for thing in things:
            thing.close()

    # What happens while it runs

    def _listen(self):
        os.set_blocking(self.process.stdout.fileno(), False)
        self._selector.register(self.process.stdout, READ, self._on_log)
        self._selector.register(self._outer, READ, self._on_exit)
        self._selector.register(self._wake, READ, self._on_stop)
        for port in self.ports:
            path = f"{self.folder}/s-{port}"
            if os.path.lexists(path):
                os.unlink(path)     # of the kernel before a restart
            listener = socket.socket(socket.AF_UNIX)
            self._listeners.append(listener)
            listener.bind(path)
            listener.listen()
            self._selector.register(listener, READ, functools.partial(self._on_client, listener, port))

    def _relay(self):
        now = time.monotonic()
        self._until, deadline, look = math.inf, now + self.limits.seconds, now + LOOK
        while now < self._until and (self._peer or self._until == math.inf):
            # Nothing announces that the kernel listens, so ask often while it starts.
            for key, events in self._selector.select(0.004 if self._waiting else max(0, look - now)):
                key.data(events)
            self._waiting = [pair for pair in self._waiting if not self._connect(*pair)]
            now = time.monotonic()
            if now >= look:
                look = now + LOOK
                excess = f"ran for more than {self.limits.seconds:g} s" if now > deadline else self._excess()
                if excess:
                    self._exceed(excess)

    def _exceed(self, what):
        self.reason = self.reason or f"The code in this notebook {what}."
        self._until = 0

    def _count(self, data):
        self.received += len(data)
        if self.received > self.limits.output:
            self._exceed(f"sent more than {self.limits.output / 2**20:.3g} MiB of output")

    def _excess(self):
        """What the sandbox uses more of than it may, in words, or None."""
        limits = self.limits
        crowded = running(self.first) > limits.running
        self._crowd = max(0, self._crowd + (3 if crowded else -1))      # a short pause does not make up for it
        if self._crowd >= 3 * CROWD:
            return f"kept more than {limits.running} threads busy at once"
        if crowded:     # what follows takes long for many processes, which leave no time for it
            return None
        if memory(self.first, limits.memory) > limits.memory:
            return f"used more than {limits.memory / 2**30:.3g} GiB of memory"
        if files(self.first) > limits.files:
            return f"made more than {limits.files} files"
        return None

    def _on_exit(self, events):
        self._selector.unregister(self._outer)
        self._until = min(self._until, time.monotonic() + 0.5)      # time to deliver its last words

    def _on_stop(self, events):
        self._until = 0

    def _on_log(self, events=None):
        data = self.process.stdout.read(CHUNK)
        self.log = (self.log + (data or b""))[-4000:]
        self._count(data or b"")
        if data == b"" and events is not None:
            self._selector.unregister(self.process.stdout)

    def _on_client(self, listener, port, events):
        end, _ = listener.accept()
        end.setblocking(False)
        self._waiting.append((end, port))

    def _connect(self, end, port):
        """Join a socket of the grader's with the kernel's socket for the same port; False: not there yet."""
        try:
            # Through a descriptor of the socket file itself, so that a link put in its place leads nowhere.
            place = os.open(f"/proc/{self.first}/root{SOCKETS}-{port}", os.O_PATH | os.O_NOFOLLOW)
        except OSError:
            return False
        kernel = socket.socket(socket.AF_UNIX)
        try:
            if not stat.S_ISSOCK(os.fstat(place).st_mode):
                raise OSError("not a socket")
            kernel.setblocking(False)
            kernel.connect(f"/proc/self/fd/{place}")
        except OSError:
            kernel.close()
            return False
        finally:
            os.close(place)
        self._kernels.add(kernel)
        for one, other in ((end, kernel), (kernel, end)):
            self._peer[one], self._unsent[one] = other, b""
            self._selector.register(one, READ, functools.partial(self._on_link, one))
        return True

    def _on_link(self, one, events):
        other = self._peer.get(one)
        try:
            if other and events & WRITE:
                self._send(one, self._unsent[one])
            if other and events & READ:
                data = one.recv(CHUNK)
                if one in self._kernels:
                    self._count(data)
                if not data:
                    raise ConnectionResetError
                self._send(other, data)
        except BlockingIOError:
            pass
        except OSError:     # either side is gone, so the pair is
            for end in (one, other):
                self._selector.unregister(end)
                self._kernels.discard(end)
                del self._peer[end], self._unsent[end]
                end.close()

    def _send(self, one, data):
        """Send what goes without waiting. While something is left, its source is not read."""
        try:
            data = data[one.send(data):]
        except BlockingIOError:
            pass
        self._unsent[one] = data
        self._listen_to(one)
        self._listen_to(self._peer[one])

    def _listen_to(self, one):
        events = (WRITE if self._unsent[one] else 0) | (0 if self._unsent[self._peer[one]] else READ)
        if one in self._selector.get_map():
            if events:
                self._selector.modify(one, events, functools.partial(self._on_link, one))
            else:
                self._selector.unregister(one)
        elif events:
            self._selector.register(one, events, functools.partial(self._on_link, one))


def children(pid):
    """Process ids of the children of `pid`, oldest first; none if it is gone."""
    found = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def family(pid):
    """`pid` and all its descendants: for the first process of a pid namespace, everything in it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def sizes(path):
    """The sizes in a file such as `/proc/PID/status`, in bytes by name; empty if the process is gone."""
    try:
        with open(path) as file:
            lines = [line.split() for line in file]
    except OSError:
        return {}
    return {words[0][:-1]: int(words[1]) * 1024 for words in lines if words[2:] == ["kB"]}


def memory(first, limit=math.inf):
    """Bytes of memory that only the sandbox of process `first` is to blame for.

    Counted quickly, which counts what forked processes share several times; above `limit`, exactly.
    """
    def resident(entry):
        return status[entry]["RssAnon"] + status[entry]["RssShmem"]

    status = {}
    for pid in family(first):
        # A process whose first thread has ended is described by its other threads only.
        for entry in (f"/proc/{pid}", *glob.iglob(f"/proc/{pid}/task/*")):
            found = sizes(entry + "/status")
            if "RssAnon" in found:
                status[entry] = found
                break
    kernel = sum(one["VmPTE"] for one in status.values()) + in_sockets(first)
    total = kernel + sum(map(resident, status))
    if total > limit:
        total = kernel
        for entry in status:
            exact = sizes(entry + "/smaps_rollup")
            total += exact["Pss_Anon"] + exact["Pss_Shmem"] if "Pss_Anon" in exact else resident(entry)
            if total > limit:
                break
    return total


def in_sockets(first):
    """Bytes that the sockets in the network namespace of process `first` can hold at most."""
    try:
        with open(f"/proc/{first}/net/sockstat") as file:
            counts = {words[0]: int(words[2]) for words in map(str.split, file)}
    except OSError:
        return 0
    return counts.get("sockets:", 0) * SOCKET_BYTES + counts.get("TCP:", 0) * TCP_BYTES


def running(first):
    """How many threads of the sandbox of process `first` have, or wait for, a processor."""
    total = 0
    for pid in family(first):
        for place in glob.iglob(f"/proc/{pid}/task/*/stat"):
            try:
                with open(place) as file:
                    total += file.read().rpartition(")")[2].split()[0] == "R"
            except OSError:
                pass    # ended meanwhile
    return total


def files(first):
    """How many files the sandbox of process `first` made, open or not."""
    root, total = f"/proc/{first}/root", 0
    try:
        os.stat(root + os.path.dirname(SOCKETS))    # missing while it starts and sees the host's files
        for folder in WRITABLE:
            usage = os.statvfs(root + folder)
            total += usage.f_files - usage.f_ffree
    except OSError:
        pass    # starting, or gone
    return total
