"""The model's own turn: special tokens and role headers that a server left in a reply are dropped, with what follows it."""

from __future__ import annotations

import re

# Nearly all replies have none of these, and are looked at no further.
_SIGNS = ("<", "[", "assistant", "Human:", "User:")

# GLM puts the letter into a box: <|begin_of_box|>B<|end_of_box|>
_BOX = re.compile(r"<\|begin_of_box\|>([^<>]{0,200})(?:<\|end_of_box\|>|\Z)")

_BARS = r"[|\uff5c]"
_WHO_ELSE = r"(?:user|human|system|tool|observation|ipython)"
_ITSELF = r"(?:assistant|model|ai|bot|chatbot|answer|final)"
_HEADER = r"(?:<\|(?:im_start|start_header_id|start|role_start)\|>|<start_of_turn>)\s{{0,2}}{}\b(?:<\|(?:end_header_id|message|im_middle|role_end|im_sep)\|>)?"
_ENDS = re.compile(
    rf"(?i:<{_BARS}(?:eot_id|eom_id|im_end|endoftext|end_of_text|end|return|call|eos|eod|eot|end_of_(?:turn|sentence|utterance)"
    rf"|end\u2581of\u2581sentence|end_of_turn_token|endofturn|{_WHO_ELSE}(?:_token)?){_BARS}>"
    r"|</s>|<(?:eos|eod|eop|eot|end_of_turn|end_of_utterance|end\u2581of\u2581sentence)>|\[(?:EOS|INST)\]"
    rf"|\[\|(?:endofturn|{_WHO_ELSE})\|\]|\[e~\[|{_HEADER.format(_WHO_ELSE)})"
    # Llama's header with its tokens dropped: "B.assistant"
    r"|(?<=[A-Z.!?)*])assistant(?=\s{0,3}\n|\Z)"
    # a base model goes on with the other's turn
    r"|^(?:\#{1,4}\s)?[*_]{0,2}(?:Human|User)[*_]{0,2}:"
    , re.MULTILINE,
)
_OTHERS = re.compile(
    rf"(?i:<{_BARS}[^<>|\uff5c\n]{{1,60}}{_BARS}>"
    r"|</?(?:bos|pad|unk|sep|cls|mask|sop|s|start_of_turn|start_of_image|end_of_image)>|<(?:unused|extra_id_|reserved_)\d{1,5}>"
    r"|<0x[0-9a-f]{2}>|\[(?:BOS|PAD|UNK|CLS|SEP|g?MASK|/INST)\]|<</?SYS>>|\[\|[a-z_]{1,20}\|\])"
)
_OWN_HEADER = re.compile(rf"(?i:{_HEADER.format(_ITSELF)}|<{_BARS}(?:assistant|chatbot_token|bot){_BARS}>)")
_ROLE = re.compile(
    r"\s*(?:\#{1,4}\s)?[*_<\[]{0,3}(?:(?:assistant|model)[*_>\]]{0,3}\s{0,2}\n|(?i:assistant|ai|bot)[*_>\]]{0,3}:[*_]{0,2}(?=\s|\Z))\s*"
)


def own_turn(text: str) -> str:
    """Return what the model itself says in this reply: `B` for `<|assistant|>B<|eot_id|>` and for `assistant\\n\\nB`.

    A box of GLM becomes LaTeX's. What follows the end of the turn, such as an invented next question, is dropped.
    """
    if not any(sign in text for sign in _SIGNS) and not _ROLE.match(text):
        return text
    text = _BOX.sub(r"\\boxed{\1}", text)
    return next((turn for turn in map(_plainly, _ENDS.split(text)) if turn), "")


def _plainly(turn: str) -> str:
    """Return a turn without tokens and header; empty if nothing is said in it."""
    said = _OTHERS.sub(" ", _OWN_HEADER.sub("\n", turn))
    header = _ROLE.match(said)
    return said[header.end() :] if header else said if said.strip() else ""
