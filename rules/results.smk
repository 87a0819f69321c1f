"""What a reader quotes: tables, figures and claims, which stay until their successors are written."""

PUBLISHED = []
"""Results under names that no variant is part of; a study adds its own."""


def finished(path, category, result, form, caption):
    """A finished result, with its place and caption in Snakemake's report."""
    return report(
        update(path),
        caption=str(ROOT / f"report/{caption}.rst"),
        category=category,
        labels={"result": result, "form": form},
    )


def table(name, category, result, caption=None):
    path = f"<results>/tables/{name}.csv"
    return finished(path, category, result, "table", caption or name)


def figure(name, category, result, caption=None):
    """Both forms of a figure, by the names that its program gives them."""
    path = f"<results>/figures/{name}"
    svg = finished(f"{path}.svg", category, result, "figure", caption or name)
    return {"svg": svg, "png": update(f"{path}.png")}


def claims(study):
    return update(f"<results>/claims/{study}.csv")
