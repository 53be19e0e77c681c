"""The classifier: one way from pixels to answers, whatever the source, the batch and the file between."""

import dataclasses
import io
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.special import softmax
from torch import Tensor

from imagelet.classifier.classifier import BATCH, Classifier, Prediction
from imagelet.classifier.prediction import verdict
from imagelet.data.imageset import ImageSet
from imagelet.errors import ClassifierFileError, PictureError
from imagelet.metrics.calibration import Calibration
from imagelet.metrics.classification import evaluate_probabilities
from imagelet.networks import build, networks
from imagelet.preprocessing.framing import Framing, frame, framings
from imagelet.preprocessing.normalization import Normalization
from imagelet.preprocessing.test_time_augmentation import TEST_TIME_AUGMENTATIONS

SMALL = (
    "conv(4, 3x3, same) batchnorm relu pool(2) dropout(0.5) flatten dense(6) batchnorm relu"
    " dense(classes) softmax"
)
CLASSES = ("ant", "bee", "고양이")


def make_classifier(
    text: str = SMALL,
    shape: tuple[int, int, int] = (8, 6, 1),
    classes: tuple[str, ...] = CLASSES,
    **fields: Any,
) -> Classifier:
    """Return an untrained classifier whose every weight, counter and average is drawn at random."""
    height, width, channels = shape
    network = build(text, shape, len(classes), seed=3)
    generator = torch.Generator().manual_seed(4)
    for name, tensor in network.state_dict().items():
        if "running_var" in name:
            tensor.uniform_(0.5, 2, generator=generator)
        elif tensor.is_floating_point():
            tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.3)
        else:
            tensor.fill_(17)
    given = {
        "framing": Framing("fit", height, width, channels),
        "normalization": Normalization((0.3,) * channels, (0.2,) * channels),
        "calibration": Calibration(1.7, 0.4),
        "training": {"dataset": "none", "seed": 3, "추": [1, 2.5, None]},
    } | fields
    return Classifier(network=network, classes=classes, **given)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return make_classifier()


def drawn(number: int, shape: tuple[int, ...] = (8, 6, 1), seed: int = 0) -> np.ndarray:
    """Return uint8 images (number, *shape) of noise."""
    return np.random.default_rng(seed).integers(0, 256, (number, *shape), dtype=np.uint8)


