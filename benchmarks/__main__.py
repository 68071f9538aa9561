"""`make bench`: run the benchmarks and write benchmarks/RESULTS.md.

    python -m benchmarks [NAME ...] [--quick]

Each benchmark is a script of its own, with its peer in the same run; this one runs them and puts their tables into one
file. A benchmark that was not asked for keeps the section that it has.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
SCRIPTS = {     # name -> (title, script and arguments, arguments for a first look)
    "training": ("Training", ["training.py", "--peer-elbo"], ["--images", "6000", "--epochs", "1", "--seeds", "1"]),
    "task1": ("Grading Task 1", ["grading.py", "--task", "task1_vae", "--repeats", "5"],
              ["--students", "2", "--peers", "1", "--repeats", "1"]),
    "task2": ("Grading Task 2", ["grading.py", "--task", "task2_cvae", "--repeats", "5"],
              ["--students", "2", "--peers", "1", "--repeats", "1"]),
    "class": ("A class of 50, both tasks",
              ["grading.py", "--task", "task1_vae,task2_cvae", "--students", "50", "--peers", "2", "--workers", "2", "--warm",
               "--repeats", "5", "--otter", ""], ["--students", "4", "--peers", "1", "--repeats", "1"]),
    "scale": ("Classes of growing size", ["scale.py"], ["--sizes", "4,8"]),
    "around": ("The same without the notebooks: rebuild, files, gradebook",
               ["scale.py", "--no-kernels"], ["--sizes", "10,30"]),
    "sandbox": ("What the sandbox adds", ["sandbox.py"], ["--repeats", "1"]),
    "batch": ("A class of 100, of which 40 are hostile", ["batch.py"], []),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks, write RESULTS.md.")
    parser.add_argument("name", nargs="*", help=f"only these of {', '.join(SCRIPTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, printed and not written: does it run?")
    options = parser.parse_args()
    unknown = set(options.name) - SCRIPTS.keys()
    if unknown:
        parser.error(f"there is no benchmark {sorted(unknown)[0]!r}; there are {', '.join(SCRIPTS)}")
    failed = []
    for name in options.name or SCRIPTS:
        title, arguments, small = SCRIPTS[name]
        arguments = arguments + small if options.quick else arguments
        print(f"{name} ...", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, str(HERE / arguments[0]), *arguments[1:]], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(HERE.parent)})
        if done.returncode:
            failed.append(name)
            continue
        text = section(title, arguments, done.stdout)
        if options.quick:
            print(text)
        else:
            write(title, text)
    if failed:
        print(f"failed, see above: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def section(title: str, arguments: list[str], table: str) -> str:
    today = datetime.date.today().isoformat()
    return f"## {title}\n\n`python benchmarks/{' '.join(arguments)}`, {today}, {machine()}\n\n{table.strip()}\n"


def machine() -> str:
    """Processor, cores, memory and the versions that matter."""
    import torch

    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.+)", file.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (f"{model[1].strip() if model else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB{gpu}; "
            f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}.")


def write(title: str, text: str) -> None:
    """Put the section into RESULTS.md, in the order of `SCRIPTS`."""
    old = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    sections = {part.splitlines()[0]: part for part in re.split(r"^## ", old, flags=re.MULTILINE)[1:]}
    sections[title] = text.removeprefix("## ")
    ordered = [f"## {sections[name].strip()}\n" for name, _, _ in SCRIPTS.values() if name in sections]
    RESULTS.write_text("# Measured\n\n`make bench` writes this file.\n\n" + "\n".join(ordered), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
