"""HF_ENDPOINT: what is secret in it is repeated by nobody, and one that is none, or where nobody listens, is said in words."""

import socket

import pytest
from huggingface_hub import constants

from fanno_hf.errors import FannoError, UserError
from fanno_hf.hub.access import Hub
from fanno_hf.hub.fetch import fetch
from fanno_hf.hub_token import hub_endpoint, hub_words, shown_endpoint
from fanno_hf.output.folder import RunFolder
from fanno_hf.sources.hub import HubSource
from fanno_hf.sources.named import reference_documents, reference_items
from tests.hub.conftest import TOKEN

SECRET = "Vq7xT2mZp9RkW4sLbN8d"


def _fetched(tmp_path):
    folder = RunFolder(tmp_path / "run")
    try:
        fetch("me/x@a", ["seed"], ["seed"], folder, 0)
    finally:
        folder.close()


CALLS = {
    "data": lambda _: next(HubSource("me/x").documents()),
    "what the card says of the data": lambda _: HubSource("me/x").about(),
    "benchmarks": lambda _: next(reference_items("me/x", "decontamination.benchmarks")),
    "against": lambda _: next(reference_documents("me/x", "stages.prescreen.against")),
    "hub.from": _fetched,
    "a call": lambda _: Hub(0).call("hub.repo_id=me/x", Hub(0).api.dataset_info, "me/x"),
}


@pytest.fixture
def port(hub) -> str:
    """The port of a Hub that has nothing."""
    return hub.url.rpartition(":")[2]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    "address", ["http://u:{}@127.0.0.1:{}", "http://{}@127.0.0.1:{}", "http://u:{}%40@127.0.0.1:{}"]
)
def test_a_password_in_the_address_is_not_repeated(hub, port, monkeypatch, tmp_path, call, address):
    monkeypatch.setattr(constants, "ENDPOINT", address.format(SECRET, port))
    with pytest.raises(FannoError) as caught:
        call(tmp_path)
    assert SECRET not in str(caught.value)
    assert "me/x" in str(caught.value)


NO_ADDRESSES = ["u:{}@127.0.0.1:9", "http:u:{}@127.0.0.1:9", "http://127.0.0.1:{}", "{}", "ftp://{}", "http://[{}"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_said_and_not_repeated(hub, monkeypatch, tmp_path, call, address):
    monkeypatch.setattr(constants, "ENDPOINT", address.format(SECRET))
    with pytest.raises(UserError, match=r"^HF_ENDPOINT is no address: give that of a Hub, as in HF_ENDPOINT=https://"):
        call(tmp_path)
    assert SECRET not in shown_endpoint()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_hub_that_is_not_there_is_said(hub, monkeypatch, tmp_path, call):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(FannoError, match="me/x.* (cannot be loaded|failed) .*refused"):
            call(tmp_path)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_token_is_not_repeated_where_the_hub_quotes_it(hub, monkeypatch, tmp_path, call):
    def quote(*_, **__):
        raise ValueError(f"no luck with Bearer {TOKEN}")

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", quote)
    with pytest.raises(FannoError, match="no luck with") as caught:
        call(tmp_path)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://huggingface.co", "https://huggingface.co"),
        ("http://127.0.0.1:8000/hub", "http://127.0.0.1:8000/hub"),
        ("http://me:pw@hub.example:80", "http://hub.example:80"),
        (f"http://hub.example/?token={SECRET}", "http://hub.example/"),
        (f"http://hub.example/#{SECRET}", "http://hub.example/"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(monkeypatch, address, shown):
    monkeypatch.setattr(constants, "ENDPOINT", address)
    assert (hub_endpoint(), shown_endpoint()) == (address, shown)
    assert SECRET not in hub_words(f"404 for {address}/api/datasets/me/x, {SECRET[:12]}")


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_said_before_anything_reads_it(monkeypatch, cli, address):
    monkeypatch.setenv("HF_ENDPOINT", address.format(SECRET))
    said = "HF_ENDPOINT is no address: give that of a Hub, as in HF_ENDPOINT=https://huggingface.co"
    assert cli("stage=diff", "diff.a=one", "diff.b=me/x") == (2, f"{said}\n")
