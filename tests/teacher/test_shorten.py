"""A prompt that is too long loses the end of its document, as much as the server's words ask for."""

import dataclasses

import pytest

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.shorten import is_about_logprobs, shortened

HEAD, TAIL = "Here is a text about plants:\n\n", "\n\nWrite a question that it answers."
DOCUMENT = " ".join(f"moss{number:04d}" for number in range(2000))  # 18,000 characters

TGI_TOTAL = "422: Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: {prompt} `inputs` tokens and 64 `max_new_tokens`"
TGI_INPUT = "422: Input validation error: `inputs` must have less than 4095 tokens. Given: {prompt}"
VLLM_OLD = "400: This model's maximum context length is 4096 tokens. However, you requested 5664 tokens ({prompt} in the messages, 64 in the completion). Please reduce the length of the messages or completion."
VLLM = "400: This model's maximum context length is 4096 tokens. However, your request has {prompt} input tokens. Please reduce the length of the input messages."
VLLM_SUM = "400: 'max_tokens' or 'max_completion_tokens' is too large: 64. This model's maximum context length is 4096 tokens and your request has {prompt} input tokens (64 > 4096 - {prompt})."
LLAMA = "400: the request exceeds the available context size. request ({prompt} tokens) exceeds the available context size (4096 tokens), try increasing it"


def request(document: str = DOCUMENT, **settings) -> Request:
    """One turn around a document."""
    content = f"{HEAD}{document}{TAIL}"
    return Request([{"role": "user", "content": content}], 64, documents=(document,) if document else (), **settings)


def characters(asked: Request) -> int:
    return sum(len(turn["content"]) for turn in asked.messages)


def shown(asked: Request) -> str:
    """The document as the last turn shows it."""
    return asked.messages[-1]["content"].removeprefix(HEAD).removesuffix(TAIL)


@pytest.mark.parametrize(
    ("words", "max_tokens"),
    [*((words, 64) for words in (TGI_TOTAL, TGI_INPUT, VLLM_OLD, VLLM, VLLM_SUM, LLAMA)), (TGI_TOTAL, 2000)],
)
def test_what_is_left_fits_by_the_numbers_of_the_server_and_not_much_more_is_cut(words, max_tokens):
    asked = dataclasses.replace(request(), max_tokens=max_tokens)
    short = shortened(asked, words.format(prompt=5600))
    # tokens are spread evenly over these characters
    room = 4096 - max_tokens
    assert 0.85 * room <= characters(short) * 5600 / characters(asked) <= room
    assert asked == dataclasses.replace(request(), max_tokens=max_tokens)  # the one that was refused is as it was


@pytest.mark.parametrize(
    "words",
    [
        "413: Failed to buffer the request body: length limit exceeded",
        "413: Payload Too Large",
        "400: The input (5600 tokens) is longer than the model's context length (4096 tokens).",
        "400: input is too long",
    ],
)
def test_without_known_numbers_about_half_of_the_document_is_kept(words):
    assert 0.4 * len(DOCUMENT) <= len(shown(shortened(request(), words))) <= 0.5 * len(DOCUMENT)


def test_the_end_of_the_document_goes_whole_words_of_it_and_nothing_else():
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}, *request().messages]
    short = shortened(Request(turns, 64, documents=(DOCUMENT,)), TGI_TOTAL.format(prompt=5600))
    assert short.messages == [*turns[:2], {"role": "user", "content": f"{HEAD}{short.documents[0]}{TAIL}"}]
    assert DOCUMENT.startswith(short.documents[0] + " ")


def test_a_document_without_spaces_is_cut_anywhere():
    short = shortened(request("ü" * 18000), TGI_TOTAL.format(prompt=5600))
    assert shown(short) == "ü" * len(shown(short))


def test_everything_else_stays():
    asked = request(seed=7, top_logprobs=5, stop=("\n",), temperature=0.5)
    short = shortened(asked, TGI_TOTAL.format(prompt=5600))
    assert short == dataclasses.replace(asked, messages=short.messages, documents=short.documents)


def test_several_documents_lose_the_same_share():
    first, second = DOCUMENT[:12000], DOCUMENT[12000:]
    asked = Request([{"role": "user", "content": f"{first}\n\n{second}"}], 64, documents=(first, second))
    short = shortened(asked, TGI_TOTAL.format(prompt=5600))
    assert len(short.documents[0]) / len(short.documents[1]) == pytest.approx(2.0, rel=0.01)


def test_a_request_without_a_document_is_not_shortened():
    assert shortened(request(""), TGI_TOTAL.format(prompt=5600)) is None


@pytest.mark.parametrize(
    "words",
    [
        "422: Input validation error: `temperature` must be strictly positive",
        "422: Template error: syntax error: Conversation roles must alternate",
        "400: Failed to parse the request body as JSON",
        "422: Input validation error: `stop` supports up to 4 stop sequences. Given: 5",
    ],
)
def test_a_refusal_about_something_else_shortens_nothing(words):
    assert shortened(request(), words) is None


def test_a_document_of_which_nothing_would_be_left_is_not_shortened():
    # a question about an empty text is no question about the document
    asked = request("Mosses drink through their leaves.")
    assert shortened(asked, TGI_TOTAL.format(prompt=9000)) is None


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ("422: Input validation error: `top_n_tokens` must be >= 0 and <= 0. Given: 5", True),
        ("400: logprobs are not supported", True),
        ("400: This model does not support the 'top_logprobs' parameter", True),
        ("400: log-probs are not available", True),
        (TGI_TOTAL.format(prompt=5600), False),
        ("422: Input validation error: `max_new_tokens` must be strictly positive", False),
    ],
)
def test_a_refusal_of_log_probabilities_is_known_by_its_words(words, about):
    assert is_about_logprobs(words) is about
