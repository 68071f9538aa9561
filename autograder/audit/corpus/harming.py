"""Notebooks that hurt the grader, the machine or other submissions.

Most are right but for the question that does the harm, or for an extra cell: the rest must keep its points.
"""

from nbformat.v4 import new_code_cell

from autograder.audit.corpus import hostile

NO_KL = {"kl_divergence": 0.0}


def kills(name, idea, code, **more):
    """The code runs inside kl_divergence; the other answers are right."""
    body = "\n".join("    " + line for line in code.strip().splitlines())
    return hostile(name, idea, base="right", deserved=NO_KL, answers={
        "kl_divergence": f"import os, sys, time, signal\ndef kl_divergence(mu, logvar):\n{body}\n    return mu * 0"}, **more)


def spoils(name, idea, code, **more):
    """The code stands in an extra cell of a right notebook."""
    return hostile(name, idea, base="right", first="import os, sys, time\n" + code, **more)


# The end of a process

kills("exit", "os._exit", "os._exit(0)")
kills("segfault", "reads address 0", "import ctypes\nctypes.string_at(0)")
kills("kill-parent", "kills its parent", "os.kill(os.getppid(), 9)\ntime.sleep(0.2)\nos._exit(0)")
kills("kill-all", "kills every process that it may", """
for number in (15, 9):
    try:
        os.kill(-1, number)
    except OSError:
        pass
for pid in range(2, 400):
    try:
        os.kill(pid, 9)
    except OSError:
        pass
""")
kills("stopped", "stops itself", "os.kill(os.getpid(), signal.SIGSTOP)")
kills("loop", "a loop that ignores interrupts", "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass")
kills("recursion", "recursion until the stack overflows", """
sys.setrecursionlimit(10**9)
def again(n): return again(n + 1) + 1
return again(0)
""")
kills("closed", "closes all files and sockets", "os.closerange(0, 4096)\ntime.sleep(0.1)")
spoils("exit-cell", "an extra cell ends Python", "os._exit(3)")
spoils("exit-later", "a thread ends Python when all checks are done", """
import threading
def end():
    time.sleep(60)
    os._exit(0)
threading.Thread(target=end, daemon=True).start()
""")
spoils("exit-in-destructor", "a destructor and an exit handler that never end", """
import atexit, threading
class Late:
    def __del__(self):
        while True: time.sleep(1)
late = Late()
atexit.register(lambda: time.sleep(10**6))
threading.Thread(target=time.sleep, args=(10**6,)).start()
""")
spoils("closes-outputs", "closes the kernel's output socket", """
import threading
def close():
    time.sleep(0.2)
    sys.stdout.flush()
os.close(1), os.close(2)
sys.stdout = sys.stderr = None
threading.Thread(target=close).start()
""")


def _loops(notebook):
    for n in range(10):
        notebook.cells.insert(2, new_code_cell(f"OWN_{n} = {n}\nwhile True: pass"))
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "latent_grid_solution":
            cell.source += "\nwhile True: pass"
    return notebook


hostile("extra-loops", "loops without end in ten extra cells, and one behind an answer", base="right", change=_loops)

# Memory, processors, disks

