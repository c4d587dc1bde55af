"""What a page's HTML says about itself: its title, what robots may do, its licence."""

from __future__ import annotations

import html as entities
import re

TAG = re.compile(r"<(meta|link|a)\b([^<>]{0,1000})>", re.I)
ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
TITLE = re.compile(r"<title\b[^>]{0,200}>([^<]{1,1000})", re.I)
ROBOTS = ("robots", "googlebot", "tdm-reservation", "tdm-policy")
WORTH = re.compile(r"<meta\b[^<>]{0,200}(?:robots|tdm-)|rel\s*=\s*[\"']?[^\"'>]{0,40}license", re.I)


def facts(html: str) -> dict[str, str]:
    """Of "title", "robots" (all directives, with commas) and "licence" (a URL) what is there."""
    found: dict[str, str] = {}
    if title := TITLE.search(html):
        found["title"] = " ".join(entities.unescape(title[1]).split())
    if not WORTH.search(html):
        return found
    robots = []
    for name, attributes in TAG.findall(html):
        values = {k.lower(): a or b or c for k, a, b, c in ATTRIBUTE.findall(attributes)}
        about = values.get("name", values.get("http-equiv", "")).lower()
        if name.lower() == "meta" and about in ROBOTS and "content" in values:
            prefix = f"{about}:" if about.startswith("tdm") else ""
            robots.append(prefix + entities.unescape(values["content"]).strip().lower())
        elif "license" in values.get("rel", "").lower().split() and "href" in values:
            found.setdefault("licence", entities.unescape(values["href"]).strip())
    if robots:
        found["robots"] = ", ".join(robots)
    return found
