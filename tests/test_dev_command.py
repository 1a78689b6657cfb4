"""`dev.py` runs with a bare Python, and the machine that tests runs the command of the README."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import unit_of

from host.command_pytest import MOST_WORKERS, workers

ROOT = Path(__file__).resolve().parents[1]
HOST = ROOT / "tests" / "host"


def imports_of(path):
    """Names imported when a module is loaded; imports inside functions run later, in the host's Python."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        for child in ast.iter_child_nodes(node):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if isinstance(child, ast.Import):
                yield from ((0, alias.name) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                names = [child.module] if child.module else [alias.name for alias in child.names]
                yield from ((child.level, name) for name in names)


def test_what_runs_before_anything_is_installed_imports_the_standard_library_alone():
    seen, queue = set(), ["command_bench", "command_demo", "command_serve", "command_pytest", "errors", "processes"]
    foreign = {name for _, name in imports_of(ROOT / "dev.py") if name.split(".")[0] not in sys.stdlib_module_names}
    while queue:
        module = queue.pop()
        if module in seen:
            continue
        seen.add(module)
        for level, name in imports_of(HOST / f"{module}.py"):
            if level:
                queue.append(name.split(".")[0])
            elif name.split(".")[0] not in sys.stdlib_module_names:
                foreign.add(name)
    assert not {name for name in foreign if not name.startswith("host")} and "provision" in seen


def test_an_old_python_can_still_read_dev_py_and_say_that_it_is_too_old():
    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 5))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [([], 0, "Commands:"), (["help"], 0, "serve"), (["nonsense"], 1, "there is no command 'nonsense'")],
)
def test_the_commands_are_listed(arguments, code, said):
    ran = subprocess.run([sys.executable, ROOT / "dev.py", *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == code and said in ran.stdout + ran.stderr


def test_the_ci_command_is_the_readmes():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert script.rstrip().endswith('exec "$python" dev.py test')


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["-n", "2"]),
        (["-q", "-k", "plan"], ["-n", "2"]),
        (["-p", "no:xdist"], []),
        (["-pno:xdist"], []),
        (["--pdb"], []),
        (["-s", "-k", "plan"], []),
    ],
    ids=" ".join,
)
def test_all_tests_use_every_core_unless_asked_otherwise(arguments, expected):
    assert workers(arguments, cores=2, chosen=False) == expected


def test_chosen_tests_and_a_single_core_get_one_process():
    assert workers(["tests/test_web.py"], cores=2, chosen=True) == [] == workers([], cores=1, chosen=False)
    assert workers([], cores=64, chosen=False) == ["-n", str(MOST_WORKERS)]


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("browser/test_embedding.py::test_a", "browser"),
        ("browser/test_front_end.py::test_b[x]", "browser"),
        (
            "kernels/test_triton_compiled.py::test_c[x::y]",
            "kernels/test_triton_compiled.py::test_c[x::y]",
        ),
        ("test_web.py::test_d[a/b.py::c]", "test_web.py"),
    ],
)
def test_what_shares_a_server_or_a_file_runs_in_one_process(test, unit):
    assert unit_of(test) == unit
