import re
import unicodedata

LABEL_BYTES, MESSAGE_CHARACTERS = 48, 200
UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, format characters, lone surrogates, separators


def safe_label(text):
    text = text.strip().lower()[:LABEL_BYTES]
    return re.sub(r"[^a-z0-9_.-]", "_", text) or "unknown"


async def safe_failure_message(error):
    if error is None:
        return ""
    try:
        said = str(error)[: 10 * MESSAGE_CHARACTERS]
    except Exception:  # noqa: BLE001 - a __str__ may raise anything
        said = ""
    line = "".join(" " if unicodedata.category(each) in UNSAFE else each for each in said)
    return line.strip()[:MESSAGE_CHARACTERS].strip() or "it failed"
