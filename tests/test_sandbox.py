"""Real kernels in real sandboxes: each test is one thing that a submission must not be able to do."""

import asyncio
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import textwrap
import time

import nbformat
import pytest
import traitlets
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets.config import Config

from autograder import guard, sandbox, seccomp

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
MIB = 2**20
needs_sandbox = pytest.mark.skipif(sandbox.available() is not None, reason=str(sandbox.available()))


class Kernel:
    """A kernel that runs one piece of code after the other, as the grader does."""

    def __init__(self, manager=sandbox.SandboxedKernelManager, limits={}, **traits):
        config = Config({"SandboxProvisioner": {"limits": {"memory": 1200 * MIB, **limits}, **traits}})
        self.client = NotebookClient(nbformat.v4.new_notebook(), kernel_manager_class=manager, config=config,
                                     kernel_name="whatever the notebook says", shutdown_kernel="immediate",
                                     allow_errors=True)

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(self.client.setup_kernel())
        self.provisioner = self.client.km.provisioner
        self.guard = getattr(self.provisioner, "guard", None)
        return self

    def __exit__(self, *error):
        self.stack.close()

    def run(self, code, timeout=120):
        """Everything that the code printed, and the name of the exception that it raised, as one text."""
        cell = nbformat.v4.new_code_cell(textwrap.dedent(code))
        self.client.timeout = timeout
        self.client.nb.cells.append(cell)
        self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        return "".join(output.get("text", "") or output.get("ename", "") for output in cell.outputs)

    def processes(self):
        return guard.family(self.guard.first)


