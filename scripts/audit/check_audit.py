"""Check an audit, for continuous integration: exit 1 where more rows are flagged than are allowed."""

from layeraudit.audit.summary import describe_flagged, read_summary
from layeraudit.cli import Input, run
from layeraudit.errors import InputError


def check_audit(*, audit: Input, most: int) -> None:
    """Count the flagged rows.

    audit : audit.json of the page's folder
    most : training rows that may be flagged
    """
    summary = read_summary(audit)
    flagged = describe_flagged(summary)
    if summary["counts"]["flagged"] > most:
        raise InputError(f"{flagged}, allowed are up to {most}")
    print(flagged)


if __name__ == "__main__":
    run(check_audit)
