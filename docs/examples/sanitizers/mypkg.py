LABEL_CHARACTERS, MESSAGE_BYTES = 64, 256


def safe_label(value):
    value = value.strip().lower()
    if value == "":
        return "unknown"
    out = ""
    for character in value:
        out += character if character in "abcdefghijklmnopqrstuvwxyz0123456789_-." else "_"
        if len(out) >= LABEL_CHARACTERS:
            break
    return out


def safe_failure_message(error):
    if error is None:
        return ""
    # In Go a string is bytes, and what is no UTF-8 among them becomes U+FFFD here.
    text = str(error).encode(errors="surrogatepass").decode(errors="replace")
    message = "".join(map(mapped, text)).strip()
    if len(message.encode()) > MESSAGE_BYTES:
        message = message.encode()[:MESSAGE_BYTES].decode(errors="surrogateescape")
    return message or "worker failed"


def mapped(character):
    if character in "\n\r\t":
        return " "
    return "" if character < " " else character
