"""The program in a warm sandbox: it has imported what graded notebooks need, and forks a kernel for each request.

`autograder.warm` starts it, inside the file systems that a kernel may see, as
`python zygote.py DESCRIPTOR MODULES ARGUMENTS`. It has one thread and capabilities in its own user namespace only, and
it runs nothing but this file, imports, and what reads a kernel's arguments. A request is two descriptors: it reads
neither, but forks; so nothing of a submission, nor its connection's key, is ever in its memory, which later kernels
inherit. A fork enters fresh namespaces, gives up every right, and becomes a kernel.
"""

import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
READ_ONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 0x4000, 0x40000
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 22, 24, 38
CAPABILITIES_3 = 0x20080522     # _LINUX_CAPABILITY_VERSION_3
UP = 1 | 64                     # IFF_UP | IFF_RUNNING
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    """A C function that gives 0, or OSError."""
    plain = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    if function(*plain) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}{arguments}: {os.strerror(number)}")


def mount(source, place, kind, flags, options=None):
    call(libc.mount, source, place, kind, flags, options)


def main(requests: socket.socket, app) -> None:
    """Fork a kernel, which `app` becomes, for each request, until the other end is closed."""
    threads = os.listdir("/proc/self/task")
    if len(threads) > 1:        # a fork could inherit a lock that nobody opens
        raise RuntimeError(f"it has {len(threads)} threads")
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)       # no child is waited for
    gc.freeze()
    gc.enable()
    while True:
        data, passed, _, _ = socket.recv_fds(requests, 1, 2)
        if not data:
            return
        call(libc.setns, own, NEWPID)
        call(libc.unshare, NEWPID)      # of the next child
        if os.fork() == 0:
            status = 1
            try:
                requests.close()
                os.close(own)
                status = first(*passed, app)
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(status)
        for descriptor in passed:
            os.close(descriptor)


def first(channel: int, log: int, app) -> int:
    """The first process of a kernel's process namespace: sets up, tells, waits. Returns the kernel's exit status.

    It ends, and all that runs in its namespace with it, when its grader has closed the channel or has ended.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    with socket.socket(fileno=channel) as grader:
        with grader.makefile("rb") as file:
            request = json.loads(file.readline())
        call(libc.unshare, NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWNET)
        set_up(request)
        identity = struct.pack("iii", os.getpid(), os.getuid(), os.getgid())
        grader.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, identity)])
        kernel = os.fork()
        if kernel == 0:
            grader.detach()
            os.closerange(3, 1024)
            become_student(request)
            run_kernel(request, app)
            return 0
        give_up_capabilities()
        code = wait(kernel, grader)
        grader.send(bytes([code]))
        return code


def wait(kernel: int, grader: socket.socket) -> int:
    """The exit status of the process `kernel`, as a shell gives it; 1 once the other end of `grader` is closed."""
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        pid = True
        while pid:      # whatever has lost its parent in here is a child of this process, too
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == kernel:
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code
        ready, _, _ = select.select([grader, woken], [], [])
        if grader in ready:
            return 1
        os.read(woken, 4096)


def set_up(request: dict) -> None:
    """Fresh file systems, terminals and loopback; nothing that another kernel wrote to or can see."""
    os.umask(0o022)
    mount(b"none", b"/", None, PRIVATE | RECURSIVE)
    covered = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in request["covered"]}
    for place, options in request["writable"].items():
        mount(b"tmpfs", place.encode(), b"tmpfs", NOSUID | NODEV, options.encode())
    for path, descriptor in covered.items():
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.mknod(path)
        mount(f"/proc/self/fd/{descriptor}".encode(), path.encode(), None, BIND | RECURSIVE)
        os.close(descriptor)
    mount(b"proc", b"/proc", b"proc", NOSUID | NODEV | NOEXEC)
    for name in ("sys", "sysrq-trigger", "irq", "bus"):
        place = f"/proc/{name}".encode()
        if os.path.exists(place):
            mount(place, place, None, BIND | RECURSIVE)
            mount(b"none", place, None, BIND | REMOUNT | READ_ONLY | NOSUID | NODEV | NOEXEC)
    mount(b"devpts", b"/dev/pts", b"devpts", NOSUID | NOEXEC, b"newinstance,ptmxmode=0666,mode=0620")
    call(libc.sethostname, b"sandbox", len(b"sandbox"))
    with socket.socket(socket.AF_INET) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", UP))     # SIOCSIFFLAGS
    for path, text in request["files"].items():
        with open(path, "w") as file:
            file.write(text)
    os.chdir(request["folder"])


def become_student(request: dict) -> None:
    """A user namespace of its own without any capability, the limits, and the filter of system calls."""
    os.setsid()
    student = request["student"]
    if request["root"]:
        os.setgroups([])
        os.setresgid(student, student, student)
        os.setresuid(student, student, student)
    user, group = os.getuid(), os.getgid()
    call(libc.prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)       # else its own /proc/self/uid_map is not its own
    call(libc.unshare, NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{student} {user} 1"), ("gid_map", f"{student} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    give_up_capabilities()
    for name, value in request["resources"].items():
        resource.setrlimit(getattr(resource, name), tuple(value))
    program = bytes.fromhex(request["filter"])
    buffer = ctypes.create_string_buffer(program, len(program))
    description = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))     # struct sock_fprog
    call(libc.prctl, PR_SET_SECCOMP, 2, ctypes.c_char_p(description), 0, 0)


def give_up_capabilities() -> None:
    """For good: nothing that is executed later has any, either."""
    number = 0
    while libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0) == 0:
        number += 1
    call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call(libc.capset, struct.pack("Ii", CAPABILITIES_3, 0), bytes(24))


def kernel_app(arguments: list[str]):
    """ipykernel's application, which has read these arguments already; that takes a sixth of its start."""
    from ipykernel.kernelapp import IPKernelApp

    class App(IPKernelApp):
        known = None

        def parse_command_line(self, argv=None):
            if argv != self.known:
                super().parse_command_line(argv)
            self.known = argv

    app = App.instance()
    app.parse_command_line(arguments)
    return app


def run_kernel(request: dict, app) -> None:
    """What `python -m ipykernel_launcher -f FILE` does."""
    import numpy
    import torch

    numpy.random.seed()
    torch.default_generator.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(request["environment"])
    sys.argv = ["ipykernel_launcher.py", *request["arguments"]]
    app.initialize(request["arguments"])
    app.start()


if __name__ == "__main__":
    sys.path.pop(0)     # this file's folder
    import importlib

    gc.disable()        # it would find nothing among imported modules
    grader = socket.socket(fileno=int(sys.argv[1]))
    try:
        modules, arguments = map(json.loads, sys.argv[2:])
        for one in modules:
            importlib.import_module(one)
        main(grader, kernel_app(arguments))
    except Exception as error:
        grader.send(f"{type(error).__name__}: {error}".encode()[:1000])
        raise
