"""How surprised a model is by answers: the loss of each pair's answer, with its instruction and without.

    "How do mosses drink?" -> "Through their leaves."    6 tokens, loss 1.9 with the instruction, 3.8 without: IFD 0.5

A loss is the mean negative log-likelihood of an answer's tokens, in nats.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.errors import FannoError
from fanno_hf.sources.pairs import Pair
from fanno_hf.students.chat import Chat, prepare
from fanno_hf.students.encoding import MASKED, Encoded, encode
from fanno_hf.students.language_model import LanguageModel

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_MOST_LOGITS = 50_000_000  # of a batch: tokens times words of the vocabulary, four bytes each


@dataclass(frozen=True)
class Losses:
    """The losses of pairs, in their order; NaN for a pair that is too long, has no answer, or whose loss is no number."""

    tokens: np.ndarray  # int64, shape (pairs,): of each answer, its end of turn included
    loss: np.ndarray  # float64, shape (pairs,): of the answer behind its instruction
    too_long: int  # pairs that the model's context cannot hold, left out
    no_number: int = 0  # pairs whose loss overflowed, left out

    @property
    def is_measured(self) -> np.ndarray:
        """Which pairs have a loss; bool, shape (pairs,)."""
        return np.isfinite(self.loss)

    @property
    def per_token(self) -> float:
        """Mean over all tokens of all answers; its exponential is the perplexity."""
        known = self.is_measured
        return float(np.average(self.loss[known], weights=self.tokens[known])) if known.any() else float("nan")

    @property
    def per_answer(self) -> float:
        """Mean over answers of each one's loss: a long answer counts as much as a short one."""
        known = self.is_measured
        return float(self.loss[known].mean()) if known.any() else float("nan")


