"""`stage=train`: a student from the pairs, by TRL's SFTTrainer, with checkpoints from which a killed training goes on.

    python -m fanno_hf stage=train run=demo      ->  runs/demo/students/student/ (model, tokenizer, card, loss curve)

The loss is that of the answers alone, their end of turn among them. Nothing is cut: what is too long is left out and counted.
Several GPUs: `accelerate launch -m fanno_hf stage=train …`; the first process reads and writes, all of them train.
"""

import logging
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fanno_hf.errors import FannoError, UserError, needs_extra
from fanno_hf.hub.push_model import check_model_id, push_model
from fanno_hf.identity import digest
from fanno_hf.output.place import disk_error
from fanno_hf.settings import Settings
from fanno_hf.students.chat import Chat, check_for_training, prepare
from fanno_hf.students.language_model import PACKAGED, LanguageModel, identify, is_folder, load, shown_name
from fanno_hf.texts.duration import duration
from fanno_hf.training import processes
from fanno_hf.training.card import write_card
from fanno_hf.training.checkpoints import last_checkpoint
from fanno_hf.training.curve import write_curve
from fanno_hf.training.folder import RECORD, StudentFolder, student_folder, telling_full_disk, without_paths
from fanno_hf.training.lessons import Counts, Lessons, in_tokens, read_lessons
from fanno_hf.training.trainer import Trained, fit

logger = logging.getLogger(__name__)

_PACKAGES = ("trl", "transformers", "torch", "peft", "accelerate", "datasets")
_OF_THIS_MACHINE = ("local_files_only", "is_local", "gguf_file", "name_or_path")  # which a tokenizer would tell others
_LOOKS = ("name", "log_steps", "save_steps", "micro_batch_size")  # decide nothing about the student


def train(settings: Settings) -> str:
    """Trains a student and says where it is; one that is up to date is left as it is.

    Raises:
        UserError: there are no pairs, no such model, a setting does not suit it, or the packages are missing.
        FannoError: memory or disk is too small, or the loss became NaN.
    """
    _check(settings)
    if not processes.is_first():
        with telling_full_disk(student_folder(settings.run, settings.train.name)):
            return _follow(settings)
    folder = student_folder(settings.run, settings.train.name)
    with telling_full_disk(folder):
        said = _lead(settings)
    if settings.hub.push_model:
        said += f"\n{push_model(folder, settings.hub, {RECORD: without_paths(folder)})}"
    return said


def _lead(settings: Settings) -> str:
    """Trains, beside the processes that follow, writes the student and says where it is."""
    chosen = settings.train
    place = StudentFolder(settings.run, chosen.name)
    lessons = read_lessons(settings)
    plan = _plan(settings, lessons)
    with place as folder:  # a mistyped run or model has left no folder
        if not settings.force and folder.is_made_of(plan):
            processes.told(None)
            return f"{folder.path} is up to date"
        folder.begin(plan)
        student, chat = _student(settings)
        rows, counts = in_tokens(lessons, chat, chosen.max_length, folder.workshop)
        logger.info(
            "training %s on %d pairs of %s, %s tokens (%s of answers)",
            *(chosen.model, counts.trained_on, lessons.name, f"{counts.tokens:,}", f"{counts.answer_tokens:,}"),
        )
        work = processes.told((rows, folder.workshop, last_checkpoint(folder.workshop)))
        trained = fit(student, work[0].open(), settings, *work[1:])
        made = folder.workshop / "made"
        record = _record(plan, lessons, counts, trained, settings)
        _write_student(made, student, trained, chat.end, settings)
        write_curve(made, trained.history)
        write_card(made, record, settings)
        folder.finish(made, record)
    return (
        f"{folder.path}: {trained.steps:,} steps, loss {trained.first_loss:.3f} -> {trained.last_loss:.3f}, "
        f"{duration(trained.seconds)}, {trained.tokens_per_second:,.0f} tokens/s"
    )


def _follow(settings: Settings) -> str:
    """Trains beside the first process, on what that has prepared."""
    if (work := processes.told()) is None:
        return ""
    student, _ = _student(settings)
    fit(student, work[0].open(), settings, *work[1:])
    return ""


def _student(settings: Settings) -> tuple[LanguageModel, Chat]:
    """Returns the model as it is before the training, and how its template writes turns."""
    chosen = settings.train
    student = load(chosen.model, "train.model", chosen.revision, dtype=_dtype(settings))
    context = getattr(student.model.config.get_text_config(), "max_position_embeddings", None)
    if context and chosen.max_length > context:
        raise UserError(
            f"train.max_length={chosen.max_length} is more than the {context} tokens that {chosen.model} can read: lower it"
        )
    chat = prepare(student.tokenizer, chosen.template)
    check_for_training(chat)
    return student, chat


