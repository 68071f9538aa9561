"""Runs in each graded kernel before the notebook's first cell; the grader itself never imports it.

What works on Colab must not fail here for reasons that have nothing to do with the answers: there is no GPU,
no Google, no keyboard, no network and no package to install.
"""

import ast
import functools
import importlib.abc
import importlib.machinery
import pdb
import sys
import traceback
import types

import torch

import utils.check.remote  # noqa: F401  before a cell can re-bind what it needs
from utils.check.elsewhere import CPUGenerator, Elsewhere

# `!pip install x`, `%pip install x`, `lines = !ls` do nothing.
shell = get_ipython()  # noqa: F821
shell.system = shell.system_raw = shell.system_piped = lambda command, *args, **kwargs: None
shell.getoutput = lambda command, *args, **kwargs: []

# A cell that closes or replaces the output streams does so for itself alone: the kernel needs them to answer.
streams = sys.stdout, sys.stderr


def restore_streams():
    sys.stdout, sys.stderr = streams


shell.events.register("post_execute", restore_streams)


shell.kernel._execute_sleep = 0     # for outputs, before each reply: the grader waits for their end itself


# Four times a cell the kernel waits for the thread that sends: where nothing is written, for nothing.
def flush_if_needed(stream, flush):
    stream.flush = lambda: flush() if getattr(stream, "_flush_pending", True) else None


for stream in streams:
    flush_if_needed(stream, stream.flush)

# What may stop a cell of the student's is not there, or is another version, here; what follows it is run all the same.
def go_on(result):
    error = result.error_in_exec
    frames = traceback.walk_tb(error.__traceback__) if isinstance(error, Exception) else ()
    stopped = next((line for frame, line in frames
                    if frame.f_globals is shell.user_global_ns and frame.f_code.co_name.startswith("<")), None)
    if stopped is None:
        return
    try:
        source = shell.transform_cell(result.info.raw_cell)
        body = ast.parse(source).body
    except SyntaxError:
        return
    end = max((node.end_lineno for node in body if _first_line(node) <= stopped), default=0)
    rest = [_first_line(node) for node in body if _first_line(node) > end]
    source = "\n".join(source.split("\n")[rest[0] - 1:]) if rest else ""
    if source and not shell.should_run_async(source, transformed_cell=source):       # the loop that would run it is running this
        shell.run_cell(source, store_history=False)


def _first_line(node):
    return min(one.lineno for one in (node, *getattr(node, "decorator_list", ())))


shell.events.register("post_run_cell", go_on)

# `%reset` would take away what the cells before have made; a kernel that is told to restart is not run again.
for name in ("reset", "reset_selective"):
    shell.register_magic_function(lambda line: None, "line", name)
shell.kernel.do_shutdown = lambda restart: {"status": "ok", "restart": restart}

# `input()` gets an empty line, and no debugger waits for one that says more.
shell.kernel.raw_input = lambda prompt="": ""
shell.kernel.getpass = lambda prompt="", stream=None: ""
sys.breakpointhook = pdb.set_trace = pdb.Pdb.set_trace = pdb.post_mortem = lambda *args, **kwargs: None
for name in ("debug", "pdb"):
    shell.register_magic_function(lambda line: None, "line", name)


# `.cuda()`, `.to("cuda")` and `device="cuda"` mean the CPU, except where a check asks what would happen on a GPU.
def without_cuda(function, number=False):
    """`number`: whether a number among its arguments means a GPU, as in `.to(0)`."""
    def here(value, number):
        named = isinstance(value, (str, torch.device)) and str(value).split(":")[0] in ("cuda", "mps")
        return torch.device("cpu") if named or number and type(value) is int else value

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if Elsewhere.active:
            return function(*args, **kwargs)
        return function(*(here(value, number) for value in args),
                        **{name: here(value, name == "device") for name, value in kwargs.items()})

    return wrapper


def stays(cuda):
    return functools.wraps(cuda)(lambda self, *args, **kwargs: cuda(self) if Elsewhere.active else self)


if not torch.cuda.is_available():
    for owner in (torch.Tensor, torch.nn.Module):
        owner.cuda = stays(owner.cuda)
        owner.to = without_cuda(owner.to, number=True)
    for name in ("synchronize", "set_device", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda *args, **kwargs: None)
    for kind in (torch.cuda, torch.xpu, torch.mtia):    # whose seeds are kept for later, with a note of who asked
        kind.manual_seed_all = lambda seed: None
    for name in ("FloatTensor", "LongTensor"):
        setattr(torch.cuda, name, getattr(torch, name))
    for name in ("arange", "as_tensor", "empty", "empty_like", "eye", "full", "full_like", "linspace",
                 "normal", "ones", "ones_like", "rand", "rand_like", "randint", "randn", "randn_like",
                 "randperm", "tensor", "zeros", "zeros_like"):
        setattr(torch, name, without_cuda(getattr(torch, name)))

    torch.Generator = CPUGenerator


# Compiling takes longer than what is compiled: the functions run as they are.
def uncompiled(function=None, *args, **kwargs):
    return uncompiled if function is None else function


torch.compile = torch.jit.script = uncompiled


# `from google.colab import drive; drive.mount("/content/drive")` does nothing, under any name. The module
# appears only when it is asked for: the first cell of a notebook looks for it to learn where it runs.
class Colab(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Colab(name)

    def __call__(self, *args, **kwargs):
        return None


class ColabFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name == "google" or name.startswith("google.colab"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return Colab(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.append(ColabFinder())
