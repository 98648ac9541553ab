"""Pipes, streams and children of a Python program, one function for each scenario.

Nothing here is Loopbox's: run natively, with `python3.14 processes.py MODE`, each mode prints the same.
"""

import asyncio
import inspect
import os
import select
import selectors
import signal
import subprocess
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT

CURED = "--cured" in sys.argv


def tell(name, function):
    """What comes of a call. The numbers of errors are the platform's."""
    try:
        print(f"{name}: {function()}")
    except Exception as error:
        print(f"{name}: {type(error).__name__}")


def child(code, *args):
    return [sys.executable, "-c", code, *args]


# Descriptors and files.


def descriptors():
    reader, writer = os.pipe()
    print("neighbours:", writer == reader + 1, "tty:", os.isatty(reader), "blocking:", os.get_blocking(reader))
    print(os.write(writer, b"hello world"), os.read(reader, 5), os.read(reader, 100))
    os.set_blocking(reader, False)
    tell("nothing there", lambda: os.read(reader, 1))
    tell("read the writer", lambda: os.read(writer, 1))
    tell("write the reader", lambda: os.write(reader, b"x"))
    tell("seek", lambda: os.lseek(reader, 0, os.SEEK_SET))
    other = os.dup(writer)
    os.close(writer)
    os.write(other, b"again")
    print(os.read(reader, 9))
    os.close(other)
    print("its end:", os.read(reader, 9))
    os.close(reader)
    tell("closed", lambda: os.read(reader, 1))
    tell("closed twice", lambda: os.close(reader))
    reader, writer = os.pipe()
    os.close(reader)
    tell("no reader", lambda: os.write(writer, b"x"))
    os.close(writer)
    pipes = []
    try:
        while True:
            pipes.append(os.pipe())
    except OSError as error:
        print("too many:", type(error).__name__, len(pipes) > 100)
    os.closerange(reader, max(pipes[-1]) + 1)


def files():
    reader, writer = os.pipe()
    with open(writer, "w") as out, open(reader) as into:
        print(type(out).__name__, type(out.buffer).__name__, type(out.buffer.raw).__name__, out.mode, into.buffer.raw.mode)
        print("one\ntwo", file=out, flush=True)
        print(into.readline(), end="")
        out.close()
        print(into.read(), end="")
    tell("closed", lambda: os.fstat(reader))
    reader, writer = os.pipe()
    raw = os.fdopen(writer, "wb", 0)
    print(raw.seekable(), raw.write(b"abc"))
    tell("seek", lambda: raw.seek(0))
    tell("read", raw.read)
    raw.close()
    print(raw)
    with os.fdopen(reader, "rb") as into:
        print(into.read())
    with open(os.devnull, "w") as null:
        print("nowhere:", null.write("gone"))
    # Other files are what they always were.
    with open("plain.txt", "w+") as plain:
        plain.write("plain")
        plain.seek(0)
        print(plain.read())


def selecting():
    reader, writer = os.pipe()
    selector = selectors.DefaultSelector()
    selector.register(reader, selectors.EVENT_READ, "data")
    started = time.monotonic()
    print(selector.select(0.25), round(time.monotonic() - started, 1))
    os.write(writer, b"x")
    print([(key.data, events) for key, events in selector.select(1)])
    print(select.select([reader], [writer], [], 1) == ([reader], [writer], []))
    os.read(reader, 1)
    started = time.monotonic()
    print(select.select([reader], [], [], 0.5), round(time.monotonic() - started, 1))
    poll = select.poll()
    poll.register(writer, select.POLLOUT)
    print(poll.poll(1000) == [(writer, select.POLLOUT)])


async def readers():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    done, got = loop.create_future(), []

    def ready():
        got.append(os.read(reader, 3))
        if not got[-1]:
            loop.remove_reader(reader)
            done.set_result(None)

    loop.add_reader(reader, ready)
    loop.call_later(0.1, os.write, writer, b"abcdef")
    loop.call_later(0.2, os.close, writer)
    await done
    print(got, loop.remove_reader(reader))
    os.close(reader)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    room, written = asyncio.Event(), 0
    try:
        while True:
            written += os.write(writer, bytes(4096))
    except BlockingIOError:
        print("full at", written)
    loop.add_writer(writer, room.set)
    loop.call_later(0.1, os.read, reader, 65536)
    await room.wait()
    print("there is room again", loop.remove_writer(writer))


async def misuse():
    loop = asyncio.get_running_loop()
    tell("closed", lambda: loop.add_reader(987, print))
    tell("no file", lambda: loop.add_reader("x", print))
    tell("unknown", lambda: loop.remove_reader(987))
    with open("plain.txt", "w") as plain:
        tell("plain file", lambda: loop.add_reader(plain, print))
        for connect in (loop.connect_read_pipe, loop.connect_write_pipe):
            try:
                await connect(asyncio.Protocol, plain)
            except ValueError as error:
                print(error)


