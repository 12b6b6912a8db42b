"""Numbers with dots: sections, versions and object names count something, addresses are somebody's."""

from functools import partial

import numpy as np
import pytest

from fanno_hf.rules import personal_data

find = partial(personal_data.find_personal_data, kinds=("ip",), region=None, roles="keep")

NUMBERS = [
    "5.6.12.1: Epochs",
    "the chapter ‘5.6.12.1’ holds",
    "in it “5.6.12.1 Epochs” is",
    "section&nbsp;5.6.12.1",
    "Rule 5.6.12.1(a) says",
    "第5.6.12.1節",
    "Epochs (5.6.12.1)",
    "5.6.12.1 … 5.6.12.9 with 5.6.12.2",
    "an upgrade from 9.0.1.2 to 9.0.1.3",
    "Rule 5.6.52.1(a); also Table 5.6.52.1",
    "5.6.12.1. Epochs",
    "5.6.12.1 Epochs",
    "5.6.12.1 epochs",
    "5.6.12.1. epochs in versions",
    '"5.6.12.1. Epochs"',
    '"5.6.12.1 Epochs"',
    '5.6.12.1 "Epochs"',
    '5.6.12.1. "epochs"',
    "5.6.12.1 „Epochen“",
    "5.6.12.1 «Époques»",
    "5.6.12.1 'epochs'",
    "5.6.12.1 Epochs",
    "  5.6.12.1. Epochs",
    "5.6.12.1 Epochs",
    "5.6.12.1 Epochs",
    "5.6.12.1.  debian/rules",
    "- 5.6.12.1 Epochs",
    "* 5.6.12.1. Epochs",
    "• 5.6.12.1 epochs",
    "– 5.6.12.1 Epochs",
    "1. 5.6.12.1 Epochs",
    "a) 5.6.12.1 Epochs",
    "## 5.6.12.1 Epochs",
    "### 5.6.12.1. epochs",
    "**5.6.12.1 Epochs**",
    "**5.6.12.1** Epochs",
    "[5.6.12.1. Epochs](#epochs)",
    "* [5.6.12.1 Epochs](#epochs)",
    "> 5.6.12.1 Epochs",
    "| 5.6.12.1 Epochs | 34 |",
    "5.6.12.1 Epochs ........ 34",
    "5.6.12.1 epochs . . . . . . 34",
    "5.6.12.1 epochs … 34",
    "5.6.12.1 epochs ········ 34",
    "5.6.12.1 epochs\t34",
    "5.6.12.1 epochs ______ 34",
    "5.6.12.1. Epochs    34",
    "5.6.12.1 ........ 34",
    "5.6.12.1 epochs ...... xii",
    "5.6.12.1) Epochs",
    "(5.6.12.1) Epochs",
    "[5.6.12.1] Epochs",
    "5.6.12.1 - Epochs",
    "5.6.12.1 – epochs",
    "5.6.12.1 — Epochs",
    "5.6.12.1. 32-bit systems",
    "5.6.12.1. /etc/hosts",
    "5.6.12.1 `deb` files",
    "5.6.12.1 *deb* files",
    "5.6.12.1 Überschrift",
    "5.6.12.1 概要",
    "5.6.12.1 概要",
    "5.6.12.1 ÉPOQUES",
    "5.6.12.1 how are epochs compared?",
    "5.6.12.1.\n\nEpochs",
    "→ 5.6.12.1 Epochs",
    "5.6.12.1, 5.6.12.2 and 5.6.12.3",
    "both 5.6.12.1 and 5.6.12.2 say so",
    "(5.6.12, 5.6.12.1)",
    "5.6.12 The version\n\nas 5.6.12.1 has it",
    "5.6.12.1\n5.6.12.2\n5.6.12.3",
    "5.6.12.1-5.6.12.3",
    "5.6.12.1–5.6.12.3",
    "5.6.12.1\tEpochs",
    "5.6.12.1:\tsee 5.6.12",
    "see 5.6.12.1",
    "See 5.6.12.1.",
    "(see 5.6.12.1)",
    "cf. 5.6.12.1",
    "§ 5.6.12.1",
    "§5.6.12.1",
    "§§ 5.6.12.1",
    "section 5.6.12.1",
    "Section 5.6.12.1",
    "sections 5.6.12.1 and 5.6.14.7",
    "Sections 5.6.12.1, 5.7.1.9 and 6.1.2.3",
    "sec. 5.6.12.1",
    "in section 5.6.12.1, “Epochs”",
    "Abschnitt 5.6.12.1",
    "siehe Abschnitt 5.6.12.1",
    "Kapitel 5.6.12.1",
    "voir 5.6.12.1",
    "chapitre 5.6.12.1",
    "véase 5.6.12.1",
    "apartado 5.6.12.1",
    "vedi 5.6.12.1",
    "paragrafo 5.6.12.1",
    "secção 5.6.12.1",
    "ver 5.6.12.1",
    "rozdział 5.6.12.1",
    "w punkcie 5.6.12.1",
    "zob. 5.6.12.1",
    "zie 5.6.12.1",
    "paragraaf 5.6.12.1",
    "hoofdstuk 5.6.12.1",
    "Table 5.6.12.1",
    "Figure 5.6.12.1: epochs",
    "[see 5.6.12.1]",
    "clause 5.6.12.1",
    "section 5.6.12.1",
    "section\n5.6.12.1",
    "sec-\n   tion 5.6.12.1",
    "Section [5.6.12.1]",
    "section (5.6.12.1)",
    "version 1.2.3.4",
    "v1.2.3.4",
    "Version: 1.2.3.4",
    "since 1.2.3.4",
    "release 1.2.3.4 notes",
    "foo (>= 1.2.3.4)",
    "Depends: libfoo1 (>= 1.2.3.4), libbar (<< 2.3.4.5)",
    "foo-1.2.3.4",
    "Firefox/3.6.12.1",
    "dpkg 1.4.1.17",
    "python3 (= 3.1.2.4)",
    "update 1.2.3.4",
    "firmware 4.5.6.7",
    "kernel 2.6.32.9",
    "Version 1.2.3.4-5",
    "upgrade from version 1.2.3.4 to 1.2.3.9",
    "1.3.6.1",
    "1.3.6.1.2.1.1.1.0",
    ".1.3.6.1.4.1",
    "iso.3.6.1.2",
    "SNMPv2-SMI::enterprises.9.9.1.2",
    "sysDescr.0",
    "ifDescr.1.2.3.4",
    "OID 1.2.36.79",
    "oid: 2.5.4.3",
    "2.5.29.17",
    "ipAdEntAddr.1.2.3.4",
    "enterprises.8.2.1.1",
    "SNMPv2-MIB::sysName.0 1.3.6.1",
    "IP-MIB::ipAddressIfIndex.ipv4.1.2.3.4",
    "iso.org.dod.internet.1.2.3.4",
]

