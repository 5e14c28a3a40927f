"""Runs the notebooks and writes what they print and draw into them: `python -m benchmarks.notebooks [NAME ..]`.

A notebook keeps the hash of the code that its outputs come from, so that a test sees when one is older than the other.
03_flash needs TFLM_ROOT and the tools of a firmware; without them it says so where it skips.
"""

import argparse
import hashlib
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
SECONDS = 3600  # of a cell at most


def code_sha256(notebook: nbformat.NotebookNode) -> str:
    """SHA-256 of all cells of code."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\n\n".join(cells).encode()).hexdigest()


def is_chatter(output: nbformat.NotebookNode) -> bool:
    """Whether an output is of standard error, or what TensorFlow tells of its temporary folders."""
    return output.get("name") == "stderr" or output.get("text", "").startswith("INFO:tensorflow:")


def without_place(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output whose paths begin at the checkout, wherever that lies."""
    if "text" in output:
        output["text"] = output["text"].replace(f"{ROOT}/", "")
    return output


def execute(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook run from top to bottom, with its outputs but for chatter."""
    NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":
            cell.outputs = [without_place(output) for output in cell.outputs if not is_chatter(output)]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "code_sha256": code_sha256(notebook)}
    return notebook


def main() -> None:
    parse = argparse.ArgumentParser(description="Runs notebooks and keeps their outputs.")
    parse.add_argument("names", nargs="*", help="01_train, .. (default: all)")
    names = parse.parse_args().names
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not names or path.stem in names:
            notebook = execute(nbformat.read(path, as_version=4))
            nbformat.write(notebook, path)
            print(path.name)


if __name__ == "__main__":
    main()
