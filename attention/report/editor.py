"""Talking to the editor that queued the prompt which the host executes now; nothing happens where there is none."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger(__name__)


def server():
    """The host's server, None where there is none. Importing it would start half a host."""
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)


def send(event: str, payload: dict) -> None:
    """Send a message to whoever queued the prompt."""
    to = server()
    if to is None or to.client_id is None:
        return
    try:
        to.send_sync(event, payload, to.client_id)
    except Exception as error:
        log.debug("[DiTFastAttn] No message to the editor: %s", error)


def send_text(text: str) -> None:
    """Show a text under the node that is being executed, where the host can."""
    to, (_, node) = server(), executing()
    if to is None or node is None:
        return
    try:
        to.send_progress_text(text, node, to.client_id)
    except Exception as error:
        log.debug("[DiTFastAttn] No progress text: %s", error)


def executing() -> tuple[str | None, str | None]:
    """(prompt, node): ids of what the host executes now."""
    try:
        context = sys.modules["comfy_execution.utils"].get_executing_context()
        return context.prompt_id, context.node_id
    except Exception as error:
        log.debug("[DiTFastAttn] Outside of a prompt: %s", error)
        return None, None
