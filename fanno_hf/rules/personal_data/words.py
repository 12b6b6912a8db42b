"""The words that tell whose an address is and what a number counts, by language: en; de; fr; es; it; pt; pl; nl.

"support@…" is nobody's, "section 5.6.12.1" is no address, "Tel. 030 23125-001" is a telephone number
"""


def _words(*lists: str) -> frozenset[str]:
    return frozenset(word for words in lists for word in words.split())


ROLES = _words(
    "abuse accounting accounts admin administration administrator announce archive billing board booking bookings bot bug bugreport"
    " bugreports bugs bugzilla buildd builder careers ceo chair committee community compliance contact contactus contribute",
    "copyright customer customercare customerservice cvs daemon debbugs dev devel developer developers devnull discuss dns-admin"
    " do-not-reply donate donations donotreply editor editorial editors enquiries errors events faq feedback finance ftp ftpmaster",
    "git hello help helpdesk hg hostmaster hr info information inquiries inquiry it jobs legal license licensing list list-manager"
    " listmaster lists listserv mail mailer mailer-daemon mailman maintainer maintainers majordomo marketing media members membership",
    "moderator news newsletter no-reply nobody noc noreply notification notifications office ops order orders owner packages patches"
    " payments phishing postmaster pr press privacy project pserver psirt public query questions recruiting recruitment registrar",
    "registration reply report reports request requests reservations returns root rsync sales script secretary security security-alert"
    " security-officer server service service-account services shop spam ssh staff store submissions submit subscribe subscriptions",
    "support svn sysadmin team tech test testing tools trademark trademarks unsubscribe usenet uucp volunteers web webmaster webteam"
    " welcome www",
    # nobody in particular
    "anoncvs anonsvn anonymous anybody example foo foobar login name no-one none somebody someone someuser test-account test-acct"
    " test-user testuser user user-name userid username you your-address your-email your-name your-user your-username youremail"
    " yourname yourusername",
    "anfrage anfragen auskunft bestellung bewerbung bewerbungen buchhaltung buero datenschutz dsb empfang impressum karriere kontakt"
    " kundendienst kundenservice poststelle presse rechnung rechnungen redaktion sekretariat verkauf vertrieb verwaltung vorstand zentrale",
    "accueil adhesion administratif bonjour commande commandes commercial communication comptabilite contacts direction facturation"
    " formation mairie presse recrutement redaction renseignements reservation secretariat service-client service-clients serviceclient"
    " serviceclients ventes",
    "administracion atencion atencion-cliente atencionalcliente ayuda clientes comercial comunicacion consultas contabilidad contacto"
    " correo direccion empleo facturacion informacion pedidos prensa recepcion reservas secretaria seleccion soporte ventas",
    "acquisti amministrazione assistenza clienti commerciale comunicazione contabilita contatti contatto direzione fatturazione"
    " informazioni lavoro ordini posta prenotazioni privati redazione segreteria servizioclienti stampa supporto ufficio ufficiostampa"
    " vendite",
    "administracao ajuda apoio atendimento clientes comunicacao contabilidade contato contatos encomendas faturacao geral imprensa"
    " informacoes ouvidoria rh sac secretaria suporte vendas",
    "biuro bok kadry kariera ksiegowosc obsluga pomoc praca rekrutacja rodo rzecznik sklep sprzedaz wsparcie zamowienia zapytania",
    "administratie boekhouding facturen hallo informatie klantenservice pers receptie redactie secretariaat vacatures verkoop",
)
"""Local parts of addresses that are read by whoever has the role, or by nobody."""
ROLE_ENDINGS = _words(
    "admin announce bounce bounces bug bugs commits core dev devel developers discuss general hackers help info list maintainers ml",
    "noreply owner patches reports request security submit subscribe support team tools unsubscribe user users workers",
)
"""What follows the last hyphen in the name of a list: "debian-devel", "pgsql-hackers"."""

PHONES = _words(
    "cell fax mobile phone tel telefax telephone whatsapp",
    "durchwahl festnetz fon handy mobil mobiltelefon rufnummer telefon telefonnummer",
    "fixe portable tél téléphone télécopie telephone telecopie",
    "celular fijo móvil movil teléfono telefono tfno tlf tlfno",
    "cellulare recapito",
    "telefone telemóvel telemovel telf tlm",
    "faks kom komórka komorka telefonu",
    "gsm mobiel telefoon telefoonnummer",
)
VERSIONS = _words(
    "build driver firmware java jdk kernel mib oid oracle patch python rel release released releases rev revision update upgrade v ver"
    " version versions",
    "ausgabe versionen",
    "versión versiones versione versioni",
    "versao versão versões wersja wersji wersję versie versies",
)
SECTIONS = _words(
    "annex appendix article articles cf chap chapter chapters clause clauses fig figure figures identifier item items listing para"
    " paragraph paragraphs part parts requirement requirements sec secs sect section sections see step steps subsection subsections"
    " table tables",
    "abb abbildung absatz abschnitt abschnitte abschnitten abschnitts anhang kapitel kapiteln kapitels punkt punkte punkten siehe"
    " tabelle vgl ziffer",
    "alinéa annexe chapitre chapitres point points rubrique tableau voir",
    "anexo apartado apartados artículo artículos capítulo capítulos figura punto puntos párrafo seccion secciones sección tabla vease"
    " ver véase",
    "allegato articoli articolo capitoli capitolo cfr paragrafi paragrafo punti sezione sezioni tabella vedi",
    "artigo artigos parágrafo ponto pontos secção secções seção seções tabela veja",
    "patrz punkcie punkt punktu punkty rozdział rozdziale rozdziału rozdziałach rysunek sekcja sekcje sekcji sekcję zob załącznik",
    "artikel bijlage figuur hoofdstuk hoofdstukken paragraaf paragrafen sectie secties tabel zie",
)
SINCE = _words(
    "as before prior since than until",
    "ab bis seit vor",
    "avant depuis",
    "antes desde",
    "dal dalla prima",
    "od przed",
    "sinds vanaf voor vóór",
)
"""Words that a version stands behind, its program perhaps between them: "since dpkg 1.4.1.17"."""
PROGRAMS = _words(
    "android apache apt bind chrome debian dpkg firefox gcc git glibc ios linux macos mariadb mysql nginx node openssl perl php ruby"
    " samba tomcat ubuntu windows"
)
ADDRESSES = _words(
    "addr address addresses allow bind client clients curl deny dest destination dig dns dst from gateway gw host hostname hosts inet"
    " ip ips ipv4 listen nameserver nameservers nslookup peer ping proxy remote resolver rhost router server servers source src ssh"
    " telnet traceroute user wget whois",
    "adresse adressen von",
    "serveur",
    "dirección direccion servidor",
    "indirizzo",
    "endereço endereco",
    "adres adresie adresu serwer serwera",
)
FILLERS = _words(
    "are is no num number numbers of the to was",
    "ist nr nummer",
    "est numéro",
    "es número",
    "numero è",
    "é",
    "jest numer",
)
"""Words between those and a number: "the address of the server is"."""
