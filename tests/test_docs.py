"""What the documents tell a reader to type exists: commands compose, make targets and keys are there, links lead somewhere."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from fanno_hf import columns
from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.quoting import as_typed
from fanno_hf.output.exports import FORMATS
from fanno_hf.pipeline.plan import STAGES, TASKS
from tests.conftest import CONFIGURATION, compose_config
from tests.test_recipes import compose_recipe

ROOT = Path(__file__).resolve().parents[1]
NAMED = ("README.md", "CONTRIBUTING.md", "docs/*.md", "recipes/README.md", "tgi/README.md")
PAGES = [path for name in NAMED for path in ROOT.glob(name)]
FILES = [*PAGES, *sorted((ROOT / "recipes").glob("*.yaml"))]
# what stands for something of the reader's: NAME, DIR, <name>, …
PLACEHOLDER = re.compile(r"<[\w ]+>|\b[A-Z]{3,}\b|…|\.\.\.")


def code(path: Path) -> str:
    """The parts of a file that show code, one a line: fenced blocks and `…` of Markdown, comments of YAML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return "\n".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return "\n".join([*fenced, *(" ".join(part.split()) for part in inline)]).replace("\\\n", " ")


def commands() -> Iterator[tuple[str, str]]:
    """Every (file, arguments) of a `python -m fanno_hf …`."""
    for path in FILES:
        for line in re.findall(r"python\S* -m fanno_hf\b([^\n]*)", code(path)):
            yield path.relative_to(ROOT).as_posix(), line.split(" #")[0].strip()


FOUND = sorted(set(commands()))
COMMANDS = sorted({arguments for _, arguments in FOUND})


def alternatives(words: list[str]) -> Iterator[list[str]]:
    """`stage=seed|augment` stands for two commands; so does `key=1,2` in a sweep; of `glob(*)` one file is taken."""
    each = []
    for word in words:
        key, _, value = word.partition("=")
        if "-m" in words and value == "glob(*)":
            word = f"{key}={min(path.stem for path in (ROOT / 'recipes' / key.lstrip('+')).glob('*.yaml'))}"
        elif "-m" in words:
            value = value.replace(",", "|")
        each.append([f"{key}={part}" for part in value.split("|")] if "|" in value else [word])
    yield from map(list, product(*each))


def test_there_are_commands_in_every_place():
    assert {"recipes/README.md", "recipes/smoke.yaml", "recipes/fanno-v1.yaml"} <= {path for path, _ in FOUND}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda value: value[:60])
def test_command_is_real(arguments):
    for words in alternatives(shlex.split(PLACEHOLDER.sub("example", arguments))):
        name = "config"
        overrides, rest = [], iter(words)
        for word in rest:
            if word in ("-cd", "--config-dir"):
                assert (ROOT / next(rest)).is_dir()
            elif word in ("-cn", "--config-name"):
                name = next(rest)
            elif word in ("--cfg", "-c"):
                assert next(rest) in ("job", "hydra", "all")
            elif word not in ("--help", "--resolve", "-m", "example"):
                assert re.match(r"[~+]{0,2}[\w.@/]+(=|$)", word), f"{word} is neither an option nor an override"
                overrides.append(as_typed(word))
        is_recipe = "-cd" in words or "--config-dir" in words
        if name == "config":  # with recipes beside the configuration, as `+students=cpu` needs it
            search = [f"hydra.searchpath=[file://{ROOT / 'recipes'}]"] if is_recipe else []
            resolved = resolve(compose_config(*search, *overrides))
        else:
            resolved = resolve(compose_recipe(name, *overrides))
        assert resolved.stage in ("all", *STAGES, *TASKS)
        assert resolved.export.format in FORMATS


def test_make_targets_are_real():
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {
        (path.name, target)
        for path in FILES
        for target in re.findall(r"(?:^|[;&] ?|\$ )make(?: +[A-Z_]+=\S+)* +([a-z][\w-]*)", code(path), re.MULTILINE)
    }
    assert ("CONTRIBUTING.md", "test") in used
    assert {(name, target) for name, target in used if target not in targets} == set()


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        assert link.startswith(("http://", "https://")) or (path.parent / link).exists(), link


