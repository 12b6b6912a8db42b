"""The model card of a student, README.md: what it was made of, how, and how to ask it something."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fanno_hf.output.markdown import code, printable
from fanno_hf.settings import Settings
from fanno_hf.students.language_model import PACKAGED
from fanno_hf.texts.duration import duration
from fanno_hf.training.curve import PICTURE, TABLE

_HUB_NAMES = {PACKAGED: "HuggingFaceTB/SmolLM2-135M-Instruct"}
_SHOWN = (
    "method",
    "epochs",
    "max_steps",
    "batch_size",
    "learning_rate",
    "schedule",
    "warmup",
    "weight_decay",
    "max_length",
    "packing",
    "template",
    "dtype",
    "optimizer",
)


def write_card(folder: Path, record: Mapping[str, Any], settings: Settings) -> None:
    """Writes the card of the student in `folder`; `record`: its training.json."""
    (folder / "README.md").write_text(render_card(record, settings.train.name, settings.hub.repo_id), encoding="utf-8")


def render_card(record: Mapping[str, Any], name: str, dataset: str | None = None) -> str:
    """Returns the card as Markdown with its YAML head."""
    plan, data, training = record["plan"], record["data"], record["training"]
    chosen = plan["train"]
    is_on_hub = "@" in plan["model"]  # a folder is known by a digest
    base = _HUB_NAMES.get(chosen["model"], chosen["model"]) if is_on_hub else chosen["model"]
    settings = "\n".join(f"| {key} | {code(str(chosen[key]))} |" for key in _SHOWN)
    memory = f", {training['peak_memory_mb']:,} MB of GPU memory at most" if "peak_memory_mb" in training else ""
    return f"""---
{_head(base if is_on_hub else None, dataset)}---

# {printable(name)}

{code(base)}, trained by [fanno_hf](https://arxiv.org/abs/2408.01323)'s `stage=train` on {data["trained_on"]:,} pairs of {code(data["name"])}{_left_out(data)}: {data["answer_tokens"]:,} tokens of answers, which alone have a loss.

{training["steps"]:,} steps on {code(training["device"])}, {duration(training["seconds"])}, {training["tokens_per_second"]:,.0f} tokens/s{memory}. Loss {training["first_loss"]:.3f} at the first step, {training["last_loss"]:.3f} at the last:

![Loss by step]({PICTURE})

The points are in {code(TABLE)}, everything else that decides these weights in `training.json`.

```python
from transformers import pipeline

chat = pipeline("text-generation", ".")
print(chat([{{"role": "user", "content": "How do mosses drink?"}}], max_new_tokens=200)[0]["generated_text"][-1]["content"])
```

| setting | value |
|---|---|
{settings}

Random seed {plan["random_seed"]}. {", ".join(f"{package} {version}" for package, version in record["packages"].items())}.
"""


def _head(base: str | None, dataset: str | None) -> str:
    """Returns the YAML of the head, for what of it is on the Hub."""
    head: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["fanno", "sft", "trl"],
    }
    if base:
        head |= {"base_model": base}
    if dataset:
        head |= {"datasets": [dataset]}
    return yaml.safe_dump(head, sort_keys=False, allow_unicode=True)


def _left_out(data: Mapping[str, Any]) -> str:
    """Returns which pairs were not trained on, in brackets; "" where that is none."""
    reasons = (("without_answer", "without an answer"), ("too_long", "too long"))
    left_out = [f"{data[key]:,} {words}" for key, words in reasons if data[key]]
    return f" ({', '.join(left_out)} left out)" if left_out else ""
