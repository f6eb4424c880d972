"""What is trained, as torch modules. Importing these modules imports torch."""
