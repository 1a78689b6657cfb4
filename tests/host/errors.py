"""What goes wrong outside our code, as one sentence for the person at the terminal."""


class SetupError(Exception):
    """Something a person must change: its text is one sentence that says what is missing and what to do."""


class HostError(Exception):
    """The running ComfyUI refused or failed; the text names the node and the reason where it gave one."""
