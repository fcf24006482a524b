"""parzen compare: its options, table and JSON, and what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import parzen
from parzen import measure
from parzen.cli import app

runner = CliRunner()


def parzen_cli(*arguments, code=0):
    result = runner.invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def failure(*arguments):
    return parzen_cli(*arguments, code=1).stderr


def misuse(*arguments):
    """Return the message of a usage error in one line, without the box that may be around it."""
    text = parzen_cli(*arguments, code=2).stderr
    return " ".join(text.translate(dict.fromkeys(map(ord, "│╭╮╰╯─"), " ")).split())


@pytest.fixture
def real(rng, tmp_path):
    np.save(tmp_path / "real.npy", rng.normal(size=(40, 6)).astype(np.float32))
    return tmp_path / "real.npy"


@pytest.fixture
def fake(rng, tmp_path):
    np.save(tmp_path / "fake.npy", rng.normal(loc=1.0, size=(30, 6)).astype(np.float32))
    return tmp_path / "fake.npy"


class TestCompare:
    def test_table_and_json(self, real, fake, tmp_path):
        out = tmp_path / "out.json"
        shown = parzen_cli("compare", real, fake, "--json", out).stdout
        for word in ("FID", "KID", "Precision", "Coverage", "KDE log-likelihood", "std. error"):
            assert word in shown
        assert "Inception Score is left out" in " ".join(shown.split())
        read = json.loads(out.read_text())
        x, y = np.load(real), np.load(fake)
        assert read["metrics"]["kid"]["value"] == parzen.kid(x, y, subsets=None).mean
        assert read["protocol"]["real"] == str(real)
        assert (read["protocol"]["n"], read["protocol"]["m"]) == (40, 30)

    def test_json_on_standard_output_is_nothing_but_json(self, real, fake):
        result = parzen_cli("compare", real, fake, "--metrics", "kid,kde", "--json", "-")
        assert set(json.loads(result.stdout)["metrics"]) == {"kid", "kid_subsets", "log_likelihood"}
        assert "KID" in result.stderr

    def test_options_reach_the_metrics(self, real, fake):
        options = ["--seed", 5, "--k", 2, "--bandwidth", 0.5, "--metrics", "prdc, kde"]
        found = json.loads(parzen_cli("compare", real, fake, *options, "--json", "-").stdout)
        assert found["protocol"]["seed"] == 5
        assert found["metrics"]["precision"]["k"] == 2
        assert found["metrics"]["log_likelihood"]["bandwidth"] == 0.5
        assert found["metrics"]["log_likelihood"]["rule"] == "given"

    def test_error_bars(self, real, fake):
        options = ["--metrics", "fid,prdc,kde", "--json", "-", "--halves", 4, "--jackknife"]
        done = parzen_cli("compare", real, fake, *options)
        found = json.loads(done.stdout)["metrics"]
        assert all(entry["stderr"] > 0 for entry in found.values())
        assert found["fid_corrected"]["blocks"] == 10
        assert found["recall"]["halves"] == found["log_likelihood"]["halves"] == 4
        assert "corrected" in done.stderr
        assert "≥" not in done.stderr
        assert "≥" in parzen_cli("compare", real, fake, "--metrics", "prdc").stdout

    def test_options_without_effect_are_usage_errors(self, real, fake):
        for option, value in (("--k", 3), ("--bandwidth", 1), ("--halves", 5)):
            message = misuse("compare", real, fake, "--metrics", "fid", option, value)
            assert f"for {option}: it has no effect on fid, only on" in message
        message = misuse("compare", real, fake, "--metrics", "kid", "--jackknife")
        assert "for --jackknife: it has no effect on kid, only on fid; leave it out" in message

    @pytest.mark.parametrize(
        "option",
        [
            ("--features", "random"),
            ("--weights", "w.pth"),
            ("--resize", "tf1"),
            ("--batch-size", 64),
            ("--workers", 0),
            ("--skip-broken",),
            ("--cache", "kept"),
        ],
    )
    def test_options_of_images_are_usage_errors_on_features(self, real, fake, option, tmp_path):
        words = f"for {option[0]}: it has no effect on features, only on images; leave it out"
        assert words in misuse("compare", real, fake, *option)
        np.save(tmp_path / "other.npy", np.load(fake))
        assert words in misuse("compare", real, fake, tmp_path / "other.npy", *option)

    def test_metrics_by_other_names(self, real, fake):
        text = parzen_cli("compare", real, fake, "--metrics", "FID, pr", "--json", "-").stdout
        names = ["fid", "precision", "recall", "density", "coverage"]
        assert list(json.loads(text)["metrics"]) == names

    @pytest.mark.parametrize("protocol", ["torch-fidelity", "torchmetrics"])
    def test_protocols_with_few_samples(self, real, fake, protocol):
        shown = parzen_cli("compare", real, fake, "--protocol", protocol).stdout
        assert "KID over subsets is left out" in shown
        assert "subset_size" not in shown

    def test_threads(self, real, fake):
        before = parzen.get_num_threads()
        try:
            text = parzen_cli("compare", real, fake, "--threads", 1, "--json", "-").stdout
            assert json.loads(text)["protocol"]["threads"] == 1
        finally:
            parzen.set_num_threads(before)

    def test_typos_are_usage_errors_that_list_what_exists(self, real, fake):
        message = misuse("compare", real, fake, "--metrics", "fid,kdi")
        assert "no 'kdi', only fid, kid, is, prdc, kde, vendi, cmmd; did you mean 'kid'?" in message
        message = misuse("compare", real, fake, "--features", "randon")
        assert "no 'randon', only inception, random, timm:NAME, torchhub:REPO:NAME" in message
        assert "did you mean 'random'?" in message
        message = misuse("compare", real, fake, "--resize", "bilinaer")
        assert "did you mean 'bilinear'?" in message
        assert "neither scott nor silverman" in misuse("compare", real, fake, "--bandwidth", "scot")
        assert "number > 0" in misuse("compare", real, fake, "--bandwidth", "-1")
        assert "--metrics" in misuse("compare", real, fake, "--metric", "fid")
        assert "takes no weights" in misuse(
            "compare", real, fake, "--features", "random", "--weights", "w.pth"
        )
        assert "has its own" in misuse(
            "compare", real, fake, "--features", "timm:resnet50", "--resize", "tf1"
        )
        misuse("compare", real)
        misuse("compare", real, fake, "--k", "0")
        misuse("compar", real, fake)
        assert "is given twice" in misuse("compare", real, fake, fake)

    def test_bad_input_is_a_message_and_1(self, real, fake, tmp_path):
        assert "there is no file or folder nowhere" in failure("compare", "nowhere", fake)
        assert "Inception Score needs" in failure("compare", real, fake, "--metrics", "is")
        assert "fake has 30 samples, k is 30" in failure("compare", real, fake, "--k", 30)
        bad = np.load(real)
        bad[3, 1] = np.nan
        np.save(tmp_path / "bad.npy", bad)
        assert "NaN or infinity, the first in row 3" in failure(
            "compare", tmp_path / "bad.npy", fake
        )
        (tmp_path / "broken.npz").write_bytes(b"PK")
        assert "broken.npz could not be read" in failure("compare", real, tmp_path / "broken.npz")

    def test_an_output_that_cannot_be_is_refused_at_once(self, real, fake, tmp_path):
        before = real.read_bytes()
        assert "is one of the inputs" in failure("compare", real, fake, "--json", real)
        assert real.read_bytes() == before
        assert "is a folder" in failure("compare", real, fake, "--json", tmp_path)
        assert "no folder" in failure("compare", real, fake, "--json", tmp_path / "a" / "b.json")

    def test_nothing_is_written_after_an_error(self, real, tmp_path):
        failure("compare", real, "nowhere", "--json", tmp_path / "out.json")
        assert list(tmp_path.iterdir()) == [real]

    def test_an_interrupt_is_130(self, real, fake, monkeypatch):
        def stopped(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(measure, "kid", stopped)
        assert parzen_cli("compare", real, fake, code=130).stderr == "interrupted\n"


class TestSeveral:
    @pytest.fixture
    def other(self, rng, tmp_path):
        np.save(tmp_path / "other.npy", rng.normal(loc=2.0, size=(35, 6)))
        return tmp_path / "other.npy"

    def test_table_and_json(self, real, fake, other, tmp_path):
        out = tmp_path / "out.json"
        shown = parzen_cli("compare", real, fake, other, "--jackknife", "--json", out).stdout
        for word in ("fake.npy", "other.npy", "corrected", "kid, ", "fid, Student's t"):
            assert word in shown
        read = json.loads(out.read_text())
        assert list(read["results"]) == ["fake.npy", "other.npy"]
        assert [pairs["metric"] for pairs in read["models"]] == ["kid", "fid"]
        x, y = np.load(real), np.load(other)
        kid = read["results"]["other.npy"]["metrics"]["kid"]["value"]
        assert kid == parzen.kid(x, y, subsets=None).mean

    def test_sets_of_one_name_have_their_whole_paths(self, real, fake, tmp_path):
        (tmp_path / "deeper").mkdir()
        again = tmp_path / "deeper" / "fake.npy"
        np.save(again, np.load(fake) + 1)
        text = parzen_cli("compare", real, fake, again, "--metrics", "kid", "--json", "-").stdout
        assert list(json.loads(text)["results"]) == [str(fake), str(again)]

    def test_too_few_samples_for_pairs_by_fid_are_a_note(self, real, fake, other):
        wide = np.random.default_rng(0).normal(size=(3, 24, 15))
        for path, x in zip((real, fake, other), wide, strict=True):
            np.save(path, x)
        options = ["--metrics", "fid,kid", "--jackknife", "--json", "-"]
        found = json.loads(parzen_cli("compare", real, fake, other, *options).stdout)
        assert [pairs["metric"] for pairs in found["models"]] == ["kid"]
        assert any("Pairs are not compared by fid: real has 24" in note for note in found["notes"])


class TestResults:
    @pytest.fixture
    def results(self, real, fake, tmp_path):
        paths = [tmp_path / "a.json", tmp_path / "b.json"]
        for path, sets in zip(paths, ([real, fake], [fake, fake]), strict=True):
            parzen_cli("compare", *sets, "--metrics", "kid", "--json", path)
        return paths

    def test_notes_and_what_was_compared(self, results, real, fake):
        shown = " ".join(parzen_cli("compare", *results).stdout.split())
        assert f"first {results[0]}: {real}, {fake} second {results[1]}: {fake}, {fake}" in shown
        assert "! The real samples differ" in shown
        assert "! Both results are of the same fake samples." in shown
        assert "real and fake are the same samples." in shown
        assert "! both: Features were given ready-made" in shown

    def test_options_are_refused(self, results):
        for options in (["--k", 3], ["--metrics", "kid"], ["--seed", 2020], ["--jackknife"]):
            message = misuse("compare", *results, *options)
            assert f"for {options[0]}: two results are compared as they are" in message
        parzen_cli("compare", *results, "--quiet")

    def test_a_result_of_several_sets_says_how_to_pick_one(self, results, real, fake, tmp_path):
        several = tmp_path / "several.json"
        np.save(tmp_path / "other.npy", np.load(fake) + 1)
        sets = [real, fake, tmp_path / "other.npy"]
        parzen_cli("compare", *sets, "--metrics", "kid", "--json", several)
        for given in ([several, results[0]], [results[0], several]):
            message = failure("compare", *given)
            assert (
                f"{several} holds the results of 2 fake sets ('fake.npy', 'other.npy')" in message
            )
            assert "parzen compare REAL FAKE" in message

    def test_two_results_and_nothing_else(self, results, real):
        for given in ([*results, results[0]], [results[0], real], [real, results[0]]):
            assert "expected two results, A.json B.json, or none" in misuse("compare", *given)
