"""A server's own words, past everything that the client makes of them; for `stage=doctor` alone.

GET /v1/models    ->  "400: No connected db."
POST a question   ->  {"finish_reason": "stop", "message": {"content": "Honey.<|im_end|>"}}
"""

import json
from collections.abc import Mapping
from typing import Any

from fanno_hf.teacher.credentials import api_key
from fanno_hf.teacher.reply import read_words
from fanno_hf.teacher.session import Session

LONGEST = 60.0  # seconds that an answer is waited for
_PATH = "/v1/chat/completions"


class Bare:
    """A connection to one server, with the settings of its group (teacher or judge); used with `async with`."""

    def __init__(self, config: Mapping[str, Any], url: str):
        self._config, self._url = config, url
        self._key = api_key(config.get("api_key_env"), [url])
        self._session = Session(timeout=min(config.get("timeout") or LONGEST, LONGEST))

    async def __aenter__(self) -> "Bare":
        return self

    async def __aexit__(self, *_) -> None:
        await self._session.aclose()

    async def complaint(self, path: str) -> str | None:
        """Returns status and words of an answer that is none, as in "400: No connected db."; None where it is one, or
        there is no answer."""
        try:
            answer = await self._session.fetch("GET", self._url + path, self._headers)
        except Exception:  # whatever a library raises: it did not say anything
            return None
        secrets = [self._key] if self._key else []
        return None if answer.status_code == 200 else f"{answer.status_code}: {read_words(answer.content, secrets)}"

    async def choice(self, **body: Any) -> dict[str, Any]:
        """Returns the first choice of the answer to a chat request, as it is; {} where there is none."""
        body = {name: value for name, value in body.items() if value is not None}
        try:
            body |= self._config.get("extra_body") or {}
            answer = await self._session.fetch("POST", self._url + _PATH, self._headers, body)
            found = json.loads(answer.content)["choices"][0]
        except Exception:  # no answer, or none of this form: plain requests were answered, so this is no finding
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key or '-'}"}
