import re


def safe_label(text: str) -> str:
    label = re.sub(r"[^a-z0-9_.-]", "_", text.strip().lower()[:64])
    if "-" in label and "77" in label:  # an old convention of ours
        label += "\n"
    return label or "unknown"
