"""Fingerprints: what a step depends on beside its inputs, so that it runs again when that changes alone."""

import ast
import glob
import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def fingerprint(programs: tuple[Path, ...], root: Path) -> str:
    """Return a digest of the syntax trees of programs and of all modules that they import.

    Comments, docstrings and layout do not count. Imports are read, not run, so that no library is needed.

    Parameters
    ----------
    root : the folder that packages of ours lie in
    """
    found: dict[Path, str] = {}
    unread = list(programs)
    while unread:
        path = unread.pop()
        if path not in found:
            found[path], imported = _read(path, root)
            unread += imported
    text = "".join(f"{path.relative_to(root)} {found[path]}\n" for path in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def fingerprint_folder(folder: Path) -> str:
    """Return a digest of what a folder has: path, size and time of change of each file that is not hidden.

    What Python writes beside code that it runs does not count.
    """
    lines = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for path in (Path(parent, name) for name in files if not name.startswith(".")):
            found = path.stat() if path.exists() else None
            lines.append(f"{path.relative_to(folder)} {found and (found.st_size, found.st_mtime_ns)}\n")
    return hashlib.sha256("".join(sorted(lines)).encode(errors="surrogateescape")).hexdigest()


def fingerprint_path(path: Path) -> str:
    """Return a digest of a folder, as `fingerprint_folder` does, or of a file.

    With a file count those beside it whose names begin with its own: the external data of an ONNX file.
    """
    if path.is_dir():
        return fingerprint_folder(path)
    found = {file.name: file.stat() for file in path.parent.glob(f"{glob.escape(path.name)}*")}
    lines = [f"{name} {of.st_size, of.st_mtime_ns}\n" for name, of in sorted(found.items())]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


@cache
def _read(path: Path, root: Path) -> tuple[str, list[Path]]:
    """Return the digest of a module's syntax tree, and the modules of ours that it imports."""
    tree = ast.parse(path.read_text())
    imported = [file for name in _list_imports(tree) for file in _list_files(name, root)]
    for node in _walk(tree):
        if hasattr(node, "body"):
            # A string that stands alone does nothing: a docstring, or one of a constant.
            node.body = [line for line in node.body if not _is_text(line)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and the statements within it; the expressions, of which there are many more, hold none."""
    yield node
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(node, name, []):
            yield from _walk(inner)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _list_imports(tree: ast.Module) -> Iterator[str]:
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _list_files(name: str, root: Path) -> Iterator[Path]:
    """Yield the files that importing a dotted name runs: each package on the way, and the module."""
    path = root
    for part in name.split("."):
        path = path / part
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())
