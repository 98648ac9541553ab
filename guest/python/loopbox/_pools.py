"""Executors: pools of threads and of processes, on the machine's pools.

`concurrent.futures` stays CPython's. A `ThreadPoolExecutor` puts its work items into `_WorkQueue`, which makes each
a job of the machine, instead of into a queue that threads would read; what runs them, and what futures do then, is
CPython's own. The default executor of a loop is the machine's pool 0, whose workers the scenario says.

A `ProcessPoolExecutor` gives its pickled calls to fresh instances of this program, which run CPython's
`_process_worker` on them (`serve`). Every call has an instance of its own: what a call leaves behind in its process
is not there for the next one, and an initializer runs before each.

A future knows when it was done (`_state`): nobody sees a result before that moment, whoever ran first.
"""

import contextvars
import functools
import multiprocessing
import os
import pickle
import queue
import sys
import threading
import traceback
import types
import weakref
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import _base, process, thread
from typing import Any, NoReturn, override

from . import _host, _loop, _threads

FOREVER = _threads.FOREVER
now = _threads.now

_DONE = frozenset({_base.CANCELLED, _base.CANCELLED_AND_NOTIFIED, _base.FINISHED})


# --- Futures -------------------------------------------------------------------------------------------


class _FutureCondition(_threads.Unlocked):
    """What `result` and `exception` wait for."""

    __slots__ = ("_future",)

    def __init__(self, future: _base.Future) -> None:
        self._future = future

    def wait(self, timeout: float | None = None) -> bool:
        future = self._future
        until = _threads.until_of(timeout)
        job = future._job
        if job is not None and not job.is_isolated and future._done_at is None:
            return _threads.wait_for_end(job, f"Future.result:{job.name}", until)
        return _block("Future.result", lambda: future._done_at, until, [future])


@functools.wraps(_base.Future.__init__)
def _make_future(self: _base.Future) -> None:
    """`Future.__init__`."""
    self._actual = _base.PENDING
    self._before = _base.PENDING
    self._done_at = None
    self._job = None
    self._result = None
    self._exception = None
    self._waiters = []
    self._done_callbacks = []


def _get_state(self: _base.Future) -> str:
    if _threads.waiting and not _threads.running:
        frame = sys._getframe(1)
        if frame.f_code in _ASKING and not _threads.is_foreign(frame.f_back.f_code.co_filename):
            _threads.look()
    if self._done_at is not None and self._done_at > now():
        return self._before
    return self._actual


def _set_state(self: _base.Future, state: str) -> None:
    if state in _DONE and self._done_at is None:
        self._before = self._actual
        self._done_at = now() if _threads.used else 0
    self._actual = state


_ASKING = frozenset(
    method.__code__ for method in (_base.Future.done, _base.Future.running, _base.Future.cancelled)
)
_cancel_future = _base.Future.cancel
_add_done_callback = _base.Future.add_done_callback


@functools.wraps(_cancel_future)
def _cancel(self: _base.Future) -> bool:
    """`Future.cancel`: a job that no worker has taken is taken back."""
    if self._job is None or self._actual != _base.PENDING:
        return _cancel_future(self)
    if not self._job.take_back():
        return False
    cancelled = _cancel_future(self)
    # What a worker would do that finds it in its queue.
    self.set_running_or_notify_cancel()
    return cancelled


@functools.wraps(_add_done_callback)
def _add_callback(self: _base.Future, fn: Callable[[_base.Future], object]) -> None:
    """`Future.add_done_callback`."""
    if self._done_at is not None and self._done_at > (time_now := now()):
        # The worker has run, but for whoever asks it is not done yet.
        loop = _threads._get_running_loop()
        if loop is not None:
            loop.call_at(loop.time() + (self._done_at - time_now) / 1e9, fn, self)
            return
        try:
            fn(self)
        except Exception:
            _base.LOGGER.exception("exception calling callback for %r", self)
        return
    _add_done_callback(self, fn)


def _block(call: str, ready: Callable[[], int | None], until: int, futures: Iterable[_base.Future]) -> bool:
    """Blocks the calling thread; jobs of process pools end only before the event loop's eyes."""
    if any(future._job is not None and future._job.is_isolated and future._done_at is None for future in futures):
        return _block_with_processes(call, ready, until)
    return _threads.block(call, ready, until, lambda: f"waits in {call}")


def _is_done(future: _base.Future) -> bool:
    return future._done_at is not None and future._done_at <= now()


