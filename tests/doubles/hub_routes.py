"""What the Hub double answers to whom: its routes and the rights of a token. No faults and no sockets in here."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import yaml

from tests.doubles.hub_store import Blob, Commit, Refused, Repository, card_data, is_large

_REPO = "(?P<repo>[^/]+/[^/]+|[^/]+)"
_API = f"/api/(?:datasets|models)/{_REPO}"
_REVISION = "(?P<revision>[^/]+)"
_FILE = f"/datasets/{_REPO}/resolve/{_REVISION}/(?P<path>.+)"
_ROUTES = {
    "create": ("POST", "/api/repos/create"),
    "validate": ("POST", "/api/validate-yaml"),
    "refs": ("GET", f"{_API}/refs"),
    "info": ("GET", f"{_API}(/revision/{_REVISION})?"),
    "branch": ("POST", f"{_API}/branch/{_REVISION}"),
    "tag": ("POST", f"{_API}/tag/{_REVISION}"),
    "delete_tag": ("DELETE", f"{_API}/tag/{_REVISION}"),
    "preupload": ("POST", f"{_API}/preupload/{_REVISION}"),
    "commit": ("POST", f"{_API}/commit/{_REVISION}"),
    "tree": ("GET", f"{_API}/tree/{_REVISION}(/(?P<path>.+))?"),
    "lfs_batch": ("POST", rf"(?:/datasets)?/{_REPO}\.git/info/lfs/objects/batch"),
    "verify": ("POST", rf"(?:/datasets)?/{_REPO}\.git/info/lfs/verify"),
    "upload": ("PUT", f"/lfs/{_REPO}/(?P<oid>[0-9a-f]{{64}})"),
    "resolve": ("GET", _FILE),
    "head": ("HEAD", _FILE),
}
ROUTES = frozenset(_ROUTES)
"""What a fault can be put on; "head" and "resolve" are one path with two methods."""

_PATTERNS = [(name, method, re.compile(pattern)) for name, (method, pattern) in _ROUTES.items()]
_FREE = frozenset({"validate", "upload"})  # whoever has the address of an upload may use it, without a token
_READS = frozenset({"info", "refs", "tree", "resolve", "head"})
MESSAGES = {
    409: "Another conflicting operation is in progress, please retry",
    412: "A commit has happened since. Please refresh and try again.",
    429: "Too Many Requests: you have reached your 'api' rate limit.",
    500: "Internal Error - We're working hard to fix this as soon as possible!",
    503: "Service Unavailable",
}


class Call(NamedTuple):
    """A request before its body is read: the route, and what its path and query say."""

    route: str
    arguments: dict[str, str]
    query: dict[str, list[str]]


@dataclass
class Response:
    """An answer; of a truncated one only the first half is sent."""

    status: int = 200
    content: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    truncated: bool = False


class Routes:
    """The Hub as its clients see it. It takes one request at a time.

    Args:
        token: the only one that is accepted; None lets everybody do everything.
        user: to whom the token belongs.

    Attributes:
        url: where it can be reached.
        repos: by their names.
        conflicts: repository, branch and files of commits that come right before the next one to that branch.
    """

    def __init__(self, token: str | None, user: str):
        self.token, self.user, self.url = token, user, ""
        self.repos: dict[str, Repository] = {}
        self.conflicts: list[tuple[str, str, dict[str, Blob]]] = []

    def find(self, method: str, target: str) -> Call:
        """Returns which route a request is for; that of an unknown one is "unknown"."""
        path, _, query = target.partition("?")
        calls = []
        for route, verb, pattern in _PATTERNS:
            if verb == method and (found := pattern.fullmatch(path)):
                arguments = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
                calls.append(Call(route, arguments, parse_qs(query)))
        # of `…/datasets/owner/refs` both readings are possible
        known = [call for call in calls if call.arguments.get("repo") in self.repos]
        return (known or calls or [Call("unknown", {}, {})])[0]

    def serve(self, call: Call, headers: Mapping[str, str], body: bytes) -> Response:
        """Does what a request asks for."""
        try:
            if call.route == "unknown":
                raise Refused(501, "The double of the Hub does not know this route")
            self._check_token(call, headers.get("authorization", ""))
            if call.route in ("resolve", "head"):
                return self._resolve(self._repo(call), call.arguments, headers.get("range", ""))
            if call.route == "upload":
                return self._upload(self._repo(call), call.arguments["oid"], body)
            answer = getattr(self, f"_{call.route}")(call, _parsed(headers.get("content-type", ""), body))
            status, answer = answer if isinstance(answer, tuple) else (200, answer)
            return Response(status, json.dumps(answer, default=str).encode(), {"Content-Type": "application/json"})
        except Refused as error:
            return error_response(error)

    def _check_token(self, call: Call, authorization: str) -> None:
        given = authorization.removeprefix("Bearer ")
        if self.token is None or call.route in _FREE or given == self.token:
            return
        if given:
            raise Refused(403, "You don't have the rights to do this with the token you use")
        if call.route not in _READS:
            raise Refused(401, "Invalid username or password.")
        if self._repo(call).private:
            raise Refused(401, "Invalid username or password.", "RepoNotFound")

    def _repo(self, call: Call) -> Repository:
        name = call.arguments["repo"]
        if name not in self.repos:
            raise Refused(404, "Repository not found", "RepoNotFound")
        return self.repos[name]

    def _create(self, _call: Call, body: Any) -> Any:
        name = f"{body.get('organization') or self.user}/{body['name']}"
        url = f"{self.url}/datasets/{name}"
        if name in self.repos:
            raise Refused(409, "You already created this dataset repo", url=url)
        self.repos[name] = Repository(name, body.get("visibility") == "private")
        return {"url": url, "name": name, "id": name}

    def _validate(self, _call: Call, body: Any) -> Any:
        try:
            known = card_data(body["content"])
        except yaml.YAMLError as error:
            return 400, {"errors": [{"message": str(error)}], "warnings": []}
        warnings = [] if known else [{"message": "empty or missing yaml metadata in repo card"}]
        return {"errors": [], "warnings": warnings}

    def _info(self, call: Call, _body: Any) -> Any:
        return self._repo(call).info(call.arguments.get("revision", "main"))

    def _refs(self, call: Call, _body: Any) -> Any:
        repo = self._repo(call)
        branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": oid} for n, oid in repo.branches.items()]
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in repo.tags.items()]
        return {"branches": branches, "tags": tags, "converts": [], "pullRequests": []}

    def _branch(self, call: Call, body: Any) -> Any:
        repo, name = self._repo(call), call.arguments["revision"]
        if name in repo.branches:
            raise Refused(409, f"Reference already exists: {name}")
        repo.branches[name] = repo.at(body.get("startingPoint") or "main").oid
        return 201, {}

    def _tag(self, call: Call, body: Any) -> Any:
        repo, name = self._repo(call), body["tag"]
        if name in repo.tags:
            raise Refused(409, f"Tag reference exists already: {name}")
        repo.tags[name] = repo.at(call.arguments["revision"]).oid
        return 201, {}

    def _delete_tag(self, call: Call, _body: Any) -> Any:
        if self._repo(call).tags.pop(call.arguments["revision"], None) is None:
            raise Refused(404, "No such tag", "RevisionNotFound")
        return {}

    def _tree(self, call: Call, _body: Any) -> Any:
        recursive = call.query.get("recursive", ["false"])[0].lower() in ("1", "true")
        folder = call.arguments.get("path", "").strip("/")
        return self._repo(call).tree(call.arguments["revision"], folder, recursive)

    def _preupload(self, call: Call, body: Any) -> Any:
        blobs = self._repo(call).at(call.arguments["revision"]).blobs
        files = []
        for file in body["files"]:
            mode = "lfs" if is_large(file["path"], file["size"]) else "regular"
            known = {"oid": blobs[file["path"]].oid} if file["path"] in blobs else {}
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **known})
        return {"files": files}

    def _lfs_batch(self, call: Call, body: Any) -> Any:
        repo, objects = self._repo(call), []
        for item in body["objects"]:
            known = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in repo.objects:
                repo.announced.add(item["oid"])
                upload = {"href": f"{self.url}/lfs/{repo.id}/{item['oid']}"}
                verify = {"href": f"{self.url}/datasets/{repo.id}.git/info/lfs/verify"}
                known["actions"] = {"upload": upload, "verify": verify}
            objects.append(known)
        return {"transfer": "basic", "objects": objects}

    def _upload(self, repo: Repository, oid: str, body: bytes) -> Response:
        if oid not in repo.announced:
            raise Refused(403, "SignatureDoesNotMatch")
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refused(400, "BadDigest: the content does not have this SHA-256")
        repo.objects[oid] = body
        return Response(content=b"")

    def _verify(self, call: Call, body: Any) -> Any:
        content = self._repo(call).objects.get(body["oid"])
        if content is None or len(content) != body["size"]:
            raise Refused(404, "Object does not exist or has another size")
        return {}

    def _commit(self, call: Call, lines: Any) -> Any:
        repo, branch = self._repo(call), call.arguments["revision"]
        self._let_others_commit(repo, branch)
        header, head = lines[0]["value"], repo.head(branch)
        if header.get("parentCommit", head.oid) != head.oid:
            raise Refused(412, MESSAGES[412])
        changes: dict[str, Blob | None] = {}
        for line in lines[1:]:
            changes.update(_changes(repo, head, line["key"], line["value"]))
        message = "\n\n".join(filter(None, (header["summary"], header.get("description"))))
        oid = repo.write(branch, changes, message).oid
        return {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/datasets/{repo.id}/commit/{oid}"}

    def _let_others_commit(self, repo: Repository, branch: str) -> None:
        for conflict in self.conflicts:
            if conflict[:2] == (repo.id, branch):
                self.conflicts.remove(conflict)
                repo.write(branch, conflict[2], "By somebody else")
                return

    def _resolve(self, repo: Repository, arguments: Mapping[str, str], wanted: str) -> Response:
        commit, path = repo.at(arguments["revision"]), arguments["path"]
        headers = {"X-Repo-Commit": commit.oid}
        if path not in commit.blobs:
            raise Refused(404, "Entry not found", "EntryNotFound", headers)
        blob = commit.blobs[path]
        headers |= {"ETag": f'"{blob.oid}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        if blob.lfs:
            headers |= {"X-Linked-Etag": f'"{blob.oid}"', "X-Linked-Size": str(blob.size)}
        if not (found := re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)):
            return Response(200, blob.content, headers)
        start, stop = int(found[1]), min(blob.size, int(found[2] or blob.size) + 1)
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
        return Response(206, blob.content[start:stop], headers)


def _changes(repo: Repository, head: Commit, key: str, value: Mapping[str, Any]) -> dict[str, Blob | None]:
    """Returns what one line of a commit does to which files."""
    path = value["path"]
    if key == "file":
        return {path: Blob(base64.b64decode(value["content"]))}
    if key == "lfsFile":
        if value["oid"] not in repo.objects:
            raise Refused(
                400, f"Your push was rejected because an LFS pointer pointed to a file that does not exist: {path}"
            )
        return {path: Blob(repo.objects[value["oid"]], lfs=True)}
    if key != "deletedFile":
        raise Refused(501, f"The double of the Hub does not know this operation: {key}")
    if path not in head.blobs:
        raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    return {path: None}


def blobs(files: Mapping[str, bytes]) -> dict[str, Blob]:
    return {path: Blob(content, is_large(path, len(content))) for path, content in files.items()}


def _parsed(kind: str, body: bytes) -> Any:
    """Returns the body of a request: lines as a list, and JSON as what it is."""
    if kind.startswith("application/x-ndjson"):
        return [json.loads(line) for line in body.splitlines() if line]
    return json.loads(body) if body else {}


def error_response(error: Refused) -> Response:
    message = str(error).encode("ascii", "backslashreplace").decode().replace("\n", " ")
    headers = {"Content-Type": "application/json", "X-Error-Message": message, **error.headers}
    if error.code:
        headers["X-Error-Code"] = error.code
    return Response(error.status, json.dumps({"error": str(error), **error.body}).encode(), headers)
