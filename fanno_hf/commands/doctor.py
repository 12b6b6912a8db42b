"""`stage=doctor`: is the teacher ready for this run? Asks every server a few small questions and says what it found.

http://127.0.0.1:8080
  ok    answers            version 3.3.5
  ok    model              mistralai/Mistral-7B-Instruct-v0.2@63a8b08
  ok    plain request      answered after 0.4 s
  ok    log-probabilities  P(yes) = 0.93 for "Is water wet?"
  note  system turn        refused (Template error …); fanno_hf sends none
ready
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from fanno_hf.commands.doctor_bare import Bare
from fanno_hf.commands.doctor_checks import COMMON, JUDGING, TEACHING, Finding, Patient, plain_request, within
from fanno_hf.commands.doctor_embedder import embedder_findings
from fanno_hf.commands.doctor_engine import engine_findings
from fanno_hf.commands.doctor_load import under_load
from fanno_hf.errors import FannoError
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.services import build
from fanno_hf.settings import Settings
from fanno_hf.steps.loops import run_apart
from fanno_hf.teacher.client import Busy, CallFailed
from fanno_hf.teacher.endpoint import DEFAULT_IN_FLIGHT
from fanno_hf.teacher.members import identity_of
from fanno_hf.teacher.pool import Pool
from fanno_hf.teacher.reply import Server
from fanno_hf.texts.hidden import known_keys, without_keys

_LITTLE_DISK = 2 * 1024**3
_LISTED = 20  # models of a server that are named at most
# what is examined shall show its failures, not have them mended; a server that is full or gone is waited for a little
_HASTY = {"retries": 0, "patience": 10.0}
CHECK_SECONDS = 60.0
"""What one check may take at most, but for the first request: that waits as long as the run would."""


def say_at_once(line: str) -> None:
    """Prints a line now, also where the output goes into a pipe; an address in it may hold a key."""
    print(without_keys(line, known_keys()), flush=True)


@dataclass
class Diagnosis:
    """What was found: each finding with the server, or the folder, that it is about."""

    findings: list[tuple[str, Finding]] = field(default_factory=list)

    @property
    def ready(self) -> bool:
        """Whether a run can begin."""
        return not self._bad

    @property
    def verdict(self) -> str:
        """The last line: "ready", or what to look at."""
        return f"not ready: look at {', '.join(self._bad)}" if self._bad else "ready"

    @property
    def _bad(self) -> list[str]:
        return list(dict.fromkeys(finding.name for _, finding in self.findings if finding.level == "bad"))

    def __str__(self) -> str:
        lines = []
        for where, found in groupby(self.findings, key=itemgetter(0)):
            lines += [where, *(finding.line for _, finding in found)]
        return "\n".join([*lines, self.verdict])


class Report:
    """Says each finding as soon as there is one, and adds it to the diagnosis."""

    def __init__(self, say: Callable[[str], None]):
        self._say, self._where, self.diagnosis, self.models = say, "", Diagnosis(), set()

    def title(self, words: str) -> None:
        """Begins a section, if it is another one: a server, or the run folder."""
        if self._where != (where := without_keys(words, known_keys())):
            self._where = where
            self._say(where)

    def add(self, finding: Finding) -> None:
        """Says a finding."""
        finding = replace(finding, words=without_keys(finding.words, known_keys()))
        self.diagnosis.findings.append((self._where, finding))
        self._say(finding.line)


def examine(settings: Settings, say: Callable[[str], None] = say_at_once) -> str:
    """Says each finding when it is there; returns the last line, "ready". Raises FannoError where something is bad."""
    found = diagnose(settings, say)
    if not found.ready:
        raise FannoError(found.verdict)
    return found.verdict


def diagnose(settings: Settings, say: Callable[[str], None]) -> Diagnosis:
    """Examines every server; says each finding when it is there, and returns all of them."""
    report = Report(say)
    run_apart(_examine(settings, report))
    return report.diagnosis


async def _examine(settings: Settings, report: Report) -> None:
    folder = run_folder(settings.run)
    report.title(f"run folder {folder}")
    report.add(_disk(folder))
    for finding in engine_findings(settings):
        report.title("engine ray")
        report.add(finding)
    has_judge = settings.resolved["judge"]["_target_"] is not None
    await _group("teacher", settings, TEACHING if has_judge else (*JUDGING, *TEACHING), report)
    if has_judge:
        await _group("judge", settings, JUDGING, report)
    async for where, finding in embedder_findings(settings, _HASTY):
        report.title(where)
        report.add(finding)


async def _group(key: str, settings: Settings, checks: Sequence, report: Report) -> None:
    """Examines the servers of the teacher or of its judge, one after the other."""
    config = settings.resolved[key]
    first = build(key, config)
    if not isinstance(first, Pool):
        report.title(f"{key} {first.identity}")
        report.add(Finding("ok", "answers", "no server: replies are computed"))
        return
    urls = [endpoint.client.base_url for endpoint in first.endpoints] if "base_url" in config else [None]
    report.models = set()
    for url in urls:
        pool = build(key, {**config, **_HASTY, "base_url": url}) if url else first
        try:
            if pool is first:  # the embedded teacher has no address before it is open
                await pool.open()
            url = pool.endpoints[0].client.base_url
            report.title(url if key == "teacher" else f"{key} {url}")
            await _server(Patient(pool, key, settings), checks, report)
        finally:
            await pool.close()
    if len(report.models) > 1:
        report.title(f"all servers of the {key}")
        report.add(Finding("bad", "model", f"they serve different ones: {', '.join(sorted(report.models))}"))


def _disk(folder: Path) -> Finding:
    """A run of 10,000 pairs takes some 200 MB; embeddings and logs come on top."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    words = f"{free / 1024**3:.1f} GB; a run needs at least {_LITTLE_DISK / 1024**3:.0f} GB"
    return Finding("ok" if free > _LITTLE_DISK else "bad", "free disk", words)


