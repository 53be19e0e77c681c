"""Quick, Draw!: drawings made in twenty seconds, of any of 345 things, in NumPy's files of one class each.

``quickdraw:cat,dog`` names the things, ``quickdraw:cat,dog:20000`` also how many drawings of each;
``quickdraw`` alone is ten of them. Of a file with over a hundred thousand drawings, that many are taken,
evenly spaced; every seventh of those is for testing.

The files are not downloaded: one project alone publishes their SHA-256, so no two sources agree. The
addresses are those of the dataset's README. (https://github.com/googlecreativelab/quickdraw-dataset)
"""

import re
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from imagelet.data.download import RemoteFile, damaged, is_file
from imagelet.data.forms import npy
from imagelet.data.imageset import DatasetCard, ImageSet
from imagelet.data.known import KnownDataset, datasets
from imagelet.data.layouts import Layout
from imagelet.errors import DataError, UnknownNameError
from imagelet.messages import Message
from imagelet.preprocessing.framing import Framing
from imagelet.registry import unknown

FAMILY = "quickdraw"
SIDE = 28  # pixels
DRAWINGS = 7_000  # of each class, where nobody says how many
MOST_DRAWINGS = 350_000
TEST_EVERY = 7
LARGEST_FILE = 1 << 29  # bytes
MIRROR = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/"
PREFIXES = ("", "full_numpy_bitmap_")  # of a file's name; browsers make the second of the address

THINGS = (
    "aircraft carrier,airplane,alarm clock,ambulance,angel,animal migration,ant,anvil,apple,arm,"
    "asparagus,axe,backpack,banana,bandage,barn,baseball,baseball bat,basket,basketball,bat,bathtub,"
    "beach,bear,beard,bed,bee,belt,bench,bicycle,binoculars,bird,birthday cake,blackberry,blueberry,"
    "book,boomerang,bottlecap,bowtie,bracelet,brain,bread,bridge,broccoli,broom,bucket,bulldozer,bus,"
    "bush,butterfly,cactus,cake,calculator,calendar,camel,camera,camouflage,campfire,candle,cannon,"
    "canoe,car,carrot,castle,cat,ceiling fan,cell phone,cello,chair,chandelier,church,circle,clarinet,"
    "clock,cloud,coffee cup,compass,computer,cookie,cooler,couch,cow,crab,crayon,crocodile,crown,"
    "cruise ship,cup,diamond,dishwasher,diving board,dog,dolphin,donut,door,dragon,dresser,drill,drums,"
    "duck,dumbbell,ear,elbow,elephant,envelope,eraser,eye,eyeglasses,face,fan,feather,fence,finger,"
    "fire hydrant,fireplace,firetruck,fish,flamingo,flashlight,flip flops,floor lamp,flower,"
    "flying saucer,foot,fork,frog,frying pan,garden,garden hose,giraffe,goatee,golf club,grapes,grass,"
    "guitar,hamburger,hammer,hand,harp,hat,headphones,hedgehog,helicopter,helmet,hexagon,hockey puck,"
    "hockey stick,horse,hospital,hot air balloon,hot dog,hot tub,hourglass,house,house plant,hurricane,"
    "ice cream,jacket,jail,kangaroo,key,keyboard,knee,knife,ladder,lantern,laptop,leaf,leg,light bulb,"
    "lighter,lighthouse,lightning,line,lion,lipstick,lobster,lollipop,mailbox,map,marker,matches,"
    "megaphone,mermaid,microphone,microwave,monkey,moon,mosquito,motorbike,mountain,mouse,moustache,"
    "mouth,mug,mushroom,nail,necklace,nose,ocean,octagon,octopus,onion,oven,owl,paint can,paintbrush,"
    "palm tree,panda,pants,paper clip,parachute,parrot,passport,peanut,pear,peas,pencil,penguin,piano,"
    "pickup truck,picture frame,pig,pillow,pineapple,pizza,pliers,police car,pond,pool,popsicle,"
    "postcard,potato,power outlet,purse,rabbit,raccoon,radio,rain,rainbow,rake,remote control,"
    "rhinoceros,rifle,river,roller coaster,rollerskates,sailboat,sandwich,saw,saxophone,school bus,"
    "scissors,scorpion,screwdriver,sea turtle,see saw,shark,sheep,shoe,shorts,shovel,sink,skateboard,"
    "skull,skyscraper,sleeping bag,smiley face,snail,snake,snorkel,snowflake,snowman,soccer ball,sock,"
    "speedboat,spider,spoon,spreadsheet,square,squiggle,squirrel,stairs,star,steak,stereo,stethoscope,"
    "stitches,stop sign,stove,strawberry,streetlight,string bean,submarine,suitcase,sun,swan,sweater,"
    "swing set,sword,syringe,t-shirt,table,teapot,teddy-bear,telephone,television,tennis racquet,tent,"
    "The Eiffel Tower,The Great Wall of China,The Mona Lisa,tiger,toaster,toe,toilet,tooth,toothbrush,"
    "toothpaste,tornado,tractor,traffic light,train,tree,triangle,trombone,truck,trumpet,umbrella,"
    "underwear,van,vase,violin,washing machine,watermelon,waterslide,whale,wheel,windmill,wine bottle,"
    "wine glass,wristwatch,yoga,zebra,zigzag"
)
CLASSES = tuple(THINGS.split(","))
HOW = Message(
    "{family}:cat,dog names the things, {family}:cat,dog:{count} also how many drawings of each",
    family=FAMILY,
    count=20_000,
)
TEN = ("airplane", "apple", "bicycle", "cat", "clock", "fish", "flower", "house", "star", "tree")


