"""`lookalike evaluate`: how good the results are, and which of two indexes or networks finds more."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.settings import Settings
from lookalike.commands.evaluate_events import evaluate_events
from lookalike.commands.search_networks import search
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.evaluation.bootstrap import Estimate
    from indexer.evaluation.gate import Gate
    from indexer.evaluation.measuring import Request, Result
    from indexer.evaluation.summary import CategoryRow
    from indexer.evaluation.worst import WorstQuery
    from indexer.progress import Progress

GATE_K = 10  # the gate's settings are about ten hits
SEARCH_QUERIES = 2_000  # each is asked of dozens of mixtures

Queries = Annotated[
    Path | None,
    typer.Argument(
        metavar="QUERIES",
        help="Folder of pictures, a sub-folder a category; or a file (JSONL, CSV) of pictures and the products that "
        "they should find. [default: the catalogue's own pictures, held out one by one]",
    ),
]
SnapshotId = Annotated[str | None, typer.Option("--snapshot", help="Snapshot to search. [default: the live one]")]
Network = Annotated[
    str | None, typer.Option("--network", help="Network to search with. [default: that of the snapshot]")
]
Compared = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--compare", metavar="A B", help="Ask two with the same queries: ids of snapshots, names of networks, or live."
    ),
]
SearchNetworks = Annotated[
    bool,
    typer.Option(
        "--search-networks",
        help="Try all networks whose weights are at hand, or those of --networks, and mixtures of two.",
    ),
]
Networks = Annotated[
    str | None, typer.Option("--networks", metavar="NAME,NAME,…", help="Networks to try with --search-networks.")
]
FromEvents = Annotated[
    bool, typer.Option("--from-events", help="Ask again what shoppers chose something from, by POST /events.")
]
Gated = Annotated[
    bool, typer.Option("--gate", help="End with exit code 1 where less is found than LOOKALIKE_GATE_… ask for.")
]
Asked = Annotated[
    int | None, typer.Option("--queries", min=1, help="Pictures to ask with, at most; drawn by lot. [default: 5000]")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", help="File for the report. [default: evaluation, comparison or networks.html in DATA/reports]"
    ),
]
K = Annotated[int, typer.Option("-k", min=1, max=100, help="Hits that a shopper looks at.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of the draw and the intervals. [default: 20171]")]


def evaluate(  # noqa: PLR0913  # each is an option of the command
    queries: Queries = None,
    *,
    snapshot: SnapshotId = None,
    network: Network = None,
    compare: Compared = None,
    search_networks: SearchNetworks = False,
    networks: Networks = None,
    from_events: FromEvents = False,
    gate: Gated = False,
    k: K = 10,
    count: Asked = None,
    seed: Seed = None,
    output: Output = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Measure how good the results are, and write a report with the worst queries to look at."""
    from indexer.evaluation.bootstrap import SEED  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.evaluation.gate import Gate  # noqa: PLC0415
    from indexer.evaluation.measuring import QUERIES, Request  # noqa: PLC0415
    from indexer.worker import step_back  # noqa: PLC0415

    settings = Settings.load(data_dir=data_dir)
    asked_of, seed = Gate.from_settings(settings), SEED if seed is None else seed
    _check_usage(asked_of if gate else None, k=k, compare=compare, one=(snapshot, network))
    _check_search(networks, search_networks=search_networks, others=(network, compare, gate or None))
    others = (queries, network, compare, networks, count, search_networks or None, gate or None)
    _check_events(others, from_events=from_events)
    step_back()  # searches of a service on this machine go first
    if from_events:
        evaluate_events(settings, snapshot_id=snapshot, k=k, seed=seed, output=output, as_json=as_json)
        return
    count = (SEARCH_QUERIES if search_networks else QUERIES) if count is None else count
    request = Request(source=queries, snapshot_id=snapshot, network=network, compared=compare).asking(k, count, seed)
    if search_networks:
        search(settings, request, networks or "", output, as_json=as_json)
    elif _evaluate(settings, request, asked_of, output, is_gated=gate, as_json=as_json):
        raise typer.Exit(1)


def _check_events(others: tuple[object, ...], *, from_events: bool) -> None:
    """Refuse what has no meaning for searches that were asked by others."""
    if from_events and others != (None,) * len(others):
        raise typer.BadParameter("It goes with --snapshot, -k, --seed, --output and --json alone.")


def _check_search(networks: str | None, *, search_networks: bool, others: tuple[object, ...]) -> None:
    """Refuse what does not go with a search, and what goes with nothing else."""
    if networks is not None and not search_networks:
        raise typer.BadParameter("It names what --search-networks tries; give both.", param_hint="--networks")
    if search_networks and others != (None,) * len(others):
        raise typer.BadParameter("It goes without --network, --compare and --gate.", param_hint="--search-networks")


def _check_usage(
    gate: "Gate | None", *, k: int, compare: tuple[str, str] | None, one: tuple[str | None, str | None]
) -> None:
    """Refuse options that do not go together; `gate` is None where it was not asked for."""
    if compare is not None and one != (None, None):
        raise typer.BadParameter("Name both in --compare A B, without --snapshot and --network.")
    if gate is None:
        return
    if k != GATE_K:
        raise typer.BadParameter(f"The gate is about {GATE_K} hits; leave out -k.", param_hint="--gate")
    if compare is None and (gate.precision, gate.product_recall) == (None, None):
        raise typer.BadParameter(
            "Nothing is asked of the results: set LOOKALIKE_GATE_PRECISION or LOOKALIKE_GATE_PRODUCT_RECALL, or "
            "compare two with --compare.",
            param_hint="--gate",
        )


