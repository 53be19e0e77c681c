"""Make ``docs/own-pictures.md`` of ``benchmarks/results``: no figure in it is typed by hand.

python -m benchmarks.own_page           write it, and the picture in it
python -m benchmarks.own_page --check   fail if the page is not what the result says
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks import result_files
from benchmarks.result_files import Result
from benchmarks.writing import machine, table
from imagelet import atomic_files, plots
from imagelet.preprocessing.handwriting import STEPS, Target, trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = Path(__file__).parents[1] / "docs" / "own-pictures.md"
PICTURE = Path("images") / "framing.png"  # from the page
MNIST = Target(28, 28, 20 / 28)
SIDE = 280  # pixels of a panel
KINDS = {
    "drawing": "drawn on a screen",
    "native28": "that are 28×28 already",
    "photo": "photographed",
    "scan": "scanned",
}

TEXT = """\
# Your own pictures

A network that has seen only MNIST expects light strokes on black, in a box of 20 pixels, their mass in
the middle of 28×28. A photo of a digit is none of that. `imagelet predict mnist photo.jpg` makes it so,
shows with `--seen seen.png` what the network was given, and says so when it is unsure.

```sh
imagelet predict mnist photos/ --seen seen.png        # files, folders, or - for standard input
imagelet evaluate mnist --data photos.csv --out out/  # path,label[,source]: your second test set
imagelet evaluate mnist --shift --out out/            # turned, moved, thin, blurred: what it can bear
imagelet classifiers mnist                            # what it is, and what it is not for
```

