"""Talking to a running ComfyUI: queue a prompt, follow it over the websocket, fetch what it made.

Beside the standard library it needs aiohttp, which the host itself requires.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import HostError

ENDINGS = ("execution_success", "execution_error", "execution_interrupted")


@dataclass
class Result:
    """A finished prompt: what its nodes returned to the user interface, which came from the cache, and the times."""

    prompt_id: str
    ending: str
    outputs: dict[str, dict]
    cached: frozenset[str]
    seconds: dict[str, float] = field(default_factory=dict)
    error: str = ""


class Client:
    """One connection to a server. `alive` tells whether the server's process still runs."""

    def __init__(self, url: str, alive: Callable[[], bool] = lambda: True):
        self.url = url
        self.client_id = uuid.uuid4().hex
        self._alive = alive
        self._events = _Events(f"{url}/ws?clientId={self.client_id}")

    def __enter__(self) -> Client:
        self._events.start()
        return self

    def __exit__(self, *_) -> None:
        self._events.stop()

    def get(self, path: str) -> object:
        """A JSON answer."""
        return json.loads(self.get_bytes(path))

    def get_bytes(self, path: str) -> bytes:
        """Any answer."""
        return self._call(urllib.request.Request(self.url + path))

    def object_info(self) -> dict:
        """Every node the host has, with its inputs."""
        return self.get("/object_info")

    def file(self, reference: dict) -> bytes:
        """A file that a node saved, by the entry in its output."""
        wanted = {key: reference[key] for key in ("filename", "subfolder", "type") if key in reference}
        return self.get_bytes("/view?" + urllib.parse.urlencode(wanted))

    def interrupt(self) -> None:
        """The Cancel button."""
        self._post("/interrupt", {})

    def free(self) -> None:
        """Drop models and cached results, as the editor's button does."""
        self._post("/free", {"unload_models": True, "free_memory": True})

    def queue(self, prompt: dict, workflow: dict | None = None) -> str:
        """Put a prompt into the queue; the workflow, if given, is saved within the images as the editor would."""
        body = {"prompt": prompt, "client_id": self.client_id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        return self._post("/prompt", body)["prompt_id"]

    def run(self, prompt: dict, workflow: dict | None = None, timeout: float = 1800) -> Result:
        """Queue, wait, and refuse anything but success."""
        result = self.wait(self.queue(prompt, workflow), timeout)
        if result.ending != "execution_success":
            raise HostError(result.error or f"The prompt ended with {result.ending}.")
        return result

    def wait(self, prompt_id: str, timeout: float = 1800) -> Result:
        """Until a prompt has ended, in whatever way."""
        deadline = time.monotonic() + timeout
        while (entry := self._history(prompt_id)) is None:
            if not self._alive():
                raise HostError("ComfyUI stopped while it was working.")
            if time.monotonic() > deadline:
                raise HostError(f"The prompt was not done after {timeout:.0f} s.")
            # Asking again and again would take time from what is being measured: the socket tells when it ends.
            self._events.wait_for(lambda e: e.kind in ENDINGS and e.data.get("prompt_id") == prompt_id, 5)
        return self._result(prompt_id, entry)

    def wait_for_event(self, kind: str, timeout: float, **data: object) -> bool:
        """Until a message of that kind with that data has come, or the time is over."""
        return self._events.wait_for(lambda e: e.kind == kind and data.items() <= e.data.items(), timeout)

    def messages(self, kind: str) -> list[dict]:
        """The data of all messages of a kind that have come."""
        return self._events.of_kind(kind)

    def _history(self, prompt_id: str) -> dict | None:
        entry = self.get(f"/history/{prompt_id}").get(prompt_id)
        return entry if entry and entry.get("status") else None

    def _result(self, prompt_id: str, entry: dict) -> Result:
        messages = dict(entry["status"]["messages"])
        ending = next((kind for kind in ENDINGS if kind in messages), "execution_error")
        self._events.wait_for(lambda e: e.kind in ENDINGS and e.data.get("prompt_id") == prompt_id, 2)
        return Result(
            prompt_id,
            ending,
            entry["outputs"],
            frozenset(messages.get("execution_cached", {}).get("nodes", ())),
            self._events.seconds_per_node(prompt_id),
            _error_text(messages.get("execution_error")),
        )

    def _post(self, path: str, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        answer = self._call(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))
        return json.loads(answer) if answer else {}

    def _call(self, request: urllib.request.Request) -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as refusal:
            raise HostError(_refusal_text(refusal.read())) from None
        except OSError as problem:
            raise HostError(f"ComfyUI does not answer: {problem}.") from None


@dataclass(frozen=True)
class _Event:
    time: float
    kind: str
    data: dict


class _Events:
    """The websocket's messages with the moment each came, gathered by a thread of its own."""

    def __init__(self, address: str):
        self._address = address.replace("http://", "ws://", 1)
        self._events: list[_Event] = []
        self._news = threading.Condition()
        self._connected = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._connected.wait(30):
            raise HostError("ComfyUI's websocket did not open.")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(self._loop)])
        self._thread.join(5)

    def wait_for(self, wanted: Callable[[_Event], bool], timeout: float) -> bool:
        with self._news:
            return self._news.wait_for(lambda: any(map(wanted, self._events)), timeout)

    def of_kind(self, kind: str) -> list[dict]:
        with self._news:
            return [event.data for event in self._events if event.kind == kind]

    def seconds_per_node(self, prompt_id: str) -> dict[str, float]:
        """How long each node ran: from the message that it starts to the next node's, or to the end."""
        with self._news:
            marks = [e for e in self._events if e.data.get("prompt_id") == prompt_id]
            self._events = [e for e in self._events if e not in marks]
        marks = [e for e in marks if e.kind == "executing" or e.kind in ENDINGS]
        spent: dict[str, float] = {}
        for mark, following in zip(marks, marks[1:]):
            node = mark.data.get("node") if mark.kind == "executing" else None
            if node is not None:
                spent[node] = spent.get(node, 0.0) + following.time - mark.time
        return spent

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        import aiohttp

        async with aiohttp.ClientSession() as session, session.ws_connect(self._address, max_msg_size=0) as socket:
            self._connected.set()
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    content = json.loads(message.data)
                    with self._news:
                        self._events.append(_Event(time.perf_counter(), content["type"], content.get("data") or {}))
                        self._news.notify_all()


def _error_text(error: dict | None) -> str:
    if not error:
        return ""
    return f"{error.get('node_type', 'A node')} failed: {str(error.get('exception_message', '')).strip()}"


def _refusal_text(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return f"ComfyUI refused: {body[:200].decode('utf-8', 'replace')}"
    for node in (content.get("node_errors") or {}).values():
        for error in node.get("errors", ()):
            reason = f"{error.get('message')} {error.get('details', '')}".strip()
            return f"ComfyUI refused {node.get('class_type')}: {reason}"
    return f"ComfyUI refused: {(content.get('error') or {}).get('message', content)}"
