"""The model's own turn: without special tokens and role headers that a server left in, and without what follows it."""

from __future__ import annotations

from mmlubench.grading.patterns import regex

# Nearly all replies have none of these, and are looked at no further.
_BRACKETS = r"[<\[](?:(?<=<)[|\uff5c/<a-zA-Z0-9]|(?<=\[)[|/A-Ze])"

# GLM puts the letter into a box: <|begin_of_box|>B<|end_of_box|>
_BOX = r"<\|begin_of_box\|>([^<>]{0,200})(?:<\|end_of_box\|>|\Z)"

_BAR = r"[|\uff5c]"  # DeepSeek's are wide
_OTHER_ROLE, _OWN_ROLE = (
    "(?:user|human|system|tool|observation|ipython)",
    "(?:assistant|model|ai|bot|chatbot)",
)
_OPENS_HEADER = (
    r"(?:<\|(?:im_start|start_header_id|start_of_role|start|role_start)\|>|<start_of_turn>)\s{0,2}"
)
_CLOSES_HEADER = r"\b(?:<\|(?:end_header_id|end_of_role|message|im_middle|role_end|im_sep)\|>)?"

_END_NAMES = (
    "eot_id|eom_id|im_end|endoftext|end_of_text|end|return|call|eos|eod|eot|endofturn|end_of_turn_token"
    "|end_of_(?:turn|sentence|utterance)|end\u2581of\u2581sentence"
)
_ENDS = (
    rf"(?i:<{_BAR}(?:{_END_NAMES}|{_OTHER_ROLE}(?:_token)?){_BAR}>|\[\|(?:endofturn|{_OTHER_ROLE})\|\]"
    r"|</s>|</?im_end>|<(?:end|stop|eos|eod|eop|eot|end_of_turn|end_of_utterance|end\u2581of\u2581sentence)>|\[(?:EOS|INST)\]|\[e~\["
    rf"|{_OPENS_HEADER}{_OTHER_ROLE}{_CLOSES_HEADER})"
)
# Llama's header with its tokens dropped: "B.assistant"
_END_IN_WORDS = r"(?<=[A-Z.!?)*])assistant(?=\s{0,3}\n|\Z)"
_OWN_HEADER = (
    rf"(?i:{_OPENS_HEADER}{_OWN_ROLE}{_CLOSES_HEADER}|<{_BAR}(?:assistant|chatbot_token|bot){_BAR}>)"
)
_OTHER_TOKENS = (
    rf"(?i:<{_BAR}[^<>|\uff5c\n]{{1,60}}{_BAR}>|\[\|[a-z_]{{1,20}}\|\]|<(?:unused|extra_id_|reserved_|ctrl|special_)\d{{1,5}}>"
    r"|</?(?:bos|pad|unk|sep|cls|mask|sop|s|start_of_turn|start_of_image|end_of_image|eo[aehm])>|<0x[0-9a-f]{2}>"
    # cut off by the end of the reply: <|im_end
    r"|<\|[a-z_]{1,30}\Z"
    r"|\[(?:BOS|PAD|UNK|CLS|SEP|g?MASK|/INST|/?SYS|END|DONE)\]|<</?SYS>>)"
)
# A header in words at the beginning: "assistant" on a line of its own, "### Assistant:", "AI:"
_ROLE = (
    r"\s*(?:\#{1,4}\s)?[*_<\[]{0,3}"
    r"(?:(?:assistant|model)[*_>\]]{0,3}\s{0,2}\n|(?i:assistant|ai|bot)[*_>\]]{0,3}:[*_]{0,2}(?=\s|\Z))\s*"
)


def own_turn(text: str) -> str:
    """Return what the model itself says in this reply: `B` for `<|assistant|>B<|eot_id|>`.

    A box of GLM becomes LaTeX's. What follows the end of the turn, such as an invented next question, is dropped.
    """
    in_words = "assistant" in text
    in_brackets = ("<" in text or "[" in text) and regex(_BRACKETS).search(text)
    if not (in_words or in_brackets or regex(_ROLE).match(text)):
        return text
    ends = regex(f"{_ENDS}|{_END_IN_WORDS}" if in_words else _ENDS)
    return next(
        (turn for turn in map(_plainly, ends.split(regex(_BOX).sub(r"\\boxed{\1}", text))) if turn), ""
    )


def _plainly(turn: str) -> str:
    """Return a turn without tokens and header; empty if nothing is said in it."""
    said = regex(_OTHER_TOKENS).sub(" ", regex(_OWN_HEADER).sub("\n", turn))
    header = regex(_ROLE).match(said)
    return said[header.end() :] if header else said if said.strip() else ""
