"""Every setting of a run with its type, its range and its choices: the one place where they are declared.

    {"stages": {"seed": {"combinations": 0, …}, …}, …}  ->  stages.seed.combinations=0: it must be a whole number of at least 1

Defaults and what a key means to a user stand in conf/, beside the key. `Settings.of` reads the configuration as Hydra
resolved it. That dict stays at hand as `resolved`: services are built from it, and fingerprints are made of it.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.rules.phrases import compile_patterns

POLICIES = ("ucb", "random", "round_robin", "greedy", "thompson")
REWARDS = ("instruction_length", "response_length", "novelty", "quality", "acceptance")

Count = Annotated[int, Ge(1)]
Natural = Annotated[int, Ge(0)]
NotNegative = Annotated[float, Ge(0)]
Money = Annotated[float, Ge(0), Le(1e9)]
Seconds = Annotated[float, Ge(0.001)]
Share = Annotated[float, Ge(0), Le(1)]
PositiveShare = Annotated[float, Ge(1e-6), Le(1)]
Cosine = Annotated[float, Ge(-1), Le(1)]
Text = Annotated[str, MinLen(1), "text"]
Path = Annotated[str, MinLen(1), "path"]
Words = list[Annotated[str, MinLen(1)]]
References = Annotated[list[Any], "references"]
# question -> probability of "yes" from which on a row is dropped; None does not ask. None for all of them asks nothing
Verdicts = Annotated[dict[str, Share | None], BeforeValidator(lambda given: {} if given is None else given)]
Undecided = Literal["keep", "drop"]  # what becomes of a row where the teacher says neither yes nor no


def read_weights(reward: Any) -> dict[str, float]:
    """Reads `stages.augment.reward`, one name or names with weights; raises UserError for any other name or weight."""
    weights = {reward: 1.0} if isinstance(reward, str) else reward
    if not isinstance(weights, Mapping) or not weights:
        raise UserError(f"stages.augment.reward={reward}: name at least one of {', '.join(REWARDS)}")
    for name, weight in weights.items():
        if name not in REWARDS:
            known = f"known: {', '.join(REWARDS)}, or a mix such as {{novelty: 0.5, quality: 0.5}}"
            raise UserError(f"stages.augment.reward={name} is unknown{did_you_mean(str(name), REWARDS)}; {known}")
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight <= 1e6:
            raise UserError(f"stages.augment.reward.{name}={weight}: a weight is a number above 0, at most 1e6")
    return {name: float(weight) for name, weight in weights.items()}


class _Group(BaseModel):
    """A group of settings: values have their type already, nothing is converted, nothing changes. No number is infinite or
    none: run.json, which has most of them, could not be read again."""

    model_config = ConfigDict(strict=True, frozen=True, populate_by_name=True, allow_inf_nan=False)


class _Closed(_Group):
    """A group that has the declared keys and no other: a misspelt one in a recipe would be read by nobody."""

    model_config = ConfigDict(extra="forbid")


class Sampling(_Closed):
    max_tokens: Count
    temperature: NotNegative  # 0 is greedy
    top_p: PositiveShare
    frequency_penalty: Annotated[float, Ge(-2), Le(2)]  # above 0 against loops
    stop: Words


class Markup(_Closed):
    max_share: Share
    min_tags: Count


class Garbled(_Closed):
    min_letter_share: Share
    max_broken_share: Share
    max_symbol_run: Count
    max_odd_word_share: Share
    max_consonant_run: Annotated[int, Ge(3)]
    max_one_letter_share: Share
    min_words: Natural


class Repetition(_Closed):
    max_share: Share
    ngram_words: Annotated[int, Ge(2)]
    ngram_characters: Annotated[int, Ge(2)]
    min_words: Natural
    max_loop_share: Share
    min_loop: Annotated[int, Ge(3)]


class PersonalData(_Closed):
    kinds: list[Literal["email", "phone", "card", "iban", "ip"]]
    region: str | None  # country whose national phone numbers are found too
    action: Literal["mask", "drop"]
    roles: Literal["keep", "find"]  # what becomes of e-mail addresses that are nobody's


class NearDuplicates(_Closed):
    threshold: Annotated[float, Ge(0.01), Le(1)] | None  # Jaccard similarity of word n-grams; None looks for none
    ngram: Count
    num_perm: Annotated[int, Ge(16)]


class Communities(_Closed):
    algorithm: Literal["fast", "louvain", "leiden", "components", "approximate"]
    threshold: Cosine | None  # cosine from which on two passages are neighbours; None compares none
    min_size: Count
    keep: Literal["longest", "first"]

    def check_together(self) -> None:
        """Raises UserError where the algorithm cannot work with the threshold."""
        if self.algorithm in ("louvain", "leiden") and self.threshold is not None and self.threshold <= 0:
            raise UserError(
                f"stages.prescreen.communities.threshold={self.threshold}: algorithm={self.algorithm} needs one above 0"
            )


class Prescreen(_Closed):
    enabled: bool
    max_tokens: Count
    min_tokens: Natural
    markup: Markup
    garbled: Garbled
    repetition: Repetition
    drop_prompt_injections: bool
    prompt_injections: Words  # regular expressions
    personal_data: PersonalData
    near_duplicates: NearDuplicates
    against: References
    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    communities: Communities
    longest_first: bool


class Instructing(Sampling):
    """What seed and augment share."""

    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    min_relevance: Cosine | None  # cosine to its document below which an instruction is off topic
    relevance_languages: Words | None  # in which that is judged; None: in all
    near_repeat_threshold: Cosine | None  # cosine from which on two instructions are the same; None: exact ones only


class Seed(Instructing):
    combinations: Count  # of tags, for each document
    max_documents: Count | None
    max_instructions: Count | None


class Augment(Instructing):
    target_size: Count
    token_budget: Count | None
    window: Count
    lag: Annotated[int, Ge(0), Le(64)]
    epochs: Natural
    think_different: bool
    policy: Literal[POLICIES]
    counterexamples: Natural
    exploration: NotNegative
    top_fraction: PositiveShare
    reward: Annotated[dict[str, float], BeforeValidator(read_weights)]  # name -> weight


class Respond(Sampling):
    mode: Literal["direct", "grounded"]
    retrieved: Natural  # passages besides the instruction's own
    exact_below: Count
    least_recall: PositiveShare
    min_passage_score: Cosine | None  # of a retrieved passage to the instruction
    with_input: bool  # whether an instruction with an input gets passages
    verdicts: Verdicts
    undecided: Undecided
    undecided_limit: Share  # of a verdict's rows; beyond it the stage stops
    retry_max_tokens: Count | None
    min_words: Natural


class Stages(_Closed):
    prescreen: Prescreen
    seed: Seed
    augment: Augment
    respond: Respond


class Decontamination(_Closed):
    """Benchmarks that must not show up, and how many words in a row tell."""

    benchmarks: References
    ngram: Count
    min_words: Count

    def check_together(self) -> None:
        """Raises UserError where the shortest text is longer than what is looked for."""
        if self.min_words > self.ngram:
            raise UserError(
                f"decontamination.min_words={self.min_words} is more than decontamination.ngram={self.ngram}: lower it"
            )


class Budget(_Closed):
    """Where a run stops; None is no limit."""

    requests: Count | None
    tokens: Count | None
    seconds: Seconds | None


class Data(_Group):
    """What sources of documents have."""

    limit: Count | None = None
    encoding: str | None = None
    records: str | None = None
    join: str | None = None
    html: Literal["resiliparse", "trafilatura"] = "resiliparse"
    unread: Literal["report", "stop"] = "report"
    max_file_size: Annotated[int, Ge(1024)] = 100_000_000
    max_seconds: Annotated[float, Ge(0.01)] = 60.0
    processes: Count | None = None


class Engine(_Closed):
    """What does the work; it decides no row."""

    name: Literal["local", "ray"]
    address: Text | None = None
    rows: Count = 1000
    gpus: NotNegative = 0.0
    embedders: Natural | None = None
    clients: Count = 1


class Price(_Closed):
    """What a teacher costs; None is unknown, and counts nothing."""

    currency: Text = "USD"
    prompt: Money | None = None  # of a million tokens, as the next two
    cached: Money | None = None  # of those of a prompt that the server had in its cache; None: as the others
    completion: Money | None = None
    hour: Money | None = None  # of its machines

    @property
    def is_given(self) -> bool:
        """Whether anything of it is known."""
        return any(price is not None for price in (self.prompt, self.cached, self.completion, self.hour))


class PoolSettings(_Group):
    """What teachers and judges behind a server have; one without a key leaves it at its default."""

    price: Price = Price()
    model: Text | None = None
    revision: Text | None = None
    concurrency: Count | None = None
    timeout: Seconds = 300.0
    retries: Natural = 6
    patience: NotNegative = 600.0
    structured: Literal["auto", "off"] = "off"
    thinking: Literal["auto", "off", "on"] = "auto"
    thinking_room: Count = 4096
    max_tokens_name: Literal["auto", "max_tokens", "max_completion_tokens"] = "auto"
    stop_share: PositiveShare = 0.9
    extra_body: dict[str, Any] | None = None
    system: Text | None = None


class TeacherSettings(PoolSettings):
    delay: NotNegative = 0.0
    fault_share: Share = 0.0
    context: Count = 2048
    threads: Count | None = None


class EmbedderSettings(_Group):
    batch_size: Count = 32
    dimension: Count = 256
    model: Text | None = None
    revision: Text | None = None
    # of embedders behind a server
    prefix: str = ""
    truncate: bool = True
    encoding_format: Literal["float", "base64"] = "float"
    concurrency: Count | None = None
    timeout: Seconds = 120.0
    retries: Natural = 6
    patience: NotNegative = 600.0
    extra_body: dict[str, Any] | None = None
    # of whatever kind
    languages: Words | None = None
    related_from: Cosine | None = None


class Rules(_Closed):
    """A profile of rules; None makes no check. What the words and phrases are is read in `rules/`."""

    min_words: Natural
    max_words: Count
    max_repeated_words: Share | None
    max_tag_words: Share | None
    max_demonstration: Share | None
    max_copied_words: Count | None
    max_copied_share: Share
    own_material: bool
    fallback_language: str | None
    empty_inputs: Words | None
    min_response_words: Natural
    repeats_by_words: bool
    refusal_within: Natural
    repetition: Repetition | None
    refers_to_document: Any
    conditions: Any
    document_is_made: Any
    time_relative: Any
    talks_to_assistant: Any
    template_is_meant: Any
    unfilled_template: Any
    template_tokens: Any
    cut_off: Any
    missing_input: Any
    statements: Any
    imperatives: Any
    interrogatives: Any
    lead_ins: Any
    function_words: Any
    refusal_lead_ins: Any
    refusal: Any
    mentions_background: Any


class AskPrompt(_Group):
    instruction: str
    demonstrations: list[dict[str, Any]]


class VerdictPrompt(_Group):
    verdict: str
    questions: dict[str, str]


class InstructionPrompt(VerdictPrompt):
    quality: str | None = None  # asked for the reward of this name; here yes means: good


class RespondPrompt(VerdictPrompt):
    verdict: str = ""
    questions: dict[str, str] = {}
    direct: str
    grounded: str


class Prompts(_Group):
    """Every prompt; run.json keeps those that a stage used, and the others are None there."""

    language: Text = "document"
    verdicts: Literal["together", "separate"] = "separate"
    harder: bool = False
    prescreen: VerdictPrompt | None = None
    seed: AskPrompt | None = None
    augment: AskPrompt | None = None
    instruction: InstructionPrompt | None = None
    respond: RespondPrompt | None = None


class Export(_Closed):
    format: Literal["prompt_completion", "sharegpt", "alpaca", "messages"]


class Lora(_Closed):
    rank: Count
    alpha: Annotated[float, Ge(1e-6)]
    dropout: Share
    targets: Any  # "all-linear", or names of layers


class Train(_Closed):
    """stage=train."""

    name: Text
    model: Text
    revision: Text | None
    data: Any  # None: the pairs of the run
    max_rows: Count | None
    template: Text
    method: Literal["full", "lora"]
    lora: Lora
    merge: bool
    max_length: Annotated[int, Ge(8)]
    packing: bool
    epochs: Annotated[float, Ge(1e-3)]
    max_steps: Count | None
    batch_size: Count
    micro_batch_size: Count
    learning_rate: Annotated[float, Ge(1e-9)]
    schedule: Literal["linear", "cosine", "constant", "constant_with_warmup"]
    warmup: Share
    weight_decay: NotNegative
    max_grad_norm: NotNegative
    neftune_noise: NotNegative
    gradient_checkpointing: bool
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    optimizer: Text
    save_steps: Count
    log_steps: Count


class EvaluateLoss(_Closed):
    data: Any  # None leaves the measure out
    max_rows: Count | None


class Judged(_Closed):
    instructions: Any  # None: those that come along
    reference: Text
    max_rows: Count | None
    max_tokens: Count
    bootstrap: Natural
    undecided_limit: Share


class Graded(_Closed):
    questions: Any  # None: those of the instructions that come along that have a second turn
    max_rows: Count | None
    max_tokens: Count
    undecided_limit: Share


class JudgePrompts(_Closed):
    labels: Words
    compare: Text
    grade: Text


class Evaluate(_Closed):
    """stage=evaluate."""

    models: list[Any] | None  # None: the base and every student of the run
    measures: list[Literal["loss", "judged", "graded", "benchmarks"]]
    batch_size: Count
    loss: EvaluateLoss
    judged: Judged
    graded: Graded
    tasks: Words
    tasks_folder: Path | None
    max_examples: Count | None
    prompts: JudgePrompts


class Diff(_Closed):
    a: Text | None  # a run, or one on the Hub
    b: Text | None
    examples: Natural


class Estimate(_Closed):
    rows: Count


class Preview(_Closed):
    """stage=preview."""

    rows: Count
    html: Path | None


class Hub(_Closed):
    repo_id: Text | None
    push: bool
    revision: Text | None
    private: bool
    origin: Text | None = Field(alias="from")
    license: Text | None
    retries: Annotated[int, Ge(0), Le(20)]
    model_id: Text | None
    push_model: bool


class Report(_Closed):
    rows: Count
    rejected: Natural
    max_characters: Annotated[int, Ge(50)]
    max_megabytes: Annotated[float, Ge(1)]
    map: Natural
    parsed: Count
    compare: Any
    compared_rows: Count
    judged: Natural
    model: Text | None
    model_rows: Count
    code: list[Text]


class Settings(_Group):
    stage: str
    then: list[Literal["train", "evaluate", "report", "export", "publish"]]
    run: Any
    journal: Path | None
    sweep: Path
    shard: Any
    force: bool
    debug: bool
    random_seed: Annotated[int, Ge(0), Le(2**53 - 1)]  # as large as any reader of JSON can hold
    threads: Count | None
    processes: Count | None
    top_logprobs: Annotated[int, Ge(0), Le(20)]
    parser: Words
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    stages: Stages
    decontamination: Decontamination
    budget: Budget
    data: Data
    engine: Engine
    teacher: TeacherSettings
    judge: PoolSettings = PoolSettings()
    embedder: EmbedderSettings
    rules: Rules
    prompts: Prompts
    export: Export
    train: Train
    evaluate: Evaluate
    diff: Diff
    estimate: Estimate
    preview: Preview
    hub: Hub
    report: Report

    _resolved: dict[str, Any] = {}
    _documents: Any = None

    @classmethod
    def of(cls, resolved: dict[str, Any], documents: Any = None) -> "Settings":
        """Reads the resolved configuration; `documents` are those given in Python, which no configuration can hold.

        Raises UserError for a wrong value: names key, value and what is allowed.
        """
        try:
            settings = cls.model_validate(resolved)
        except ValidationError as error:
            raise UserError(_in_words(error)) from None
        settings.decontamination.check_together()
        settings._check_verdicts()
        settings._check_currencies()
        settings.prescreen.communities.check_together()
        compile_patterns("stages.prescreen.prompt_injections", settings.prescreen.prompt_injections)
        compile_patterns("report.code", settings.report.code)
        settings._resolved, settings._documents = resolved, documents
        return settings

    def _check_verdicts(self) -> None:
        """Raises UserError where a verdict is asked for, and no prompt has its question."""
        about = {"prescreen": "prescreen", "seed": "instruction", "augment": "instruction", "respond": "respond"}
        for stage, what in about.items():
            questions = getattr(self.prompts, what).questions
            for name, threshold in getattr(self.stages, stage).verdicts.items():
                if threshold is not None and name not in questions:
                    raise UserError(
                        f"stages.{stage}.verdicts.{name}: prompts.{what}.questions has no question of this name"
                        f"{did_you_mean(name, questions) or '.'} There are: {', '.join(questions)}"
                    )

    def _check_currencies(self) -> None:
        """Raises UserError where teacher and judge are paid in two currencies: their costs are added."""
        ours, theirs = self.teacher.price, self.judge.price
        if ours.is_given and theirs.is_given and ours.currency != theirs.currency:
            raise UserError(
                f"judge.price.currency={theirs.currency}, and teacher.price.currency={ours.currency}: give both in one"
            )

    @property
    def resolved(self) -> dict[str, Any]:
        """The configuration as Hydra resolved it: plain dicts and lists."""
        return self._resolved

    @property
    def documents(self) -> Any:
        """The documents that were given in Python; None where `data` says where they are."""
        return self._documents

    @property
    def prescreen(self) -> Prescreen:
        return self.stages.prescreen

    @property
    def seed(self) -> Seed:
        return self.stages.seed

    @property
    def augment(self) -> Augment:
        return self.stages.augment

    @property
    def respond(self) -> Respond:
        return self.stages.respond


def check_pool(given: Mapping[str, Any], key: str) -> None:
    """Checks settings of a server that stands under another key than a teacher's; raises UserError for a wrong value."""
    try:
        PoolSettings.model_validate(given)
    except ValidationError as error:
        raise UserError(_in_words(error, "judge").replace("judge.", f"{key}.")) from None


