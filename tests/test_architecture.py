"""The house: an import points down, never in a circle; no global randomness; nothing that runs what it reads."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fanno_hf"
PATHS = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package, parsed: by the process that has these tests, not by each that collects them."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in PATHS.items()}


# the longest prefix that fits decides; what is not named here is level 0: pure, no services, no files of a run
LEVELS = {
    "fanno_hf": 0,
    **dict.fromkeys(("fanno_hf.teacher", "fanno_hf.sources", "fanno_hf.vectors", "fanno_hf.students"), 1),
    **dict.fromkeys(("fanno_hf.packaged", "fanno_hf.hub_token", "fanno_hf.whole_files"), 1),
    **dict.fromkeys(("fanno_hf.steps", "fanno_hf.augmenting"), 1),
    **dict.fromkeys(("fanno_hf.instructing.ask", "fanno_hf.instructing.distinct"), 1),
    **{f"fanno_hf.students.{name}": 1 for name in ("language_model", "backend", "losses")},
    **{
        f"fanno_hf.evaluating.{name}": 1
        for name in ("instructions", "answers", "judging", "harness", "inputs", "models")
    },
    **{f"fanno_hf.evaluating.{name}": 3 for name in ("evaluation", "doors", "measuring", "kept", "files", "table")},
    "fanno_hf.vectors.nearest": 0,
    "fanno_hf.stages": 2,
    **dict.fromkeys(("fanno_hf.pipeline", "fanno_hf.engine", "fanno_hf.output", "fanno_hf.hub", "fanno_hf.report"), 3),
    **dict.fromkeys(("fanno_hf.commands", "fanno_hf.training"), 3),
    **dict.fromkeys(("fanno_hf.__main__", "fanno_hf.cli", "fanno_hf.python"), 4),
}


def level(module: str) -> int:
    """The level of a module."""
    return max((len(prefix), value) for prefix, value in LEVELS.items() if _is_in(module, prefix))[1]


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def imports(module: str) -> set[str]:
    """The modules of the package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}, line {node.lineno}: a relative import"
            # `from fanno_hf.stages import augment` imports a module, `from fanno_hf.pipeline.run import execute` a name
            found |= {full if (full := f"{node.module}.{a.name}") in PATHS else node.module for a in node.names}
    return {name for name in found if name in PATHS}


@cache
def edges() -> list[tuple[str, str]]:
    """Every module with each that it imports."""
    return [(module, imported) for module in PATHS for imported in sorted(imports(module))]


def test_there_are_modules_on_every_level():
    assert {level(module) for module in PATHS} == {0, 1, 2, 3, 4}
    assert len(edges()) > 50
    assert all(any(_is_in(module, prefix) for module in PATHS) for prefix in LEVELS), (
        "a level names a module that is gone"
    )


def test_imports_point_down():
    assert [f"{module} imports {imported}" for module, imported in edges() if level(imported) > level(module)] == []


def test_stages_never_import_one_another():
    stages = [name for name in PATHS if name.startswith("fanno_hf.stages.")]
    assert len(stages) == 4
    assert [edge for edge in edges() if edge[0] in stages and edge[1] in stages] == []


def test_only_the_entry_knows_the_command_line():
    outside = [module for module, imported in edges() if _is_in(imported, "fanno_hf.cli") and level(module) < 4]
    assert outside == []
    assert [module for module, imported in edges() if imported == "fanno_hf.__main__"] == []


def test_no_cycle():
    graph = {module: imports(module) - {module} for module in PATHS}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"modules import one another: {' -> '.join(error.args[1])}")


def test_level_0_reaches_nothing():
    """No network, no database, no data set."""
    services = {"aiohttp", "asyncio", "datasets", "httpx", "huggingface_hub", "hydra", "sqlite3"}
    found = {
        module: {name.split(".")[0] for name in _imported_names(tree)} & services
        for module, tree in trees().items()
        if level(module) == 0
    }
    assert {module: roots for module, roots in found.items() if roots} == {}


def _imported_names(tree: ast.AST) -> set[str]:
    """Dotted names of everything imported, as `module` or `module.name`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dangers(tree: ast.AST) -> list[str]:
    """What no module may do: draw from a global generator, unpickle, run remote code or text."""
    found = [
        name for name in _imported_names(tree) if name.split(".")[0] in ("pickle", "cloudpickle", "dill", "joblib")
    ]
    found += [name for name in _imported_names(tree) if name.startswith("random.") and name != "random.Random"]
    found += [name for name in _imported_names(tree) if name.startswith("numpy.random.") and not _is_seeded(name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = _dotted(node)
            if name.startswith("random.") and name != "random.Random":
                found.append(name)
            if name.startswith(("np.random.", "numpy.random.")) and not _is_seeded(name):
                found.append(name)
            if name in ("torch.load", "torch.manual_seed"):
                found.append(name)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec", "compile", "__import__"):
                found.append(node.func.id)
            if _is_seeded(_dotted(node.func)) and not (node.args or node.keywords):
                found.append(f"{_dotted(node.func)}() without a seed")
            found += [
                keyword.arg
                for keyword in node.keywords
                if keyword.arg in ("trust_remote_code", "allow_pickle")
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            ]
    return found


def _is_seeded(name: str) -> bool:
    return name.endswith(("random.default_rng", "random.Generator", "random.SeedSequence", "random.Random"))


def _dotted(node: ast.AST) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([*([node.id] if isinstance(node, ast.Name) else ["?"]), *reversed(parts)])


def test_no_module_does_anything_dangerous():
    assert {module: found for module, tree in trees().items() if (found := dangers(tree))} == {}


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("import random\nrandom.shuffle(rows)", True),
        ("import random\nrandom.Random(0).shuffle(rows)", False),
        ("import random\nrandom.Random().shuffle(rows)", True),
        ("from random import shuffle", True),
        ("import numpy as np\nnp.random.seed(0)", True),
        ("import numpy as np\nnp.random.default_rng([0, 1]).permutation(5)", False),
        ("import numpy as np\nnp.random.default_rng()", True),
        ("import pickle", True),
        ("from pickle import loads", True),
        ("load(name, trust_remote_code=True)", True),
        ("load(name, trust_remote_code=False)", False),
        ("eval(text)", True),
        ("model.eval()", False),
        ("re.compile(text)", False),
    ],
)
def test_the_check_finds_dangers(code, is_found):
    assert bool(dangers(ast.parse(code))) is is_found


def test_no_module_loads_spacy_when_it_is_imported():
    """It takes a second, and is an extra."""
    found = {name: _imported_names(_outside_functions(tree)) for name, tree in trees().items()}
    assert [name for name, modules in found.items() if any(_is_in(module, "spacy") for module in modules)] == []


def _outside_functions(tree: ast.Module) -> ast.Module:
    """The statements that run when a module is imported: not those of its functions, nor what is for types alone."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    runs = [node for node in tree.body if not isinstance(node, functions)]
    return ast.Module([node for node in runs if ast.unparse(node).partition("\n")[0] != "if TYPE_CHECKING:"], [])
