"""Cells that use answers which may not be written yet."""

from contextlib import contextmanager

from utils.results import Missing


@contextmanager
def needs(*names):
    """Run the body of a cell that uses the answers `names`; one printed line where one is not there yet.

    The same for the results of a long experiment that is not there. A stub that raises
    NotImplementedError, or a name that no cell has defined yet, ends the body with that line and without a
    traceback. Every other exception, such as a mistyped name inside an answer, passes through.
    """
    try:
        yield
    except NotImplementedError as error:
        if _from_torch(error):
            raise
        print(_line([_stub(error)] if _stub(error) else names))
    except Missing as error:
        print(error)
    except NameError as error:
        missing = getattr(error, "name", None)
        if missing in names:
            print(_line([missing]))
        elif _depth(error) == 1:
            print(_line(names or [missing]))
        else:
            raise


def _line(names):
    one = len(names) <= 1
    cells, they = ("its cell", "it") if one else ("their cells", "them")
    return (
        f"Not attempted yet: {', '.join(names)}. "
        f"Fill in {cells}, run {they}, then run this one again."
    )


def _frames(error):
    """The frames from the cell's body to the line that raised; the first one is this module's `yield`."""
    frames, step = [], error.__traceback__.tb_next
    while step:
        frames.append(step.tb_frame)
        step = step.tb_next
    return frames


def _depth(error):
    return len(_frames(error))


def _stub(error):
    """The function or class whose body raised, None where the cell itself did."""
    frame = _frames(error)[-1]
    if frame.f_code.co_name == "<module>":
        return None
    owner = frame.f_locals.get("self")
    return frame.f_code.co_name if owner is None else type(owner).__name__


def _from_torch(error):
    """torch says NotImplementedError too: for an operator that a device lacks, or a module without
    `forward`.
    """
    module = _frames(error)[-1].f_globals.get("__name__", "")
    return module.split(".")[0] == "torch" or "aten::" in str(error)
