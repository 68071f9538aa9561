"""Warm kernels: every property of a cold sandbox, and nothing left of an earlier kernel."""

import asyncio
import inspect
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import textwrap
import time

import pytest

import test_sandbox
from autograder import guard, sandbox, warm
from test_sandbox import alive, needs_sandbox

MIB = 2**20

# The same tests as for cold kernels, with kernels that start warm.
NOT_HERE = ("test_a_killed_grader", "test_any_kernel_manager", "test_without_a_sandbox",
            "test_memory_", "test_a_fork_bomb", "test_a_folder_within", "test_what_is_hidden")
for name, function in list(vars(test_sandbox).items()):
    if name.startswith("test_") and not name.startswith(NOT_HERE) and (
            "kernel" in inspect.signature(function).parameters or "Kernel(" in inspect.getsource(function)):
        globals()[name] = function
kernel = test_sandbox.kernel
COLD = test_sandbox.Kernel


class Kernel(test_sandbox.Kernel):
    """`test_sandbox.Kernel`, warm, with room for torch."""

    def __init__(self, manager=warm.WarmKernelManager, limits={}, **options):
        super().__init__(manager, {"memory": 1800 * MIB, **limits}, **options)

    def __enter__(self):
        super().__enter__()
        assert self.provisioner.warm, "it started cold"
        return self


@pytest.fixture(scope="module", autouse=True)
def warm_kernels():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_sandbox, "Kernel", Kernel)
        yield
    warm.close()


# What only warm kernels could get wrong

@needs_sandbox
def test_memory_of_all_processes_together_is_limited():
    bomb = "import os, time\nfor _ in range(20):\n    if not os.fork():\n        x = b'x' * (100 * 2**20); time.sleep(60)"
    with Kernel(limits={"memory": 1100 * MIB, "running": 100}) as kernel:
        with pytest.raises(test_sandbox.DeadKernelError):
            kernel.run(bomb + "\ntime.sleep(60)", timeout=50)
        assert "GiB of memory" in kernel.provisioner.reason


@needs_sandbox
def test_memory_that_forked_processes_share_is_counted_once():
    with Kernel() as kernel:
        kernel.run("import os, time\nx = b'x' * (400 * 2**20)\nfor _ in range(5):\n    if not os.fork(): time.sleep(60)")
        assert 400 * MIB < guard.memory(kernel.guard.first, 1200 * MIB) < 900 * MIB


@needs_sandbox
def test_a_fork_bomb_is_stopped_and_dies_with_the_kernel():
    with Kernel(limits={"processes": 50}) as kernel:
        with pytest.raises(test_sandbox.CellTimeoutError):
            kernel.run("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", timeout=2)
        pids = kernel.processes()
        assert 20 < len(pids) <= 52
    assert not any(map(alive, pids))


@needs_sandbox
def test_what_lies_where_kernels_write_is_shown_read_only_and_its_hidden_part_stays_hidden(tmp_path):
    shown = tmp_path / "shown"
    (shown / "course").mkdir(parents=True)
    (shown / "data").write_text("ok")
    (shown / "course" / "secret").write_text("secret")
    with Kernel(readable=[str(shown)], private=[str(shown / "course")]) as kernel:
        assert kernel.run(f"""
            import os
            print(open("{shown}/data").read(), os.listdir("{shown}/course"), os.listdir("{tmp_path}"))
            for path in ("{shown}/data", "{shown}/new", "{shown}/course/new"):
                try:
                    open(path, "w")
                    print(path, "was written")
                except OSError:
                    pass
            open("/tmp/own", "w").close()
            """) == "ok [] ['shown']\n"
    assert sorted(os.listdir(shown)) == ["course", "data"] and not os.path.exists("/tmp/own")


@needs_sandbox
def test_a_kernel_sees_nothing_of_an_earlier_or_a_neighbouring_one():
    leave = """
        import os, sys, builtins, socket, torch, pty, random, numpy
        for place in ("/tmp", "/scratch", "/dev/shm", "/run/kernel"):
            open(place + "/left", "w").write("4711")
        torch.left = builtins.left = os.environ["LEFT"] = "4711"
        server = socket.socket(socket.AF_UNIX); server.bind("\\0left"); server.listen()
        terminal = pty.openpty()
        print(os.listdir("/dev/pts"), torch.rand(1).item(), random.random(), numpy.random.rand())
        """
    look = """
        import os, builtins, socket, torch, glob, random, numpy
        print([name for name in glob.glob("/*/left") + glob.glob("/*/*/left")], hasattr(torch, "left"),
              hasattr(builtins, "left"), "LEFT" in os.environ, sorted(os.listdir("/dev/pts")),
              len([name for name in os.listdir("/proc") if name.isdigit()]),
              socket.socket(socket.AF_UNIX).connect_ex("\\0left") != 0)
        print(torch.rand(1).item(), random.random(), numpy.random.rand())
        """
    with Kernel() as first:
        drawn = first.run(leave).split()[-3:]
        with Kernel() as second:
            seen, again = second.run(look).splitlines()
        assert first.run("print(os.path.exists('/tmp/left'))") == "True\n"
    with Kernel() as third:
        seen_later, once_more = third.run(look).splitlines()
    assert seen == seen_later == "[] False False False ['ptmx'] 2 True"
    assert not set(drawn) & set(again.split()) and not set(again.split()) & set(once_more.split())


