"""The settings of a training by the names that other libraries give them, and where imagelet has them."""

from collections.abc import Iterable

from imagelet.errors import UnknownNameError
from imagelet.messages import Message
from imagelet.registry import unknown

SHORT = {"lr": "learning_rate"}
"""Short names that are understood."""

OTHER_NAMES = {
    "batch": "batch_size",
    "bs": "batch_size",
    "class_weight": "class_weights",
    "clip_grad": "max_gradient_norm",
    "clip_norm": "max_gradient_norm",
    "clipnorm": "max_gradient_norm",
    "decay": "weight_decay",
    "early_stop": "early_stopping",
    "ema": "ema_decay",
    "eps": "epsilon",
    "erasing": "cutout",
    "frozen": "freeze",
    "gradient_clipping": "max_gradient_norm",
    "height_shift": "shift",
    "horizontal_flip": "flip",
    "init": "initial_weights",
    "kernel_initializer": "initial_weights",
    "l2": "weight_decay",
    "layers_to_freeze": "freeze",
    "lr_schedule": "schedule",
    "lr_scheduler": "schedule",
    "lrate": "learning_rate",
    "max_epochs": "epochs",
    "max_lr": "learning_rate",
    "mirror": "flip",
    "n_epochs": "epochs",
    "normalize": "normalization",
    "num_epochs": "epochs",
    "opt": "optimizer",
    "patience": "early_stopping",
    "preprocessing": "normalization",
    "random_erasing": "cutout",
    "rotate": "rotation",
    "sample_weight": "class_weights",
    "sampler": "sampling",
    "scheduler": "schedule",
    "smoothing": "label_smoothing",
    "solver": "optimizer",
    "step_size": "learning_rate",
    "translate": "shift",
    "translation": "shift",
    "trainable": "freeze",
    "tta": "test_time_augmentation",
    "warmup_epochs": "warmup",
    "warmup_steps": "warmup",
    "wd": "weight_decay",
    "width_shift": "shift",
    "zoom": "scaling",
}
"""What other libraries call a field."""

ELSEWHERE = {
    name: meaning
    for names, meaning in {
        ("callback", "callbacks", "on_epoch_end"): Message(
            "there are no callbacks: iterate over imagelet.run_experiment(...), which yields every step and "
            "epoch as an event"
        ),
        ("backbone", "base_model", "fine_tune", "finetune", "pretrained", "transfer", "weights"): Message(
            "to start from a trained network: --from RUN_OR_NAME, in Python start_from="
        ),
        ("dropout",): Message("dropout is a layer of the network: dropout(0.3)"),
        ("activation", "hidden", "layers"): Message(
            "layers are the network's text: imagelet networks NAME shows one"
        ),
        ("metrics",): Message("every metric is computed: imagelet evaluate RUN shows them"),
        ("random_state", "manual_seed"): Message("randomness is the experiment's: --seed N, in Python seed="),
        ("shuffle",): Message("the images are shuffled anew in every epoch"),
        ("validation_split", "val_split", "validation_data", "valid"): Message(
            "the validation images are chosen by --validation FRACTION, in Python validation="
        ),
        ("num_workers", "workers"): Message("there are no worker processes: batches are made on the device"),
        ("amp", "fp16", "mixed_precision"): Message(
            "mixed precision is --precision bf16, in Python precision='bf16'"
        ),
        ("verbose", "progress"): Message("the training shows its epochs by itself"),
    }.items()
    for name in names
}
"""What other libraries have as a setting of the training, and imagelet has elsewhere."""


def unknown_setting(name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a field that a recipe does not have; it names the nearest by meaning."""
    plain = name.strip().lower().replace("-", "_")
    kind, hint = Message("recipe field"), Message("imagelet recipes default lists them")
    if plain in ELSEWHERE:
        return UnknownNameError("there is no {kind} '{name}'", ELSEWHERE[plain], kind=kind, name=name)
    if plain in OTHER_NAMES:
        return unknown(kind, name, [OTHER_NAMES[plain]], hint, meant=OTHER_NAMES[plain])
    return unknown(kind, name, known, hint)