@functools.wraps(_base.wait)
def _wait(fs: Iterable[_base.Future], timeout: float | None = None, return_when: str = _base.ALL_COMPLETED) -> Any:
    """`concurrent.futures.wait`."""
    fs = set(fs)
    if return_when not in (_base.FIRST_COMPLETED, _base.FIRST_EXCEPTION, _base.ALL_COMPLETED):
        if not all(map(_is_done, fs)):
            raise ValueError("Invalid return condition: %r" % return_when)

    def enough_at() -> int | None:
        ends = sorted((f._done_at, f._exception is not None) for f in fs if f._done_at is not None)
        if return_when == _base.FIRST_COMPLETED and ends:
            return ends[0][0]
        failed = [at for at, has_failed in ends if has_failed]
        if return_when == _base.FIRST_EXCEPTION and failed:
            return failed[0]
        return (ends[-1][0] if ends else 0) if len(ends) == len(fs) else None

    _threads.look()
    _block("concurrent.futures.wait", enough_at, _threads.until_of(timeout), fs)
    done = {f for f in fs if _is_done(f)}
    return _base.DoneAndNotDoneFutures(done, fs - done)


@functools.wraps(_base.as_completed)
def _as_completed(fs: Iterable[_base.Future], timeout: float | None = None) -> Generator[_base.Future]:
    """`concurrent.futures.as_completed`."""
    until = _threads.until_of(timeout)
    # Nothing here keeps a future alive that was handed out.
    pending = set(fs)
    del fs
    total = len(pending)

    def next_at() -> int | None:
        return min((f._done_at for f in pending if f._done_at is not None), default=None)

    _threads.look()
    while pending:
        if not _block("concurrent.futures.as_completed", next_at, until, pending):
            raise TimeoutError("%d (of %d) futures unfinished" % (len(pending), total))
        done = sorted(filter(_is_done, pending), key=lambda f: f._done_at, reverse=True)
        pending.difference_update(done)
        while done:
            yield done.pop()


# --- Pools of threads ----------------------------------------------------------------------------------


class _PoolHandle(_threads.ThreadHandle):
    """The thread of a worker; it ends when its pool is shut down and has nothing left to do."""

    def __init__(self, work: _WorkQueue, ident: int) -> None:
        super().__init__()
        self.ident = ident
        self._work = work

    @override
    def is_done(self) -> bool:
        work = self._work
        last = work.last
        return work.is_closed() and not work.jobs and (last is None or last.ended_at <= now())

    @override
    def join(self, timeout: float | None = None) -> None:
        until = _threads.until_of(None if timeout is None or timeout < 0 else timeout)
        work = self._work
        while work.jobs or (work.last is not None and work.last.ended_at > now()):
            job = next(iter(work.jobs.values())) if work.jobs else work.last
            if not _threads.wait_for_end(job, "ThreadPoolExecutor.shutdown", until) and now() >= until:
                return
        if work.is_closed():
            for worker in work.workers.values():
                threading._active.pop(worker.thread.ident, None)


class _Worker:
    """A worker of a pool, as the program sees it: a thread that is there for all of its jobs."""

    def __init__(self, work: _WorkQueue, number: int) -> None:
        self.context = contextvars.Context()
        self.worker_context = work.make_context()
        self.is_busy = False
        self.free_at = 0
        self.is_initialized = False
        self.thread = thread_ = threading.Thread(name=f"{work.prefix}_{number}", target=thread._worker)
        self.ident, self.native_id = _threads.new_idents()
        thread_._ident, thread_._native_id = self.ident, self.native_id
        thread_._os_thread_handle = _PoolHandle(work, self.ident)
        thread_._context = self.context
        thread_._started.set()
        threading._active[self.ident] = thread_