def in_memory(pid, *words):
    """Which of these words are in what a process can write to."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if line.split()[1].startswith("rw") and end - start <= 64 * MIB:       # above: reserved for threads
                file.seek(start)
                content = file.read(end - start)
                found |= {word for word in words if word in content}
    return found


@needs_sandbox
def test_neither_cells_nor_connection_keys_are_ever_in_the_zygotes_memory():
    with Kernel() as kernel:
        kernel.run("secret = 'the-cell-' + 'of-a-student'")
        key = kernel.client.km.session.key
        program = guard.children(next(iter(warm._zygotes.values())).first)[0]
        words = (b"run_kernel", b"the-cell-of-a-student", key)
        assert in_memory(guard.children(kernel.guard.first)[0], *words) == set(words)
        assert in_memory(program, *words) == {b"run_kernel"}


@needs_sandbox
def test_the_zygote_shares_nothing_that_can_be_written():
    with Kernel():
        pass
    zygote = next(iter(warm._zygotes.values()))
    program = guard.children(zygote.first)[0]
    assert pathlib.Path(f"/proc/{program}/cmdline").read_bytes().split(b"\0")[1] == b"/run/zygote.py"
    shared = [line for line in pathlib.Path(f"/proc/{program}/maps").read_text().splitlines()
              if "ws" in line.split()[1].replace("-", "")]
    assert shared == [] and len(os.listdir(f"/proc/{program}/task")) == 1


@needs_sandbox
def test_kernel_settings_cannot_be_changed(kernel):
    seen = kernel.run("""
        import glob
        for path in glob.glob("/proc/sys/net/**", recursive=True) + glob.glob("/proc/sys/kernel/*"):
            try:
                open(path, "r+").close()
                print(path)
            except OSError:
                pass
        """)
    assert seen == ""


@needs_sandbox
def test_where_the_zygote_is_lost_another_one_is_started_and_where_there_is_none_kernels_start_cold(monkeypatch):
    with Kernel():
        pass
    for zygote in list(warm._zygotes.values()):
        zygote.process.kill()
        zygote.process.wait()
    with Kernel() as kernel:
        assert kernel.run("print(1)") == "1\n"
    warm.close()
    monkeypatch.setattr(warm, "MODULES", ("no_such_module",))
    with COLD(warm.WarmKernelManager) as kernel:
        assert kernel.run("print(1)") == "1\n" and not kernel.provisioner.warm
    warm.close()


def start_a_kernel(zygotes, pipe):
    """A worker that has begun with its first kernel."""
    warm.share(zygotes)

    async def main():
        manager = warm.WarmKernelManager()
        await manager.start_kernel()
        while len(guard.family(manager.provisioner.guard.first)) < 2:
            time.sleep(0.01)
        own = [one for one in warm._zygotes.values() if isinstance(one, warm.OwnZygote)]
        pipe.send((guard.family(manager.provisioner.guard.first), manager.provisioner.warm, len(own)))
        time.sleep(60)

    asyncio.run(main())


@needs_sandbox
def test_a_killed_worker_leaves_no_kernel_behind_and_the_zygote_that_it_shared_goes_on():
    with Kernel() as kernel:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        worker = context.Process(target=start_a_kernel, args=[warm.shared(), there])
        worker.start()
        assert here.poll(60)
        pids, is_warm, own = here.recv()
        assert is_warm and own == 0 and len(pids) >= 2 and all(map(alive, pids))
        worker.kill()
        worker.join()
        deadline = time.monotonic() + 10
        while any(map(alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(map(alive, pids))
        assert kernel.run("print(1)") == "1\n"


@needs_sandbox
def test_why_a_zygote_has_ended_is_told(monkeypatch):
    monkeypatch.setattr(warm, "MODULES", ("no_such_module",))
    zygote = warm.OwnZygote({})
    with pytest.raises(OSError, match="No module named 'no_such_module'"):
        zygote.fork({})
    zygote.close()


@needs_sandbox
def test_a_killed_grader_leaves_neither_kernel_nor_zygote_behind(tmp_path):
    code = """
        import asyncio, time
        from autograder import guard, warm
        async def main():
            manager = warm.WarmKernelManager()
            await manager.start_kernel()
            assert manager.provisioner.warm
            zygotes = [guard.family(zygote.first) for zygote in warm._zygotes.values()]
            print(guard.family(manager.provisioner.guard.first) + sum(zygotes, []), flush=True)
            time.sleep(60)
        asyncio.run(main())
        """
    grader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], cwd=test_sandbox.REPOSITORY,
                              env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True)
    pids = json.loads(grader.stdout.readline())
    grader.kill()
    grader.wait()
    grader.stdout.close()
    deadline = time.monotonic() + 30
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(set(pids)) >= 3 and not any(map(alive, pids))
