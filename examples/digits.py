"""Train on the built-in digits, test, predict.

You see the accuracy on the validation images, which chose the epoch; that on the test images, which nobody
had looked at; and what the classifier says of five of them. The folder `runs` holds curves, classifier, model
card.
"""

import imagelet
from imagelet.plots import percent

EPOCHS = 20


def main() -> None:
    """Train, test, predict."""
    finished = imagelet.train("digits", epochs=EPOCHS)
    validation = finished.metrics["validation"]
    print(f"validation accuracy {percent(validation['accuracy'])} of {validation['images']} images")

    test = imagelet.evaluate(str(finished.run.folder))
    low, high = map(percent, test.metrics.interval)
    print(
        f"test accuracy {percent(test.metrics.accuracy)} (95 % interval {low} to {high}), "
        f"test evaluation {test.test_evaluations}"
    )

    images = imagelet.load_dataset("digits").test.take(range(5))
    for answer, label in zip(finished.classifier.predict(images.images), images.labels, strict=True):
        sure = "sure" if answer.sure else "unsure"
        predicted = f"{answer.predicted}, {percent(answer.probability)}, {sure}"
        print(f"label {images.classes[label]}: predicted {predicted}")


if __name__ == "__main__":
    main()
