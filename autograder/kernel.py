"""One kernel that runs one notebook's cells: bounded in time and output, whatever the cells do."""

import asyncio
import functools
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from traitlets.config import Config

from autograder.sandbox import SandboxedKernelManager

MIB = 2**20
MAX_BROKEN = 1000       # messages that cannot be read
SHOWN = ("stream", "display_data", "execute_result", "error")


@dataclass(frozen=True)
class Settings:
    """How notebooks are run. Times in seconds, sizes in bytes.

    config: traitlets, for the limits of the sandbox (`SandboxProvisioner`). manager: which kernels to start.
    """

    cell_seconds: float = 60
    notebook_seconds: float = 600
    startup_seconds: float = 60
    cell_output: int = 2 * MIB      # kept of one cell
    output: int = 48 * MIB          # of the whole notebook
    restarts: int = 8               # after cells that ended the kernel
    manager: type = SandboxedKernelManager
    config: Config = field(default_factory=Config)

    @property
    def longest(self) -> float:
        """Seconds after which grading a notebook must have ended, however often its kernel was started."""
        return self.notebook_seconds + (self.restarts + 2) * self.startup_seconds


class Fatal(Exception):
    """A cell after which the kernel cannot go on. state: "out of time" or "no answers"."""

    def __init__(self, state: str, reason: str):
        super().__init__(reason)
        self.state, self.reason = state, reason


class Kernel(NotebookClient):
    """`await start()`, then `await run(source, seconds)` as often as needed, then `await stop()`."""

    def __init__(self, settings: Settings):
        super().__init__(new_notebook(), kernel_manager_class=settings.manager, config=settings.config,
                         allow_errors=True, interrupt_on_timeout=False, raise_on_iopub_timeout=True,
                         iopub_timeout=10, startup_timeout=math.ceil(settings.startup_seconds),
                         shutdown_kernel="immediate", coalesce_streams=True, store_widget_state=False,
                         on_cell_error=self._on_error)
        self.settings = settings
        self.received = 0

    async def start(self) -> None:
        """Start the kernel and prepare it. What is raised here is no student's fault."""
        self.create_kernel_manager()
        await self.async_start_new_kernel()
        await self.async_start_new_kernel_client()
        source = f"exec(compile({_preamble()!r}, 'preamble', 'exec'), {{'get_ipython': get_ipython}})"
        outputs = await self.run(source, self.settings.startup_seconds, store_history=False)
        errors = [output for output in outputs if output.output_type == "error"]
        if errors:
            raise RuntimeError("the kernel could not be prepared:\n" + "\n".join(errors[0].traceback))

    async def stop(self) -> None:
        if self.km is not None:
            await self._async_cleanup_kernel()
        self.km = None

    async def run(self, source: str, seconds: float, only: str | None = None, store_history: bool = True,
                  beside: bytes | None = None) -> list[NotebookNode]:
        """Outputs of `source`; with `only`, the `buffers` of displays of this MIME type. Raises Fatal.

        beside: bytes that are sent with the request.
        """
        # nbformat's own functions validate, which takes longer than a short cell runs
        cell = NotebookNode(cell_type="code", source=source, metadata=NotebookNode(), outputs=[], execution_count=None)
        self.nb = NotebookNode(cells=[cell], metadata=NotebookNode(), nbformat=4, nbformat_minor=5)
        self.timeout = math.ceil(seconds)
        self.only, self.kept, self.error = only, 0, None
        self.reset_execution_trackers()
        self.kc.beside = beside
        started = time.monotonic()
        try:
            await self.async_execute_cell(cell, 0, store_history=store_history)
        except CellTimeoutError:
            if time.monotonic() - started < seconds:
                raise Fatal("no answers", "The kernel did not tell when this cell had ended.") from None
            raise Fatal("out of time", f"It ran for more than {seconds:.3g} s: "
                        "look for a loop that never ends.") from None
        except DeadKernelError:
            _pass_on_cancellation()
            raise await self._death() from None
        except Fatal:
            raise
        except Exception as error:      # of the protocol: honest cells cannot cause one
            self.log.warning("unreadable messages from a kernel: %r", error)
            raise Fatal("no answers", "The kernel sent messages that cannot be read.") from error
        if self.error == "MemoryError":     # its other threads may have got one as well
            raise Fatal("no answers", "It needed more memory than a notebook may use.")
        return list(cell.outputs)

    def _on_error(self, cell, cell_index, execute_reply) -> None:
        self.error = execute_reply["content"].get("ename")

    async def _death(self) -> Fatal:
        """Why the kernel ended, or had to be given up."""
        if self.received > self.settings.output:
            allowed = self.settings.output // MIB
            return Fatal("no answers", f"The notebook gave more than {allowed} MiB of output.")
        reason = getattr(self.km.provisioner, "reason", None)
        if reason is None:
            return Fatal("no answers", "Python ended while this ran: look for an exit call, or for code that "
                         "crashes it.")
        late = "ran for more than" in reason or "processor time" in reason
        return Fatal("out of time" if late else "no answers", reason)

    async def _async_poll_kernel_alive(self) -> None:
        """nbclient's, five times as often: a dead kernel should not cost a second."""
        while True:
            await asyncio.sleep(0.2)
            if self.kc is None:     # stopped after unreadable messages
                return
            try:
                await self._async_check_alive()
            except DeadKernelError:
                self.task_poll_for_reply.cancel()
                return

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index) -> None:
        """nbclient's, but a broken message is lost alone: a kernel short of threads sends some."""
        broken = 0
        while True:
            try:
                message = await self.kc.iopub_channel.get_msg(timeout=None)
                if message["parent_header"].get("msg_id") == parent_msg_id:
                    self.process_message(message, cell, cell_index)
            except CellExecutionComplete:
                return
            except Exception as error:
                self.log.debug("a broken message of a kernel: %r", error)
                broken += 1
                if broken > MAX_BROKEN:
                    raise

    def process_message(self, msg, cell, cell_index):
        """nbclient's, for the messages that make outputs. All of them may be forged."""
        if not self._is_kept(msg):
            return None
        if self.only is None or msg["msg_type"] != "display_data":
            return super().process_message(msg, cell, cell_index)
        cell.outputs.append(NotebookNode(output_type="display_data", buffers=msg.get("buffers", [])))     # for no notebook
        return cell.outputs[-1]

    def _is_kept(self, msg) -> bool:
        kind, content = msg["msg_type"], msg["content"]
        if kind in ("status", "clear_output"):
            return True
        if kind not in SHOWN:
            return False
        content.pop("transient", None)      # no output may change another one later
        size = _size(content) + sum(map(len, msg.get("buffers", [])))
        self.received += size
        if self.received > self.settings.output:
            self.task_poll_for_reply.cancel()
            return False
        if self.only is not None:
            return kind == "display_data" and self.only in content["data"]
        self.kept += size
        return self.kept <= self.settings.cell_output


@functools.lru_cache(maxsize=None)
def _preamble() -> str:
    return Path(__file__).with_name("preamble.py").read_text("utf-8")


def _size(value) -> int:
    """Characters in a message's content."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    return 8


def _pass_on_cancellation() -> None:
    """nbclient takes Ctrl-C, which cancels the task, for the death of the kernel."""
    task = asyncio.current_task()
    if getattr(task, "cancelling", lambda: 0)():
        raise asyncio.CancelledError
