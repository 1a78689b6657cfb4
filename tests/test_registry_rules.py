"""What the registry's scanner flags or bans, and other rules for packs, held against the files of the archive.

The rules are those that authors of packs report and that the registry's standards name. A flagged version is offered
to nobody, and the reason is not shown on the site, so that text which merely looks like a finding is avoided as well.
"""

import re
from functools import cache

import pytest
from product_code import ROOT

from host.archive import shipped_files

# What is found is a line. Words of a rule in plain prose are no finding for the scanner, and none here.
PYTHON = {
    "the environment": r"os\.environ|environ\.get|getenv",
    "processes": r"\bsubprocess\b|os\.(system|popen|exec|spawn|fork)|\bmultiprocessing\b|\bpty\b",
    "evaluated text": r"(?<![\w.])(eval|exec|compile)\(|__import__|\bimportlib\b|\brunpy\b",
    "unpickling": r"pickle|\bmarshal\b|\bshelve\b|torch\.load|joblib",
    "the network": r"^\s*(import|from) (urllib|requests|http|socket|aiohttp|httpx|websocket|ftplib|smtplib)\b|urlopen",
    "packed payloads": r"\b(base64|zlib|bz2|lzma|gzip|binascii|b64decode|unhexlify)\b|codecs\.decode|bytes\.fromhex",
    "native code": r"\bctypes\b|\bcffi\b",
    "installing": r"\bpip(3|\.main|\._internal)?\b.*\binstall\b|\bensurepip\b",
    "cryptography": r"^\s*(import|from) (cryptography|Crypto)\b",
    "writing": r"write_text|write_bytes|(?<!def )(?<![\w.])open\(|\.mkdir\(|shutil\.|os\.(remove|rename|unlink)",
    "other packs": r"setattr\((?:comfy|nodes|execution)\b|sys\.modules\[[^]]+\] *=",
    "devices by name": r"\.cuda\(|\.to\([\"']cuda|torch\.autocast|torch\.cuda\.empty_cache",
}
# The one look at the environment: the way out for a GPU whose driver dies while the kernel is tried. The one file that
# is written: what was found in that trial, in the host's folder for the user, so that a crash is not repeated.
ALLOWED = {
    ("kernels/triton/configs.py", 'return os.getenv(SWITCH, "")'),
    ("kernels/triton/verdicts.py", "self._folder.mkdir(parents=True, exist_ok=True)"),
    ("kernels/triton/verdicts.py", 'with open(beside, "w", encoding="utf-8") as file:'),
}
SCRIPT = {
    "evaluated text": r"\beval\(|new Function|document\.write|\bimport\(",
    "packed payloads": r"\batob\(|String\.fromCharCode|unescape\(",
    "the network": r"https?://(?!www\.w3\.org/)|XMLHttpRequest|WebSocket|sendBeacon|(?<!\.)\bfetch\(",
    "what other packs see": r"(window|globalThis|self)\.\w+\s*=[^=]|(LiteGraph|LGraph\w*|app|api)\.prototype|cookie",
}
# Translations for the host and help pages are written with what their languages are, and docs/ is for people.
ANY_CHARACTER = re.compile(r"(locales/.+|web/docs/[^/]+/[\w-]+\.md|docs/.+)$")
PICTURES = (".png", ".jpg", ".svg")


@cache
def archive() -> tuple[str, ...]:
    return tuple(shipped_files(ROOT))


def findings(ending: str, rules: dict) -> list[str]:
    found = []
    for name in (name for name in archive() if name.endswith(ending)):
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
            if (name, line.strip()) not in ALLOWED:
                found += [f"{name}:{number} {rule}: {line}" for rule, text in rules.items() if re.search(text, line)]
    return found


def test_the_scanner_finds_nothing_in_the_archives_python():
    assert findings(".py", PYTHON) == []


def test_the_scanner_finds_nothing_in_the_archives_scripts():
    assert findings(".js", SCRIPT) == []


@pytest.mark.parametrize("line", ["import pickle", "x = torch.load(p)", "os.environ.get('A')", "from urllib import a"])
def test_the_rules_see_what_they_are_for(line):
    assert any(re.search(text, line) for text in PYTHON.values())


def test_every_file_can_be_read_with_a_windows_code_page():
    bad = []
    for name in archive():
        if name.endswith(PICTURES) or ANY_CHARACTER.fullmatch(name):
            continue
        try:
            (ROOT / name).read_text("utf-8").encode("cp1252")
        except UnicodeEncodeError as error:
            bad.append(f"{name}: {error.object[error.start]!r}")
    assert bad == []


def test_extensions_are_registered_under_the_packs_name():
    names = [
        name
        for path in archive()
        if path.endswith(".js")
        for name in re.findall(r"registerExtension\(\{\s*name: '([^']+)'", (ROOT / path).read_text("utf-8"))
    ]
    assert names and all(name.startswith("ditfastattn.") for name in names)


def test_the_project_file_says_what_the_registry_shows():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    (front_end,) = re.findall(r'^dependencies = \["comfyui-frontend-package>=(\d+\.\d+\.\d+)"\]', text, re.M)
    assert front_end == "1.47.12"
    for name in ("Repository", "Documentation", "Issues", "Icon", "Banner"):
        assert re.search(rf'^{name} = "https://[^"]+"', text, re.M), name
    for picture in re.findall(r'^(?:Icon|Banner) = ".+?/main/([^"]+)"', text, re.M):
        assert picture in archive()
    devices = set(re.findall(r'"Environment :: (.+?)"', text))
    assert devices == {"GPU :: NVIDIA CUDA", "GPU :: AMD ROCm", "GPU :: Intel Arc", "GPU :: Apple Metal"}


def test_the_archive_is_small():
    assert sum((ROOT / name).stat().st_size for name in archive()) < 3_000_000
