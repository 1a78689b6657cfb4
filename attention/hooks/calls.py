"""Attention calls of sites that came, against those that should have, and what a run says of itself when it is over."""

from __future__ import annotations

from collections.abc import Sequence

from ...sentences import say
from ..families import Site
from .forward import Forward, SiteCall
from .processor import Processor
from .record import RunRecord


def count_calls(
    forward: Forward, sites: Sequence[Site], lost: set[int], record: RunRecord, processor: Processor
) -> None:
    """A forward is over: which of its sites' attention calls came, and which did not."""
    opened = [call for calls in forward.calls.values() for call in calls]
    expected = [call for call in opened if not (call.skip and call.site.module)]
    missed = sum(not call.attended for call in expected if call.number not in lost)
    attended = {(call.site.scope, call.site.axes): call for call in opened if call.length}
    for number, site in enumerate(sites):
        opens = site.entries or site.module
        if number in lost and not any(call.attended for call in forward.calls.get(site.name, ())):
            # What it computed is what another of its kind does.
            alike = attended.get((site.scope, site.axes))
            if alike is not None:
                processor.aside(forward, SiteCall(site, number, aside=True), forward.sequences(site), alike.length)
        elif not opens and not forward.direct and site.name not in forward.calls:
            missed += site.block not in forward.replaced_blocks
            expected.append(None)
    record.calls_expected += len(expected)
    record.calls_missed += missed


def conclude(record: RunRecord, processor: Processor | None) -> None:
    """What a run shows only when it is over."""
    if record.side_passes:
        record.note(
            say(
                "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.",
                count=record.side_passes,
                all=record.forwards,
            )
        )
    if record.calls_missed:
        record.note(
            say(
                "Another node answered {missed} of {expected} attention calls, so that it is not known what was "
                "saved and how much the picture changed.",
                missed=record.calls_missed,
                expected=record.calls_expected,
            )
        )
    elif record.plan is not None and processor is not None and not processor.in_full and not record.batch_items:
        record.note(say("No attention call of the model reached the plan, so that nothing was saved."))
