"""XML opened safely: no document type, so no entities and no bombs; names without their namespaces."""

from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from calibration.errors import ReadError

__all__ = ["children", "find", "parse_xml", "text_of"]

_MAX_DEPTH = 100
# an element takes some 100 bytes of memory; 4 bytes of file can make one
_ELEMENTS = 150_000
_ELEMENTS_PER_BYTE = 1 / 32


def parse_xml(data: bytes, *, file: str) -> Element:
    """The root element. Raises ReadError (with the line) for what is not well formed or not harmless."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    builder = TreeBuilder()
    limit = _ELEMENTS + int(len(data) * _ELEMENTS_PER_BYTE)
    depth = elements = 0

    def refuse(what: str, why: str) -> ReadError:
        return ReadError(what, why=why, where=f"{file}:{parser.CurrentLineNumber}")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > _MAX_DEPTH or elements > limit:
            raise refuse(
                "the XML is nested too deeply"
                if depth > _MAX_DEPTH
                else "the XML has too many elements",
                "no instrument writes such a file",
            )
        builder.start(_local(name), {_local(k): v for k, v in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_local(name))

    def doctype(*_: object) -> None:
        raise refuse(
            "the XML has a document type",
            "no instrument writes one, and it could make the file grow without limit or read other files",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ReadError(
            f"the XML is damaged: {expat.ErrorString(error.code)}",
            why="it was cut or changed after the instrument wrote it",
            remedy="copy it again from the instrument",
            where=f"{file}:{error.lineno}",
        ) from error
    except (ValueError, LookupError) as error:
        raise ReadError("the XML cannot be decoded", why=str(error), where=file) from error
    return builder.close()


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def children(element: Element, *path: str) -> list[Element]:
    """Every element under the path of names."""
    return element.findall("/".join(path))


def find(element: Element, *path: str) -> Element | None:
    """The first element under the path of names."""
    return element.find("/".join(path))


def text_of(element: Element, *path: str) -> str:
    """The text under the path of names, "" where there is none."""
    found = element.find("/".join(path)) if path else element
    return (found.text or "").strip() if found is not None else ""
