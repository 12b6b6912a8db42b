"""The command: exit codes, and one clear line for whatever goes wrong."""

import configparser
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException
from omegaconf.errors import OmegaConfBaseException

from fanno_hf.cli import signals
from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.explain import explain
from fanno_hf.cli.signals import STOPPED
from fanno_hf.commands.export import export
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import STAGES, TASKS, load
from tests.conftest import SMALL, compose_config, write_documents

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120
"""Patience with a subprocess before the test fails."""


def command(folder: Path, *overrides: str) -> list[str]:
    """The arguments of a small run in `folder`/run."""
    if not (folder / "documents.jsonl").exists():
        write_documents(folder / "documents.jsonl")
    return [*SMALL, "data=files", f"data.path={folder / 'documents.jsonl'}", f"run={folder / 'run'}", *overrides]


@pytest.fixture
def small(cli, tmp_path):
    """The same for a small run in tmp_path/run."""
    return lambda *overrides: cli(*command(tmp_path, *overrides))


def line(stderr: str) -> str:
    """The only line of the log, without its time."""
    lines = stderr.splitlines()
    assert len(lines) == 1, stderr
    return re.sub(r"^\d\d:\d\d:\d\d ", "", lines[0])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A first run in a process of its own: (its folder, exit code, stdout, stderr)."""
    folder = tmp_path_factory.mktemp("first")
    arguments = [sys.executable, "-m", "fanno_hf", *command(folder)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
    return folder, done.returncode, done.stdout, done.stderr


def test_a_run_that_works_shows_the_funnel_and_says_how_to_load_the_pairs(first):
    folder, code, shown, said = first
    assert code == 0, said
    assert all(f"| {stage}" in shown for stage in STAGES)
    assert f'pairs: load_dataset("{folder / "run"}")' in shown


@pytest.mark.parametrize("name", ["2024_01", "true", "1.50", "café"])
def test_a_run_is_named_as_it_was_typed(small, tmp_path, name):
    assert small(f"run={name}", "stage=prescreen")[0] == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [name]


TYPED = (*SMALL, "data=files", "data.path=documents.jsonl", "stage=prescreen")


@pytest.mark.parametrize("name", ["007", "mosses"])
def test_a_run_is_named_as_a_recipe_writes_it(cli, tmp_path, name):
    write_documents(tmp_path / "documents.jsonl")
    (tmp_path / "mine.yaml").write_text(f"defaults: [config, _self_]\nrun: {name}\n")
    assert cli("-cd", str(tmp_path), "-cn", "mine", *TYPED)[0] == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [name]


def test_the_runs_of_a_sweep_are_named_as_they_were_typed(cli, tmp_path):
    write_documents(tmp_path / "documents.jsonl")
    assert cli("-m", *TYPED, "run=007,1_0")[0] == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} >= {"007", "1_0"}


@pytest.mark.parametrize(
    "asked",
    [
        *("--help", "stage=doctor teacher=scripted", "stage=agument", "report.rows=0"),
        *("stage=diff diff.a=one diff.b=two", "stage=export"),
    ],
)
def test_what_makes_no_run_leaves_no_folder(cli, tmp_path, asked):
    cli(*asked.split(), "run=new")
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_written_to_the_working_directory(small, tmp_path):
    small("stage=prescreen")
    assert {path.name for path in tmp_path.iterdir()} == {"documents.jsonl", "run"}


def test_the_log_is_kept_in_the_run_folder_and_ends_with_the_error(small, tmp_path):
    log = tmp_path / "run/logs/run.log"
    small("stage=seed")
    assert "stage=seed reads the rows of prescreen" in log.read_text().splitlines()[-1]
    small("log_level=INFO", "stage=prescreen")
    assert "prescreen: " in log.read_text()


MISTAKES = {
    # a word that is wrong
    "stage=agument": "stage=agument is unknown; did you mean 'augment'? Known: all, prescreen, seed, augment, respond",
    "stages.sed.combinations=2": "stages.sed.combinations is not a configuration key; did you mean 'stages.seed.combin",
    "stages.seed.verdicts={unsave: 0.3}": "stages.seed.verdicts.unsave is not a configuration key; did you mean 'stages.se",
    "stages.seed.verdicts=[]": "stages.seed.verdicts=[]: it has keys of its own, as in stages.seed.verdicts.NAME=…",
    "foo.bar=2": "foo.bar is not a configuration key. See conf/config.yaml",
    # what Hydra cannot read or compose
    "teacher.delay": "'teacher.delay' is not an override: write key=value, as in stage=augment",
    "teacher.log=/a/b=c": "teacher.log=/a/b=c has a character with a meaning in Hydra: quote the value twice, as in \"teacher.log='/a/b=c'\"",
    "data.path=a,b": "data.path=a,b has a comma: quote the value twice, as in \"data.path='a,b'\", or give -m for a run of each",
    "run=a,b": "run=a,b has a comma: quote the value twice, as in \"run='a,b'\", or give -m for a run of each",
    "teacher=opena": "teacher=opena is unknown; did you mean 'openai'? Known: local, openai, scripted",
    "teacher=xyzzy": "teacher=xyzzy is unknown. Known: local, openai, scripted",
    "data=hub": "data.path is a key of another option of data than the one chosen: see conf/data/, or --cfg job",
    # a value that is missing, wrong, or wrong for what is built with it
    "data.path=???": "data.path has no value: give it on the command line, as in data.path=…",
    "teacher=openai": "teacher.base_url has no value",
    "report.rows=0": "report.rows=0: it must be a whole number of at least 1",
    "hub.push=true": "hub.repo_id is missing: give the data set to push to, as in hub.repo_id=me/fanno",
    "data.path=/nowhere/at.all": "data.path=/nowhere/at.all: there is no such file or folder",
    "+teacher.nope=1": "teacher: ScriptedTeacher.__init__() got an unexpected keyword argument 'nope'",
    # a run without a name
    "run=null": "run=None names no run: give a name, as in run=demo",
    "run=": "run= names no run: give a name, as in run=demo, or a folder, as in run=./demo",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_exits_with_2_and_one_line_that_names_it(small, mistake):
    code, said = small(mistake)
    assert (code, line(said)[: len(MISTAKES[mistake])]) == (2, MISTAKES[mistake])


def test_an_export_before_there_are_pairs_says_what_to_run(small):
    code, said = small("stage=export")
    assert (code, "run stage=" in line(said)) == (2, True)


@pytest.fixture(scope="module")
def finished(first) -> Path:
    """A folder that holds a finished run, which no test changes."""
    return first[0]


@pytest.mark.parametrize("format_", ["messages", "alpaca", "prompt_completion", "sharegpt"])
def test_an_export_has_a_line_for_every_pair(finished, tmp_path, format_):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    export(resolve(compose_config(*command(tmp_path, f"export.format={format_}"))))
    lines = (tmp_path / f"run/export/{format_}.jsonl").read_text().splitlines()
    assert len(lines) == json.loads((tmp_path / "run/run.json").read_text())["stages"]["respond"]["kept"]


def test_a_run_that_has_nothing_to_do_exits_with_0(finished, small, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    assert small()[0] == 0


def test_a_recipe_is_found_in_its_folder(cli, tmp_path):
    recipe = ["-cd", str(ROOT / "recipes"), "-cn", "smoke"]
    assert cli(*recipe, f"run={tmp_path / 'run'}", "data.limit=10", "stage=prescreen")[0] == 0


@pytest.mark.parametrize(
    ("folder", "name", "said"),
    [
        (ROOT / "recipes", "v7", "There is no configuration v7: check -cn (and -cd, as in -cd recipes -cn fanno-v1)"),
        ("nowhere", "smoke", r"The configuration is wrong: Additional config directory '.*/nowhere' not found"),
        (".", "broken", r".*/broken\.yaml, line \d is not YAML.*"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_named(cli, tmp_path, folder, name, said):
    (tmp_path / "broken.yaml").write_text("stage: all\nrun: [\n")
    code, shown = cli("-cd", str(tmp_path / folder), "-cn", name)
    assert (code, line(shown) == said or bool(re.fullmatch(said, line(shown)))) == (2, True), shown


def test_a_stage_that_keeps_nothing_names_itself_and_its_reasons(small, tmp_path):
    write_documents(tmp_path / "documents.jsonl", ["Too short.", "Short too.", None])
    code, said = small("data.text_column=text")
    assert code == 1
    advice = "2 of 3 are too_short: lower stages.prescreen.min_tokens. Look at rejected/prescreen"
    assert line(said).startswith(f"The stage prescreen kept no row (too_short 2, empty 1). {advice}")


def test_a_teacher_that_is_not_there_is_one_line(small):
    overrides = ["teacher=openai", "teacher.base_url=http://127.0.0.1:9", "teacher.model=moss", "teacher.patience=0"]
    code, said = small(*overrides)
    assert code == 1
    assert line(said).startswith("The teacher at http://127.0.0.1:9 cannot be reached (")


def test_an_error_that_nobody_expected_is_one_line(small, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("no further\nwords")

    monkeypatch.setattr("fanno_hf.stages.prescreen.screen_together", fail)
    code, said = small()
    assert (code, line(said)) == (
        1,
        "Unexpected ZeroDivisionError: no further (debug=true shows where; please report it)",
    )


@pytest.mark.parametrize(("switch", "mistake"), [("debug=true", "stage=agument"), ("debug=True", "report.rows=0")])
def test_debug_shows_where_it_happened(small, switch, mistake):
    assert "Traceback (most recent call last)" in small(switch, mistake)[1]


def test_a_folder_that_cannot_be_written_is_one_line(small, tmp_path, monkeypatch):
    mkdir = os.mkdir

    def denied(path, *mode, **options):  # a superuser may write everywhere
        if Path(path).is_relative_to(tmp_path / "run"):
            raise PermissionError(13, "Permission denied", str(path))
        mkdir(path, *mode, **options)

    monkeypatch.setattr(os, "mkdir", denied)
    code, said = small()
    assert code == 2
    assert re.match(rf"{tmp_path}/run(/logs)? cannot be written \(Permission denied\): ", line(said))


def test_a_file_in_the_place_of_the_folder_is_one_line(small, tmp_path):
    (tmp_path / "run").write_text("moss")
    code, said = small()
    assert code == 2
    assert re.match(rf"{tmp_path}/run.* cannot be used as a run folder \(.+\): give another run=", line(said))


@pytest.mark.parametrize(
    ("part", "named"), [("embeddings/", r"vectors\.f32"), ("prescreen/", r"prescreen/train-.*parquet")]
)
def test_a_full_disk_names_the_file_and_leaves_nothing_half_written(small, tmp_path, monkeypatch, part, named):
    fsync = os.fsync

    def full(descriptor):
        if part in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    code, said = small()
    assert code == 1
    assert re.match(rf"The disk is full: .*/{named} cannot be written\. Free some space", line(said))
    assert list((tmp_path / "run").glob("prescreen/*")) == []


def start(folder: Path, *overrides: str, **settings) -> subprocess.Popen:
    """The command in a process of its own, its stderr in `folder`/stderr."""
    arguments = [sys.executable, "-m", "fanno_hf", *command(folder, *overrides)]
    with open(folder / "stderr", "wb") as stderr:
        return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr, **settings)


def heed_interrupts() -> None:
    """A shell starts background jobs with SIGINT ignored, nohup with SIGHUP, and children inherit that: as a terminal would start it."""
    for sent in (signal.SIGINT, signal.SIGHUP):
        signal.signal(sent, signal.SIG_DFL)


def finish(process: subprocess.Popen, folder: Path) -> tuple[int, str]:
    try:
        return process.wait(timeout=SECONDS), (folder / "stderr").read_text()
    finally:
        process.kill()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    """Waits until something holds; the process must go on meanwhile."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


