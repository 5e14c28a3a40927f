"""A hook of MkDocs: gathers the pages of the repository in one folder, so that their links hold on the site as well."""

import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build/site-pages"
# Pages, and what they show.
FOLDERS = ("docs", "tflm_app", "tf_embbert", "benchmarks")
PATTERNS = ("*.md", *(f"{folder}/**/*.md" for folder in FOLDERS), "docs/*.png", "benchmarks/**/*.png")


def on_config(config: Any) -> Any:
    """Copies the pages to where the site is made from; MkDocs calls it before it reads them."""
    shutil.rmtree(PAGES, ignore_errors=True)
    for pattern in PATTERNS:
        for path in ROOT.glob(pattern):
            place = PAGES / path.relative_to(ROOT)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    config["docs_dir"] = str(PAGES)
    return config
