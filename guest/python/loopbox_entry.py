"""What the component is made from: its export, and what happens when it is built.

Importing this module is the build. Everything that it leaves in memory is in the component; nothing can be
read from a disk when the program runs. See ``loopbox/_build.py`` for what is prepared, and
``loopbox/_start.py`` for what happens in a run. Nothing else belongs here.
"""

from wit_world import exports

from loopbox import _build

_start = _build.prepare()


class Run(exports.Run):
    """`wasi:cli/run`."""

    def run(self) -> None:
        _start.run()
