"""The files in tgi/: the compose file is valid and reaches nobody outside this host, and `wait-ready` waits."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tgi"
COMPOSE = FOLDER / "compose.yaml"
TEXT = COMPOSE.read_text(encoding="utf-8")
EXAMPLE = dict(re.findall(r"^(\w+)=(.*)$", (FOLDER / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


def interpolate(text: str) -> str:
    """What compose makes of `${NAME}`, `${NAME:-default}` and `${NAME:?message}` with .env.example as .env."""
    found = VARIABLE.sub(lambda m: EXAMPLE.get(m[1]) or (m[3] if m[2] == ":-" else ""), text)
    return found.replace("$$", "$")


PROJECT = yaml.safe_load(interpolate(TEXT))
SERVICES = PROJECT["services"]
TGI = [name for name in SERVICES if name.startswith("tgi")]
REPLICAS = [service for service in SERVICES.values() if "replicas" in service["profiles"]]

EMBEDDERS = [service for name, service in SERVICES.items() if name.startswith("tei")]

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def devices(service: dict) -> list[dict]:
    return service["deploy"]["resources"]["reservations"]["devices"]


def check_schema(path: Path) -> subprocess.CompletedProcess:
    """Checks a file against the compose specification's schema, which check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_compose_file_is_valid():
    checked = check_schema(COMPOSE)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("profiles: [vllm]", "profile: [vllm]"), ("retries: 6", "retries: [6]"), (", capabilities: [gpu]", "")],
    ids=["unknown key", "wrong type", "device without capabilities"],
)
def test_the_check_refuses_a_mistake(tmp_path, right, wrong):
    assert right in TEXT
    (tmp_path / "compose.yaml").write_text(TEXT.replace(right, wrong), encoding="utf-8")
    assert check_schema(tmp_path / "compose.yaml").returncode == 1


@each_service
def test_ports_are_published_on_loopback_only(service):
    assert service["ports"]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])
    assert "network_mode" not in service  # it would pass by the addresses of `ports`


@each_service
def test_the_image_has_a_version(service):
    assert re.search(r":(?:v|cuda-|cpu-)?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", service["image"])


def test_every_image_can_be_pinned_by_digest():
    assert re.findall(r"image: \$\{(\w+):-", TEXT) == ["TGI_IMAGE", "VLLM_IMAGE", "TEI_IMAGE", "TEI_CPU_IMAGE"]
    assert TEXT.count("image: ") == 4


@each_service
def test_a_service_has_a_gpu_memory_and_a_profile(service):
    assert (service["shm_size"], len(service["profiles"])) == ("1g", 1)
    if service is not SERVICES["tei-cpu"]:
        assert [(device["driver"], device["capabilities"]) for device in devices(service)] == [("nvidia", ["gpu"])]


@each_service
def test_a_service_is_not_root_and_has_no_capability(service):
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & set(service)


@each_service
def test_a_service_sees_one_folder_of_this_host_which_must_be_there(service):
    assert [volume["target"] for volume in service["volumes"]] == ["/data"]
    assert service["volumes"][0]["bind"]["create_host_path"] is False


@each_service
def test_token_and_key_are_secret_files_and_in_no_environment(service):
    assert service["secrets"] == ["hf_token", "teacher_key"]
    assert PROJECT["secrets"] == {name: {"file": "/dev/null"} for name in service["secrets"]}
    assert not [name for name in service["environment"] if "TOKEN" in name or "KEY" in name]


