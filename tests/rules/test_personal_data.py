"""What counts as personal data, what only looks like it, and that no text makes the search fail or hang."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanno_hf.rules import personal_data

KINDS = ("email", "phone", "card", "iban", "ip")

find_personal_data = partial(personal_data.find_personal_data, kinds=KINDS, region=None)

CASES = [
    # e-mail
    ("Write to jane.doe@example.org for details.", "email"),
    ("jane+lists@mail.example.co.uk", "email"),
    ("<jane@example.org>,", "email"),
    ("Kontakt: jürgen@müller-straße.de.", "email"),
    ("请联系zhang@example.cn或来电", "email"),
    ("почта@пример.рф", "email"),
    ("jane@xn--mller-kva.example", "email"),
    ("ｊａｎｅ＠ｅｘａｍｐｌｅ．ｏｒｇ", "email"),
    ("jane\u200b@exam\u00adple.org", "email"),
    ("@property\ndef name(self): ...", None),
    ("class A:\n    @app.route('/x')\n    @pytest.mark.slow\n    def f(self): ...", None),
    ("ssh user@host and root@localhost", None),
    ("follow @jane.doe on any network", None),
    ("git clone git@github.com:octo/cat.git", None),
    ("scp report.pdf jane@files.example.org:/tmp/", "email"),
    ("npm install react@18.2.0-rc.next", None),
    ("uses: actions/checkout@v4.1", None),
    ("logo@2x.png and getty@tty1.service", None),
    ("C = a@b.sum()", None),
    ("three apples @ 1.50 each", None),
    # phone
    ("Call +44 20 7946 0958 now", "phone"),
    ("Tel. +49 (30) 23125-001", "phone"),
    ("電話：＋８１ ３ １２３４ ５６７８", "phone"),
    ("هاتف +٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨", "phone"),
    ("+44\u201120\u20117946\u20110958", "phone"),
    ("a gain of +12 345 678 900 000 001 votes", None),
    ("+1 234 and +5 678", None),
    ("x + 4420 = y", None),
    ("(030) 23125-001", None),  # national, but no region was given
    # card
    ("card 4111 1111 1111 1111, valid until 08/29", "card"),
    ("4111111111111111", "card"),
    ("4111-1111-1111-1111 12/27 CVV 123", "card"),
    ("3782 822463 10005", "card"),
    ("卡号5555555555554444。", "card"),
    ("４１１１ １１１１ １１１１ １１１１", "card"),
    ("4111 1111 1111 1112", None),  # wrong check digit
    ("1234 5678 9012 3452", None),  # no issuer has the prefix 1
    ("94111111111111111199999", None),  # inside a longer number
    ("0000 4111 1111 1111 1111", None),
    ("4111 1111 1111 1111 1111 1111", None),
    ("41 11 11 11 11 11 11 11", None),  # a row of a table
    ("0.4111111111111111", None),
    ("uid_4111111111111111", None),
    ("published in 2021 as ISBN 978-3-16-148410-0 at 1700000000000", None),
    # IBAN
    ("IBAN DE89 3704 0044 0532 0130 00, reference dog", "iban"),
    ("iban:gb82west12345698765432", "iban"),
    ("ES91 2100 0418 4502 0005 1332 BIC CAIXESBB", "iban"),
    ("AB12 CD34 GB82 WEST 1234 5698 7654 32", "iban"),
    ("NO93 8601 1117 947", "iban"),
    ("DE88 3704 0044 0532 0130 00", None),  # wrong check digits
    ("GB82 WEST 1234 5698", None),
    ("part AB12 CD34 EF56 GH78 JK90 LM12", None),
    # IP
    ("logged in from 93.184.216.34 at noon", "ip"),
    ("http://93.184.216.34:8080/x", "ip"),
    ("93.184.216.34 - - [10/Oct/2000:13:55:36] GET /", "ip"),
    ("address 2606:2800:220:1:248:1893:25c8:1946", "ip"),
    ("[2606:4700::1111]:443", "ip"),
    ("192.168.1.1, 10.0.0.7, 172.16.3.4 and 127.0.0.1", None),
    ("0.0.0.0 255.255.255.0 169.254.1.1 224.0.0.1", None),
    ("192.0.2.5, 198.51.100.7, 203.0.113.9 and 2001:db8::1", None),
    ("::1 fe80::1 fd00::5 ff02::1 ::", None),
    ("Version 1.2.3.4 is out", None),
    ("version: 8.4.2.1", None),
    ("v1.2.3.4", None),
    ("V 1.2.3.4", None),
    ("pip install foo==1.2.3.4", None),
    ("foo-1.2.3.4.tar.gz and bar-1.2.3.4-py3-none-any.whl", None),
    ("see section 1.2.3.4 and § 5.6.7.8", None),
    ("1.2.3.4.5 Scope", None),
    ("## 1.2.3.4 Scope of the Work", None),
    ("OID 1.3.6.1", None),
    ("300.1.2.3 and 08.09.10.011", None),
    ("std::face::add a::b dead::beef 12:30:45", None),
    ("00:1A:2B:3C:4D:5E", None),
    # nothing
    ("", None),
    ("A quiet text without any data at all.", None),
]


@pytest.mark.parametrize(("text", "kind"), CASES)
def test_finds_the_kind(text, kind):
    assert find_personal_data(text) == (kind and ("personal_data", kind))


@pytest.mark.parametrize(
    ("text", "region", "found"),
    [
        ("Ruf an: (030) 23125-001", "DE", True),
        ("Ruf an: +44 20 7946 0958", "DE", True),
        ("(202) 555-0143", "US", True),
        ("on 2012-01-02 at 08:00 in room 12", "US", False),
        ("12 345 67", "DE", False),
    ],
)
def test_national_phone_numbers_need_a_region(text, region, found):
    assert find_personal_data(text, kinds=["phone"], region=region) == (("personal_data", "phone") if found else None)


def test_phone_search_gives_up_after_too_many_tries(monkeypatch):
    text = "+1 234 5678 900 000\n" * 50 + "+44 20 7946 0958"
    assert find_personal_data(text, kinds=["phone"]) == ("personal_data", "phone")
    monkeypatch.setattr(personal_data, "PHONE_TRIES", 3)
    assert find_personal_data(text, kinds=["phone"]) is None


def test_kinds_are_searched_in_the_order_given():
    text = "jane@example.org, 4111 1111 1111 1111"
    assert find_personal_data(text) == ("personal_data", "email")
    assert find_personal_data(text, kinds=("card", "email")) == ("personal_data", "card")
    assert find_personal_data(text, kinds=("ip",)) is None
    assert find_personal_data(text, kinds=()) is None


# Characters that the patterns are made of find more corners than random letters do.
TEXTS = st.one_of(
    st.text(),
    st.text(st.characters(categories=["Nd", "Cs", "Cf", "Pd", "Mn"])),
    st.text(alphabet="aZ1049@.:-+() /§v=\n#DE٣８\ud800"),
)


@given(TEXTS, st.sampled_from([None, "US", "DE"]))
def test_any_text_gives_none_or_a_kind(text, region):
    found = find_personal_data(text, region=region)
    assert found is None or (found[0] == "personal_data" and found[1] in KINDS)


@given(
    st.integers(0, 10**9).map(lambda n: f"user{n}@example.org"), st.text(alphabet="ab c.,\n"), st.text(alphabet=" ,")
)
def test_an_address_is_found_anywhere_and_never_repeated(address, before, after):
    found = find_personal_data(f"{before} {address}{after}")
    assert found == ("personal_data", "email")


@pytest.mark.parametrize(
    "unit", ["a", "a@", "a.", "1", "1 ", "1.", "::", "a:", "+1 ", "(1", "4111 ", "\u0301\u0316", "v1.2.3.4 "]
)
def test_a_megabyte_returns(unit):
    assert find_personal_data(unit * (10**6 // len(unit)) + "@") is None
