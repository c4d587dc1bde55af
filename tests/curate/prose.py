"""Prose for the tests, written for them: what every rule has to keep. And what none is."""

EN = """\
The old bridge across the river was closed in the spring, because the ice had moved one of its
pillars. For three weeks the people of the village walked to the ferry, which is two miles down
the road, and they complained about it at every meeting of the council.

In April a builder from the next town came to look at the damage. She measured the pillar, wrote
some numbers into a small book and said that it could be mended before the summer. Nobody believed
her, but she was right: on the first of June the first cart went over the bridge again.
"""
DE = """\
Die alte Brücke über den Fluss wurde im Frühjahr gesperrt, weil das Eis einen ihrer Pfeiler
verschoben hatte. Drei Wochen lang gingen die Leute aus dem Dorf zur Fähre, die zwei Kilometer
flussabwärts liegt, und beschwerten sich darüber in jeder Gemeinderatssitzung.

Im April kam eine Baumeisterin aus der Nachbarstadt, um sich den Schaden anzusehen. Sie maß den
Pfeiler aus, schrieb einige Zahlen in ein kleines Heft und sagte, dass er noch vor dem Sommer
ausgebessert werden könne. Niemand glaubte ihr, doch sie behielt recht: am ersten Juni fuhr wieder
ein Wagen über die Brücke.
"""
MENU = "\n".join(["Home", "News", "Sport", "Login", "Kontakt", "Impressum", "Warenkorb"] * 8)
# A statute as its publisher has it, which is in the public domain: wrapped lines, formulas.
LAW = """\
---
Title: Verordnung zur Festlegung eines späteren Anwendungszeitpunktes der Verpflichtungen
  nach § 5b des Einkommensteuergesetzes
jurabk: AnwZpvV
layout: default
origslug: anwzpvv
slug: anwzpvv

---

# Verordnung zur Festlegung eines späteren Anwendungszeitpunktes der
Verpflichtungen nach § 5b des Einkommensteuergesetzes (AnwZpvV)

Ausfertigungsdatum
:   2010-12-20

Fundstelle
:   BGBl I: 2010, 2135


## Eingangsformel

Auf Grund des § 51 Absatz 4 Nummer 1c des Einkommensteuergesetzes in
der Fassung der Bekanntmachung vom 8. Oktober 2009 (BGBl. I S. 3366,
3862) verordnet das Bundesministerium der Finanzen:


## § 1 Verschiebung des erstmaligen Anwendungszeitpunktes der Verpflichtungen
nach § 5b des Einkommensteuergesetzes

Abweichend von § 52 Absatz 15a des Einkommensteuergesetzes sind die
Bilanz und die Gewinn- und Verlustrechnung erstmals für
Wirtschaftsjahre, die nach dem 31. Dezember 2011 beginnen,
elektronisch zu übermitteln.


## § 2 Inkrafttreten

Diese Verordnung tritt am Tag nach der Verkündung in Kraft.


## Schlussformel

Der Bundesrat hat zugestimmt.
"""
RUBBISH_DE = {  # none of it bait for search engines
    "places": "\n".join(
        f"Sie suchen ein Zimmer in {place}? In {place} finden Sie auf unserer Seite die besten "
        f"Zimmer, und wer in {place} wohnen will, der kann hier in {place} alle Zimmer sehen."
        for place in "Köln Bonn Ulm Jena Kiel Fürth Gera Trier Hof Suhl".split()
    ),
    "teasers": "\n".join(
        f"{topic}: Was jetzt für Sie und Ihre Familie wichtig ist …\nMehr dazu\nvor {i} Stunden"
        for i, topic in enumerate("Rente Wetter Börse Sport Reise Auto Kino Bahn".split() * 2)
    ),
    "comments": "\n".join(
        f"Gast{i} schrieb am {i}.5.2019 um 12:{i}\nAntworten\nMelden\nDas ist auch so bei mir"
        for i in range(10, 30)
    ),
    "prices": "\n".join(
        f"Artikel {i} in der Farbe Blau | {i},99 EUR | auf Lager | {i}0 cm | ab Werk"
        for i in range(40)
    ),
    "departures": "\n".join(
        f"Zug {i} nach Ulm\nab {i % 24}:15 von Gleis {i % 9}" for i in range(60)
    ),
}
