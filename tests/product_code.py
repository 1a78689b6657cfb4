"""The files of the product as text and as syntax trees, for the tests that read them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("attention", "kernels", "nodes", "plans")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
FILES += [ROOT / name for name in ("__init__.py", "sentences.py", "version.py")]


def name_of(path: Path) -> str:
    """A file by its path from the root."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def module_of(path: Path) -> str:
    """A file as the pack's own files import it: "kernels.triton.launch"; a package is named by its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path, for_types: bool = True) -> set[str]:
    """What a file imports: modules of the pack from its root on, others by their top-level name.

    `from . import x` names the module x where x is one that the package does not export itself, else the package.
    for_types: also what is imported under `if TYPE_CHECKING`, which does not run.
    """
    package = path.relative_to(ROOT).parent.parts
    tree, found = tree_of(path), set()
    skipped = set() if for_types else {inner for node in ast.walk(tree) if _for_types(node) for inner in ast.walk(node)}
    for node in (node for node in ast.walk(tree) if node not in skipped):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *([node.module] if node.module else [])]
            # A file of the package itself goes to its neighbour; others come by the door.
            exported = exports_of(".".join(base)) if list(package[: len(base)]) != base else set()
            names = [".".join([*base, alias.name]) for alias in node.names if alias.name not in exported]
            found |= {name if name in MODULES else ".".join(base) for name in names}
            found |= {".".join(base)} if len(names) < len(node.names) else set()
    return found - {""}


def exports_of(module: str) -> set[str]:
    """The names in `__all__` of a module of the pack; none where it has no such list."""
    for node in tree_of(MODULES[module]).body if module in MODULES else ():
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            return set(ast.literal_eval(node.value))
    return set()


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
