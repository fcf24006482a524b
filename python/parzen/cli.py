"""The command line: options in, one call, a table out. Heavy imports wait for a command."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parzen._cli_options import (
    STDOUT,
    BatchSize,
    Cache,
    EncoderOptions,
    Json,
    Network,
    Protocol,
    Quiet,
    Resize,
    Seed,
    SkipBroken,
    Threads,
    Weights,
    Workers,
    bandwidth_of,
    check_output_of,
    names_of,
    refuse_options_of_images,
    refuse_other_options,
    set_threads,
    split,
    usage,
)
from parzen._extras import needed_by

if TYPE_CHECKING:
    from rich.console import Console

    from parzen.compare import Comparison
    from parzen.several import Comparisons

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="How far apart are two sets of samples, and how good is a generative model.",
)

# Errors speak of Python's arguments; here these are options.
OPTION_OF = {
    "skip_broken=True": "--skip-broken",
    'weights="random"': "--features random",
    "as weights=": "with --weights",
}


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
    context: typer.Context,
    real: Annotated[
        Path,
        typer.Argument(
            help="Folder, zip, .npy or .npz: images or features. Two .json files that --json "
            "wrote: the differences of their numbers, where the same protocol made them."
        ),
    ],
    fake: Annotated[
        list[Path],
        typer.Argument(
            help="The same, of the set to be judged. Several: all of them, and which pairs differ "
            "in KID and, with --jackknife, in FID."
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Some of fid, kid, is, prdc, kde, vendi, cmmd, with commas between; by default "
            "the first five, or those that the protocol has."
        ),
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
        str | None,
        typer.Option(
            help="Of kde: scott (the default), silverman or a number.", metavar="scott|silverman|H"
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("--k", help="Of prdc: the neighbour that a ball reaches to; 3.", min=1),
    ] = None,
    halves: Annotated[
        int,
        typer.Option(
            help="Of prdc and kde: standard errors from so many random halves, 20 are enough; "
            "without, lower bounds.",
            min=0,
        ),
    ] = 0,
    jackknife: Annotated[
        bool,
        typer.Option("--jackknife", help="Of fid: a standard error, and FID without its bias."),
    ] = False,
    seed: Seed = 2020,
    threads: Threads = None,
    json: Json = None,
    quiet: Quiet = False,
) -> None:
    """Compare sets: FID, KID, Inception Score, precision and recall, KDE log-likelihood."""
    with _errors():
        check_output_of("--json", json, real, *fake, weights)
        if any(path.suffix.lower() == ".json" for path in (real, *fake)):
            kept = ("real", "fake", "json", "quiet")
            refuse_other_options(context, kept, "two results are compared as they are")
            _compare_results([real, *fake], json)
            return
        from parzen import protocols
        from parzen.compare import compare as run
        from parzen.feature_sets import FeatureSet, read_features
        from parzen.report import show, write_json
        from parzen.settings import check_effect, chosen_metrics
        from parzen.several import compare_several

        images = EncoderOptions(
            protocol=protocol,
            network=features,
            weights=weights,
            resize=resize,
            batch_size=batch_size,
            workers=workers,
            skip_broken=skip_broken,
            cache=cache,
            threads=threads,
            quiet=quiet,
        )
        encoder = images.encoder()
        with usage("--metrics"):
            rules = None if protocol is None else protocols.protocol(protocol)
            wanted = chosen_metrics(metrics, rules, "")
        given = {"bandwidth": bandwidth, "k": k, "halves": halves, "jackknife": jackknife}
        for option, value in given.items():
            with usage(f"--{option}"):
                if value:
                    check_effect(option, wanted, "it")
        with usage("--bandwidth"):
            h = None if bandwidth is None else bandwidth_of(bandwidth)
        fakes = names_of(fake)
        # With the Inception Score alone real is not looked at.
        paths = fake if wanted == ("is",) else [real, *fake]
        sets = {path: read_features(path) or path for path in paths}
        on_features = all(isinstance(each, FeatureSet) for each in sets.values())
        if on_features:
            refuse_options_of_images(context)
        set_threads(threads)
        options: dict[str, Any] = {
            "metrics": metrics,
            "encoder": None if on_features else encoder,
            "seed": seed,
            **given,
            "bandwidth": h,
            "protocol": protocol,
        }
        against, others = sets.get(real, real), {name: sets[path] for name, path in fakes.items()}
        with _progress(images.progress) as progress:
            result: Comparison | Comparisons
            if len(fake) == 1:
                result = run(against, *others.values(), **options, progress=progress)
            else:
                result = compare_several(against, others, **options, progress=progress)
        if json is not None:
            write_json(None if json == STDOUT else json, result.to_dict())
        show(result, _console(stderr=json == STDOUT))


@app.command()
def features(
    images: Annotated[Path, typer.Argument(help="Folder, zip, .npy or .npz of images.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .npz or .npy file.")],
    layer: Annotated[
        str | None,
        typer.Option(
            help="Of inception and random: some of 64,192,768,2048,logits_unbiased,logits; by "
            "default 2048, and in a .npz logits_unbiased too."
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
        from parzen.feature_sets import check_names, read_features, save_features

        encoder = EncoderOptions(
            protocol=protocol,
            network=network,
            weights=weights,
            resize=resize,
            batch_size=batch_size,
            workers=workers,
            skip_broken=skip_broken,
            cache=cache,
            threads=threads,
            quiet=quiet,
        ).encoder()
        suffix = output.suffix.lower()
        layers = encoder.main if suffix == ".npy" else encoder.main + encoder.logits
        if layer is not None:
            with usage("--layer"):
                layers = check_names("", split(layer), encoder.layers)
        if suffix not in (".npz", ".npy"):
            raise typer.BadParameter(f"{output} ends in neither .npz nor .npy", param_hint="-o")
        if suffix == ".npy" and len(layers) > 1:
            raise typer.BadParameter("a .npy file holds one layer", param_hint="--layer")
        check_output_of("--output", output, images, weights)
        set_threads(threads)
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
        set_threads(threads)
        with needed_by("the demo", "demo"):
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
        show(result, _console())
        if result.failures:
            raise typer.Exit(1)


@app.command()
def doctor(json: Json = None) -> None:
    """Tell what runs here: instruction set, threads, libraries, weights."""
    with _errors():
        from parzen.doctor import examine, show
        from parzen.report import write_json

        check_output_of("--json", json)
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


def _compare_results(paths: list[Path], json: Path | None) -> None:
    from dataclasses import asdict

    from parzen.report import print_notes, write_json
    from parzen.results import differences, notes, read_result, table

    if len(paths) != 2 or any(path.suffix.lower() != ".json" for path in paths):
        raise typer.BadParameter(
            "expected two results, A.json B.json, or none", param_hint="real and fake"
        )
    first, second = (read_result(path) for path in paths)
    found = differences(first, second)
    said = notes(first, second, (str(paths[0]), str(paths[1])))
    if json is not None:
        lines = [asdict(line) for line in found]
        write_json(None if json == STDOUT else json, {"differences": lines, "notes": said})
    console = _console(stderr=json == STDOUT)
    for title, path, result in (("first", paths[0], first), ("second", paths[1], second)):
        sets = f"{result['protocol']['real']}, {result['protocol']['fake']}"
        console.print(f"{title:<7} {path}: {sets}", markup=False, style="dim", soft_wrap=True)
    console.print(table(found))
    print_notes(said, console)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)
