"""A prompt that is too long loses the end of its document, as much as the server's words ask for."""

import dataclasses

import pytest

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import Busy, CallFailed, Refused
from fanno_hf.teacher.lengths import Lengths

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


def shortened(asked: Request, words: str, sent: Request | None = None) -> Request | None:
    """What becomes of a request that is refused in these words, at a pool that has seen nothing else."""
    return Lengths().shortened(asked, sent or asked, Refused(words))


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
    assert 0.75 * room <= characters(short) * 5600 / characters(asked) <= room
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
def test_without_known_numbers_a_third_goes_and_then_another(words):
    once = shortened(request(), words)
    twice = shortened(request(), words, once)
    assert 0.6 * len(DOCUMENT) <= len(shown(once)) <= 0.7 * len(DOCUMENT)
    assert 0.5 * len(shown(once)) <= len(shown(twice)) <= 0.75 * len(shown(once))


@pytest.mark.parametrize(
    "words",
    [
        # the limit and one, whatever the length
        "400: This model's maximum context length is 512 tokens. However, your prompt contains at least 513 input tokens.",
        "400: max_tokens must be at least 1, got -160",
        "500: the prompt has too many tokens",
        "no answer, but: prompt exceeds n_ctx",
        "no answer, but: too many tokens",
    ],
)
def test_what_says_little_is_shortened_until_it_fits(words):
    sent, sizes = request(), []
    while sent is not None and characters(sent) > 1_800:  # 450 tokens of four characters
        sizes.append(characters(sent))
        sent = Lengths().shortened(request(), sent, CallFailed(words))
    assert sent is not None
    assert len(sizes) <= 10


def test_what_the_characters_of_a_token_tell_counts_more_than_a_lower_bound():
    lengths, words = (
        Lengths(),
        "400: maximum context length is 512 tokens; your prompt contains at least 513 input tokens.",
    )
    lengths.note(request(DOCUMENT[:1000]), Completion("Why?", prompt_tokens=270))
    short = lengths.shortened(request(), request(), Refused(words))
    assert 1_200 <= characters(short) <= 4 * (512 - 64)


@pytest.mark.parametrize(
    "said", [Refused("400: Bad Request"), CallFailed("no answer, but: 输入过长，请缩短后重试")], ids=str
)
def test_a_prompt_that_is_longer_than_most_that_were_answered_is_shortened_whatever_is_said(said):
    lengths = Lengths()
    assert lengths.shortened(request(), request(), said) is not None
    lengths.note(request(DOCUMENT[:2000]), Completion("Why?", prompt_tokens=520))
    assert lengths.is_longest(request(), request())
    assert lengths.shortened(request(), request(), said) is not None
    assert lengths.shortened(request(DOCUMENT[:500]), request(DOCUMENT[:500]), said) is None


@pytest.mark.parametrize(
    "words",
    [
        "ClientPayloadError: Not enough data to satisfy content length header",
        'an answer that is no JSON: {"usage": {"prompt_tokens": 7',
    ],
)
def test_half_an_answer_is_not_about_length(words):
    assert not Lengths().is_told(CallFailed(words))


def test_a_request_without_anything_to_cut_gets_fewer_tokens_for_its_answer():
    asked = Request(request("").messages, 2048)
    short = Lengths().shortened(asked, asked, CallFailed("500: too many tokens"))
    assert short == dataclasses.replace(asked, max_tokens=1024)


def test_two_answers_that_end_at_the_same_length_tell_the_context():
    lengths, asked = Lengths(), dataclasses.replace(request(), max_tokens=512)
    for prompt in (300, 280):
        lengths.shortened(asked, asked, Completion("Why", "length", prompt, 512 - prompt))
    assert lengths.fit(asked).max_tokens == 256


def test_a_server_that_ends_every_answer_after_so_many_tokens_is_not_full():
    lengths, asked = Lengths(), dataclasses.replace(request(), max_tokens=512)
    lengths.is_full(asked, Completion("Why", "length", 300, 256))
    assert not lengths.is_full(asked, Completion("Why", "length", 200, 256))
    assert lengths.fit(asked) == asked


def test_a_verdict_that_is_decided_is_whole():
    asked = Request(request().messages, 1, judge=True, room=4096, documents=(DOCUMENT,))
    assert Lengths().shortened(asked, asked, Completion("No", "length", 300, 60)) is None


def test_an_answer_that_ends_early_found_no_room():
    full = Completion("Why do mosses", "length", prompt_tokens=471, completion_tokens=41)
    short = Lengths().shortened(request(), request(), full)
    assert 0.8 * len(DOCUMENT) <= len(shown(short)) < len(DOCUMENT)
    whole = Completion("Why do mosses", "length", prompt_tokens=471, completion_tokens=64)
    assert Lengths().shortened(request(), request(), whole) is None


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
def test_a_refusal_about_something_else_shortens_nothing_that_is_not_among_the_longest(words):
    lengths = Lengths()
    lengths.note(request(DOCUMENT * 3), Completion("Why?"))
    assert lengths.shortened(request(), request(), Refused(words)) is None


def test_a_document_of_which_nothing_would_be_left_is_not_shortened():
    # a question about an empty text is no question about the document
    asked = request("Mosses drink through their leaves.")
    assert shortened(asked, TGI_TOTAL.format(prompt=9000)) is None


def test_a_prompt_does_without_what_it_can_before_little_of_its_document_is_left():
    terse = [{"role": "user", "content": f"{DOCUMENT}\n\nAsk."}]
    whole = Request([{"role": "user", "content": f"{'Kinds. ' * 200}{DOCUMENT}\n\nAsk."}], 64, documents=(DOCUMENT,))
    whole = dataclasses.replace(whole, terse=lambda: terse)
    lengths, sent, words = (
        Lengths(),
        whole,
        "400: maximum context length is 512 tokens; your prompt contains at least 513 input tokens",
    )
    for _ in range(8):
        sent = lengths.shortened(whole, sent, Refused(words))
        if sent.is_terse:
            break
    assert sent.messages[-1]["content"] == f"{sent.documents[0]}\n\nAsk."
    again = lengths.shortened(whole, sent, Refused(words))
    assert again.messages[-1]["content"] == f"{again.documents[0]}\n\nAsk."
    assert len(again.documents[0]) < len(sent.documents[0])


@pytest.mark.parametrize(
    ("words", "is_named"),
    [
        ("429: Request too large for gpt on tokens per min (TPM): Limit 1000, Requested 1200.", True),
        ("403: input length exceeds quota: max 1024 tokens", True),
        ("404: maximum context length 1024 exceeded", True),
        ("503: the prompt is longer than 4096", True),
        ("429: Rate limit reached on tokens per min (TPM): Limit 30000, Used 29900, Requested 500", False),
        (
            "429: exceeds your rate limit of 40,000 input tokens per minute: reduce the prompt length, or try again",
            False,
        ),
        ("429: Too many requests", False),
        ("429: Request rate too large", False),
        ("403: your token is not valid", False),
        ("404: The model `moss` does not exist", False),
    ],
)
def test_who_is_full_or_forbids_speaks_of_length_only_where_that_is_clear(words, is_named):
    assert Lengths().is_named(Busy(words)) is is_named
