"""A run, and a Hub on the loopback interface to push it to."""

import shutil
from contextlib import contextmanager
from functools import cache

import pytest
from datasets.utils import disable_progress_bars, enable_progress_bars

from fanno_hf.cli.configuration import resolve
from fanno_hf.hub import access
from fanno_hf.hub.publish import publish
from fanno_hf.settings import Settings
from tests.conftest import SMALL, compose_config, small_run
from tests.doubles.hub import HubServer, pointed_at

TOKEN = "hf_SecretOfTheLoopbackHub"
REPO = "tester/fanno"


@cache
def _composed():
    return resolve(compose_config(*SMALL))


def config_of(run, **hub):
    """The settings of a small run, with some of the group `hub`."""
    resolved = _composed().resolved
    return Settings.of({**resolved, "run": str(run), "hub": {**resolved["hub"], "repo_id": REPO, **hub}})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run with every stage; not to be written to."""
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run with the first stage alone: what faults are tried on."""
    return small_run(tmp_path_factory.mktemp("begun"), "stage=prescreen").path


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    """A run with two stages: what tags and tables are tried on."""
    folder = tmp_path_factory.mktemp("halfway")
    small_run(folder, "stage=prescreen")
    return small_run(folder, "stage=seed").path


@pytest.fixture
def folder(request, tmp_path):
    """A copy of a run, called demo: the whole one, or the one that a test names as `folder` indirectly."""
    return shutil.copytree(request.getfixturevalue(getattr(request, "param", "made")), tmp_path / "demo")


@contextmanager
def loopback_hub(home):
    """Gives a Hub that everything talks to, with its caches in `home`; and the seconds our own code would have waited."""
    waited = []
    with HubServer(token=TOKEN) as running, pytest.MonkeyPatch.context() as patch:
        pointed_at(running, patch, home, token=TOKEN)
        patch.setattr(access, "sleep", waited.append)
        disable_progress_bars()
        yield running, waited
        enable_progress_bars()
        assert running.unknown == []


@pytest.fixture
def hub(tmp_path):
    """A Hub with nothing in it yet."""
    with loopback_hub(tmp_path / "home") as (running, waited):
        running.waited = waited
        yield running


@pytest.fixture
def waits(hub):
    """Seconds that our own code would have waited."""
    return hub.waited


@pytest.fixture
def push(folder, waits):
    """A function that does stage=publish of the run, with settings of the group `hub`."""
    return lambda **hub: publish(config_of(folder, **hub))
