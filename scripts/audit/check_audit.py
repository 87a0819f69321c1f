"""Check an audit, for continuous integration: exit 1 where more rows are flagged than are allowed."""

from layeraudit.audit.exports import FORMAT
from layeraudit.cli import Input, run
from layeraudit.errors import InputError
from layeraudit.files import read_json


def check_audit(*, audit: Input, most: int) -> None:
    """Count the flagged rows.

    audit : audit.json of the page's folder
    most : rows that may be flagged, with a wrong label or as unlike anything
    """
    summary = read_json(audit)
    if summary.get("format") != FORMAT:
        raise InputError(f"{audit} has the format {summary.get('format')!r}, allowed is {FORMAT}")
    counts = summary["counts"]
    sentence = (
        f"{counts['flagged']} of {counts['training_rows']} training rows are flagged, "
        f"{counts['label_errors_flagged']} with a wrong label and {counts['outliers_flagged']} as unlike "
        f"anything, allowed are up to {most}"
    )
    if counts["flagged"] > most:
        raise InputError(sentence)
    print(sentence)


if __name__ == "__main__":
    run(check_audit)
