"""The words that the scenarios' texts are made of: everyday office and computing words, and invented names."""

__all__ = ["ADJECTIVES", "COMPANIES", "GIVEN", "MODULES", "NOUNS", "PLACES", "SURNAMES", "TOPICS", "VERBS"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words("""
    account agenda alert allocation amendment appendix archive assembly audit balance batch benchmark billing board
    booking branch budget bundle cache calendar campaign carrier catalogue certificate channel checklist claim
    client cluster coating column committee compiler component condition contract conversion counter coupon courier
    credit customer dashboard dataset deadline delivery deposit depot device diagram digest directory discount
    dispatch domain draft driver duty element endpoint engine entry envelope estimate exception exchange exhibit
    export factory failure feature feed fixture fleet folder forecast formula fraction freight gateway grant graph
    handbook handler header heating hinge hospital import index inquiry inspection insurance interface interval
    inventory invoice issue journal kernel label laboratory ladder layout leaflet lease ledger lender licence limit
    listing loader lock logger mailbox manifest manual margin market matrix memo merger meter migration mirror
    module monitor mortgage network notice offer option orchard order outlet output owner package pallet panel
    parser partner passage patch patient payment penalty pension permit phase pipeline platform policy portal
    premium printer process profile project proposal protocol provider pump quarter query queue quota railway rebate
    receipt record refund region register relay release renewal repair replica report request reserve resource
    response retailer revenue review ribbon roster route routine sample scanner schedule schema scope screen season
    sector segment sensor server session shelf shipment signature sitemap socket solution source station statement
    storage strategy subsidy summary supplier survey switch tariff template tenant terminal ticket timeline token
    tower tracker transfer tunnel turbine update upgrade vacancy valve vehicle vendor vessel victim village voucher
    wagon warehouse warrant waybill widget window worker workshop yield
""")
VERBS = _words("""
    accepts adjusts allocates approves archives assigns attaches audits balances blocks books calculates cancels
    checks clears collects compares compiles confirms converts copies corrects covers cuts delays delivers describes
    doubles drops exceeds excludes exports extends fetches files filters flags follows funds groups handles hides
    holds imports includes indexes inspects installs invites joins keeps labels launches limits links lists loads
    locks logs lowers mails maps marks merges migrates mirrors misses moves names needs offers opens orders owns
    packs parses pauses pays plans posts prices prints publishes pulls pushes raises ranks reaches reads rebuilds
    records reduces refunds rejects releases removes renames renews repairs repeats replaces reports requires
    reserves resets resolves restores returns reviews routes samples saves scans scores selects sends serves settles
    ships shows signs skips sorts splits starts stores submits supplies tags tests tracks trims unlocks updates
    uploads uses validates verifies waives warns weighs
""")
ADJECTIVES = _words("""
    active annual average blue bright broken careful central cheap clean coastal common compact complete copper
    correct current daily damaged dated deep direct distant double dry early eastern empty exact expensive external
    fair false fast final firm flat foreign formal former frequent fresh full general green growing hidden high
    hollow idle inner internal joint large late legal light local long loose lower main major manual marine medium
    minor missing mixed modern monthly narrow native new noisy northern odd old open outer overdue paid partial
    pending plain poor previous primary private proper public quiet rapid rare raw recent red regional regular
    remote rough rural safe second secret senior sharp short silent simple single slow small soft solid southern
    spare stable stale standard steep strict strong sudden technical temporary thin total unpaid upper urban urgent
    usual valid vast virtual weekly western wide
""")
COMPANIES = _words("""
    Arvalon Brightmere Caldwick Dunmoor Elderfen Farrowgate Glenhollow Harrowmead Inverlay Jesmoor Kestrelby
    Larkspire Marlowick Northfen Oakenshaw Pellbrook Quillford Ravensmoor Silverholm Thornbury Umberley Valewick
    Westerlay Yarrowby
""")
GIVEN = _words("""
    Amara Bastian Chiara Dmitri Elif Farid Greta Hanne Ines Jonas Keiko Lars Mirela Noor Oskar Priya Quentin Rosa
    Selim Tomas Ulla Viktor Wanda Ximena Yusuf Zofia
""")
SURNAMES = _words("""
    Abel Bergstrom Castellan Dvorak Eklund Fontaine Galanis Haugen Ivarsson Jankovic Kowal Lindqvist Moreau Novak
    Okafor Petrov Quist Rahman Sandoval Takeda Ueda Varga Whitlock Yilmaz Zeman
""")
PLACES = _words("""
    Aarhus Bilbao Cork Dresden Esbjerg Fribourg Gdansk Hasselt Innsbruck Jena Krakow Leiden Malaga Namur Odense
    Porto Quimper Rostock Salzburg Tampere Uppsala Verona Wroclaw Zadar
""")
MODULES = _words("""
    accounts adapters alerts auth backup billing cache catalog charts checkout cli config content crawler cron dates
    dispatch emails encoding events export feeds filters forms geo graph hooks images imports index intake invoices
    jobs layout limits loader locks mail mapping media menus metrics money notes orders pages parser paths payments
    pdf permits plans pricing queue quotas rates reader refunds render reports roles routes rules schema scoring
    search sessions shipping signals stats stock storage streams sync tables tags tasks tax teams text themes tokens
    tracing uploads urls users views widgets workers zones
""")
TOPICS = (
    *("battery recycling in northern ports", "night trains across the Alps", "heat pumps for terraced houses"),
    *("salt-tolerant wheat trials", "ferry electrification subsidies", "glass recycling rates by region"),
    *("municipal broadband financing", "tidal turbine maintenance costs", "urban beekeeping rules"),
    *("cold chain losses of vaccines", "paper packaging standards", "open-pit reclamation bonds"),
    *("satellite crop insurance", "second-hand textile exports", "low-sulphur marine fuel prices"),
    *("hospital laundry water use", "school meal procurement", "rural postal service closures"),
    *("timber skyscraper fire tests", "desalination brine disposal", "bicycle motorway usage counts"),
    *("public library lending trends", "regional dialect archives", "drone deliveries to islands"),
)
