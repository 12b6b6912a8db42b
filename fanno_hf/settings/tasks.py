"""The tasks besides the stages: export, train, evaluate, diff, estimate, preview, publish and report."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import Field

from fanno_hf.settings.types import Closed, Count, Natural, NotNegative, Path, Share, Text, Words


class Export(Closed):
    format: Literal["prompt_completion", "sharegpt", "alpaca", "messages"]


class Lora(Closed):
    rank: Count
    alpha: Annotated[float, Ge(1e-6)]
    dropout: Share
    targets: Any  # "all-linear", or names of layers


class Train(Closed):
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


class EvaluateLoss(Closed):
    data: Any  # None leaves the measure out
    max_rows: Count | None


class Judged(Closed):
    instructions: Any  # None: those that come along
    reference: Text
    max_rows: Count | None
    max_tokens: Count
    bootstrap: Natural
    undecided_limit: Share


class Graded(Closed):
    questions: Any  # None: those of the instructions that come along that have a second turn
    max_rows: Count | None
    max_tokens: Count
    undecided_limit: Share


class JudgePrompts(Closed):
    labels: Words
    compare: Text
    grade: Text


class Evaluate(Closed):
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


class Diff(Closed):
    a: Text | None  # a run, or one on the Hub
    b: Text | None
    examples: Natural


class Estimate(Closed):
    rows: Count


class Preview(Closed):
    """stage=preview."""

    rows: Count
    html: Path | None


class Hub(Closed):
    repo_id: Text | None
    push: bool
    revision: Text | None
    private: bool
    origin: Text | None = Field(alias="from")
    license: Text | None
    retries: Annotated[int, Ge(0), Le(20)]
    model_id: Text | None
    push_model: bool


class Report(Closed):
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
