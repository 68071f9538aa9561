"""Kernels that cannot harm, read or reach anything but their own notebook.

A kernel runs inside bubblewrap: namespaces of its own (user, process, network, IPC, host name, mounts), the
system and the Python environment read-only, a scratch folder and `/tmp` of limited size, a fresh
environment, no capabilities, a seccomp filter (`autograder.seccomp`), limits of the operating system, and a
guard (`autograder.guard`) that watches the rest.

To use it, any of:

- `SandboxedKernelManager` in place of jupyter_client's `AsyncKernelManager`, for example
  `NotebookClient(nb, kernel_manager_class=SandboxedKernelManager)`;
- `manager.provisioner = SandboxProvisioner(kernel_id=..., kernel_spec=manager.kernel_spec, parent=manager)`
  on any KernelManager, before it starts;
- the entry point `vae-sandbox` (group `jupyter_client.kernel_provisioners`), named in a kernel spec or in
  `c.KernelProvisionerFactory.default_provisioner_name`.

`nbgrader_config.py` sets the limits: `c.SandboxProvisioner.limits = {"memory": 2 * 2**30, "seconds": 300}`.
"""

import asyncio
import dataclasses
import functools
import importlib.util
import json
import math
import os
import pathlib
import platform
import queue
import shutil
import signal
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid

import traitlets
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase, LocalProvisioner

from autograder import guard, seccomp

MIB, GIB = 2**20, 2**30
STUDENT = 65534         # the user that student code runs as: "nobody"
SCRATCH = "/scratch"
CONNECTION = "/run/connection.json"
PORTS = range(1, 6)
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# What a batch of pictures took stays with the process: given back and asked for again, it costs a page fault per 4 KiB.
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(64 * MIB), "MALLOC_TRIM_THRESHOLD_": str(256 * MIB)}
PASSED_ON = ("NBGRADER_EXECUTION", "NBGRADER_VALIDATING")


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one sandbox may use. Sizes are in bytes.

    A process that asks for more than `memory` gets a MemoryError. The sandbox is ended when its processes
    together hold more than `memory`, when for two seconds more than `running` of its threads are busy at once
    (other kernels would starve), and after `seconds`, `output` bytes or `files` files. Its file systems
    are in memory too, so in the worst case it takes memory + scratch + tmp + shared + output. A kernel with
    torch and torchvision needs 1 GiB of memory and 4.2 GiB of address space.
    """

    seconds: float = 900            # from start to end
    cpu_seconds: int = 600          # of each process
    memory: int = 3 * GIB
    address_space: int = 16 * GIB   # of each process
    processes: int = 128            # threads are counted, too
    running: int = 8                # threads that have, or wait for, a processor
    open_files: int = 512           # of each process
    file_size: int = 256 * MIB
    files: int = 20_000
    scratch: int = 256 * MIB
    tmp: int = 256 * MIB
    shared: int = 64 * MIB          # /dev/shm
    output: int = 64 * MIB          # all messages together

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                raise ValueError(f"Sandbox limit {field.name!r} must be a number above 0, not {value!r}.")

    def resources(self):
        """What the operating system keeps for each process: (soft, hard) for `resource.setrlimit`."""
        def both(value):
            return [int(value), int(value)]
        return {"RLIMIT_CPU": [int(self.cpu_seconds), int(self.cpu_seconds) + 1], "RLIMIT_CORE": [0, 0],
                "RLIMIT_AS": both(self.address_space), "RLIMIT_DATA": both(self.memory),
                "RLIMIT_NPROC": both(self.processes), "RLIMIT_NOFILE": both(self.open_files),
                "RLIMIT_FSIZE": both(self.file_size), "RLIMIT_MEMLOCK": [0, 0], "RLIMIT_MSGQUEUE": [0, 0]}


# The first program in the sandbox. Limits are set here and not before bwrap starts, because the number of
# processes is counted for each user namespace, and outside of the new one it would count all of this
# user's. A grader that is root becomes "nobody" here: root is exempt from that count, and owns much on the
# host.
ENTER = f"""
import json, os, resource, sys
os.closerange(3, 1024)
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid({STUDENT}, {STUDENT}, {STUDENT})
    os.setresuid({STUDENT}, {STUDENT}, {STUDENT})
for name, value in json.loads(sys.argv[1]).items():
    resource.setrlimit(getattr(resource, name), tuple(value))
