"""Personal data as it stands in texts of eight languages: what the rules must find with the defaults (no region).

All persons and hosts are invented. Phone numbers are reserved for films or plain sequences, cards and accounts are published
specimens. One line each, "kind|text".
"""

_TEXTS = {
    "en": """
email|Questions go to Rowena Applegarth, rowena.applegarth@fennold.com.
email|Write to <r.applegarth+minutes@mail.fennold.co.uk> before Friday.
email|Her new address is rowena_applegarth77@fennold-gardens.net, the old one is dead.
email|Signed-off-by: Rufus O'Quarrell <rufus.o'quarrell@fennold.dev>
email|mailto:rufus@fennold.io?subject=fence
email|You can reach me at rufus (at) fennold (dot) com.
email|Contact: rufus [at] fennold.com
email|Rufus Quarrell, rquarrell AT fennold DOT ac DOT uk
phone|Ring Mr Quarrell on +44 20 7946 0958 in the evening.
phone|My mobile is +44 (0)7400 123456.
phone|Call 0044 20 7946 0123 from abroad.
phone|Tel: 020 7946 0958
phone|Phone: (202) 555-0143
phone|Fax no. 0113 496 0123
phone|US office: +1 202-555-0143 ext. 12
phone|WhatsApp +1 (202) 555 0171
phone|telephone 01632 123456
phone|tel:+442079460958
card|Pay with my card, 4111 1111 1111 1111, valid until 08/29.
card|Visa 4012888888881881
card|American Express: 3782 822463 10005
card|MC 5555-5555-5555-4444 12/27
iban|Transfer it to GB82 WEST 1234 5698 7654 32, please.
iban|IE29AIBK93115212345678 is the account of Mrs Applegarth.
ip|He logged in from 93.184.216.34 at 22:14.
ip|Accepted publickey for rufus from 5.9.12.1 port 50022 ssh2
ip|45.33.32.156 - - [10/Oct/2026:13:55:36 +0000] "GET /inbox HTTP/1.1" 200 512
ip|His router has 2a02:8071:b9c1:2200:1d3f:88ff:fe21:7a10 today.
""",
    "de": """
email|Anmeldung bei Bettina Quarrell, bettina.quarrell@fennold.de.
email|Schreiben Sie an jürgen.müßig@fennold-gärten.de.
email|E-Mail: b.quarrell@mail.stadt-fennold.de
email|Erreichbar unter bettina (at) fennold (punkt) de
email|bettina[ät]fennold.de
email|Mail bitte an „bettina-quarrell@gmx.de“.
phone|Tel.: 030 23125-001
phone|Telefon (030) 23125 002
phone|Ruf mich an: +49 30 23125003
phone|Mobil: 0171 3920012
phone|Handy 0152/28817386
phone|Fax: +49 (0)89 99998-123
phone|Aus dem Ausland 0049 40 66969 123
phone|Rufnummer 0221 4710123
phone|Telefonnummer: 069/90009-456
card|Kreditkarte 4111 1111 1111 1111, gültig bis 08/29
card|Kartennummer: 5105105105105100
iban|IBAN DE89 3704 0044 0532 0130 00, Verwendungszweck Hund
iban|DE89370400440532013000
iban|Konto AT61 1904 3002 3457 3201 bei der Bank
iban|Überweisung an CH93 0076 2011 6238 5295 7
ip|Anmeldung von 93.184.216.34 um 22:14 Uhr.
ip|Die IP-Adresse 5.9.12.1 gehört ihrem Router.
ip|Zugriff durch 2003:e1:bf21:3700:a5c2:11ff:fe3b:9 erlaubt.
""",
    "fr": """
email|Écrivez à Honorine Talvert : honorine.talvert@fennold.fr
email|Courriel : h.talvert@jardins-fennold.asso.fr.
email|honorine (arobase) fennold (point) fr
email|Contactez <honorine-talvert@orange.fr> avant lundi.
email|Adresse : hélène.talvert@fennold.fr
phone|Tél. : 01 99 00 12 34
phone|Téléphone 02.61.91.12.34
phone|Portable : 06 39 98 12 34
phone|Appelez le +33 1 99 00 12 34.
phone|Depuis l'étranger : +33 (0)4 65 71 12 34
phone|Fax 03-53-01-12-34
phone|Tel 0536491234
phone|Composez le 0033 6 12 34 56 78
card|Carte bancaire 4970 1000 0000 0154, expire 08/29
card|CB : 5555555555554444
iban|IBAN : FR14 2004 1010 0505 0001 3M02 606
iban|FR1420041010050500013M02606
iban|Virement au compte BE68 5390 0754 7034
ip|Connexion depuis 93.184.216.34 à 22 h 14.
ip|L'adresse IP est 5.9.12.1.
ip|Hôte 2a01:e0a:1b2:c3d0::12 refusé
""",
    "es": """
email|Escriba a Remedios Quarrel: remedios.quarrel@fennold.es
email|Correo: r.quarrel@huertos-fennold.com.mx
email|remedios arroba fennold punto es
email|remedios (arroba) fennold.es
email|Póngase en contacto con «remedios_quarrel@fennold.com.ar».
email|Begoña: begoña@fennold.es
phone|Tel. 910 000 001
phone|Teléfono: 91 000 00 01
phone|Móvil 612 345 678
phone|Llame al +34 612 34 56 78.
phone|Desde fuera: 0034 910 00 00 01
phone|Celular: +52 55 1234 5678
phone|Fax: (91) 000 00 02
phone|WhatsApp: +54 9 11 2345 6789
card|Tarjeta 4111-1111-1111-1111, caduca 08/29
card|Número de tarjeta 378282246310005
iban|IBAN ES91 2100 0418 4502 0005 1332
iban|Cuenta ES9121000418450200051332
ip|Acceso desde 93.184.216.34 a las 22:14.
ip|La dirección 5.9.12.1 es de su casa.
ip|servidor 45.33.32.156 bloqueado
""",
    "it": """
email|Scrivere a Ottavia Querelli, ottavia.querelli@fennold.it.
email|E-mail: o.querelli@posta.fennold.it
email|ottavia (chiocciola) fennold (punto) it
email|PEC: querelli.ottavia@pec.fennold.it
email|Nicolò: nicolò@fennold.it
phone|Tel. 06 1234 5678
phone|Telefono: 02/12345678
phone|Cellulare 347 123 4567
phone|Chiamare il +39 06 1234 5678.
phone|Cell. +39 347 1234567
phone|Fax 055-1234567
phone|Dall'estero: 0039 347 123 4567
card|Carta 4111 1111 1111 1111, scade 08/29
card|numero della carta: 5200828282828210
iban|IBAN IT60 X054 2811 1010 0000 0123 456
iban|IT60X0542811101000000123456
iban|Bonifico a SM86 U032 2509 8000 0000 0270 100
ip|Accesso da 93.184.216.34 alle 22:14.
ip|L'indirizzo 5.9.12.1 appartiene a lei.
ip|2a0e:41b:7c2:9a00::beef risponde
""",
    "pt": """
email|Escreva para Leonor Quarela: leonor.quarela@fennold.pt
email|Correio: l.quarela@hortas-fennold.com.br
email|leonor arroba fennold ponto pt
email|João: joão.quarela@fennold.com.br
email|Contacte <leonor@sapo.pt>.
phone|Tel. 21 234 5678
phone|Telefone: 212 345 678
phone|Telemóvel 912 345 678
phone|Ligue para +351 912 345 678.
phone|Celular: (11) 91234-5678
phone|Fax: (21) 2345-6789
phone|No Brasil: +55 11 91234-5678
phone|Do estrangeiro: 00351 21 234 5678
card|Cartão 4111 1111 1111 1111, válido até 08/29
card|MB: 6011111111111117
iban|IBAN PT50 0002 0123 1234 5678 9015 4
iban|PT50000201231234567890154
iban|Conta BR18 0036 0305 0000 1000 9795 493C 1
ip|Acesso de 93.184.216.34 às 22:14.
ip|O endereço 5.9.12.1 é de casa dela.
""",
    "pl": """
email|Proszę pisać do Bogny Kwarelskiej: bogna.kwarelska@fennold.pl
email|E-mail: b.kwarelska@poczta.ogrody-fennold.com.pl
email|bogna (małpa) fennold (kropka) pl
email|bogna małpa fennold kropka pl
email|Łukasz: łukasz@fennold.pl
phone|Tel. 22 123 45 67
phone|Telefon: (22) 123-45-67
phone|Kom. 512 345 678
phone|Proszę dzwonić: +48 512 345 678.
phone|tel. kom.: 512-345-678
phone|Faks 22 123 45 68
phone|Z zagranicy: 0048 22 123 45 67
card|Karta 4111 1111 1111 1111, ważna do 08/29
card|nr karty: 4012 8888 8888 1881
iban|IBAN PL61 1090 1014 0000 0712 1981 2874
iban|Konto: PL61109010140000071219812874
ip|Logowanie z 93.184.216.34 o 22:14.
ip|Adres IP 5.9.12.1 należy do niej.
ip|Host 2a00:f41:1c2:77aa::5 odrzucony
""",
    "nl": """
email|Schrijf aan Femke Kwarels: femke.kwarels@fennold.nl
email|E-mail: f.kwarels@post.tuinen-fennold.nl
email|femke (apenstaartje) fennold (punt) nl
email|Mail naar "femke-kwarels@ziggo.nl".
email|Zoë: zoë@fennold.be
phone|Tel. 020-1234567
phone|Telefoon: (020) 123 45 67
phone|Mobiel 06-12345678
phone|Bel +31 20 123 4567.
phone|Telefoonnummer: 0201234567
phone|Fax: 0031 20 123 4568
phone|gsm: 0470 12 34 56
phone|Vanuit België: +32 470 12 34 56
card|Kaart 4111 1111 1111 1111, geldig tot 08/29
card|kaartnummer 5555 5555 5555 4444
iban|IBAN NL91 ABNA 0417 1643 00
iban|NL91ABNA0417164300
iban|Rekening BE68 5390 0754 7034
ip|Aangemeld vanaf 93.184.216.34 om 22:14.
ip|Het adres 5.9.12.1 is van haar.
ip|2a02:a45f:3c1e:1:8d1:22ff:fe4b:c0de aangemeld
""",
}

ITEMS = [(language, *line.split("|", 1)) for language, lines in _TEXTS.items() for line in lines.strip().splitlines()]
"""(language, kind, text)"""