kills("gigabytes", "a hundred gigabytes", "kept = bytearray(10**11)\nkept[::4096] = b'x' * len(kept[::4096])")
kills("leaking-memory", "memory in small pieces, until it ends", """
kept = []
while True:
    kept.append(b"x" * 10**7)
""")
kills("fork-bomb", "processes that make processes", """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
""")
kills("spinning", "a hundred processes that keep all processors busy", """
for _ in range(100):
    if os.fork() == 0:
        os.setsid()
        while True: pass
time.sleep(100)
""")
kills("threads", "a thousand threads", """
import threading
for _ in range(1000):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
""")
spoils("torch-threads", "64 threads of torch that spin", "torch.set_num_threads(64)\ntorch.randn(700, 700) @ torch.randn(700, 700)")
spoils("fill-tmp", "fills /tmp and its scratch folder", """
for folder in ("/tmp", ".", "/dev/shm", "/var/tmp", "/run/kernel"):
    try:
        with open(folder + "/pwned-@NAME@", "wb") as file:
            while True:
                file.write(b"x" * 2**24)
    except OSError as error:
        print(error)
""")
hostile("many-files", "files without number", base="right", last="""
n = 0
try:
    while True:
        open(f"/tmp/pwned-@NAME@-{n}", "w").close()
        n += 1
except OSError as error:
    print(error)
""")
hostile("surrogate", "an error whose text no file can hold", base="right", deserved={"kl_divergence": 0.0}, answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    raise ValueError('\\ud800 \\0 \\x1b[2J')"})
hostile("surrogates-sent", "errors whose text no file can hold, sent past the kernel's own cleaning", base="right",
        deserved=NO_KL, first="""
import json
get_ipython().kernel.session.pack = lambda content: json.dumps(content, default=str).encode()
raise ValueError("\\ud800 \\x1b[2J \\u202e")
""", answers={"kl_divergence": "raise ValueError('\\ud800')\ndel kl_divergence"})
hostile("names", "9,000 names that a late cell defines", deserved={"kl_divergence": 0.0}, base="right", answers={
    "kl_divergence": "def kl_divergence(mu, logvar):\n    return " + " + ".join(f"n{i}" for i in range(9000))},
    last="\n".join(f"n{i} = {i}" for i in range(9000)))
hostile("print", "10**9 characters", base="right", last='print("x" * 10**9)')
hostile("many-messages", "small messages without end", base="right", last="""
import sys
while True:
    print("x", flush=True)
""")
hostile("raw-output", "a gigabyte to the process's own output", base="right", last="""
import os
for _ in range(1000):
    os.write(1, b"x" * 10**6)
""")
hostile("pictures", "displays of ten megabytes each", base="right", last="""
from IPython.display import display
for _ in range(20):
    display({"image/png": "A" * 10**7, "text/plain": "x"}, raw=True)
""")
kills("endless-prints", "prints without end while it is asked", "while True: print('x' * 10**6)")
hostile("zmq-garbage", "writes garbage into its own sockets, beside the protocol", base="right", last="""
import os, socket, stat
for number in range(3, 300):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            os.write(number, b"\\x02" + b"\\xff" * 8 + b"garbage" * 1000)
    except OSError:
        pass
""")

# Others

spoils("background", "a daemon that writes files and sends messages after the run", """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 256)
        while True:
            for place in ("/tmp", "@COURSE@", "@HOME@", "/dev/shm", os.path.dirname("@PACKAGE@")):
                try:
                    open(place + "/pwned-@NAME@", "a").write("x")
                except OSError:
                    pass
            time.sleep(0.5)
    os._exit(0)
""")
spoils("startup-files", "files that later kernels would run", r"""
import glob, site
for path in (*[os.path.expanduser(p) for p in ("~/.ipython/profile_default/startup/00.py", "~/.bashrc", "~/.pythonrc",
             "~/.jupyter/jupyter_config.py", "~/.local/lib/python3.11/site-packages/pwned.pth")],
             "@HOME@/.ipython/profile_default/startup/00.py", "@HOME@/.jupyter/nbgrader_config.py",
             "@COURSE@/torch.py", "@COURSE@/sitecustomize.py", "@COURSE@/nbgrader_config.py"):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "a").write("\nraise SystemExit('pwned-@NAME@')\n")
    except OSError as error:
        print(error)
""")
spoils("packages-rewritten", "code and .pyc files of utils, torch and the grader", r"""
import glob, utils
for path in (*glob.glob(os.path.dirname(utils.__file__) + "/**/*.py*", recursive=True), torch.__file__,
             *glob.glob("@PACKAGE@/*.py"), *glob.glob(os.path.dirname(utils.__file__) + "/check/keys/*")):
    try:
        os.chmod(path, 0o666)
        open(path, "a").write("\n# pwned-@NAME@\n")
    except OSError:
        pass
    try:
        os.remove(path)
    except OSError:
        pass
""")
spoils("data-cache", "the data set that all share", """
for place in ("~/.cache/vae-exercise", "~/.cache", "@HOME@/.cache", "@COURSE@/MNIST/raw", "MNIST/raw"):
    try:
        os.makedirs(os.path.expanduser(place), exist_ok=True)
        open(os.path.expanduser(place) + "/pwned-@NAME@", "w").write("x" * 1000)
    except OSError:
        pass
""")
spoils("other-submissions", "submissions, grades and feedback of others", """
import glob, shutil
for place in ("submitted", "autograded", "feedback", "archive", "assignments", "solutions"):
    for path in glob.glob("@COURSE@/" + place + "/**/*", recursive=True) + ["@COURSE@/" + place]:
        try:
            open(path, "w").write("pwned-@NAME@")
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
""")
spoils("signals", "signals to whatever process numbers there are", """
import signal
for pid in range(2, 70_000):
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
""")
spoils("limits", "lifts its limits, lowers its niceness, changes umask, folder and clock", """
import resource
for name in dir(resource):
    if name.startswith("RLIMIT"):
        try:
            resource.setrlimit(getattr(resource, name), (-1, -1))
        except (OSError, ValueError):
            pass
try:
    os.nice(-20)
except OSError:
    pass
os.umask(0)
os.chdir("/")
try:
    time.clock_settime(time.CLOCK_REALTIME, 0)
except OSError:
    pass
""")
spoils("torch-state", "leaves torch and Python in another state", """
import random, decimal, locale, warnings
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
torch.manual_seed(0), random.seed(0)
warnings.simplefilter("error")
""", deserved={})