os.execv(sys.argv[2], sys.argv[2:])
"""


def launch(command, limits=Limits(), environment={}, content={}, readable=(), private=(), keep=None):
    """Start `command` (a list) in a new sandbox.

    `environment` is added to the fresh one, `content` (path -> bytes) are read-only files, `readable` are
    more host paths to show, and `private` more host paths to hide where they lie inside a shown one.
    `keep` is for `autograder.zygote` alone: `command` keeps this descriptor, and the capabilities in its own
    user namespace, without limits and filter; so it must run nothing of a student's.
    Returns the Popen of bwrap, and the process id, seen from here, of the sandbox's first process.
    Raises OSError with bwrap's own words if it does not start.
    """
    mounts = _mounts(limits, readable, private)
    places = sorted(mounts, key=lambda path: pathlib.PurePath(path).parts)      # parents first
    content = {"/etc/passwd": f"student:x:{STUDENT}:{STUDENT}::{SCRATCH}:/bin/sh\n".encode(),
               "/etc/group": f"student:x:{STUDENT}:\n".encode(),
               "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
               "/etc/hosts": b"127.0.0.1 localhost sandbox\n", **content}
    root = os.getuid() == 0
    reader, info = os.pipe()
    wait, ready = os.pipe()
    passed = {name: _memory_file(data) for name, data in content.items()}
    options = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
               "--unshare-cgroup-try", "--new-session", "--die-with-parent", "--hostname", "sandbox",
               "--info-fd", str(info), "--cap-drop", "ALL"]
    if keep is None:
        passed["filter"] = _memory_file(seccomp.program(platform.machine()))
        options += ["--seccomp", str(passed["filter"])]
    if root:
        options += ["--userns-block-fd", str(wait), "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    elif keep is not None:
        options += ["--uid", "0", "--gid", "0"]     # with another number, bwrap nests a second user namespace
    else:
        options += ["--uid", str(STUDENT), "--gid", str(STUDENT), "--disable-userns"]
    if keep is not None:
        options += ["--cap-add", "ALL"]
    for path in places:
        options += [*mounts[path], path]
    for path in content:
        options += ["--perms", "0444", "--file", str(passed[path]), path]
    for path in ["/", "/dev", *(path for path in places if "0555" in mounts[path])]:
        options += ["--remount-ro", path]       # made by bwrap: a file system in memory, without a size
    options += ["--chdir", SCRATCH, "--clearenv"]
    for name, value in {**_environment(), **environment}.items():
        options += ["--setenv", name, value]
    # By descriptor: the command line of the first process can be read inside.
    passed["options"] = _memory_file("\0".join(options).encode() + b"\0")
    enter = [sys.executable, "-I", "-S", "-c", ENTER, json.dumps(limits.resources())] if keep is None else []
    try:
        process = subprocess.Popen(
            [shutil.which("bwrap"), "--args", str(passed["options"]), "--", *enter, *command],
            env={},     # the first process's environment can be read inside, too
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
            pass_fds=[info, *([wait] if root else []), *([] if keep is None else [keep]), *passed.values()])
    except BaseException:
        os.close(reader)
        os.close(ready)
        raise
    finally:
        for fd in [info, wait, *passed.values()]:
            os.close(fd)
    try:
        with open(reader) as file:
            text = file.read()
        if not text:
            raise OSError(f"bwrap failed: {process.stdout.read().decode(errors='replace').strip()}")
        first = json.loads(text)["child-pid"]
        if root:
            _keep_user_numbers(first)
            os.write(ready, b"!")
        return process, first
    except BaseException:
        process.kill()
        process.wait()
        process.stdout.close()
        raise
    finally:
        os.close(ready)


def _keep_user_numbers(pid):
    """Let every user have the same number in the user namespace of `pid` as here.

    So bwrap, as root in there, can read while it sets up what root can read here.
    """
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}") as file:
            ranges = [line.split() for line in file]
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write("".join(f"{inner} {inner} {count}\n" for inner, _, count in ranges))


def _memory_file(data):
    fd = os.memfd_create("sandbox")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _environment():
    """The environment variables of every sandbox."""
    variables = {"PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin", "HOME": SCRATCH,
                 "USER": "student", "LOGNAME": "student", "TMPDIR": "/tmp", "LANG": "C.UTF-8",
                 "MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONDONTWRITEBYTECODE": "1",
                 **dict.fromkeys(THREADS, "1"), **KEPT}
    utils = _utils()
    if utils.parent not in _packages():
        variables["PYTHONPATH"] = str(utils.parent)
    if site.ENABLE_USER_SITE:
        variables["PYTHONUSERBASE"] = site.getuserbase()
    return variables


def _packages():
    """The folders that packages are installed in."""
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else []),
               sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return {pathlib.Path(folder) for folder in folders}


def _utils():
    """The folder of the package `utils`, wherever it is installed."""
    spec = importlib.util.find_spec("utils")
    if spec is None or not spec.submodule_search_locations:
        raise OSError("the package `utils` is not installed in the grader's Python environment")
    return pathlib.Path(list(spec.submodule_search_locations)[0]).absolute()


def _interpreter():
    """Host paths that Python and its packages need, as they are named and where they lead to."""
    prefixes = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    folders = {pathlib.Path(path) for path in prefixes}
    folders |= {path for path in _packages() if path.is_dir()}
    program = pathlib.Path(sys.executable)
    while program.is_symlink():     # an environment's python leads to the one it was made with
        folders.add(program)
        program = program.parent / os.readlink(program)
    folders.add(program)
    return {path.absolute() for path in folders} | {path.resolve() for path in folders}


def writable(limits):
    """What can be written to: (path, bytes, mode)."""
    return [("/dev/shm", limits.shared, "1777"), ("/tmp", limits.tmp, "1777"), (SCRATCH, limits.scratch, "0777"),
            (os.path.dirname(guard.SOCKETS), 64 * 1024, "0777")]


def _mounts(limits, readable, private):
    """The sandbox's file systems: path inside -> the options of bwrap that come before that path."""
    def memory(size, mode):
        return ["--perms", mode, "--size", str(int(size)), "--tmpfs"]

    mounts = {"/proc": ["--proc"], "/dev": ["--dev"]}
    mounts |= {place: memory(size, mode) for place, size, mode in writable(limits)}
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        if os.path.islink("/" + name):
            mounts["/" + name] = ["--symlink", os.readlink("/" + name)]
        else:
            mounts["/" + name] = ["--ro-bind-try", "/" + name]
    settings = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "timezone",
                "mime.types")
    for path in ("/usr", "/sys/devices/system/cpu", *("/etc/" + name for name in settings)):
        mounts[path] = ["--ro-bind-try", path]

    package = pathlib.Path(__file__).resolve().parent
    hidden = {package if package.parent in {path.resolve() for path in _packages()} else package.parent}
    hidden |= {pathlib.Path(path).resolve() for path in private}
    needed = _interpreter() | {_utils(), _utils().resolve()}
    for path in [*sorted(needed), *(pathlib.Path(path).absolute() for path in readable)]:
        if path.resolve() in hidden:
            raise OSError(f"{path} must be both shown in the sandbox and hidden from it: keep the Python "
                          f"environment and the course in different folders")
        over = _covering(path, mounts)
        if over is None or any(one.is_relative_to(over) and path.is_relative_to(one) for one in hidden):
            mounts[str(path)] = ["--ro-bind", str(path)]
    for path, options in [*mounts.items()]:
        if options[0].startswith("--ro-bind"):
            for secret in hidden:
                within = os.path.relpath(secret, os.path.realpath(path))
                if not within.startswith("..") and secret.exists():
                    mounts[os.path.join(path, within)] = (
                        memory(4096, "0555") if secret.is_dir() else ["--ro-bind", "/dev/null"])
    for path in [*map(pathlib.PurePath, mounts)]:
        for parent in path.parents[:-1]:        # not the root; some versions of bwrap make parents mode 0700
            mounts.setdefault(str(parent), ["--perms", "0755", "--dir"])
    return mounts


