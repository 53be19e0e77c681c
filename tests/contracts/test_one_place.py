"""Adding a thing takes one place: one of each is added to a copy of the package, in one file.

The files of a tab of the page are counted in tests/lab/static/tabs.test.js.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import imagelet

PACKAGE = Path(imagelet.__file__).parent

# For each kind of thing: the text that is added to a file, and a check that finds the thing.
ADDED: dict[str, tuple[dict[str, str], str]] = {
    "dataset": (
        {
            "data/official/toy.py": "\n".join(
                (
                    "from functools import partial",
                    "import numpy as np",
                    "from imagelet.data.imageset import Dataset, DatasetCard, ImageSet",
                    "from imagelet.data.known import KnownDataset, datasets",
                    "from imagelet.preprocessing.framing import Framing",
                    "CARD = DatasetCard(name='toy', title='Toy', description='Two grey images.',",
                    "    classes=('a', 'b'), framing=Framing('fit', 8, 8, 1), flips=True, ",
                    "    source='here', licence='none', citation='none')",
                    "def read(part):",
                    "    return ImageSet(np.zeros((2, 8, 8, 1), np.uint8), np.arange(2), CARD.classes)",
                    "def load():",
                    "    parts = {part: partial(read, part) for part in ('train', 'test')}",
                    "    return Dataset(CARD, 'here', parts)",
                    "datasets.add('toy', KnownDataset(CARD, {'train': 2, 'test': 2}, load=load))",
                )
            )
        },
        "len(imagelet.load_dataset('toy').train) == 2",
    ),
    "form of data": (
        {
            "data/forms/toy.py": "\n".join(
                (
                    "import numpy as np",
                    "from imagelet.data.forms.form import Arrays, Contents, Form, forms",
                    "from imagelet.messages import Message",
                    "def read(path):",
                    "    images = np.arange(12 * 64, dtype=np.uint8).reshape(12, 8, 8)",
                    "    return Contents({'train': Arrays(lambda: images, lambda: np.arange(12) % 2, 'it')})",
                    "forms.add('toy', Form('toy', Message('toy'), Message('toy'),",
                    "    lambda path: path.suffix == '.toy', read))",
                )
            )
        },
        "open('a.toy', 'w').close() or imagelet.load_dataset('./a.toy').classes == ('0', '1')",
    ),
    "form of pictures": (
        {
            "data/forms/toy_pictures.py": "\n".join(
                (
                    "from imagelet.data.forms.form import PictureForm, forms",
                    "from imagelet.messages import Message",
                    "from imagelet.preprocessing.picture_files import DiskFolder",
                    "forms.add('pictures', PictureForm('pictures', Message('toy'), Message('toy'),",
                    "    lambda path: path.suffix == '.pictures',",
                    "    lambda path: DiskFolder(path.parent / 'toys')))",
                )
            )
        },
        "[p.parent.mkdir(parents=True, exist_ok=True) or Image.new('L', (8, 8), n).save(p) for n, p in "
        "enumerate(Path('toys', c, f'{n}.png') for c in 'ab' for n in '12')] and "
        "open('a.pictures', 'w').close() or imagelet.load_dataset('./a.pictures').classes == ('a', 'b')",
    ),
    "network": (
        {"networks/zoo.py": "\n\n_named('toy', 'flatten dense(classes) softmax', 'a toy')\n"},
        "imagelet.build('toy').name == 'toy'",
    ),
    "layer kind": (
        {
            "networks/layers/toy.py": "\n".join(
                (
                    "from dataclasses import dataclass",
                    "from imagelet.networks.layer_kind import Layer, register",
                    "@register",
                    "@dataclass(frozen=True)",
                    "class Toy(Layer):",
                    "    word, family, elementwise = 'toy', 'activation', True",
                    "    def forward(self, module, values):",
                    "        return values.abs()",
                )
            )
        },
        "imagelet.build('conv(2, 3x3) residual(toy) flatten toy dense(classes)').text.count('toy') == 2",
    ),
    "optimizer": (
        {"training/optimizers.py": "\n\n_add(Optimizer('toy', 'w ← w − η·g', 'nobody', 0.1, (), _sgd))\n"},
        "imagelet.Recipe(optimizer='toy').optimizer == 'toy'",
    ),
    "recipe": (
        {"training/recipes.py": "\n\n_add('toy', 'a toy', 'epochs=1')\n"},
        "__import__('imagelet.training.recipes', fromlist=['recipes']).recipes.get('toy').epochs == 1",
    ),
    "command": (
        {
            "cli/doctor.py": "\n\n@commands.command('toy', epilog='imagelet toy')\n"
            "def toy() -> None:\n    '''Print a word.'''\n    printing.say('toy')\n"
        },
        "__import__('imagelet.cli', fromlist=['main']).main(['toy']) == 0",
    ),
}


@pytest.mark.slow
def test_each_thing_is_added_in_one_file(tmp_path: Path) -> None:
    copy = tmp_path / "imagelet"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("pretrained", "__pycache__", "pages"))
    for files, _ in ADDED.values():
        assert len(files) == 1
        for name, text in files.items():
            with (copy / name).open("a") as file:
                file.write(text)
    program = "from pathlib import Path\nfrom PIL import Image\nimport imagelet\n" + "".join(
        f"assert {check}, {kind!r}\n" for kind, (_, check) in ADDED.items()
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "toy" in done.stdout
