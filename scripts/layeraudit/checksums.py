"""Checksums: beside each file that a step writes, a record of its SHA-256, and of the run that it is of.

The path is what says which run. A record is a hidden file of lines as `sha256sum` writes and checks them, so
that `find results -name '.*.sha256' -exec cat {} + | sha256sum --check` checks a run with no code of ours.
A file without a record comes from elsewhere and is not checked.
"""

import hashlib
from glob import escape
from pathlib import Path

from layeraudit.errors import InputError


def name_record(path: Path) -> Path:
    """Return where the record of a file or folder lies."""
    return path.with_name(f".{path.name}.sha256")


def write_record(path: Path) -> None:
    """Write the record of a file, or of all files in a folder."""
    files = sorted(inner for inner in path.rglob("[!.]*") if inner.is_file()) if path.is_dir() else [path]
    record = name_record(path)
    temporary = record.with_name(f".partial-{record.name}")
    temporary.write_text("".join([f"# {path}\n", *(f"{_digest(file)}  {file}\n" for file in files)]))
    temporary.replace(record)


def check_record(path: Path) -> None:
    """Check that a file or folder is what a step has written at this place; one without a record passes.

    The path counts from its end, so that the folder of all results may be moved.

    Raises
    ------
    InputError
        Where a file is missing, has other bytes, or was written for another run.
    """
    record = name_record(path)
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not record.exists():
        return
    title, *lines = record.read_text(errors="replace").splitlines() or [""]
    root = Path(title.removeprefix("# "))
    if not title.startswith("# ") or path.absolute().parts[-len(root.parts) :] != root.parts:
        written = f"of {root}" if title.startswith("# ") else "that is damaged"
        raise InputError(
            f"{path} has a record {written}, allowed is its own: delete it, and it is made again"
        )
    for line in lines:
        digest, _, name = line.partition("  ")
        file = path / Path(name).relative_to(root) if Path(name).is_relative_to(root) else path / name
        if not file.is_file() or _digest(file) != digest:
            raise InputError(
                f"{file} is not the file that was written there, as {record} has it: delete {path}, "
                "and it is made again"
            )


CODE_AND_WEIGHTS = (".json", ".onnx", ".pt", ".pth", ".py", ".safetensors")
"""Endings of the files that count in a user's folder of a network."""


def list_given(path: Path) -> list[Path]:
    """List a user's file or folder, and with an ONNX file those beside it that hold its weights."""
    is_onnx = path.suffix == ".onnx" and path.is_file()
    return sorted(path.parent.glob(f"{escape(path.name)}*")) if is_onnx else [path]


def digest_given(path: Path) -> str:
    """Return the SHA-256 of a user's file; of a folder, of the names and digests of its code and weights."""
    if path.is_file():
        return _digest(path)
    files = sorted(file for file in path.rglob("*") if file.suffix in CODE_AND_WEIGHTS and file.is_file())
    lines = "".join(f"{_digest(file)}  {file.relative_to(path)}\n" for file in files)
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