def typed(name: str) -> str:
    """Return how a class is typed: ``hot-dog``."""
    return re.sub(r"[\s_]+", "-", name.strip().lower())


BY_TYPED = {typed(name): name for name in CLASSES}


def member(which: str) -> KnownDataset:
    """Return the dataset that ``quickdraw:`` and ``which`` name: ``cat,dog`` or ``cat,dog:20000``.

    Raises:
        UnknownNameError: a thing that was not drawn, one that stands twice, one alone, or a wrong number.
    """
    listed, colon, number = which.partition(":")
    drawings = int(number) if re.fullmatch("[0-9]{1,6}", number) else 0
    if colon and not TEST_EVERY <= drawings <= MOST_DRAWINGS:
        raise UnknownNameError("'{number}' is no number of drawings", hint=HOW, number=number)
    names = [typed(name) for name in listed.split(",")]
    for name in names:
        if name not in BY_TYPED:
            hint = Message("{count} things were drawn; two or more make a dataset", count=len(CLASSES))
            raise unknown(Message("thing in Quick, Draw!"), name, BY_TYPED, hint)
    if len(set(names)) < max(2, len(names)):
        raise UnknownNameError(
            "two or more different things are needed, not '{things}'", hint=HOW, things=listed
        )
    name = f"{FAMILY}:{','.join(names)}{f':{drawings}' if colon else ''}"
    return known_dataset(name, tuple(BY_TYPED[name] for name in names), drawings if colon else DRAWINGS)


def known_dataset(name: str, classes: tuple[str, ...], drawings: int) -> KnownDataset:
    """Return the dataset of some classes, with so many ``drawings`` of each."""
    card = DatasetCard(
        name=name,
        title="Quick, Draw!",
        description="Drawings made in twenty seconds, 28×28 grey: light strokes on black, of any of 345 "
        "things. quickdraw:cat,dog names the things, quickdraw:cat,dog:20000 takes 20,000 of each instead "
        "of 7,000.",
        classes=classes,
        framing=Framing("handwriting", SIDE, SIDE, 1),
        flips=True,
        source="https://github.com/googlecreativelab/quickdraw-dataset",
        licence="CC BY 4.0",
        citation="D. Ha, D. Eck. A Neural Representation of Sketch Drawings. arXiv:1704.03477, 2017.",
    )
    test = drawings // TEST_EVERY
    images = {"train": (drawings - test) * len(classes), "test": test * len(classes)}
    layouts = tuple(
        Layout(
            tuple(
                RemoteFile(
                    dataset=name,
                    path=f"quickdraw/{prefix}{thing}.npy",
                    size=LARGEST_FILE,
                    sha256=None,
                    mirrors=(f"{MIRROR}{quote(thing)}.npy",),
                    exact=False,
                )
                for thing in classes
            ),
            partial(read_part, card, prefix, drawings),
        )
        for prefix in PREFIXES
    )
    return KnownDataset(card, images, layouts)


def read_part(card: DatasetCard, prefix: str, drawings: int, folder: Path, part: str) -> ImageSet:
    """Read "train" or "test" of a dataset from the folder that holds a file for each class.

    Raises:
        DataError: a file is missing, damaged, or holds fewer drawings.
    """
    images = [
        _of_class(card, folder / f"{prefix}{thing}.npy", drawings, is_test=part == "test")
        for thing in card.classes
    ]
    labels = np.repeat(np.arange(len(images), dtype=np.int64), len(images[0]))
    return ImageSet(np.concatenate(images), labels, card.classes)


def _of_class(card: DatasetCard, file: Path, drawings: int, *, is_test: bool) -> NDArray[np.uint8]:
    """Return the drawings of one class and part (n, 28, 28, 1)."""
    if not is_file(file):
        raise damaged(file, card.name, Message("is missing"))
    try:
        rows = npy.load(file)
    except DataError as error:
        raise damaged(file, card.name, Message("is no whole NumPy file")) from error
    if rows.dtype != np.uint8 or rows.shape[1:] != (SIDE * SIDE,):
        raise damaged(file, card.name, Message("holds {dtype} {shape}", dtype=rows.dtype, shape=rows.shape))
    if len(rows) < drawings:
        wrong = Message("holds {count:,} drawings, not {needed:,}", count=len(rows), needed=drawings)
        raise damaged(file, card.name, wrong)
    places = np.arange(drawings) * len(rows) // drawings  # evenly spaced
    for_test = np.arange(drawings) % TEST_EVERY == TEST_EVERY - 1
    return np.asarray(rows[places[for_test == is_test]]).reshape(-1, SIDE, SIDE, 1)


datasets.add(FAMILY, known_dataset(FAMILY, TEN, DRAWINGS))
datasets.add_family(FAMILY, member)
