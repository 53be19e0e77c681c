"""Parquet files with a column of pictures, in one shard or several; pyarrow reads them."""

from imagelet.data.forms.form import PictureForm, forms
from imagelet.data.pictures.parquet import is_parquet, open_parquet
from imagelet.messages import Message

forms.add(
    "parquet",
    PictureForm(
        "parquet",
        Message("Parquet (.parquet)"),
        Message("columns image and label, as those of Hugging Face; one shard, or a folder of several"),
        is_parquet,
        open_parquet,
    ),
)
