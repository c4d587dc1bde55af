"""Lines that an extractor leaves and no writer wrote: share buttons, cookie notices, footers.

Rules for English and German. A rule holds for a whole short line, so that a sentence about cookies
or an article about newsletters keeps its text.
"""

from __future__ import annotations

import re

LONGEST = 240  # characters of a line that a rule may drop

WHOLE = r"""
    advertisement|advert|sponsored( content)?|anzeige|werbung
    |tweet|share|teilen|drucken|merken|print|e-?mail|whatsapp|facebook|twitter|instagram|pinterest
    |(share|save|print|tweet|e-?mail) (this|it)( (article|post|page|story))?
    |(seite|artikel|beitrag) (drucken|teilen|versenden|weiterempfehlen|merken|empfehlen)
    |teilen (mit|auf|via)( \w+)?|(auf|bei|via|per) [\w-]+ (teilen|senden|versenden)
    |share (on|via|with) \w+
    |privacy( policy)?|terms( (of (use|service)|and conditions))?|contact( us)?
    |cookies?([ -]?(policy|settings|preferences|notice|consent|hinweise?|einstellungen
        |richtlinien?))?
    |impressum|datenschutz(erklärung|hinweise?)?|agb|nutzungsbedingungen|kontakt|sitemap
    |barrierefreiheit
    |(zurück )?(nach|zum seiten) ?(oben|anfang)|back to top|zurück( zur (übersicht|startseite))?
    |zur startseite
    |skip to (main )?content|(direkt )?zum (haupt)?inhalt( springen)?|menü|menu|navigation
    |(view|show|post|leave|add|read|write|no|see all)( all| \d+| a)? (comments?|reply)
    |\d* ?kommentare?
    |kommentare? (anzeigen|schreiben|verfassen|hinterlassen|abgeben|lesen)|(jetzt )?kommentieren
    |(log|sign) ?(in|up|out)|register|anmelden|registrieren|einloggen|abmelden
    |(jetzt )?abonnieren|subscribe( now)?
    |loading|wird geladen|lädt|mehr (laden|anzeigen|erfahren)|load more
    |(show|read|learn|see|view) more|weiterlesen
    |related (articles?|posts?|stories|links|topics|content)|recommended( for you)?
    |most (read|popular)
    |(verwandte|ähnliche|weitere|mehr|neueste|aktuelle|meistgelesene|passende)[ ]
        (artikel|themen|beiträge|meldungen|nachrichten|news|links)
    |((mehr|weitere artikel|lesen sie mehr) )?zum thema
    |meist-?(gelesen|gesucht|kommentiert|diskutiert)
    |schlagw(ort|örter|orte)|tags?|kategorien?|categories
    |(vorschau auf den )?(nächste[rn]?|vorherige[rn]?) (artikel|beitrag)
    |(next|previous) (article|post|page)
"""
BEGINS = r"""
    (©|\(c\) ?\d{4}|copyright( ©| \(c\)|:| by\b| \d{4}))
    |all rights reserved|alle rechte vorbehalten|vervielfältigung nur mit genehmigung
    |(we|our (web)?sites?|this (web)?site|by (using|continuing|clicking|browsing)|wir
        |unsere (web)?seiten?|diese (web)?(seite|site)|durch die (weitere )?nutzung
        |mit der nutzung|um (ihnen|unsere|dir))\b(?=.*\bcookies?\b)
        .*\b(us(e|ing)|agree|consent|accept|verwend|nutz|setz|einsatz|zustimm|akzept|einverstanden)
    |(please )?(accept|enable|allow) (all )?cookies
    |(bitte )?(alle )?cookies (akzeptieren|zulassen|aktivieren)
    |(please |bitte )?(enable|aktivieren sie) java-?script
    |(read|see) (also|next)\b|also (read|see) ?:|read more ?:|auch interessant\b
    |(lesen sie|lies|siehe) auch\b.*(:|$)
    |(lesen sie )?(mehr|weitere \w+) zum thema\b|(weitere|mehr) (artikel|beiträge) (zu|aus|von)
    |you (may|might) also (like|be interested)
    |das könnte (sie|dich|ihnen) auch (interessieren|gefallen)
    |follow (us|me|[\w ]{1,30}) on (facebook|twitter|instagram|linkedin|youtube|x|telegram)\b
    |folgen? (sie )?uns (auf|bei)\b|subscribe (now )?to (our|the)\b|sign up (for|to) (our|the)\b
    |((hier|jetzt|unseren|zum) )*newsletter (abonnieren|bestellen|anmelden)
    |mit diesem button kannst du|sie sind (aktuell )?nicht eingeloggt
    |you (must|need to) be logged in
"""


def _rule(pattern: str) -> re.Pattern:
    return re.compile(re.sub(r"\n\s*", "", pattern), re.I)


_WHOLE, _BEGINS = _rule(WHOLE), _rule(BEGINS)
_EDGES = " \t-–—•·*|>»›:…!+#()[]"  # but a full stop ends a sentence


def is_boilerplate(line: str) -> bool:
    """Whether a line is one that rules for English and German know from around the text."""
    if len(line) > LONGEST:
        return False
    line = line.strip()
    bare = line.removesuffix("...").strip(_EDGES)
    return bool(bare and _WHOLE.fullmatch(bare) or _BEGINS.match(line.lstrip("-•·*|>»› ")))


def without_boilerplate(text: str) -> str:
    """The text without such lines."""
    return "\n".join(line for line in text.split("\n") if not is_boilerplate(line))
