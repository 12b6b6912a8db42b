"""The services of a run: where documents come from, what does the work, teachers and judges with their price, embedders."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import ValidationError

from fanno_hf.errors import UserError
from fanno_hf.settings.types import (
    Closed,
    Cosine,
    Count,
    Group,
    Money,
    Natural,
    NotNegative,
    PositiveShare,
    Seconds,
    Share,
    Text,
    Words,
)
from fanno_hf.settings.wording import in_words


class Data(Group):
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


class Engine(Closed):
    """What does the work; it decides no row."""

    name: Literal["local", "ray"]
    address: Text | None = None
    rows: Count = 1000
    gpus: NotNegative = 0.0
    embedders: Natural | None = None
    clients: Count = 1

    def check_together(self) -> None:
        """Raises UserError where Ray does not share GPUs like that."""
        if self.gpus > 1 and self.gpus % 1:
            raise UserError(f"engine.gpus={self.gpus:g}: a process has a share of one GPU (below 1), or whole ones")


class Price(Closed):
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


class PoolSettings(Group):
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


class EmbedderSettings(Group):
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


def check_pool(given: Mapping[str, Any], key: str) -> None:
    """Checks settings of a server that stands under another key than a teacher's; raises UserError for a wrong value."""
    try:
        PoolSettings.model_validate(given)
    except ValidationError as error:
        raise UserError(in_words(error, PoolSettings, key)) from None
