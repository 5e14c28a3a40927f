"""The compilers that instructions were counted with, and the files that are kept by compiler."""

COMPILERS = ("gcc-12", "gcc-14")  # of Debian 12 and 13


def name_by_compiler(name: str, compiler: str) -> str:
    """A file's name: as it is for the first compiler, with that of another one behind it."""
    return name if compiler == COMPILERS[0] else f"{name}-{compiler}"