def _covering(path, mounts):
    """The folder among the bound ones that `path` lies in, or None."""
    return next((one for one in path.parents if mounts.get(str(one), [""])[0].startswith("--ro-bind")), None)


def _short_folder():
    """Where folders with sockets are made: the path of a socket holds 107 bytes at most."""
    return tempfile.gettempdir() if len(os.fsencode(tempfile.gettempdir())) < 80 else "/tmp"


@functools.lru_cache(maxsize=None)
def available():
    """None if sandboxes work here, otherwise the reason in one sentence. Tries it once, which takes 0.1 s."""
    if not sys.platform.startswith("linux"):
        return f"The sandbox needs Linux; this is {platform.system()}."
    if platform.machine() not in seccomp.MACHINES:
        return f"The sandbox has no seccomp filter for this machine ({platform.machine()})."
    if shutil.which("bwrap") is None:
        return "The program bwrap is missing: install the package bubblewrap."
    program = ("import importlib.util, socket; names = ['ipykernel', 'utils']; "
               "missing = [name for name in names if not importlib.util.find_spec(name)]; "
               "assert not missing, f'{missing} cannot be read inside'; "
               f"server = socket.socket(socket.AF_UNIX); server.bind('{guard.SOCKETS}-1'); "
               "server.listen(); server.accept()[0].send(b'!')")
    with (tempfile.TemporaryDirectory(prefix="kernel-", dir=_short_folder()) as folder,
          socket.socket(socket.AF_UNIX) as client):
        client.settimeout(20)
        limits = Limits(seconds=20)
        start = functools.partial(launch, [sys.executable, "-c", program], limits)
        trial = guard.Guard(start, limits, folder, [1])
        trial.start()
        try:
            trial.started.result()
            client.connect(f"{folder}/s-1")
            if client.recv(1) == b"!":
                return None
            trial.join()
        except OSError as error:
            return f"A trial of the sandbox failed: {error}."
        finally:
            trial.stop()
    said = trial.log.decode(errors="replace").strip().splitlines()
    said = said[-1] if said else "its sockets cannot be reached from here"
    return f"A trial of the sandbox failed: {said}."


