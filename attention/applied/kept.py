"""The plans that nodes made since the host started, so that a prompt without an editor finds them again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from ...plans import Plan

WHEN_NEEDED, AGAIN, NEVER = "when needed", "again", "never"
CALIBRATE = (WHEN_NEEDED, AGAIN, NEVER)
MOST_NODES = 64
MOST_FAILURES = 2  # runs in a row that could not be measured, for the same reason: the next one could not, either


@dataclass
class Kept:
    """What is known of one node and model. plan: the one that it made. asked: the last choice of CALIBRATE. due: a new
    calibration was asked for, and no run has made it yet. failure, failures: why the last watched run could not be
    measured, and how many in a row could not for that reason.
    """

    plan: Plan | None = None
    asked: str = WHEN_NEEDED
    due: bool = False
    failure: str = ""
    failures: int = 0

    @property
    def hopeless(self) -> bool:
        """Whether runs are no longer watched, because they cannot be measured."""
        return self.failures >= MOST_FAILURES

    def failed(self, why: str) -> None:
        """A watched run could not be measured. Where that is hopeless, a plan that there is goes on being followed."""
        self.failures = self.failures + 1 if why == self.failure else 1
        self.failure = why
        self.due = self.due and not self.hopeless

    def ask(self, choice: str) -> None:
        """The node is executed with a choice. `AGAIN` counts once, until the node was executed with another choice: a
        prompt that is sent over and over with it does not calibrate over and over.
        """
        if choice == AGAIN and self.asked != AGAIN:
            self.due, self.failure, self.failures = True, "", 0
        elif choice != AGAIN:
            self.due = False
        self.asked = choice


class KeptPlans:
    """By node and model; those that were executed longest ago make room for new ones."""

    def __init__(self, most: int = MOST_NODES):
        self._most = most
        self._nodes: OrderedDict[tuple, Kept] = OrderedDict()

    def of(self, key: tuple | None) -> Kept:
        """What is known of a node, to be changed in place. None: of a node that nobody can find again."""
        if key is None:
            return Kept()
        kept = self._nodes.setdefault(key, Kept())
        self._nodes.move_to_end(key)
        while len(self._nodes) > self._most:
            self._nodes.popitem(last=False)
        return kept

    def clear(self) -> None:
        """Forget everything."""
        self._nodes.clear()


KEPT = KeptPlans()
