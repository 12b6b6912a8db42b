"""run.json as pydantic models: the type and range of each key, declared once.

    {"format": 1, "stages": {"seed": {"kept": "many", …}}}  ->  "seed.kept is missing or wrong"

The models only check. A run is read as plain dicts, and keys that are not declared here are kept.
"""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fanno_hf.checksum import CHANGED, changed_entry
from fanno_hf.errors import UserError
from fanno_hf.exact_json import parse_exactly
from fanno_hf.instructing.tags import tag_pool
from fanno_hf.pipeline.plan import STAGES, Stage, input_digest

FORMAT = 1
NO_STAGES = "it has no stages"
_LARGEST = 2**53  # JSON and the report's page can hold any whole number below it
Count = Annotated[int, Field(ge=0, lt=_LARGEST)]
Amount = Annotated[float, Field(ge=0, lt=_LARGEST)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None  # None: no rows, so no file


def _check_tags(tags: dict[str, Any]) -> dict[str, Any]:
    try:
        tag_pool(tags)
    except UserError as error:
        raise ValueError(str(error)) from error
    return tags


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class Config(_Part):
    """The settings that decided a stage's rows."""

    stages: dict[str, dict[str, Any]]
    prompts: dict[str, Any] = {}
    random_seed: Count


class PaidPrice(_Part):
    """What the tokens of a stage cost, of a million each, and an hour."""

    currency: str
    prompt: Amount | None = None
    cached: Amount | None = None
    completion: Amount | None = None
    hour: Amount | None = None


class Pinned(_Part):
    """Where on the Hub the rows of a stage came from."""

    repo_id: str
    commit: str


class Pushed(_Part):
    """Where on the Hub the rows of a stage are."""

    commit: str
    tag: str


class Entry(_Part):
    """What a stage did."""

    fingerprint: str
    input: str
    teacher: str
    judge: str = ""  # who gave the verdicts, where that was not the teacher
    embedder: str
    tokenizer: str
    rows_in: Count
    kept: Count
    requests: Count
    from_journal: Count
    prompt_tokens: Count
    completion_tokens: Count
    output: Sha256
    output_rejected: Sha256
    rejected: dict[str, Count]  # reason -> rows
    seconds: Amount
    config: Config
    digests: dict[str, str]
    output_history: Sha256 = None
    pairs: Sha256 = None
    documents: dict[str, Any] = {}
    hub: Pushed | None = None
    origin: Pinned | None = Field(None, alias="from")
    command: str = ""
    shortened: Count = 0
    cached_tokens: Count = 0
    thinking_tokens: Count = 0
    busy_seconds: Amount = 0.0
    resent: Count = 0
    refused: Count = 0
    failed: Count = 0
    faults: dict[str, Count] = {}  # what went wrong, in the server's words -> how often
    estimated: Count = 0
    verdicts_from_text: Count = 0
    cost: Amount | None = None
    price: PaidPrice | None = None
    judge_price: PaidPrice | None = None
    undecided: dict[str, Count] = {}  # question -> rows that it was undecided for
    removed: dict[str, Count] = {}  # kind of what parsing took off -> rows
    stopped: str = ""  # why it kept no row, and what to change
    exports: dict[str, Sha256] = {}  # format -> digest of what stage=export made of the pairs
    tags: Annotated[dict[str, Any], AfterValidator(_check_tags)] = {}


class Manifest(_Part):
    """run.json."""

    stages: dict[Literal[tuple(STAGES)], Entry]
    stale: dict[Literal[tuple(STAGES)], Entry] = {}  # made from rows that are gone
    packages: dict[str, Any] = {}


def read_manifest(path: Path, what: Any, advice: str = "") -> tuple[dict[str, Any], str | None]:
    """Returns a run.json and what is wrong with it, in a few words: None where nothing is. One that is no run's is empty.

    Raises UserError where `what` was made by another version; the message ends with `advice`.
    """
    try:
        manifest = parse_exactly(path.read_bytes())
    except OSError as error:
        return {}, f"it cannot be read: {error.strerror}"
    except ValueError as error:
        return {}, str(error)
    if not isinstance(manifest, dict) or "format" not in manifest:
        return {}, "it has no format"
    format_ = manifest["format"]
    if format_ != FORMAT or not isinstance(format_, int):
        raise UserError(
            f"{what} was made by fanno_hf {_short(manifest.get('fanno_hf', '?'))} (run format {_short(repr(format_))}; "
            f"this one reads {FORMAT}): use that version{advice}"
        )
    fault = fault_of(manifest)
    return ({}, fault) if fault == NO_STAGES else (manifest, fault)


def _short(value: Any) -> str:
    return str(value)[:40]


def fault_of(manifest: Any) -> str | None:
    """Returns what is wrong with a run.json, in a few words; None where nothing is."""
    try:
        read = Manifest.model_validate(manifest)
    except ValidationError as error:
        return _in_words([str(part) for part in error.errors()[0]["loc"]])
    entries = chain(read.stages.items(), read.stale.items())
    if lacking := [stage for stage, entry in entries if stage not in entry.config.stages]:
        return f"{lacking[0]}.config is missing or wrong"
    return f"{changed} {CHANGED}" if (changed := changed_entry(manifest)) else None


def fault_in(content: bytes) -> str | None:
    """Returns what is wrong with the bytes of a run.json, as `fault_of` does."""
    try:
        return fault_of(parse_exactly(content))
    except ValueError as error:
        return str(error)


def _in_words(place: list[str]) -> str:
    """Returns what is wrong at a place, as in ["stages", "seed", "kept"]."""
    match place:
        case ["stages", stage]:
            return f"{stage} is not a table"
        case ["stages", stage, "[key]"]:
            return f"{stage[:40]} is not a stage"
        case ["stages", *keys] if keys:
            return f"{'.'.join(keys)} is missing or wrong"
        case ["stale", *_]:
            return f"{'.'.join(part[:40] for part in place)} is missing or wrong"
        case ["packages", *_]:
            return "packages is not a table"
    return NO_STAGES


def made_from_others(manifest: Mapping[str, Any]) -> list[str]:
    """Returns the stages whose input is not what the stages before them have now."""
    entries = manifest["stages"]
    return [
        stage.name
        for stage in STAGES.values()
        if stage.reads
        and all(name in entries for name in (stage.name, *stage.reads))
        and entries[stage.name]["input"] != input_digest([entries[name] for name in stage.reads])
    ]


def set_entry(manifest: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    """Writes down what a stage did, and moves each stage after it to where it belongs: to `stages` where it was made from
    the rows that the stages before it have now, else to `stale`."""
    stages, stale = manifest["stages"], manifest.pop("stale", {})
    stages[name] = entry
    stale.pop(name, None)
    for stage in list(STAGES.values())[list(STAGES).index(name) + 1 :]:
        if later := stages.pop(stage.name, None) or stale.pop(stage.name, None):
            (stages if _fits(later, stage, stages) else stale)[stage.name] = later
    if stale:
        manifest["stale"] = stale


def _fits(entry: Mapping[str, Any], stage: Stage, stages: Mapping[str, Any]) -> bool:
    read = [stages.get(name) for name in stage.reads]
    return all(one and one["kept"] for one in read) and entry["input"] == input_digest(read)


def caveats(manifest: Mapping[str, Any]) -> list[str]:
    """Returns a sentence for each thing that a reader of a run must know: a stage that kept nothing, one whose rows are stale."""
    entries, stale = manifest["stages"], manifest.get("stale", {})
    found = [entry["stopped"] for entry in entries.values() if entry.get("stopped")]
    found += [
        f"{stage} was made from other rows than the stages before it have now: run stage={stage} again."
        for stage in made_from_others(manifest)
    ]
    if stale:
        exports = [f"export/{name}.jsonl" for entry in stale.values() for name in entry.get("exports", ())]
        found.append(
            f"Stale, for the rows that they were made from are gone: {', '.join([*stale, *exports])}. stage=all makes them again."
        )
    return found
