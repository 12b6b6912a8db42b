"""TRL's SFTTrainer, set up: what it is given is in tokens already, so that it neither cuts nor masks anything."""

import json
import logging
import math
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import FannoError, UserError
from fanno_hf.settings import Settings, Train
from fanno_hf.students.language_model import LanguageModel
from fanno_hf.texts.duration import duration
from fanno_hf.texts.fit import fit_to_show
from fanno_hf.training import processes

if TYPE_CHECKING:
    from datasets import Dataset
    from trl import SFTConfig

logger = logging.getLogger(__name__)

_CHECKPOINTS = 2  # kept: the last one may be half written when a process is killed


@dataclass
class Trained:
    """A model that was trained, and how it went."""

    model: Any
    history: list[dict[str, float]]  # step, loss, learning_rate, … of each point of the curve
    steps: int
    seconds: float  # of this command: a killed training counts what it did since it went on
    tokens_per_second: float
    first_loss: float
    last_loss: float
    device: str
    peak_memory_mb: int | None  # of the GPU


def fit(student: LanguageModel, rows: "Dataset", settings: Settings, folder: Path, checkpoint: Path | None) -> Trained:
    """Trains a model on rows of input_ids and labels.

    Args:
        folder: for checkpoints.
        checkpoint: from which to go on.

    Raises:
        UserError: a setting does not suit trainer or model.
        FannoError: memory is too small, or the loss is no number.
    """
    import huggingface_hub.constants
    import torch
    from transformers import PrinterCallback
    from trl import SFTTrainer

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    if settings.threads:  # where other programs work on the same cores, one thread is often faster than all of them
        torch.set_num_threads(settings.threads)
    started, before = time.monotonic(), _tokens_before(checkpoint)
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", module="peft")
    try:
        trainer = SFTTrainer(
            model=student.model,
            args=_arguments(settings, folder),
            train_dataset=rows,
            processing_class=student.tokenizer,
            peft_config=_adapter(settings.train),
            callbacks=[_teller(before)],
        )
        trainer.remove_callback(PrinterCallback)
        if checkpoint is not None:
            logger.info("going on from %s", checkpoint.name)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _too_little_memory(error) from error
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        if "memory" in str(error).lower():
            raise _too_little_memory(error) from error
        raise UserError(
            f"train: the trainer does not take these settings: {fit_to_show(str(error), limit=300)}"
        ) from error
    return _outcome(trainer, time.monotonic() - started, before)


def _adapter(chosen: Train) -> Any:
    """Returns the settings of a LoRA adapter; None where every weight is trained."""
    from peft import LoraConfig

    if chosen.method == "full":
        return None
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=chosen.lora.rank,
        lora_alpha=chosen.lora.alpha,
        lora_dropout=chosen.lora.dropout,
        target_modules=chosen.lora.targets,
    )


def _outcome(trainer: Any, seconds: float, before: float) -> Trained:
    """Returns what came of a training; `before`: tokens seen before this command. Raises FannoError: the loss is no number."""
    import torch

    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    losses = [entry["loss"] for entry in history]
    if not losses or not all(map(math.isfinite, losses)):
        raise FannoError("the loss is no number any more: lower train.learning_rate, or take train.dtype=float32")
    is_gpu = torch.cuda.is_available()
    seen = history[-1].get("num_tokens", 0.0) - before
    return Trained(
        model=trainer.accelerator.unwrap_model(trainer.model),
        history=history,
        steps=trainer.state.global_step,
        seconds=seconds,
        tokens_per_second=seen / seconds if seconds else 0.0,
        first_loss=losses[0],
        last_loss=losses[-1],
        device=torch.cuda.get_device_name() if is_gpu else "cpu",
        peak_memory_mb=round(torch.cuda.max_memory_allocated() / 1e6) if is_gpu else None,
    )


def _arguments(settings: Settings, folder: Path) -> "SFTConfig":
    import torch
    from trl import SFTConfig

    chosen = settings.train
    is_gpu = torch.cuda.is_available()
    wanted = chosen.dtype if chosen.dtype != "auto" else "bfloat16"
    return SFTConfig(
        output_dir=str(folder),
        max_length=chosen.max_length if chosen.packing else None,
        packing=chosen.packing,
        packing_strategy="bfd",
        num_train_epochs=chosen.epochs,
        max_steps=chosen.max_steps or -1,
        per_device_train_batch_size=chosen.micro_batch_size,
        gradient_accumulation_steps=chosen.batch_size // (chosen.micro_batch_size * processes.count()),
        learning_rate=chosen.learning_rate,
        lr_scheduler_type=chosen.schedule,
        warmup_steps=chosen.warmup,
        weight_decay=chosen.weight_decay,
        max_grad_norm=chosen.max_grad_norm,
        neftune_noise_alpha=chosen.neftune_noise or None,
        optim=chosen.optimizer,
        gradient_checkpointing=chosen.gradient_checkpointing,
        bf16=is_gpu and wanted == "bfloat16" and torch.cuda.is_bf16_supported(),
        fp16=is_gpu and wanted == "float16",
        use_cpu=not is_gpu,
        seed=settings.random_seed,
        data_seed=settings.random_seed,
        save_strategy="steps",
        save_steps=chosen.save_steps,
        save_total_limit=_CHECKPOINTS,
        logging_steps=chosen.log_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
        dataloader_pin_memory=is_gpu,
    )


def _tokens_before(checkpoint: Path | None) -> float:
    """Returns how many tokens were seen before a checkpoint."""
    if checkpoint is None:
        return 0.0
    history = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8")).get("log_history", [])
    return max((entry.get("num_tokens", 0.0) for entry in history), default=0.0)


def _teller(before: float) -> Any:
    """Returns what says how far a training is, and keeps its curve as if it had never been stopped; `before`: tokens seen then."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):
        def on_train_begin(self, args, state, control, **_):
            self._started, self._first = time.monotonic(), state.global_step

        def on_step_end(self, args, state, control, **_):
            # the curve has an end, and no point of it is the mean of steps of which a checkpoint knows but the last
            control.should_log |= control.should_save or state.global_step == state.max_steps
            return control

        def on_log(self, args, state, control, logs=None, **_):
            if not logs or "loss" not in logs:
                return
            state.log_history[-1]["num_tokens"] += before  # of which the trainer knows nothing
            if not state.is_world_process_zero:
                return
            done = state.global_step - self._first
            left = (time.monotonic() - self._started) / max(done, 1) * (state.max_steps - state.global_step)
            logger.info(
                "step %d of %d, loss %.3f, %s left",
                *(state.global_step, state.max_steps, logs["loss"], duration(left)),
            )

    return Teller()


def _too_little_memory(error: BaseException) -> FannoError:
    return FannoError(
        f"memory is too small for this training ({fit_to_show(str(error), limit=120)}): lower train.micro_batch_size or "
        "train.max_length, set train.gradient_checkpointing=true, train.method=lora or train.dtype=bfloat16"
    )
