"""How many requests one server gets at once. The clock is an argument, so nothing here waits."""

import random

import pytest

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import ChatClient, Server
from fanno_hf.teacher.endpoint import DEFAULT_IN_FLIGHT, HOPELESS, Endpoint, size_of

NOW = 1000.0


def endpoint(limit: int = 8, in_flight: int = 0) -> Endpoint:
    """A server in service that takes `limit` requests, with some in flight."""
    made = Endpoint(ChatClient("http://127.0.0.1:1"))
    made.welcome(Server(max_in_flight=limit), None)
    made.in_flight = in_flight
    return made


def refuse(server: Endpoint, times: int = 1, retry_after: float = 0.0) -> None:
    """So many requests in flight hear that the server is full."""
    for _ in range(times):
        server.in_flight -= 1
        server.busy(NOW, retry_after)


def answer(server: Endpoint, times: int) -> None:
    for _ in range(times):
        server.answered()


@pytest.mark.parametrize(
    ("configured", "told", "limit"),
    [(None, None, DEFAULT_IN_FLIGHT), (None, 128, 128), (4, None, 4), (4, 128, 4), (500, 128, 128)],
)
def test_the_limit_is_the_smaller_of_what_is_configured_and_what_the_server_takes(configured, told, limit):
    server = Endpoint(ChatClient("http://127.0.0.1:1"))
    server.welcome(Server(max_in_flight=told), configured)
    assert server.limit == limit


def test_a_new_server_may_be_filled_at_once_and_a_full_one_or_one_that_was_not_asked_has_no_room():
    assert (endpoint(8, in_flight=7).has_room(NOW), endpoint(8, in_flight=8).has_room(NOW)) == (True, False)
    assert not Endpoint(ChatClient("http://127.0.0.1:1")).has_room(NOW)


@pytest.mark.parametrize(("sent", "refused", "cap"), [(6, 1, 5.0), (8, 5, 3.0), (3, 3, 1.0)])
def test_refusals_cut_the_cap_to_what_the_server_kept_but_never_below_one(sent, refused, cap):
    server = endpoint(8, in_flight=sent)
    refuse(server, times=refused)
    assert server.cap == cap
    server.in_flight = 8  # a refusal never raises it
    refuse(server)
    assert server.cap <= cap


@pytest.mark.parametrize(("answers", "cap"), [(1, 3.0), (3, 5.0), (3 + 8, 6.0), (100, 8.0)])
def test_after_a_shortage_the_cap_grows_by_one_an_answer_to_where_it_began_and_then_by_an_eighth(answers, cap):
    server = endpoint(8, in_flight=6)
    refuse(server, times=4)  # the shortage began at five in flight
    answer(server, answers)
    assert server.cap == cap


def test_a_stray_refusal_costs_one_slot_for_eight_answers():
    server = endpoint(8, in_flight=8)
    refuse(server)
    answer(server, 7)
    assert int(server.cap) == 7
    answer(server, 1)
    assert int(server.cap) == 8


def test_a_server_that_still_works_is_asked_again_at_its_next_answer():
    # its answers say when there is room; no clock does
    server = endpoint(8, in_flight=6)
    refuse(server)
    server.in_flight -= 1
    assert server.has_room(NOW)


def test_an_idle_server_that_is_full_is_left_alone_for_moments_that_grow_to_five_seconds():
    server, moments = endpoint(8), []
    for _ in range(50):
        server.in_flight, server.closed_until = 1, 0.0
        refuse(server)
        assert (server.has_room(NOW), server.has_room(server.closed_until)) == (False, True)
        moments.append(server.closed_until - NOW)
    assert moments == sorted(moments) and moments[:4] == sorted(set(moments))[:4] and moments[-1] == 5.0


def test_an_answer_makes_the_moments_short_again():
    fresh, used = endpoint(8, in_flight=1), endpoint(8)
    refuse(fresh)
    for _ in range(5):
        used.in_flight, used.closed_until = 1, 0.0
        refuse(used)
    used.answered()
    used.in_flight, used.closed_until = 1, 0.0
    refuse(used)
    assert used.closed_until == fresh.closed_until


def test_retry_after_closes_a_server_that_still_works_and_a_later_refusal_does_not_open_it():
    server = endpoint(8, in_flight=6)
    refuse(server, retry_after=30.0)
    refuse(server, retry_after=1.0)
    server.in_flight = 0
    assert (server.has_room(NOW + 29.9), server.has_room(NOW + 30.0)) == (False, True)


