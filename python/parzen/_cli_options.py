"""The options of the command line: their types, and what becomes of them."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parzen.encode import Encoder

STDOUT = Path("-")
# Of compare. The protocol is of the metrics too, and threads are the engine's.
OF_IMAGES = ("features", "weights", "resize", "batch_size", "workers", "skip_broken", "cache")
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
        metavar="NETWORK",
        help="Inception with the published weights (inception, the default) or with seeded random "
        "ones, whose numbers compare only with each other (random); timm:NAME, "
        "torchhub:REPO:NAME, clip:NAME.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Instead of the network's published weights, which are found or downloaded.",
        metavar="FILE",
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(
        help="Of inception and random, to 299 x 299: tf1 (the default), pil-bicubic, bilinear or "
        "bilinear-antialias."
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


@contextlib.contextmanager
def usage(option: str) -> Iterator[None]:
    """Turn what is wrong with a value into an error of its option."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


@dataclass(frozen=True)
class EncoderOptions:
    """The options that compare and features share: what becomes of images."""

    protocol: str | None
    network: str | None
    weights: Path | None
    resize: str | None
    batch_size: int
    workers: int | None
    skip_broken: bool
    cache: Path | None
    threads: int | None
    quiet: bool

    @property
    def progress(self) -> bool:
        """Whether to draw bars."""
        return not self.quiet and sys.stderr.isatty()

    def encoder(self) -> Encoder:
        """Return the encoder that the options describe, or an error of the option at fault."""
        from parzen import protocols
        from parzen.encode import Encoder
        from parzen.feature_sets import RESIZES, check_names, check_network

        given: dict[str, str] = {}
        if self.network is not None:
            with usage("--features"):
                family, _ = check_network("", self.network)
            given["network"] = self.network
            if family not in ("inception", "random") and self.resize is not None:
                raise typer.BadParameter(f"{self.network} has its own", param_hint="--resize")
            if family in ("random", "clip") and self.weights is not None:
                raise typer.BadParameter(f"{self.network} takes no weights", param_hint="--weights")
        if self.resize is not None:
            with usage("--resize"):
                given["resize"] = check_names("", [self.resize], RESIZES)[0]
        make: Callable[..., Encoder] = Encoder
        if self.protocol is not None:
            with usage("--protocol"):
                make = functools.partial(Encoder.of, protocols.protocol(self.protocol))
            if self.resize is not None:
                raise typer.BadParameter(f"{self.protocol} settles it", param_hint="--resize")
        # What may be wrong still is between the two.
        with usage("--features" if self.protocol is None else "--protocol"):
            return make(
                **given,
                weights=self.weights,
                batch_size=self.batch_size,
                workers=self.workers,
                skip_broken=self.skip_broken,
                cache=self.cache,
                progress=self.progress,
                threads=self.threads,
            )


def bandwidth_of(text: str) -> float | str:
    """Return a rule's name or a number > 0."""
    from parzen._options import as_positive

    if text in ("scott", "silverman"):
        return text
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither scott nor silverman nor a number") from None
    return as_positive("bandwidth", number)


def split(text: str) -> list[str]:
    """Return the names between commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def given_options(context: typer.Context) -> dict[str, str]:
    """Return the names of the arguments and options that were given, and how they are typed."""
    found = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            found[parameter.name or ""] = parameter.opts[0]
    return found


def refuse_other_options(context: typer.Context, kept: tuple[str, ...], why: str) -> None:
    """Refuse every option that was given, but for some."""
    for name, option in given_options(context).items():
        if name not in kept:
            raise typer.BadParameter(why, param_hint=option)


def refuse_options_of_images(context: typer.Context) -> None:
    """Refuse every option that was given and has no effect where no set holds images."""
    for name, option in given_options(context).items():
        if name in OF_IMAGES:
            raise typer.BadParameter(
                "it has no effect on features, only on images; leave it out", param_hint=option
            )


def names_of(paths: list[Path]) -> dict[str, Path]:
    """Return short names of paths: the last parts, or all of them where two are equal."""
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise typer.BadParameter(f"{twice} is given twice", param_hint="fake")
    short = [path.name for path in paths]
    unique = len(set(short)) == len(short) and all(short)
    return dict(zip(short if unique else map(str, paths), paths, strict=True))


def check_output_of(option: str, path: Path | None, *inputs: Path | None) -> None:
    """Refuse, before any work is done, a file that cannot be written or is an input."""
    from parzen._files import check_output

    if path is not None and path != STDOUT:
        check_output(option, path, [given for given in inputs if given is not None])


def set_threads(threads: int | None) -> None:
    """Set the engine's threads where a number is given."""
    if threads is not None:
        import parzen

        parzen.set_num_threads(threads)