_OTHERS = {"tags", "tokenizer", "command"}  # read where they are needed


def unread_keys(resolved: Mapping[str, Any]) -> list[str]:
    """Returns the keys at the top of a configuration that nothing reads but the configuration itself."""
    return sorted(resolved.keys() - Settings.model_fields.keys() - _OTHERS)


def _in_words(error: ValidationError, *above: str) -> str:
    """Returns one sentence about the first value that is wrong, and what is allowed in its place; `above`: keys over what was read."""
    first = error.errors()[0]
    path = [*above, *(str(part) for part in first["loc"] if isinstance(part, str))]
    key, value = ".".join(path), "null" if first["input"] is None else first["input"]
    if first["type"] == "missing":
        return f"{key} is missing: see conf/ for its default"
    if first["type"] == "extra_forbidden":
        known = [field.alias or own for own, field in _declared(path[:-1])[0].model_fields.items()]
        return f"{key} is not a configuration key{did_you_mean(path[-1], known) or '.'} See conf/, or --cfg job"
    type_, rules, may_be_null = _declared(path)
    or_null = ", or null" if may_be_null else ""
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        return f"{key}={value}: it has keys of its own, as in {key}.{next(iter(type_.model_fields))}=…"
    if get_origin(type_) is dict:
        return f"{key}={value}: it has keys of its own, as in {key}.NAME=…"
    if get_origin(type_) is Literal:
        return f"{key}={value} is none of: {', '.join(get_args(type_))}"
    if type_ is bool:
        return f"{key}={value} is neither true nor false"
    if type_ in (int, float):
        kind = "a number" if type_ is float else "a whole number"
        return f"{key}={value}: it must be {kind}{_range(type_, rules)}{or_null}"
    if "references" in rules:
        return f"{key}={value}: it must be a list of files or data sets, as in '{key}=[tests.jsonl]'"
    if get_origin(type_) is list:
        item = get_args(type_)[0]
        if get_origin(item) is Literal and isinstance(value, str):
            return f"{key}: {value} is none of: {', '.join(get_args(item))}"
        return f"{key}={value}: it must be a list of words, as in '{key}=[word]'"
    if "path" in rules:
        return f"{key}={value}: it must be a path{or_null}"
    return f"{key}={value}: it must be a text (in quotes where it looks like a number){or_null}"


def _declared(path: list[str]) -> tuple[Any, list[Any], bool]:
    """Returns what is declared for a dotted key: its type, the rules for it, and whether it may be null."""
    type_, rules, may_be_null = Settings, [], False
    for name in path:
        if get_origin(type_) is dict:
            type_, rules = get_args(type_)[1], []
        else:
            field = next(field for own, field in type_.model_fields.items() if name == (field.alias or own))
            type_, rules = field.annotation, field.metadata
        if may_be_null := NoneType in get_args(type_):
            type_ = next(arm for arm in get_args(type_) if arm is not NoneType)
        if get_origin(type_) is Annotated:
            type_, *rules = get_args(type_)
    return type_, rules, may_be_null


def _range(number: type[int] | type[float], rules: list[Any]) -> str:
    least = next(number(rule.ge) for rule in rules if isinstance(rule, Ge))
    most = next((number(rule.le) for rule in rules if isinstance(rule, Le)), None)
    return f" of at least {least}" if most is None else f" from {least} to {most}"
