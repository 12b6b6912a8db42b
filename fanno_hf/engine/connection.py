"""The connection to Ray: a cluster is joined, or one of this machine is started, and nothing of it stays behind.

A Ray started here wants a token that is made for it and that no file has: whoever else uses this machine or its network cannot hand it
work, and a later `ray start` finds what it would have found before.
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from secrets import token_hex
from typing import Any

from fanno_hf.errors import UserError, causes

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
_ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}  # "0": it listens on the loopback alone
_PATIENCE = 10.0  # seconds until a head has taken a connection
_OURS = threading.Event()  # set while it is a run of ours that is connected


@contextmanager
def connected(address: str | None, *, talks: bool) -> Iterator[Any]:
    """Yields the module `ray`, connected. What is started here ends with it; a program that is connected already stays so.

    Args:
        address: `engine.address`.
        talks: whether what its processes print is printed here, too.

    Raises UserError where no cluster answers, or it refuses this process.
    """
    if is_connected():
        yield sys.modules["ray"]
        return
    with _environment(_QUIET if address else {**_QUIET, **_ALONE, "RAY_AUTH_TOKEN": token_hex(32)}):
        import ray

        _read_again()
        _connect(ray, address, talks)
        _OURS.set()
        try:
            yield ray
        finally:
            ray.shutdown()
            _OURS.clear()


def is_connected() -> bool:
    """Whether the program has called `ray.init` itself."""
    return not _OURS.is_set() and "ray" in sys.modules and sys.modules["ray"].is_initialized()


@contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    """Sets variables that are not set. In the end all of Ray's are as they were: it sets more of them itself."""
    before = dict(os.environ)
    for name, value in given.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name in {*before, *os.environ}:
            if name.startswith("RAY_") or name == "PYTHONBREAKPOINT":
                os.environ.pop(name, None)
                os.environ.update({name: before[name]} if name in before else {})
        if "ray" in sys.modules:
            _read_again()


def _read_again() -> None:
    """Lets Ray read its variables: it has kept what it found when it was imported, or used before."""
    from ray._raylet import AuthenticationTokenLoader, Config

    Config.initialize("")  # first: a thread that still sends something wants a token while it says so
    AuthenticationTokenLoader.instance().reset_cache()


def _connect(ray: Any, address: str | None, talks: bool) -> None:
    in_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if address and (place := _place_of(ray, address)):
            knock(address, place)
        ray.init(
            address or "local",
            **({} if address else {"include_dashboard": False}),
            log_to_driver=talks,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.AuthenticationError) as error:
        raise UserError(why(address, error)) from error
    finally:
        if in_main:  # Ray takes it, and ours lets the run close its files
            signal.signal(signal.SIGTERM, handler)


def _place_of(ray: Any, address: str) -> str | None:
    """Returns what Ray makes of an address, host:port; None where it makes nothing of it, or a newer Ray does not say."""
    try:
        return ray._private.services.canonicalize_bootstrap_address(address)
    except AttributeError:
        return None


def knock(address: str, place: str) -> None:
    """Raises UserError where nothing listens at a place, host:port: what `engine.address` says, or what Ray makes of it.

    Ray itself would try for a quarter of an hour.
    """
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise UserError(why(address, ConnectionError(f"{place}: {error}"))) from error


def why(address: str | None, error: Exception) -> str:
    """Returns in words why there is no connection."""
    words = " ".join(str(error).split())[:300]
    if not address:
        return f"engine.address=null: Ray does not start here ({words}): look at /tmp/ray/session_latest/logs"
    if any("AuthenticationError" in f"{type(cause)} {cause}" for cause in causes(error)):
        return (
            f"engine.address={address}: the cluster wants its token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or ~/.ray/auth_token "
            "to what its nodes have"
        )
    if isinstance(error, ConnectionError):
        return f"engine.address={address}: no Ray cluster answers ({words}): start one (`ray start --head`), or give engine.address=null"
    return f"engine.address={address}: the cluster does not take this process ({words})"
