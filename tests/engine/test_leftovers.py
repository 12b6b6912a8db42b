"""What a run on Ray leaves when it is killed: no run keeps it longer than it is of use, whichever engine goes on."""

import pytest


@pytest.mark.parametrize("left", ["parts/0-of-2", "clients/0"])
def test_a_run_of_one_machine_clears_it_away(run, tmp_path, left):
    (tmp_path / "run" / left).mkdir(parents=True)
    run("stage=prescreen")
    assert not (tmp_path / "run" / left).parent.exists()


def test_parts_of_a_stage_that_is_up_to_date_are_cleared_away(run, tmp_path):
    run("stage=prescreen")
    (tmp_path / "run/parts/0-of-2").mkdir(parents=True)
    run("stage=prescreen")
    assert not (tmp_path / "run/parts").exists()
