"""Half of the twins: this program and the one in Rust, `guest/programs/src/bin/twins`, do the same, and the scenarios
in `scenarios/twins` hold both to one golden.

Whoever changes a behaviour here changes it there. Names that a trace shows (tasks, jobs, callbacks, loggers) are the same
on both sides. A mode is one behaviour; `tasks`, `outside` and `reports` have them, and so do the modules of the other half.
"""

import asyncio
import sys

import outside
import reports
import tasks

MODES = {
    "timers": tasks.timers,
    "cancellation": tasks.cancellation,
    "timeouts": tasks.timeouts,
    "group": tasks.group,
    "queue": tasks.queue,
    "lock": tasks.lock,
    "stall": outside.stall,
    "drain": outside.drain,
    "twice": outside.twice,
    "pool": outside.pool,
    "message": outside.message,
    "on-loop": outside.on_loop,
    "offloaded": outside.offloaded,
    "processes": outside.processes,
    "pipes": outside.pipes,
    "never-retrieved": reports.never_retrieved,
    "never-awaited": reports.never_awaited,
    "log": reports.log,
    "deadlock": reports.deadlock,
}

match sys.argv[1:]:
    case ["child"]:
        outside.child()
    case ["echo"]:
        outside.echo()
    case [mode] if mode in MODES:
        asyncio.run(MODES[mode]())
    case arguments:
        print(f"unknown mode {arguments}", file=sys.stderr)
        sys.exit(2)