def _check(settings: Settings) -> None:
    """Raises UserError for what cannot work, before anything is read."""
    chosen = settings.train
    if settings.hub.push_model and processes.is_first():
        check_model_id(settings.hub)
    for package in ("torch", "trl", "peft", "matplotlib", "gguf"):
        if find_spec(package) is None:
            raise needs_extra("stage=train", package, "train")
    if chosen.batch_size % (chosen.micro_batch_size * processes.count()):
        times = f" times {processes.count()} processes" if processes.count() > 1 else ""
        raise UserError(
            f"train.batch_size={chosen.batch_size} is no multiple of train.micro_batch_size={chosen.micro_batch_size}{times}: "
            "pairs at once on a device make up a step"
        )
    if chosen.method == "lora" and not chosen.merge and chosen.model == PACKAGED:
        raise UserError("train.merge=false: an adapter of the packaged model would have no base that others can load")
    if settings.hub.push_model and chosen.method == "lora" and not chosen.merge and is_folder(chosen.model):
        raise UserError(
            f"train.merge=false: an adapter of {chosen.model}, a folder of this machine, would have no base on the Hub: take "
            "train.merge=true, or the base by its name on the Hub"
        )


def _plan(settings: Settings, lessons: Lessons) -> dict[str, Any]:
    """Returns all that decides a student."""
    chosen = {key: value for key, value in settings.train.model_dump().items() if key not in _LOOKS}
    return {
        # what is on this machine goes by its name: where it is decides nothing, and is nobody else's business
        "train": {
            **chosen,
            "data": lessons.name,
            "model": shown_name(settings.train.model),
            "template": shown_name(settings.train.template),
        },
        "random_seed": settings.random_seed,
        "model": identify(settings.train.model, "train.model", settings.train.revision),
        "pairs": lessons.sha256,
        "template": _template(settings.train.template),
    }


def _template(name: str) -> str:
    """Returns what differs where a template does."""
    path = Path(name).expanduser()
    return digest(path.read_text(encoding="utf-8", errors="replace"))[:16] if path.is_file() else name


def _dtype(settings: Settings) -> str:
    """Returns in which type the weights are loaded: an adapter's base in bfloat16 where a GPU has it, all others in float32,
    since small steps are lost in 16 bits."""
    import torch

    if settings.train.dtype != "auto":
        return settings.train.dtype
    is_able = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return "bfloat16" if is_able and settings.train.method == "lora" else "float32"


def _record(
    plan: dict[str, Any], lessons: Lessons, counts: Counts, trained: Trained, settings: Settings
) -> dict[str, Any]:
    """Returns what training.json says; `model` is where the base is, for stage=evaluate."""
    data = {"name": lessons.name, "read": lessons.of, "without_answer": lessons.without_answer, **vars(counts)}
    figures = {
        key: value for key, value in vars(trained).items() if key not in ("model", "history") and value is not None
    }
    return {
        "format": 1,
        "model": settings.train.model,
        "revision": settings.train.revision,
        "plan": plan,
        "data": data,
        "training": figures,
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _write_student(made: Path, student: LanguageModel, trained: Trained, end: int, settings: Settings) -> None:
    """Writes weights, tokenizer and the token with which to stop."""
    model, tokenizer = trained.model, student.tokenizer
    if settings.train.method == "lora" and settings.train.merge:
        model = model.merge_and_unload()
    base = (
        getattr(model, "base_model", model) if settings.train.method == "lora" and not settings.train.merge else model
    )
    generation = base.generation_config
    before = generation.eos_token_id
    stops = [end, *([before] if isinstance(before, int) else before or [])]
    generation.eos_token_id = list(dict.fromkeys(stops)) if len(set(stops)) > 1 else end
    generation.pad_token_id = tokenizer.pad_token_id
    base.config.eos_token_id, base.config.pad_token_id = end, tokenizer.pad_token_id
    base.config.use_cache = True  # off while a model is trained
    for name in _OF_THIS_MACHINE:
        tokenizer.init_kwargs.pop(name, None)
    try:
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        for file in made.glob("*.safetensors"):
            file.chmod(0o644)  # as all other files
    except OSError as error:
        raise disk_error(made, error) from error
    except Exception as error:
        raise FannoError(f"the student cannot be saved: {error}") from error