@each_service
@pytest.mark.parametrize(("token", "key"), [("hf_moss", "moss"), ("", "")], ids=["both", "none"])
def test_the_entry_point_hands_the_secrets_to_the_server_alone(service, tmp_path, token, key):
    shell, option, script, name = service["entrypoint"]
    for program in ("text-generation-launcher", "vllm", "text-embeddings-router"):
        stand_in = tmp_path / program
        stand_in.write_text('#!/bin/sh\necho "$HF_TOKEN,$API_KEY$VLLM_API_KEY,$*"\n')
        stand_in.chmod(0o755)
    (tmp_path / "hf_token").write_text(token)
    (tmp_path / "teacher_key").write_text(key)
    command = [shell, option, script.replace("/run/secrets", str(tmp_path)), name, "--port", "1"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert done.stdout.strip().replace("serve ", "") == f"{token},{key},--port 1"


@each_service
def test_the_health_check_asks_health_and_gives_the_first_start_half_an_hour_at_least(service):
    assert "/health" in service["healthcheck"]["test"][-1]
    number, unit = re.fullmatch(r"(\d+)([smh])", service["healthcheck"]["start_period"]).groups()
    assert int(number) * {"s": 1, "m": 60, "h": 3600}[unit] >= 1800


def test_no_server_sends_usage_statistics():
    assert all("--usage-stats off" in SERVICES[name]["command"] for name in TGI)
    assert SERVICES["vllm"]["environment"]["VLLM_NO_USAGE_STATS"] == "1"


@each_service
def test_model_and_revision_come_from_the_environment_file(service):
    of = "EMBEDDER" if service in EMBEDDERS else "MODEL"
    assert EXAMPLE[f"{of}_ID"] in service["command"]
    assert f"--revision {EXAMPLE[f'{of}_REVISION']}" in service["command"]


def test_the_embedders_cut_long_texts_as_the_local_one_does():
    assert [service["environment"]["AUTO_TRUNCATE"] for service in EMBEDDERS] == ["true", "true"]


def test_the_example_picks_a_profile_that_is_there():
    assert EXAMPLE["COMPOSE_PROFILES"] in {profile for service in SERVICES.values() for profile in service["profiles"]}


def test_every_replica_has_a_gpu_of_its_own():
    assert len(REPLICAS) >= 2
    ids = [name for service in REPLICAS for device in devices(service) for name in device["device_ids"]]
    assert ids == [str(index) for index in range(len(REPLICAS))]


def test_no_two_services_share_a_port():
    ports = [
        port.split(":")[1] for name, service in SERVICES.items() if name != "tei-cpu" for port in service["ports"]
    ]
    assert len(ports) == len(set(ports))


def test_every_variable_has_a_default_or_is_in_the_example_and_those_there_are_used():
    assert set(EXAMPLE) - {"COMPOSE_PROFILES"} == {name for name, _, _ in VARIABLE.findall(TEXT)}
    assert [name for name, sign, _ in VARIABLE.findall(TEXT) if sign != ":-" and not EXAMPLE.get(name)] == []
    defaults = {name: default for name, sign, default in VARIABLE.findall(TEXT) if sign == ":-"}
    assert defaults == {name: EXAMPLE[name] for name in defaults}


@pytest.mark.parametrize(
    "path", [path for path in sorted(FOLDER.iterdir()) if path.is_file() and path.name != ".env"], ids=lambda p: p.name
)
def test_no_file_holds_a_token(path):
    assert not re.search(r'hf_[A-Za-z0-9]{16,}|HF_TOKEN *[=:] *[^\s$#,"]', path.read_text(encoding="utf-8"))


def test_git_ignores_the_environment_file_and_the_weights():
    assert {"tgi/.env", "tgi/weights/"} <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())


@contextmanager
def serve(*statuses: int) -> Iterator[str]:
    """A server on loopback that answers /health with these, and the last one from then on; gives its URL."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status = (left.pop(0) if len(left) > 1 else left[0]) if self.path == "/health" else 404
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a port that is taken and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def wait_ready(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [str(FOLDER / "wait-ready"), "--pause", "0.01", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def test_waiting_ends_when_the_server_is_ready_and_prints_a_line_for_each_change():
    with serve(503, 503, 200) as url:
        done = wait_ready(f"{url}/v1/", "--limit", "30")  # as teacher.base_url may have it
    said = [line.split("  ")[-1] for line in done.stdout.splitlines()]
    assert (done.returncode, said) == (0, [f"{url} answers 503", f"{url} is ready"])


def test_waiting_ends_at_the_limit_when_nobody_listens_and_tells_where_to_look():
    with nobody() as url:
        done = wait_ready(url, "--limit", "0.1")
    assert (done.returncode, "docker compose logs" in done.stderr) == (1, True)


def test_waiting_needs_every_server_and_a_404_is_not_ready():
    with serve(200) as ready, serve(404) as missing:
        assert wait_ready(ready, missing, "--limit", "0").returncode == 1


def test_a_proxy_does_not_stand_before_the_server():
    with serve(200) as url, nobody() as proxy:
        assert wait_ready(url, "--limit", "0", http_proxy=proxy, no_proxy="").returncode == 0


def test_an_address_without_scheme_is_refused():
    assert wait_ready("127.0.0.1:8080").returncode == 2
