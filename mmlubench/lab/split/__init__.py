"""Split: a data set divided into train, validation and test, all languages of an item on one side."""
