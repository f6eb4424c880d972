"""Brings the translations up to date: ``python -m tests.translations``, or ``make languages``.

Gathers what the window says into ``resources/languages/triptych.pot``, merges it into every ``triptych.po`` and
compiles that. A new language begins with ``python -m tests.translations it``.
"""

from __future__ import annotations

import datetime as dt
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from app.described import sentences
from app.language import DOMAIN

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "resources" / "languages"


def gathered() -> Catalog:
    """Everything the window can say, in the source's order."""
    found = Catalog(project="Triptych", version="", copyright_holder="The Triptych founders", charset="utf-8")
    lines = extract_from_dir(ROOT / "app", method_map=[("**.py", "python")], keywords={"tr": None, "language.tr": None})
    for file, _, message, comments, _ in sorted(lines, key=lambda one: (one[0], one[1])):
        found.add(message, locations=[(f"app/{file}", None)], auto_comments=comments)
    for sentence in sentences():
        found.add(sentence, locations=[("resources", None)])
    return found


def read(file: Path) -> Catalog:
    with file.open("rb") as stream:
        return read_po(stream, locale=file.parts[-3] if file.suffix == ".po" else None, domain=DOMAIN)


def as_po(catalog: Catalog) -> bytes:
    """Without dates and the tool's version, which would differ each time."""
    catalog.creation_date = catalog.revision_date = None
    stream = BytesIO()
    write_po(stream, catalog, width=120, omit_header=True, ignore_obsolete=True)
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return head.encode() + stream.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """The same each time: Babel would write the time of day into it."""
    catalog.creation_date = catalog.revision_date = dt.datetime.fromtimestamp(0, tz=dt.UTC)
    stream = BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def main(languages: list[str]) -> None:
    template = gathered()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{DOMAIN}.pot").write_bytes(as_po(template))
    for code in sorted({*languages, *(file.parts[-3] for file in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))}):
        file = FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"
        file.parent.mkdir(parents=True, exist_ok=True)
        catalog = read(file) if file.exists() else Catalog(locale=code, charset="utf-8")
        catalog.update(gathered(), no_fuzzy_matching=True)  # which takes the messages themselves
        file.write_bytes(as_po(catalog))
        file.with_suffix(".mo").write_bytes(as_mo(catalog))
        told = sum(bool(one.string) for one in catalog if one.id)
        print(f"{code}: {told} of {len(catalog)} sentences")


if __name__ == "__main__":
    main(sys.argv[1:])
