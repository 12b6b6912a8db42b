"""The Hub double without its sockets: what a test does to it, what it keeps of the requests, and its faults."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tests.doubles.hub_routes import MESSAGES, ROUTES, Call, Response, Routes, blobs, error_response
from tests.doubles.hub_store import Commit, Refused, Repository


class Received(NamedTuple):
    """One request as it came in; header names in lower case; status 0 where the connection was dropped."""

    method: str
    path: str
    headers: dict[str, str]
    status: int
    route: str
    body: bytes


@dataclass
class Fault:
    """See `Hub.fault`."""

    status: int | str
    times: int
    skip: int
    retry_after: int | None
    after: bool


class Hub:
    """The Hub without its sockets.

    Args:
        token: the only one that is accepted; None lets everybody do everything.
        user: to whom the token belongs.

    Attributes:
        requests: all so far, see `Received`.
        unknown: method and path of the requests that this double does not know.
    """

    def __init__(self, token: str | None = None, user: str = "tester"):
        self.routes = Routes(token, user)
        self.requests: list[Received] = []
        self.unknown: list[tuple[str, str]] = []
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._lock = threading.RLock()

    # what a test does and looks at

    def create(self, repo: str, private: bool = False) -> None:
        """Creates a repository."""
        with self._lock:
            self.routes.repos[repo] = Repository(repo, private)

    def commit(self, repo: str, revision: str, files: Mapping[str, bytes], message: str = "By somebody else") -> str:
        """Commits files to a branch, which begins at main if it is new, and returns the commit's oid."""
        with self._lock:
            found = self.routes.repos[repo]
            found.branches.setdefault(revision, found.branches["main"])
            return found.write(revision, blobs(files), message).oid

    def fault(
        self,
        route: str,
        status: int | str,
        *,
        times: int = 1,
        skip: int = 0,
        retry_after: int | None = None,
        after: bool = False,
    ) -> None:
        """Lets requests fail.

        Args:
            route: one of `ROUTES`.
            status: of the answer; or "lost", the connection closes without one; or "truncated": of an upload only half
                is read, of a file ("resolve") half is sent, then the connection closes.
            times: so many requests fail.
            skip: so many are served before.
            retry_after: seconds for the header Retry-After.
            after: the request is served and only then answered with the status or lost.
        """
        if route not in ROUTES or (status == "truncated" and route not in ("upload", "resolve")):
            raise ValueError(f"no fault {status!r} for {route!r}")
        with self._lock:
            self._faults[route].append(Fault(status, times, skip, retry_after, after))

    def conflict(self, repo: str, revision: str, path: str, content: bytes) -> None:
        """Lets somebody else commit a file right before the next commit to this branch is handled."""
        with self._lock:
            self.routes.conflicts.append((repo, revision, blobs({path: content})))

    def count(self, route: str, status: int | None = None) -> int:
        """Returns how many requests there were so far, with this status or with any."""
        return sum(one.route == route and status in (None, one.status) for one in list(self.requests))

    def repositories(self) -> dict[str, bool]:
        """Returns which there are and whether they are private."""
        with self._lock:
            return {name: repo.private for name, repo in self.routes.repos.items()}

    def commits(self, repo: str, revision: str = "main") -> list[Commit]:
        """Returns the commits up to a revision, newest first: `oid`, `message`, `files`."""
        with self._lock:
            return self.routes.repos[repo].history(revision)

    def files(self, repo: str, revision: str = "main") -> dict[str, bytes]:
        """Returns the files of a revision."""
        return self.commits(repo, revision)[0].files

    def branches(self, repo: str) -> dict[str, str]:
        """Returns the branches and their last commits."""
        with self._lock:
            return dict(self.routes.repos[repo].branches)

    def tags(self, repo: str) -> dict[str, str]:
        """Returns the tags and their commits."""
        with self._lock:
            return dict(self.routes.repos[repo].tags)

    # what the server calls

    def next_fault(self, route: str) -> Fault | None:
        """Returns what is to go wrong with a request."""
        with self._lock:
            for fault in self._faults[route]:
                if fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def answer(self, call: Call, headers: Mapping[str, str], body: bytes, fault: Fault | None) -> Response | None:
        """Serves a request as far as the fault lets it. None: the connection is to be closed without an answer."""
        response = self._serve(call, headers, body) if fault is None or fault.after else None
        if fault is None:
            return response
        if fault.status == "truncated":
            response = self._serve(call, headers, body)
            response.truncated = response.status < 300
            return response
        return None if fault.status == "lost" else _failed(call.route, fault)

    def _serve(self, call: Call, headers: Mapping[str, str], body: bytes) -> Response:
        with self._lock:
            return self.routes.serve(call, headers, body)

    def record(self, received: Received) -> None:
        """Keeps a request, before whoever sent it gets to know the answer."""
        with self._lock:
            self.requests.append(received)
            if received.route == "unknown":
                self.unknown.append((received.method, received.path))


def _failed(route: str, fault: Fault) -> Response:
    message = MESSAGES.get(fault.status, "As the test asked")
    if (route, fault.status) == ("create", 409):
        message = "Cannot create repo: another conflicting operation is in progress"
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return error_response(Refused(fault.status, message, "", headers))
