"""Prose for the tests, written for them: what every rule has to keep."""

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