class _PoolJob(_threads.Job):
    """A work item of a `ThreadPoolExecutor`."""

    is_isolated = False

    def __init__(self, work: _WorkQueue, item: Any) -> None:
        self.work = work
        self.item = item
        self.submitted_at = now()
        self.name = _name_of(item.task[0])

    @override
    def describe(self) -> str:
        return f'job "{self.name}"'

    @override
    def take_back(self) -> bool:
        if not super().take_back():
            return False
        del self.work.jobs[self.number]
        return True

    @override
    def run(self) -> bool:
        work, item = self.work, self.item
        del self.item
        worker = work.free_worker(self.submitted_at)
        worker.is_busy = True
        self.ident, self.native_id = worker.ident, worker.native_id
        if worker.is_initialized or self._initialize(worker, item):
            try:
                worker.context.run(item.run, worker.worker_context)
            except BaseException:
                _base.LOGGER.critical("Exception in worker", exc_info=True)
        del work.jobs[self.number]
        worker.is_busy = False
        worker.free_at = self.ended_at = now()
        if work.last is None or work.last.ended_at < self.ended_at:
            work.last = self
        return item.future._exception is None

    def _initialize(self, worker: _Worker, item: Any) -> bool:
        """What a worker does before its first item (`thread._worker`)."""
        try:
            worker.context.run(worker.worker_context.initialize)
        except BaseException:
            _base.LOGGER.critical("Exception in initializer:", exc_info=True)
            executor = self.work.executor()
            if executor is not None:
                executor._initializer_failed()
                item.future.set_exception(executor.BROKEN(executor._broken))
            return False
        worker.is_initialized = True
        return True


class _WorkQueue:
    """What a `ThreadPoolExecutor` puts its work items into: each becomes a job of the machine."""

    def __init__(self, executor: thread.ThreadPoolExecutor) -> None:
        self.executor = weakref.ref(executor)
        self.make_context = executor._create_worker_context
        self.prefix = executor._thread_name_prefix
        self.size = executor._max_workers
        self.pool: int | None = None
        self.jobs: dict[int, _PoolJob] = {}
        """Those that are not done, by the machine's numbers."""
        self.last: _PoolJob | None = None
        """Of those that are done, the one that was done last."""
        self.workers: dict[int, _Worker] = {}

    def is_closed(self) -> bool:
        executor = self.executor()
        return executor is None or executor._shutdown or thread._shutdown

    def put(self, item: Any) -> None:
        """Takes an item. `None`, which wakes threads that wait, is for nobody."""
        if item is None:
            return
        if self.pool is None:
            self.pool = _threads.create_pool(self.prefix, self.size)
        job = item.future._job = _PoolJob(self, item)
        job.submit(self.pool, _threads.place_of_caller())
        self.jobs[job.number] = job

    def get_nowait(self) -> Any:
        """Gives back the first item that no worker has taken."""
        for job in list(self.jobs.values()):
            item = getattr(job, "item", None)
            if item is not None and job.take_back():
                item.future._job = None
                return item
        raise queue.Empty

    def free_worker(self, submitted_at: int) -> _Worker:
        """The worker that has just taken a job: the machine's rules are the first that is idle, or a new one, or else
        the first that becomes free."""
        time_now = now()
        idle = [worker for _, worker in sorted(self.workers.items()) if not worker.is_busy and worker.free_at <= time_now]
        for worker in idle:
            if worker.free_at <= submitted_at:
                return worker
        if len(self.workers) < self.size or not idle:
            return self.worker(len(self.workers))
        return max(idle, key=lambda worker: worker.free_at)

    def worker(self, number: int) -> _Worker:
        worker = self.workers.get(number)
        if worker is None:
            worker = self.workers[number] = _Worker(self, number)
        return worker


def _name_of(function: Any) -> str:
    """What a job is called."""
    while isinstance(function, functools.partial):
        # `to_thread` wraps the function in the context that it runs in.
        inner = function.func
        if isinstance(getattr(inner, "__self__", None), contextvars.Context) and function.args:
            inner = function.args[0]
        function = inner
    return getattr(function, "__qualname__", None) or type(function).__qualname__


_make_executor = thread.ThreadPoolExecutor.__init__


@functools.wraps(_make_executor)
def _make_thread_pool(self: thread.ThreadPoolExecutor, *args: Any, **kwargs: Any) -> None:
    _make_executor(self, *args, **kwargs)
    self._work_queue = _WorkQueue(self)


def _adjust_thread_count(self: thread.ThreadPoolExecutor) -> None:
    """The machine starts workers as they are needed; whoever joins needs one of them to join."""
    if not self._threads:
        worker = self._work_queue.worker(0).thread
        self._threads.add(worker)
        thread._threads_queues[worker] = self._work_queue


def default_executor() -> thread.ThreadPoolExecutor:
    """What `run_in_executor(None, ...)` uses: the machine's own pool."""
    executor = thread.ThreadPoolExecutor(thread_name_prefix="asyncio")
    executor._work_queue.pool = 0
    executor._work_queue.size = 0
    return executor


def is_idle(executor: Any) -> bool:
    """Whether an executor of threads has nothing left to do."""
    work = getattr(executor, "_work_queue", None)
    return isinstance(work, _WorkQueue) and not work.jobs and (work.last is None or work.last.ended_at <= now())


