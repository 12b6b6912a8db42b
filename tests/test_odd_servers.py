"""Odd servers with a strong teacher behind them, through all four stages: what comes out is what the teacher meant."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import StageEmpty, TeacherUnavailable
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.usage import usage_of_all
from fanno_hf.pipeline.run import execute
from fanno_hf.teacher import pool
from tests.conftest import compose_config, write_documents
from tests.doubles.chat_server import ChatServer, Raw
from tests.doubles.odd_answers import Holds, Thinks, prompt_tokens, streamed, strong
from tests.doubles.strong_teacher import COMPLETIONS, RESPONSES, SUBJECTS

SEPARATE = "prompts.verdicts=separate"
THINK = "<think>\n{thoughts}\n</think>\n\n{text}"
HARMONY = (
    "<|channel|>analysis<|message|>{thoughts}<|end|><|start|>assistant<|channel|>final<|message|>{text}<|return|>"
)
PAGE = "<!doctype html><html><head><title>Log in</title></head></html>"


@dataclass
class Odd:
    """What is odd about a server, the settings for it, and how many tokens the documents have."""

    server: Callable[[], dict[str, Any]]
    settings: tuple[str, ...] = ()
    sentences: tuple[int, ...] = (12,)
    said: tuple[str, ...] = ()  # in the log
    used: dict[str, bool] = field(
        default_factory=dict
    )  # keys of run.json -> whether they are more than 0 over all stages
    asked: int = 0  # chat requests that it got
    tokens: int = 0  # that it counted, where it tells


def alter(change: Callable[[dict], Any]) -> Callable[[], dict[str, Any]]:
    return lambda: {"alter": change}


def choice(**values) -> Callable[[], dict[str, Any]]:
    return alter(lambda answer: answer["choices"][0].update(values))


def thinks(*given, **settings) -> Callable[[], dict[str, Any]]:
    return lambda: {"wrap": Thinks(*given, **settings)}


def holds(context: int, refusal, status: int = 400) -> Callable[[], dict[str, Any]]:
    return lambda: {"wrap": Holds(context, refusal, status)}


def vllm(limit: int, prompt: int, most: int) -> str:
    return f"This model's maximum context length is {limit} tokens. However, your prompt contains at least {limit + 1} input tokens."


def wants_other_name(body: dict[str, Any]) -> Raw | None:
    words = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    return Raw(json.dumps({"error": {"message": words}}).encode(), 400) if "max_tokens" in body else None


NAN = {"content": [{"token": "No", "logprob": float("nan"), "top_logprobs": {"No": float("inf")}}]}
THOUGHT = {"thinking_tokens": True, "verdicts_from_text": False}
LONG = (12, 60, 120, 240)  # sentences of about 16 tokens
SMALL = ("prompts=small", "tags=small", "rules=default", "stages.prescreen.max_tokens=600")
SHORTENED = {"shortened": True}
ODD = {
    "thinks": Odd(thinks(THINK), used=THOUGHT, said=("cannot be kept from thinking",)),
    "thinks, one verdict a request": Odd(thinks(THINK), (SEPARATE,), used=THOUGHT),
    "thoughts apart, content null": Odd(thinks(), (SEPARATE,), used=THOUGHT),
    "thoughts apart, content empty": Odd(thinks(field="reasoning", empty=""), used=THOUGHT),
    "channels": Odd(thinks(HARMONY), used=THOUGHT),
    "can be kept from thinking": Odd(thinks(THINK, obeys="chat_template_kwargs"), used=THOUGHT),
    "refuses to be told": Odd(thinks(THINK, refuses=("chat_template_kwargs", "reasoning_effort")), used=THOUGHT),
    "thinks now and then": Odd(thinks(THINK, every=5), used=THOUGHT),
    "does not think, and refuses to be told": Odd(
        thinks(THINK, refuses=("chat_template_kwargs", "reasoning_effort"), every=10**9),
        ("teacher.thinking=off",),
        used={"thinking_tokens": False},
    ),
    "shall think": Odd(thinks(THINK, refuses=("chat_template_kwargs",)), ("teacher.thinking=on",), used=THOUGHT),
    "ends in template tokens": Odd(
        alter(
            lambda a: a["choices"][0]["message"].update(content=a["choices"][0]["message"]["content"] + "<|im_end|>")
        )
    ),
    "streams": Odd(lambda: {"wrap": streamed}, used={"verdicts_from_text": False}),
    "no log-probabilities": Odd(
        choice(logprobs=None), said=("verdicts from text: 0 or 1",), used={"verdicts_from_text": True}
    ),
    "log-probabilities without sense": Odd(choice(logprobs=NAN), used={"verdicts_from_text": True}),
    "no token counts": Odd(
        alter(lambda answer: answer.pop("usage")), said=("they are estimated",), used={"estimated": True}
    ),
    "another name of max_tokens": Odd(lambda: {"refuse": wants_other_name}, used={"refused": False}),
    "512 tokens, names a lower bound": Odd(
        holds(512, vllm), ("stages.prescreen.max_tokens=600",), LONG, used=SHORTENED
    ),
    "600 tokens, and says nothing of use": Odd(holds(600, lambda *_: "Bad Request"), SMALL, LONG, used=SHORTENED),
    "600 tokens, and writes less": Odd(holds(600, None), SMALL, LONG, said=("was full after 600 tokens",)),
    "1400 tokens, fails with 500": Odd(holds(1400, lambda *_: "Internal Server Error", 500), (), LONG, used=SHORTENED),
    "1400 tokens, and nothing with 200": Odd(holds(1400, lambda *_: "", 200), (), LONG, used=SHORTENED),
    "1400 tokens, forbids more": Odd(
        holds(1400, lambda most, *_: f"input length exceeds quota: max {most} tokens", 403), (), LONG, used=SHORTENED
    ),
    "1400 tokens, is full": Odd(
        holds(1400, lambda most, *_: f"Request too large for model: TPM Limit {most}, Requested 9999", 429),
        *((), LONG),
        used=SHORTENED,
    ),
}


def counting(odd: Odd, wrap: Callable[[dict, dict], Any]) -> Callable[[dict, dict], Any]:
    """The same wrap; it adds the tokens of what it sends to those of `odd`."""

    def send(body: dict[str, Any], answer: dict[str, Any]) -> Any:
        sent = wrap(body, answer)
        if not isinstance(sent, Raw) or "event-stream" in sent.kind:
            odd.tokens += sum(answer.get("usage", {}).get(name, 0) for name in ("prompt_tokens", "completion_tokens"))
        return sent

    return send


def do_run(folder, odd: Odd, settings: tuple[str, ...] = ()) -> RunFolder:
    lengths = [odd.sentences[place % len(odd.sentences)] for place in range(len(SUBJECTS))]
    texts = [
        f"A note on {subject}. "
        + " ".join(f"{subject} fact {i} is {i * i}, beside {subject} {i}." for i in range(count))
        for subject, count in zip(SUBJECTS, lengths, strict=True)
    ]
    write_documents(folder / "documents.jsonl", texts)
    given = odd.server()
    odd.tokens, wrap = 0, counting(odd, given.pop("wrap", lambda body, answer: answer))
    with ChatServer(**{"write": strong(), "wrap": wrap, **given}) as server:
        config = compose_config(
            *(
                "data=files",
                f"data.path={folder / 'documents.jsonl'}",
                f"run={folder / 'run'}",
                "data.text_column=text",
            ),
            *("teacher=openai", f"teacher.base_url={server.url}", "teacher.concurrency=8", "teacher.patience=2"),
            *("embedder=hashing", "tokenizer=words", "parser=[]", "log_level=WARNING", "stages.augment.lag=0"),
            *("stages.augment.target_size=14", "stages.augment.epochs=1", "stages.seed.combinations=1"),
            *("stages.seed.min_relevance=null", "stages.augment.min_relevance=null", *odd.settings, *settings),
        )
        try:
            execute(resolve(config))
        finally:
            odd.asked = len(server.chats)
    return RunFolder(folder / "run")


@pytest.mark.parametrize("name", ODD)
def test_what_the_teacher_meant_comes_out(name, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(pool, "_SHORTEST_PAUSE", 0.001)
    odd = ODD[name]
    with caplog.at_level("WARNING"):
        folder = do_run(tmp_path, odd)
    stages = folder.manifest["stages"]
    pairs = list(folder.stream_rows("respond", ["instruction", "input", "response"]))
    meant = {(one["instruction"], one["input"]) for one in COMPLETIONS}
    assert {(row["instruction"], row["input"]) for row in pairs} <= meant
    assert {row["response"].strip() for row in pairs} <= {response.strip() for response in RESPONSES}
    assert len(pairs) >= 10
    dropped = {reason for stage in stages.values() for reason in stage["rejected"]}
    assert dropped <= {"surplus", "near_repeat", "repeats_counterexample", "same_community", "near_duplicate"}, dropped
    verdicts = [
        row["verdicts"] for config in ("prescreen", "augment") for row in folder.stream_rows(config, ["verdicts"])
    ]
    assert [verdict for row in verdicts for verdict in row or () if verdict["probability"] is None] == []
    used = {key: sum(stage[key] for stage in stages.values()) > 0 for key in odd.used}
    assert used == odd.used
    total = usage_of_all(folder.manifest)
    assert sum(total[key] for key in ("requests", "resent", "refused", "failed")) == odd.asked
    assert total["estimated"] or total["prompt_tokens"] + total["completion_tokens"] == odd.tokens
    assert {words: caplog.text.count(words) for words in odd.said} == dict.fromkeys(odd.said, 1)
    assert "set aside" not in caplog.text


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"lasting": 400, "words": "No connected db."}, "answers every request alike: 400: No connected db. Check"),
        ({"lasting": 402, "words": "no credit"}, "answers 402: no credit: check"),
        ({"lasting": PAGE}, r"an HTML page \(Log in\)"),
        ({"lasting": Raw(PAGE.encode(), 403, "text/html")}, r"answers 403: an HTML page \(Log in\): check"),
    ],
    ids=str,
)
def test_a_server_that_answers_everything_alike_stops_the_run_with_its_words(server, words, tmp_path, caplog):
    odd = Odd(lambda: server)
    with pytest.raises(TeacherUnavailable, match=words) as raised:
        do_run(tmp_path, odd)
    assert "teacher.api_key_env" in str(raised.value)
    assert odd.asked <= 64
    assert "set aside" not in caplog.text


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("content_filter", "teacher_refused"), ("abort", "teacher_failed"), (None, "teacher_failed")],
)
def test_an_answer_that_does_not_end_well_is_the_rows_fault_and_says_why(finish, reason, tmp_path):
    with pytest.raises(StageEmpty):
        do_run(tmp_path, Odd(choice(finish_reason=finish)), ("teacher.retries=0",))
    rows = pq.read_table(tmp_path / "run" / "rejected" / "prescreen").to_pylist()
    assert {row["reason"] for row in rows} == {reason}
    assert all(f"finish_reason {finish or 'null'}" in row["detail"] for row in rows)


def test_an_answer_that_no_shortening_helps_says_that_the_context_was_full(tmp_path):
    def full(body, answer):
        if body.get("logprobs"):
            return answer
        answer["choices"][0]["finish_reason"] = "length"
        prompt = prompt_tokens(body)
        answer["usage"] = {"prompt_tokens": prompt, "completion_tokens": max(1, 20 - prompt % 7)}
        return answer

    with pytest.raises(StageEmpty):
        do_run(
            tmp_path, Odd(lambda: {"wrap": full}), ("teacher.concurrency=1",)
        )  # what is learnt follows from the order
    rows = pq.read_table(tmp_path / "run" / "rejected" / "seed").to_pylist()
    assert any("the context was full" in row["detail"] for row in rows)
