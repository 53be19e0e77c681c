"""Train on a folder of your own pictures, one subfolder a class.

The program draws the folder `shapes` itself, turned shapes of many sizes and colours; put your own in its
place. You see the classes, what is set aside for the test, and the accuracy on that with its interval.
"""

from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

import imagelet
from imagelet.plots import percent

SIDES = {"triangle": 3, "square": 4, "hexagon": 6}
PICTURES = 100  # of each class
EPOCHS = 10


def main(folder: Path) -> None:
    """Draw pictures into the folder, train on them, evaluate."""
    random = Random(0)
    for name, sides in SIDES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(PICTURES):
            picture = Image.new("RGB", (24, 24), random.choice(["#f4efe4", "#dfe7ea", "#e8dfea"]))
            circle = (random.randint(9, 15), random.randint(9, 15), random.randint(5, 9))  # x, y, radius
            colour, turn = random.choice(["#a62434", "#2463a6", "#24703a"]), random.randint(0, 359)
            ImageDraw.Draw(picture).regular_polygon(circle, sides, turn, fill=colour)
            picture.save(folder / name / f"{number}.png")
    dataset = imagelet.load_dataset(str(folder))
    print(f"{', '.join(dataset.classes)}: {dataset.card.description}")
    run = imagelet.train(str(folder), epochs=EPOCHS).run
    test = imagelet.evaluate(str(run.folder)).metrics
    low, high = map(percent, test.interval)
    print(f"test accuracy {percent(test.accuracy)} (95 % interval {low} to {high}), {test.images} images")


if __name__ == "__main__":
    main(Path("shapes"))