# --- Pools of processes --------------------------------------------------------------------------------


_isolated: dict[int, _ProcessJob] = {}
"""The jobs of process pools that are not done."""

_bootstrapping = False
"""Whether this is a process of a pool that still runs the program's top level."""


class _ProcessJob:
    """A call for a process of a pool."""

    is_isolated = True

    def __init__(self, executor: ProcessPoolExecutor, number: int, name: str, future: _base.Future) -> None:
        self.executor = executor
        self.number = number
        self.name = name
        self.future = future

    def take_back(self) -> bool:
        if self.number not in _isolated or not _host.jobs.cancel(self.number):
            return False
        del _isolated[self.number]
        return True

    def finish(self, outcome: Any) -> None:
        """What has become of it."""
        future = self.future
        if not future.set_running_or_notify_cancel():
            return
        cause = None
        if isinstance(outcome, (_host.isolated.Outcome_Returned, _host.isolated.Outcome_Failed)):
            try:
                result = pickle.loads(outcome.value)
            except BaseException as error:
                cause = traceback.format_exception(error)
            else:
                if result.exception is not None:
                    future.set_exception(result.exception)
                else:
                    future.set_result(result.result)
                return
        executor = self.executor
        executor._broken = "A child process terminated abruptly, the process pool is not usable anymore"
        executor._shutdown_thread = True
        error = process.BrokenProcessPool(
            "A process in the process pool was terminated abruptly while the future was running or pending."
        )
        if cause is not None:
            error.__cause__ = process._RemoteTraceback(f"\n'''\n{''.join(cause)}'''")
        future.set_exception(error)


def job_finished(number: int) -> None:
    """The machine says that a job of a process pool is done."""
    job = _isolated.pop(number, None)
    outcome = _host.isolated.take_outcome(number)
    if job is not None:
        job.finish(outcome)


class ProcessPoolExecutor(process.ProcessPoolExecutor):
    """`concurrent.futures.ProcessPoolExecutor`."""

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        if max_workers is None:
            max_workers = os.process_cpu_count() or 1
        elif max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if max_tasks_per_child is not None:
            if not isinstance(max_tasks_per_child, int):
                raise TypeError("max_tasks_per_child must be an integer")
            if max_tasks_per_child <= 0:
                raise ValueError("max_tasks_per_child must be >= 1")
        self._max_workers = max_workers
        self._mp_context = mp_context or multiprocessing.get_context("spawn")
        self._initializer = initializer
        self._initargs = initargs
        self._max_tasks_per_child = max_tasks_per_child
        self._broken: str | bool = False
        self._shutdown_thread = False
        self._queue_count = 0
        self._pool: int | None = None

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _base.Future:
        if self._broken:
            raise process.BrokenProcessPool(self._broken)
        if self._shutdown_thread:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if process._global_shutdown:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        if _bootstrapping:
            # With the words of `multiprocessing.spawn`.
            process_ = multiprocessing.process.current_process()
            process_._inheriting = True
            try:
                multiprocessing.spawn._check_not_importing_main()
            finally:
                del process_._inheriting
        future = _base.Future()
        item = process._CallItem(self._queue_count, fn, args, kwargs)
        self._queue_count += 1
        sys.modules["__mp_main__"] = sys.modules["__main__"]
        try:
            argument = pickle.dumps((pickle.dumps((self._initializer, self._initargs)), pickle.dumps(item)))
        except Exception as error:
            # As CPython's queue feeder, which passes it on.
            text = "".join(traceback.format_exception(error))
            error.__cause__ = process._RemoteTraceback(f'\n"""\n{text}"""')
            future.set_exception(error)
            return future
        _threads.used = True
        if self._pool is None:
            self._pool = _host.isolated.create_pool("process", self._max_workers)
        name = _name_of(_unchunked(fn))
        call = _host.isolated.Call(name, argument)
        number = _host.isolated.submit(self._pool, call, _threads.place_of_caller())
        if number is None:
            self._broken = "A child process terminated abruptly, the process pool is not usable anymore"
            raise process.BrokenProcessPool(self._broken)
        future._job = _isolated[number] = _ProcessJob(self, number, name, future)
        return future

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._shutdown_thread = True
        mine = [job for job in _isolated.values() if job.executor is self]
        if cancel_futures:
            for job in mine:
                job.future.cancel()
        if wait:
            _join([job.future for job in mine], "ProcessPoolExecutor.shutdown")

    @override
    def _force_shutdown(self, operation: str) -> None:
        if operation not in process._SHUTDOWN_CALLBACK_OPERATION:
            raise ValueError(f"Unsupported operation: {operation!r}")
        raise NotImplementedError("processes of a pool cannot be killed here: each ends with its call")


