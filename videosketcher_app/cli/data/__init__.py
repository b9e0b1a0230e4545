"""`data`: datasets for training, made, checked and joined; one module a group of commands."""

from __future__ import annotations

import typer

from videosketcher_app.cli.data import books, clips, download, ingest, latents, lmdb, merge

app = typer.Typer(help="Datasets: made, checked and joined.", no_args_is_help=True)

app.command("merge-json")(merge.merge)
app.command("lmdb")(lmdb.pack)
app.command("download")(download.download)
app.command("flatten")(clips.flatten)
app.command("slice")(clips.cut)
app.command("convert")(clips.convert)
app.command("latents")(latents.latents)
app.command("ode-pairs")(latents.ode_pairs)
app.command("ingest")(ingest.ingest)
app.command("shapes")(books.shapes)
app.command("check")(books.check)
app.command("books")(books.books)
