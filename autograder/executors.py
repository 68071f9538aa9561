"""Where submissions are graded: processes on this machine, or a Dask cluster; both `concurrent.futures` executors.

A worker that is lost loses nothing: its work is done again by another one, a few times at most.
"""

import concurrent.futures
import contextlib
import functools
import gc
import multiprocessing
import os
import queue
import signal
import sys
import threading

from autograder.sandbox import THREADS

ATTEMPTS = 3
CONNECT = 10        # seconds until a scheduler has to answer


class WorkerLost(RuntimeError):
    """The workers ended, again and again, while they did one piece of work."""


_ahead: list = []       # workers that wait for the `Workers` that they will belong to: (process, pipe)


def begin(count: int, initializer=None, initargs=()) -> None:
    """Fork workers for the `Workers` that this process makes next, which begin with the same `initializer`.

    It has imported already what they need. Only where it has one thread: a fork keeps the locks of all others.
    """
    if sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1:
        context = multiprocessing.get_context("fork")
        gc.freeze()     # a garbage collection in a worker would copy all that is imported
        for number in range(count):
            _ahead.append(_start(context, number, (initializer, *initargs), forked=True))


def _start(context, number: int, first: tuple, forked=False):
    """A new worker: its process, and this end of its pipe. It ends with this process, however that ends."""
    here, there = context.Pipe()
    inherited = [here, *(pipe for _, pipe in _ahead)] if forked else []
    process = context.Process(target=_serve, args=[there, inherited, *first], name=f"grading worker {number + 1}", daemon=True)
    process.start()
    there.close()
    return process, here


class Workers(concurrent.futures.Executor):
    """`count` processes, each with one thread for torch. They end with this process, however it ends.

    Each begins with `initializer(*initargs)`, where there is one.
    """

    def __init__(self, count: int, initializer=None, initargs=()):
        self.slots = count
        self._first = (initializer, *initargs)
        self._ahead = [_ahead.pop(0) for _ in range(min(count, len(_ahead)))]
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        os.environ.update(dict.fromkeys(THREADS, "1"))      # inherited before torch is imported
        if os.name == "posix":
            from multiprocessing import forkserver

            forkserver.set_forkserver_preload(["autograder.preload"])
            if len(self._ahead) < count:
                forkserver.ensure_running()
        self._waiting = queue.SimpleQueue()
        self.processes = {}                 # thread number -> process
        self._closing = False
        self._threads = [threading.Thread(target=self._keep, args=[number], daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, function, /, *args, **kwargs):
        future = concurrent.futures.Future()
        self._waiting.put((future, functools.partial(function, *args, **kwargs)))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        """cancel_futures: work that has begun is dropped, too."""
        self._closing = cancel_futures
        for _ in self._threads:
            self._waiting.put(None)
        if cancel_futures:
            for process in list(self.processes.values()):
                process.kill()
                process.join(10)
        if wait:
            for thread in self._threads:
                thread.join()

    def _keep(self, number: int) -> None:
        """Keep one worker busy, and replace it when it is lost."""
        pipe = None
        while (item := self._waiting.get()) is not None:
            future, call = item
            if self._closing or not future.set_running_or_notify_cancel():
                future.cancel()
                continue
            for _ in range(ATTEMPTS):
                try:
                    if pipe is None:
                        self.processes[number], pipe = self._start(number)
                    pipe.send(call)
                    future.set_result(pipe.recv())
                    break
                except (EOFError, OSError):
                    pipe = None
                    if self._closing:
                        break
                except Exception as error:      # what cannot be sent is the caller's to know of
                    future.set_exception(error)
                    break
            if not future.done():
                future.set_exception(WorkerLost(f"the worker ended {ATTEMPTS} times while it graded this: was there "
                                                "enough memory?"))
        if pipe is not None:
            pipe.close()

    def _start(self, number: int):
        with contextlib.suppress(IndexError):
            return self._ahead.pop()
        return _start(self._context, number, self._first)


def _serve(pipe, inherited, initializer=None, *initargs) -> None:
    """A worker: calls in, results out, until the other end of the pipe is closed. inherited: ends that are not its own."""
    for end in inherited:
        end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # Ctrl-C is for the grader, which ends its workers
    gc.enable()
    if initializer:
        initializer(*initargs)
    calls = queue.SimpleQueue()

    def receive():
        try:
            while True:
                calls.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)     # also in the middle of a grading: nobody waits for it any more

    threading.Thread(target=receive, daemon=True).start()
    while True:
        pipe.send(calls.get()())


def cluster(address: str) -> concurrent.futures.Executor:
    """The workers of a Dask scheduler. Raises OSError if there is none at this address.

    They need this package and a sandbox, and no file of the course. Dask repeats the work of a lost worker.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--scheduler needs Dask: pip install 'distributed>=2024.5'") from None
    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: start one with `dask scheduler`, workers with "
                      f"`dask worker {address} --nthreads 1` ({error})") from None
    return Cluster(client)


class Cluster(concurrent.futures.Executor):
    """A Dask cluster as an executor."""

    def __init__(self, client):
        self.client = client
        self._executor = client.get_executor(pure=False)

    @property
    def slots(self) -> int:
        """How many submissions its workers can grade at once; it changes as they come and go."""
        return max(1, sum(self.client.nthreads().values()))

    def submit(self, function, /, *args, **kwargs):
        return self._executor.submit(function, *args, **kwargs)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._executor.shutdown(wait=wait and not cancel_futures)      # without waiting, Dask cancels
        self.client.close()
