"""A student as a model repository: weights, tokenizer and card in one commit.

runs/demo/students/student  ->  me/fanno-student
"""

from functools import partial
from pathlib import Path

from fanno_hf.errors import UserError
from fanno_hf.hub.access import Hub, check_repo_id, shown_endpoint
from fanno_hf.hub_token import require_token
from fanno_hf.settings import Hub as HubSettings


def check_model_id(settings: HubSettings) -> str:
    """Returns the repository that a student is pushed to. Raises UserError: it has no name, or there is no token."""
    key = "hub.model_id"
    if not settings.model_id:
        raise UserError(f"{key} is missing: give the model to push to, as in {key}=me/fanno-student")
    require_token(f"{key}={settings.model_id}")
    if "/" not in check_repo_id(key, settings.model_id):
        raise UserError(f"{key}={settings.model_id} lacks its owner: give owner/name, as in {key}=me/fanno-student")
    return settings.model_id


def push_model(folder: Path, settings: HubSettings) -> str:
    """Pushes a student and returns where it is; what the Hub holds already is not sent again.

    Raises UserError where name, token or permission is wrong, FannoError where the Hub failed too often.
    """
    model_id = check_model_id(settings)
    hub, what = Hub(settings.retries), f"hub.model_id={model_id}"
    hub.call(f"{what}: making it", partial(hub.api.create_repo, model_id, private=settings.private, exist_ok=True))
    push = partial(
        hub.api.upload_folder,
        repo_id=model_id,
        folder_path=folder,
        revision="main",
        commit_message=f"{folder.name}: weights, tokenizer and card",
        delete_patterns="*.safetensors",  # of an earlier student, in other pieces
    )
    commit = hub.call(f"{what}: pushing {folder.name}", push).oid
    return f"{shown_endpoint()}/{model_id} is at commit {commit}"
