"""Fine-tuning on one side of a split: the letter is learned, as a run asks for it afterwards.

`finetune.py` is the order of work; `config.py` what a user says; `stages.py` what the steps hand one another.
"""
