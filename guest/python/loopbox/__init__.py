"""What a Python program finds in the sandbox.

A program needs nothing from here: its `asyncio` runs on the machine's clock, signals and pools by itself. For
what a scenario offers beyond the standard library there is `loopbox.blocking`. The other modules are the
runtime's own: `_build` makes the component, `_start` begins and ends a run, `_loop` is the event loop.
"""
