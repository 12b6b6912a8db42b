"""What counts as personal data, what only looks like it, and that no text makes the search fail or hang."""

from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import iban, luhn

from fanno_hf.rules import personal_data
from tests.rules.labelled import ITEMS

KINDS = ("email", "phone", "card", "iban", "ip")
DEFAULTS = {"kinds": KINDS, "region": None, "roles": "keep"}

find_personal_data = partial(personal_data.find_personal_data, **DEFAULTS)
mask_personal_data = partial(personal_data.mask_personal_data, **DEFAULTS)

CASES = [
    # e-mail
    ("Write to jane.doe@fennold.com for details.", "email"),
    ("jane+lists@mail.fennold.co.uk", "email"),
    ("<jane@fennold.com>,", "email"),
    ("Kontakt: jürgen@müller-straße.de.", "email"),
    ("请联系zhang@fennold.cn或来电", "email"),
    ("почта@пример.рф", "email"),
    ("jane@xn--mller-kva.de", "email"),
    ("ｊａｎｅ＠ｆｅｎｎｏｌｄ．ｃｏｍ", "email"),
    ("jane\u200b@fen\u00adnold.com", "email"),
    ("@property\ndef name(self): ...", None),
    ("class A:\n    @app.route('/x')\n    @pytest.mark.slow\n    def f(self): ...", None),
    ("ssh user@host and root@localhost", None),
    ("follow @jane.doe on any network", None),
    ("git clone git@github.com:octo/cat.git", None),
    ("scp report.pdf jane@files.fennold.com:/tmp/", "email"),
    ("npm install react@18.2.0-rc.next", None),
    ("uses: actions/checkout@v4.1", None),
    ("logo@2x.png and getty@tty1.service", None),
    ("C = a@b.sum()", None),
    ("three apples @ 1.50 each", None),
    ("look at this point in the text, then stop at the dot.", None),
    # nobody's
    ("Report bugs to bug-bash@gnu.org or 1234@bugs.debian.org.", None),
    ("debian-devel@lists.debian.org, linux-kernel@vger.kernel.org", None),
    ("info@fennold.com, Support@fennold.com, no-reply@fennold.com, noreply@mail.fennold.com", None),
    ("datenschutz@fennold.de serviceclient@fennold.fr ventas@fennold.es segreteria@fennold.it", None),
    (
        "vendas@fennold.pt, biuro@fennold.pl, klantenservice@fennold.nl, sales+eu@fennold.com, office2@fennold.com",
        None,
    ),
    ("jane@example.org, jane@mail.example.com, jane@fennold.example, root@localhost.localdomain", None),
    ("ssh user@host.fennold.com, you@yourdomain.com", None),
    ("Inform@fennold.com", "email"),
    ("info.jane@fennold.com", "email"),
    ("jane@infolists.fennold.com", "email"),
    # phone
    ("Call +44 20 7946 0958 now", "phone"),
    ("Tel. +49 (30) 23125-001", "phone"),
    ("電話：＋８１ ３ １２３４ ５６７８", "phone"),
    ("هاتف +٤٤ ٢٠ ٧٩٤٦ ٠٩٥٨", "phone"),
    ("+44\u201120\u20117946\u20110958", "phone"),
    ("a gain of +12 345 678 900 000 001 votes", None),
    ("+1 234 and +5 678", None),
    ("x + 4420 = y", None),
    ("(030) 23125-001", None),  # national, but neither a region nor a word says so
    ("+86 138 0013 8000", "phone"),
    ("Tel. (030) 23125-001", "phone"),
    ("dial 0044 20 7946 0958", "phone"),
    ("00 12 34 56 78 90 00", None),
    ("telephone (1876-1977)", None),
    ("phone call on 12.03.2020", None),
    ("GSM 900/1800", None),
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
    ("2221 0000 0000 0009", "card"),
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
    ("from 93.184.216.34-93.184.216.60", "ip"),
    ("networks 93.184.216.0/24 and 2606:4700::/32", None),
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


def test_a_number_behind_a_long_table_is_found():
    assert find_personal_data("+1 234 5678 900 000\n" * 2_000 + "+44 20 7946 0958", kinds=["phone"]) == (
        "personal_data",
        "phone",
    )


def test_kinds_are_searched_in_the_order_given():
    text = "jane@fennold.com, 4111 1111 1111 1111"
    assert find_personal_data(text) == ("personal_data", "email")
    assert find_personal_data(text, kinds=("card", "email")) == ("personal_data", "card")
    assert find_personal_data(text, kinds=("ip",)) is None
    assert find_personal_data(text, kinds=()) is None


@pytest.mark.parametrize("text", ["info@fennold.com", "jane@example.org", "bug-bash@gnu.org"])
def test_addresses_that_are_nobodys_are_found_if_asked(text):
    assert find_personal_data(text, roles="find") == ("personal_data", "email")


def test_personal_data_of_eight_languages_is_found():
    missed = [(language, kind, text) for language, kind, text in ITEMS if not find_personal_data(text, kinds=[kind])]
    assert len(ITEMS) >= 150
    assert len({language for language, _, _ in ITEMS}) == 8
    assert len(missed) <= 0.03 * len(ITEMS), missed


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Ask Jane <jane@fennold.com>.", "Ask Jane <person1@example.org>."),
        ("请联系zhang@fennold.cn或来电", "请联系person1@example.org或来电"),
        ("«jane\u200b@fen\u00adnold.com»", "«person1@example.org»"),
        ("jane (at) fennold (dot) com!", "person1@example.org!"),
        ("o'brien@fennold.com, 'jane@fennold.com'", "person1@example.org, 'person2@example.org'"),
        ("a@fennold.com b@fennold.com A@Fennold.com", "person1@example.org person2@example.org person1@example.org"),
        ("jane@fennold.com@fennold.org", "person1@example.org"),
        ("was person1@example.org, is jane@fennold.com", "was person1@example.org, is person2@example.org"),
        ("Tel.: 030 / 23125-001.", "Tel.: +44 1632 960001."),
        ("０３ ＋８１ ３ １２３４ ５６７８", "０３ +44 1632 960001"),
        ("card 4111-1111-1111-1111 12/27", "card 4000-0000-0000-0011 12/27"),
        ("4111111111111111, 5555555555554444", "4000000000000011, 4000000000000029"),
        ("IBAN DE89 3704 0044 0532 0130 00 or", "IBAN XX00 0000 0000 0000 0000 01 or"),
        ("DE89370400440532013000", "XX00000000000000000001"),
        ("http://93.184.216.34:8080/x and 93.184.216.35", "http://192.0.2.1:8080/x and 192.0.2.2"),
        ("[2606:4700::1111]:443", "[2001:db8::1]:443"),
        ("info@fennold.com, see 5.6.12.1, 192.168.1.1", "info@fennold.com, see 5.6.12.1, 192.168.1.1"),
    ],
)
def test_a_placeholder_of_the_same_form_stands_in_its_place(text, masked):
    found = mask_personal_data(text)
    assert found.text == masked
    assert all(placeholder in masked for placeholder in found.placeholders)


