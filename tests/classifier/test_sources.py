"""A picture gives the same probabilities however it is passed; what is none is refused in one sentence."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import imagelet
from imagelet.analysis.evaluate import evaluate
from imagelet.classifier.sources import images_of, name_of
from imagelet.data.imageset import ImageSet
from imagelet.errors import DataError, ImageletError, PictureError
from tests.classifier.test_classifier import CLASSES, drawn, make_classifier, png

SHAPE = (8, 6, 1)


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    (tmp_path / "사진.png").write_bytes(png(drawn(1, (20, 15, 1))[0]))
    return tmp_path / "사진.png"


@pytest.fixture
def colour(tmp_path: Path) -> Path:
    (tmp_path / "colour.png").write_bytes(png(drawn(1, (20, 15, 3))[0]))
    return tmp_path / "colour.png"


def array(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


FORMS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "text": str,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "open file": lambda path: io.BytesIO(path.read_bytes()),
    "image of Pillow": Image.open,
    "image without file": lambda path: Image.fromarray(array(path)),
    "array": array,
    "floats to 1": lambda path: array(path).astype(np.float32) / 255,
    "floats to 255": lambda path: array(path).astype(float),
    "whole numbers": lambda path: array(path).astype(np.int64),
    "channels first": lambda path: np.moveaxis(np.atleast_3d(array(path)), -1, 0),
    "tensor": lambda path: torch.tensor(array(path)),
    "tensor of torchvision": lambda path: (
        torch.tensor(array(path)).reshape(20, 15, -1).permute(2, 0, 1).float() / 255
    ),
}


class TestOnePicture:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("shape", [SHAPE, (8, 6, 3)])
    @pytest.mark.parametrize("picture", ["grey", "colour"])
    def test_gives_the_same_probabilities_in_every_form(
        self, form: str, shape: tuple[int, int, int], picture: str, request: pytest.FixtureRequest
    ) -> None:
        path: Path = request.getfixturevalue(picture)
        classifier, given = make_classifier(shape=shape), FORMS[form](path)
        (expected,) = classifier.predict(path)
        (listed,) = classifier.predict([given])
        assert listed.top == expected.top
        assert np.array_equal(listed.framed_input, expected.framed_input)
        given = FORMS[form](path)
        if picture == "colour" and form in ("channels first", "tensor of torchvision"):
            with pytest.raises(PictureError, match="one picture of 3 channels or 3 grey ones"):
                classifier.predict(given)
        else:
            assert classifier.predict(given) == [listed]

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F", "HSV"])
    def test_of_pillow_is_what_its_file_is(self, mode: str) -> None:
        image = Image.fromarray(drawn(1, (20, 15, 3))[0])
        image = image.convert("L").convert(mode) if mode[0] in "IF" else image.convert(mode)
        classifier = make_classifier()
        expected = image.convert("RGB") if mode == "HSV" else image
        buffer = io.BytesIO()
        expected.save(buffer, "TIFF" if mode[0] in "CFI" else "PNG")
        assert classifier.predict(image)[0].top == classifier.predict(buffer.getvalue())[0].top

    def test_of_pillow_is_turned_upright(self, tmp_path: Path, grey: Path) -> None:
        turned = Image.open(grey)
        exif = turned.getexif()
        exif[274] = 6
        turned.save(tmp_path / "turned.png", exif=exif)
        classifier = make_classifier()
        (expected,) = classifier.predict(tmp_path / "turned.png")
        assert classifier.predict(Image.open(tmp_path / "turned.png")) == [expected]
        assert expected.top != classifier.predict(grey)[0].top

    def test_is_one_for_predict_each_too(self, grey: Path) -> None:
        classifier = make_classifier()
        for given in (grey, str(grey), grey.read_bytes(), array(grey)):
            assert len(list(classifier.predict_each(given))) == 1

    def test_is_named_by_its_file(self, grey: Path) -> None:
        with grey.open("rb") as file, Image.open(grey) as image:
            assert {name_of(source) for source in (grey, str(grey), file, image)} == {str(grey)}
        named = np.zeros(3), torch.zeros(3), b"", io.BytesIO(), Image.new("L", (1, 1))
        assert {name_of(source) for source in named} == {""}

    def test_explains_in_every_form(self) -> None:
        image = imagelet.load_dataset("digits").test.images[0]
        buffer = io.BytesIO(png(image))
        expected = imagelet.explain("mnist", buffer.getvalue(), neighbours=0).prediction
        for given in (image, Image.fromarray(image[..., 0]), torch.tensor(image[..., 0]) / 255, image[None]):
            assert imagelet.explain("mnist", given, neighbours=0).prediction == expected


class TestSeveral:
    def test_may_be_a_list_of_forms(self, grey: Path) -> None:
        classifier = make_classifier()
        (expected,) = classifier.predict(grey)
        for several in (list, tuple, iter):
            predictions = classifier.predict(several([form(grey) for form in FORMS.values()]))
            assert len(predictions) == len(FORMS)
            assert all(np.array_equal(one.framed_input, expected.framed_input) for one in predictions)

    @pytest.mark.parametrize("shape", [SHAPE, (8, 6, 3)])
    def test_may_be_one_array(self, shape: tuple[int, int, int]) -> None:
        images, classifier = drawn(5, shape), make_classifier(shape=shape)
        expected = classifier.predict(list(images))
        first = torch.tensor(images).permute(0, 3, 1, 2)
        given = [images, first, first / 255, images.astype(float), list(first), tuple(images / 255)]
        if shape == SHAPE:
            given += [images[..., 0], images.reshape(5, -1), first[:, 0], images.reshape(5, -1) / 255]
        for sources in given:
            assert classifier.predict(sources) == list(classifier.predict_each(sources)) == expected
            assert np.array_equal(classifier.predict_proba(sources), classifier.predict_proba(images))
            assert np.array_equal(classifier.logits(sources), classifier.logits(images))

    def test_may_be_images_of_pillow_of_the_networks_size(self) -> None:
        images, classifier = drawn(5), make_classifier()
        given = [Image.fromarray(image[..., 0]) for image in images]
        assert np.array_equal(classifier.predict_proba(given), classifier.predict_proba(images))
        assert np.array_equal(classifier.predict_proba(given[0]), classifier.predict_proba(images[:1]))
        assert classifier.predict_proba([]).shape == (0, 3)

    def test_without_framing_are_of_the_networks_size(self) -> None:
        with pytest.raises(ValueError, match=r"shape \(8, 6, 1\); one is \(9, 9, 1\); predict frames"):
            images_of(list(drawn(2, (9, 9, 1))), SHAPE)
        with pytest.raises(ValueError, match="predict frames pictures of any size"):
            make_classifier().predict_proba(drawn(2, (9, 9, 1)))


class TestWhatIsNone:
    @pytest.mark.parametrize(
        "given",
        [None, 3, 0.5, {"a.png": 1}, {"a.png"}, object(), len],
        ids=lambda given: type(given).__name__,
    )
    def test_is_named_by_its_type(self, given: Any) -> None:
        classifier = make_classifier()
        for call in (
            classifier.predict,
            classifier.frame,
            classifier.predict_proba,
            lambda one: classifier.predict([one]),
        ):
            with pytest.raises(PictureError, match=f"this is of the type {type(given).__name__}"):
                call(given)

    @pytest.mark.parametrize("given", [[[0.0] * 6] * 8, [(drawn(1)[0], 4)]], ids=["lists", "pairs"])
    def test_is_no_list_of_numbers_or_pair(self, given: Any) -> None:
        with pytest.raises(PictureError, match=r"this is of the type (list|tuple)"):
            make_classifier().predict(given)

    def test_is_a_file_open_as_text(self, grey: Path) -> None:
        with (
            grey.open(encoding="latin-1") as file,
            pytest.raises(PictureError, match=r"사진\.png' is open as text"),
        ):
            make_classifier().predict(file)

    def test_is_a_file_that_is_closed(self, grey: Path) -> None:
        with grey.open("rb") as file:
            pass
        with pytest.raises(PictureError, match=r"사진\.png' is closed"):
            make_classifier().predict(file)

    def test_is_an_image_of_pillow_that_is_closed_damaged_or_empty(self, grey: Path) -> None:
        closed = Image.open(grey)
        closed.close()
        cut = Image.open(io.BytesIO(grey.read_bytes()[:-60]))
        for image in (closed, cut, Image.new("L", (0, 5))):
            with pytest.raises(PictureError, match=r"cannot be decoded|has no pixels"):
                make_classifier().predict(image)

    def test_leaves_the_others_alone(self, grey: Path) -> None:
        first, error, last = make_classifier().predict_each([grey, np.zeros((2, 2, 2, 2, 2)), grey])
        assert first == last
        assert isinstance(error, PictureError)

    def test_is_an_error_of_ours_wherever_labelled_images_are_taken(self) -> None:
        images = drawn(3)
        with pytest.raises(
            DataError, match=r"ImageSet\(images, labels, classes\); this is of the type ndarray"
        ):
            make_classifier().evaluate(images)
        for wrong in (images, torch.tensor(images), [1], 5):
            with pytest.raises(ImageletError, match=r"this is of the type|images without labels"):
                evaluate("mnist", wrong)
        for images_given, labels in ((torch.tensor(images), np.arange(3)), (images, [0, 1, 2]), (None, None)):
            with pytest.raises(DataError, match="a NumPy array is needed"):
                ImageSet(images_given, labels, CLASSES)
        with pytest.raises(DataError, match="a tuple of texts"):
            ImageSet(images, np.arange(3), "abc")
        assert ImageSet(images, np.arange(3), list(CLASSES)).classes == CLASSES
