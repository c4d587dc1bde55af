"""What a page's HTML says about itself: its title, what robots may do, its licence."""

from __future__ import annotations

import html as entities
import re

META = re.compile(r"<meta\b([^<>]{0,1000})>", re.I)
LINK = re.compile(r"<(?:link|a)\b([^<>]{0,1000})>", re.I)
LICENCE = re.compile(r"rel\s{0,9}=\s{0,9}[\"']?[^\"'<>]{0,60}license")  # before links are looked at
ATTRIBUTE = re.compile(r"(?<![\w:-])([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
TITLE = re.compile(r"<title\b[^<>]{0,200}>([^<]{1,1000})", re.I)
HEAD_END = re.compile(r"</head|<body", re.I)
ROBOTS = ("robots", "googlebot", "tdm-reservation", "tdm-policy")


def facts(html: str) -> dict[str, str]:
    """Of "title", "robots" (all directives, with commas) and "licence" (a URL) what is there."""
    found: dict[str, str] = {}
    end = HEAD_END.search(html)
    head = html[: end.start()] if end else html
    if title := TITLE.search(head):
        found["title"] = " ".join(entities.unescape(title[1]).split())
    robots = []
    for values in map(_attributes, META.findall(head)):
        about = values.get("name", values.get("http-equiv", "")).lower()
        if about in ROBOTS and "content" in values:
            prefix = f"{about}:" if about.startswith("tdm") else ""
            robots.append(prefix + values["content"].strip().lower())
    if robots:
        found["robots"] = ", ".join(robots)
    for values in map(_attributes, LINK.findall(html) if LICENCE.search(html) else ()):
        if "license" in values.get("rel", "").lower().split() and values.get("href"):
            found["licence"] = values["href"].strip()
            break
    return found


def _attributes(tag: str) -> dict[str, str]:
    return {k.lower(): entities.unescape(a or b or c) for k, a, b, c in ATTRIBUTE.findall(tag)}
