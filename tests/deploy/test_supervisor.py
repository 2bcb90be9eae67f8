import io
import sys
import time

from battery_db.supervisor import Child, Supervisor


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run_until(children, condition, *, grace=15.0, seconds=20.0):
    """Run a supervisor until ``condition(output so far)``; returns all output."""
    output = io.StringIO()
    deadline = time.monotonic() + seconds

    def tick(supervisor):
        if condition(output.getvalue()) or time.monotonic() > deadline:
            supervisor._on_signal(2, None)

    Supervisor(children, output=output, grace=grace, tick=tick).run()
    return output.getvalue()


def test_lines_carry_the_name_of_their_process():
    children = [Child("a", python("print('one')")), Child("long", python("print('two')"))]

    output = run_until(children, lambda seen: "one" in seen and "two" in seen)

    assert "a    | one\n" in output
    assert "long | two\n" in output


def test_a_child_that_dies_starts_again_after_a_growing_pause():
    output = run_until([Child("web", python("exit(3)"))], lambda seen: seen.count("ended") >= 2)

    assert "web ended with 3; starts again in 1 s" in output
    assert "web ended with 3; starts again in 2 s" in output


def test_a_last_line_without_an_end_is_not_lost():
    output = run_until([Child("web", python("print('cut', end='')"))], lambda seen: "cut" in seen)

    assert "web | cut\n" in output


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace():
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(60)"
    )
    began = time.monotonic()

    output = run_until([Child("web", python(stubborn))], lambda seen: "ready" in seen, grace=0.5)

    assert output.endswith("stopped\n")
    assert time.monotonic() - began < 20