SIGNALS = {"SIGINT": (signal.SIGINT, 3), "SIGTERM": (signal.SIGTERM, 45), "SIGHUP": (signal.SIGHUP, 20)}


@pytest.fixture(scope="module", params=SIGNALS.values(), ids=SIGNALS)
def stopped(request, tmp_path_factory):
    """A run that got a signal after so many requests: (its folder, the signal, exit code, stderr)."""
    sent, requests = request.param
    folder = tmp_path_factory.mktemp("stopped")
    log = folder / "requests.log"
    process = start(
        folder, "teacher.delay=0.1", "teacher.concurrency=4", f"teacher.log={log}", preexec_fn=heed_interrupts
    )
    wait_for(lambda: log.exists() and len(log.read_bytes().splitlines()) >= requests, process)
    process.send_signal(sent)
    return folder, sent, *finish(process, folder)


def test_a_signal_sets_the_exit_code_and_is_one_line(stopped):
    _, sent, code, said = stopped
    assert (code, line(said)) == (128 + sent, STOPPED)


def test_after_a_signal_the_same_command_completes(stopped, cli):
    folder = stopped[0]
    assert cli(*command(folder))[0] == 0
    assert len(RunFolder(folder / "run").manifest["stages"]) == len(STAGES)


def test_what_was_answered_before_a_signal_is_not_asked_again(stopped, cli):
    # also after the run was completed: each answer that the journal held when the signal came was asked for once
    log = (stopped[0] / "requests.log").read_text().split()
    assert len(log) == len(set(log))


