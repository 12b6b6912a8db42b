"""How many processes share a work."""

import pytest

from fanno_hf import cores


@pytest.mark.parametrize(("wanted", "count"), [(None, 2), (1, 1), (8, 8), (1000, 8)])
def test_the_cores_or_as_many_as_wanted_but_no_more_than_four_a_core(wanted, count, monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: 2)
    assert cores.process_count(wanted) == count


@pytest.mark.parametrize(
    ("own", "files", "count"),
    [
        ("0::/", {"cpu.max": "250000 100000"}, 3),
        ("0::/", {"cpu.max": "max 100000"}, 8),
        ("0::/job/step", {"job/cpu.max": "200000 100000", "job/step/cpu.max": "max 100000"}, 2),
        ("0::/", {"cpu.max": "10000 100000"}, 1),
        ("4:cpu,cpuacct:/docker/a1", {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ("4:cpu,cpuacct:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("3:memory:/x\n0::/", {}, 8),
    ],
)
def test_of_the_cores_of_a_container_as_many_count_as_it_gets_the_time_of(own, files, count, tmp_path, monkeypatch):
    for name, content in {"own": own, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    monkeypatch.setattr(cores, "_GROUPS", tmp_path)
    monkeypatch.setattr(cores, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: range(8), raising=False)
    assert cores.cores() == count
