"""Where the code of a template stands, and how it names the values that are found from there."""

from __future__ import annotations

from dataclasses import dataclass

from templates_app.rendering.instructions import Path

#: Beyond this many scopes a name is looked up by a call; in line, the source grows with tags × depth.
_IN_LINE = 3


@dataclass(frozen=True, slots=True)
class Scopes:
    """The nesting at one place: scope n is the mapping `c<n>` of the item `i<n>`, the innermost last."""

    depth: int = 0
    indent: str = "    "

    def inner(self) -> Scopes:
        return Scopes(self.depth + 1, self.indent + " ")

    def below(self) -> Scopes:
        return Scopes(self.depth, self.indent + " ")

    def value(self, path: Path, *, absent: str = '""') -> str:
        """The expression of the value at `path`; `absent` is the expression of none."""
        if path.rest:
            return f"walk({self.value(Path(path.name), absent='None')}, {ascii(path.rest)})"
        if not path.name:
            return f"i{self.depth}"
        key = ascii(path.name)
        names = [f"c{number}" for number in range(self.depth, -1, -1)]
        if len(names) > _IN_LINE:
            return f"find({key}, ({', '.join(names)}))"
        return " ".join(f"{name}[{key}] if {key} in {name} else" for name in names) + f" {absent}"