SWALLOWS_INTERRUPTS = """
import os, sys
from fanno_hf.cli import signals
signals.GRACE = 0.1
with signals.heeding_signals():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        while True:
            pass
    except signals.Stopped:
        while True:
            pass
"""


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_process_whose_libraries_swallow_it(sent):
    asked = [sys.executable, "-c", SWALLOWS_INTERRUPTS, str(int(sent))]
    options = {"capture_output": True, "text": True, "timeout": SECONDS, "preexec_fn": heed_interrupts}
    done = subprocess.run(asked, **options)
    assert (done.returncode, done.stderr) == (128 + sent, STOPPED + "\n")


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))


def test_a_file_that_may_not_grow_is_one_line_and_the_run_goes_on_when_it_may(tmp_path, small):
    # as at the limit of a quota: the journal outgrows 12 kB
    code, said = finish(start(tmp_path, preexec_fn=small_files), tmp_path)
    assert code == 1
    assert re.search(r"journal.sqlite cannot grow or be read|The disk is full", line(said))
    assert small()[0] == 0


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 150 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150k", "tmpfs", disk], capture_output=True)
    if mount.returncode:
        pytest.skip("this user may not mount a disk")
    yield disk
    # lazily: rows of the failed run may still be mapped into this process
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_disk_that_is_really_full_is_one_line(small_disk, cli, tmp_path):
    code, said = cli(*command(tmp_path, f"run={small_disk / 'run'}"))
    assert code == 1
    assert "disk is full" in line(said)