def _evaluate(
    settings: Settings, request: "Request", gate: "Gate", output: Path | None, *, is_gated: bool, as_json: bool
) -> list[str]:
    """Measure, write the report, print; return why the gate is not passed."""
    from indexer.evaluation.document import evaluation_document  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.evaluation.gate import evaluation_failures  # noqa: PLC0415
    from indexer.evaluation.measuring import run_evaluation  # noqa: PLC0415
    from indexer.evaluation.report import evaluation_report  # noqa: PLC0415
    from indexer.evaluation.summary import category_rows  # noqa: PLC0415
    from indexer.evaluation.worst import worst_queries  # noqa: PLC0415
    from indexer.reports import write_report  # noqa: PLC0415

    name = "evaluation.html" if request.compared is None else "comparison.html"
    path = output or settings.data_dir / "reports" / name
    with shown_progress() as progress:
        result = run_evaluation(settings, request, progress)
        progress.phase("Working out the intervals")
        rows = [category_rows(result, measured) for measured in result.measured]
        worst = worst_queries(result)
        failures = evaluation_failures(result, gate) if is_gated else None
        thumbnails = _thumbnails(settings, worst, progress)
        write_report(path, evaluation_report(result, rows[-1], worst, thumbnails, failures, gate))
    if as_json:
        print_json(evaluation_document(result, rows, worst, failures) | {"report": str(path)})
    else:
        _print(result, rows[-1])
        typer.echo(f"The report, with the worst queries to look at, is {path}.")
        if failures is not None:
            typer.echo("\n".join(["The gate is not passed.", *failures]) if failures else "The gate is passed.")
    return failures or []


def _thumbnails(settings: Settings, worst: "Sequence[WorstQuery]", progress: "Progress") -> dict[str, str]:
    from app.core.decode_pool import DecodePool  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.evaluation.report import THUMBNAIL_PX  # noqa: PLC0415
    from indexer.evaluation.worst import pictures_of  # noqa: PLC0415
    from indexer.reports import thumbnail_uris  # noqa: PLC0415

    pictures = pictures_of(worst)
    progress.phase("Drawing the worst queries", len(pictures))
    with DecodePool.from_settings(settings) as pool:
        return thumbnail_uris(pictures, THUMBNAIL_PX, pool, progress.advance)


def _print(result: "Result", rows: "Sequence[CategoryRow]") -> None:
    from indexer.evaluation.summary import percent, remarks, verdict  # noqa: PLC0415  # keeps `lookalike --help` quick

    typer.echo("\n".join([verdict(result), *remarks(result)]))
    if len(result.measured) > 1:
        _print_two(result)
    else:
        _print_figures(result)
        k = result.request.k
        columns = ("Category", "Queries ", f"precision@{k} ", f"nDCG@{k} ", "Wrong hits are of")
        if rows:
            print_table("Each category", columns, [_category_row(row, k) for row in rows])
    for measured in result.measured:
        if measured.index_recall is not None:
            share = percent(float(measured.index_recall.mean()))
            typer.echo(f"The index of {measured.catalogue.name} finds {share} of what exact search finds.")


def _print_figures(result: "Result") -> None:
    rows = [
        (_named(by, name), f"{found.value:.3f}", f"{found.low:.3f} to {found.high:.3f}")
        for by, figures in result.estimates[0].items()
        for name, found in figures.items()
    ]
    if rows:
        print_table("", ("Figure", "Value ", "With 95 % certainty "), rows)


def _print_two(result: "Result") -> None:
    from indexer.evaluation.summary import category_differences  # noqa: PLC0415  # keeps `lookalike --help` quick

    first, second = result.estimates
    names = [measured.catalogue.name for measured in result.measured]
    rows = [
        (
            _named(by, name),
            f"{first[by][name].value:.3f}",
            f"{second[by][name].value:.3f}",
            f"{found.value:+.3f}",
            _range(found),
        )
        for by, figures in result.differences.items()
        for name, found in figures.items()
    ]
    if rows:
        columns = ("Figure", "A ", "B ", "B less A ", "With 95 % certainty ")
        print_table(f"A: {names[0]}, B: {names[1]}", columns, rows)
        categories = [
            (row.name, f"{row.before:.3f}", f"{row.after:.3f}", f"{row.difference.value:+.3f}", _range(row.difference))
            for row in category_differences(result)
        ]
        if categories:
            print_table(f"precision@{result.request.k} of each category", ("Category", *columns[1:]), categories)


def _range(difference: "Estimate") -> str:
    return f"{difference.low:+.3f} to {difference.high:+.3f}"


def _named(by: str, name: str) -> str:
    from indexer.evaluation.summary import figure_name  # noqa: PLC0415  # keeps `lookalike --help` quick

    return f"{figure_name(name)} {by.replace('_', ' ')}"


def _category_row(row: "CategoryRow", k: int) -> tuple[str | None, ...]:
    precision, ndcg = row.figures[f"precision_at_{k}"], row.figures[f"ndcg_at_{k}"]
    return row.name, f"{precision.queries:,}", f"{precision.value:.3f}", f"{ndcg.value:.3f}", row.mistaken_for