async def _server(patient: Patient, checks: Sequence, report: Report) -> None:
    """Examines one server: what it says of itself, one plain request, and only if that is answered all the rest."""
    client = patient.client
    try:
        await client.check()
        server = await client.describe()
    except CallFailed as error:
        report.add(Finding("bad", "answers", f"no: {error}"))
        return
    report.add(Finding("ok", "answers", f"version {client.shown(server.version)}" if server.version else "yes"))
    model = await _model(patient, server)
    report.add(model)
    if model.level == "bad":
        return
    if model.level == "ok":
        report.models.add(model.words)
    report.add(_at_once(patient.config, server))
    report.add(_length(server, patient.settings))
    if not await _plain(patient, report):
        return
    for name, check in (*COMMON, *checks):
        report.add(await _checked(patient, name, check))
    async for finding in under_load(patient):
        report.add(finding)


async def _plain(patient: Patient, report: Report) -> bool:
    """Whether the server answers what has nothing about it; else nothing more is tried, as all of it would fail alike."""
    try:
        if not patient.pool.endpoints[0].up:
            await patient.pool.open()
        findings = await plain_request(patient)
    except (CallFailed, FannoError) as error:
        findings = [Finding("bad", "plain request", str(error))]
    for finding in findings:
        report.add(finding)
    return findings[0].level != "bad"


async def _checked(patient: Patient, name: str, check: Callable) -> Finding:
    """One check, within its time."""
    try:
        return await within(CHECK_SECONDS, check(patient, partial(Finding, name=name)))
    except TimeoutError:
        words = f"no answer within {CHECK_SECONDS:g} s"
        return Finding("bad" if name == "verdicts" else "note", name, words)
    except Busy as error:
        return Finding("note", name, f"not tried: the server is full ({error})")
    except (CallFailed, FannoError) as error:
        return Finding("bad", name, str(error))


async def _model(patient: Patient, server: Server) -> Finding:
    """Which model is asked, and whether the server serves it."""
    key, asked, finding = patient.key, patient.config.get("model"), partial(Finding, name="model")
    shown = patient.client.shown
    listed = ", ".join(map(shown, server.models[:_LISTED])) + (" …" if len(server.models) > _LISTED else "")
    model = asked or patient.pool.model or server.model
    if model is None and listed:
        return finding("bad", words=f"the server has several: give one as {key}.model, of {listed}")
    if model is None:
        async with Bare(patient.config, patient.client.base_url) as bare:
            said = await bare.complaint("/v1/models")
        why = f" (/v1/models answers {said})" if said else ""
        return finding("bad", words=f"the server does not say which one it serves{why}: give {key}.model")
    if server.version and server.model not in (None, model):
        return finding("bad", words=f"{key}.model={shown(model)}, and the server answers with {shown(server.model)}")
    if asked and listed and model not in server.models and not server.version:
        return finding("note", words=f"{shown(model)}, which is not among those that the server lists: {listed}")
    return finding("ok", words=shown(identity_of(model, server.revision)))


def _at_once(config: Mapping[str, Any], server: Server) -> Finding:
    limit, given = server.max_in_flight, config.get("concurrency")
    untold = f"not told; {given or DEFAULT_IN_FLIGHT} are sent at most"
    return Finding("ok", "requests at once", str(limit) if limit else untold)


def _length(server: Server, settings: Settings) -> Finding:
    """The longest prompt holds the passages of a grounded answer; its demonstrations or question take some 400 tokens."""
    respond = settings.respond
    passages = 1 + (respond.retrieved if respond.mode == "grounded" else 0)
    answer = max(respond.max_tokens, respond.retry_max_tokens or 0)
    needed = settings.prescreen.max_tokens * passages + answer + 400
    if not server.max_total_tokens:
        return Finding("note", "length", f"not told; the stages need up to about {needed:,} tokens")
    words = f"{server.max_total_tokens:,} tokens of prompt and answer; the stages need up to about {needed:,}"
    return Finding("ok" if needed <= server.max_total_tokens else "bad", "length", words)
