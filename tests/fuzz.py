"""The properties of test_fuzz*.py on random examples until the time is up: `make fuzz`.

Each round prints its seed first; `python tests/fuzz.py 0 --seed N` repeats that round.
"""

import argparse
import faulthandler
import random
import time
import warnings

import hypothesis

import test_fuzz
import test_fuzz_bindings
import test_fuzz_generators

EXAMPLES = 300
ROUND_SECONDS = 900  # a round takes seconds: this one hangs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    faulthandler.enable()
    warnings.simplefilter("error")
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )
    modules = (test_fuzz, test_fuzz_bindings, test_fuzz_generators)
    properties = [settings(check) for module in modules for check in module.PROPERTIES]
    end = time.monotonic() + arguments.seconds
    seed, examples = arguments.seed, 0
    while True:
        for check in properties:
            print(f"{check.__name__}, seed {seed}", flush=True)
            faulthandler.dump_traceback_later(ROUND_SECONDS, exit=True)
            hypothesis.seed(seed)(check)()
            faulthandler.cancel_dump_traceback_later()
            examples += EXAMPLES
            if time.monotonic() >= end and check is properties[-1]:
                print(f"{examples} examples of {len(properties)} properties, no finding")
                return
        seed += 1


if __name__ == "__main__":
    main()