def png(picture: np.ndarray) -> bytes:
    """Return uint8 (height, width, 1 or 3) as the content of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(file, "PNG")
    return file.getvalue()


class TestProbabilities:
    def test_are_the_calibrated_softmax_of_the_networks_own_logits(self, classifier: Classifier) -> None:
        images = drawn(5)
        inputs = (torch.tensor(images).permute(0, 3, 1, 2) / 255 - 0.3) / 0.2
        with torch.no_grad():
            logits = classifier.network(inputs).numpy()
        assert np.allclose(classifier.logits(images), logits, atol=1e-5)
        assert np.allclose(classifier.predict_proba(images), softmax(logits / 1.7, axis=1), atol=1e-6)
        assert classifier.predict_proba(images).dtype == np.float64

    def test_of_a_batch_are_those_of_its_images_one_by_one(self, classifier: Classifier) -> None:
        images = drawn(2 * BATCH + 3)
        together = classifier.predict_proba(images)
        assert together.shape == (len(images), 3)
        for start in (0, BATCH - 1, BATCH, 2 * BATCH + 2):
            alone = classifier.predict_proba(images[start : start + 1])
            assert np.allclose(together[start : start + 1], alone, atol=1e-6)
        assert np.allclose(together[:7], classifier.predict_proba(images[:7]), atol=1e-6)
        assert np.ptp(together, axis=0).min() > 0.1  # the images are told apart

    def test_of_no_images_are_an_empty_table(self, classifier: Classifier) -> None:
        assert classifier.predict_proba(drawn(0)).shape == (0, 3)

    @pytest.mark.parametrize("name", networks)
    def test_of_no_images_are_an_empty_table_for_every_network(self, name: str) -> None:
        shape = networks.get(name).input_shape
        network = build(name, shape, classes=3)
        every = make_classifier(shape=shape)
        assert dataclasses.replace(every, network=network).logits(drawn(0, shape)).shape == (0, 3)

    def test_do_not_come_from_dropout_or_a_batchs_own_averages(self) -> None:
        network = build(SMALL, (8, 6, 1), 3).train()
        trained = dataclasses.replace(make_classifier(), network=network)
        assert np.array_equal(trained.predict_proba(drawn(4)), trained.predict_proba(drawn(4)))
        assert int(network.state_dict()["batchnorm1.num_batches_tracked"]) == 0

    @pytest.mark.parametrize(
        ("shape", "batches"),
        [
            ((8, 8, 1), [500, 500, 1]),
            ((64, 64, 1), [500, 2]),
            ((96, 96, 1), [227, 227, 46]),
            ((1024, 1024, 1), [2, 2, 1]),
        ],
    )
    def test_are_worked_out_for_fewer_images_at_once_where_they_are_large(
        self, shape: tuple[int, int, int], batches: list[int]
    ) -> None:
        seen = []

        class Counting(torch.nn.Module):
            def forward(self, images: Tensor) -> Tensor:
                seen.append(len(images))
                return images[:, 0, 0, :3]

        counting = make_classifier("flatten dense(classes)", shape)
        counting.network[0], counting.network[1] = Counting(), torch.nn.Identity()
        counting.logits(np.broadcast_to(np.zeros(shape, np.uint8), (sum(batches), *shape)))
        assert seen == batches

    def test_may_be_asked_of_read_only_memory_mapped_and_strided_images(
        self, classifier: Classifier, tmp_path: Path
    ) -> None:
        images = drawn(6)
        np.save(tmp_path / "images.npy", images)
        expected = classifier.predict_proba(images)
        mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
        assert np.array_equal(classifier.predict_proba(mapped), expected)
        flipped = np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1]
        assert np.array_equal(classifier.predict_proba(flipped), expected)

    @pytest.mark.parametrize("number", [0, 2])
    @pytest.mark.parametrize(
        "images",
        [
            drawn(2, (6, 8, 1)),
            drawn(2, (8, 6, 3)),
        ],
    )
    def test_are_not_given_for_another_type_or_shape(
        self, classifier: Classifier, images: np.ndarray, number: int
    ) -> None:
        for asked in (classifier.prepare, classifier.logits, classifier.predict_proba):
            with pytest.raises(ValueError, match=r"images are uint8 \(n, 8, 6, 1\); these are"):
                asked(images[:number])

    def test_that_are_no_numbers_are_refused(self) -> None:
        broken = make_classifier()
        broken.network.state_dict()["dense2.weight"].fill_(3e38)
        with pytest.raises(ClassifierFileError, match="damaged"):
            broken.predict_proba(drawn(3))

    def test_come_from_a_network_without_weights_too(self) -> None:
        without = make_classifier("flatten", (3, 1, 1))
        assert without.device.type == "cpu"
        assert without.predict_proba(drawn(2, (3, 1, 1))).shape == (2, 3)


class TestPreparing:
    @pytest.mark.parametrize("shape", [(8, 6, 1), (8, 6, 3)])
    def test_is_what_the_normalization_does(self, shape: tuple[int, int, int]) -> None:
        classifier = make_classifier(shape=shape)
        images = drawn(3, shape)
        prepared = classifier.prepare(images)
        assert prepared.dtype == torch.float32
        assert prepared.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(prepared, classifier.normalization.apply(torch.tensor(images)))

    def test_is_the_only_way_from_pixels_to_the_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        classifier = make_classifier()
        given = []
        monkeypatch.setattr(Classifier, "prepare", lambda self, images: given.append(images) or torch.zeros(
            len(images), 1, 8, 6
        ))  # fmt: skip
        images = drawn(2)
        everywhere = [
            classifier.logits(images),
            classifier.logits(np.stack([answer.framed_input for answer in classifier.predict(list(images))])),
        ]
        assert all(np.array_equal(logits, everywhere[0]) for logits in everywhere)
        assert len(given) == 3
        assert all(np.array_equal(batch, images) for batch in given)

    @given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.sampled_from([1, 3]))
    @settings(deadline=None, max_examples=40)
    def test_a_prediction_is_the_probabilities_of_its_framed_picture(
        self, height: int, width: int, channels: int, wanted: int
    ) -> None:
        classifier = make_classifier(shape=(8, 6, wanted))
        picture = drawn(1, (height, width, channels))[0]
        (answer,) = classifier.predict(picture, top=3)
        framed = frame(picture, classifier.framing)
        assert np.array_equal(answer.framed_input, framed)
        assert framed.shape == (8, 6, wanted)
        shares = classifier.predict_proba(framed[None])[0]
        assert answer.class_index == shares.argmax()
        assert answer.probability == shares.max()
        assert dict(answer.top) == dict(zip(CLASSES, shares, strict=True))


class TestPredicting:
    def test_takes_a_path_bytes_a_file_pixels_and_lists_of_them(
        self, classifier: Classifier, tmp_path: Path
    ) -> None:
        picture = drawn(1, (20, 15, 1))[0]
        path = tmp_path / "사진 1.png"
        path.write_bytes(png(picture))
        (expected,) = classifier.predict(picture)
        with path.open("rb") as file:
            sources = {
                str(path): [path, str(path), file],
                "": [path.read_bytes(), io.BytesIO(path.read_bytes()), picture, picture[:, :, 0]],
            }
            for name, each in sources.items():
                for source in each:
                    (alone,) = classifier.predict(source)
                    (listed,) = classifier.predict([source])
                    assert alone == listed == dataclasses.replace(expected, file=name)
                    assert np.array_equal(alone.framed_input, expected.framed_input)

    def test_takes_sequences_iterators_and_one_array_of_many_pictures(self, classifier: Classifier) -> None:
        pictures = drawn(4, (9, 9, 3))
        expected = classifier.predict(list(pictures))
        assert len(expected) == 4
        assert classifier.predict(tuple(pictures)) == expected
        assert classifier.predict(iter(pictures)) == expected
        assert classifier.predict(pictures) == expected
        assert classifier.predict([]) == []

    def test_keeps_the_order_over_batches_and_bad_files(self, tmp_path: Path) -> None:
        classifier = make_classifier("flatten dense(classes)")
        images = drawn(BATCH + 9)
        bad = {0, 5, BATCH - 1, BATCH, BATCH + 8}
        sources = [b"no picture" if place in bad else image for place, image in enumerate(images)]
        answers = list(classifier.predict_each(sources))
        shares = classifier.predict_proba(images)
        assert len(answers) == len(images)
        for place, answer in enumerate(answers):
            if place in bad:
                assert isinstance(answer, PictureError)
            else:
                assert isinstance(answer, Prediction)
                assert np.array_equal(answer.framed_input, images[place])
                assert answer.probability == pytest.approx(shares[place].max(), abs=1e-6)

    def test_names_the_bad_file_among_others_or_raises_its_error(
        self, classifier: Classifier, tmp_path: Path
    ) -> None:
        good, bad = tmp_path / "good.png", tmp_path / "bad.png"
        good.write_bytes(png(drawn(1)[0]))
        bad.write_bytes(good.read_bytes()[:40])
        sources = [good, bad, tmp_path / "missing.png", tmp_path, good]
        first, *errors, last = classifier.predict_each(sources)
        assert first == last
        assert [type(error) for error in errors] == [PictureError] * 3
        for error, source in zip(errors, sources[1:], strict=False):
            assert str(source) in str(error)
        with pytest.raises(PictureError, match=r"bad\.png"):
            classifier.predict(sources)

    def test_only_bad_files_give_only_errors(self, classifier: Classifier) -> None:
        assert [type(answer) for answer in classifier.predict_each([b"", b"no"])] == [PictureError] * 2

    def test_opens_no_more_pictures_than_a_batch_ahead(self, classifier: Classifier) -> None:
        taken = []

        def many() -> Any:
            for image in itertools.repeat(drawn(1)[0], 3 * BATCH):
                taken.append(1)
                yield image

        answers = classifier.predict_each(many())
        next(answers)
        assert len(taken) == BATCH

    @pytest.mark.parametrize(
        "picture",
        [
            drawn(1)[0] - 1e3,
            drawn(1, (8, 6, 2))[0],
            drawn(1, (8,))[0],
            np.zeros((0, 6, 1), np.uint8),
            np.zeros((0, 0), np.uint8),
            np.zeros((2, 2, 8, 6, 1), np.uint8),
        ],
    )
    def test_refuses_pixels_that_are_no_picture(self, classifier: Classifier, picture: np.ndarray) -> None:
        (answer,) = classifier.predict_each([picture])
        assert isinstance(answer, PictureError)
        assert "a picture is (height, width), (height, width, channels)" in str(answer)
        with pytest.raises(PictureError):
            classifier.predict(picture)

    @pytest.mark.parametrize("top", [1, 2, 3, 9])
    def test_names_the_most_probable_classes_best_first(self, classifier: Classifier, top: int) -> None:
        images = drawn(30)
        shares = classifier.predict_proba(images)
        for answer, row in zip(classifier.predict(images, top=top), shares, strict=True):
            assert len(answer.top) == len(answer.top_classes) == min(top, 3)
            assert answer.top[0] == (answer.predicted, answer.probability)
            assert answer.top_classes[0] == answer.class_index
            assert [share for _, share in answer.top] == pytest.approx(sorted(row, reverse=True)[:top])
            assert [label for label, _ in answer.top] == [CLASSES[index] for index in answer.top_classes]

    def test_names_the_first_of_equally_probable_classes(self) -> None:
        even = make_classifier("flatten dense(classes)")
        for tensor in even.network.state_dict().values():
            tensor.zero_()
        (answer,) = even.predict(drawn(1)[0])
        assert answer.top_classes == (0, 1, 2)
        assert answer.probability == pytest.approx(1 / 3)

    @pytest.mark.parametrize("top", [0, -1])
    def test_names_at_least_one_class(self, classifier: Classifier, top: int) -> None:
        with pytest.raises(ValueError, match="at least 1 class"):
            classifier.predict(drawn(1)[0], top=top)

    def test_is_sure_from_the_threshold_on(self) -> None:
        picture = drawn(1)[0]
        (answer,) = make_classifier().predict(picture)
        for threshold, sure in ((0.0, True), (answer.probability, True), (answer.probability + 1e-9, False)):
            classifier = make_classifier().calibrated(Calibration(1.7, threshold))
            assert classifier.predict(picture)[0].sure is sure

    @pytest.mark.parametrize("kind", framings)
    @pytest.mark.parametrize("colour", [(0,), (200,), (255, 255, 255), (10, 20, 30)])
    def test_is_never_sure_of_a_blank_picture(self, kind: str, colour: tuple[int, ...]) -> None:
        classifier = make_classifier(framing=Framing(kind, 8, 6, 1)).calibrated(Calibration(0.25, 0.0))
        picture = np.full((30, 40, len(colour)), colour, np.uint8)
        blank, noise = classifier.predict([picture, drawn(1, (30, 40, 1))[0]])
        assert not blank.sure
        assert len(blank.warnings) >= 1
        assert noise.sure or kind in ("handwriting", "object")

    def test_is_never_sure_where_framing_leaves_nothing_to_see(self) -> None:
        classifier = make_classifier(framing=Framing("crop", 8, 6, 1)).calibrated(Calibration(0.25, 0.0))
        beside = np.zeros((60, 200, 1), np.uint8)
        beside[:, :20] = drawn(1, (60, 20, 1))[0]
        (answer,) = classifier.predict(beside)
        assert not answer.sure
        assert answer.warnings

    def test_passes_on_what_is_odd_about_handwriting(self) -> None:
        picture = np.full((40, 40, 1), 200, np.uint8)
        picture[0:30, 18:22] = 30
        own = make_classifier(framing=Framing("handwriting", 8, 6, 1, box=20 / 28))
        unsure, sure = (own.calibrated(Calibration(1, share)).predict(picture)[0] for share in (1, 0))
        assert not unsure.sure
        assert unsure.warnings == ("the ink touches the edge: leave room around it",)
        assert sure.sure  # what is sure needs no better picture
        assert sure.warnings == ()

    @pytest.mark.parametrize("kind", framings)
    @given(st.integers(0, 1000))
    @settings(deadline=None, max_examples=15)
    def test_is_never_sure_beside_a_warning(self, kind: str, seed: int) -> None:
        generator = np.random.default_rng(seed)
        own = make_classifier(framing=Framing(kind, 8, 6, 1, box=20 / 28))
        lowest = tuple(generator.normal(0, 1, 3).tolist())
        own = own.calibrated(Calibration(1, float(generator.random()), lowest))
        picture = np.full((40, 30, 1), 240, np.uint8)
        for _ in range(generator.integers(0, 4)):
            top, left, height, width = generator.integers(1, 25, 4)
            picture[top : top + height, left : left + width] = generator.integers(0, 256)
        (answer,) = own.predict(picture)
        assert not (answer.sure and answer.warnings)

    def test_says_so_where_it_is_unlike_the_training_images(self, classifier: Classifier) -> None:
        picture = drawn(1)[0]
        highest = float(classifier.logits(picture[None]).max())
        for lowest, said in ((highest + 1e-3, ("it is unlike the training images",)), (highest - 1e-3, ())):
            known = classifier.calibrated(Calibration(1, 0, (lowest,) * 3))
            (answer,) = known.predict(picture)
            assert (answer.sure, answer.warnings) == (not said, said)
            assert verdict(known.calibration, known.frame(picture), known.logits(picture[None])[0])[1] == said
        with pytest.raises(ValueError, match="2 lowest logits for a network of 3 classes"):
            classifier.calibrated(Calibration(1, 0, (0.0, 0.0)))
        assert make_classifier().predict(picture)[0].warnings == ()

    @pytest.mark.parametrize("kind", framings)
    def test_shows_what_the_network_saw_even_if_the_pixels_change_later(self, kind: str) -> None:
        picture = drawn(1)[0]
        picture[[0, -1]] = picture[:, [0, -1]] = 0
        (answer,) = make_classifier(framing=Framing(kind, 8, 6, 1)).predict(picture)
        seen = answer.framed_input.copy()
        picture[:] = 0
        assert np.array_equal(answer.framed_input, seen)

    def test_a_files_name_that_is_a_number_is_no_name(self, classifier: Classifier, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(png(drawn(1)[0]))
        with (tmp_path / "a.png").open("rb") as opened, io.FileIO(opened.fileno(), closefd=False) as file:
            assert classifier.predict(file)[0].file == ""

    def test_is_of_a_part_of_the_picture_that_the_look_knows(self, classifier: Classifier) -> None:
        framed = classifier.frame(drawn(1, (16, 18, 1))[0])  # framed by fit: 8×6 from 16×18
        assert framed.placement is not None
        carried = framed.placement.onto(np.ones(framed.image.shape[:2]), 16, 18)
        assert carried.shape == (16, 18)
        assert np.allclose(carried, 1)
        assert framed.placement.pixel_width == 3

    def test_is_plain_json_without_the_pixels(self, classifier: Classifier) -> None:
        (answer,) = classifier.predict(png(drawn(1)[0]), top=2)
        content = answer.to_json()
        assert json.loads(json.dumps(content, allow_nan=False)) == content
        assert set(content) == {"file", "class", "predicted", "probability", "top", "sure", "warnings"}
        assert content["class"] == content["top"][0]["class"] == CLASSES.index(content["predicted"])
        assert content["top"][1]["name"] == CLASSES[content["top"][1]["class"]]
        assert content["top"][0]["probability"] == content["probability"]
        assert len(content["top"]) == 2
        assert "seen" not in repr(answer)


class TestColours:
    def test_a_grey_picture_into_a_colour_network_is_grey_in_all_three_channels(self) -> None:
        classifier = make_classifier(shape=(8, 6, 3))
        (answer,) = classifier.predict(drawn(1, (8, 6, 1))[0])
        assert np.array_equal(answer.framed_input, np.repeat(drawn(1, (8, 6, 1))[0], 3, axis=2))

    def test_a_colour_picture_into_a_grey_network_becomes_its_brightness(self) -> None:
        picture = np.zeros((8, 6, 3), np.uint8)
        picture[:4] = (255, 0, 0)
        picture[4:] = (0, 255, 0)
        (answer,) = make_classifier().predict(picture)
        assert answer.framed_input.shape == (8, 6, 1)
        assert (answer.framed_input[0, 0, 0], answer.framed_input[-1, 0, 0]) == (76, 150)  # ITU-R 601


def seen_by(images: np.ndarray, kind: str) -> list[tuple[float, np.ndarray]]:
    """Return the views of uint8 images (n, h, w, c) with their weights, by padding and slicing in NumPy."""
    height, width = images.shape[1:3]
    wider = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="edge")
    found = [(1.0, images)]
    if "shifted" in kind:
        found = [(0.5, images), (0.25, wider[:, :height, :width]), (0.25, wider[:, 2:, 2:])]
    if "mirrored" in kind:
        found = [(weight / 2, view[:, :, ::step]) for weight, view in found for step in (1, -1)]
    return found


class TestViews:
    @pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
    @pytest.mark.parametrize("shape", [(8, 6, 1), (8, 6, 3)])
    def test_give_the_weighted_mean_of_their_logits(self, kind: str, shape: tuple[int, int, int]) -> None:
        images = drawn(9, shape)
        one, several = make_classifier(shape=shape), make_classifier(shape=shape, test_time_augmentation=kind)
        expected = sum(weight * one.logits(view) for weight, view in seen_by(images, kind))
        assert several.logits(images) == pytest.approx(expected, abs=1e-5)
        assert several.logits(images).dtype == np.float32
        assert np.allclose(several.logits(images), one.logits(images), atol=1e-3) == (kind == "none")

    def test_that_are_one_give_the_networks_own_logits_to_the_last_bit(self, classifier: Classifier) -> None:
        with torch.no_grad():
            expected = classifier.network(classifier.prepare(drawn(9))).numpy()
        assert classifier.test_time_augmentation == "none"
        assert np.array_equal(classifier.logits(drawn(9)), expected)

    def test_that_are_mirrored_give_an_image_and_its_mirror_image_the_same_answer(self) -> None:
        images, both = drawn(20), make_classifier(test_time_augmentation="mirrored")
        assert both.logits(images) == pytest.approx(both.logits(images[:, :, ::-1]), abs=1e-6)
        one = make_classifier()
        assert not np.allclose(one.logits(images), one.logits(images[:, :, ::-1]), atol=1e-2)

    @pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
    def test_of_a_batch_are_those_of_its_images_one_by_one(self, kind: str) -> None:
        several, images = make_classifier(test_time_augmentation=kind), drawn(BATCH + 2)
        together = several.predict_proba(images)
        for place in (0, BATCH - 1, BATCH, BATCH + 1):
            assert several.predict_proba(images[place : place + 1]) == pytest.approx(
                together[place : place + 1], abs=1e-6
            )
        assert several.predict_proba(drawn(0)).shape == (0, 3)

    def test_show_in_predictions(self) -> None:
        picture = drawn(1)[0]
        several = make_classifier(test_time_augmentation="mirrored-shifted")
        (answer,) = several.predict(picture)
        assert answer.probability == pytest.approx(several.predict_proba(picture[None]).max(), abs=1e-6)
        assert np.array_equal(answer.framed_input, picture)

    @pytest.mark.parametrize("kind", ["", "upside-down", "Mirrored", None, 1])
    def test_that_nobody_knows_are_refused(self, kind: Any) -> None:
        with pytest.raises(ValueError, match=r"test_time_augmentation = .* none, mirrored, shifted"):
            make_classifier(test_time_augmentation=kind)


class TestEvaluating:
    @pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
    def test_with_several_views_tells_what_one_view_is_worth(self, kind: str) -> None:
        several, one = make_classifier(test_time_augmentation=kind), make_classifier()
        images = ImageSet(drawn(90), one.logits(drawn(90)).argmax(axis=1), CLASSES)
        metrics = several.evaluate(images)
        expected = several.logits(images.images).argmax(axis=1) == images.labels
        assert metrics.accuracy == expected.mean()
        assert metrics.one_view == (None if kind == "none" else 1.0)
        assert (metrics.accuracy < 1) == (kind != "none")
        assert several.test_time_augmentation == kind

    @pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
    def test_judges_the_probabilities_that_it_is_given(self, kind: str) -> None:
        several = make_classifier(test_time_augmentation=kind)
        images = ImageSet(drawn(30), np.arange(30) % 3, CLASSES)
        probabilities = np.eye(3)[(np.arange(30) + (np.arange(30) < 12)) % 3]
        metrics = several.compute_metrics(images, probabilities)
        assert metrics.accuracy == 18 / 30
        own = make_classifier().logits(images.images).argmax(axis=1) == images.labels
        assert metrics.one_view == (None if kind == "none" else own.mean())

    def test_agrees_with_the_metrics_of_its_probabilities(self, classifier: Classifier) -> None:
        images = ImageSet(drawn(90), np.arange(90) % 3, CLASSES)
        expected = evaluate_probabilities(classifier.predict_proba(images.images), images.labels)
        assert classifier.evaluate(images) == expected
        assert expected.images == 90

    def test_refuses_other_classes_shapes_and_no_images(self, classifier: Classifier) -> None:
        labels = np.arange(3)
        with pytest.raises(ValueError, match="classes"):
            classifier.evaluate(ImageSet(drawn(3), labels, ("bee", "ant", "고양이")))
        with pytest.raises(ValueError, match="images are uint8"):
            classifier.evaluate(ImageSet(drawn(3, (6, 8, 1)), labels, CLASSES))
        with pytest.raises(ValueError, match="no images"):
            classifier.evaluate(ImageSet(drawn(0), labels[:0], CLASSES))


class TestParts:
    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"classes": ("ant", "bee")}, "2 class names for a network of 3 classes"),
            ({"framing": Framing("fit", 6, 8, 1)}, "framing to"),
            ({"framing": Framing("fit", 8, 6, 3)}, "framing to"),
            ({"normalization": Normalization((0.0,) * 3, (1.0,) * 3)}, "3 means for 1 channels"),
        ],
    )
    def test_that_do_not_fit_together_are_refused(self, fields: dict[str, Any], complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            dataclasses.replace(make_classifier(), **fields)

    def test_are_told(self, classifier: Classifier) -> None:
        assert classifier.input_shape == (8, 6, 1)
        assert classifier.network_text == SMALL
        assert classifier.device == torch.device("cpu")
        assert "3 classes" in repr(classifier)
        assert len(repr(classifier)) < 250

    def test_another_calibration_changes_the_probabilities_and_nothing_else(
        self, classifier: Classifier
    ) -> None:
        bold = classifier.calibrated(Calibration(0.5, 0.9))
        assert np.array_equal(bold.logits(drawn(3)), classifier.logits(drawn(3)))
        assert bold.predict_proba(drawn(3)).max() > classifier.predict_proba(drawn(3)).max()
        assert classifier.calibration == Calibration(1.7, 0.4)

    def test_move_to_a_device_together(self) -> None:
        moved = make_classifier().to("cpu")
        assert moved.device.type == "cpu"
        nowhere = make_classifier().to("meta")
        assert nowhere.device.type == "meta"
        assert nowhere.prepare(drawn(1)).device.type == "meta"


class TestSaving:
    @pytest.mark.parametrize("shape", [(8, 6, 1), (8, 6, 3)])
    def test_and_loading_gives_the_same_classifier_to_the_last_bit(
        self, tmp_path: Path, shape: tuple[int, int, int]
    ) -> None:
        classifier = make_classifier(shape=shape, framing=Framing("crop", *shape, box=20 / 28))
        classifier.save(tmp_path / "a.safetensors")
        loaded = Classifier.load(str(tmp_path / "a.safetensors"))
        images = drawn(40, shape)
        assert np.array_equal(loaded.logits(images), classifier.logits(images))
        assert np.array_equal(loaded.predict_proba(images), classifier.predict_proba(images))
        assert loaded.predict(images) == classifier.predict(images)
        for name in (
            "classes",
            "framing",
            "normalization",
            "calibration",
            "training",
            "network_text",
            "test_time_augmentation",
        ):
            assert getattr(loaded, name) == getattr(classifier, name)
        weights = classifier.network.state_dict()
        assert weights.keys() == loaded.network.state_dict().keys()
        for name, tensor in loaded.network.state_dict().items():
            assert torch.equal(tensor, weights[name])
        assert not loaded.network.training

    def test_twice_gives_equal_bytes_and_so_does_saving_the_loaded_one(self, tmp_path: Path) -> None:
        first, second, third = (tmp_path / name for name in ("a", "b", "c"))
        make_classifier(shape=(8, 6, 3)).save(first)
        scattered = make_classifier(shape=(8, 6, 3))
        scattered.network.to(memory_format=torch.channels_last)
        assert not scattered.network.state_dict()["conv1.weight"].is_contiguous()
        reordered = dict(reversed(scattered.training.items()))
        dataclasses.replace(scattered, training=reordered).save(second)
        Classifier.load(first).save(third)
        assert first.read_bytes() == second.read_bytes() == third.read_bytes()

    @pytest.mark.parametrize("kind", TEST_TIME_AUGMENTATIONS)
    def test_and_loading_keeps_the_test_time_augmentation(self, tmp_path: Path, kind: str) -> None:
        several = make_classifier(test_time_augmentation=kind)
        several.save(tmp_path / "a")
        loaded = Classifier.load(tmp_path / "a")
        assert loaded.test_time_augmentation == kind
        assert np.array_equal(loaded.logits(drawn(5)), several.logits(drawn(5)))

    def test_another_weight_gives_other_bytes(self, tmp_path: Path) -> None:
        make_classifier().save(tmp_path / "a")
        other = make_classifier()
        other.network.state_dict()["conv1.weight"][0, 0, 0, 0] += 1e-3
        other.save(tmp_path / "b")
        assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()

    def test_leaves_the_old_file_where_it_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "a.safetensors"
        make_classifier().save(path)
        before = path.read_bytes()
        with pytest.raises(ValueError, match="JSON"):
            make_classifier(training={"loss": float("nan")}).save(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize("name", networks)
    def test_and_loading_keeps_every_named_network(self, name: str, tmp_path: Path) -> None:
        shape = networks.get(name).input_shape
        classifier = dataclasses.replace(make_classifier(shape=shape), network=build(name, shape, 3, seed=5))
        classifier.save(tmp_path / "a")
        loaded = Classifier.load(tmp_path / "a")
        assert np.array_equal(loaded.logits(drawn(2, shape)), classifier.logits(drawn(2, shape)))


@pytest.mark.gpu
def test_on_a_gpu_the_probabilities_are_nearly_the_same_and_the_file_is_the_same(tmp_path: Path) -> None:
    make_classifier().save(tmp_path / "a")
    images = drawn(BATCH + 1)
    expected = make_classifier().predict_proba(images)
    moved = make_classifier().to("cuda")
    assert moved.device.type == "cuda"
    assert np.allclose(moved.predict_proba(images), expected, atol=1e-3)
    moved.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
