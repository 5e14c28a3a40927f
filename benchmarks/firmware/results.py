"""The results files of what the firmware measured: JSON, an entry a line."""

import datetime
import json
from pathlib import Path

from tf_embbert.common.files import write_atomically


class Results:
    """A results file: lists of entries, one for each model, core and kernels, with the tools it was measured with."""

    def __init__(self, path: Path, tools: dict) -> None:
        self.path, self.tools = path, tools
        self.content = json.loads(path.read_text()) if path.exists() else {}

    def has(self, **key: object) -> bool:
        return any({**key, **self.tools}.items() <= entry.items() for entry in self.content.get("measured", []))

    def add(self, part: str, keys: tuple[str, ...], entry: dict) -> None:
        """Puts an entry in the place of the one with the same keys."""
        entry = entry | self.tools | {"date": datetime.date.today().isoformat()}
        kept = [old for old in self.content.get(part, []) if any(old[key] != entry[key] for key in keys)]
        self.replace(part, sorted([*kept, entry], key=lambda found: [found[key] for key in keys]))

    def replace(self, part: str, entries: list[dict]) -> None:
        self.content[part] = entries
        self.path.parent.mkdir(exist_ok=True)
        write_atomically(self.path, to_lines(self.content))


def to_lines(content: dict) -> str:
    """JSON with one entry of a list a line."""
    parts = [
        f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, entries)) + "\n]" for name, entries in content.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"
