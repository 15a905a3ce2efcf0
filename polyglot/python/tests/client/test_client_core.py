"""Stories of the client's core: events in, the whole command list out. `now` is in milliseconds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from client_fakes import report_of

from binglide.client import events as ev
from binglide.client.core import ClientCore, ClientCoreOptions
from binglide.protocol.errors import Fault
from binglide.protocol.ids import job_id_of
from binglide.protocol.messages import (
    CancelAck,
    ClientCancel,
    ClientDisconnect,
    ClientHeartbeat,
    ErrorMessage,
    Final,
    Hello,
    Partial,
    RawFinal,
    RawPartial,
    RawRequest,
    Request,
    ToClient,
    Welcome,
)
from binglide.protocol.payloads import Limits, Query

ME = "abcdefghijklmnopqrstuvwx23"
JOB = job_id_of(ME, 1)
ASK = ev.QueryAsk(Query("ENT", ()))
RAW = ev.RawAsk("echo", (b"hello",))
OPENED = [ev.ReopenSocket(), ev.Send(Hello(ME))]
ISSUED = ev.Send(Request(1, ASK.query))
CANCEL = ev.Send(ClientCancel(job_id=JOB))
CANCELLED = ev.RejectJob(1, Fault("E_CANCELLED", "ENT was cancelled", JOB, "ENT"), True)
LOST = Fault("E_BROKER_LOST", "the broker at ipc://x has been away for 60000 ms; ask again", JOB, "ENT")


def welcome(epoch: str = "one", body_bytes_max: int = 100) -> Welcome:
    return Welcome(1000, "ipc://pub", epoch, Limits(body_bytes_max, 10))


class Story:
    """A core, its clock, and its invariants checked after every event."""

    def __init__(self) -> None:
        self.core = ClientCore(ClientCoreOptions(ME, "ipc://x", connect_ms=1500, broker_lost_ms=60_000))

    def at(self, now: float, event: ev.ClientEvent) -> list[ev.ClientCommand]:
        commands = self.core.handle(event, now)
        self.core.validate()
        return commands

    def hears(self, now: float, message: ToClient) -> list[ev.ClientCommand]:
        return self.at(now, ev.MessageReceived(message))


@pytest.fixture
def story() -> Story:
    """Started at 0."""
    made = Story()
    assert made.at(0, ev.Started()) == OPENED
    return made


@pytest.fixture
def welcomed(story: Story) -> Story:
    """Welcomed at 10 by the broker life `one`."""
    assert story.hears(10, welcome()) == [ev.SettleConnect(welcome())]
    return story


@pytest.fixture
def asked(welcomed: Story) -> Story:
    """ENT was asked at 20."""
    assert welcomed.at(20, ev.Requested(1, ASK)) == [ISSUED]
    return welcomed


# The conversation


def test_a_core_that_was_not_started_has_no_deadline() -> None:
    assert Story().core.next_deadline() == math.inf


def test_nothing_but_hello_is_sent_before_welcome_and_everything_after_it(story: Story) -> None:
    assert story.at(1, ev.Requested(1, ASK)) == []
    assert story.at(2, ev.Cancelled("9:otherotherother7")) == []
    assert story.hears(3, welcome()) == [
        ev.SettleConnect(welcome()),
        ISSUED,
        ev.Send(ClientCancel(job_id="9:otherotherother7")),
    ]


def test_hello_is_repeated_on_a_new_socket_later_each_time(story: Story) -> None:
    assert story.core.next_deadline() == 1000
    assert story.at(1000, ev.DeadlineReached()) == OPENED
    assert story.core.next_deadline() == 1500
    no_broker = Fault("E_NO_BROKER", "no broker at ipc://x; start `binglide up` there")
    assert story.at(1500, ev.DeadlineReached()) == [ev.FailConnect(no_broker)]
    assert [story.core.next_deadline(), story.at(3000, ev.DeadlineReached())] == [3000, OPENED]
    assert [story.core.next_deadline(), story.at(7000, ev.DeadlineReached())] == [7000, OPENED]
    assert [story.core.next_deadline(), story.at(15_000, ev.DeadlineReached())] == [15_000, OPENED]
    assert story.core.next_deadline() == 23_000


@pytest.mark.parametrize("message", [ClientDisconnect(), ClientHeartbeat(), Final(1, report_of(1, ME, 1.0))])
def test_whatever_else_answers_a_hello_is_waited_out(story: Story, message: ToClient) -> None:
    story.at(1, ev.Requested(1, ASK))
    assert story.hears(2, message) == []
    assert story.core.next_deadline() == 1000


def test_a_connection_that_breaks_while_greeting_says_hello_again_soon(story: Story) -> None:
    assert story.at(30, ev.SocketLost()) == []
    assert story.core.next_deadline() == 100
    assert story.at(100, ev.DeadlineReached()) == OPENED


def test_a_request_that_nobody_ever_takes_ends_in_no_broker(story: Story) -> None:
    story.at(500, ev.Requested(1, ASK))
    no_broker = Fault("E_NO_BROKER", "no broker at ipc://x; start `binglide up` there")
    assert story.at(1500, ev.DeadlineReached()) == [ev.FailConnect(no_broker), *OPENED]
    named = replace(no_broker, job_id=JOB, service="ENT")
    assert story.at(2000, ev.DeadlineReached()) == [ev.RejectJob(1, named, False)]


def test_an_idle_client_beats_once_an_interval(welcomed: Story) -> None:
    assert welcomed.core.next_deadline() == 1010
    assert welcomed.at(1009, ev.DeadlineReached()) == []
    assert welcomed.at(1010, ev.DeadlineReached()) == [ev.Send(ClientHeartbeat())]
    welcomed.hears(1500, ClientHeartbeat())
    welcomed.at(1600, ev.Requested(1, ASK))
    assert welcomed.core.next_deadline() == 2600


def test_a_silent_broker_is_late_after_five_intervals_and_is_asked_again(asked: Story) -> None:
    assert asked.at(5009, ev.DeadlineReached()) == [ev.Send(ClientHeartbeat())]
    assert asked.at(5010, ev.DeadlineReached()) == OPENED
    assert asked.hears(5020, welcome("two")) == [ISSUED]


@pytest.mark.parametrize(
    "ending", [ev.SocketLost(), ev.MessageReceived(ClientDisconnect()), ev.MessageReceived(welcome("two"))]
)
def test_a_conversation_that_ends_is_begun_again_under_old_numbers(asked: Story, ending: ev.ClientEvent) -> None:
    assert asked.at(5000, ending) == OPENED
    assert asked.hears(5001, welcome("two")) == [ISSUED]


def test_the_same_welcome_again_is_a_sign_of_life(asked: Story) -> None:
    assert asked.hears(4000, welcome()) == []
    assert asked.at(5010, ev.DeadlineReached()) == [ev.Send(ClientHeartbeat())]


def test_sockets_are_opened_a_hundred_ms_apart(asked: Story) -> None:
    assert asked.hears(30, ClientDisconnect()) == []
    assert asked.core.next_deadline() == 100
    assert asked.at(100, ev.DeadlineReached()) == OPENED


def test_a_broker_that_stays_away_ends_what_waits_for_it(asked: Story) -> None:
    assert asked.at(5000, ev.SocketLost()) == OPENED
    asked.at(64_999, ev.DeadlineReached())
    assert asked.core.next_deadline() == 65_000
    assert asked.at(65_000, ev.DeadlineReached()) == [ev.RejectJob(1, LOST, False)]
    assert asked.core.open_jobs == 0


def test_a_job_asked_while_the_broker_is_away_waits_its_own_time(welcomed: Story) -> None:
    welcomed.at(5000, ev.SocketLost())
    welcomed.at(30_000, ev.Requested(1, ASK))
    while welcomed.core.next_deadline() < 90_000:
        assert welcomed.at(welcomed.core.next_deadline(), ev.DeadlineReached()) == OPENED
    assert ev.RejectJob(1, LOST, False) in welcomed.at(90_000, ev.DeadlineReached())


def test_a_broker_of_our_own_that_ended_ends_everything(asked: Story) -> None:
    ended = Fault("E_BROKER_LOST", "the broker ended: signal 9", JOB, "ENT")
    assert asked.at(30, ev.BrokerEnded("signal 9")) == [ev.RejectJob(1, ended, False)]
    assert asked.core.next_deadline() == math.inf
    later = replace(ended, job_id=job_id_of(ME, 2), service=None)
    assert asked.at(40, ev.Requested(2, ASK)) == [ev.RejectJob(2, later, False)]
    assert asked.at(50, ev.Cancelled(JOB)) == [ev.RejectCancel(JOB, replace(later, job_id=JOB))]


def test_closing_says_goodbye_and_ends_loops_quietly(asked: Story) -> None:
    closed = Fault("E_CANCELLED", "the client was closed", JOB, "ENT")
    assert asked.at(30, ev.Closed()) == [ev.Send(ClientDisconnect()), ev.RejectJob(1, closed, True)]
    assert asked.at(31, ev.Closed()) == []


# Answers


def test_reports_are_delivered_and_none_falls_below_what_was_shown(asked: Story) -> None:
    half, less, more, whole = (report_of(1, ME, completion) for completion in (0.5, 0.25, 0.5, 1.0))
    assert asked.hears(30, Partial(1, half)) == [ev.DeliverReport(1, half)]
    asked.at(5000, ev.SocketLost())
    asked.hears(5010, welcome("two"))
    assert asked.hears(5020, Partial(1, less)) == []
    assert asked.hears(5030, Partial(1, more)) == [ev.DeliverReport(1, more)]
    assert asked.hears(5040, Final(1, whole)) == [ev.ResolveFinal(1, whole)]
    assert asked.hears(5050, Partial(1, whole)) == []
    assert asked.hears(5060, Final(1, whole)) == []


def test_a_large_report_is_acknowledged_and_a_small_one_is_not(asked: Story) -> None:
    small, large = report_of(1, ME, 0.1, numbers=8192), report_of(1, ME, 0.2, numbers=8193)
    assert asked.hears(30, Partial(1, small)) == [ev.DeliverReport(1, small)]
    assert asked.hears(31, Partial(1, large)) == [ev.DeliverReport(1, large), ev.Send(ClientHeartbeat(seen=1))]


def test_an_error_ends_its_request_and_no_other(asked: Story) -> None:
    asked.at(25, ev.Requested(2, ASK))
    fault = Fault("E_NOT_FOUND", "a.bin: no such file")
    named = replace(fault, job_id=JOB, service="ENT")
    assert asked.hears(30, ErrorMessage(1, fault)) == [ev.RejectJob(1, named, False)]
    assert asked.core.open_jobs == 1
    assert asked.hears(31, ErrorMessage(1, fault)) == []


def test_raw_answers_go_to_the_raw_request(welcomed: Story) -> None:
    assert welcomed.at(20, ev.Requested(1, RAW)) == [ev.Send(RawRequest(1, "echo", (b"hello",)))]
    assert welcomed.hears(30, RawPartial(1, "echo", (b"o",))) == [ev.DeliverRaw(1, (b"o",))]
    assert welcomed.hears(40, RawFinal(1, "echo", (b"olleh",))) == [ev.ResolveRaw(1, (b"olleh",))]


def test_a_body_over_the_limit_is_refused_before_it_is_sent(story: Story) -> None:
    story.at(1, ev.Requested(1, RAW))
    message = "a body of 5 bytes is over the broker's limit of 4"
    assert story.hears(2, welcome(body_bytes_max=4)) == [
        ev.SettleConnect(welcome(body_bytes_max=4)),
        ev.RejectJob(1, Fault("E_USAGE", message, JOB, "echo"), False),
    ]
    assert story.core.open_jobs == 0


def test_an_answer_of_the_other_kind_ends_the_job_and_cancels_it(asked: Story) -> None:
    fault = Fault("E_PROTOCOL", "the broker answered ENT with a raw body", JOB, "ENT")
    assert asked.hears(30, RawFinal(1, "ENT", ())) == [ev.RejectJob(1, fault, False), CANCEL]


def test_an_invalid_message_ends_everything_that_is_open(asked: Story) -> None:
    asked.at(21, ev.Cancelled("9:otherotherother7"))
    fault = Fault("E_PROTOCOL", "the broker at ipc://x sent something else than BXMDPv2: a bad frame")
    assert asked.at(30, ev.InvalidReceived("a bad frame")) == [
        ev.RejectJob(1, replace(fault, job_id=JOB, service="ENT"), False),
        CANCEL,
        ev.RejectCancel("9:otherotherother7", replace(fault, job_id="9:otherotherother7")),
    ]


def test_something_else_than_a_welcome_that_is_invalid_fails_the_connecting(story: Story) -> None:
    fault = Fault("E_PROTOCOL", "the broker at ipc://x sent something else than BXMDPv2: a bad frame")
    assert story.at(5, ev.InvalidReceived("a bad frame")) == [ev.FailConnect(fault)]


# Cancelling


def test_a_cancelled_job_is_over_at_once_and_the_broker_is_told(asked: Story) -> None:
    assert asked.at(30, ev.Cancelled(JOB)) == [CANCELLED, CANCEL]
    assert asked.hears(31, Partial(1, report_of(1, ME, 0.5))) == []
    fault = Fault("E_CANCELLED", "ENT was cancelled", JOB, "ENT")
    assert asked.hears(32, ErrorMessage(1, fault)) == [ev.ResolveCancel(JOB, "cancelled")]


def test_a_final_that_crosses_the_cancellation_says_that_the_job_had_ended(asked: Story) -> None:
    asked.at(30, ev.Cancelled(JOB))
    assert asked.hears(31, Final(1, report_of(1, ME, 1.0))) == [ev.ResolveCancel(JOB, "ended")]


def test_who_cancels_a_withdrawn_job_again_waits_for_the_same_answer(asked: Story) -> None:
    asked.at(30, ev.Cancelled(JOB))
    assert asked.at(31, ev.Cancelled(JOB)) == []
    fault = Fault("E_CANCELLED", "ENT was cancelled", JOB, "ENT")
    assert asked.hears(32, ErrorMessage(1, fault)) == [ev.ResolveCancel(JOB, "cancelled")]


def test_a_cancellation_while_the_broker_is_away_is_said_when_the_same_one_is_back(asked: Story) -> None:
    asked.at(5000, ev.SocketLost())
    assert asked.at(5001, ev.Cancelled(JOB)) == [CANCELLED, ev.ResolveCancel(JOB, "cancelled")]
    assert asked.at(5002, ev.Cancelled(JOB)) == [ev.ResolveCancel(JOB, "cancelled")]
    assert asked.hears(5010, welcome()) == [CANCEL]


def test_a_cancelled_job_of_another_broker_life_is_forgotten(asked: Story) -> None:
    asked.at(5000, ev.SocketLost())
    asked.at(5001, ev.Cancelled(JOB))
    assert asked.hears(5010, welcome("two")) == []


def test_nobody_waits_for_the_confirmation_of_a_broker_that_goes_away(asked: Story) -> None:
    asked.at(4990, ev.Cancelled(JOB))
    assert asked.at(5000, ev.SocketLost()) == [ev.ResolveCancel(JOB, "cancelled"), *OPENED]
    assert asked.hears(5010, welcome()) == [CANCEL]


def test_somebody_elses_job_is_cancelled_and_the_outcome_told_once(welcomed: Story) -> None:
    other = "26:zyxwvutsrqponmlkjihgfedc327"
    assert welcomed.at(20, ev.Cancelled(other)) == [ev.Send(ClientCancel(job_id=other))]
    assert welcomed.at(21, ev.Cancelled(other)) == []
    assert welcomed.hears(30, CancelAck(other, "unknown")) == [ev.ResolveCancel(other, "unknown")]
    assert welcomed.hears(31, CancelAck(other, "unknown")) == []


def test_a_cancellation_of_somebody_elses_job_is_said_again_after_a_new_conversation(welcomed: Story) -> None:
    other = "26:zyxwvutsrqponmlkjihgfedc327"
    welcomed.at(20, ev.Cancelled(other))
    welcomed.at(5000, ev.SocketLost())
    assert welcomed.hears(5010, welcome("two")) == [ev.Send(ClientCancel(job_id=other))]


def test_a_cancellation_that_nobody_can_hear_is_given_up(welcomed: Story) -> None:
    other = "26:zyxwvutsrqponmlkjihgfedc327"
    welcomed.at(20, ev.Cancelled(other))
    welcomed.at(5000, ev.SocketLost())
    lost = replace(LOST, job_id=other, service=None)
    assert ev.RejectCancel(other, lost) in welcomed.at(65_000, ev.DeadlineReached())
