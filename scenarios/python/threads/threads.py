"""What programs do with threads, locks and queues; the argument says what."""

import _thread
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

START = time.monotonic()


def say(*what):
    print(f"{time.monotonic() - START:.2f}", threading.current_thread().name, *what)


def start(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    return threads


def join(threads):
    for thread in threads:
        thread.join()


def life():
    """From start to end."""
    thread = threading.Thread(target=time.sleep, args=(0.3,), name="sleeper")
    say(thread.is_alive(), thread.ident)
    thread.start()
    say(thread.is_alive(), threading.active_count(), thread in threading.enumerate(), thread.ident is None)
    thread.join(0.1)
    say(thread.is_alive())
    polls = 0
    while thread.is_alive():
        polls += 1
        time.sleep(0.1)
    say(polls, threading.active_count())
    for wrong in (thread.start, threading.current_thread().join, threading.Thread().join):
        try:
            wrong()
        except RuntimeError as error:
            say(error)


def fails():
    """An error in a thread is told, and ends only that."""

    def bad():
        raise KeyError("x")

    def leaves():
        sys.exit(3)

    join(start(bad, leaves))
    threading.excepthook = lambda args: say(args.exc_type.__name__, args.thread.name)
    join(start(bad))


def lock():
    """A lock is had by one after the other."""
    one = threading.Lock()

    def work():
        with one:
            time.sleep(0.1)
            say("had it")

    threads = start(work, work, work)
    time.sleep(0.05)
    say(one.acquire(blocking=False))
    join(threads)
    say(one.locked(), one.acquire(timeout=0.1), one.acquire(timeout=0.1))
    again = threading.RLock()
    with again, again:
        pass
    for wrong in (threading.Lock().release, again.release, lambda: one.acquire(False, 1), lambda: one.acquire(timeout=-2)):
        try:
            wrong()
        except (RuntimeError, ValueError) as error:
            say(error)


def semaphore():
    permits = threading.BoundedSemaphore(2)

    def work():
        with permits:
            time.sleep(0.1)
            say("had one")

    join(start(*[work] * 5))
    try:
        permits.release()
    except ValueError as error:
        say(error)


def event():
    happened = threading.Event()

    def sets():
        time.sleep(1)
        happened.set()

    start(sets)
    say(happened.wait(0.3), happened.is_set())
    say(happened.wait(), happened.is_set())
    happened.clear()
    say(happened.is_set())
    # Asked again and again.
    start(sets)
    while not happened.is_set():
        time.sleep(0.3)
    say("seen")


def stop():
    """A worker that works until it is told to stop."""
    stopping = threading.Event()

    def works():
        while not stopping.wait(0.2):
            say("works")

    threads = start(works)
    time.sleep(0.5)
    stopping.set()
    join(threads)
    say("stopped")


def condition():
    changed = threading.Condition()
    box = []

    def waits():
        with changed:
            say(changed.wait_for(lambda: box, timeout=2))

    def fills():
        time.sleep(0.5)
        with changed:
            box.append(1)
            changed.notify()

    join(start(waits, fills))
    with changed:
        say(changed.wait(0.1))


def barrier():
    together = threading.Barrier(3, action=lambda: say("all here"))

    def comes(after):
        time.sleep(after)
        say("comes")
        together.wait()
        say("passes")

    join([*start(lambda: comes(0.1), lambda: comes(0.2), lambda: comes(0.3))])


def pipeline():
    """From one thread to the next by queues."""
    first, second = queue.Queue(), queue.SimpleQueue()

    def doubles():
        while (number := first.get()) is not None:
            time.sleep(0.05)
            second.put(number * 2)
            first.task_done()
        second.put(None)

    threads = start(doubles)
    for number in range(3):
        first.put(number)
        time.sleep(0.1)
    first.put(None)
    while (number := second.get()) is not None:
        say(number)
    join(threads)
    say(first.empty(), second.empty())
    for empty in (lambda: first.get(timeout=0.1), lambda: first.get(block=False), lambda: second.get(timeout=0.1)):
        try:
            empty()
        except queue.Empty as error:
            say(repr(error))
    full = queue.Queue(1)
    full.put(1)
    try:
        full.put(2, timeout=0.1)
    except queue.Full as error:
        say(repr(error))
    worst = queue.PriorityQueue()
    for number in 3, 1, 2:
        worst.put(number)
    say(worst.get(), worst.qsize())


def daemons():
    """Workers that are left behind when all is done, as in the documentation of queue."""
    todo = queue.Queue()

    def work():
        while True:
            number = todo.get()
            time.sleep(0.1)
            say(number)
            todo.task_done()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    for number in range(3):
        todo.put(number)
    todo.join()
    say("all done", thread.is_alive())
    if "more" in sys.argv:
        todo.put(3)


def timer():
    threading.Timer(0.5, say, ["rings"]).start()
    never = threading.Timer(0.5, say, ["never"])
    never.start()
    time.sleep(0.2)
    never.cancel()
    say("cancelled")


def local():
    mine = threading.local()
    mine.value = 1

    def look():
        say(hasattr(mine, "value"))
        mine.value = 2

    join(start(look))
    say(mine.value)
    done = threading.Lock()
    done.acquire()
    _thread.start_new_thread(lambda: (say("low-level"), done.release()), ())
    done.acquire()


def end():
    """The end of the program waits for pools, and for threads that are no daemons."""
    ThreadPoolExecutor(1, "pool").submit(lambda: (time.sleep(0.5), say("soon")))
    start(lambda: (time.sleep(1), say("late")))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def two_locks():
    """Each has what the other wants."""
    a, b = threading.Lock(), threading.Lock()

    def takes(first, then):
        with first:
            time.sleep(0.1)
            ready.wait()
            with then:
                say("both")

    ready = threading.Barrier(2)
    join(start(lambda: takes(a, b), lambda: takes(b, a)))


def again():
    """A lock is taken twice by one thread."""
    one = threading.Lock()
    with one, one:
        pass


def nobody():
    """Nobody will ever put anything there."""
    queue.Queue().get()


globals()[sys.argv[1]]()
say("end")
