"""Write a network of your own as network text, and compare two recipes honestly.

You see the network's layers, the accuracy of each recipe on the validation images, and whether the difference
is more than chance. The test images stay unread: they are for the one that you choose.
"""

import imagelet
from imagelet.analysis.comparison import compare
from imagelet.plots import percent

NETWORK = "conv(16, 3x3, same) batchnorm relu pool(2) conv(32, 3x3, same) relu flatten dense(classes)"
EPOCHS = 15


def main() -> None:
    """Show the network, train it with each recipe, compare."""
    summary = imagelet.summarize(imagelet.build(NETWORK, input_shape=(8, 8, 1), classes=10))
    for layer in summary.layers:
        print(f"{layer.name:<12} {'x'.join(map(str, layer.shape)):>8} {layer.parameters:>8,}")
    print(f"{'parameters':<21} {summary.total:>8,}")

    recipes = ("keras", "general")
    runs = [imagelet.train("digits", NETWORK, recipe, epochs=EPOCHS).run for recipe in recipes]
    found = compare([str(run.folder) for run in runs])
    for recipe, one in zip(recipes, found.compared, strict=True):
        low, high = map(percent, one.interval)
        print(f"{recipe}: {percent(one.accuracy)} (95 % interval {low} to {high}), {found.images} images")
    pair = found.pairs[0].paired
    low, high = (f"{100 * end:+.1f}" for end in pair.interval)
    better = f"{100 * pair.difference:+.1f} points"
    print(f"general against keras: {better} (95 % interval {low} to {high}), p = {pair.p:.2g}")


if __name__ == "__main__":
    main()