@pytest.mark.parametrize(
    ("between", "hopeless"), [(lambda server: None, True), (refuse, True), (Endpoint.answered, False)]
)
def test_a_server_is_hopeless_after_so_many_failures_without_an_answer_between_them(between, hopeless):
    server = endpoint(8, in_flight=2)
    assert [server.failed() for _ in range(HOPELESS - 1)] == [False] * (HOPELESS - 1)
    between(server)
    assert server.failed() is hopeless


def test_a_server_that_is_set_aside_gets_nothing_then_one_request_and_one_more_for_each_answer():
    server = endpoint(8)
    server.set_aside()
    assert not server.has_room(NOW)
    server.welcome(Server(max_in_flight=8), None)
    assert (server.has_room(NOW), server.cap) == (True, 1.0)
    answer(server, 7)
    assert server.cap == 8.0


@pytest.mark.parametrize("answers", [0, 1])
def test_a_server_that_comes_back_and_fails_is_hopeless_at_once_unless_it_answered(answers):
    server = endpoint(8)
    for _ in range(HOPELESS):
        server.failed()
    server.set_aside()
    server.welcome(Server(max_in_flight=8), None)
    answer(server, answers)
    assert server.failed() is (answers == 0)


def test_a_server_is_asked_less_and_less_often_until_it_answers_a_request():
    server = endpoint(8)
    pauses = [server.next_probe() for _ in range(9)]
    server.answered()
    assert (pauses, server.next_probe()) == ([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0], 0.2)


def test_a_server_that_comes_back_smaller_gets_less():
    server = endpoint(8)
    server.set_aside()
    server.welcome(Server(max_in_flight=2), None)
    answer(server, 20)
    assert server.cap == 2.0


def test_whatever_happens_the_cap_stays_between_one_and_the_limit():
    chance = random.Random(7)
    server, caps = endpoint(16), []
    for _ in range(5000):
        if server.has_room(NOW) and chance.random() < 0.7:
            server.in_flight += 1
        elif server.in_flight:
            server.in_flight -= 1
            chance.choice([server.answered, server.answered, lambda: server.busy(NOW), server.failed])()
            server.closed_until = 0.0
        caps.append(server.cap)
    assert (min(caps) >= 1.0, max(caps) <= 16.0) == (True, True)


@pytest.mark.parametrize("room", [1, 3, 7, 40])
def test_a_server_with_less_room_than_it_says_is_kept_full_with_few_refusals(room):
    server, running, refusals, answers, idle = endpoint(64), 0, 0, 0, 0
    for _ in range(2000):
        # as many as the pool may send arrive; then the oldest one is answered
        while server.has_room(NOW):
            server.in_flight += 1
            if running < room:
                running += 1
            else:
                refusals += 1
                refuse(server)
        idle += room - running
        running -= 1
        answers += 1
        server.in_flight -= 1
        server.answered()
    assert (refusals <= answers / 8 + 64, idle <= room) == (True, True)


def untold(timeout: float = 100.0) -> Endpoint:
    """A server that does not say how many requests it takes, and has answered twenty of one token."""
    made = Endpoint(ChatClient("http://127.0.0.1:1"), timeout=timeout)
    made.welcome(Server(), None)
    for _ in range(20):
        made.answered(1.0, size=0)
    return made


def test_short_answers_raise_the_cap_of_short_requests_only():
    server = untold()
    assert (server.cap_of(0), server.cap_of(5)) == (24.0, 4.0)
    server.answered(1.0, size=5)
    assert (server.cap_of(5), server.cap_of(4), server.cap_of(6)) == (5.0, 5.0, 4.0)


def test_a_server_that_says_how_many_it_takes_gets_them_of_every_size():
    server = endpoint(8)
    assert (server.cap_of(0), server.cap_of(6)) == (8.0, 8.0)


def test_a_late_request_halves_the_cap_of_every_size():
    server = untold()
    for _ in range(16):
        server.answered(1.0, size=5)
    server.late(100.0, NOW)
    assert (server.cap_of(0), server.cap_of(5)) == (20.0, 20.0)


@pytest.mark.parametrize(("answered", "hopeless"), [(NOW - 10.0, False), (NOW - 60.0, True)])
def test_requests_that_are_late_behind_others_are_no_reason_to_set_a_server_aside(answered, hopeless):
    server = untold(100.0)
    server.answered(1.0, now=answered)
    assert any(server.late(100.0, NOW) for _ in range(30)) is hopeless


@pytest.mark.parametrize(
    ("tokens", "room", "size"), [(1, 0, 0), (16, 0, 2), (48, 0, 3), (1024, 0, 5), (1024, 4096, 6)]
)
def test_the_size_of_a_request_goes_by_its_tokens_and_those_of_thoughts(tokens, room, size):
    assert size_of(Request([], tokens, room=room)) == size
