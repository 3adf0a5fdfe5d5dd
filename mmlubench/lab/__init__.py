"""The lab: what a data set holds, a split of it, fine-tuning on one side, and what that changed on the other.

Nothing here is imported by a run. `mmlubench lab explore` needs only what a run needs (with `--tokenizer`, the extra
`lab`); `mmlubench lab finetune` needs the extra `finetune`.
"""
