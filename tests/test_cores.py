"""How many processes share a work."""

import pytest

from fanno_hf import cores


@pytest.mark.parametrize(("wanted", "count"), [(None, 2), (1, 1), (8, 8), (1000, 8)])
def test_the_cores_or_as_many_as_wanted_but_no_more_than_four_a_core(wanted, count, monkeypatch):
    monkeypatch.setattr(cores, "cores", lambda: 2)
    assert cores.process_count(wanted) == count
