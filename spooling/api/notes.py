"""What is noted while the objects of one call are read: problems, and the work that reading took."""

from __future__ import annotations

from earwig.web.errors import Problem, Rejected
from templates_app import rendering

MAX_PROBLEMS = 100
#: Tags in the different texts of one call, of which Liquid's count ten times: a second or two.
MAX_TAGS_CHECKED = 100_000


class Work:
    """What one call has taken: tags that were checked, and copies of variables. Each text may be large, but not a
    thousand of them.
    """

    __slots__ = ("copied", "tags")

    def __init__(self) -> None:
        #: Characters, as JSON, of variables that several mails share (`shared_variables`).
        self.copied = 0
        self.tags = 0

    def check(self, source: str, language: str) -> None:
        """Raises TemplateError for wrong tags, and Rejected for too many in all that was checked."""
        self.tags += rendering.effort(source, language)
        if self.tags > MAX_TAGS_CHECKED:
            raise Rejected([Problem(None, None, "too_many", "The texts of one call have too many tags.")])
        rendering.check(source, language)


class Notes:
    """What is wrong with the object of the body at `index`, None: with a body that is no list. All objects share one
    list of problems, and one Work.

    `parses` False: its texts are in the language of a template that the parser does not know.
    """

    __slots__ = ("index", "problems", "parses", "work")

    def __init__(self, index: int | None, problems: list[Problem], work: Work) -> None:
        self.index = index
        self.problems = problems
        self.work = work
        self.parses = True

    def add(self, field: str, code: str, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(self.index, field, code, message))
