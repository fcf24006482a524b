"""The command line: options in, one call, a table out. Heavy imports wait for a command."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from parzen.encode import Encoder

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="How far apart are two sets of samples, and how good is a generative model.",
)

STDOUT = Path("-")
# Errors speak of Python's arguments; here these are options.
OPTION_OF = {
    "skip_broken=True": "--skip-broken",
    'weights="random"': "--features random",
    "as weights=": "with --weights",
}

Protocol = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Resize, normalisation and rules of torch-fidelity, pytorch-fid, clean-fid, "
        "torchmetrics, stylegan3, guided-diffusion or cmmd.",
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="inception|random",
        help="The network: Inception with the published weights, by default, or with seeded "
        "random ones, whose numbers compare only with each other.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="The published weights; by default where torch hub keeps them.", metavar="FILE"
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        help="To 299 x 299: tf1, by default, pil-bicubic, bilinear or bilinear-antialias."
    ),
]
BatchSize = Annotated[int, typer.Option(help="Images at a time.", min=1)]
Workers = Annotated[
    int | None, typer.Option(help="Processes that decode images; by default as many as pay.", min=0)
]
SkipBroken = Annotated[
    bool, typer.Option("--skip-broken", help="Leave out, and count, images that cannot be read.")
]
Cache = Annotated[Path | None, typer.Option(help="A folder to keep features in.", metavar="DIR")]
Threads = Annotated[
    int | None, typer.Option(help="Threads; by default all processors allowed.", min=1)
]
Seed = Annotated[
    int, typer.Option(help="Of everything that is drawn at random.", min=0, max=2**32 - 1)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Json = Annotated[
    Path | None,
    typer.Option(
        help="Every value, its error and the protocol; - is standard output.", metavar="FILE"
    ),
]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Prepare the output, and answer --version."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows ? where it has no sign for one, and goes on.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if version:
        from parzen import __version__

        typer.echo(f"parzen {__version__}")
        raise typer.Exit


@app.command()
def compare(
    real: Annotated[
        Path,
        typer.Argument(
            help="Folder, zip, .npy or .npz: images or features. Two .json files that --json "
            "wrote: the differences of their numbers, where the same protocol made them."
        ),
    ],
    fake: Annotated[Path, typer.Argument(help="The same, of the set to be judged.")],
    metrics: Annotated[
        str | None, typer.Option(help="Some of fid,kid,is,prdc,kde; by default all that can be.")
    ] = None,
    protocol: Protocol = None,
    features: Network = None,
    weights: Weights = None,
    resize: Resize = None,
    batch_size: BatchSize = 64,
    workers: Workers = None,
    skip_broken: SkipBroken = False,
    cache: Cache = None,
    bandwidth: Annotated[
        str, typer.Option(help="Of kde: scott, silverman or a number.", metavar="scott|silverman|H")
    ] = "scott",
    k: Annotated[
        int, typer.Option("--k", help="Of prdc: the neighbour that a ball reaches to.", min=1)
    ] = 3,
    seed: Seed = 2020,
    threads: Threads = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Compare two sets: FID, KID, Inception Score, precision and recall, KDE log-likelihood."""
    with _errors():
        from parzen.compare import METRICS
        from parzen.compare import compare as run
        from parzen.feature_sets import check_names
        from parzen.report import show, to_dict, write_json

        with _usage("--metrics"):
            wanted = None if metrics is None else check_names("", _split(metrics), METRICS)
        with _usage("--bandwidth"):
            h = _bandwidth(bandwidth)
        if real.suffix.lower() == fake.suffix.lower() == ".json":
            _compare_results(real, fake)
            return
        shown = not quiet and sys.stderr.isatty()
        encoder = _encoder(
            protocol,
            features,
            weights,
            resize,
            batch_size,
            workers,
            skip_broken,
            cache,
            shown,
            threads,
        )
        _check_output("--json", json, real, fake, weights)
        _set_threads(threads)
        with _progress(shown) as progress:
            result = run(
                real,
                fake,
                metrics=wanted,
                encoder=encoder,
                seed=seed,
                bandwidth=h,
                k=k,
                protocol=protocol,
                progress=progress,
            )
        if json is not None:
            write_json(None if json == STDOUT else json, to_dict(result))
        show(result, _console(stderr=json == STDOUT))


