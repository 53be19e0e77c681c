"""Read a package's source as data: its modules, what each imports, how long its functions are."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """One source file.

    Args:
        name: the name it is imported by, ``imagelet.data.mnist``; a package's is that of its ``__init__``.
        path: where it lies.
        text: its source.
        is_package: whether it is an ``__init__.py``.
    """

    name: str
    path: Path
    text: str
    is_package: bool

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return ast.parse(self.text, str(self.path))


@dataclass(frozen=True)
class Import:
    """One import statement, or one call of ``import_module`` with a written-out name.

    Args:
        target: the module imported: a module of the package where there is one of that name, else as written.
        line: the line it stands on.
        at_start: whether it happens when the module is imported, not in a function, not for types only.
    """

    target: str
    line: int
    at_start: bool


@dataclass(frozen=True)
class Function:
    """One function or method: its full name, where it begins, how many lines it has (decorators left out)."""

    name: str
    line: int
    lines: int


def read_modules(package: Path) -> dict[str, Module]:
    """Read every module under the folder ``package``, whose name is the package's name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = Module(name, path, path.read_text(encoding="utf-8"), is_package)
    return modules


def imports(module: Module, modules: Mapping[str, Module]) -> list[Import]:
    """Return everything ``module`` imports, in functions and for types too."""
    reader = _ImportReader(module, modules)
    reader.visit(module.tree)
    return reader.found


def functions(module: Module) -> Iterator[Function]:
    """Yield every function and method of ``module``, nested ones too."""
    yield from _functions(module.tree, module.name)


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the dotted name of what is called: ``print``, ``torch.load``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{child.name}"
            if not isinstance(child, ast.ClassDef):
                yield Function(name, child.lineno, (child.end_lineno or child.lineno) - child.lineno + 1)
            yield from _functions(child, name)
        else:
            yield from _functions(child, prefix)


class _ImportReader(ast.NodeVisitor):
    """Collects imports, keeping count of the functions and type-checking blocks around them."""

    def __init__(self, module: Module, modules: Mapping[str, Module]) -> None:
        self.module = module
        self.modules = modules
        self.found: list[Import] = []
        self.later = 0  # functions and type-checking blocks around the current line

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Read a function: what it imports is imported later."""
        self.later += 1
        self.generic_visit(node)
        self.later -= 1

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        """Read a condition: what stands under TYPE_CHECKING is never imported by a running program."""
        for_types = ast.unparse(node.test).split(".")[-1] == "TYPE_CHECKING"
        self.later += for_types
        for child in node.body:
            self.visit(child)
        self.later -= for_types
        for child in node.orelse:
            self.visit(child)

    def visit_Import(self, node: ast.Import) -> None:
        """Read ``import a.b``."""
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Read ``from a import b``, where b may be a module of a."""
        source = node.module or ""
        if node.level:
            here = self.module.name.split(".")
            above = here[: len(here) - node.level + self.module.is_package]
            source = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{source}.{alias.name}"
            self._add(inner if inner in self.modules else source, node)

    def visit_Call(self, node: ast.Call) -> None:
        """Read ``import_module("a.b")``."""
        called = ast.unparse(node.func).split(".")[-1]
        if called in {"import_module", "__import__"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._add(name.value, node)
        self.generic_visit(node)

    def _add(self, target: str, node: ast.stmt | ast.expr) -> None:
        self.found.append(Import(target, node.lineno, at_start=self.later == 0))
