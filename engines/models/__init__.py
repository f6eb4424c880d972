"""One file per pretrained model."""