@app.command()
def features(
    images: Annotated[Path, typer.Argument(help="Folder, zip, .npy or .npz of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .npz or .npy file.")],
    layer: Annotated[
        str | None,
        typer.Option(
            help="Some of 64,192,768,2048,logits_unbiased,logits; by default 2048, and in a .npz "
            "logits_unbiased too."
        ),
    ] = None,
    protocol: Protocol = None,
    network: Network = None,
    weights: Weights = None,
    resize: Resize = None,
    batch_size: BatchSize = 64,
    workers: Workers = None,
    skip_broken: SkipBroken = False,
    cache: Cache = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Write the features of images to a file, for compare and for other programs."""
    with _errors():
        from parzen.feature_sets import (
            LAYERS,
            LOGITS,
            MAIN,
            check_names,
            read_features,
            save_features,
        )

        suffix = output.suffix.lower()
        default = MAIN if suffix == ".npy" else f"{MAIN},{LOGITS[0]}"
        with _usage("--layer"):
            layers = check_names("", _split(layer or default), LAYERS)
        if suffix not in (".npz", ".npy"):
            raise typer.BadParameter(f"{output} ends in neither .npz nor .npy", param_hint="-o")
        if suffix == ".npy" and len(layers) > 1:
            raise typer.BadParameter("a .npy file holds one layer", param_hint="--layer")
        shown = not quiet and sys.stderr.isatty()
        encoder = _encoder(
            protocol,
            network,
            weights,
            resize,
            batch_size,
            workers,
            skip_broken,
            cache,
            shown,
            threads,
        )
        _check_output("--output", output, images, weights)
        _set_threads(threads)
        if images.exists() and read_features(images) is not None:
            raise ValueError(f"{images} holds features already")
        found = encoder.read(images, layers)
        save_features(output, found)
        sizes = ", ".join(f"{name} {array.shape}" for name, array in found.layers.items())
        label = "RANDOM FEATURES, " if found.random else ""
        left_out = (
            f"; skipped {len(found.skipped)}, such as {found.skipped[0]}" if found.skipped else ""
        )
        _console().print(f"{output}: {label}{sizes}{left_out}", markup=False, soft_wrap=True)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="A folder for images, figure and numbers.")] = Path(
        "parzen-demo"
    ),
    images: Annotated[int, typer.Option(help="Images in each set.")] = 96,
    weights: Weights = None,
    seed: Seed = 2020,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Distort patches of photographs ever more, and watch every distance rise: table and figure."""
    with _errors():
        _set_threads(threads)
        try:
            from parzen.demo import run, show

            with _progress(not quiet and sys.stderr.isatty()) as progress:
                result = run(
                    out,
                    images=images,
                    weights=weights,
                    seed=seed,
                    threads=threads,
                    progress=progress,
                )
        except ModuleNotFoundError as error:
            missing = f"the demo needs {error.name}: pip install 'parzen[demo]'"
            raise ModuleNotFoundError(missing, name=error.name) from error
        show(result, _console())
        if result.failures:
            raise typer.Exit(1)


@app.command()
def doctor(json: Json = None) -> None:
    """Tell what runs here: instruction set, threads, libraries, weights."""
    with _errors():
        from parzen.doctor import examine, show
        from parzen.report import write_json

        _check_output("--json", json)
        facts = examine()
        if json is not None:
            write_json(None if json == STDOUT else json, facts)
        if json != STDOUT:
            show(facts, _console())


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """End with a message and 1 where the input is at fault, with 130 on Ctrl-C."""
    try:
        yield
    except (BrokenPipeError, typer.Exit, typer.Abort):  # Exit and Abort are RuntimeErrors
        raise
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(130) from None
    except (ValueError, TypeError, OSError, ImportError, MemoryError, RuntimeError) as error:
        message = str(error) or type(error).__name__
        for argument, option in OPTION_OF.items():
            message = message.replace(argument, option)
        typer.echo(f"error: {message}", err=True)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def _usage(option: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


@contextlib.contextmanager
def _progress(shown: bool) -> Iterator[Callable[[str, float], None] | None]:
    """Draw one bar a stage on standard error."""
    if not shown:
        yield None
        return
    from rich.progress import Progress, TaskID

    # Started by the first stage only: the features before it have a bar of their own.
    bars = Progress(console=_console(stderr=True), transient=True)
    tasks: dict[str, TaskID] = {}

    def advance(stage: str, fraction: float) -> None:
        bars.start()
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=fraction)

    try:
        yield advance
    finally:
        bars.stop()


def _compare_results(first: Path, second: Path) -> None:
    from parzen.results import differences, read_result, table

    found = differences(read_result(first), read_result(second))
    console = _console()
    console.print(table(found))


def _encoder(
    protocol: str | None,
    network: str | None,
    weights: Path | None,
    resize: str | None,
    batch_size: int,
    workers: int | None,
    skip_broken: bool,
    cache: Path | None,
    progress: bool,
    threads: int | None,
) -> Encoder:
    from parzen import protocols
    from parzen.encode import NETWORKS, Encoder
    from parzen.feature_sets import RESIZES, check_names

    given: dict[str, str] = {}
    if network is not None:
        with _usage("--features"):
            given["network"] = check_names("", [network], NETWORKS)[0]
    if resize is not None:
        with _usage("--resize"):
            given["resize"] = check_names("", [resize], RESIZES)[0]
    if network == "random" and weights is not None:
        raise typer.BadParameter("a random network takes no weights", param_hint="--weights")
    if protocol is not None:
        with _usage("--protocol"):
            rules = protocols.protocol(protocol)
        if resize is not None:
            raise typer.BadParameter(f"{protocol} settles it", param_hint="--resize")
        given = {"network": rules.network, "resize": rules.resize} | given
    return Encoder(
        **given,
        weights=weights,
        batch_size=batch_size,
        workers=workers,
        skip_broken=skip_broken,
        cache=cache,
        progress=progress,
        threads=threads,
    )


def _bandwidth(text: str) -> float | str:
    from parzen._options import as_positive

    if text in ("scott", "silverman"):
        return text
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither scott nor silverman nor a number") from None
    return as_positive("bandwidth", number)


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _check_output(option: str, path: Path | None, *inputs: Path | None) -> None:
    from parzen._files import check_output

    if path is not None and path != STDOUT:
        check_output(option, path, [given for given in inputs if given is not None])


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        import parzen

        parzen.set_num_threads(threads)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)