@dataclass(frozen=True)
class Following:
    """What an instruction tells a model about its answer, for each pair; NaN where it is not known."""

    tokens: np.ndarray  # int64, shape (pairs,): of each answer, without the end of turn
    conditioned: np.ndarray  # float64, shape (pairs,): loss of the answer behind its instruction
    alone: np.ndarray  # float64, shape (pairs,): loss of the same tokens without it
    too_long: int
    no_number: int = 0  # pairs whose loss overflowed

    @property
    def ifd(self) -> np.ndarray:
        """conditioned / alone: near 0 where the instruction gives the answer away, 1 where it says nothing about it."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.alone > 0, self.conditioned / self.alone, np.nan)


Advance = Callable[[int], None]
"""Is told how many pairs are through."""


def losses(
    pairs: Sequence[Pair], loaded: LanguageModel, batch_size: int, advance: Advance = lambda count: None
) -> Losses:
    """Returns the loss of each pair's answer behind its instruction, as the model's chat template puts it.

    Raises FannoError where memory does not suffice, or no loss is a number.
    """
    chat = prepare(loaded.tokenizer)
    encoded = [_encode(pair, chat) for pair in pairs]
    fitting = [one if _fits(one, loaded) else None for one in encoded]
    counts = np.array([len(one.answer) if one else 0 for one in encoded], dtype=np.int64)
    found = _mean_losses(fitting, loaded, batch_size, advance)
    too_long = sum(one is not None and not _fits(one, loaded) for one in encoded)
    return Losses(counts, found, too_long, _overflowed(found, fitting, loaded))


def ifd(
    pairs: Sequence[Pair], loaded: LanguageModel, batch_size: int, advance: Advance = lambda count: None
) -> Following:
    """Returns the losses behind Instruction-Following Difficulty: IFD(Q, A) = s(A|Q) / s(A), s the mean negative log-likelihood of
    the answer's tokens (Li et al., From Quantity to Quality, arXiv 2308.12032, equations 1 to 3).

    Here s(A|Q) is taken in the model's chat template, s(A) behind the token that begins a text (BOS, with which our own turns and
    many templates begin, too), and both without the end of turn.
    """
    chat = prepare(loaded.tokenizer)
    behind = [_without_end(_encode(pair, chat), chat) for pair in pairs]
    fitting = [one if _fits(one, loaded) else None for one in behind]
    start = next(token for token in (loaded.tokenizer.bos_token_id, chat.end) if token is not None)
    alone = [Encoded([start, *one.answer], [MASKED, *one.answer]) if one else None for one in fitting]
    conditioned = _mean_losses(fitting, loaded, batch_size, advance)
    direct = _mean_losses(alone, loaded, batch_size, lambda count: None)
    counts = np.array([len(one.answer) if one else 0 for one in behind], dtype=np.int64)
    too_long = sum(one is not None and not _fits(one, loaded) for one in behind)
    return Following(counts, conditioned, direct, too_long, _overflowed(conditioned + direct, fitting, loaded))


def _overflowed(found: np.ndarray, fitting: Sequence[Encoded | None], loaded: LanguageModel) -> int:
    """Returns how many losses are no number. Raises FannoError where all of them are: then it is the model that is damaged."""
    measured = sum(one is not None for one in fitting)
    missing = measured - int(np.isfinite(found).sum())
    if measured and missing == measured:
        raise FannoError(
            f"{loaded.name}: the loss of every answer is no number: its weights are damaged, or too large for its dtype"
        )
    if missing:
        logger.warning(
            "%s: the loss of %d of %d answers is no number; they are left out", loaded.name, missing, measured
        )
    return missing


def _encode(pair: Pair, chat: Chat) -> Encoded | None:
    """Returns a pair in tokens; None where it has no answer."""
    if not pair["response"].strip():
        return None
    return encode({**pair, "output": pair["response"]}, chat, is_lead_given=True)


def _without_end(one: Encoded | None, chat: Chat) -> Encoded | None:
    if one is None:
        return None
    close = len(chat.tokens(chat.form.close))
    return Encoded(one.input_ids[:-close], one.labels[:-close])


def _fits(one: Encoded | None, loaded: LanguageModel) -> bool:
    context = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    return one is not None and len(one.answer) > 0 and (not context or len(one.input_ids) <= context)


def _mean_losses(
    encoded: Sequence[Encoded | None], loaded: LanguageModel, batch_size: int, advance: Advance
) -> np.ndarray:
    """Returns the mean loss of each row's labels, float64; NaN for None."""
    found = np.full(len(encoded), np.nan)
    advance(sum(one is None for one in encoded))
    for places in _batches(encoded, batch_size, loaded.model.config.get_text_config().vocab_size):
        try:
            found[places] = _batch_losses([encoded[place] for place in places], loaded)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "memory" in str(error).lower():
                raise FannoError(
                    f"{loaded.name}: a batch does not fit into memory: lower evaluate.batch_size"
                ) from error
            raise
        advance(len(places))
    return found


def _batches(encoded: Sequence[Encoded | None], batch_size: int, words: int) -> Iterator[list[int]]:
    """Yields places of rows that are alike in length, the longest first: what does not fit is noticed at once."""
    order = sorted(
        (place for place, one in enumerate(encoded) if one), key=lambda place: -len(encoded[place].input_ids)
    )
    first = 0
    while first < len(order):
        longest = len(encoded[order[first]].input_ids)
        count = max(1, min(batch_size, _MOST_LOGITS // (longest * words)))
        yield order[first : first + count]
        first += count


def _batch_losses(rows: Sequence[Encoded], loaded: LanguageModel) -> list[float]:
    import torch

    width, padding = max(len(row.input_ids) for row in rows), loaded.tokenizer.pad_token_id
    ids = torch.tensor([row.input_ids + [padding] * (width - len(row.input_ids)) for row in rows])
    mask = torch.tensor([[1] * len(row.input_ids) + [0] * (width - len(row.input_ids)) for row in rows])
    device = loaded.model.device
    with torch.inference_mode():
        logits = loaded.model.eval()(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits
        return [_row_loss(logits[place], row) for place, row in enumerate(rows)]


def _row_loss(logits: "torch.Tensor", row: Encoded) -> float:
    """Returns the mean loss of the labels of one row; the logits at a place tell of the token behind it."""
    import torch

    labels = torch.tensor(row.labels[1:], device=logits.device)
    return torch.nn.functional.cross_entropy(logits[: len(row.labels) - 1].float(), labels, ignore_index=MASKED).item()