![A photo of a digit on ruled paper, step by step, until it looks like one of MNIST's]({picture})

What becomes of the picture inside the network, and what the answer hangs on: [see inside](inside.md).

## The steps

What each is for, and what it is worth: the accuracy on the {hand:,} digits by hand below when only this
step is left out. All steps together reach {framed}.

{steps}

## How good it is

{pictures:,} pictures of digits by {people} people, {kinds}: never trained on. The steps were chosen by
looking at these pictures, so their figures are a little too good for other people's. *Squeezed* is what
most tutorials do: grey, inverted, scaled to 28×28. Intervals are at 95 % and count people, not
pictures: pictures by one hand are alike.

{by_kind}

On MNIST's own {mnist_images:,} test images the classifier is right for {mnist}, and for {mnist_framed}
when they are framed like a stranger's picture. Its probabilities are off by {calibration} on average.

## When it says "unsure"

The threshold was fitted on validation images, and training saw nothing but MNIST: what is no digit was
made of digits, torn up, laid over each other and turned. Of right answers above, {right_but_unsure} are
called unsure; of the {wrong} wrong ones, {wrong_but_sure} are not.

{foreign}

## How long it takes

A new process each time, with start-up: {one:.1f} s for one picture, {many_seconds:.1f} s for {many}
({machine}; medians).
"""


def page(result: Result | None = None) -> str:
    """Return the page of the result; of the one in ``benchmarks/results`` where none is given.

    Raises:
        ValueError: nothing was measured.
    """
    result = result or result_files.read("own-pictures")
    if result is None:
        raise ValueError("python -m benchmarks.run own-pictures was not carried out yet")
    found = result["measured"]
    by_kind = {each["kind"]: each for each in found["kinds"]}
    hand = by_kind["all but printed"]
    steps = [
        (
            f"`{each['step']}`",
            each["reason"],
            f"{_percent(each['accuracy_without'])}",
            f"{100 * (hand['framed']['accuracy'] - each['accuracy_without']):+.1f}",
        )
        for each in found["steps"]
    ]
    return TEXT.format(
        picture=PICTURE.as_posix(),
        hand=hand["pictures"],
        framed=_percent(hand["framed"]["accuracy"]),
        steps=table(("step", "without it", "accuracy", "points worth"), steps, words=2),
        pictures=found["pictures"],
        people=found["people"],
        kinds=", ".join(
            f"{each['pictures']} {KINDS.get(each['kind'], each['kind'])}"
            for each in found["kinds"]
            if not each["kind"].startswith("all")
        ),
        by_kind=table(
            ("kind", "pictures", "people", "squeezed", "framed"),
            [
                (
                    each["kind"],
                    str(each["pictures"]),
                    str(each["people"]),
                    *(_with_interval(each[way]) for way in ("squeezed", "framed")),
                )
                for each in found["kinds"]
            ],
        ),
        mnist_images=found["mnist"]["images"],
        mnist=_percent(found["mnist"]["accuracy"]),
        mnist_framed=_percent(found["mnist"]["framed_accuracy"]),
        calibration=f"{100 * found['mnist']['calibration_error']:.2f} points",
        right_but_unsure=_percent(found["right_but_unsure"]),
        wrong=found["wrong"],
        wrong_but_sure=found["wrong_but_sure"],
        foreign=table(
            ("pictures of", "number", "called unsure"),
            [(each["kind"], str(each["pictures"]), _percent(each["unsure"])) for each in found["foreign"]],
        ),
        one=found["seconds_of_one"]["median"],
        many_seconds=found["seconds_of_many"]["median"],
        many=found["many"],
        machine=machine(result),
    )


def steps_figure() -> "Figure":
    """Draw a page of a notebook, and what each step leaves of it."""
    photo = notebook_page()
    panels = [photo]
    for _, ink in trace(photo, MNIST):
        shade = Image.fromarray(np.rint(ink * 255).astype(np.uint8))
        scale = SIDE / max(shade.size)
        size = max(1, round(shade.width * scale)), max(1, round(shade.height * scale))
        square = Image.new("L", (SIDE, SIDE))
        square.paste(
            shade.resize(size, Image.Resampling.NEAREST), ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2)
        )
        panels.append(np.repeat(np.asarray(square)[:, :, None], 3, axis=2))
    return plots.grid(np.stack(panels), ["photo", *(step.name for step in STEPS)], columns=6)


def notebook_page() -> NDArray[np.uint8]:
    """Return a made photo, uint8 (SIDE, SIDE, 3): a red 5 on ruled paper in uneven light, with a crumb."""
    side, scale = SIDE, 4
    page = Image.new("RGB", (side * scale, side * scale), (250, 247, 236))
    pen = ImageDraw.Draw(page)
    for line in (0.2, 0.87):
        pen.line([(0, line * side * scale), (side * scale, line * side * scale)], (150, 175, 215), 2 * scale)
    bar = [(0.42, 0.36), (0.66, 0.34)]
    bow = [(0.42, 0.36), (0.40, 0.52), (0.50, 0.48), (0.61, 0.53), (0.64, 0.63), (0.59, 0.74), (0.48, 0.78)]
    for stroke in (bar, [*bow, (0.38, 0.73)]):
        points = [(x * side * scale, y * side * scale) for x, y in stroke]
        pen.line(points, (190, 45, 60), 8 * scale, joint="curve")
    pen.ellipse(
        [0.10 * side * scale, 0.66 * side * scale, 0.118 * side * scale, 0.678 * side * scale], (70, 60, 50)
    )
    small = page.resize((side, side), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.8))
    down, across = np.mgrid[:side, :side] / side
    light = 0.55 + 0.45 * np.exp(-2 * ((across - 0.2) ** 2 + (down - 0.25) ** 2))
    grain = np.random.default_rng(0).normal(0, 2.5, (side, side, 3))
    photo: NDArray[np.uint8] = np.clip(np.asarray(small) * light[:, :, None] + grain, 0, 255).astype(np.uint8)
    return photo


def main(words: list[str]) -> int:
    """Write page and picture, or check the page."""
    if words == ["--check"]:
        if PAGE.read_text("utf-8") != page():
            print(f"{PAGE.name} is not what the result says: python -m benchmarks.own_page", file=sys.stderr)
            return 1
        return 0
    plots.save(steps_figure(), PAGE.parent / PICTURE)
    atomic_files.write_text(PAGE, page())
    return 0


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _with_interval(way: dict[str, Any]) -> str:
    low, high = way["interval"]
    return f"{_percent(way['accuracy'])} ({100 * low:.1f} to {_percent(high)})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
