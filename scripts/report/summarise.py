"""Summarise the results on one page, as Markdown and as HTML."""

from layeraudit.cli import Input, Output, run
from layeraudit.files import atomic_write
from layeraudit.provenance import list_runs
from layeraudit.report.summary import summarise_claims, summarise_table, write_markdown, write_page
from layeraudit.tables import read_table


def summarise(*, claims: Input, tables: list[Input], markdown: Output, page: Output) -> None:
    """Write the summary in both forms.

    tables : those that the page shows, in their order
    """
    judged, shown = read_table(claims), {path.stem: read_table(path) for path in tables}
    sections = [summarise_claims(judged), *(summarise_table(*table) for table in shown.items())]
    runs = list_runs([judged, *shown.values()])
    for path, text in [(markdown, write_markdown(sections, runs)), (page, write_page(sections, runs))]:
        with atomic_write(path) as temporary:
            temporary.write_text(text)


if __name__ == "__main__":
    run(summarise)