async def stale():
    loop = asyncio.get_running_loop()
    reader, _ = os.pipe()
    loop.add_reader(reader, print)
    if CURED:
        loop.remove_reader(reader)
    os.close(reader)
    await asyncio.sleep(0.1)


async def busy():
    loop = asyncio.get_running_loop()
    reader, writer = os.pipe()
    os.write(writer, b"x" * 20)

    def called():
        if CURED:
            os.read(reader, 1)

    loop.add_reader(reader, called)
    await asyncio.sleep(0.05)
    loop.remove_reader(reader)


# Streams.


async def connected(reader, writer):
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), open(reader, "rb", 0))
    writing, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, open(writer, "wb", 0))
    return stream, reading, asyncio.StreamWriter(writing, protocol, None, loop)


async def streams():
    stream, reading, writer = await connected(*os.pipe())
    print(reading, writer.transport)
    writer.write(b"line 1\nline 2\nrest")
    print(await stream.readline(), await stream.readuntil(b"\n"), await stream.read(2))
    writer.write(bytes(1_000_000))
    print("buffered:", writer.transport.get_write_buffer_size() > 65536)
    rest = asyncio.create_task(stream.read())
    await writer.drain()
    print("drained:", writer.transport.get_write_buffer_size() <= 65536)
    writer.close()
    print(len(await rest), reading, writer.transport)


async def lost_writes():
    _, reading, writer = await connected(*os.pipe())
    reading.close()
    await asyncio.sleep(0.05)
    try:
        for _ in range(8):
            writer.write(b"x")
            if CURED:
                await writer.drain()
        await writer.drain()
    except ConnectionResetError as error:
        print("drain:", type(error).__name__, error)


def standard_input():
    print(repr(input()), repr(sys.stdin.readline()), sys.stdin.read().split())


async def standard_streams():
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(os.dup(1), "wb", 0))
    async for line in stream:
        transport.write(line.upper())
    transport.close()


# Children.


async def echo():
    process = await asyncio.create_subprocess_exec(*child("print(input()[::-1])"), stdin=PIPE, stdout=PIPE)
    print(await process.communicate(b"hello\n"), process.returncode)
    code = "import os, sys; print('out', flush=True); print(os.environ['A'], sys.argv, file=sys.stderr)"
    process = await asyncio.create_subprocess_exec(*child(code, "x", "y"), stdout=PIPE, stderr=STDOUT, env={"A": "1"})
    print(await process.communicate())
    process = await asyncio.create_subprocess_exec(*child("print('nowhere')"), stdout=DEVNULL, stdin=DEVNULL)
    print(await process.wait())


async def exits():
    for code in ("raise SystemExit(7)", "import os; print('lost'); os._exit(44)", "import os; os.abort()", "1/0"):
        process = await asyncio.create_subprocess_exec(*child(code), stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate()
        print(process.returncode, out, err.decode().splitlines()[-1:])
    for program in ("no-such-program", "/bin/no-such-program"):
        try:
            await asyncio.create_subprocess_exec(program)
        except FileNotFoundError as error:
            print("not found:", error.filename)


async def kill():
    for how in ("kill", "terminate"):
        process = await asyncio.create_subprocess_exec("sleep", "100")
        await asyncio.sleep(1)
        getattr(process, how)()
        print(how, await process.wait())
        try:
            process.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            print("it has gone")
    handling = (
        "import asyncio, os, signal\n"
        "async def main():\n"
        "    came = asyncio.Event()\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, came.set)\n"
        "    print('ready', flush=True)\n"
        "    await came.wait()\n"
        "    print('parted', os.getpid() != os.getppid())\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(*child(handling), stdout=PIPE)
    print(await process.stdout.readline())
    process.terminate()
    print(await process.stdout.read(), await process.wait())


def run():
    code = "import sys; print(sys.stdin.read().upper()); print('e', file=sys.stderr); sys.exit(4)"
    done = subprocess.run(child(code), input="abc", capture_output=True, text=True)
    print(done.returncode, repr(done.stdout), repr(done.stderr))
    try:
        done.check_returncode()
    except subprocess.CalledProcessError as error:
        print(str(error).endswith("returned non-zero exit status 4."))
    print(subprocess.check_output(child("print(6 * 7)")), subprocess.call(["sleep", "0"]), subprocess.getoutput("echo hi"))
    started = time.monotonic()
    try:
        subprocess.run(child("print('x', flush=True); import time; time.sleep(100)"), stdout=PIPE, timeout=2)
    except subprocess.TimeoutExpired as error:
        print(error.timeout, error.output, round(time.monotonic() - started, 1))
    with subprocess.Popen(child("for i in range(3): print(i)"), stdout=PIPE, text=True) as process:
        print(list(process.stdout))
    one = subprocess.Popen(child("print('b\\na')"), stdout=PIPE)
    two = subprocess.run(child("import sys; print(sorted(sys.stdin))"), stdin=one.stdout, capture_output=True, text=True)
    one.stdout.close()
    print(one.wait(), two.stdout, end="")
    process = subprocess.Popen(child("raise SystemExit(5)"))
    print(os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1]))
    tell("waited for already", lambda: os.waitpid(process.pid, 0))
    process.wait()


