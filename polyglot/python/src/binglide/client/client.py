"""The client for programs without an event loop, and for notebooks, whose loop it leaves alone: its socket lives on a
thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Literal, TypeAlias, overload

from ..protocol.codec import Buffer
from ..protocol.errors import BinglideError
from ..protocol.payloads import DEFAULT_CELLS
from .base import BaseClient
from .events import CancelOutcome
from .job import Job, RawJob
from .mmi import JOBS, SERVICES, JobEntry, ServiceList, job_entries, service_list
from .options import Path, check_count, check_errors, check_items, check_job_id, paths_of
from .report import Report

#: What ``map`` goes over: a path each, or two for a service that compares.
Item: TypeAlias = Path | Sequence[Path]
Range: TypeAlias = str | tuple[int, int | None] | None

MAP_BOUND: Final = 8


class Client(BaseClient):
    """Made by ``binglide.connect``. To be used from any thread; ``with`` closes it."""

    def request(
        self,
        service: str,
        *paths: Path,
        range: Range = None,
        cells: int = DEFAULT_CELLS,
        snap: bool = False,
        params: Mapping[str, Any] | None = None,
        cache: bool = True,
        version: int | str | None = None,
        **named: Any,
    ) -> Job:
        """Asks a service about one file, or two that it compares; returns at once.

        ``range``: ``"1G:+512M"``, ``":4096"``, ``"-1M:"``, or (start, end) in bytes; everything where it is left out.
        ``cells``: how many along the range, give or take one. ``snap``: widen the range to whole cells. ``cache``:
        False neither looks into the cache nor writes to it. ``version``: of the service, the newest where it is left
        out. Parameters of the service go by keyword, or in ``params`` where a name is taken.

        Raises E_USAGE for what makes no sense; everything else that goes wrong is raised by the job.
        """
        return self._request(
            Job,
            service,
            paths,
            range=range,
            cells=cells,
            snap=snap,
            params=params,
            cache=cache,
            version=version,
            named=named,
        )

    def call(self, service: str, *frames: Buffer) -> RawJob:
        """Asks a service without descriptor, or ``mmi.``…: the frames go to one worker, its answers come back."""
        return self._call(RawJob, service, frames)

    @overload
    def map(
        self,
        service: str,
        paths: Iterable[Item],
        *,
        bound: int = MAP_BOUND,
        errors: Literal["raise"] = "raise",
        **options: Any,
    ) -> Iterator[tuple[Any, Report]]: ...

    @overload
    def map(
        self, service: str, paths: Iterable[Item], *, bound: int = MAP_BOUND, errors: Literal["return"], **options: Any
    ) -> Iterator[tuple[Any, Report | BinglideError]]: ...

    def map(
        self,
        service: str,
        paths: Iterable[Item],
        *,
        bound: int = MAP_BOUND,
        errors: Literal["raise", "return"] = "raise",
        **options: Any,
    ) -> Iterator[tuple[Any, Any]]:
        """(path, exact report) of each path, in the order in which they end; at most ``bound`` are under way, and paths
        are taken from the iterable as there is room. ``options`` are those of ``request``.

        A file that fails raises its error, which cancels the others; ``errors="return"`` yields (path, error) instead
        and goes on. Leaving the loop cancels what is under way.
        """
        return self._map(service, check_items(paths), check_count("bound", bound), check_errors(errors), options)

    def _map(
        self, service: str, items: Iterator[Item], bound: int, returns: bool, options: dict[str, Any]
    ) -> Iterator[tuple[Any, Report | BinglideError]]:
        ended: SimpleQueue[Job] = SimpleQueue()
        under_way: dict[Job, Item] = {}
        try:
            while True:
                while len(under_way) < bound:
                    try:
                        item = next(items)
                    except StopIteration:
                        break
                    job = self.request(service, *paths_of(item), **options)
                    under_way[job] = item
                    job._on_end(lambda job=job: ended.put(job))  # type: ignore[misc]
                if not under_way:
                    return
                job = ended.get()
                item = under_way.pop(job)
                yield item, _result_of(job, returns)
        finally:
            for job in under_way:
                job.cancel()

    def services(self) -> ServiceList:
        """What can be asked, and the slots that answer."""
        return service_list(self.call(SERVICES).final())

    def jobs(self) -> list[JobEntry]:
        """The jobs under way, everybody's."""
        return job_entries(self.call(JOBS).final())

    def cancel(self, job_id: str) -> CancelOutcome:
        """Ends any job, whoever asked for it: ``cancelled`` where it was under way, ``ended`` where it had ended,
        ``unknown`` where the broker knows nothing of it."""
        outcome: CancelOutcome = self._engine.cancel(check_job_id(job_id)).wait()
        return outcome

    def close(self) -> None:
        """Tells the broker, ends what is under way (loops quietly, ``final()`` with E_CANCELLED), lets go of all."""
        self._engine.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _result_of(job: Job, returns: bool) -> Report | BinglideError:
    try:
        return job.final()
    except BinglideError as error:
        if not returns:
            raise
        return error