@pytest.mark.parametrize("budget", ["budget.requests=5", "budget.tokens=500", "budget.seconds=0.001"])
def test_a_budget_that_is_reached_is_one_line_and_code_3(small, budget):
    code, said = small(budget)
    assert (code, line(said).split(" is reached")[0]) == (3, budget)


def test_a_budget_that_was_reached_changes_no_byte(small, finished, tmp_path):
    small("budget.requests=40")
    assert small()[0] == 0
    assert outputs(tmp_path / "run") == outputs(finished / "run")


def outputs(run: Path) -> dict[str, str]:
    """The sha256 of each stage's rows."""
    stages = json.loads((run / "run.json").read_text(encoding="utf-8"))["stages"]
    return {name: entry["output"] for name, entry in stages.items()}


def test_no_request_is_sent_beyond_the_budget(small, tmp_path):
    log = tmp_path / "requests.log"
    small("budget.requests=20", f"teacher.log={log}")
    assert len(log.read_text().split()) == 20


def test_a_pipe_that_is_closed_early_is_no_fault_of_ours(caplog):
    explain(BrokenPipeError(32, "Broken pipe"), debug=False)
    assert caplog.messages == ["Nobody reads what is printed any more. What was done is kept."]


def test_a_reader_that_is_gone_gets_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)  # as `| head` does after its last line
    command = [sys.executable, "-m", "fanno_hf", "--cfg", "job"]
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=SECONDS)
    said = "Nobody reads what is printed any more. What was done is kept."
    assert (done.returncode, done.stderr.splitlines()) == (1, [said])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_a_library_made_another_error_of_is_a_signal(caplog, sent):
    with pytest.raises(ConfigCompositionException) as caught:  # as Hydra does of what OmegaConf raises after a signal
        try:
            try:
                raise signals.Stopped(sent)
            finally:
                raise OmegaConfBaseException
        except OmegaConfBaseException as error:
            raise ConfigCompositionException from error
    assert explain(caught.value, debug=False) == 128 + sent
    assert caplog.messages == [STOPPED]


