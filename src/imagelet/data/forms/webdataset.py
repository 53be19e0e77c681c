"""WebDataset's tar archives: pictures with their labels beside them, in one shard or several."""

from imagelet.data.forms.form import PictureForm, forms
from imagelet.data.pictures.webdataset import is_webdataset, open_webdataset
from imagelet.messages import Message

forms.add(
    "webdataset",
    PictureForm(
        "webdataset",
        Message("WebDataset (.tar)"),
        Message("key.jpg or key.png beside key.cls, key.txt or key.json; one shard, or a folder of several"),
        is_webdataset,
        open_webdataset,
    ),
)