ProcessPoolExecutor.__module__ = process.__name__


def _unchunked(function: Any) -> Any:
    """The function that `map` has wrapped."""
    if isinstance(function, functools.partial) and function.func is process._process_chunk:
        return function.args[0]
    return function


def _join(futures: list[_base.Future], call: str) -> None:
    def all_done_at() -> int | None:
        ends = [future._done_at for future in futures]
        return None if None in ends else max(ends, default=0)

    _block(call, all_done_at, FOREVER, futures)


def _block_with_processes(call: str, ready: Callable[[], int | None], until: int) -> bool:
    """As `_threads.block`, on the main thread, which waits as a loop would: only that hears of processes."""
    if _threads.running:
        _threads.never("waits for a job of a process pool, of whose end only the event loop hears")
    loop = _host.event_loop
    while True:
        at, time_now = ready(), now()
        if at is not None and at <= time_now or until <= time_now:
            if _threads._get_running_loop() is None:
                loop.stop()
            return at is not None and at <= time_now
        answer = loop.wait(until if at is None else min(at, until))
        if answer == _host.PARK:
            answer = loop.park()
        if answer == _host.NEVER:
            loop.deadlock([f"{_threads.who()} is blocked in {call}, at {_threads.place_of_caller()}"])
        if answer & _host.NOTICES:
            _loop.take_notices(_threads._get_running_loop(), None)


# --- A process of a pool -------------------------------------------------------------------------------


class _Calls:
    """Where `_process_worker` gets its one call from."""

    def __init__(self, item: bytes) -> None:
        self.item: bytes | None = item

    def get(self, block: bool = True) -> Any:
        item, self.item = self.item, None
        return None if item is None else pickle.loads(item)


class _Results:
    """Where it puts its result."""

    outcome: Any = None

    def put(self, result: Any) -> None:
        if isinstance(result, process._ResultItem):
            kind = _host.isolated.Outcome_Returned if result.exception is None else _host.isolated.Outcome_Failed
            self.outcome = kind(pickle.dumps(result))




def serve(call: Any, run_program: Callable[[str], None], finish: Callable[[int], int]) -> NoReturn:
    """In a process of a pool: runs the program's top level as `spawn` does, and then the call."""
    global _bootstrapping
    _bootstrapping = True
    run_program("__mp_main__")
    _bootstrapping = False
    initializer, item = pickle.loads(call.argument)
    results = _Results()
    process._process_worker(_Calls(item), results, *pickle.loads(initializer))
    outcome = results.outcome
    status = finish(0 if outcome is not None else 1)
    if outcome is None:
        # The initializer failed: a process that ends without a result breaks its pool.
        _host.process.exit(status)
    _host.isolated.finish(outcome)
    raise AssertionError("the machine has ended the process")


# --- In the build --------------------------------------------------------------------------------------


def install() -> None:
    """Puts these in the place of CPython's."""
    future = _base.Future
    future.__init__ = _make_future
    future._state = property(_get_state, _set_state)
    future._condition = property(_FutureCondition)
    future.cancel = _cancel
    future.add_done_callback = _add_callback
    for module in (_base, sys.modules["concurrent.futures"]):
        module.wait = _wait
        module.as_completed = _as_completed
    thread.ThreadPoolExecutor.__init__ = _make_thread_pool
    thread.ThreadPoolExecutor._adjust_thread_count = _adjust_thread_count
    process.ProcessPoolExecutor = ProcessPoolExecutor
    sys.modules["concurrent.futures"].__dict__.pop("ProcessPoolExecutor", None)
    _loop.default_executor, _loop.executor_is_idle = default_executor, is_idle
    _loop.Notices.run_job, _loop.Notices.job_finished = _threads.run_job, job_finished
    threading._register_atexit(lambda: _join([job.future for job in _isolated.values()], "threading._shutdown"))
    multiprocessing.process.BaseProcess.start = _refuse_process


def _refuse_process(self: multiprocessing.process.BaseProcess) -> NoReturn:
    raise NotImplementedError(
        "multiprocessing.Process cannot be started in the sandbox; use concurrent.futures.ProcessPoolExecutor, or "
        "asyncio.create_subprocess_exec(sys.executable, ...)"
    )
