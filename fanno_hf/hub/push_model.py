"""A student as a model repository: weights, tokenizer and card in one commit.

runs/demo/students/student  ->  me/fanno-student
"""

from collections.abc import Mapping
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from fanno_hf.errors import UserError
from fanno_hf.hub.access import Hub, check_repo_id, shown_endpoint
from fanno_hf.hub_token import require_token
from fanno_hf.settings import Hub as HubSettings
from fanno_hf.students.language_model import READ


def check_model_id(settings: HubSettings) -> str:
    """Returns the repository that a student is pushed to. Raises UserError: it has no name, or there is no token."""
    key = "hub.model_id"
    if not settings.model_id:
        raise UserError(f"{key} is missing: give the model to push to, as in {key}=me/fanno-student")
    require_token(f"{key}={settings.model_id}")
    if "/" not in check_repo_id(key, settings.model_id):
        raise UserError(f"{key}={settings.model_id} lacks its owner: give owner/name, as in {key}=me/fanno-student")
    return settings.model_id


def push_model(folder: Path, settings: HubSettings, instead: Mapping[str, bytes] | None = None) -> str:
    """Pushes a student and returns where it is; what the Hub holds already is not sent again.

    What an earlier student left there and this one has not got goes, or others would load it with this one; other files stay.

    Args:
        instead: what others get in place of a file's content, by its name.

    Raises UserError where name, token or permission is wrong, FannoError where the Hub failed too often.
    """
    model_id = check_model_id(settings)
    hub, what = Hub(settings.retries), f"hub.model_id={model_id}"
    hub.call(f"{what}: making it", partial(hub.api.create_repo, model_id, private=settings.private, exist_ok=True))

    def push() -> str:
        files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
        there = hub.api.list_repo_files(model_id, revision="main")
        left = [name for name in there if name not in files and any(fnmatch(name, pattern) for pattern in READ)]
        operations = [CommitOperationAdd(name, (instead or {}).get(name, file)) for name, file in files.items()]
        operations += [CommitOperationDelete(name) for name in left]
        words = f"{folder.name}: weights, tokenizer and card"
        return hub.api.create_commit(model_id, operations, commit_message=words, revision="main").oid

    commit = hub.call(f"{what}: pushing {folder.name}", push)
    return f"{shown_endpoint()}/{model_id} is at commit {commit}"