def no_reader():
    for code in ("import time; time.sleep(1); print('x')", "for i in range(100_000): print('x' * 100)"):
        process = subprocess.Popen(child(code), stdout=PIPE, stderr=PIPE, text=True)
        process.stdout.close()
        with process.stderr as err:
            lines = [line for line in err.read().splitlines() if not line.startswith(" ")]
        print([line.partition(" [")[0] for line in lines], process.wait())


def interpreter():
    for args, text in (
        (["-m", "json.tool", "--compact"], '{"a": 1}'),
        (["-m", "no_such_module"], ""),
        (["-"], "import sys; print(sys.argv, __name__)"),
        (["-X", "dev", "-c", "import sys; print(sys.flags.dev_mode, sys.argv)", "-x"], ""),
        (["-W", "error", "-c", "import warnings; warnings.warn('w')"], ""),
        (["-c", "x ="], ""),
        (["no_such_script.py"], ""),
        (["processes.py", "standard-input"], "a\nb\nc d\n"),
    ):
        done = subprocess.run([sys.executable, *args], input=text, capture_output=True, text=True)
        print(args[:2], done.returncode, done.stdout.splitlines(), [line.strip() for line in done.stderr.splitlines()[-1:]][:done.returncode == 1])


def shell():
    for command in (
        "echo hello; exit 3",
        "echo out; echo err >&2",
        "false || echo 'no way' && true",
        "no-such-command",
        "sleep 0.5; echo done",
        "A=b; echo $A \"$A  c\" '$A'",
        "printf '%s-' x y | cat; echo",
        "echo lost >/dev/null; echo $?",
        "kill -9 $$",
    ):
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        print(command, "->", done.returncode, repr(done.stdout), repr(done.stderr))


async def full_pipe():
    code = "import sys; sys.stdout.write('x' * 2_000_000)"
    process = await asyncio.create_subprocess_exec(*child(code), stdout=PIPE)
    try:
        await asyncio.wait_for(process.wait(), 1)
    except TimeoutError:
        print("buffered:", len(process.stdout._buffer))
    if CURED:
        out, _ = await process.communicate()
        print(len(out), process.returncode)
    else:
        await process.wait()


async def both_ways():
    process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
    if CURED:
        out, _ = await process.communicate(bytes(2_000_000))
    else:
        process.stdin.write(bytes(2_000_000))
        await process.stdin.drain()
        out = await process.stdout.read()
    print(len(out))


async def unclosed():
    process = await asyncio.create_subprocess_exec("sleep", "0.3", stdout=PIPE)
    if CURED:
        await process.wait()


async def closed():
    process = await asyncio.create_subprocess_exec("sleep", "5")
    if CURED:
        process.terminate()
        await process.wait()
    process._transport.close()
    await asyncio.sleep(0.05)


async def lost_status():
    process = await asyncio.create_subprocess_exec("sleep", "0.2")
    if not CURED:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("returncode:", await process.wait())


async def blocking():
    if CURED:
        process = await asyncio.create_subprocess_exec("sleep", "1")
        await process.wait()
    else:
        subprocess.run(["sleep", "1"])


async def blocking_output():
    code = child("import time; time.sleep(1); print('late')")
    if CURED:
        process = await asyncio.create_subprocess_exec(*code, stdout=PIPE, stderr=PIPE)
        out, _ = await process.communicate()
    else:
        out = subprocess.run(code, capture_output=True).stdout
    print(out)


async def in_a_thread():
    done = await asyncio.to_thread(subprocess.run, child("import time; time.sleep(1); print('late')"), capture_output=True)
    print(done.stdout)


def signals():
    code = "import os, signal, sys, time\nfor s in 10, 12, 15: time.sleep(1); os.kill(int(sys.argv[1]), s)"
    process = subprocess.Popen(child(code, str(os.getpid())))
    signal.signal(signal.SIGUSR1, lambda number, frame: print("handled", number))
    signal.pause()
    print("paused")
    os.kill(os.getpid(), signal.SIGUSR1)
    print("its own")
    both = {signal.SIGUSR2, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, both)
    print(signal.sigwait(both).name)
    time.sleep(2)
    print(sorted(s.name for s in signal.sigpending()), signal.sigwait({signal.SIGTERM}).name, process.wait())


MODE = globals()[sys.argv[1].replace("-", "_")]
if inspect.iscoroutinefunction(MODE):
    asyncio.run(MODE(), debug="--debug" in sys.argv)
else:
    MODE()
