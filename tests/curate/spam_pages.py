"""Pages that are bait, written for the tests: what they sell does not exist."""

EN = [
    # Keyword stuffing: one or two words in every clause.
    "Cheap flights to Berlin! Are you looking for cheap flights to Berlin? Our cheap flights are "
    "the best cheap flights online. Book cheap flights to Berlin today, because cheap flights to "
    "Berlin sell out fast. Compare cheap flights, find cheap flights and save on cheap flights "
    "with our cheap flights finder. Cheap flights to Berlin have never been so cheap.",
    "Best running shoes 2024. If you want the best running shoes, our best running shoes guide "
    "shows the best running shoes for men and the best running shoes for women. The best running "
    "shoes are light. Buy now the best running shoes at the lowest price. Best running shoes "
    "review: we tested the best running shoes so you can buy online the best running shoes.",
    "Plumber London. Need a plumber in London? Our London plumber team is the London plumber you "
    "can trust. Call now for a London plumber near you. Emergency London plumber, affordable "
    "London plumber, 24 hour London plumber. Every London plumber on our team is a top rated "
    "London plumber. Get a free quote from a London plumber today.",
    "Weight loss pills work. Weight loss pills help with weight loss. The fastest weight loss "
    "comes from weight loss pills that support weight loss naturally. Order now and start your "
    "weight loss today. Risk free weight loss, money back guarantee, limited time weight loss "
    "offer. Weight loss made easy with weight loss pills.",
    "Online casino bonus! The best online casino gives you an online casino bonus. Play online "
    "casino games, win the online casino jackpot, use your online casino free spins. Our online "
    "casino list ranks each online casino by online casino bonus. Join the online casino now, "
    "act now, limited time online casino special offer.",
    "Essay writing service: our essay writing service is the cheapest essay writing service. Why "
    "choose our essay writing service? Because an essay writing service should be an affordable "
    "essay writing service. Order now from the essay writing service with a money back guarantee "
    "and get a discount on your first essay writing service order.",
    # Lists of keywords, cities and brands without a sentence.
    "iphone case, samsung case, leather case, phone cover, cheap phone case, silicone cover, "
    "wallet case, case for iphone, clear case, waterproof cover, glitter case, phone pouch, "
    "armor case, bumper case, flip cover, tablet case, laptop sleeve, screen protector, charger, "
    "car holder, usb cable, power bank, headphones, earbuds, selfie stick, smart watch band",
    "Roof repair Albany | Roof repair Boston | Roof repair Buffalo | Roof repair Chicago | Roof "
    "repair Cleveland | Roof repair Columbus | Roof repair Dallas | Roof repair Denver | Roof "
    "repair Detroit | Roof repair Houston | Roof repair Memphis | Roof repair Miami | Roof repair "
    "Newark | Roof repair Oakland | Roof repair Phoenix | Roof repair Tampa | Roof repair Tucson",
    "Tags: viagra - cialis - levitra - buy viagra - cheap cialis - online pharmacy - generic "
    "viagra - viagra price - no prescription - discount pills - cialis 20mg - viagra 100mg - "
    "order cialis - pharmacy online - levitra sale - viagra sale - pills online - kamagra - "
    "cheap levitra - viagra overnight - cialis coupon - tadalafil - sildenafil - vardenafil",
    "Gucci bags, Prada bags, Chanel bags, Hermes bags, Louis Vuitton bags, Fendi bags, Dior bags, "
    "Celine bags, Coach bags, Burberry bags, Versace bags, Balenciaga bags, Chloe bags, replica "
    "watches, Rolex watches, Omega watches, Breitling watches, Cartier watches, Tag Heuer "
    "watches, Hublot watches, Patek watches, Ray Ban glasses, Oakley glasses, Nike shoes",
    "#fashion #style #love #instagood #ootd #shopping #sale #beauty #model #cute #dress #shoes "
    "#makeup #summer #trend #lookbook #outfit #streetstyle #designer #luxury #vintage #jewelry "
    "#accessories #hair #nails #skincare #glam #boutique #womenswear #menswear #discount #follow",
    # Link farms.
    "Partner sites http://best-loans.example http://quick-cash.example http://my-casino.example "
    "http://cheap-pills.example http://seo-boost.example http://watch-free.example and more of "
    "our friends: http://top-bets.example http://win-big.example http://fast-diet.example "
    "http://hot-deals.example http://link-swap.example http://easy-money.example",
    "Add your link. Visit www.one-directory.example for cars. Visit www.two-directory.example for "
    "houses. Visit www.three-directory.example for jobs. Visit www.four-directory.example for "
    "dating. Visit www.five-directory.example for travel. Visit www.six-directory.example for "
    "health. Submit your site to get a backlink.",
    # Templates, filled badly or not at all.
    "Welcome to {{city}}! If you need a locksmith in {{city}}, we are the locksmith for you. We "
    "have been opening doors in {{city}} for years and know each street of {{city}}. Our prices "
    "are fair, our people are friendly and we come at any time of the day.",
    "Are you looking for a {cheap|affordable|low cost} hotel? We have {great|amazing|super} rooms "
    "for you and your family. {Book|Reserve|Order} your room today and enjoy a stay that you "
    "will remember for many years, with breakfast and a view of the sea.",
    # Shop talk and nothing else.
    "Buy now and save! Free shipping on all orders, best price guaranteed. Click here for your "
    "coupon and get an extra discount. Special offer for a limited time: order online today, "
    "fast shipping tomorrow. Satisfaction guaranteed or your money back. Order now!",
]
DE = [
    "Schlüsseldienst Berlin gesucht? Unser Schlüsseldienst Berlin ist der Schlüsseldienst Berlin "
    "für Sie. Jetzt anrufen: Schlüsseldienst Berlin zum Bestpreis. Schlüsseldienst Berlin Mitte, "
    "Schlüsseldienst Berlin Wedding, Schlüsseldienst Berlin Spandau. Ihr Partner für "
    "Schlüsseldienst Berlin in Ihrer Nähe, preiswert und schnell.",
    "Umzug München günstig! Sie planen einen Umzug München? Ein Umzug München muss nicht teuer "
    "sein. Unser Umzug München Team macht Ihren Umzug München preiswert. Kostenloses Angebot für "
    "Ihren Umzug München anfordern. Umzug München mit Bestpreis, Umzug München ohne Stress.",
    "Laufschuhe günstig kaufen: Laufschuhe für Damen, Laufschuhe für Herren und Laufschuhe für "
    "Kinder. Unsere Laufschuhe sind die günstigste Wahl. Laufschuhe online kaufen, Laufschuhe "
    "jetzt bestellen, Laufschuhe versandkostenfrei. Laufschuhe Test: welche Laufschuhe sind die "
    "besten Laufschuhe? Laufschuhe im Sonderangebot.",
    "Abnehmen ohne Sport mit Abnehmkapseln! Abnehmkapseln sind der Testsieger. Abnehmkapseln "
    "rezeptfrei online bestellen. Wie wirken Abnehmkapseln? Abnehmkapseln wirken sofort. "
    "Abnehmkapseln jetzt kaufen und mit Abnehmkapseln Rabatt sichern. Abnehmkapseln mit Gutschein "
    "und kostenloser Versand für alle Abnehmkapseln.",
    "Kredit ohne Schufa: der Kredit ohne Schufa ist ein Sofortkredit für alle. Kredit ohne Schufa "
    "online beantragen, Kredit ohne Schufa sofort auszahlen. Unser Kredit ohne Schufa ist der "
    "Testsieger. Jetzt Kredit ohne Schufa, unverbindliches Angebot zum Kredit ohne Schufa.",
    "Online Casino mit Freispiele: das beste Online Casino Deutschlands. Im Online Casino den "
    "Jackpot knacken! Jedes Online Casino in unserem Online Casino Test hat Freispiele. Online "
    "Casino Bonus hier klicken. Online Casino ohne Einzahlung, Online Casino mit Gutschein.",
    "Handyhülle, Lederhülle, Silikonhülle, Schutzhülle, Panzerglas, Ladekabel, Powerbank, "
    "Kopfhörer, Autohalterung, Tablethülle, Displayfolie, Klapphülle, Selfiestick, Smartwatch, "
    "Armband, Netzteil, Adapter, Lautsprecher, Speicherkarte, Hülle günstig, Hülle billig, Hülle "
    "kaufen, Hülle Angebot, Hülle Test, Hülle Vergleich, Hülle Testsieger",
    "Detektei Aachen, Detektei Augsburg, Detektei Berlin, Detektei Bielefeld, Detektei Bochum, "
    "Detektei Bonn, Detektei Bremen, Detektei Dortmund, Detektei Dresden, Detektei Duisburg, "
    "Detektei Erfurt, Detektei Essen, Detektei Frankfurt, Detektei Hamburg, Detektei Hannover, "
    "Detektei Kassel, Detektei Kiel, Detektei Köln, Detektei Leipzig, Detektei Mainz",
    "Reifen billig · Winterreifen · Sommerreifen · Felgen · Alufelgen · Stahlfelgen · Autoreifen · "
    "Motorradreifen · Ganzjahresreifen · Reifen Angebot · Reifen Rabatt · Reifen Online · Reifen "
    "Shop · Reifen Test · Kompletträder · Schneeketten · Reifenwechsel · Batterie · Motoröl · "
    "Bremsen · Scheibenwischer · Ersatzteile · Tuning · Fahrwerk · Auspuff",
    "Adidas Schuhe » Nike Schuhe » Puma Schuhe » Asics Schuhe » Reebok Schuhe » Vans Schuhe » "
    "Converse Schuhe » Fila Schuhe » Gabor Schuhe » Ecco Schuhe » Geox Schuhe » Tamaris Schuhe » "
    "Rieker Schuhe » Lloyd Schuhe » Birkenstock Sandalen » Crocs Sandalen » Hugo Boss Schuhe » "
    "Tommy Hilfiger Schuhe » Michael Kors Taschen » Guess Taschen » Fossil Uhren",
    "Linktausch: https://kredit-sofort.example https://casino-neu.example https://diaet24.example "
    "https://uhren-shop.example https://reisen-spar.example https://seo-profi.example Unsere "
    "Partner und Freunde: https://wetten.example https://flirt-chat.example https://auto24.example "
    "https://handy-tarif.example https://strom-billig.example",
    "Webkatalog mit vielen guten Seiten. Autos finden Sie auf www.auto-eins.example und Häuser auf "
    "www.haus-zwei.example, Reisen auf www.reise-drei.example, Mode auf www.mode-vier.example, "
    "Tiere auf www.tier-fuenf.example. Tragen Sie auch Ihre Seite ein unter "
    "www.katalog.example und www.eintrag.example",
    "Sie suchen einen Maler in [ORT]? Wir sind seit vielen Jahren in [ORT] und Umgebung für Sie "
    "da. Unsere Maler aus [ORT] streichen Ihre Wohnung sauber und pünktlich. Fragen Sie uns, wir "
    "kommen gern zu Ihnen nach Hause und beraten Sie.",
    "Jetzt kaufen und sparen! Versandkostenfrei ab 20 Euro, schnelle Lieferung, Geld-zurück. Hier "
    "klicken und Gutschein sichern: Rabatt auf alles, nur heute Sonderangebot. Online bestellen "
    "zum Tiefpreis, sofort lieferbar. Schnäppchen für alle, jetzt bestellen!",
]