ADDRESSES = [
    "93.184.216.34",
    "from 5.9.12.1 port 22",
    '5.9.12.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200',
    "5.9.12.1 - frank [10/Oct/2026:13:55:36 +0000]",
    "http://5.9.12.1/x",
    "ssh root@5.9.12.1",
    "5.9.12.1:8080",
    "listen 5.9.12.1:80;",
    "nameserver 8.8.8.8",
    "nameserver 5.9.12.1",
    "8.8.8.8",
    "- 8.8.8.8\n- 8.8.4.4",
    "8.8.8.8 dns.google",
    "93.184.216.34 www.fennold.com fennold",
    "5.9.12.1 mail.fennold.com mail",
    "ping 5.9.12.1",
    "PING fennold.com (5.9.12.1) 56 bytes",
    "The server 5.9.12.1 answered.",
    "My IP address is 5.9.12.1.",
    "IP: 5.9.12.1",
    "Die IP-Adresse 5.9.12.1 gehört ihr.",
    "client 5.9.12.1 connected",
    "Accepted publickey for jane from 5.9.12.1 port 50022 ssh2",
    "Failed password for root from 93.184.216.34",
    "allow 5.9.12.0/24; deny 5.9.13.7",
    "5.9.12.1/32",
    "ip addr add 45.33.32.156/24 dev eth0",
    "host = 45.33.32.156",
    '"ip": "45.33.32.156"',
    "A 45.33.32.156",
    "fennold.com. 300 IN A 45.33.32.156",
    "Received: from mail (unknown [45.33.32.156])",
    "5.9.12.1 is our gateway.",
    "5.9.12.1 logged in at noon.",
    "45.33.32.156 Failed login",
    "X-Forwarded-For: 45.33.32.156, 93.184.216.34",
    "from 45.33.32.156-45.33.32.160",
    "remote_addr=5.9.12.1",
    "Oct 10 13:55:36 web1 sshd[123]: Invalid user admin from 45.33.32.156 port 4711",
    "<45.33.32.156>",
    "(45.33.32.156)",
    "inet 45.33.32.156  netmask 255.255.255.0",
    "BLOCK 45.33.32.156 -> 10.0.0.1",
    "IP 45.33.32.156  > 10.0.0.1.51034",
    "from host 45.33.32.156",
    "serveur 45.33.32.156",
    "dirección 45.33.32.156",
    "1. 45.33.32.156",
    "line\n45.33.32.156\nline",
    "The attacker came from\n5.9.12.1 and tried again.",
    "visit https://45.33.32.156:8443/admin.",
    "45.33.32.156, then nothing",
    "Benutzer hat sich von 45.33.32.156 angemeldet",
]


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_is_no_address(text):
    assert find(text) is None


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_found(text):
    assert find(text) == ("personal_data", "ip")