DONE, MISTAKE = (("--cfg", "job"), 0), (("stage=agument",), 2)


@pytest.mark.parametrize(
    ("numbers", "asked", "code"),
    [
        # those that are open are written to
        *(((0,), *MISTAKE), ((1,), *MISTAKE), ((2,), *DONE)),
        *(((0, 1, 2), *DONE), ((0, 1, 2), *MISTAKE)),
    ],
    ids=["input", "output", "error", "all, done", "all, a mistake"],
)
def test_a_stream_that_is_closed_is_not_written_to(tmp_path, numbers, asked, code):
    def close() -> None:
        for number in numbers:
            os.close(number)

    command = [sys.executable, "-m", "fanno_hf", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, preexec_fn=close)
    assert done.returncode == code
    assert (done.stdout != "") == (code == 0 and 1 not in numbers)
    assert len(done.stderr.splitlines()) == (code == 2 and 2 not in numbers)


def test_a_full_memory_says_what_to_do(caplog):
    assert explain(MemoryError(), debug=False) == 1
    assert "The memory is full: give fewer documents" in caplog.text


@pytest.mark.parametrize("task", TASKS)
def test_every_task_that_is_named_is_there(task):
    assert callable(load(TASKS[task].function))


HEAVY = ("torch", "datasets", "sentence_transformers", "transformers", "faiss", "pandas", "sklearn")
LOADED = """
import json, sys
from fanno_hf.__main__ import main
codes = []
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["fanno_hf", *arguments]
    codes.append(main())
print(json.dumps([codes, sorted(sys.modules)]))
"""


def loaded(folder: Path, *commands: Sequence[str], watched: Sequence[str] = HEAVY) -> tuple[list[int], set[str]]:
    """The exit codes of commands, one after the other in a process of its own, and which of the watched modules it imported."""
    asked = [sys.executable, "-c", LOADED, json.dumps(commands)]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
    codes, modules = json.loads(done.stdout.splitlines()[-1])
    return codes, set(watched) & set(modules)


def test_help_and_mistakes_load_no_library_and_one_about_runs_to_compare_nothing_that_reads_them(tmp_path):
    mistakes = (
        ["stage=agument"],
        ["stages.sed.x=1"],
        ["report.rows=0"],
        ["stage=diff", "diff.a=nowhere", "diff.b=nothing"],
    )
    found = loaded(tmp_path, ["--help"], *mistakes, watched=(*HEAVY, "pyarrow", "huggingface_hub"))
    assert found == ([0, 2, 2, 2, 2], set())


def test_an_embedder_that_is_not_installed_is_noticed_before_the_first_request(small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    code, said = small("embedder=minilm", f"teacher.log={tmp_path / 'requests.log'}")
    assert (code, "needs sentence-transformers, not installed here" in line(said)) == (2, True)
    assert not (tmp_path / "requests.log").exists()


def test_an_export_loads_no_library(finished, tmp_path):
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    assert loaded(tmp_path, command(tmp_path, "stage=export")) == ([0], set())


def test_a_run_that_is_up_to_date_loads_no_library(finished):
    # but pandas, which pyarrow imports where it makes an array
    assert loaded(finished, command(finished)) in (([0], {"pandas"}), ([0], set()))


def test_help_fits_a_terminal_and_has_a_line_for_everything_that_can_be_asked_for(cli):
    assert cli("--help") == (0, "")
    lines = cli.shown.splitlines()
    assert (max(map(len, lines)) <= 100, len(lines) <= 50) == (True, True)
    assert [name for name in ("all", *STAGES, *TASKS) if not any(f"  {name} " in line[:20] for line in lines)] == []
    assert any(re.fullmatch("  random_seed=0 +int >= 0, everything random follows from it", line) for line in lines)


def test_the_installed_command_does_the_same():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    scripts = setup["options.entry_points"]["console_scripts"].split("=")
    assert [part.strip() for part in scripts] == ["fanno-hf", "fanno_hf.__main__:main"]
