"""What this client still wants of the broker: open jobs, withdrawals that it has not confirmed, and the ends of other
people's jobs. Pure; the only writer of all three.

Rule: while there is a broker, everything in here has been sent to it in this conversation. So a new conversation starts
by sending all of it, jobs under their old numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar, cast

from ..protocol.errors import Fault
from ..protocol.ids import job_id_of, parse_job_id
from ..protocol.messages import (
    CancelAck,
    ClientCancel,
    ClientHeartbeat,
    ErrorMessage,
    Partial,
    RawFinal,
    RawPartial,
    RawRequest,
    Request,
)
from ..protocol.messages import Final as FinalReport
from ..protocol.payloads import Limits, Report
from .events import (
    Ask,
    CancelOutcome,
    ClientCommand,
    DeliverRaw,
    DeliverReport,
    QueryAsk,
    RawAsk,
    RejectCancel,
    RejectJob,
    ResolveCancel,
    ResolveFinal,
    ResolveRaw,
    Send,
)

#: What answers something in here.
Answer: TypeAlias = Partial | FinalReport | RawPartial | RawFinal | ErrorMessage | CancelAck
_A = TypeVar("_A", QueryAsk, RawAsk)


@dataclass(slots=True)
class _OpenJob:
    ask: Ask
    asked_at: float
    #: The broker life that may hold the job; None: it was never sent.
    issued_in: str | None = None
    #: Completion of the last report that was delivered; -1: none.
    shown: float = -1.0


@dataclass(frozen=True, slots=True)
class _Withdrawn:
    """A job of our own that is over for us, while the broker has not said that it is over there."""

    #: The broker life that may still work on it.
    epoch: str
    #: Somebody waits for the broker's answer.
    waited: bool


@dataclass(frozen=True, slots=True)
class _Broker:
    """The one that we may speak to."""

    epoch: str
    limits: Limits


class Ledger:
    def __init__(self, client_id: str, order: Callable[[ClientCommand], None]) -> None:
        self._client_id = client_id
        self._order = order
        self._jobs: dict[int, _OpenJob] = {}
        self._withdrawn: dict[int, _Withdrawn] = {}
        #: Jobs that are not open here and whose end was asked for, with the moment of asking.
        self._cancels: dict[str, float] = {}
        self._last_request_id = 0
        self._broker: _Broker | None = None

    @property
    def open_jobs(self) -> int:
        return len(self._jobs)

    @property
    def is_empty(self) -> bool:
        return not (self._jobs or self._withdrawn or self._cancels)

    # What the caller wants

    def ask(self, request_id: int, ask: Ask, now: float) -> None:
        assert request_id > self._last_request_id, "request numbers rise"
        self._last_request_id = request_id
        self._jobs[request_id] = _OpenJob(ask, now)
        if self._broker is not None:
            self._issue(request_id, self._broker)

    def cancel(self, job_id: str, now: float) -> None:
        request_id = self._own_number_of(job_id)
        job = self._jobs.get(request_id) if request_id is not None else None
        withdrawn = self._withdrawn.get(request_id) if request_id is not None else None
        if request_id is not None and job is not None:
            self._reject(request_id, Fault("E_CANCELLED", f"{job.ask.service} was cancelled"), True)
            self._withdraw(request_id, job, True)
        elif request_id is not None and withdrawn is not None:
            if self._broker is None:
                self._order(ResolveCancel(job_id, "cancelled"))
            else:
                self._withdrawn[request_id] = replace(withdrawn, waited=True)
        elif job_id not in self._cancels:
            self._cancels[job_id] = now
            if self._broker is not None:
                self._send_cancel(job_id)

    def give_up(self, now: float, given_up_at: Callable[[float], float], fault: Fault) -> None:
        """Whatever still waits at ``given_up_at`` its asking ends with the fault."""
        for request_id, job in list(self._jobs.items()):
            if now >= given_up_at(job.asked_at):
                self._fail_job(request_id, job, fault)
        for job_id, asked_at in list(self._cancels.items()):
            if now >= given_up_at(asked_at):
                self._fail_cancel(job_id, fault)

    def next_give_up(self, given_up_at: Callable[[float], float]) -> float:
        asked = [*(job.asked_at for job in self._jobs.values()), *self._cancels.values()]
        return min((given_up_at(asked_at) for asked_at in asked), default=math.inf)

    def fail_all(self, fault: Fault) -> None:
        """Nobody can tell whose answer some bytes were, so no job may go on waiting for it."""
        for request_id, job in list(self._jobs.items()):
            self._fail_job(request_id, job, fault)
        for job_id in list(self._cancels):
            self._fail_cancel(job_id, fault)

    def end(self, fault: Fault, by_owner: bool) -> None:
        """Everything is over, and nothing more is sent."""
        for request_id in list(self._jobs):
            self._reject(request_id, fault, by_owner)
        self.parted()
        self._jobs.clear()
        self._withdrawn.clear()
        for job_id in list(self._cancels):
            self._fail_cancel(job_id, fault)

    # The conversation

    def welcomed(self, epoch: str, limits: Limits) -> None:
        self._broker = _Broker(epoch, limits)
        for request_id, withdrawn in list(self._withdrawn.items()):
            if withdrawn.epoch == epoch:
                self._send_cancel(self._job_id_of(request_id))
            else:
                del self._withdrawn[request_id]
        for request_id in list(self._jobs):
            self._issue(request_id, self._broker)
        for job_id in self._cancels:
            self._send_cancel(job_id)

    def parted(self) -> None:
        """Withdrawals are said again when the same broker life is back; nobody is kept waiting for that."""
        self._broker = None
        for request_id, withdrawn in self._withdrawn.items():
            if withdrawn.waited:
                self._order(ResolveCancel(self._job_id_of(request_id), "cancelled"))
            self._withdrawn[request_id] = replace(withdrawn, waited=False)

    def _issue(self, request_id: int, broker: _Broker) -> None:
        job = self._jobs[request_id]
        ask = job.ask
        if isinstance(ask, RawAsk):
            size = sum(len(frame) for frame in ask.body)
            if size > broker.limits.message_bytes_max:
                message = f"a body of {size} bytes is over the broker's limit of {broker.limits.message_bytes_max}"
                self._reject(request_id, Fault("E_USAGE", message), False)
                del self._jobs[request_id]
                return
        job.issued_in = broker.epoch
        if isinstance(ask, RawAsk):
            self._order(Send(RawRequest(request_id, ask.service, ask.body)))
        else:
            self._order(Send(Request(request_id, ask.query)))

    # What the broker answers

    def receive(self, answer: Answer) -> None:
        if isinstance(answer, CancelAck):
            self._confirm(answer.job_id, cast(CancelOutcome, answer.outcome))
            return
        request_id = answer.request_id
        if isinstance(answer, Partial):
            self._on_partial(request_id, answer.report)
        elif isinstance(answer, RawPartial):
            if self._expect(RawAsk, request_id):
                self._order(DeliverRaw(request_id, answer.body))
        elif isinstance(answer, FinalReport):
            if self._expect(QueryAsk, request_id):
                del self._jobs[request_id]
                self._order(ResolveFinal(request_id, answer.report))
            self._confirm(self._job_id_of(request_id), "ended")
        elif isinstance(answer, RawFinal):
            if self._expect(RawAsk, request_id):
                del self._jobs[request_id]
                self._order(ResolveRaw(request_id, answer.body))
            self._confirm(self._job_id_of(request_id), "ended")
        else:
            self._reject(request_id, answer.fault, False)
            self._jobs.pop(request_id, None)
            is_cancelled = answer.fault.code == "E_CANCELLED"
            self._confirm(self._job_id_of(request_id), "cancelled" if is_cancelled else "ended")

    def _on_partial(self, request_id: int, report: Report) -> None:
        job = self._expect(QueryAsk, request_id)
        if job is None or report.completion < job.shown:
            return
        job.shown = report.completion
        self._order(DeliverReport(request_id, report))
        if report.is_large:  # few of them are ever under way (C-12)
            self._order(Send(ClientHeartbeat(seen=request_id)))

    def _confirm(self, job_id: str, outcome: CancelOutcome) -> None:
        """The broker is done with this job: whoever waits for its end has it."""
        request_id = self._own_number_of(job_id)
        withdrawn = self._withdrawn.pop(request_id, None) if request_id is not None else None
        asked = self._cancels.pop(job_id, None)
        if asked is not None or (withdrawn is not None and withdrawn.waited):
            self._order(ResolveCancel(job_id, outcome))

    def _expect(self, kind: type[_A], request_id: int) -> _OpenJob | None:
        """The open job that an answer is for; an answer of the other kind is the broker's fault and ends the job."""
        job = self._jobs.get(request_id)
        if job is None or isinstance(job.ask, kind):
            return job
        what = "a raw body" if kind is RawAsk else "a report"
        self._fail_job(request_id, job, Fault("E_PROTOCOL", f"the broker answered {job.ask.service} with {what}"))
        return None

    # Endings

    def _fail_job(self, request_id: int, job: _OpenJob, fault: Fault) -> None:
        self._reject(request_id, fault, False)
        self._withdraw(request_id, job, False)

    def _fail_cancel(self, job_id: str, fault: Fault) -> None:
        del self._cancels[job_id]
        self._order(RejectCancel(job_id, replace(fault, job_id=job_id)))

    def _withdraw(self, request_id: int, job: _OpenJob, waited: bool) -> None:
        """A broker life that may hold the job is told that we no longer want it: now, or when it is back."""
        job_id = self._job_id_of(request_id)
        del self._jobs[request_id]
        if job.issued_in is not None:
            self._withdrawn[request_id] = _Withdrawn(job.issued_in, waited and self._broker is not None)
        if self._broker is not None:
            self._send_cancel(job_id)
        elif waited:
            self._order(ResolveCancel(job_id, "cancelled"))

    def _reject(self, request_id: int, fault: Fault, by_owner: bool) -> None:
        job = self._jobs.get(request_id)
        if job is None:
            return
        named = replace(
            fault,
            job_id=fault.job_id or self._job_id_of(request_id),
            service=fault.service or job.ask.service,
        )
        self._order(RejectJob(request_id, named, by_owner))

    def _send_cancel(self, job_id: str) -> None:
        self._order(Send(ClientCancel(job_id=job_id)))

    def _job_id_of(self, request_id: int) -> str:
        return job_id_of(self._client_id, request_id)

    def _own_number_of(self, job_id: str) -> int | None:
        parsed = parse_job_id(job_id)
        return parsed.request if parsed is not None and parsed.client == self._client_id else None

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        for request_id, job in self._jobs.items():
            assert 1 <= request_id <= self._last_request_id, "a job's number was given out"
            assert request_id not in self._withdrawn, "a job is open or withdrawn, not both"
            assert self._broker is None or job.issued_in == self._broker.epoch, "the broker was sent every open job"
            assert job.issued_in is not None or job.shown == -1, "what was never sent was never answered"
        for withdrawn in self._withdrawn.values():
            assert self._broker is None or withdrawn.epoch == self._broker.epoch, "jobs of other lives are forgotten"
            assert not withdrawn.waited or self._broker is not None, "nobody waits for a broker that is away"
