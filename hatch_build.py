"""Builds the compiled forms of fingerprints and of detection (`native` in each) into wheels and editable installs.

Where there is no C compiler, or no header of Python's, the package is built without it and runs in pure form: the same
results, slower. `AGENTWATCH_PURE=1` leaves it out on purpose; `python hatch_build.py` builds it in place.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, where nothing is packed
    BuildHookInterface = object

ABI = 0x030B  # Python 3.11: a module is built once for it and every later version
FLAGS = (
    *("-std=c11", "-O3", "-fPIC", "-fvisibility=hidden", "-fstack-protector-strong", "-Wall", "-Wextra", "-DNDEBUG"),
    "-ffp-contract=off",  # a product that is added unrounded would be another number than the pure form's
)
SECONDS = 120
# Loads the module by its path, since the package itself may not be importable while it is built.
TRIED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location(sys.argv[1], sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
"""


class Extension(NamedTuple):
    """A module in C: the folder of its sources, files of others that it shares, and what it is built as.

    tried: what must hold of `module`, as a statement, for the build to be used.
    """

    native: Path
    shared: tuple[str, ...]
    built: Path
    tried: str


_FINGERPRINT = Path("agentwatch/fingerprint/native")
EXTENSIONS = (
    Extension(
        _FINGERPRINT,
        (),
        Path("agentwatch/fingerprint/_compiled.abi3.so"),
        'assert module.digest(b"") == 0x2D06800538D394C2',
    ),
    Extension(
        Path("agentwatch/detect/native"),
        ("digest.c", "echo.c", "likeness.c", "place.c"),
        Path("agentwatch/detect/_kernel.abi3.so"),
        "assert module.CLASSES",
    ),
)


class CompiledFormHook(BuildHookInterface):
    """Compiles before a wheel is put together, and names the wheel for the platform if that worked."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build in place; `version` is "editable" for an editable install."""
        if self.target_name != "wheel":
            return
        failed = build(Path(self.root))
        if failed:
            self.app.display_warning(f"agentwatch is built without its compiled form ({version}): {failed}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{platform_tag()}"
        build_data["artifacts"].extend(f"/{one.built.as_posix()}" for one in EXTENSIONS)


def build(root: Path) -> str:
    """Compile all in place, or none; returns why there is no compiled form, or an empty string."""
    _clear(root)
    if os.environ.get("AGENTWATCH_PURE", "") not in ("", "0"):
        return "AGENTWATCH_PURE is set"
    failed = "there is no C compiler"
    for compiler in compilers():
        failed = next(filter(None, (tried(root, compiler, one) for one in EXTENSIONS)), "")
        if not failed:
            return ""
        _clear(root)
    return failed


def _clear(root: Path) -> None:
    for one in EXTENSIONS:
        (root / one.built).unlink(missing_ok=True)


def compilers() -> Iterator[list[str]]:
    """Give the compilers that are there: the one that was asked for, Python's own, and the usual names."""
    named = (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang")
    seen = set()
    for command in named:
        words = shlex.split(command or "")
        if words and words[0] not in seen and shutil.which(words[0]):
            seen.add(words[0])
            yield words


def tried(root: Path, compiler: list[str], one: Extension) -> str:
    """Compile and load a module; returns what went wrong, or an empty string."""
    linked = (
        ("-bundle", "-undefined", "dynamic_lookup") if sys.platform == "darwin" else ("-shared", "-Wl,-z,relro,-z,now")
    )
    sources = sorted(str(path) for path in (root / one.native).glob("*.c"))
    sources += [str(root / _FINGERPRINT / name) for name in one.shared]
    headers = (f"-I{sysconfig.get_path('include')}", f"-I{root / _FINGERPRINT}")
    defined = f"-DPy_LIMITED_API=0x{ABI:04X}0000"
    name = one.built.name.partition(".")[0]
    fresh = root / one.built.with_name(f"{name}_fresh.abi3.so")  # a process that has the old one loaded keeps it
    compiled = run([*compiler, *FLAGS, defined, *headers, *linked, "-o", str(fresh), *sources])
    failed = compiled or run([sys.executable, "-I", "-c", TRIED + one.tried, name, str(fresh)])
    if failed:
        fresh.unlink(missing_ok=True)
        return failed
    fresh.replace(root / one.built)
    return ""


def run(command: list[str]) -> str:
    """Run a command; returns the last lines of what it said when it failed, or an empty string."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stderr or done.stdout or f"{command[0]} ended with {done.returncode}").strip().splitlines()
    return "\n".join(said[-5:]) if done.returncode else ""


def platform_tag() -> str:
    """Name the platform as wheels do."""
    named = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return named.replace("universal2", platform.machine())


if __name__ == "__main__":
    reason = build(Path(__file__).resolve().parent)
    print(reason or "\n".join(f"built {one.built}" for one in EXTENSIONS))
    sys.exit(1 if reason else 0)
