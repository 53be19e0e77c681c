"""The rules of the house, as checks: layers, circles, sizes, names, and who may import what.

Each check takes the package's folder (``src/imagelet``) and returns one sentence for each violation;
an empty list is good. The layers and the tree are read from ``docs/architecture.md``, so that the text
that people read is the text that the code is held to.
"""

import ast
import graphlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.source import Import, Module, calls, functions, imports, read_modules

MODULE_LINES = 500
FUNCTION_LINES = 50
FORBIDDEN_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "base", "misc"})
HEAVY = frozenset({"torch", "sklearn", "matplotlib"})
LIGHT_UNITS = frozenset(
    {"data", "preprocessing", "cli", "errors", "registry", "paths", "atomic_files", "__main__"}
)
PICKLES = frozenset({"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})
PICKLING_CALLS = frozenset({"torch.load", "torch.save"})

Layers = Sequence[Sequence[str]]


def section(document: Path, heading: str) -> str:
    """Return the text under ``## heading`` of a Markdown file, up to the next heading of that rank.

    Raises:
        ValueError: the document has no such heading.
    """
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", document.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    if found is None:
        raise ValueError(f"{document.name} has no heading '## {heading}'")
    return found.group(1)


def first_block(text: str) -> list[str]:
    """Return the lines of the first fenced block in a Markdown text."""
    found = re.search(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError("the section has no fenced block")
    return [line for line in found.group(1).splitlines() if line.strip()]


def read_layers(document: Path) -> list[list[str]]:
    """Return the layers, highest first, from the block under "Layers": ``a · b   a remark`` a line."""
    names = [re.split(r"\s{2,}", line.strip())[0] for line in first_block(section(document, "Layers"))]
    return [[name.strip() for name in line.split("·")] for line in names]


def read_public_names(document: Path) -> set[str]:
    """Return the names in code quotes that open the rows of the table under "Public names"."""
    return set(re.findall(r"^\| `(\w+)", section(document, "Public names"), re.MULTILINE))


def check_layers(package: Path, layers: Layers) -> list[str]:
    """Find imports that point upwards or sideways, modules without a layer, and names without a module.

    The package's own ``__init__`` stands above all layers: it may import anything, and nothing imports it.
    """
    modules = read_modules(package)
    height = {unit: -row for row, units in enumerate(layers) for unit in units}
    present = {_unit(name) for name in modules} - {""}
    violations = [f"{unit} has no layer" for unit in sorted(present - height.keys())]
    violations += [f"the layers name {unit}, which is not there" for unit in sorted(height.keys() - present)]
    for module in modules.values():
        here = _unit(module.name)
        for found in _own_imports(module, modules):
            there = _unit(found.target)
            if not here or here == there or here not in height:
                continue
            if not there:
                violations.append(f"{_place(module, found)} imports the package root")
            elif there in height and height[there] >= height[here]:
                way = "upwards" if height[there] > height[here] else "sideways"
                violations.append(f"{_place(module, found)} imports {found.target}: an arrow {way}")
    return violations


def check_circles(package: Path) -> list[str]:
    """Find a circle among the modules' imports, those in functions and for types too."""
    modules = read_modules(package)
    graph = {name: {i.target for i in _own_imports(m, modules)} - {name} for name, m in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return ["imports run in a circle: " + " → ".join(reversed(error.args[1]))]
    return []


def check_sizes(package: Path, exceptions: Mapping[str, str]) -> list[str]:
    """Find modules and functions that are too long, and exceptions that nothing needs.

    Args:
        package: the package's folder.
        exceptions: full name of a module or function → the reason why it may be longer.
    """
    long: dict[str, str] = {}
    for module in read_modules(package).values():
        lines = module.text.count("\n")
        if lines > MODULE_LINES:
            long[module.name] = f"{module.name} has {lines} lines, more than {MODULE_LINES}"
        for function in functions(module):
            if function.lines > FUNCTION_LINES:
                long[function.name] = (
                    f"{function.name} (line {function.line}) has {function.lines} lines, "
                    f"more than {FUNCTION_LINES}"
                )
    unneeded = [f"{name} needs no exception" for name in exceptions if name not in long]
    return [sentence for name, sentence in long.items() if name not in exceptions] + unneeded


def check_names(package: Path) -> list[str]:
    """Find modules and packages whose name says nothing."""
    return [
        f"{name}: a name that says nothing"
        for name in read_modules(package)
        if FORBIDDEN_NAMES & set(name.split("."))
    ]


def check_printing(package: Path) -> list[str]:
    """Find ``print`` outside ``cli``."""
    return [
        f"{module.name}:{node.lineno} prints; only cli does"
        for module in read_modules(package).values()
        if _unit(module.name) not in {"cli", "__main__"}
        for called, node in calls(module)
        if called == "print"
    ]


def check_drawing(package: Path) -> list[str]:
    """Find imports of matplotlib outside ``plots``, be it a module or a package."""
    return _foreign_imports(package, {"matplotlib"}, allowed_in="plots")


def check_pickling(package: Path) -> list[str]:
    """Find anything that could read or write a pickle."""
    violations = _foreign_imports(package, PICKLES, allowed_in="")
    for module in read_modules(package).values():
        for called, node in calls(module):
            allows = any(
                keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                for keyword in node.keywords
            )
            if called in PICKLING_CALLS or allows:
                violations.append(f"{module.name}:{node.lineno} {called} reads or writes pickles")
    return violations


def check_light(package: Path) -> list[str]:
    """Find modules that must be quick to import and import a heavy package when they start.

    What they import in turn is followed; what a function imports when it is called is not.
    """
    modules = read_modules(package)
    at_start = {
        name: {found.target for found in imports(module, modules) if found.at_start}
        for name, module in modules.items()
    }
    violations = []
    for name in modules:
        if _unit(name) in LIGHT_UNITS | {""}:
            seen, waiting = set(), [name]
            while waiting:
                current = waiting.pop()
                if current not in seen:
                    seen.add(current)
                    around = {current.rpartition(".")[0]} & modules.keys()  # its package starts first
                    waiting += sorted(at_start.get(current, set()) | around)
            heavy = sorted(HEAVY & {target.split(".")[0] for target in seen})
            violations += [f"{name} imports {target} when it starts" for target in heavy]
    return violations


def _unit(name: str) -> str:
    """Return the part of a module's name that has a layer: ``data`` of ``imagelet.data.official.mnist``."""
    return name.partition(".")[2].partition(".")[0]


def _own_imports(module: Module, modules: Mapping[str, Module]) -> list[Import]:
    return [found for found in imports(module, modules) if found.target in modules]


def _foreign_imports(package: Path, names: set[str] | frozenset[str], allowed_in: str) -> list[str]:
    modules = read_modules(package)
    rule = f"only {allowed_in} does" if allowed_in else "no module does"
    return [
        f"{_place(module, found)} imports {found.target}; {rule}"
        for module in modules.values()
        if not f"{module.name}.".startswith(f"{package.name}.{allowed_in}.")
        for found in imports(module, modules)
        if found.target.split(".")[0] in names
    ]


def _place(module: Module, found: Import) -> str:
    return f"{module.name}:{found.line}"


def draw_tree(package: Path, layers: Layers) -> list[str]:
    """Return the tree of ``package`` as lines of text: the lowest layer first, captions from the docstrings.

    A module's caption is the first line of its docstring up to the first full stop.
    """
    modules = read_modules(package)
    units = ["__init__", *(unit for row in reversed(layers) for unit in row)]
    lines = [f"src/{package.name}/"]
    for unit in units:
        name = package.name if unit == "__init__" else f"{package.name}.{unit}"
        last = unit == units[-1]
        lines.append(_tree_line("└── " if last else "├── ", unit, modules[name]))
        if unit != "__init__":
            lines += _branch(name, modules, "    " if last else "│   ")
    return lines


def _branch(package: str, modules: Mapping[str, Module], indent: str) -> list[str]:
    """Return the lines of the modules inside ``package``, and of the packages inside it."""
    inside = sorted(name for name in modules if name.rpartition(".")[0] == package)
    lines = []
    for name in inside:
        last = name == inside[-1]
        leaf = name.rpartition(".")[2]
        lines.append(_tree_line(indent + ("└── " if last else "├── "), leaf, modules[name]))
        lines += _branch(name, modules, indent + ("    " if last else "│   "))
    return lines


def _tree_line(prefix: str, name: str, module: Module) -> str:
    label = f"{name}/" if module.is_package and name != "__init__" else f"{name}.py"
    words = (ast.get_docstring(module.tree) or "").splitlines()
    caption = re.split(r"\.(?=\s|$)", words[0])[0] if words else ""
    return f"{prefix + label:<34} {caption}".rstrip()


def renew_tree(document: Path, package: Path) -> bool:
    """Write the tree into ``document`` under "The house" and say whether that changed it."""
    text = document.read_text("utf-8")
    drawn = "\n".join(draw_tree(package, read_layers(document)))
    house = section(document, "The house")
    block = re.compile(r"^```\n.*?^```", re.DOTALL | re.MULTILINE)
    renewed = text.replace(house, block.sub(lambda _: f"```\n{drawn}\n```", house, count=1))
    document.write_text(renewed, "utf-8")
    return renewed != text


if __name__ == "__main__":
    root = Path(__file__).parents[1]
    renew_tree(root / "docs" / "architecture.md", root / "src" / "imagelet")
