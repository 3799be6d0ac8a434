"""Reads docker/Dockerfile: enough of the format to check it and to run its commands without Docker."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import cast

from tests.support.sources import REPOSITORY

PATH = REPOSITORY / "docker" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its lines joined."""

    name: str
    value: str

    def as_list(self) -> list[str]:
        """Return the words of the exec form, `CMD ["serve"]`."""
        return cast("list[str]", json.loads(self.value[self.value.index("[") :]))


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands between one FROM and the next."""

    base: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        """Return the instructions of this name, in order."""
        return [instruction for instruction in self.instructions if instruction.name == name]

    def one(self, name: str) -> Instruction:
        """Return the only instruction of this name."""
        (instruction,) = self.all(name)
        return instruction

    def environment(self, **known: str) -> dict[str, str]:
        """Return the variables that ARG and ENV set, on top of those that are known."""
        values = dict(known)
        for instruction in self.instructions:
            if instruction.name in {"ARG", "ENV"}:
                for word in shlex.split(instruction.value):
                    name, _, value = word.partition("=")
                    if instruction.name == "ENV" or name not in values:
                        values[name] = Template(value).safe_substitute(values)
        return values


def read_stages(path: Path = PATH) -> list[Stage]:
    """Return the stages of a Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    stages: list[Stage] = []
    found: list[Instruction] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, _, value = line.strip().partition(" ")
        if name == "FROM":
            found = []
            stages.append(Stage(value.split()[0], ()))
        elif name:
            found.append(Instruction(name, value))
        if stages:
            stages[-1] = Stage(stages[-1].base, tuple(found))
    return stages