@cache
def known_keys() -> frozenset[str]:
    """Every key of every option of every group."""
    found: set[str] = set()
    for path in CONFIGURATION.rglob("*.yaml"):
        group = [] if path.parent == CONFIGURATION else [path.parent.name]
        place = [*group, path.stem] if group == ["stages"] else group
        todo = [("".join(f"{name}." for name in place), yaml.safe_load(path.read_text(encoding="utf-8")))]
        for prefix, node in todo:
            found |= {f"{prefix}{key}" for key in node}
            todo += [(f"{prefix}{key}.", value) for key, value in node.items() if isinstance(value, dict)]
    return frozenset(found)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_configuration_keys_are_real(path):
    groups = "data|teacher|embedder|tokenizer|tags|rules|prompts|stages|export|hub|report|diff|evaluate"
    named = re.findall(rf"(?<![\w./])((?:{groups})(?:\.[a-z_]+)+)(?![\w/(])", code(path))
    files = {"py", "md", "yaml", "jsonl", "html", "json"}
    assert {key for key in named if key.split(".")[-1] not in files} <= known_keys()


# ---- docs/data-format.md


def sections() -> dict[str, str]:
    """Its parts by heading."""
    page = (ROOT / "docs" / "data-format.md").read_text(encoding="utf-8")
    parts = re.split(r"^#{2,3} (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(section: str) -> list[str]:
    """The names in the first column of its tables."""
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([\w]+)`", row)]


@pytest.mark.parametrize(
    ("heading", "declared"),
    [
        ("prescreen", columns.DOCUMENT),
        ("seed and augment", columns.INSTRUCTION),
        ("respond", {name: None for name in columns.RESPONSE if name not in columns.INSTRUCTION}),
        ("default", columns.PAIR),
        ("rejected", columns.REJECTION),
        ("Exports", FORMATS),
    ],
)
def test_columns_are_documented(heading, declared):
    assert sorted(first_cells(sections()[heading])) == sorted(declared)


def reasons_in_code() -> set[str]:
    """Where a reason is made: `return "name", …`, `("name", f"…")`, a key of `checks`, a verdict's question."""
    found: set[str] = set()
    name = re.compile(r"[a-z]+(?:_[a-z]+)*")
    for folder in ("instructing", "rules", "stages", "steps", "teacher"):
        for path in (ROOT / "fanno_hf" / folder).glob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nested = {item for node in ast.walk(tree) if isinstance(node, (ast.Tuple, ast.List)) for item in node.elts}
            for node in ast.walk(tree):
                if isinstance(node, ast.Tuple) and len(node.elts) == 2 and node not in nested:
                    first, second = (str(item.value) if isinstance(item, ast.Constant) else "" for item in node.elts)
                    is_pair = not isinstance(node.elts[1], ast.Starred)
                    if is_pair and name.fullmatch(first) and not name.fullmatch(second):
                        found.add(first)
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.checks":
                    found |= {key.value for key in node.value.keys}
    prompts = yaml.safe_load((CONFIGURATION / "prompts" / "default.yaml").read_text(encoding="utf-8"))
    return found | {name for group in ("prescreen", "instruction", "respond") for name in prompts[group]["questions"]}


def test_reasons_are_documented():
    documented = first_cells(sections()["Reasons"])
    assert len(documented) == len(set(documented)) > 30
    assert sorted(documented) == sorted(reasons_in_code())


def test_reasons_name_the_stages_that_give_them(tmp_path):
    """A run with many faults gives no reason at a stage that the table does not know of."""
    from fanno_hf.pipeline.run import execute

    rows = [line.split("|")[1:3] for line in sections()["Reasons"].splitlines() if line.startswith("| `")]
    stages_of = {reason.strip(" `"): STAGES if "all" in where else where.split(",") for reason, where in rows}
    given = ("teacher.fault_share=0.6", "stages.augment.think_different=true", "log_level=WARNING")
    manifest = execute(resolve(compose_recipe("smoke", *given, f"run={tmp_path / 'run'}"))).manifest
    found = {(reason, stage) for stage, entry in manifest["stages"].items() for reason in entry["rejected"]}
    assert len(found) > 15
    assert {(r, s) for r, s in found if s not in [name.strip() for name in stages_of[r]]} == set()
