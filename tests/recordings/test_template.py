"""Templates that tell a changed release of a library from just another run of it."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope.logs import BY_KEY
from stepscope.recordings import diff_templates, line_template

RECORDINGS = Path(__file__).parents[2] / "recordings"
ALL = sorted(RECORDINGS.glob("*/*/*.txt"))
# Values of a user's own, in full single precision: `rewritten` knows only how the library rounds its own.
REWRITABLE = [path for path in ALL if path.stem != "custom_keys"]


def text(name: str) -> str:
    """Return the recording of this library and variant, of the release that is installed."""
    library, variant = name.split()
    path = RECORDINGS / library / metadata.version(BY_KEY[library].distribution) / f"{variant}.txt"
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ALL, ids=lambda path: "-".join([*path.parts[-3:-1], path.stem]))
def test_a_recording_does_not_differ_from_itself(path: Path) -> None:
    """The same text has the same shape."""
    recorded = path.read_text(encoding="utf-8")

    assert () == diff_templates(recorded, recorded)


@pytest.mark.parametrize(
    ("name", "was", "becomes", "what"),
    [
        ("rsl_rl default", "Mean reward:", "Mean total reward:", "the line differs"),
        ("rsl_rl default", r"(Collection time: \S+)s", r"\1ms", "the line differs"),
        ("rsl_rl default", r"(Mean reward: \d+\.\d)\d", r"\1", "written as .2f is now written as .1f"),
        (
            "rsl_rl default",
            r"Time elapsed: 0:",
            "Time elapsed: ",
            "written as h:mm:ss is now written as mm:ss",
        ),
        ("rsl_rl default", r" +Mean episode length.*\n", "", "a line is missing"),
        ("rsl_rl default", r"( +ETA: .*\n)", r"\1      Power drawn: 300 W\n", "a new line"),
        ("rsl_rl default", r"\x1b\[1m", "", "the line differs"),
        ("rl_games default", "fps step: ", "FPS step: ", "the line differs"),
        ("rl_games default", r"(fps total: \d+)", r"\1.5", "written as d is now written as .1f"),
        (
            "rl_games default",
            r"epoch: (\d+)/12 frames: (\d+)",
            r"frames: \2 epoch: \1/12",
            "the line differs",
        ),
        ("rl_games default", r"rewards:  \[(\S+)\]", r"rewards:  \1", "the line differs"),
        ("rl_games default", r"(rewards:  \[\d+\.\d\d)\d*", r"\1", "written as full is now written as .2f"),
        ("skrl default", "it/s", "steps/s", "the line differs"),
        ("skrl default", r"(\d+\.\d)\dit/s", r"\1it/s", "written as .2f is now written as .1f"),
        ("sb3 default", "ep_len_mean", "ep_length_mean", "the line differs"),
        (
            "sb3 default",
            r"(approx_kl +\| 0\.0*[1-9]\d)\d+",
            r"\1",
            "written as full is now written as rounded",
        ),
        (
            "sb3 default",
            r"(value_loss +\| \d+)\.?\d*",
            r"\1.123456",
            "written as rounded is now written as full",
        ),
        ("sb3 default", r"(fps +\| )\d+", r"\g<1>2.6e+04", "written as whole is now written as rounded"),
        ("sb3 default", r"\| train/ .*\n", "", "a line is missing"),
        ("rsl_rl diverged", r"RuntimeError: .*", "ValueError: NaN", "the line differs"),
        ("sb3 sac", r"\| +ent_coef_loss .*\n", "", "a line is missing"),
    ],
)
def test_a_change_is_found(name: str, was: str, becomes: str, what: str) -> None:
    """Another label, order, unit or number format, and a missing or new line, is told with its line number."""
    recorded = text(name)
    printed = re.sub(was, becomes, recorded)

    differences = diff_templates(recorded, printed)
    assert recorded != printed
    assert any(what in str(one) for one in differences), differences
    assert all(1 <= one.line_number <= len(re.split(r"\r\n|\n|\r", recorded)) for one in differences)


def test_the_number_of_the_line_is_that_of_the_recording() -> None:
    """What is reported can be looked up in the recording."""
    recorded = text("rsl_rl default")
    [difference] = diff_templates(recorded, recorded.replace("Mean reward:", "Mean return:"))

    assert "Mean reward:" in recorded.splitlines()[difference.line_number - 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rl_games default", "rl_games default"),
        ("rsl_rl default", "rsl_rl checkpoints"),
        ("skrl default", "skrl checkpoints"),
    ],
)
def test_two_real_runs_have_one_shape(one: str, other: str) -> None:
    """Runs of one library that print the same lines do not differ, whatever their numbers and times."""
    assert () == diff_templates(text(one), text(other))


@pytest.mark.parametrize("path", REWRITABLE, ids=lambda path: "-".join([*path.parts[-3:-1], path.stem]))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_other_numbers_are_the_same_shape(path: Path, data: st.DataObject) -> None:
    """Other numbers in the same format, with other signs and in columns of another width, are no difference."""
    recorded = path.read_text(encoding="utf-8")
    factor = data.draw(st.floats(0.2, 5.0), label="factor")
    flip = data.draw(st.booleans(), label="flip signs")

    assert () == diff_templates(recorded, rewritten(recorded, factor=factor, flip=flip))


def rewritten(recorded: str, *, factor: float, flip: bool) -> str:
    """Return a recording with all its measured numbers multiplied, each in the format of its library."""

    def decimals(match: re.Match[str]) -> str:
        sign = "-" if flip and match[1] not in "[_" else ""
        digits = len(match[2].partition(".")[2])
        value = float(match[2]) * factor
        # RL-Games writes its rewards with all their digits; nothing else has five decimals or more.
        return f"{match[1]}{sign}{value:.{digits}f}" if digits < 5 else f"{match[1]}{value:.6f}"

    def row(match: re.Match[str]) -> str:
        value = float(match[2])
        if re.fullmatch(r"\d+", match[2]):
            new = match[2] if value < 1000 else str(max(1000, int(value * factor)))
        else:
            in_full = len(match[2].partition("e")[0].strip("-0.").replace(".", "")) > 3
            value *= -factor if flip else factor
            new = f"{value:.8g}1" if in_full and "e" not in f"{value:.8g}" else f"{value:.3g}"
        return f"{match[1]}{new:<14} |"

    if "| time/" in recorded:
        return re.sub(r"^(\|    \S+ +\| )(-?[\d.e+-]+) +\|$", row, recorded, flags=re.MULTILINE)
    return re.sub(r"([ \[_])(\d+\.\d+)", decimals, recorded)


@pytest.mark.parametrize(
    ("recorded", "printed"),
    [
        ("rew: [21.5]\nrew: [20.895832]\nrew: [3.25]", "rew: [21.]\nrew: [20.5]\nrew: [19.123457]"),
        ("| ep_len_mean | 19.9 |\n" * 3, "| ep_len_mean | 25   |\n" * 3),
        ("| loss | 0.12 |\n" * 3, "| loss | -1.2e-05 |\n" * 3),
        ("| loss | 0.12 |\n" * 3, "| loss | nan |\n" * 3),
        ("| fps | 81744 |\n" * 3, "| fps | 999 |\n" * 3),
        ("loss: 0.1200\n" * 3, "loss: -0.0001\n" * 3),
        ("Could not find git repository in /a/b. Skipping.\nx", "Storing git diff for 'b' in: /a/b\nx"),
        (
            "Traceback (most recent call last):\n  File x\n    y\nE: no",
            "Traceback (most recent call last):\n  File z\nE: no",
        ),
        (
            "\x1b[35m  17%\x1b[0m \x1b[38;5;197m━━\x1b[0m\x1b[38;5;237m╺━━━\x1b[0m \x1b[32m4,160/24,576 [ 0:00:00 < -:--:-- , ? it/s ]",
            "\x1b[35m  79%\x1b[0m \x1b[38;5;197m━━━━╸\x1b[0m\x1b[38;5;237m━\x1b[0m \x1b[32m9,520/24,576 [ 0:00:01 < 0:00:01 , 26,182 it/s ]",
        ),
        ("<Shaper object at 0x7f1c2a903b10>", "<Shaper object at 0x7ff8f6936450>"),
        ("saved /home/me/runs/model_1.pt", "saved /tmp/x/runs/model_12.pt"),
        (
            "  8%|▊         | 32/384 [00:00<00:01, 258.60it/s]",
            "100%|##########| 384/384 [00:59<00:00, 6.44it/s]",
        ),
        (  # as tqdm draws it on a busy machine: slower than a step each second, and shorter than the drawing before
            " 78%|███████▊  | 301/384 [00:00<00:00, 996.57it/s]\x1b[38;20m[skrl:INFO] Closing\x1b[0m",
            " 78%|███████▊  | 301/384 [05:00<01:23,  1.02s/it] \x1b[38;20m[skrl:INFO] Closing\x1b[0m",
        ),
    ],
)
def test_what_depends_on_the_run_or_machine_is_no_difference(recorded: str, printed: str) -> None:
    """A rounded value without decimals, a minus sign, a NaN, another place or another bar is no new release."""
    assert () == diff_templates(recorded, printed)


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ("ETA: …s", "ETA: 3.5s"),
        ("ETA: h:mm:ss", "   ETA: 0:00:09"),
        ("ETA: … day, h:mm:ss", "ETA: 1 day, 2:03:04"),
        ("…%|…| …/… [mm:ss<mm:ss, …it/s]", " 40%|████      | 64/160 [00:00<00:00, 570.95it/s]"),
        ("saving next best rewards: […]", "saving next best rewards:  [38.79969]"),
        ("saving next best rewards: […]", "saving next best rewards:  [21.]"),
        (
            "=> saving checkpoint '…/last_a_ep_…_rew_….pth'",
            "=> saving checkpoint 'r/n/last_a_ep_8_rew_-5.1.pth'",
        ),
        (
            "=> saving checkpoint '…/last_a_ep_…_rew_….pth'",
            "=> saving checkpoint 'r/n/last_a_ep_8_rew_-inf.pth'",
        ),
        (
            "Saving model checkpoint to …/rl_model_…_steps.zip",
            "Saving model checkpoint to a/b/rl_model_8_steps.zip",
        ),
        (
            "…% ━ …/… [ h:mm:ss < h:mm:ss , … it/s ]",
            " 100% ━━━━╸ 8,192/8,192  [ 0:00:00 < 0:00:00 , 7,874 it/s ]",
        ),
        ("Episode_Reward/alive: …", "Episode_Reward/alive: 0.57"),
        ("Mean value loss: …", "                Mean value loss: nan"),
        ("rollout/", "| rollout/                |              |"),
        ("approx_kl", "|    approx_kl            | 9.726849e-05 |"),
        ("", "################################"),
    ],
)
def test_what_changes_from_iteration_to_iteration_is_left_out(expected: str, line: str) -> None:
    """A line has one shape whatever its numbers are, and a duration keeps how it is written."""
    assert expected == line_template(line)