def test_no_placeholder_can_be_anybodys():
    text = "\n".join(text for _, _, text in ITEMS)
    for placeholder in mask_personal_data(text).placeholders:
        digits = "".join(char for char in placeholder if char.isdigit())
        assert not luhn.is_valid(digits) if len(digits) == 16 else True
        assert not iban.is_valid(placeholder)
        assert find_personal_data(placeholder, roles="find") is None


def test_offsets_move_with_the_text():
    text = "Ask jane.fennold@fennold.com. Or 93.184.216.34, then go."
    marks = ["Ask", "jane", "fennold.com", ". Or", "93", ", then"]
    masked = mask_personal_data(text, offsets=[text.index(mark) for mark in marks])
    shown = [masked.text[offset:] for offset in masked.offsets]
    for rest, words in zip(shown, ["Ask", "person1", "person1", ". Or", "192.0.2.", ", then"], strict=True):
        assert rest.startswith(words)


def test_placeholders_are_counted_by_kind_and_only_those_that_were_given():
    masked = mask_personal_data("jane@fennold.com, jane@fennold.com, 93.184.216.34")
    piece = f"{masked.text}, person2@example.org, 192.0.2.9"
    assert personal_data.count_placeholders(piece, masked.placeholders) == {"email": 2, "ip": 1}


def test_a_thousand_numbers_are_masked_although_the_placeholders_are_used_up():
    text = "\n".join(f"93.184.{high}.{low}" for high in range(1, 6) for low in range(1, 255))
    masked = mask_personal_data(text).text.split("\n")
    assert len(masked) == 5 * 254
    assert len(set(masked)) == 3 * 254
    assert find_personal_data("\n".join(masked)) is None


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
    st.integers(0, 10**9).map(lambda n: f"jane{n}@fennold.com"), st.text(alphabet="ab c.,\n"), st.text(alphabet=" ,")
)
def test_an_address_is_found_anywhere_and_never_repeated(address, before, after):
    found = find_personal_data(f"{before} {address}{after}")
    assert found == ("personal_data", "email")


@given(
    st.lists(st.one_of(st.sampled_from([text for _, _, text in ITEMS]), TEXTS), max_size=4).map("".join),
    st.sampled_from([None, "US", "DE"]),
    st.sampled_from(["keep", "find"]),
)
@example("person1@example.org@fennold.com", None, "find")
def test_nothing_is_found_in_a_masked_text(text, region, roles):
    masked = mask_personal_data(text, region=region, roles=roles).text
    assert find_personal_data(masked, region=region, roles=roles) is None
    assert mask_personal_data(masked, region=region, roles=roles).text == masked


@pytest.mark.parametrize(
    "unit", ["a", "a@", "a.", "1", "1 ", "1.", "::", "a:", "+1 ", "(1", "4111 ", "\u0301\u0316", "v1.2.3.4 "]
)
def test_a_megabyte_returns(unit):
    assert find_personal_data(unit * (10**6 // len(unit)) + "@") is None
