"""The teacher's key: from one named variable, and a Hugging Face token goes to Hugging Face alone."""

import pytest
from huggingface_hub import constants

from fanno_hf.errors import UserError
from fanno_hf.teacher.credentials import api_key, check_no_secret

OURS = ["http://127.0.0.1:8080"]
HUGGING_FACE = (
    "https://huggingface.co/api",
    "https://router.huggingface.co/v1",
    "https://abc.us-east-1.aws.endpoints.huggingface.cloud",
    "https://HuggingFace.co",
)


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    """No token anywhere; returns a function that saves one in the token file."""
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "TEACHER_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_STORED_TOKENS_PATH", str(tmp_path / "stored_tokens"))
    return lambda token: (tmp_path / "token").write_text(token)


def test_a_saved_token_is_not_taken_for_the_key(nobody_is_logged_in):
    nobody_is_logged_in("hf_saved")
    assert api_key(None, OURS) is None


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_without_a_value_is_named(monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("TEACHER_KEY", value)
    with pytest.raises(UserError, match="^teacher.api_key_env=TEACHER_KEY: this environment variable is not set$"):
        api_key("TEACHER_KEY", OURS)


@pytest.mark.parametrize(
    "key",
    ["hf_abcdefghijklmnopqrstuvwxyz", "sk_live_4eC39HqLyjWD", "AKIAIOSFODNN7EXAMPLE", "sk-open-sesame", "a" * 32],
)
def test_a_key_that_was_given_as_the_name_is_not_shown(key):
    with pytest.raises(UserError, match="teacher.api_key_env") as raised:
        api_key(key, OURS)
    assert key not in str(raised.value)


@pytest.mark.parametrize("value", ["sk-open\r\nX-Evil: 1", "sk-open-sesame\n", "sk open", "sk-öffne", "sk-\x7f"])
def test_what_cannot_be_a_key_is_refused(monkeypatch, value):
    monkeypatch.setenv("TEACHER_KEY", value)
    with pytest.raises(UserError, match="teacher.api_key_env=TEACHER_KEY: its value holds"):
        api_key("TEACHER_KEY", OURS)


@pytest.mark.parametrize("value", ["sk-secret\n", "hf_secret"])
def test_a_refusal_does_not_show_the_value(monkeypatch, value):
    monkeypatch.setenv("HF_TOKEN", value)
    with pytest.raises(UserError) as raised:
        api_key("HF_TOKEN", OURS)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("variable", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_the_variables_of_hugging_face_go_to_no_other_host_nor_does_their_value_under_another_name(
    monkeypatch, variable
):
    monkeypatch.setenv(variable, "hf_given")
    monkeypatch.setenv("TEACHER_KEY", "hf_given")
    with pytest.raises(UserError, match=f"{variable} holds a Hugging Face token, and {OURS[0]} is not"):
        api_key(variable, OURS)
    with pytest.raises(UserError, match="holds a Hugging Face token"):
        api_key("TEACHER_KEY", OURS)


@pytest.mark.parametrize("in_use", ["", "hf_given"])
def test_a_saved_token_goes_to_no_other_host_even_while_another_one_is_in_use(
    monkeypatch, nobody_is_logged_in, in_use
):
    nobody_is_logged_in("hf_saved\n")
    monkeypatch.setenv("HF_TOKEN", in_use)
    monkeypatch.setenv("TEACHER_KEY", "hf_saved")
    with pytest.raises(UserError, match="holds a Hugging Face token"):
        api_key("TEACHER_KEY", OURS)


@pytest.mark.parametrize("url", HUGGING_FACE)
def test_hugging_face_gets_its_own_token(monkeypatch, url):
    monkeypatch.setenv("HF_TOKEN", "hf_given")
    assert api_key("HF_TOKEN", [url]) == "hf_given"


def test_one_stranger_among_the_servers_is_enough_to_refuse(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_given")
    with pytest.raises(UserError, match="http://127.0.0.1:8080 is not Hugging Face's"):
        api_key("HF_TOKEN", [*HUGGING_FACE, *OURS])


@pytest.mark.parametrize(
    "url",
    [
        *("https://huggingface.co.example.com", "https://nothuggingface.co", "https://huggingface.co@example.com"),
        *(f"https://example.com{sign}huggingface.co" for sign in "/#?"),
    ],
)
def test_a_host_that_only_looks_like_hugging_face_is_a_stranger(monkeypatch, url):
    monkeypatch.setenv("HF_TOKEN", "hf_given")
    with pytest.raises(UserError, match="is not Hugging Face's"):
        api_key("HF_TOKEN", [url])


def test_another_key_goes_anywhere_although_somebody_is_logged_in(monkeypatch, nobody_is_logged_in):
    nobody_is_logged_in("hf_saved")
    monkeypatch.setenv("TEACHER_KEY", "sk-open-sesame")
    assert api_key("TEACHER_KEY", OURS) == "sk-open-sesame"


@pytest.mark.parametrize(
    "value", [1234567890123456, 0, 1.5, True, ["sk-open-sesame"], "sk-open-sesame", "my key", "9KEY"]
)
def test_a_key_in_the_place_of_its_name_is_not_repeated(value):
    with pytest.raises(UserError, match="takes the NAME of an environment variable") as raised:
        api_key(value, ["http://127.0.0.1:1"])
    assert str(value) not in str(raised.value)


KEY = "zq9-Kx7VbN2mW8tR"


@pytest.mark.parametrize(
    "value",
    [
        *(f"My key is {KEY}, keep it", " ".join(KEY), {"top_k": 20, "note": f"Bearer {KEY}"}, {KEY: 1}),
        *(
            {"authorization": "Bearer abcdefgh1234"},
            {"api_key": "open-sesame-4711"},
            {"headers": [{"X-API-Key": "a" * 20}]},
        ),
        *({"nested": {"token": "open-sesame-4711"}}, {"access_token": "open-sesame"}, {"Password": 123456789}),
    ],
    ids=str,
)
def test_a_setting_that_would_publish_a_key_is_refused(monkeypatch, value):
    monkeypatch.setenv("TEACHER_KEY", KEY)
    api_key("TEACHER_KEY", OURS)
    with pytest.raises(
        UserError, match="^judge.extra_body holds what seems to be a key, .* judge.api_key_env"
    ) as raised:
        check_no_secret("judge.extra_body", value)
    assert KEY not in str(raised.value) and "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "You are the helper, and speak of tokens, keys and passwords.", {"top_k": 20, "max_tokens": 512}),
        *({"stop_token": "<|im_end|>", "token": "</s>"}, {"api_key": "none"}, {"skip_special_tokens": False}),
        {"lora": "hf_Llama31Instruct8B", "chat_template_kwargs": {"enable_thinking": False}},
    ],
    ids=str,
)
def test_a_setting_without_one_is_not(monkeypatch, value):
    monkeypatch.setenv("TEACHER_KEY", "the")
    api_key("TEACHER_KEY", OURS)
    check_no_secret("teacher.system", value)
