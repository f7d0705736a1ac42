"""The build compiles where it can, and is well where it cannot."""

import importlib.util
import shutil
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources, with an old build beside them."""
    monkeypatch.delenv("AGENTWATCH_PURE", raising=False)
    monkeypatch.delenv("CC", raising=False)
    for one in hook.EXTENSIONS:
        shutil.copytree(ROOT / one.native, tmp_path / one.native)
        (tmp_path / one.built).write_bytes(b"of another day")
    return tmp_path


def built(tree: Path) -> list[str]:
    """Name what a build left behind."""
    return sorted(path.name for path in tree.rglob("*.so"))


def test_without_a_compiler_there_is_no_compiled_form(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tree / "nowhere"))
    assert hook.build(tree) == "there is no C compiler"
    assert built(tree) == []


@pytest.mark.parametrize(("script", "reason"), [("echo no header >&2; exit 1", "no header"), ("exit 0", "")])
def test_what_fails_leaves_nothing_behind(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    compiler = tree / "bin" / "cc"
    compiler.parent.mkdir()
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(compiler.parent))
    assert reason in hook.build(tree)
    assert hook.build(tree)
    assert built(tree) == []


def test_the_variable_leaves_it_out(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTWATCH_PURE", "1")
    assert hook.build(tree) == "AGENTWATCH_PURE is set"
    assert built(tree) == []


@pytest.mark.parametrize("odd", ["__BYTE_ORDER__=__ORDER_BIG_ENDIAN__", "UINT64_MAX=0"])
def test_a_machine_for_which_it_is_not_made_is_refused(hook: ModuleType, tree: Path, odd: str) -> None:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    compiler = next(hook.compilers(), None)
    if not header.is_file() or compiler is None:
        pytest.skip("this machine has no C compiler, or no header of Python's")
    include = tree / "odd.h"
    name, _, value = odd.partition("=")
    include.write_text(f"#include <stdint.h>\n#undef {name}\n#define {name} {value}\n")
    for one in hook.EXTENSIONS:
        assert "64 bits" in hook.tried(tree, [*compiler, "-include", str(include), "-Wfatal-errors"], one)


def test_with_a_compiler_the_module_is_built_for_all_later_versions(hook: ModuleType, tree: Path) -> None:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file() or not any(hook.compilers()):
        pytest.skip("this machine has no C compiler, or no header of Python's")
    assert hook.build(tree) == ""
    assert built(tree) == sorted(one.built.name for one in hook.EXTENSIONS)
    assert hook.platform_tag().replace("_", "").isalnum()
