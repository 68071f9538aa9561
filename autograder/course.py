"""A course's settings, and whether a folder is a course that has a task: said in the same words by every command."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from traitlets.config import Config, PyFileConfigLoader


def course_config(root: Path) -> Config:
    """The settings in `nbgrader_config.py` of the course in `root`."""
    if not (root / "nbgrader_config.py").is_file():
        return Config()
    return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()


def look(root: Path, tasks: Iterable[str] = ()) -> None:
    """Raise ValueError, with what to do, if `root` is no course or one of the tasks is not released there."""
    if not (root / "nbgrader_config.py").is_file():
        raise ValueError("This is no course (no nbgrader_config.py here): cd into it or give --root.")
    settings = course_config(root).CourseDirectory
    folders = (settings.get("source_directory", "source"), settings.get("release_directory", "release"))
    sources, released = ({path.name for path in (root / folder).glob("*") if path.is_dir()} for folder in folders)
    for task in tasks:
        if task in sources - released:
            raise ValueError(f"{task} is not released yet: run `nbgrader generate_assignment {task}`.")
        if task not in released:
            close = difflib.get_close_matches(task, sources | released, 1)
            raise ValueError(f"There is no task {task!r} here; there is {', '.join(sorted(sources | released)) or 'none'}."
                             + (f" Did you mean {close[0]}?" if close else ""))