class SandboxProvisioner(LocalProvisioner):
    """Starts ipykernel in a sandbox, reached through sockets of the `ipc` transport.

    The kernel spec's command and the caller's working folder are not used. `reason` says why a kernel was
    ended by its guard (None: it was not).
    """

    limits = traitlets.Dict(config=True, help="""Limits of each sandbox by name, for example
        {"memory": 2 * 2**30}. Names and defaults: autograder.sandbox.Limits.""")
    environment = traitlets.Dict(config=True, help="Environment variables beside the fresh ones.")
    readable = traitlets.List(traitlets.Unicode(), config=True, help="More paths that the kernel may read.")
    private = traitlets.List(traitlets.Unicode(), config=True, help="""Paths that the kernel must not see even
        where they lie in the folder of the Python environment. The course's own folder belongs here.""")

    guard = None
    folder = None
    waited_for = False

    @traitlets.validate("limits")
    def _valid_limits(self, proposal):
        try:
            Limits(**proposal.value)
        except (TypeError, ValueError) as error:
            names = ", ".join(field.name for field in dataclasses.fields(Limits))
            raise traitlets.TraitError(f"SandboxProvisioner.limits: {error} Known names: {names}.") from None
        return proposal.value

    @property
    def reason(self):
        return self.guard.reason if self.guard else None

    @property
    def has_process(self):
        return self.guard is not None and not self.waited_for

    async def pre_launch(self, **kwargs):
        manager = self.parent
        if self.folder is None:     # a restart keeps it: clients stay connected to the same paths
            self.folder = tempfile.mkdtemp(prefix="kernel-", dir=_short_folder())
        kwargs.pop("transport_encryption", None)
        manager.transport, manager.ip = "ipc", f"{self.folder}/s"
        manager.connection_file = f"{self.folder}/connection.json"
        for channel, port in zip(CHANNELS, PORTS):
            setattr(manager, f"{channel}_port", port)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", CONNECTION,
                   *kwargs.pop("extra_arguments", [])]
        return await KernelProvisionerBase.pre_launch(self, cmd=command, **kwargs)

    async def launch_kernel(self, cmd, **kwargs):
        limits = Limits(**self.limits)
        connection = {**self.connection_info, "ip": guard.SOCKETS}
        connection["key"] = connection["key"].decode()
        passed_on = {name: kwargs["env"][name] for name in PASSED_ON if name in kwargs["env"]}
        start = self.starter(cmd, limits, connection, {**passed_on, **self.environment})
        starting = guard.Guard(start, limits, self.folder, PORTS)
        starting.start()
        await asyncio.wrap_future(starting.started)
        self.guard, self.waited_for = starting, False
        return self.connection_info

    def starter(self, command, limits, connection, environment):
        """A function that starts the kernel and returns what `launch` does."""
        return functools.partial(launch, command, limits, environment=environment, readable=self.readable,
                                 private=self.private, content={CONNECTION: json.dumps(connection).encode()})

    async def poll(self):
        if self.guard is None:
            return 0
        return None if self.guard.is_alive() else self.guard.process.returncode

    async def wait(self):
        while self.guard.is_alive():
            await asyncio.sleep(0.01)
        self.waited_for = True
        return self.guard.process.returncode

    async def send_signal(self, signum):
        if signum == signal.SIGKILL:
            await self.kill()
        elif self.guard and self.guard.is_alive():
            self.guard.signal(signum)

    async def kill(self, restart=False):
        if self.guard:
            self.guard.stop()

    async def terminate(self, restart=False):
        await self.kill(restart)    # nothing in a sandbox is worth a farewell

    async def cleanup(self, restart=False):
        if self.guard and not restart:
            self.guard.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