@pytest.mark.parametrize("words", ["see", "section", "§", "point", "since dpkg", "chapter", "5.6.12 and"])
def test_no_word_makes_a_section_of_large_numbers(words):
    assert find(f"{words} 45.33.32.156") == ("personal_data", "ip")


TITLES = (
    "Epochs",
    "the archive",
    "Überblick",
    "dpkg --force",
    '"Files"',
    "/etc/init.d",
    "32-bit systems",
    "«Paquets»",
)
# head of a section, entry of the contents, reference
FORMS = (
    ("{n}. {t}", "{n}. {t} . . . . . . {p}", "(see {n})"),
    ("{n} {t}", "{n} {t} ........ {p}", "section {n}"),
    ("## {n} {t}", "- [{n}. {t}](#s{p})", "[{n}](#s{p})"),
    ("{n}\u00a0{t}", "{n}\u00a0{t} … {p}", "§\u00a0{n}"),
    ("{n}.\u2003{t}", "* {n} {t}", "in {n}, {n}.1 and elsewhere"),
    ('"{n}. {t}"', "{n} {t}\t{p}", "Abschnitt {n}"),
    ("**{n}** {t}", "| {n} | {t} | {p} |", "cf. {n}"),
    ("{n}\n\n{t}", "{n} {t} {p}", "({n})"),
    ("\f{n} {t}", "   {n}   {t}   {p}", "voir {n}"),
    ("{n}) {t}", "{n}: {t}, {p};", "{n}–{n}"),
)


@pytest.mark.parametrize("form", range(len(FORMS)))
def test_a_manual_with_four_levels_has_no_addresses(form):
    head, entry, reference = FORMS[form]
    random = np.random.default_rng([7, form])
    numbers = [
        ".".join(map(str, part))
        for a in range(1, 13)
        for b in range(1, random.integers(2, 6))
        for c in range(1, random.integers(2, 5))
        for part in [(a,), (a, b), (a, b, c), *((a, b, c, d) for d in range(1, random.integers(2, 9)))]
    ]
    filled = [{"n": n, "t": TITLES[random.integers(len(TITLES))], "p": page} for page, n in enumerate(numbers)]
    contents = "\n".join(entry.format(**one) for one in filled)
    body = "\n\n".join(f"{head.format(**one)}\n\nAs {reference.format(**one)} says, all is well." for one in filled)
    manual = f"{contents}\n\n{body}"
    assert manual.count(".") > 1_000
    assert find(manual) is None
    login = "The last login was from 45.33.32.156."
    masked = personal_data.mask_personal_data(f"{manual}\n\n{login}", kinds=("ip",), region=None, roles="keep")
    assert masked.text == f"{manual}\n\nThe last login was from 192.0.2.1."
