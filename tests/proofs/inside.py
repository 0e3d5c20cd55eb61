"""A component whose inner signals a proof may read, by name.

A proof by induction begins anywhere, also in states that never come about. What rules those out
are facts about inner signals; the component itself stays as it is.
"""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Fragment, Signal, Value


class Inside:
    """The gates of a component, elaborated once: ``fragment`` is to be the submodule."""

    def __init__(self, component: Elaboratable | Fragment) -> None:
        self.fragment = Fragment.get(component, None)

    def part(self, name: str) -> Inside:
        """A submodule."""
        return Inside(self.fragment.find_subfragment(name))

    def __getitem__(self, name: str) -> Signal:
        """The one signal of that name that is driven here. Raises ``KeyError``."""
        driven = {
            id(signal): signal
            for statements in self.fragment.statements.values()
            for signal in statements._lhs_signals()
            if signal.name == name
        }
        if len(driven) != 1:
            raise KeyError(f"{name!r} must be driven once in this component, not {len(driven)}")
        return next(iter(driven.values()))

    def state(self, *names: str) -> Value:
        """The component's state machine is in one of these states."""
        fsm = self.fragment.find_generated("fsm")
        here = self["fsm_state"]
        is_in: Value = here == fsm.encoding[names[0]]
        for name in names[1:]:
            is_in = is_in | (here == fsm.encoding[name])
        return is_in