def alive(pid):
    """Whether a process still runs; one that only waits for its parent to take notice does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    if sandbox.available():
        pytest.skip(sandbox.available())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_SECRET", "seed-4711")
        patch.setenv("NBGRADER_EXECUTION", "autograde")
        with Kernel(limits={"tmp": 20 * MIB}) as kernel:
            kernel.run("import os")
            yield kernel


# What can be seen


def test_torch_and_utils_work_inside(kernel):
    code = "import torch, utils, os; print(int(torch.ones(3).sum()), os.getcwd())"
    assert kernel.run(code) == "3 /scratch\n"


def test_nothing_of_the_course_can_be_seen(kernel, tmp_path):
    (tmp_path / "gradebook.db").write_text("grades")
    secrets = [REPOSITORY / "autograder", REPOSITORY / "solutions", REPOSITORY / "tests", REPOSITORY / ".git",
               tmp_path, pathlib.Path(kernel.provisioner.folder), pathlib.Path("/etc/shadow"),
               pathlib.Path("/home"), pathlib.Path("/var"), pathlib.Path("/boot")]
    print_seen = f"import os; print([path for path in {list(map(str, secrets))} if os.path.exists(path)])"
    assert kernel.run(print_seen) == "[]\n"
    assert set(eval(kernel.run(f"print(os.listdir({str(REPOSITORY)!r}))"))) <= {"utils", ".venv"}


def test_the_grader_cannot_be_imported(kernel):
    assert kernel.run("import autograder.questions") == "ModuleNotFoundError"


def test_the_environment_is_fresh(kernel):
    seen = kernel.run("""
        import glob
        for name in ["/proc/self/environ", *glob.glob("/proc/[0-9]*/environ"),
                     *glob.glob("/proc/[0-9]*/cmdline")]:
            try:
                print(open(name).read())
            except PermissionError:
                print("refused")
        """)
    assert "HOME=/scratch" in seen and "NBGRADER_EXECUTION=autograde" in seen
    assert "seed-4711" not in seen and "JPY_PARENT_PID" not in seen


def test_only_the_kernels_own_processes_can_be_seen(kernel):
    pids = eval(kernel.run("print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))"))
    assert len(pids) <= 3 and pids[0] == 1


def test_every_namespace_is_its_own(kernel):
    names = ["user", "pid", "net", "ipc", "uts", "mnt"]
    inside = eval(kernel.run(f"print([os.readlink('/proc/self/ns/' + name) for name in {names}])"))
    assert not set(inside) & {os.readlink(f"/proc/self/ns/{name}") for name in names}


def test_no_privileges_are_left(kernel):
    lines = kernel.run("print(open('/proc/self/status').read())").splitlines()
    status = dict(line.split(":\t") for line in lines if line)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert status["Uid"].split() == ["65534"] * 4


def test_descriptors_of_the_grader_are_closed(kernel):
    assert "memfd" not in kernel.run("print([os.readlink(f'/proc/self/fd/{n}') for n in range(64) "
                                     "if os.path.exists(f'/proc/self/fd/{n}')])")


# What can be reached


def some_server():
    """On a port that nobody is given who asks for any: ipykernel does, and listens on it in its own network."""
    for port in range(20_000, 30_000):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))


def test_the_network_cannot_be_reached(kernel, tmp_path):
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(some_server()),
                   stack.enter_context(socket.socket(socket.AF_UNIX))]
        servers[1].bind("\0course")
        servers[1].listen()
        port = servers[0].getsockname()[1]
        seen = kernel.run(f"""
            import socket, urllib.request
            for attempt in (lambda: socket.create_connection(("127.0.0.1", {port}), timeout=2),
                            lambda: socket.create_connection(("1.1.1.1", 53), timeout=2),
                            lambda: socket.socket(socket.AF_UNIX).connect("\\0course"),
                            lambda: socket.socket(socket.AF_INET6),
                            lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
                            lambda: socket.getaddrinfo("example.org", 443),
                            lambda: urllib.request.urlopen("http://example.org", timeout=2)):
                try:
                    print("reached", attempt())
                except OSError:
                    print("no")
            """)
    assert seen == "no\n" * 7


def test_nothing_outside_the_scratch_folders_can_be_written(kernel):
    places = ["/", "/usr/bin", "/etc", "/dev", "/run", sys.prefix, sys.base_prefix, str(REPOSITORY),
              str(REPOSITORY / "utils"), "/proc/sys/kernel", "/sys/devices/system/cpu"]
    seen = kernel.run(f"""
        for place in {places}:
            try:
                open(place + "/planted", "w")
                print("wrote", place)
            except OSError:
                pass
        """)
    assert seen == ""


def test_every_writable_file_system_has_a_size(kernel):
    mounts = [line.split() for line in kernel.run("print(open('/proc/mounts').read())").split("\n") if line]
    writable = {fields[1]: fields[3] for fields in mounts
                if fields[3].split(",")[0] == "rw" and fields[2] not in ("proc", "devpts", "devtmpfs")}
    assert set(writable) == set(guard.WRITABLE)
    assert all("size=" in options for options in writable.values())


def test_a_full_tmp_stops_only_the_writer(kernel):
    seen = kernel.run("""
        try:
            with open("/tmp/full", "wb") as file:
                while True:
                    file.write(bytes(2**20))
        except OSError as error:
            print(error.strerror, os.path.getsize("/tmp/full") <= 20 * 2**20)
        os.remove("/tmp/full")
        """)
    assert seen == "No space left on device True\n"


def test_calls_that_no_notebook_needs_are_refused(kernel):
    column = seccomp.MACHINES[os.uname().machine][0]
    numbers = {name: pair[column] for name, pair in seccomp.DENIED.items() if pair[column] is not None}
    assert eval(kernel.run(f"""
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print([name for name, number in {numbers}.items()
               if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1])
        """)) == []


def test_new_namespaces_typing_into_terminals_and_hiding_are_refused(kernel):
    column = seccomp.MACHINES[os.uname().machine][0]
    clone, prctl = seccomp.CLONE[column], seccomp.PRCTL[column]
    kernel.run("import ctypes; call = ctypes.CDLL(None, use_errno=True).syscall")
    assert kernel.run(f"print(call({clone}, 0x10000000 | 17, 0, 0, 0, 0), ctypes.get_errno())") == "-1 1\n"
    assert kernel.run(f"print(call({prctl}, 4, 0, 0, 0, 0), ctypes.get_errno())") == "-1 1\n"
    assert kernel.run("import fcntl, pty; fcntl.ioctl(pty.openpty()[1], 0x5412, b'x')") == "PermissionError"
    assert kernel.run("import subprocess; subprocess.check_output(['unshare', '-U', 'true'])"
                      ).endswith("CalledProcessError")


def test_ordinary_work_is_not_refused(kernel):
    seen = kernel.run("""
        import subprocess, threading, multiprocessing, tempfile
        print(subprocess.check_output(["echo", "shell"], text=True).strip())
        thread = threading.Thread(target=print, args=["thread"]); thread.start(); thread.join()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(abs, [-1, -2]))
        with tempfile.TemporaryFile() as file:
            print(file.write(b"abc"))
        """)
    assert seen == "shell\nthread\n[1, 2]\n3\n"
    assert kernel.run("!echo a line") .strip() == "a line"


def test_killing_every_visible_process_but_itself_changes_nothing(kernel):
    seen = kernel.run("""
        import os, signal
        for pid in [os.getppid(), 1, -1]:
            try:
                os.kill(pid, signal.SIGKILL if pid > 0 else signal.SIGURG)
            except OSError:
                pass
        print("alive")
        """)
    assert seen == "alive\n" and kernel.run("print(1)") == "1\n"


def test_the_first_process_cannot_be_taken_over(kernel):
    assert kernel.run("open('/proc/1/mem', 'r+b').read(1)") in ("PermissionError", "OSError")


# What is used up


@needs_sandbox
def test_a_huge_allocation_is_an_ordinary_error():
    with Kernel() as kernel:
        assert kernel.run("x = bytearray(10**11)") == "MemoryError"
        assert kernel.run("x = bytearray(1500 * 2**20)") == "MemoryError"
        assert kernel.run("print('alive')") == "alive\n"


@needs_sandbox
@pytest.mark.parametrize("bomb", [
    "for _ in range(8):\n    if not os.fork():\n        x = b'x' * (100 * 2**20); time.sleep(60)\n"
    "time.sleep(60)",
    "x = mmap.mmap(-1, 2**30)\nfor i in range(0, 2**30, 4096): x[i] = 1",
    "ends = [socket.socketpair() for _ in range(200)]\n"
    "for _ in range(5):\n    if not os.fork():\n        more = [socket.socketpair() for _ in range(240)]; "
    "time.sleep(60)\ntime.sleep(60)",
    "import ctypes, threading\n"
    "def keep():\n    x = b'x' * (150 * 2**20); time.sleep(60)\n"
    "for _ in range(3):\n    if not os.fork():\n        threading.Thread(target=keep).start(); "
    "time.sleep(0.5); ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)\n"
    "time.sleep(60)",
], ids=["processes", "shared", "sockets", "headless"])
def test_memory_of_all_processes_together_is_limited(bomb):
    with Kernel(limits={"open_files": 1024, "memory": 400 * MIB, "running": 100}) as kernel:
        start = time.monotonic()
        with pytest.raises(DeadKernelError):
            kernel.run("import mmap, os, socket, time\n" + bomb, timeout=50)
        assert "GiB of memory" in kernel.provisioner.reason
        assert time.monotonic() - start < 40


@needs_sandbox
def test_memory_that_forked_processes_share_is_counted_once():
    with Kernel() as kernel:
        kernel.run("""
            import os, time
            x = b"x" * (400 * 2**20)
            for _ in range(5):
                if not os.fork():
                    time.sleep(60)
            """)
        time.sleep(3 * guard.LOOK)
        assert kernel.run("print('alive')") == "alive\n"
        assert 400 * MIB < guard.memory(kernel.guard.first, 1200 * MIB) < 600 * MIB


@needs_sandbox
def test_processes_that_would_starve_other_kernels_are_stopped():
    with Kernel(limits={"running": 4}) as kernel:
        spin = """
            import os, time
            for _ in range({}):
                if os.fork() == 0:
                    os.setsid()
                    until = time.time() + {}
                    while time.time() < until: pass
                    os._exit(0)
            time.sleep({})
            print("done")
            """
        assert kernel.run(spin.format(2, 4, 5), timeout=60) == "done\n"
        with pytest.raises(DeadKernelError):
            kernel.run(spin.format(7, 50, 50), timeout=45)
        assert kernel.provisioner.reason == "The code in this notebook kept more than 4 threads busy at once."


@needs_sandbox
def test_a_fork_bomb_is_stopped_and_dies_with_the_kernel():
    with Kernel(limits={"processes": 50}) as kernel:
        with pytest.raises(CellTimeoutError):
            kernel.run("""
                import os
                while True:
                    try:
                        os.fork()
                    except OSError:
                        pass
                """, timeout=2)
        patience = time.monotonic() + 30        # a busy machine forks slowly
        while len(pids := kernel.processes()) <= 20 and time.monotonic() < patience:
            time.sleep(0.1)
        assert 20 < len(pids) <= 52
        start = time.monotonic()
    assert time.monotonic() - start < 20
    assert not any(map(alive, pids))


@needs_sandbox
@pytest.mark.parametrize("flood", [
    "print('x' * 10**8)",
    "while True: print('x' * 10**5, flush=True)",
    "while True: os.write(2, b'x' * 10**5)",
    "while True: get_ipython().kernel.iopub_socket.send_multipart([b'x' * 10**5] * 50)",
], ids=["one message", "many messages", "descriptor", "raw frames"])
def test_output_is_limited(flood):
    with Kernel(limits={"output": 10 * MIB}) as kernel:
        with pytest.raises(DeadKernelError):
            kernel.run("import os\n" + flood)
        assert "10 MiB of output" in kernel.provisioner.reason
        assert kernel.guard.received < 11 * MIB


@needs_sandbox
def test_the_number_of_files_is_limited():
    with Kernel(limits={"files": 2000}) as kernel, pytest.raises(DeadKernelError):
        kernel.run("for i in range(10**6): open(f'/tmp/{i}', 'w').close()\nwhile True: pass")
    assert "2000 files" in kernel.guard.reason


@needs_sandbox
def test_file_size_and_time_are_limited():
    with Kernel(limits={"file_size": MIB, "cpu_seconds": 1, "seconds": 30}) as kernel:
        assert kernel.run("open('big', 'wb').write(bytes(2**21))") == "OSError"
        with pytest.raises(DeadKernelError):
            kernel.run("while True: pass")
    assert "1 s of processor time" in kernel.guard.reason
    with Kernel(limits={"seconds": 1.5}) as kernel:
        with pytest.raises(DeadKernelError):
            kernel.run("import time; time.sleep(20)")
        assert kernel.provisioner.reason == "The code in this notebook ran for more than 1.5 s."


# How it ends


@needs_sandbox
def test_a_kernel_that_ignores_signals_is_killed():
    with Kernel() as kernel:
        with pytest.raises(CellTimeoutError):
            kernel.run("""
                import signal
                for number in range(1, 32):
                    try:
                        signal.signal(number, signal.SIG_IGN)
                    except (OSError, ValueError):
                        pass
                while True:
                    pass
                """, timeout=1)
        start = time.monotonic()
    assert time.monotonic() - start < 20 and not kernel.guard.is_alive()


@needs_sandbox
def test_an_interrupt_reaches_the_kernel():
    with Kernel() as kernel:
        kernel.client.interrupt_on_timeout = True
        assert kernel.run("import time; time.sleep(30)", timeout=1) == "KeyboardInterrupt"
        assert kernel.run("print('alive')") == "alive\n"


@needs_sandbox
def test_background_processes_die_with_the_kernel():
    with Kernel() as kernel:
        kernel.run("""
            import os, time
            if not os.fork():
                os.setsid()
                if not os.fork():
                    time.sleep(600)
                os._exit(0)
            """)
        pids = kernel.processes()
        assert len(pids) >= 3
        with pytest.raises(DeadKernelError):
            kernel.run("os._exit(0)")
        kernel.guard.join(5)
        assert not any(map(alive, pids))
    assert kernel.guard.reason is None


@needs_sandbox
def test_a_kernel_can_be_restarted_for_the_remaining_questions():
    with Kernel() as kernel:
        with pytest.raises(DeadKernelError):
            kernel.run("import ctypes; open('left', 'w').close(); ctypes.string_at(0)")
        run_sync(kernel.client.km.restart_kernel)(now=True)
        run_sync(kernel.client.kc.wait_for_ready)(timeout=120)
        assert kernel.run("import os; print(os.path.exists('left'))") == "False\n"


@needs_sandbox
def test_a_killed_grader_leaves_no_kernel_behind(tmp_path):
    code = """
        import asyncio, time
        from autograder import guard, sandbox
        async def main():
            manager = sandbox.SandboxedKernelManager()
            await manager.start_kernel()
            time.sleep(0.5)
            print(guard.family(manager.provisioner.guard.first), flush=True)
            time.sleep(60)
        asyncio.run(main())
        """
    grader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=REPOSITORY,
                              env={**os.environ, "TMPDIR": str(tmp_path)},
                              stdout=subprocess.PIPE, text=True)
    pids = json.loads(grader.stdout.readline())
    grader.kill()
    grader.wait()
    grader.stdout.close()
    deadline = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(pids) >= 2 and not any(map(alive, pids))


@needs_sandbox
def test_a_link_in_place_of_a_kernels_socket_leads_nowhere(tmp_path):
    with Kernel() as kernel, socket.socket(socket.AF_UNIX) as victim:
        victim.bind(str(tmp_path / "victim"))
        victim.listen()
        victim.settimeout(0.5)
        kernel.run(f"""
            import os
            os.remove("/run/kernel/s-4")
            os.symlink({str(tmp_path / "victim")!r}, "/run/kernel/s-4")
            """)
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{kernel.provisioner.folder}/s-4")
            with pytest.raises(TimeoutError):
                victim.accept()


# Setting it up


@needs_sandbox
def test_a_folder_within_the_environment_can_be_hidden_and_another_one_shown(tmp_path):
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "data").write_text("ok")
    hidden = pathlib.Path(os.__file__).parent / "idlelib"
    with Kernel(readable=[str(tmp_path / "shown")], private=[str(hidden)],
                environment={"VAE_DATA": "digits"}) as kernel:
        assert kernel.run(f"import os; print(open({str(tmp_path / 'shown' / 'data')!r}).read(), "
                          f"os.listdir({str(hidden)!r}), os.environ['VAE_DATA'])") == "ok [] digits\n"


@needs_sandbox
def test_any_kernel_manager_can_use_the_provisioner():
    async def start():
        manager = AsyncKernelManager()
        manager.provisioner = sandbox.SandboxProvisioner(
            kernel_id="1", kernel_spec=manager.kernel_spec, parent=manager)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=120)
        user = pathlib.Path(f"/proc/{guard.children(manager.provisioner.guard.first)[0]}/ns/user").readlink()
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        return user

    assert asyncio.run(start()) != pathlib.Path("/proc/self/ns/user").readlink()


@needs_sandbox
def test_what_is_hidden_is_hidden_under_every_name(tmp_path):
    (tmp_path / "environment" / "course").mkdir(parents=True)
    (tmp_path / "environment" / "course" / "key").write_text("seed-4711")
    (tmp_path / "environment" / "gradebook.db").write_text("seed-4711")
    (tmp_path / "alias").symlink_to(tmp_path / "environment")
    secrets = [str(tmp_path / "environment" / "course"), str(tmp_path / "environment" / "gradebook.db")]
    with Kernel(readable=[str(tmp_path / "alias"), str(tmp_path / "environment")], private=secrets) as kernel:
        for name in ("alias", "environment"):
            kernel.run(f"import os; os.chdir({str(tmp_path / name)!r})")
            assert kernel.run("print(os.listdir('course'))") == "[]\n"
            assert kernel.run("open('gradebook.db')") == "PermissionError"


def test_an_environment_that_is_the_courses_own_folder_is_refused():
    with pytest.raises(OSError, match="different folders"):
        sandbox.launch(["true"], private=[sys.prefix])


@pytest.mark.parametrize("limits, message", [({"memroy": 1}, "Known names"), ({"memory": -1}, "above 0"),
                                             ({"seconds": "60"}, "must be a number")])
def test_a_wrong_limit_is_refused_with_its_name(limits, message):
    with pytest.raises(traitlets.TraitError, match=message):
        sandbox.SandboxProvisioner(limits=limits)


def test_a_machine_without_bubblewrap_says_so(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setattr(sandbox.sys, "platform", "linux")
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "x86_64")
    assert "bubblewrap" in sandbox.available.__wrapped__()


def test_without_a_sandbox_the_environment_is_fresh_and_the_process_group_dies(monkeypatch):
    monkeypatch.setenv("COURSE_SECRET", "seed-4711")
    with Kernel(manager=sandbox.UnsandboxedKernelManager) as kernel:
        seen = kernel.run("""
            import os, subprocess
            print("COURSE_SECRET" in os.environ, os.path.samefile(os.getcwd(), os.environ["HOME"]),
                  subprocess.Popen(["sleep", "600"]).pid)
            """).split()
        assert seen[:2] == ["False", "True"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and alive(seen[2]):
        time.sleep(0.05)
    assert not alive(seen[2])
