"""Pages of the catalogue of symptoms, and the directive ``{symptoms}`` that lists them.

A page is written for each entry as ``docs/troubleshooting/<slug>.md`` before Sphinx reads its sources, and
``docs/troubleshooting/systems.md`` lists the entries by who prints them. Git ignores these files.

````
```{symptoms}
:kind: memory
```
````

lists the failures of one kind; ``:system: physx`` those of one system, with its notes at the end; and ``:notes:`` what
runs print that did not fail.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from stepscope._sphinx.excerpts import RECORDINGS, project_root, visible_text
from stepscope._sphinx.tables import empty_state
from stepscope.explain import KINDS, ROLES, SYSTEMS, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sphinx.application import Sphinx

    from stepscope.explain import Symptom

__all__ = [
    "FOLDER",
    "SymptomsDirective",
    "format_page",
    "format_systems",
    "has_page",
    "search_entries",
    "setup",
    "shorten",
    "to_javascript",
    "write_pages",
]

FOLDER = "troubleshooting"
_GENERATED = "<!-- Written from the catalogue of symptoms; edit src/stepscope/explain/symptoms instead. -->\n"
_LONGEST_TITLE = 88
_LONGEST_DESCRIPTION = 160
_STANDINGS = {
    "reproduced": "A test of this project makes the program print it.",
    "source": "We read the text in the source of the release named here.",
    "reported": "It is known from public reports only.",
}
_NOTES = ("advice", "note")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_PYTHON_ONLY = re.compile(r"\\[AZ]|(?<!\\)\(\?(?:P|#|>|\(|[aiLmsux-]+[:)])|[*+?}]\+")
_MOST_RECORDINGS = 4


def shorten(text: str, longest: int = _LONGEST_TITLE) -> str:
    """Return a text on one line, cut at the end of a word where it is longer than `longest` characters.

    Examples
    --------
    >>> shorten("Patch buffer overflow detected,  please increase its size", 30)
    'Patch buffer overflow…'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return text[: longest - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def has_page(name: str) -> bool:
    """Whether an entry of the catalogue has this name, and so a page that is written from it."""
    return name in catalogue()


def write_pages(folder: Path, recordings: Path) -> None:
    """Write the pages of the catalogue into a folder, and delete those of entries that are gone.

    A page that would not change is left alone, so that Sphinx does not read it again.

    Parameters
    ----------
    folder
        Where the pages go.
    recordings
        Folder of recordings, which are searched for each entry.
    """
    symptoms = catalogue()
    occurrences = _find_occurrences(symptoms, recordings)
    pages = {slug: format_page(symptom, occurrences.get(slug, ())) for slug, symptom in symptoms.items()}
    pages["systems"] = format_systems(symptoms)
    for path in folder.glob("*.md"):
        if path.stem not in pages and _GENERATED in path.read_text(encoding="utf-8"):
            path.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def format_page(symptom: Symptom, recordings: Sequence[str] = ()) -> str:
    """Return the page of a symptom as Markdown.

    Parameters
    ----------
    symptom
        An entry of the catalogue.
    recordings
        Recordings in which it occurs, by their paths below the folder of recordings.
    """
    title = shorten(symptom.text)
    heading = title if symptom.rule else _code(title)
    facts = [
        f"**{ROLES[symptom.role].capitalize()}**",
        f"[{KINDS[symptom.kind]}](#kind-{symptom.kind})",
        ", ".join(f"[{SYSTEMS[system]}](#system-{system})" for system in symptom.systems),
    ]
    parts = [
        f"---\nog:description: {_description(symptom)}\n---",
        f"{_GENERATED}# {heading}",
        f":::{{div}} symptom-facts\n{' · '.join(facts)}\n:::",
    ]
    if not symptom.rule and title != symptom.text.strip():
        parts.append(f"```{{code-block}} text\n:class: symptom-text\n\n{symptom.text.strip()}\n```")
    parts += ["## What it means", _fill(symptom, symptom.meaning)]
    if symptom.causes:
        parts += ["## Which of these is it?", *_format_causes(symptom)]
    parts += ["## Do now", *_format_advice(symptom), "## Find out more", _fill(symptom, symptom.find_out)]
    parts += _format_consequences(symptom)
    parts += ["## Seen in", _format_evidence(symptom, recordings)]
    if symptom.claims or symptom.scripts:
        parts += _format_measurements(symptom)
    if symptom.sources:
        rows = [
            f"* [{_escape(source.title)}]({source.url})" + (f", {source.date}" if source.date else "")
            for source in symptom.sources
        ]
        parts += ["## Sources", "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def format_systems(symptoms: Mapping[str, Symptom]) -> str:
    """Return the page that lists symptoms by who prints them, as Markdown."""
    parts = [
        f"---\nnosearch: true\n---\n\n{_GENERATED}# Messages by system",
        f"{len(symptoms)} messages and patterns of numbers, listed by the program that they come from.",
        "{doc}`Another index <index>` lists them by what you see.",
    ]
    for system, name in SYSTEMS.items():
        if any(system in symptom.systems for symptom in symptoms.values()):
            title = name[0].upper() + name[1:] if name.startswith("the ") else name
            parts += [f"(system-{system})=\n## {title}", f"```{{symptoms}}\n:system: {system}\n```"]
    return "\n\n".join(parts) + "\n"


class SymptomsDirective(SphinxDirective):
    option_spec: ClassVar = {
        "kind": lambda argument: directives.choice(argument, tuple(KINDS)),
        "system": lambda argument: directives.choice(argument, tuple(SYSTEMS)),
        "notes": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the catalogue is more than one file
        symptoms = list(self._selected())
        if not symptoms:
            return [empty_state("The catalogue has no entry here yet.")]
        order = list(ROLES)
        symptoms.sort(key=lambda symptom: (order.index(symptom.role), symptom.title.lower()))
        return [nodes.bullet_list("", *map(self._item, symptoms), classes=["symptoms"])]

    def _selected(self) -> Iterable[Symptom]:
        for symptom in catalogue().values():
            note = symptom.role in _NOTES
            if "system" in self.options:
                chosen = self.options["system"] in symptom.systems
            elif "notes" in self.options:
                chosen = note
            else:
                chosen = symptom.kind == self.options.get("kind") and not note
            if chosen:
                yield symptom

    def _item(self, symptom: Symptom) -> nodes.Node:
        words = shorten(symptom.text, 110)
        title = nodes.inline("", words) if symptom.rule else nodes.literal("", words)
        address = f"{'../' * self.env.docname.count('/')}{FOLDER}/{symptom.slug}.html"
        reference = nodes.reference("", "", title, refuri=address, internal=True)
        printed_by = ", ".join(SYSTEMS[system] for system in symptom.systems)
        role = "" if symptom.role == "root_cause" else f"{ROLES[symptom.role].capitalize()}. "
        sentence, messages = self.parse_inline(_first_sentence(_fill(symptom, symptom.meaning)))
        below = nodes.inline("", "", *sentence, nodes.Text(f" {role}"), classes=["below"])
        below += nodes.inline("", printed_by, classes=["printed-by"])
        return nodes.list_item("", nodes.paragraph("", "", reference, nodes.Text(" "), below), *messages)


def _find_occurrences(symptoms: Mapping[str, Symptom], recordings: Path) -> dict[str, list[str]]:
    """Return the recordings in which the pattern of each symptom occurs, the newest releases last."""
    texts = {
        path.relative_to(recordings).as_posix(): visible_text(path.read_bytes().decode(errors="replace"))
        for path in sorted(recordings.rglob("*.txt"))
    }
    return {
        slug: names
        for slug, symptom in symptoms.items()
        if symptom.pattern is not None
        if (names := [name for name, text in texts.items() if re.search(symptom.pattern, text)])
    }


def _format_causes(symptom: Symptom) -> list[str]:
    rows = []
    for number, cause in enumerate(symptom.causes, start=1):
        sentences = [f"{number}. **{_end(cause.cause)}**"]
        sentences += [
            f"   {part}"
            for part in (_fill(symptom, cause.tell.strip()), _fill(symptom, cause.do.strip()))
            if part
        ]
        rows.append("\n\n".join(line.replace("\n", "\n   ") for line in sentences))
    return rows


def _fill(symptom: Symptom, text: str) -> str:
    """Return a text with the values of the symptom's own message in place of the names of facts."""
    values = _example_values(symptom)
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def _example_values(symptom: Symptom) -> dict[str, str]:
    if symptom.pattern is None:
        return {}
    for line in symptom.text.splitlines():
        if match := re.search(symptom.pattern, line):
            return {name: value for name, value in match.groupdict().items() if value}
    return {}


def _format_advice(symptom: Symptom) -> list[str]:
    values = _example_values(symptom)
    names = [name for name in re.findall(r"\{(\w+)\}", symptom.do_now) if name in values]
    advice = [_fill(symptom, symptom.do_now)]
    if names:
        shown = list(dict.fromkeys(_code(values[name]) for name in names))
        verb = "is" if len(shown) == 1 else "are"
        advice.append(
            f"{' and '.join(shown)} {verb} from the message above: take the values of your own message."
        )
    return advice


def _format_consequences(symptom: Symptom) -> list[str]:
    known = catalogue()
    effects = [known[slug] for slug in symptom.sets_off if slug in known]
    causes = [other for other in known.values() if symptom.slug in other.sets_off]
    parts = []
    if causes:
        parts += ["## What may have set it off", _format_links(causes)]
    if effects:
        parts += ["## What it sets off", _format_links(effects)]
    return parts


def _format_links(symptoms: Iterable[Symptom]) -> str:
    rows = []
    for symptom in symptoms:
        words = shorten(symptom.text)
        rows.append(f"* [{_escape(words) if symptom.rule else _code(words)}]({symptom.slug}.md)")
    return "\n".join(rows)


def _format_evidence(symptom: Symptom, recordings: Sequence[str]) -> str:
    rows = [("Printed by", ", ".join(SYSTEMS[system] for system in symptom.systems))]
    if symptom.versions:
        rows.append(("Releases", symptom.versions))
    if symptom.rule:
        rows = [("Found in", f"The numbers in logs of {rows[0][1]}")]
        rows.append(
            (
                "Threshold",
                f"{_number(symptom.rule.threshold)} {symptom.rule.unit} (rule {_code(symptom.rule.name)})",
            )
        )
    reproduced_numbers = symptom.rule and symptom.standing == "reproduced"
    standing = "A test of this project reproduces it." if reproduced_numbers else _STANDINGS[symptom.standing]
    rows.append(("How we know it", standing))
    emitted = symptom.emitted
    if emitted and emitted.distribution:
        file = f", file {_code(emitted.file)}" if emitted.file else ""
        rows.append(
            ("In the source", f"{_code(emitted.text)} of the package {_code(emitted.distribution)}{file}")
        )
    elif emitted and emitted.unchecked:
        rows.append(("In the source", f"Not checked. {emitted.unchecked}"))
    if recordings:
        # Paths sort by version as text; which of them is shown does not matter much.
        names = ", ".join(_code(f"{RECORDINGS.name}/{name}") for name in recordings[-_MOST_RECORDINGS:])
        more = len(recordings) - _MOST_RECORDINGS
        rows.append(("Recordings", names + (f" and {more} more" if more > 0 else "")))
    entries = "\n\n".join(f"{term}\n: {_end(words)}" for term, words in rows)
    return f":::{{div}} symptom-evidence\n{entries}\n:::"


def _format_measurements(symptom: Symptom) -> list[str]:
    parts = ["## What was measured"]
    parts += [f"```{{claims}} {claim}\n```" for claim in symptom.claims]
    if symptom.scripts:
        paths = [script.removeprefix("gallery/").removesuffix(".py") for script in symptom.scripts]
        parts.append("\n".join(f"* {{doc}}`../auto_gallery/{path}`" for path in paths))
    return parts


def _description(symptom: Symptom) -> str:
    text = re.sub(r"[`*\\]", "", _fill(symptom, symptom.meaning))
    return '"' + shorten(text, _LONGEST_DESCRIPTION).replace('"', "'") + '"'


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`*])", text, maxsplit=1)[0]


def _code(text: str) -> str:
    """Return a text as code in a line of Markdown.

    Examples
    --------
    >>> print(_code("a `name`"))
    `` a `name` ``
    """
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    if longest and not space:
        return f"{'`' * (longest + 1)}{text}{'`' * (longest + 1)}"
    return f"{'`' * (longest + 1)}{space}{text}{space}{'`' * (longest + 1)}"


def _escape(text: str) -> str:
    return re.sub(r"([\\\[\]*_<>`])", r"\\\1", text)


def _end(text: str) -> str:
    """Return a text that ends as a sentence does."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def to_javascript(pattern: str) -> tuple[str, str] | None:
    """Return the source and the flags of an expression in JavaScript; None where it uses what only Python knows.

    Examples
    --------
    >>> to_javascript("(?i)at least (?P<needed>[0-9]+)")
    ('at least (?<needed>[0-9]+)', 'i')
    >>> to_javascript("(?>killed)")
    """
    match = _FLAGS.match(pattern)
    flags = match[1] if match else ""
    source = pattern[match.end() if match else 0 :].replace("(?P<", "(?<")
    return None if _PYTHON_ONLY.search(source) else (source, flags)


def search_entries(symptoms: Mapping[str, Symptom]) -> list[dict[str, str]]:
    """Return what the search needs to know of the catalogue."""
    entries = []
    for slug, symptom in symptoms.items():
        entry = {"docname": f"{FOLDER}/{slug}", "text": symptom.title}
        if symptom.pattern and (expression := to_javascript(symptom.pattern)):
            entry["pattern"], entry["flags"] = expression
        entries.append(entry)
    return entries


def _write(app: Sphinx) -> None:
    root = project_root(app.env)
    folder = Path(app.srcdir, FOLDER)
    if folder.is_dir():  # a project without it has no pages of symptoms
        write_pages(folder, root / RECORDINGS)


def setup(app: Sphinx) -> None:
    """Register the directive, and write the pages before Sphinx looks for sources."""
    app.add_directive("symptoms", SymptomsDirective)
    app.connect("builder-inited", _write)
