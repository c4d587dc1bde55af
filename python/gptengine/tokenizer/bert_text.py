"""How BERT prepares text: cleaned, Chinese characters apart, accents off, lower case, in words.

Whether a character is punctuation, an accent or a format character is what Unicode 8 says, as in
`tokenizers`: what came later is a letter like others.
"""

import functools
import unicodedata

# Format characters, accents and punctuation since Unicode 8.
NEWER = """
61d 7fd 890-891 897-89f 8ca-8e2 9fd-9fe a76 afa-aff b55 c04 c3c c77 c84 d00 d3b-d3c d81 eba ece
180f 1885-1886 1abf-1ace 1b4e-1b4f 1b7d-1b7f 1df6-1dfb 2e43-2e4f 2e52-2e5d a82c a8c5 a8ff a9bd
10d24-10d27 10d69-10d6e 10eab-10ead 10efc-10eff 10f46-10f50 10f55-10f59 10f82-10f89 11070
11073-11074 110c2 110cd 111c9 111cf 1123e 11241 1133b 113bb-113c0 113ce 113d0 113d2 113d4-113d5
113d7-113d8 113e1-113e2 11438-1143f 11442-11444 11446 1144b-1144f 1145a-1145b 1145d-1145e
11660-1166c 116b9 1182f-11837 11839-1183b 1193b-1193c 1193e 11943-11946 119d4-119d7 119da-119db
119e0 119e2 11a01-11a0a 11a33-11a38 11a3b-11a47 11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a9c
11a9e-11aa2 11b00-11b09 11be1 11c30-11c36 11c38-11c3d 11c3f 11c41-11c45 11c70-11c71 11c92-11ca7
11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47 11d90-11d91
11d95 11d97 11ef3-11ef4 11ef7-11ef8 11f00-11f01 11f36-11f3a 11f40 11f42-11f4f 11f5a 11fff
12ff1-12ff2 13430-13440 13447-13455 1611e-16129 1612d-1612f 16d6d-16d6f 16e97-16e9a 16f4f 16fe2
16fe4 1cf00-1cf2d 1cf30-1cf46 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f
1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e5ff 1e944-1e94a 1e95e-1e95f
"""
CHINESE = "3400-4dbf 4e00-9fff f900-faff 20000-2a6df 2a700-2b81f 2b920-2ceaf 2f800-2fa1f"
SPACES = "9-d 20 85 a0 1680 2000-200a 2028-2029 202f 205f 3000"
ACCENTS_THEN, PUNCTUATION_THEN = {0x1734, 0x1171E}, {0x166D, 0x111C9}  # other classes now


def _codes(runs):
    """The code points of runs like "9-d 20"."""
    ends = [(run + "-" + run).split("-")[:2] for run in runs.split()]
    return frozenset(c for a, b in ends for c in range(int(a, 16), int(b, 16) + 1))


SPACE = _codes(SPACES)


@functools.cache
def _sets():
    return _codes(NEWER), _codes(CHINESE)


class _Table(dict):
    """A table for str.translate that asks a function once for each character."""

    def __init__(self, of):
        super().__init__()
        self._of = of

    def __missing__(self, code):
        self[code] = text = self._of(code)
        return text


class BertText:
    """The words of texts.

    clean_text     control and format characters go, all white space becomes spaces
    chinese_chars  each Chinese character is a word
    strip_accents  text is decomposed and loses its accents
    lowercase      capitals become small letters
    """

    def __init__(self, *, clean_text=True, chinese_chars=True, strip_accents=None, lowercase=True):
        self.clean_text, self.chinese_chars = clean_text, chinese_chars
        self.strip_accents = lowercase if strip_accents is None else strip_accents
        self.lowercase = lowercase
        self._clean, self._cut = _Table(self._cleaned), _Table(self._piece)

    def words(self, text):
        """The words and punctuation characters of a text, in order."""
        text = text.translate(self._clean)
        if self.strip_accents and not text.isascii():
            text = unicodedata.normalize("NFD", text)
        return [word for word in text.translate(self._cut).split(" ") if word]

    def _cleaned(self, code):
        newer, chinese = _sets()
        char = chr(code)
        if unicodedata.category(char) == "Cs":  # a lone surrogate
            code, char = 0xFFFD, "\ufffd"
        if self.clean_text:
            if code in (0x9, 0xA, 0xD):
                return " "
            kind = unicodedata.category(char)
            if code in (0, 0xFFFD) or kind in ("Cc", "Co") or (kind == "Cf" and code not in newer):
                return ""
            if code in SPACE:
                return " "
        return f" {char} " if self.chinese_chars and code in chinese else char

    def _piece(self, code):
        if code in SPACE:
            return " "
        newer, _ = _sets()
        char, kind = chr(code), unicodedata.category(chr(code))
        if self.strip_accents and (code in ACCENTS_THEN or (kind == "Mn" and code not in newer)):
            return ""
        text = char.lower() if self.lowercase else char
        return f" {text} " if _is_punctuation(code, kind, newer) else text


def _is_punctuation(code, kind, newer):
    if code < 128:
        return 33 <= code < 127 and not chr(code).isalnum()
    return code in PUNCTUATION_THEN or (kind[0] == "P" and code not in newer)