class UnsandboxedProvisioner(LocalProvisioner):
    """Starts ipykernel as a plain process, where the instructor allows that.

    It gets a fresh environment and a scratch folder, and its process group is killed at the end; nothing else
    keeps it from the grader's files and network.
    """

    folder = None
    reason = None

    async def pre_launch(self, **kwargs):
        self.folder = self.folder or tempfile.mkdtemp(prefix="scratch-")
        kwargs = await super().pre_launch(**kwargs)
        fresh = {**_environment(), "HOME": self.folder, "TMPDIR": self.folder}
        fresh.update((name, kwargs["env"][name]) for name in PASSED_ON if name in kwargs["env"])
        if "SYSTEMROOT" in os.environ:
            fresh["SYSTEMROOT"] = os.environ["SYSTEMROOT"]      # Windows starts nothing without it
        return {**kwargs, "env": fresh, "cwd": self.folder}

    async def cleanup(self, restart=False):
        await super().cleanup(restart)
        if self.folder and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


class Client(AsyncKernelClient):
    """Without the 0.2 s that jupyter_client's spends to make sure that nothing more comes, and without heartbeat.

    The guard knows whether the kernel lives. jupyter_client's heartbeat waits for ever for the end of a message that
    a hostile kernel has only begun, and `stop_channels` then waits for the heartbeat.
    """

    def start_channels(self, **channels):
        super().start_channels(**{**channels, "hb": False})

    beside = None       # bytes that go with the next request

    def execute(self, code, silent=False, store_history=True, user_expressions=None, allow_stdin=False, stop_on_error=True):
        """jupyter_client's, with bytes beside the code; and code that is not for the history is not sent back."""
        message = self.session.msg("execute_request", {
            "code": code, "silent": silent or not store_history, "store_history": store_history,
            "user_expressions": user_expressions or {}, "allow_stdin": allow_stdin, "stop_on_error": stop_on_error})
        message["buffers"] = [] if self.beside is None else [self.beside]
        self.shell_channel.send(message)
        return message["header"]["msg_id"]

    async def wait_for_ready(self, timeout=None):
        """Return when the kernel answers and its outputs arrive. Raises RuntimeError if that does not happen."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while time.monotonic() < deadline:
            request, patience = self.kernel_info(), time.monotonic() + 0.5
            try:
                while (await self.get_shell_msg(timeout=patience - time.monotonic())
                       )["parent_header"].get("msg_id") != request:
                    pass
                while True:
                    message = await self.get_iopub_msg(timeout=0.05)
                    if (message["parent_header"].get("msg_id"), message["content"].get("execution_state")) == (
                            request, "idle"):
                        return
            except queue.Empty:
                if not await self.parent.is_alive():
                    raise RuntimeError("Kernel died before replying to kernel_info") from None
        raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")


class SandboxedKernelManager(AsyncKernelManager):
    """A kernel manager for this Python's ipykernel in a sandbox, whatever kernel the notebook names."""

    provisioner_class = SandboxProvisioner
    client_factory = traitlets.Type(Client)

    @property
    def kernel_spec(self):
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                          display_name="Python 3", language="python")

    @property
    def ipykernel(self):
        return True

    async def _async_pre_start_kernel(self, **kwargs):
        if self.provisioner is None:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self.provisioner = self.provisioner_class(
                kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
        return await super()._async_pre_start_kernel(**kwargs)


class UnsandboxedKernelManager(SandboxedKernelManager):
    """The same without a sandbox."""

    provisioner_class = UnsandboxedProvisioner
